"""Errata 1, 7 and 8 of the chapter: the printed form fails, the right one passes.

Errata 2, 5 and 6 stand in test_bp_network.py, those of the recurrent networks beside theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor, nn
from microgradnd.models import vgg

SIZES_LISTED = [  # of the chapter's VGG-16: side and depth after steps 1 to 9 of its list
    (224, 64), (112, 64), (112, 128), (56, 128), (56, 256), (28, 256), (28, 512), (14, 512),
    (14, 512),
]  # fmt: skip


def printed_softmax(o: Tensor) -> Tensor:
    """Eq. 5-30 as printed, with e^{-O}."""
    e = np.exp(-o)
    return e / e.sum(-1, keepdims=True)


def code_softmax(o: Tensor) -> Tensor:
    """The code beside eq. 5-30, with e^{O}."""
    e = np.exp(o)
    return e / e.sum(-1, keepdims=True)


def slope_of(f: Callable, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The central difference of a function taken element by element."""
    return (f(x + step) - f(x - step)) / (2 * step)


@pytest.mark.parametrize("seed", range(4))
def test_erratum_1_cross_entropys_gradient_needs_the_softmax_of_the_code(seed: int) -> None:
    """5-30: (softmax - target) is the gradient of cross-entropy only with e^{O}."""
    random = np.random.default_rng(seed)
    o = Tensor(random.standard_normal((5, 4)), requires_grad=True)
    target = np.eye(4)[random.integers(0, 4, 5)]
    loss = -(target * np.log(code_softmax(o))).sum()
    loss.backward()
    # a difference per logit, which knows no formula
    numeric = np.zeros((5, 4))
    for place in np.ndindex(5, 4):
        moved = np.zeros((5, 4))
        moved[place] = 1e-6
        up, down = (
            -(target * np.log(code_softmax(o.detach() + s * moved).numpy())).sum() for s in (1, -1)
        )
        numeric[place] = (up - down) / 2e-6
    right = code_softmax(o.detach()).numpy() - target
    printed = printed_softmax(o.detach()).numpy() - target
    np.testing.assert_allclose(o.grad.data, numeric, atol=1e-8)
    np.testing.assert_allclose(right, numeric, atol=1e-8)
    assert np.abs(printed - numeric).max() > 0.1


def test_erratum_1_the_printed_softmax_turns_the_order_round() -> None:
    o = Tensor([1.0, 3.0, 2.0])
    assert np.argmax(printed_softmax(o).numpy()) == 0  # the smallest output wins
    assert np.argmax(code_softmax(o).numpy()) == 1
    np.testing.assert_allclose(F.softmax(o).numpy(), code_softmax(o).numpy(), rtol=1e-15)


def test_erratum_1_the_printed_form_has_the_slope_of_the_wrong_sign() -> None:
    """∂f_j/∂o_j = f_j (1 - f_j) is positive; the printed form falls where it should rise."""
    o = Tensor([0.3, -0.7, 1.1], requires_grad=True)
    for form, sign in ((code_softmax, 1), (printed_softmax, -1)):
        mg.gradcheck(form, [o])
        f = form(o.detach()).numpy()
        for j in range(3):
            o.grad = None
            form(o)[j].backward()
            np.testing.assert_allclose(o.grad.data[j], sign * f[j] * (1 - f[j]), rtol=1e-12)


def printed_leaky_slope(z: np.ndarray) -> np.ndarray:
    """The chapter's lReLU_prime, statement by statement."""
    z = 1 * (z >= 0)
    z[z == 0] = 1 / 100
    return z


def float_leaky_slope(z: np.ndarray) -> np.ndarray:
    """The same with a mask that can hold 1/100."""
    z = 1.0 * (z >= 0)
    z[z == 0] = 1 / 100
    return z


def leaky(z: np.ndarray) -> np.ndarray:
    return np.maximum(z / 100, z)


def engine_slope(z: np.ndarray) -> np.ndarray:
    x = Tensor(z, requires_grad=True)
    F.leaky_relu(x).sum().backward()
    return x.grad.numpy()


def test_erratum_7_the_printed_slope_of_the_leaky_relu_is_that_of_relu_below_zero() -> None:
    """A7. The mask is one of integers, so the 1/100 written into it is cut to 0: no leak."""
    z = np.array([-3.0, -0.5, 0.5, 3.0])
    true = slope_of(leaky, z)
    np.testing.assert_allclose(true, [0.01, 0.01, 1, 1], atol=1e-8)
    assert printed_leaky_slope(z).tolist() == [0, 0, 1, 1]
    assert np.abs(printed_leaky_slope(z) - true).max() == pytest.approx(0.01)
    for right in (float_leaky_slope(z), engine_slope(z)):
        np.testing.assert_allclose(right, true, atol=1e-8)


def test_erratum_7_at_the_kink_both_slopes_lie_between_the_sides() -> None:
    """The print takes 1 at z = 0, the engine 1/100 as PyTorch does: both are subgradients."""
    zero = np.zeros(1)
    h = 1e-6
    sides = [(leaky(zero) - leaky(zero - h)) / h, (leaky(zero + h) - leaky(zero)) / h]
    np.testing.assert_allclose(sides, [[0.01], [1.0]])
    assert printed_leaky_slope(zero).tolist() == float_leaky_slope(zero).tolist() == [1]
    assert engine_slope(zero).tolist() == [0.01]


def test_erratum_7_a_unit_below_zero_learns_by_the_right_slope_alone() -> None:
    """One weight, input 1, target 1, started at -1: the printed slope leaves it where it is."""
    ends = []
    for slope in (printed_leaky_slope, float_leaky_slope):
        w = np.array([-1.0])
        for _ in range(2000):
            w = w - 0.1 * (leaky(w) - 1.0) * slope(w)
        ends.append(w.item())
    assert ends[0] == -1.0
    assert ends[1] == pytest.approx(1.0)


def test_erratum_8_pooling_leaves_the_64_maps_that_convolutions_then_make_128() -> None:
    """M2: sides and depths of VGG-16's list, on images of 32 instead of 224 elements (1/7)."""
    x, sizes = np.zeros((1, 3, 32, 32), np.float32), []
    with mg.no_grad():
        for layer, after in pairwise(vgg(16, 10, hidden=8).features):
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d) or isinstance(after, nn.MaxPool2d):
                sizes.append((x.shape[2] * 7, x.shape[1]))
    assert sizes == SIZES_LISTED
    assert sizes[1] == (112, 64) != (112, 128)


def test_erratum_8_a_pooling_layer_cannot_give_128_maps_of_64() -> None:
    pooled = nn.MaxPool2d(2)(np.zeros((1, 64, 224, 224), np.float32))
    assert pooled.shape == (1, 64, 112, 112)
    with pytest.raises(ValueError, match="128"):
        nn.Conv2d(128, 128, 3, padding=1, dtype=np.float32)(pooled)  # as if there were 128
    assert nn.Conv2d(64, 128, 3, padding=1, dtype=np.float32)(pooled).shape == (1, 128, 112, 112)
