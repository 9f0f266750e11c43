"""New tensors: of given numbers, of one number, of ranges, drawn at random.

Shapes can be given as numbers or as one tuple. Every function takes `requires_grad`, `dtype`
(default `get_default_dtype()`) and `name`, as `Tensor` does; those that draw take `rng`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd import engine, errors
from microgradnd.arguments import (
    FLAG,
    TENSOR,
    WHOLES,
    check,
    either,
    optional,
    real_array,
    require,
    whole,
)  # fmt: skip
from microgradnd.engine import Tensor
from microgradnd.errors import explained
from microgradnd.grad_mode import default_dtype
from microgradnd.methods import Methods
from microgradnd.random import generator


def tensor(data: Any, requires_grad: bool = False, *, dtype: Any = None,
           name: str | None = None) -> Tensor:  # fmt: skip
    """A tensor with its own copy of the data.

    >>> tensor([1.0, 2.0])
    Tensor([1., 2.])
    """
    return Tensor(data, requires_grad, dtype=dtype, name=name, copy=True)


def _shape(given: tuple[Any, ...]) -> tuple[int, ...]:
    single = given[0] if len(given) == 1 and isinstance(given[0], (list, tuple, range)) else given
    return tuple(single)


def _made(
    function: str, numpys: Callable[..., Any], given: dict[str, Any], dtype: Any, **options: Any
) -> Tensor:
    """What NumPy's function makes of the arguments given, as a Tensor."""
    with explained(function, {}, {**given, "dtype": dtype, **options}):
        array = numpys(*given.values())
        if dtype is None and array.dtype.kind != "c":
            dtype = default_dtype[0]
        if isinstance(array, Methods):  # drawn for each of several samples
            return array.astype(dtype)
        return Tensor(array, dtype=dtype, **options)


_DRAWN = {
    **dict.fromkeys(["mean", "std"], TENSOR),
    "size": optional(either(whole(0), WHOLES)),
    "replace": FLAG,
}


def _drawn(function: str, draw: Callable[..., Any], given: dict[str, Any], dtype: Any,
           kinds: Any = _DRAWN, **options: Any) -> Tensor:  # fmt: skip
    """What a generator's method draws, its arguments held to what they mean."""
    for name in given.keys() & kinds.keys():
        require(function, name, given[name], kinds[name])
    return _made(function, draw, given, dtype, **options)


def _bare(x: Any) -> Any:
    return getattr(x, "_array", x)


def zeros(*shape: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Zeros of a shape.

    >>> zeros(2, 3).shape
    (2, 3)
    """
    return _made("zeros", np.zeros, {"shape": _shape(shape)}, dtype, **options)


def ones(*shape: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Ones of a shape.

    >>> ones(2)
    Tensor([1., 1.])
    """
    return _made("ones", np.ones, {"shape": _shape(shape)}, dtype, **options)


def full(shape: Any, value: float, *, dtype: Any = None, **options: Any) -> Tensor:
    """One number in a whole shape.

    >>> full(2, 7.0)
    Tensor([7., 7.])
    """
    return _made("full", np.full, {"shape": shape, "value": value}, dtype, **options)


def eye(n: int, m: int | None = None, *, dtype: Any = None, **options: Any) -> Tensor:
    """The unit matrix, n by n or n by m.

    >>> eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return _made("eye", np.eye, {"n": n, "m": m}, dtype, **options)


def arange(start: float, stop: float | None = None, step: float = 1, *, dtype: Any = None,
           **options: Any) -> Tensor:  # fmt: skip
    """Numbers from start (or 0) to before stop; integers, where all three are.

    >>> arange(3), arange(0.0, 1.0, 0.5)
    (Tensor([0, 1, 2]), Tensor([0. , 0.5]))
    """
    first, last = (0, start) if stop is None else (start, stop)
    given = {"start": first, "stop": last, "step": step}
    whole = np.result_type(*[real_array("arange", *x) for x in given.items()]).kind in "iu"
    dtype = np.dtype(int) if whole and dtype is None else dtype
    return _made("arange", np.arange, given, dtype, **options)


def linspace(start: float, stop: float, num: int = 50, *, dtype: Any = None,
             **options: Any) -> Tensor:  # fmt: skip
    """As many numbers as `num`, equally far apart, from start to stop.

    >>> linspace(0.0, 1.0, 3)
    Tensor([0. , 0.5, 1. ])
    """
    given = {"start": start, "stop": stop, "num": num}
    return _made("linspace", np.linspace, given, dtype, **options)


def logspace(start: float, stop: float, num: int = 50, base: float = 10.0, *, dtype: Any = None,
             **options: Any) -> Tensor:  # fmt: skip
    """As many numbers as `num` from base**start to base**stop, their logarithms equally far apart.

    >>> logspace(0.0, 2.0, 3)
    Tensor([  1.,  10., 100.])
    """
    given = {"start": start, "stop": stop, "num": num, "endpoint": True, "base": base}
    return _made("logspace", np.logspace, given, dtype, **options)


def empty(*shape: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Room for a shape, whose elements are whatever stood there.

    >>> empty(2, 3).shape
    (2, 3)
    """
    return _made("empty", np.empty, {"shape": _shape(shape)}, dtype, **options)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """A Tensor as it is, or one of the data, whose memory it shares where it can.

    >>> as_tensor([1.0, 2.0])
    Tensor([1., 2.])
    """
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype == dtype else data.astype(dtype)
    return Tensor(data, dtype=dtype)


# --- Drawn at random -----------------------------------------------------------------------------
def randn(*shape: Any, rng: np.random.Generator | None = None, dtype: Any = None,
          **options: Any) -> Tensor:  # fmt: skip
    """Draws from the normal distribution of mean 0 and variance 1.

    >>> randn(2, 3).shape
    (2, 3)
    """
    check("randn", rng=rng)
    return _made(
        "randn", generator(rng).standard_normal, {"shape": _shape(shape)}, dtype, **options
    )


def rand(*shape: Any, rng: np.random.Generator | None = None, dtype: Any = None,
         **options: Any) -> Tensor:  # fmt: skip
    """Draws uniformly from 0 to before 1.

    >>> bool((rand(5) < 1).all())
    True
    """
    check("rand", rng=rng)
    return _made("rand", generator(rng).random, {"shape": _shape(shape)}, dtype, **options)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *,
           rng: np.random.Generator | None = None, dtype: Any = None,
           **options: Any) -> Tensor:  # fmt: skip
    """Draws from normal distributions; mean and std may be arrays, which are broadcast.

    >>> normal(5.0, 0.0, (2,))
    Tensor([5., 5.])
    """
    check("normal", rng=rng)
    given = {"mean": _bare(mean), "std": _bare(std), "size": _bare(size)}
    return _drawn("normal", generator(rng).normal, given, dtype, **options)


def uniform(low: float = 0.0, high: float = 1.0, size: Any = None, *,
            rng: np.random.Generator | None = None, dtype: Any = None,
            **options: Any) -> Tensor:  # fmt: skip
    """Draws uniformly from low to before high.

    >>> uniform(2.0, 2.0, 1)
    Tensor([2.])
    """
    check("uniform", rng=rng)
    given = {"low": _bare(low), "high": _bare(high), "size": _bare(size)}
    kinds = _DRAWN | dict.fromkeys(["low", "high"], TENSOR)
    return _drawn("uniform", generator(rng).uniform, given, dtype, kinds, **options)


def randint(low: int, high: int | None = None, size: Any = None, *,
            rng: np.random.Generator | None = None, dtype: Any = np.int64,
            **options: Any) -> Tensor:  # fmt: skip
    """Draws integers from low (or 0) to before high.

    >>> bool((randint(3, size=10) < 3).all())
    True
    """
    check("randint", rng=rng)
    given = {"low": low, "high": high, "size": _bare(size)}
    kinds = _DRAWN | {"low": whole(), "high": optional(whole())}
    return _drawn("randint", generator(rng).integers, given, dtype, kinds, **options)


def bernoulli(p: Any, *, rng: np.random.Generator | None = None) -> Tensor:
    """1 with probability p and else 0, for each element of p, in its dtype.

    >>> bernoulli(Tensor([0.0, 1.0]))
    Tensor([0., 1.])
    """
    check("bernoulli", rng=rng)
    chances = engine.as_tensor(p, "bernoulli", "p").data
    held = getattr(chances, "every_sample", chances)
    if not ((held >= 0) & (held <= 1)).all():
        raise ValueError("bernoulli: p must lie between 0 and 1")
    drawn = (generator(rng).random(chances.shape) < chances).astype(chances.dtype)
    return engine.as_tensor(drawn)


def permutation(x: Any, *, rng: np.random.Generator | None = None) -> Tensor:
    """The numbers from 0 to before x, or the rows of an array, in a random order.

    >>> sorted(permutation(3).tolist())
    [0, 1, 2]
    """
    check("permutation", rng=rng)
    with explained("permutation", {}, {"x": x}):
        return engine.as_tensor(generator(rng).permutation(_bare(x)))


def choice(a: Any, size: Any = None, replace: bool = True, p: Any = None, *,
           rng: np.random.Generator | None = None) -> Tensor:  # fmt: skip
    """Draws from the elements of a (or the numbers below it), with probabilities p.

    >>> choice([7.0], 2)
    Tensor([7., 7.])
    """
    check("choice", rng=rng)
    require("choice", "size", _bare(size), _DRAWN["size"])
    require("choice", "replace", replace, FLAG)
    with explained("choice", {}, {"a": a, "size": size, "replace": replace, "p": p}):
        return engine.as_tensor(generator(rng).choice(_bare(a), _bare(size), replace, _bare(p)))


def _like(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def function(x: Any, *args: Any, dtype: Any = None, **options: Any) -> Tensor:
        array = errors.as_array(function.__name__, "x", getattr(x, "_array", x))
        shape, own = array.shape, array.dtype if array.dtype.kind == "c" else None
        dtype = getattr(x, "dtype", own) if dtype is None else dtype
        with explained(function.__name__, {}, {"x": x, "dtype": dtype, **options}):
            return make(shape, *args, dtype=dtype, **options)

    function.__name__ = function.__qualname__ = f"{make.__name__}_like"
    function.__doc__ = f"`{make.__name__}` in the shape and dtype of x."
    return function


zeros_like, ones_like, full_like = _like(zeros), _like(ones), _like(full)
empty_like, rand_like, randn_like = _like(empty), _like(rand), _like(randn)
