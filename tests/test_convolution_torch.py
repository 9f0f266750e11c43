"""Convolution and pooling of random shapes compute what PyTorch's do, and differentiate so."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor
from tests.op_case import along_directions


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


small = st.integers(1, 3)
sides = st.tuples(small, small)


def compare(torch: Any, name: str, arrays: list[np.ndarray | None], options: dict) -> None:
    """Results and gradients of our function and of torch's, for one random direction."""
    ours = [None if a is None else Tensor(a, requires_grad=True) for a in arrays]
    theirs = [None if a is None else torch.tensor(a, requires_grad=True) for a in arrays]
    expected = getattr(torch.nn.functional, name)(*theirs, **options)
    out = getattr(F, name)(*ours, **options)
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    g = np.random.default_rng(out.size).normal(size=out.shape)
    out.backward(g)
    expected.backward(torch.tensor(g))
    for mine, other in zip(ours, theirs, strict=True):
        if mine is not None:
            np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-9, atol=1e-11)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@given(st.tuples(small, small, small, small), sides, sides, sides, sides, sides, st.booleans())
@settings(max_examples=120, deadline=None)
def test_conv2d(
    torch: Any, counts: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, extra: Any,
    biased: bool,
) -> None:  # fmt: skip
    batch, groups, inputs, outputs = counts
    need = [d * (k - 1) + 1 - 2 * (p - 1) for k, d, p in zip(kernel, dilation, padding)]
    size = [max(n, 1) + e for n, e in zip(need, extra)]
    options = {
        "stride": stride, "padding": tuple(p - 1 for p in padding), "dilation": dilation,
        "groups": groups,
    }  # fmt: skip
    x = numbers(batch, groups * inputs, *size)
    w = numbers(groups * outputs, inputs, *kernel)
    compare(torch, "conv2d", [x, w, numbers(len(w)) if biased else None], options)


@given(st.tuples(small, small, small), sides, sides, st.booleans())
@settings(max_examples=40, deadline=None)
def test_padding_same(torch: Any, counts: Any, kernel: Any, dilation: Any, biased: bool) -> None:
    batch, inputs, outputs = counts
    x, w = numbers(batch, inputs, 5, 4), numbers(outputs, inputs, *kernel)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch tells that it copies to pad unevenly
        compare(
            torch, "conv2d", [x, w, numbers(outputs) if biased else None],
            {"padding": "same", "dilation": dilation},
        )  # fmt: skip


@given(st.tuples(small, small, small, small), st.tuples(small, small, small, small, small))
@settings(max_examples=60, deadline=None)
def test_conv1d(torch: Any, counts: Any, sizes: Any) -> None:
    batch, groups, inputs, outputs = counts
    kernel, stride, padding, dilation, extra = sizes
    length = max(dilation * (kernel - 1) + 1 - 2 * (padding - 1), 1) + extra
    x, w = numbers(batch, groups * inputs, length), numbers(groups * outputs, inputs, kernel)
    compare(
        torch, "conv1d", [x, w, numbers(len(w))],
        {"stride": stride, "padding": padding - 1, "dilation": dilation, "groups": groups},
    )  # fmt: skip


@given(st.tuples(small, small, small, small), sides, sides, sides, sides, sides, sides)
@settings(max_examples=100, deadline=None)
def test_conv_transpose2d(
    torch: Any, counts: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, more: Any,
    size: Any,
) -> None:  # fmt: skip
    batch, groups, inputs, outputs = counts
    more = [m - 1 for m in more]
    assume(all(m < s for m, s in zip(more, stride)))
    sizes = [
        (n - 1) * s - 2 * (p - 1) + d * (k - 1) + 1 + m
        for n, s, p, d, k, m in zip(size, stride, padding, dilation, kernel, more)
    ]
    assume(min(sizes) > 0)
    x = numbers(batch, groups * inputs, *size)
    w = numbers(groups * inputs, outputs, *kernel)
    compare(
        torch, "conv_transpose2d", [x, w, numbers(groups * outputs)],
        {
            "stride": stride, "padding": tuple(p - 1 for p in padding), "dilation": dilation,
            "output_padding": tuple(more), "groups": groups,
        },
    )  # fmt: skip


@given(
    st.sampled_from(["max_pool2d", "avg_pool2d"]), sides, sides, sides, sides, sides,
    st.booleans(),
)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_pooling(
    torch: Any, name: str, kernel: Any, stride: Any, halves: Any, dilation: Any, extra: Any,
    counted: bool,
) -> None:  # fmt: skip
    padding = tuple(min(p - 1, k // 2) for p, k in zip(halves, kernel))
    options: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding}
    if name == "max_pool2d":
        options["dilation"] = dilation
    else:
        options["count_include_pad"], dilation = counted, (1, 1)
    size = [
        max(d * (k - 1) + 1 - 2 * p, 1) + e for k, d, p, e in zip(kernel, dilation, padding, extra)
    ]
    compare(torch, name, [numbers(2, 3, *size)], options)


@given(st.sampled_from(["max_pool1d", "avg_pool1d"]), small, small, small)
@settings(max_examples=40, deadline=None)
def test_pooling_of_rows(torch: Any, name: str, kernel: int, stride: int, extra: int) -> None:
    compare(torch, name, [numbers(2, 3, kernel + extra)], {"kernel_size": kernel, "stride": stride})


@given(st.tuples(st.integers(1, 7), st.integers(1, 7)), sides)
@settings(max_examples=40, deadline=None)
def test_adaptive_average_pooling(torch: Any, size: Any, output: Any) -> None:
    compare(torch, "adaptive_avg_pool2d", [numbers(2, 2, *size)], {"output_size": output})


@given(
    st.integers(1, 3), st.tuples(small, small, small, small), st.data(),
    st.sampled_from([0, "same", "valid", 1, 2]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_convolution_of_so_many_axes(
    torch: Any, axes: int, counts: Any, data: Any, padding: Any
) -> None:
    batch, groups, inputs, outputs = counts
    kernel, stride, dilation, extra = (
        data.draw(st.tuples(*[st.integers(1, most)] * axes)) for most in (3, 3, 2, 2)
    )
    stride = (1,) * axes if padding == "same" else stride
    size = [d * (k - 1) + e for k, d, e in zip(kernel, dilation, extra)]
    x = numbers(batch, groups * inputs, *size)
    w = numbers(groups * outputs, inputs, *kernel)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch tells that it copies to pad unevenly
        compare(torch, f"conv{axes}d", [x, w, numbers(len(w))], options)
        compare(torch, f"conv{axes}d", [x[0], w, None], options)  # without the axis of a batch


@given(st.integers(1, 3), st.tuples(small, small, small, small), st.data())
@settings(max_examples=80, deadline=None)
def test_transposed_convolution_of_so_many_axes(
    torch: Any, axes: int, counts: Any, data: Any
) -> None:
    batch, groups, inputs, outputs = counts
    kernel, stride, dilation, size, padding, more = (
        data.draw(st.tuples(*[st.integers(least, most)] * axes))
        for least, most in ((1, 3), (1, 3), (1, 3), (1, 3), (0, 2), (0, 2))
    )
    more = tuple(min(m, max(s, d) - 1) for m, s, d in zip(more, stride, dilation))
    sizes = [
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + m
        for n, s, p, d, k, m in zip(size, stride, padding, dilation, kernel, more)
    ]
    assume(min(sizes) > 0)
    x = numbers(batch, groups * inputs, *size)
    w = numbers(groups * inputs, outputs, *kernel)
    options = {
        "stride": stride, "padding": padding, "output_padding": more, "groups": groups,
        "dilation": dilation,
    }  # fmt: skip
    compare(torch, f"conv_transpose{axes}d", [x, w, numbers(groups * outputs)], options)
    compare(torch, f"conv_transpose{axes}d", [x[0], w, None], options)


SECOND = [
    ("conv2d", [(1, 2, 3, 3), (2, 1, 3, 2), (2,)], {"stride": 2, "padding": 1, "groups": 2}),
    ("conv2d", [(1, 1, 4, 4), (2, 1, 2, 2), (2,)], {"dilation": (2, 3), "padding": "same"}),
    ("conv1d", [(1, 2, 5), (2, 2, 3), (2,)], {"stride": 2, "padding": 2, "dilation": 2}),
    ("conv_transpose2d", [(1, 2, 2, 2), (2, 1, 3, 2), (2,)], {"stride": 2, "groups": 2}),
    ("conv_transpose1d", [(1, 2, 3), (2, 2, 3), (2,)], {"stride": 2, "output_padding": 1}),
    ("conv_transpose1d", [(1, 1, 3), (1, 1, 2), (1,)], {"dilation": 3, "output_padding": 2}),
    ("conv3d", [(1, 2, 3, 3, 4), (2, 1, 2, 3, 2), (2,)], {"stride": 2, "padding": 1, "groups": 2}),
    ("conv3d", [(1, 1, 3, 2, 3), (1, 1, 2, 2, 2), (1,)], {"dilation": 2, "padding": "same"}),
    (
        "conv_transpose3d",
        [(1, 2, 2, 2, 1), (2, 1, 2, 2, 2), (2,)],
        {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2},
    ),
    ("max_pool2d", [(1, 2, 4, 5)], {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("avg_pool2d", [(1, 2, 4, 5)], {"kernel_size": (3, 2), "stride": (1, 2), "padding": 1}),
    ("max_pool1d", [(2, 2, 7)], {"kernel_size": 3, "stride": 2}),
    ("avg_pool1d", [(2, 2, 7)], {"kernel_size": 2}),
    ("adaptive_avg_pool2d", [(1, 2, 4, 5)], {"output_size": (2, 3)}),
]


@pytest.mark.parametrize(("name", "shapes", "options"), SECOND)
def test_first_and_second_derivatives_agree_with_finite_differences(
    name: str, shapes: list[tuple[int, ...]], options: dict
) -> None:
    random = np.random.default_rng(4)
    tensors = [Tensor(random.permutation(np.linspace(-1, 1, int(np.prod(s)))).reshape(s),
                      requires_grad=True) for s in shapes]  # fmt: skip

    def f(*operands: Tensor) -> Tensor:
        return mg.tanh(getattr(F, name)(*operands, **options))

    assert mg.gradcheck(f, tensors)
    assert mg.gradgradcheck(*along_directions(f, tensors))


@pytest.mark.parametrize("name", ["max_pool1d", "avg_pool1d", "max_pool2d", "avg_pool2d"])
def test_a_stride_of_zero_is_refused(name: str) -> None:
    x = np.zeros((1, 1, 4, 4) if name.endswith("2d") else (1, 1, 4))
    with pytest.raises(ValueError, match="stride"):
        getattr(F, name)(x, 2, stride=0)


LAYERS = [
    (name, axes, arguments)
    for axes in (1, 2, 3)
    for name, arguments in (
        ("Conv", {"padding": 1, "padding_mode": "reflect"}),
        ("Conv", {"padding": "same", "padding_mode": "circular", "dilation": 2}),
        ("Conv", {"padding": 2, "padding_mode": "replicate", "stride": 2, "groups": 2}),
        ("ConvTranspose", {"stride": 2, "output_padding": 1, "padding": 1, "groups": 2}),
    )
]


@pytest.mark.parametrize(("name", "axes", "arguments"), LAYERS)
def test_layers_with_their_options(torch: Any, name: str, axes: int, arguments: dict) -> None:
    ours = getattr(mg.nn, f"{name}{axes}d")(2, 4, 3, dtype=np.float64, **arguments)
    theirs = getattr(torch.nn, f"{name}{axes}d")(2, 4, 3, dtype=torch.float64, **arguments)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x = numbers(2, 2, *(4, 5, 4)[:axes])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch tells that it copies to pad unevenly
        expected = theirs(torch.tensor(x))
    out = ours(x)
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    out.sum().backward()
    expected.sum().backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-9, atol=1e-11)


WINDOWS = [
    ("MaxPool", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("MaxPool", {"kernel_size": 2, "dilation": 2}),
    ("AvgPool", {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    ("AvgPool", {"kernel_size": 2, "ceil_mode": True}),
    ("LPPool", {"norm_type": 2, "kernel_size": 2}),
    ("AdaptiveAvgPool", {"output_size": 2}),
    ("AdaptiveMaxPool", {"output_size": 3}),
    ("ZeroPad", {"padding": 1}),
    ("ConstantPad", {"padding": 2, "value": 1.5}),
    ("ReflectionPad", {"padding": 2}),
    ("ReplicationPad", {"padding": 3}),
    ("CircularPad", {"padding": 2}),
]
IMAGES = [
    ("Unfold", {"kernel_size": 2, "stride": 2}, (1, 2, 4, 5)),
    ("Fold", {"output_size": (4, 5), "kernel_size": 2}, (1, 8, 12)),
    ("PixelShuffle", {"upscale_factor": 2}, (1, 8, 2, 3)),
    ("PixelUnshuffle", {"downscale_factor": 2}, (1, 2, 4, 6)),
    ("ChannelShuffle", {"groups": 2}, (1, 4, 2, 3)),
    ("Upsample", {"scale_factor": 2, "mode": "bilinear", "align_corners": True}, (1, 2, 3, 4)),
    ("UpsamplingNearest2d", {"size": (5, 6)}, (1, 2, 3, 4)),
    ("UpsamplingBilinear2d", {"scale_factor": 1.5}, (1, 2, 3, 4)),
    ("ZeroPad2d", {"padding": (1, -1, 0, 2)}, (2, 3, 4)),
]
EACH = [(f"{name}{n}d", options, (2, 2, *(5, 6, 4)[:n])) for name, options in WINDOWS
        for n in (1, 2, 3)]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "shape"), [*EACH, *IMAGES])
def test_layers_without_parameters(torch: Any, name: str, options: dict, shape: Any) -> None:
    x = numbers(*shape)
    ours, theirs = (getattr(nn, name)(**options) for nn in (mg.nn, torch.nn))
    out, expected = ours(x), theirs(torch.tensor(x))
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-10, atol=1e-12)
    assert type(ours).__name__ in repr(ours)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_unpooling_puts_the_largest_back(torch: Any, axes: int) -> None:
    x = numbers(2, 2, *(5, 6, 4)[:axes])
    pool = getattr(mg.nn, f"MaxPool{axes}d")(2, return_indices=True)
    back = getattr(mg.nn, f"MaxUnpool{axes}d")(2)(*pool(x), x.shape)
    theirs = getattr(torch.nn, f"MaxPool{axes}d")(2, return_indices=True)
    expected = getattr(torch.nn, f"MaxUnpool{axes}d")(2)(*theirs(torch.tensor(x)), x.shape)
    np.testing.assert_array_equal(back.numpy(), expected.numpy())
