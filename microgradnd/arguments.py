"""What arguments may be: kinds of values by the names of parameters, and the check that all share.

A constructor says `@checked`: each argument is then held to the kind that `KINDS` has for its name,
or that the decorator is given. Functions say `check("windows", length=length)`. Only what is called
once is checked this way; what runs at every step of a training is not.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, NamedTuple, TypeVar

import numpy as np

from microgradnd.errors import shown

F = TypeVar("F", bound=Callable[..., Any])
Test = Callable[[Any], bool]


class Kind(NamedTuple):
    """What an argument must be, in words and as tests of its type and of its value."""

    words: str
    typed: Test
    fits: Test = lambda value: True


def is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    number = isinstance(value, (int, float, np.integer, np.floating))
    return number and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether it stays a number as a float: NaN, infinities and 10**400 do not."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_flag(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_)) or (is_whole(value) and value in (0, 1))


def kind_of_dtype(value: Any) -> str:
    """NumPy's letter for the kind of a dtype; "" for what is none."""
    if not isinstance(value, (type, str, np.dtype)):  # a scalar has a dtype, but is none
        return ""
    try:
        return np.dtype(value).kind
    except (TypeError, ValueError, SyntaxError):  # NumPy parses strings as it parses code
        return ""


def whole(least: int | None = None) -> Kind:
    """Whole numbers, from the least one on; sizes that no machine has are none."""
    words = "a whole number" + ("" if least is None else f" of at least {least}")
    return Kind(words, is_whole, lambda v: abs(v) < 2**62 and (least is None or v >= least))


def real(low: float = -math.inf, high: float = math.inf, *, without: str = "") -> Kind:
    """Finite numbers from low to high; `without` names the bounds that are not in it."""
    bounds = {
        (True, True): "a finite number",
        (False, True): f"a finite number {'above' if 'low' in without else 'of at least'} {low:g}",
        (True, False): f"a finite number {'below' if 'high' in without else 'of at most'} {high:g}",
        (False, False): f"a number in {'(' if 'low' in without else '['}{low:g}, {high:g}"
        + (")" if "high" in without else "]"),
    }

    def fits(v: Any) -> bool:
        above = v > low if "low" in without else v >= low
        return is_finite(v) and above and (v < high if "high" in without else v <= high)

    return Kind(bounds[low == -math.inf, high == math.inf], is_real, fits)


def one_of(*names: str) -> Kind:
    words = " or ".join(filter(None, [", ".join(map(repr, names[:-1])), repr(names[-1])]))
    return Kind(
        words if names[1:] else f"{words} (there is no other)",
        lambda v: isinstance(v, str),
        lambda v: v in names,
    )


def one_number_of(*numbers: int) -> Kind:
    return Kind(f"one of {', '.join(map(str, numbers))}", is_whole, lambda v: v in numbers)


def instance(cls: type | tuple[type, ...], words: str) -> Kind:
    return Kind(words, lambda v: isinstance(v, cls))


def optional(kind: Kind) -> Kind:
    """The kind, or None."""
    return Kind(
        f"{kind.words}, or None",
        lambda v: v is None or kind.typed(v),
        lambda v: v is None or kind.fits(v),
    )


def either(first: Kind, second: Kind) -> Kind:
    return Kind(
        f"{first.words}, or {second.words}",
        lambda v: first.typed(v) or second.typed(v),
        lambda v: first.fits(v) if first.typed(v) else second.fits(v),
    )


def several(kind: Kind, words: str, least: int = 0, most: int | None = None) -> Kind:
    """A list or tuple of values of one kind."""
    return Kind(
        words,
        lambda v: isinstance(v, (list, tuple)) and all(kind.typed(x) for x in v),
        lambda v: len(v) >= least and (most is None or len(v) <= most) and all(map(kind.fits, v)),
    )


def sizes(least: int, axes: int = 2) -> Kind:
    """A number for all axes of an image or volume, or one for each."""
    words = {
        1: "a list of one",
        2: "a pair (height, width) of them",
        3: "a triple (depth, height, width) of them",
    }
    return either(whole(least), several(whole(least), words[axes], axes, axes))


FLAG = Kind("True or False", is_flag)
NUMBER = real()
NOT_NEGATIVE = real(0)
POSITIVE = real(0, without="low")
PROBABILITY = real(0, 1)
NORM = Kind(
    "a number above 0, or inf", is_real, lambda v: v > 0 and (v == math.inf or is_finite(v))
)
CALLABLE = Kind("a function", callable)
RNG = optional(
    Kind(
        "a generator, as numpy.random.default_rng(seed) makes",
        lambda v: isinstance(v, np.random.Generator),
    )
)
FLOATS = Kind("a dtype of floats, such as numpy.float32", lambda v: kind_of_dtype(v) == "f")
NUMBER_DTYPE = Kind(
    "a dtype of numbers, such as numpy.float32", lambda v: kind_of_dtype(v) in tuple("biufc")
)
DTYPE = optional(FLOATS)
STRING = instance(str, "a string")
REALS = "an array of real numbers (or a number, or nested lists of equal lengths)"
TENSOR = Kind(REALS, lambda v: real_or_none(v) is not None)
NUMBERS = Kind(
    "an array of numbers, real or complex (or a number, or nested lists of equal lengths)",
    lambda v: real_or_none(v, "biufc") is not None,
)
ARRAY = Kind(
    "a Tensor or an array of real numbers",
    lambda v: isinstance(getattr(v, "_array", v), np.ndarray) and v.dtype.kind in "biuf",
)
STATISTICS = Kind(
    "an array of floats, which is changed in place",
    lambda v: isinstance(v, np.ndarray) and v.dtype.kind == "f",
)
PATH = instance((str, os.PathLike), "the path of a file or folder")
ANY = Kind("anything", lambda v: True)

# By annotation, what an option of a function composed of operations may be.
WHOLES = Kind(
    "whole numbers",
    lambda v: (
        (isinstance(v, (list, tuple, range)) or (isinstance(v, np.ndarray) and v.ndim == 1))
        and all(map(is_whole, v))
    ),
)
SCALAR = Kind("a number", lambda v: getattr(real_or_none(v), "ndim", 1) == 0)
ANNOTATED: dict[str, Kind] = {
    "int": whole(),
    "bool": FLAG,
    "float": SCALAR,
    "str": STRING,
    "int | None": optional(whole()),
    "bool | None": optional(FLAG),
    "float | None": optional(SCALAR),
    "Axis": optional(either(whole(), WHOLES)),
    "Sequence[int]": WHOLES,
    "Sequence[int] | None": optional(WHOLES),
    "int | Sequence[int]": either(whole(), WHOLES),
    "tuple[float, float] | None": optional(several(SCALAR, "a pair of numbers", 2, 2)),
    "np.random.Generator | None": RNG,
    "int | Sequence[int] | None": optional(either(whole(), WHOLES)),
    "float | Sequence[float] | None": optional(either(SCALAR, several(SCALAR, "several"))),
    "Norm": optional(one_of("backward", "ortho", "forward")),  # of Fourier transforms
    "float | str | None": optional(either(STRING, SCALAR)),
}

# Parameters that mean the same wherever they stand; a constructor names the others' kinds itself.
KINDS: dict[str, Kind] = {
    "rng": RNG,
    "dtype": DTYPE,
    **dict.fromkeys(["in_channels", "out_channels"], whole(1)),
    **dict.fromkeys(["in_features", "out_features", "context", "epochs", "cooldown"], whole(0)),
    **dict.fromkeys(["input_size", "hidden_size", "num_layers", "groups", "classes"], whole(1)),
    **dict.fromkeys(["num_features", "num_embeddings", "embedding_dim", "n"], whole(1)),
    **dict.fromkeys(["length", "horizon", "step", "lag", "order", "models", "width"], whole(1)),
    **dict.fromkeys(["kernel_size", "stride", "dilation"], sizes(1)),
    **dict.fromkeys(["step_size", "T_max", "total_iters", "total_steps"], whole(1)),
    "output_padding": sizes(0),
    **dict.fromkeys(["bias", "affine", "strict", "batch_first", "bidirectional", "fused"], FLAG),
    **dict.fromkeys(["chapter", "track_running_stats", "elementwise_affine", "shuffle"], FLAG),
    **dict.fromkeys(
        ["drop_last", "log_target", "count_include_pad", "error_if_nonfinite", "restore_best"], FLAG
    ),
    **dict.fromkeys(["train", "training", "strict_names", "progress", "resume"], FLAG),
    **dict.fromkeys(["dim", "start_dim", "end_dim", "ignore_index"], whole()),
    "padding_idx": optional(whole()),
    **dict.fromkeys(["requires_grad", "copy", "create_graph", "allow_unused"], FLAG),
    **dict.fromkeys(["raise_exception", "replace", "inplace"], FLAG),
    **dict.fromkeys(["log_input", "full", "swap", "zero_infinity"], FLAG),
    "retain_graph": optional(FLAG),
    "name": optional(STRING),
    **dict.fromkeys(["k", "c", "mean", "val", "negative_slope", "intercept"], NUMBER),
    **dict.fromkeys(["eps", "std", "gain", "strength", "min_lr", "max_lr"], NOT_NEGATIVE),
    **dict.fromkeys(["gamma", "eta_min", "start_factor", "end_factor"], NOT_NEGATIVE),
    **dict.fromkeys(["div_factor", "final_div_factor"], POSITIVE),
    **dict.fromkeys(["p", "dropout", "label_smoothing", "fraction", "pct_start"], PROBABILITY),
    **dict.fromkeys(["x", "input"], TENSOR),
    "reduction": one_of("mean", "sum", "none"),
    "nonlinearity": one_of("tanh", "relu"),
    "mode": one_of("min", "max"),
    "clip": optional(POSITIVE),
    "checkpoint": optional(PATH),
}


def checked(**kinds: Kind) -> Callable[[F], F]:
    """Holds the arguments of a constructor (or function) to their kinds before it runs.

    A class may have kinds of its own, in a dict `kinds`, for the constructor that it inherits.

    >>> class Layer:
    ...     @checked(width=whole(1))
    ...     def __init__(self, width, bias=True): ...
    >>> Layer(2.9)
    Traceback (most recent call last):
    TypeError: Layer: width must be a whole number of at least 1, not 2.9
    """

    def decorate(function: F) -> F:
        code = getattr(function, "__wrapped__", function).__code__
        positional = code.co_varnames[: code.co_argcount]
        known = KINDS | kinds
        method = positional[:1] == ("self",)

        @functools.wraps(function)
        def wrapper(*args: Any, **options: Any) -> Any:
            owner = type(args[0]) if method and args else function
            own = known | getattr(owner, "kinds", {})
            for name, value in (*zip(positional, args), *options.items()):
                if name in own:
                    require(owner.__name__, name, value, own[name])
            return function(*args, **options)

        return wrapper  # type: ignore[return-value]

    return decorate


def check(owner: str, **values: Any) -> None:
    """Holds values to the kinds that `KINDS` has for their names."""
    for name, value in values.items():
        require(owner, name, value, KINDS[name])


def require(owner: str, name: str, value: Any, kind: Kind) -> None:
    """Raises unless a value is of a kind: a TypeError for its type, else a ValueError."""
    if not kind.typed(value):
        raise TypeError(f"{owner}: {name} must be {kind.words}, not {shown(value)}")
    if not kind.fits(value):
        raise ValueError(f"{owner}: {name} must be {kind.words}, not {shown(value)}")


def required(owner: str, name: str, kind: Kind) -> Callable[[Any], Any]:
    """A function that gives a value back if it is of a kind, to `prepare` an operation's option."""

    def option(value: Any) -> Any:
        require(owner, name, value, kind)
        return value

    return option


def real_array(owner: str, name: str, value: Any, kind: str = "f") -> np.ndarray:
    """What stands for an array of real numbers as one; a Tensor gives its own.

    Where the kind of dtype is "c" the numbers may be complex.
    """
    array = real_or_none(value, "biuf" + kind)
    if array is None:
        raise TypeError(f"{owner}: {name} must be {REALS}, not {shown(value)}")
    return array


def real_or_none(value: Any, kinds: str = "biuf") -> np.ndarray | None:
    if hasattr(type(value), "__samples__"):
        return value.data  # of what stands for several arrays at once
    try:
        array = np.asarray(getattr(value, "_array", value))
    except Exception:  # ragged lists, objects that refuse in whatever way
        return None
    return array if array.dtype.kind in kinds else None


def require_real(owner: str, name: str, x: Any) -> None:
    """Raises where a Tensor or array is complex."""
    if x.dtype.kind == "c":
        raise TypeError(f"{owner}: {name} must be real, it has dtype {x.dtype}")


def number_of(owner: str, name: str, value: Any) -> float:
    """What stands for one real number, such as a loss, as a float."""
    array = real_array(owner, name, value)
    if array.size != 1:
        raise ValueError(f"{owner}: {name} must be one number, not {shown(value)}")
    return float(array.item())


def index_array(owner: str, name: str, value: Any) -> np.ndarray:
    """What stands for an array of whole numbers as one."""
    array = real_array(owner, name, value)
    if not array.size:
        return array.astype(np.intp)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"{owner}: {name} must hold integers, not {array.dtype}; convert with .astype(int)"
        )
    return array


def elements(owner: str, name: str, value: Any, words: str) -> list[Any]:
    """What can be gone over in order, as a list; single things and sets are refused by name."""
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Set, Mapping)):
        raise TypeError(f"{owner}: {name} must be {words}, not {shown(value)}")
    try:
        return list(value)
    except TypeError:  # an array without axes
        raise TypeError(f"{owner}: {name} must be {words}, not {shown(value)}") from None
