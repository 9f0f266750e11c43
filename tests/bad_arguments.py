"""Bad arguments: the values that are tried, what each kind of argument may take, and the trial.

Each argument of a callable in turn is replaced by some seventy values that it cannot all take. What
comes of it is clear (an error of a fitting type that names the callable, the argument and the
value, and leaves everything as it was), obscure (anything else that is raised) or silent (nothing
is). Obscure is never right; silent only where `LEGAL` says so, with the reason, or where NumPy's
own function gives the same.
"""

from __future__ import annotations

import fractions
import inspect
import itertools
import os
import pathlib
import re
import reprlib
import warnings
import zlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn, optim

SEED = int(os.environ.get("MICROGRADND_FUZZ_SEED", "0"))  # of the random combinations


class Weird:
    """Answers no question that is put to it."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("no array")


def leaf(*shape: int) -> mg.Tensor:
    return mg.Tensor(np.full(shape, 0.5), requires_grad=True)


# Made anew for each call, so that a generator is fresh and nothing written to is seen again.
BAD: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "''": lambda: "",
    "'abc'": lambda: "abc",
    "'3'": lambda: "3",
    "b'3'": lambda: b"3",
    **{repr(x): (lambda x=x: x) for x in (0, 1, 7, -1, -7, 2**63, 10**400, True, False)},
    **{repr(x): (lambda x=x: x) for x in (0.0, 0.5, 1.0, 1.5, 2.9, -0.5, -1.0, 1e300, 1e-320, 1j)},
    **{str(x): (lambda x=x: float(x)) for x in ("nan", "inf", "-inf")},
    "float32 2.9": lambda: np.float32(2.9),
    "int64 -3": lambda: np.int64(-3),
    "int64 3": lambda: np.int64(3),
    "float16 nan": lambda: np.float16("nan"),
    "Fraction": lambda: fractions.Fraction(1, 2),
    "Decimal": lambda: Decimal("0.5"),
    "[]": lambda: [],
    "()": lambda: (),
    "{}": dict,
    "set": lambda: {1, 2},
    "dict": lambda: {"a": 1},
    "[None]": lambda: [None],
    "['a']": lambda: ["a"],
    "[1, 'a']": lambda: [1, "a"],
    "ragged": lambda: [[1.0], [2.0, 3.0]],
    "[nan]": lambda: [float("nan")],
    "[[]]": lambda: [[]],
    "(1, 2, 3)": lambda: (1, 2, 3),
    "(2, 2)": lambda: (2, 2),
    "(-1, 1)": lambda: (-1, 1),
    "(2.5, 1)": lambda: (2.5, 1),
    "range": lambda: range(3),
    "generator": lambda: (x for x in (1, 2)),
    "iterator": lambda: iter([]),
    "object": object,
    "weird": Weird,
    "class": lambda: int,
    "function": lambda: lambda *args: args,
    "len": lambda: len,
    "module": lambda: np,
    "...": lambda: ...,
    "NotImplemented": lambda: NotImplemented,
    "slice": lambda: slice(None),
    "array of objects": lambda: np.array([1, "a"], object),
    "array None": lambda: np.array(None),
    "array of strings": lambda: np.array(["a", "b"]),
    "complex array": lambda: np.ones(2, complex),
    "dates": lambda: np.zeros(2, "M8[s]"),
    "records": lambda: np.zeros(2, [("a", float)]),
    "empty array": lambda: np.zeros(0),
    "array nan": lambda: np.array([np.nan, 1.0]),
    "bool array": lambda: np.array([True, False]),
    "big-endian": lambda: np.array([1.0, 2.0], ">f8"),
    "0-d array": lambda: np.array(0.5),
    "long array": lambda: np.zeros((1, 1, 1, 1, 1, 1)),
    "Tensor": lambda: mg.Tensor([0.5, 0.25]),
    "Tensor 0-d": lambda: mg.Tensor(0.5),
    "integer Tensor": lambda: mg.Tensor([0, 1]),
    "leaf": lambda: leaf(2),
    "computed": lambda: leaf(2) * 2.0,
    "dtype": lambda: np.dtype(np.float32),
    "integer dtype": lambda: np.dtype(int),
    "rng": lambda: np.random.default_rng(0),
    "legacy rng": lambda: np.random.RandomState(0),
    "optimizer": lambda: optim.SGD([leaf(2)]),
    "layer": lambda: nn.Linear(2, 2),
    "path": lambda: pathlib.Path("no such folder") / "x.npz",
}

# The values that each kind of argument may take; why stands beside it.
WHOLE = {"1", "7", "int64 3"}
REAL = {"0", *WHOLE, "-1", "-7", "0.0", "0.5", "1.0", "1.5", "2.9", "-0.5", "-1.0", "1e+300",
        "1e-320", "float32 2.9", "int64 -3", "9223372036854775808"}  # fmt: skip
BELOW = {"-1", "-7", "-0.5", "-1.0", "int64 -3"}
NUMBERS = REAL | {"True", "False", "nan", "inf", "-inf", "float16 nan"}
ARRAYS = {"empty array", "array nan", "bool array", "big-endian", "0-d array", "long array", "[]",
          "()", "[nan]", "[[]]", "(1, 2, 3)", "(2, 2)", "(-1, 1)", "(2.5, 1)", "Tensor",
          "Tensor 0-d", "integer Tensor", "leaf", "computed", "range"}  # fmt: skip
LEGAL: dict[str, set[str]] = {
    "size": WHOLE,
    "size0": WHOLE | {"0"},
    "pair": WHOLE | {"(2, 2)"},  # of an image's axes
    "pair0": WHOLE | {"0", "(2, 2)"},
    "whole": WHOLE | {"0", "-1", "-7", "int64 -3"},  # counts from the end, or marks a class
    "flag": {"True", "False", "0", "1"},  # 0 and 1 are how NumPy and C write them
    "real": REAL,
    "not negative": REAL - BELOW,
    "positive": REAL - BELOW - {"0", "0.0"},
    "share": {"0", "1", "0.0", "0.5", "1.0", "1e-320"},  # a probability
    "norm": REAL - BELOW - {"0", "0.0"} | {"inf"},  # of infinite order: the largest
    "function": {"function", "len", "class", "layer"},  # what can be called
    "string": {"''", "'abc'", "'3'"},
    "rng": {"None", "rng"},
    "dtype": {"None", "dtype"},
    "array": NUMBERS | ARRAYS,  # a number is an array without axes; NaN goes its way
    "number": NUMBERS | {"0-d array", "Tensor 0-d"},  # or what stands for one
    "none": set(),
    "anything": set(BAD),
}
ALSO_NONE = {"None"}


class Case(NamedTuple):
    """A callable, the arguments of a call that works, and the kinds of its parameters.

    A kind ends in "?" where None is legal, too; extra labels follow after "|". A reference gives
    from the same arguments, Tensors among them as arrays, what NumPy (or arithmetic) says of them.
    """

    call: Callable[..., Any]
    valid: Callable[[], dict[str, Any]]
    kinds: dict[str, str]
    reference: Callable[..., Any] | None = None
    name: str = ""


def name_of(case: Case) -> str:
    return case.name or getattr(case.call, "__qualname__", str(case.call))


def parameters_of(case: Case) -> list[str]:
    if case.reference or case.name:
        return [name for name in {**case.valid(), **case.kinds} if name != "self"]
    if isinstance(case.call, type) and issubclass(case.call, nn.loss_modules.Loss):
        given = inspect.signature(case.call.function).parameters.values()
        return [p.name for p in given if p.default is not inspect.Parameter.empty]
    names = inspect.signature(case.call).parameters
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [name for name, p in names.items() if p.kind not in kinds and name != "self"]
    return named + [name for name in case.valid() if name not in names]


def legal(kind: str) -> set[str]:
    kind, *extra = kind.split("|")
    return LEGAL[kind.removesuffix("?")] | set(extra) | (ALSO_NONE if "?" in kind else set())


VALUE = re.compile(r"\(\d*,?( \d+,?)*\)|\d samples|\d values|input|target")  # or their shapes
CALLED = {"class", "function", "len", "layer"}  # what a function raises that is given is its own
LATE = {"fit": {"generator", "iterator"}}  # what is in them is not known before
EXPECTED = (
    TypeError, ValueError, IndexError, KeyError, OSError, ArithmeticError, RuntimeError,
    AttributeError,
)  # fmt: skip


def unclear(error: BaseException, case: Case, parameter: str) -> bool:
    """Whether an error fails to say which callable and which argument, or is of no fitting type."""
    text = "\n".join([*getattr(error, "__notes__", ()), f"{error}"])  # ops add notes
    if isinstance(error, OSError):  # the system names the file
        return not re.search("No such file|no such folder|no MNIST|Is a directory", text)
    if not isinstance(error, EXPECTED) or isinstance(error, UnicodeError):
        return True
    names = {*re.split(r"\W+", name_of(case).lower()), *mg.OPS, "tensor", "backward"}
    said = re.findall(r"^(?:this )?([\w.]+)", text, re.MULTILINE)
    owner = {x.lower() for words in said for x in re.split(r"\W+", words)} & names
    stem = parameter.rstrip("s")
    return not owner or not (stem in text or "shape" in text or VALUE.search(text))


# --- The trial -----------------------------------------------------------------------------------
def plain(value: Any) -> Any:
    """A value as NumPy is given it."""
    if isinstance(value, list):
        return [plain(x) for x in value]
    return value.numpy() if isinstance(value, mg.Tensor) else value


def close(one: np.ndarray, other: np.ndarray) -> bool:
    finite = np.isfinite(other)
    tolerance = 1e-2 if np.float16 in (one.dtype, other.dtype) else 1e-5
    return np.allclose(one[finite], other[finite], tolerance, 1e-7)


def agrees(case: Case, result: Any, arguments: dict[str, Any]) -> bool:
    """Whether the result is what the reference gives; where that overflows, it says nothing."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = case.reference(**{k: plain(v) for k, v in arguments.items() if k != "self"})
        except Exception:  # whatever NumPy refuses
            return False
        result, expected = (x if isinstance(x, (list, tuple)) else [x] for x in (result, expected))
        return len(result) == len(expected) and all(
            isinstance(one, mg.Tensor)
            and one.shape == np.shape(other)
            and {one.dtype.kind, np.asarray(other).dtype.kind} <= set("biufc")
            and np.iscomplexobj(other) == (one.dtype.kind == "c")
            and close(one.numpy(), np.asarray(other))
            for one, other in zip(result, expected)
        )


def state_of(value: Any) -> Any:
    """What a refused call must leave as it was, in words."""
    if isinstance(value, mg.Tensor):
        return (value.numpy().tobytes(), value.shape, value.requires_grad, value.name,
                None if value.grad is None else value.grad.numpy().tobytes())  # fmt: skip
    if isinstance(value, (nn.Module, optim.Optimizer, optim.Schedule)):
        return type(value).__name__, repr(value.state_dict())
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return [state_of(x) for x in value] if isinstance(value, (list, tuple)) else None


def result_of(case: Case, arguments: dict[str, Any]) -> Any:
    """The result of a call; its gradients are computed, too, and must fit."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = case.call(**arguments)
        if case.reference is not None:
            for out in result if isinstance(result, (list, tuple)) else [result]:
                if isinstance(out, mg.Tensor) and out.requires_grad:
                    out.backward(np.ones(out.shape), retain_graph=True)
    return result


def outcome(case: Case, labels: dict[str, str]) -> str | None:
    """What is wrong with a call, some of whose arguments are bad; None if nothing is.

    The word that it begins with is "obscure", "changed" or "accepted".
    """
    arguments = case.valid()
    before = {k: state_of(v) for k, v in arguments.items() if k not in labels}
    arguments |= {name: BAD[label]() for name, label in labels.items()}
    fits = all(label in legal(case.kinds[name]) for name, label in labels.items())
    try:
        result = result_of(case, arguments)
    except Exception as error:
        if fits and CALLED.intersection(labels.values()):
            return None
        if all(unclear(error, case, name) for name in labels):
            return f"obscure {type(error).__name__}: {error}"
        if LATE.get(name_of(case), set()).intersection(labels.values()):
            return None
        after = {k: state_of(arguments[k]) for k in before}
        return None if after == before else "changed something before it was refused"
    if fits or (case.reference and agrees(case, result, arguments)):
        return None
    others = {name: label for name, label in labels.items() if label not in COMPLEX}
    lost = not carries_complex(result) and name_of(case) not in REAL_OF_COMPLEX
    if not lost and all(label in legal(case.kinds[name]) for name, label in others.items()):
        return None  # no imaginary part was lost
    return f"accepted: {reprlib.repr(result)}"


COMPLEX = {"1j", "complex array"}
# What is real of complex operands by its nature: lengths, parts, comparisons, places.
REAL_OF_COMPLEX = {"allclose", "array_equal", "dist", "matrix_rank", "torch_norm", "view_as_real"}


def carries_complex(result: Any) -> bool:
    """Whether an array in a result, however it is packed, is complex."""
    if isinstance(result, (list, tuple)):
        return any(map(carries_complex, result))
    return np.asarray(getattr(result, "_array", result)).dtype.kind == "c"


def singly(case: Case, parameter: str) -> list[str]:
    """What is wrong with each bad value of one parameter; none is left out."""
    found = {label: outcome(case, {parameter: label}) for label in BAD}
    assert len(found) > 70
    return [f"{label}: {wrong}" for label, wrong in found.items() if wrong]


def together(case: Case, calls: int) -> list[str]:
    """What is wrong with calls in which two or three arguments are bad at once, drawn at random."""
    names = parameters_of(case)
    random = np.random.default_rng([SEED, zlib.crc32(name_of(case).encode())])
    found = {}
    for _ in range(calls if len(names) > 1 else 0):
        count = random.integers(2, min(len(names), 3) + 1)
        chosen = random.choice(len(names), count, replace=False)
        labels = {names[i]: list(BAD)[random.integers(len(BAD))] for i in chosen}
        found[str(labels)] = outcome(case, labels)
    return [f"{labels}: {wrong}" for labels, wrong in found.items() if wrong]


def exchanged(case: Case) -> list[str]:
    """What is wrong with f(b, a) for f(a, b), of all pairs of arguments that a working call has."""
    wrong = []
    given = [name for name in case.valid() if name != "self"]
    for first, second in itertools.combinations(given, 2):
        arguments = case.valid()
        arguments[first], arguments[second] = arguments[second], arguments[first]
        try:
            result_of(case, arguments)
        except Exception as error:
            if unclear(error, case, first) and unclear(error, case, second):
                wrong.append(f"{first}, {second}: {error}")
        else:
            kinds = {type(arguments[name]) for name in (first, second)}
            alike = kinds <= {int, tuple} or kinds <= {bool, type(None)}
            if case.kinds[first] != case.kinds[second] and not alike and not case.reference:
                wrong.append(f"{first}, {second}: accepted")
    return wrong


def trials_of(cases: Iterable[Case]) -> tuple[Callable, Callable, Callable]:
    """The tests that a table of cases makes."""
    each = pytest.mark.parametrize("case", cases, ids=name_of)

    @each
    def test_bad_arguments_are_named_or_rightly_taken(case: Case) -> None:
        if "no such" not in str(case.valid()):
            result_of(case, case.valid())  # the call works, but for what is replaced
        wrong = {p: singly(case, p) for p in parameters_of(case)}
        assert wrong
        assert [f"{p} {words}" for p, found in wrong.items() for words in found] == []

    @each
    def test_several_bad_arguments_are_named_or_rightly_taken(
        case: Case, request: pytest.FixtureRequest
    ) -> None:
        assert together(case, request.config.getoption("fuzz")) == []

    @each
    def test_exchanged_arguments_are_named_or_rightly_taken(case: Case) -> None:
        assert exchanged(case) == []

    return (
        test_bad_arguments_are_named_or_rightly_taken,
        test_several_bad_arguments_are_named_or_rightly_taken,
        test_exchanged_arguments_are_named_or_rightly_taken,
    )
