"""`vmap`: a function of one sample, made a function of many samples at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.arguments import is_whole
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.shape import broadcast_to, concatenate, moveaxis
from microgradnd.random import drawn
from microgradnd.transforms.batching import Batch, Frame, Frames, frames, wrapped
from microgradnd.transforms.containers import is_tensor

Axes = Any  # an axis, None, or a container of those
_RANDOMNESS = ("error", "different", "same")


def vmap(
    function: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0, *,
    randomness: str = "error", chunk_size: int | None = None, in_dims: Axes = 0, out_dims: Axes = 0,
) -> Callable[..., Any]:  # fmt: skip
    """A function that computes function(...) for many samples at once, without a loop over them.

    Args:
        function: of one sample; it returns a tensor or a container of tensors.
        in_axes: along which axis of the arguments the samples lie: one number for all arguments by
            position, or a tuple with one for each, which may be a container as the argument is.
            None: the same for all samples, as are arguments by name.
        out_axes: along which axis of the results they shall lie; None: of one that is the same
            for all samples.
        randomness: what random draws do: "error" refuses them, "different" draws other numbers
            for each sample, "same" the same ones.
        chunk_size: how many samples at once; fewer take less memory.
        in_dims, out_dims: PyTorch's names of in_axes and out_axes.

    Each operation is called once for all samples. What gives one sample another path than another
    (`if x > 0`, a mask as an index, `x.item()`) raises. Gradients flow through it, and derivatives
    within it are each sample's own: `vmap(grad(loss), (None, 0, 0))(w, x, y)`.

    Raises:
        ValueError: axes or lengths of the arguments do not fit.

    >>> vmap(lambda x, y: (x * y).sum())(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    >>> vmap(lambda x, y: x + y, (0, None), 1)(np.arange(2.0), np.array([10.0, 20.0]))
    Tensor([[10., 11.],
            [20., 21.]])
    """
    if not callable(function):
        raise TypeError(f"vmap: a function is needed, not {errors.describe(function)}")
    if randomness not in _RANDOMNESS:
        raise ValueError(f"vmap: randomness must be one of {_RANDOMNESS}, not {randomness!r}")
    if chunk_size is not None and (not is_whole(chunk_size) or chunk_size < 1):
        raise ValueError(f"vmap: chunk_size must be a number from 1 on, not {chunk_size!r}")
    ins = in_axes if in_dims == 0 else in_dims
    outs = out_axes if out_dims == 0 else out_dims

    @wraps(function, updated=())
    def batched(*args: Any, **options: Any) -> Any:
        axes = _axes_of(args, ins)
        size = _size(args, axes)
        run = lambda *part: _run(function, args, options, axes, outs, (*part, size), randomness)
        step = chunk_size or max(size, 1)
        parts = [run(i, min(i + step, size)) for i in range(0, max(size, 1), step)]
        return parts[0] if len(parts) == 1 else _joined(parts, outs)

    return batched


def _check(function: Any, randomness: Any, chunk_size: Any) -> None:
    if not callable(function):
        raise TypeError(f"vmap: a function is needed, not {errors.describe(function)}")
    if randomness not in _RANDOMNESS:
        raise ValueError(f"vmap: randomness must be one of {_RANDOMNESS}, not {randomness!r}")
    if chunk_size is not None and (not isinstance(chunk_size, int) or chunk_size < 1):
        raise ValueError(f"vmap: chunk_size must be a number from 1 on, not {chunk_size!r}")


def _run(
    function: Callable, args: tuple, options: dict, axes: Any, outs: Axes,
    part: tuple[int, int, int], randomness: str,
) -> Any:  # fmt: skip
    """The function of some of the samples."""
    start, stop, size = part
    cut = slice(start, stop) if stop - start < size else None
    outer = frames.get()
    frame = Frame(stop - start, len(outer), randomness)
    given = [_opened(x, a, frame, cut) for x, a in zip(args, axes)]
    token = frames.set((*outer, frame))
    drawing = drawn.set(_drawing)
    try:
        out = function(*given, **options)
        return _closed(out, outs, frame, "")
    finally:
        frame.active = False
        frames.reset(token)
        drawn.reset(drawing)


# --- Arguments -----------------------------------------------------------------------------------
def _parts(x: Any, axes: Axes, path: str, what: str) -> Iterator[tuple[Any, Any, Axes]]:
    """The parts of a container with their keys and axes."""
    keys = list(x) if isinstance(x, dict) else range(len(x))
    if axes is None or isinstance(axes, int):
        yield from ((k, x[k], axes) for k in keys)
        return
    own = list(axes) if isinstance(axes, dict) else range(len(axes)) if isinstance(
        axes, (tuple, list)) else None  # fmt: skip
    if own is None or set(own) != set(keys):
        raise ValueError(
            f"vmap: {what}={axes!r} does not fit {path}, a {type(x).__name__} of "
            f"{len(x)} parts ({', '.join(map(str, keys))})"
        )
    yield from ((k, x[k], axes[k]) for k in keys)


def _rebuilt(x: Any, parts: list[tuple[Any, Any]]) -> Any:
    if isinstance(x, dict):
        return dict(parts)
    values = [y for _, y in parts]
    return type(x)(*values) if hasattr(x, "_fields") else type(x)(values)


def _axes_of(args: tuple, axes: Axes) -> Any:
    """The axes of each argument."""
    each = axes if isinstance(axes, (tuple, list)) else (axes,) * len(args)
    if len(each) != len(args):
        raise ValueError(
            f"vmap: in_axes={axes!r} is for {len(each)} arguments by position, the function was "
            f"called with {len(args)}; arguments by name are the same for all samples"
        )
    return each


def _samples(x: Any, axes: Axes, path: str) -> list[tuple[str, Any, int]]:
    """All tensors in an argument that are mapped over, with where they stand and their axes."""
    if axes is None:
        return []
    name = f"argument {path}"
    if is_tensor(x):
        shape = np.shape(x)
        if not isinstance(axes, int) or isinstance(axes, bool):
            raise ValueError(
                f"vmap: in_axes={axes!r} for {name}, {errors.describe(x)}; an axis or None is meant"
            )
        if not -len(shape) <= axes < len(shape):
            raise ValueError(
                f"vmap: {name}, {errors.describe(x)}, has no axis {axes} for samples to lie along; "
                "in_axes=None there makes it the same for all samples"
            )
        return [(name, x, axes)]
    if isinstance(x, (tuple, list, dict)):
        parts = _parts(x, axes, name, "in_axes")
        return [found for k, y, a in parts for found in _samples(y, a, f"{path}[{k!r}]")]
    return []


def _size(args: tuple, axes: Any) -> int:
    """How many samples there are, if all agree."""
    found = [x for i, (x, a) in enumerate(zip(args, axes)) for x in _samples(x, a, str(i))]
    sizes = {np.shape(x)[a] for _, x, a in found}
    if not sizes:
        raise ValueError(
            f"vmap: no tensor to map over among {len(args)} arguments with in_axes={tuple(axes)!r}"
        )
    if len(sizes) > 1:
        listed = ", ".join(f"{n} of shape {np.shape(x)}: {np.shape(x)[a]} along axis {a}"
                           for n, x, a in found)  # fmt: skip
        raise ValueError(f"vmap: the arguments have different numbers of samples: {listed}")
    return sizes.pop()


def _opened(x: Any, axes: Axes, frame: Frame, cut: slice | None) -> Any:
    """An argument with Batches in the place of what is mapped over."""
    if axes is None:
        return x
    if is_tensor(x):
        t = as_tensor(x)
        t = moveaxis(t, axes, 0) if axes % t.ndim else t
        return Batch(t if cut is None else t[cut], frame)
    if isinstance(x, (tuple, list, dict)):
        parts = _parts(x, axes, "", "in_axes")
        return _rebuilt(x, [(k, _opened(y, a, frame, cut)) for k, y, a in parts])
    return x


# --- Results -------------------------------------------------------------------------------------
def _closed(out: Any, axes: Axes, frame: Frame, path: str) -> Any:
    """A result with all samples in a tensor."""
    name = f"result {path}" if path else "the result"
    if is_tensor(out):
        mine = isinstance(out, Batch) and out.frame is frame
        if axes is None:
            if mine:
                raise ValueError(
                    f"vmap: {name}, of shape {out.shape}, differs from sample to sample; "
                    "out_axes=None is for what is the same for all"
                )
            return out
        out = as_tensor(out)
        if not isinstance(axes, int) or not -out.ndim - 1 <= axes <= out.ndim:
            raise ValueError(
                f"vmap: out_axes={axes!r} for {name}, of shape {out.shape} in one sample; "
                f"an axis from {-out.ndim - 1} to {out.ndim} is meant, or None"
            )
        value: Any = out.value if mine else broadcast_to(out, (frame.size, *out.shape))
        return moveaxis(value, 0, axes) if axes % value.ndim else value
    if isinstance(out, (tuple, list, dict)):
        parts = _parts(out, axes, name, "out_axes")
        return _rebuilt(out, [(k, _closed(y, a, frame, f"{path}[{k!r}]")) for k, y, a in parts])
    return out


def _joined(parts: list[Any], axes: Axes) -> Any:
    """The results of several runs, one behind the other."""
    first = parts[0]
    if is_tensor(first):
        return first if axes is None else concatenate(parts, axes)
    if isinstance(first, (tuple, list, dict)):
        each = _parts(first, axes, "the result", "out_axes")
        return _rebuilt(first, [(k, _joined([p[k] for p in parts], a)) for k, _, a in each])
    return first


# --- Random draws --------------------------------------------------------------------------------
def _drawing(rng: np.random.Generator) -> Any:
    """What stands for a generator within the function: as the runs' `randomness` says."""
    running = frames.get()
    if any(frame.randomness == "error" for frame in running):
        return _Draws(rng, None)
    own = tuple(frame for frame in running if frame.randomness == "different")
    return _Draws(rng, own) if own else rng


class _Draws:
    """A generator whose draws are other ones for each sample, or refused where that is not said."""

    def __init__(self, rng: np.random.Generator, own: Frames | None) -> None:
        self.rng, self.own = rng, own
        self.bit_generator = rng.bit_generator

    def __getattr__(self, name: str) -> Callable[..., Any]:
        draw = getattr(self.rng, name)

        def drawing(*args: Any, **options: Any) -> Any:
            if self.own is None:
                raise RuntimeError(
                    "vmap: random numbers are drawn in a function that is mapped over samples; say "
                    "randomness='different' for other ones in each sample, 'same' for the same"
                )
            shape = tuple(frame.size for frame in self.own)
            each = [np.asarray(draw(*args, **options)) for _ in range(int(np.prod(shape)))]
            if not each:
                raise ValueError(f"vmap: {name} draws for no sample at all")
            drawn = np.stack(each)
            return wrapped(Tensor(drawn.reshape((*shape, *drawn.shape[1:]))), self.own)

        return drawing
