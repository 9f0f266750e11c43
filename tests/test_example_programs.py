"""The NumPy program of every example computes what the engine computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from examples.bp_network import small_graph
from examples.gallery.pictures import GALLERY
from examples.lenet import lenet
from examples.network import Network
from examples.sunspots import Forecaster
from microgradnd import Tensor
from microgradnd.nn.functional import cross_entropy, mse_loss
from tests.test_numpy_program import checked
from viz import Picture


def digits_network() -> Tensor:
    """N9: sigmoid layers, L2 penalty and dropout, as the main job trains them."""
    random = np.random.default_rng(0)
    network = Network([64, 20, 10], ["sigmoid", "sigmoid"], "b_ce", seed=0)
    y = np.eye(10)[random.integers(0, 10, 8)]
    return network.cost(random.random((8, 64)), y, keep_prob=0.8)


def lenet_digits() -> Tensor:
    random = np.random.default_rng(0)
    model = lenet(random)
    for p in model.parameters():
        p.data = p.data.astype(np.float64)
    return cross_entropy(model(random.random((4, 1, 8, 8))), random.integers(0, 10, 4))


def sunspots() -> Tensor:
    random = np.random.default_rng(0)
    model = Forecaster(random)
    for p in model.parameters():
        p.data = p.data.astype(np.float64)
    return mse_loss(model(Tensor(random.random((3, 12, 1)))), random.random((3, 1)))


EXAMPLES: dict[str, Callable[[], Tensor]] = {
    "bp_network": small_graph,
    "digits_network": digits_network,
    "lenet": lenet_digits,
    "sunspots": sunspots,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_s_program_computes_its_gradients(name: str) -> None:
    assert "microgradnd" not in checked(EXAMPLES[name]())


@pytest.mark.parametrize("name", GALLERY)
def test_a_gallery_picture_s_program_computes_its_gradients(name: str) -> None:
    picture = GALLERY[name]()
    [output] = picture.trace.outputs if isinstance(picture, Picture) else [small_graph()]
    single = output.dtype == np.float32
    program = checked(output, rtol=1e-4 if single else 1e-12, atol=1e-6 if single else 1e-13)
    assert "microgradnd" not in program
