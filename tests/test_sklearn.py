"""scikit-learn takes networks for estimators of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from microgradnd import nn

pytest.importorskip("sklearn", reason="scikit-learn is no requirement")

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from microgradnd.sklearn import Classifier, Regressor


@parametrize_with_checks([Classifier(random_state=0), Regressor(random_state=0)])
def test_its_own_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)


def wide(inputs: int, outputs: int, rng: Any) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, 8, rng=rng), nn.ReLU(), nn.Linear(8, outputs, rng=rng)
    )  # fmt: skip


def test_a_search_over_a_network_of_ones_own() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((60, 2))
    y = np.where(x[:, 0] * x[:, 1] > 0, "same", "other")
    model = make_pipeline(StandardScaler(), Classifier(wide, random_state=0))
    found = GridSearchCV(model, {"classifier__epochs": [0, 60]}, cv=2).fit(x, y)
    assert found.best_params_ == {"classifier__epochs": 60}
    assert found.score(x, y) > 0.9
    np.testing.assert_allclose(found.predict_proba(x).sum(axis=1), 1)
