"""Networks as scikit-learn's estimators, which it needs: `from microgradnd import sklearn`."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from microgradnd import nn, optim
from microgradnd.engine import Tensor
from microgradnd.grad_mode import no_grad
from microgradnd.nn.functional import cross_entropy, mse_loss, softmax


def _perceptron(inputs: int, outputs: int, rng: Any) -> nn.Module:
    hidden = nn.Linear(inputs, 32, rng=rng), nn.Tanh()
    return nn.Sequential(*hidden, nn.Linear(32, outputs, rng=rng))


class _Network(BaseEstimator):
    """What both have in common.

    Args:
        module: makes the network: `module(inputs, outputs, rng)`; by default one hidden layer.
        epochs, batch_size: how often all samples are gone through, and how many in a step.
        lr, random_state: Adam's rate; what draws first values and the order of samples.
    """

    def __init__(
        self, module: Callable[[int, int, Any], nn.Module] | None = None, epochs: int = 100,
        batch_size: int = 32, lr: float = 0.01, random_state: Any = None,
    ) -> None:  # fmt: skip
        self.module, self.epochs, self.batch_size = module, epochs, batch_size
        self.lr, self.random_state = lr, random_state

    def _fitted(self, x: np.ndarray, y: np.ndarray, outputs: int, loss: Callable) -> Self:
        random = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        self.module_ = (self.module or _perceptron)(x.shape[1], outputs, random).astype(x.dtype)
        adam = optim.Adam(self.module_.parameters(), lr=self.lr)
        for _ in range(self.epochs):
            order = random.permutation(len(x))
            for rows in np.split(order, range(self.batch_size, len(x), self.batch_size)):
                adam.zero_grad()
                loss(self.module_(Tensor(x[rows])), y[rows]).backward()
                adam.step()
        self.module_.eval()
        return self

    @no_grad()
    def _outputs(self, x: Any) -> Tensor:
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=np.float64)
        return self.module_(Tensor(x))


class Classifier(ClassifierMixin, _Network):
    """A network that gives a logit for each class, fitted by its cross-entropy.

    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> model = Classifier(epochs=200, random_state=0).fit(x, ["even", "odd", "odd", "even"])
    >>> model.predict(x).tolist()
    ['even', 'odd', 'odd', 'even']
    """

    def fit(self, x: Any, y: Any) -> Self:
        """Fits samples (N, D) to their classes (N,)."""
        x, y = validate_data(self, x, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        return self._fitted(x, numbers, len(self.classes_), cross_entropy)

    def predict_proba(self, x: Any) -> np.ndarray:
        """The probability of each class (N, C)."""
        return softmax(self._outputs(x), -1).numpy()

    def predict(self, x: Any) -> np.ndarray:
        """The most probable class (N,)."""
        probable = self.predict_proba(x)
        return self.classes_[probable.argmax(axis=-1)]


class Regressor(RegressorMixin, _Network):
    """A network that gives a number, fitted by its squared error.

    >>> x = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> bool(Regressor(random_state=0).fit(x, x[:, 0] ** 2).score(x, x[:, 0] ** 2) > 0.9)
    True
    """

    def fit(self, x: Any, y: Any) -> Self:
        """Fits samples (N, D) to numbers (N,)."""
        x, y = validate_data(self, x, y, dtype=np.float64, y_numeric=True)
        return self._fitted(x, y.astype(np.float64)[:, None], 1, mse_loss)

    def predict(self, x: Any) -> np.ndarray:
        """The numbers (N,)."""
        return self._outputs(x).numpy()[:, 0]
