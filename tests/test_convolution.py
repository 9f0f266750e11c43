"""Convolution and pooling layers: the chapter's figures, PyTorch as an oracle, refusals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor, nn
from microgradnd.ops import pooling

random = np.random.default_rng(0)
IMAGE = np.array(
    [[int(c) for c in row] for row in ["11100", "01110", "00111", "00110", "01100"]], float
)
FILTER = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], float)


def torch_or_skip() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def chapter_map(**options: Any) -> list:
    out = F.conv2d(IMAGE[None, None], FILTER[None, None], np.zeros(1), **options)
    return F.relu(out).numpy()[0, 0].astype(int).tolist()


def test_the_chapters_map_of_a_5_by_5_image() -> None:
    """C1, eq. 5-31 and fig. 5-15."""
    assert chapter_map() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_stride_2_gives_2_by_2() -> None:
    """C2, eq. 5-32: (5 - 3 + 0)/2 + 1 = 2."""
    assert chapter_map(stride=2) == [[4, 4], [2, 4]]


def test_the_sizes_of_the_chapters_network() -> None:
    """C8: 50 maps of 4 × 4 come out as 800 numbers."""
    net = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip
    assert net(np.zeros((2, 1, 28, 28))).shape == (2, 10)
    assert net.parameter_count() == 520 + 25_050 + 400_500 + 5_010


def test_pooling_keeps_the_depth() -> None:
    """C3, fig. 5-16: 2 × 2 windows, stride 2."""
    x = np.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4)
    blocks = x.reshape(2, 3, 2, 2, 2, 2)
    np.testing.assert_array_equal(nn.MaxPool2d(2)(x).numpy(), blocks.max((3, 5)))
    np.testing.assert_array_equal(nn.AvgPool2d(2)(x).numpy(), blocks.mean((3, 5)))


def test_windows_overlap_as_in_alexnet() -> None:
    """M1: kernel 3, stride 2, from 55 to 27 elements."""
    assert nn.MaxPool2d(3, 2)(np.zeros((1, 2, 55, 55))).shape == (1, 2, 27, 27)


def test_global_average_pooling_has_no_parameters() -> None:
    """C9."""
    layer, x = nn.AdaptiveAvgPool2d(1), random.standard_normal((2, 5, 3, 4))
    np.testing.assert_allclose(layer(x).numpy()[..., 0, 0], x.mean((2, 3)))
    assert layer.parameter_count() == 0


def test_of_equal_largest_elements_the_first_gets_the_gradient() -> None:
    x = Tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.data[0, 0].tolist() == [[1.0, 0.0], [0.0, 0.0]]


LAYERS = [
    ("Conv2d", (2, 3, 3), {}, (2, 2, 5, 6)),
    ("Conv2d", (4, 6, (2, 3)), {"stride": (2, 1), "padding": (1, 2), "groups": 2}, (1, 4, 6, 5)),
    ("Conv2d", (1, 2, (5, 3)), {"padding": "same", "dilation": (1, 2)}, (2, 1, 5, 6)),
    ("Conv2d", (2, 2, 2), {"padding": "valid", "bias": False}, (1, 2, 3, 3)),
    ("Conv1d", (2, 3, 3), {"stride": 2, "padding": 1, "dilation": 2}, (2, 2, 9)),
    ("Conv1d", (2, 4, 3), {"padding": "same", "groups": 2}, (2, 2, 5)),
    ("ConvTranspose2d", (3, 2, 3), {"stride": 2, "padding": 1, "output_padding": 1}, (2, 3, 4, 3)),
    ("ConvTranspose2d", (4, 2, 2), {"groups": 2, "dilation": 2, "bias": False}, (1, 4, 3, 3)),
    ("MaxPool2d", (3, 2, 1), {}, (2, 3, 7, 6)),
    ("AvgPool2d", (3, 2, 1), {}, (2, 3, 7, 6)),
    ("MaxPool1d", (3, 2), {}, (2, 3, 7)),
    ("AvgPool1d", (2,), {}, (2, 3, 7)),
    ("AdaptiveAvgPool2d", ((2, 3),), {}, (2, 3, 7, 5)),
    ("Flatten", (), {}, (2, 3, 4)),
]
each_layer = pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)


@each_layer
def test_layers_compute_what_torchs_do(name: str, args: tuple, options: dict, shape: tuple) -> None:
    torch = torch_or_skip()
    theirs = getattr(torch.nn, name)(*args, **options).double()
    ours = getattr(nn, name)(*args, **options)
    ours.load_state_dict(theirs.state_dict())
    x = random.standard_normal(shape)
    t, u = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, wanted = ours(t), theirs(u)
    np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), atol=1e-12)
    g = random.standard_normal(out.shape)
    out.backward(g)
    wanted.backward(torch.tensor(g))
    np.testing.assert_allclose(t.grad.data, u.grad.numpy(), atol=1e-12)
    for mine, other in zip(ours.parameters(), theirs.parameters()):
        np.testing.assert_allclose(mine.grad.data, other.grad.numpy(), atol=1e-12)


@each_layer
def test_derivatives_agree_with_finite_differences(
    name: str, args: tuple, options: dict, shape: tuple
) -> None:
    layer = getattr(nn, name)(*args, **options)
    x = Tensor(random.permutation(np.prod(shape)).reshape(shape) * 0.1, requires_grad=True)
    assert mg.gradcheck(lambda t, *_: layer(t), [x, *layer.parameters()])


def test_float32_and_the_order_in_memory_survive_a_network() -> None:
    x = random.standard_normal((8, 2, 6, 6)).astype(np.float32)
    conv = nn.Conv2d(2, 3, 3, dtype=np.float32)
    for out in (conv(x), F.relu(conv(x)), F.max_pool2d(F.relu(conv(x)), 2)):
        assert out.dtype == np.float32
        assert out.data.strides[0] == 4  # the batch is innermost


def test_an_unbatched_image_is_taken() -> None:
    layer = nn.Conv2d(2, 3, 2)
    x = random.standard_normal((2, 4, 4))
    np.testing.assert_allclose(layer(x).detach().numpy(), layer(x[None])[0].detach().numpy())


def test_the_start_is_uniform_within_one_over_the_root_of_the_fan_in() -> None:
    layer = nn.Conv2d(4, 50, 5, rng=np.random.default_rng(0))
    bound = 100**-0.5
    assert 0.98 * bound < np.abs(layer.weight.data).max() <= bound
    np.testing.assert_allclose(layer.weight.data.std(), bound / 3**0.5, rtol=0.05)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.Conv2d(1, 1, 5)(np.zeros((1, 1, 3, 3))), "5"),
        (lambda: nn.Conv2d(1, 1, 3, 2, strict=True)(np.zeros((1, 1, 6, 6))), "does not divide"),
        (lambda: nn.Conv2d(2, 1, 3)(np.zeros((1, 3, 6, 6))), "3 channels"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups=2"),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"), "must be 'zeros'"),
        (lambda: nn.Conv2d(1, 1, 3, 2, "same")(np.zeros((1, 1, 6, 6))), "stride 1 only"),
        (lambda: nn.MaxPool2d(3, padding=2)(np.zeros((1, 1, 6, 6))), "more than half"),
        (lambda: np.pad(Tensor([0.0, 0.0]), 1, constant_values=(0, 1)), "must be a number, not"),
        (lambda: np.pad(Tensor([0.0, 0.0]), 1, "ramp"), "mode must be 'constant'"),
        (lambda: nn.ConvTranspose2d(1, 1, 1, padding=3)(np.zeros((1, 1, 3, 3))), "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        call()


@pytest.mark.parametrize("size", [2.9, (2, 2.9)])
@pytest.mark.parametrize("option", ["kernel_size", "stride", "padding"])
def test_fractions_of_elements_are_refused_below_the_layers_too(option: str, size: Any) -> None:
    given = {"kernel_size": 2, option: size}
    with pytest.raises(TypeError, match=f"max_pool2d: {option} must be a whole number.*2.9"):
        pooling.max_pool2d(np.ones((4, 4)), **given)
