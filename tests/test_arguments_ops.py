"""Bad arguments of operations, as functions and as methods: NumPy's result, or a clear error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import microgradnd as mg
from microgradnd import tensor_methods
from microgradnd.declaration import FUNCTIONS, OPS, PUBLIC, TORCH, public
from tests.bad_arguments import Case, parameters_of, trials_of
from tests.op_case import OpCase, Sample
from tests.op_cases import CASES as ROWS

# Options of operations whose reference is not NumPy's own function, and what they may be.
KINDS = {
    "slope": "real", "alpha": "real", "c": "real", "sigma": "real|[nan]|(1, 2, 3)|range",
    "beta": "real", "threshold": "real", "min_val": "real", "max_val": "real",
    "approximate": "none", "rtol": "real?", "hermitian": "anything",
    "descending": "anything", "stable": "anything",  # their truth counts
}  # fmt: skip


def sample_of(row: OpCase) -> Sample:
    """The sample that says most: with axes, without empty ones, and with most options."""
    ranked = sorted(row.samples, key=lambda s: (min(map(np.size, s.arrays())) > 0, len(s.options)))
    return next((s for s in reversed(ranked) if s.arrays()[0].ndim), ranked[-1])


def of_operation(row: OpCase, method: str = "") -> Case:
    """The case of an operation, under its public name or as a method."""
    op, chosen = OPS[row.op], sample_of(row)
    names = ["self", *op.operands[1:]] if method else list(op.operands)
    function = getattr(mg.Tensor, method) if method else public(row.op)

    def valid() -> dict[str, Any]:
        tensors = chosen.tensors()
        return {**({names[0]: tensors} if op.variadic else dict(zip(names, tensors))),
                **chosen.options}  # fmt: skip

    def call(**given: Any) -> Any:
        return function(*[given.pop(k) for k in names if k in given], **given)

    def reference(**given: Any) -> Any:
        first = valid()["self"].numpy() if method else given.pop(names[0])
        operands = [*(first if op.variadic else [first])]
        operands += [given.pop(k) for k in names[1:] if k in given]
        arrays = [*map(np.asarray, operands)]
        if op.activation and arrays[0].dtype.kind in "biu":  # the reference keeps the dtype
            arrays[0] = arrays[0].astype(float)
        return row.reference(*arrays, **given)

    nans = "none|nan|float16 nan|[nan]|array nan" if row.op == "step" else "none"  # goes its way
    kinds = {k: "none?" if k in op.optional else nans for k in names if k != "self"}
    kinds |= {k: KINDS.get(k, "none") for k in op.options}
    if "axis" in kinds and "descending" in kinds:  # what an index can be made of, NumPy takes
        kinds["axis"] += "|iterator"
    if op.fixed and not op.rules.keys() - {"x"}:  # NumPy itself takes 2**63 for a half
        kinds |= {k: kinds[k] + "|9223372036854775808" for k in names if k == "x"}
    return Case(call, valid, kinds, reference, f"Tensor.{method}" if method else row.op)


FIRST = {row.op: row for row in reversed(ROWS)}
OPERATIONS = [
    of_operation(FIRST[name]) for name in sorted(PUBLIC & FIRST.keys() - FUNCTIONS.keys())
]
KNOWN = FIRST.keys() - FUNCTIONS.keys()
METHODS = [
    case
    for name in sorted(dir(mg.Tensor))
    if callable(getattr(mg.Tensor, name))
    and TORCH.get(name, name) in KNOWN
    and name not in tensor_methods.SHARED  # written by hand: x.where(condition, y)
    if parameters_of(case := of_operation(FIRST[TORCH.get(name, name)], name))
]


def composed(
    name: str, numpys: Callable[..., Any], call: Callable[..., Any] | None = None, **given: Any
) -> Case:
    """A function composed of operations, which NumPy has, too."""
    valid = lambda: {k: mg.Tensor(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
    kinds = dict.fromkeys(given, "none") | {"tup": "none|generator"}  # what NumPy did once, too
    return Case(call or public(name), valid, {k: kinds[k] for k in given}, numpys, name)


def x23() -> np.ndarray:
    return np.arange(6.0).reshape(2, 3)


COMPOSED = [
    composed("dot", lambda x, y: np.dot(x, y), x=x23(), y=np.arange(3.0)),
    composed("einsum", lambda subscripts, operand: np.einsum(subscripts, operand),
             lambda subscripts, operand: mg.einsum(subscripts, operand),
             subscripts="ij->j", operand=x23()),
    composed("einsum", lambda subscripts, operand, operands: np.einsum(
                 subscripts, operand, operands),
             lambda subscripts, operand, operands: mg.einsum(subscripts, operand, operands),
             subscripts="ij,j->i", operand=x23(), operands=np.arange(3.0)),
    composed("hstack", np.hstack, tup=[[1.0], [2.0]]),
    composed("vstack", np.vstack, tup=[[1.0], [2.0]]),
    composed("moveaxis", lambda x, source, destination: np.moveaxis(x, source, destination),
             x=x23(), source=0, destination=1),
    composed("split", lambda x, indices_or_sections, axis: np.split(
                 np.asarray(x), indices_or_sections, axis),
             x=x23(), indices_or_sections=3, axis=1),
    composed("pad", lambda x, pad_width, mode, constant_values: np.pad(
                 x, pad_width, mode, constant_values=constant_values),
             x=x23(), pad_width=1, mode="constant", constant_values=2.0),
    composed("ravel", lambda x: np.ravel(x), x=x23()),
    composed("contiguous", lambda x: np.asarray(x), x=x23()),
    composed("allclose", lambda x, y, rtol, atol, equal_nan: np.allclose(
                 x, y, rtol, atol, equal_nan), lambda **given: mg.Tensor(mg.allclose(**given)),
             x=x23(), y=x23(), rtol=0.1, atol=0.1, equal_nan=True),
    composed("array_equal", lambda x, y, equal_nan: np.array_equal(
                 np.asarray(x), np.asarray(y), equal_nan),
             lambda **given: mg.Tensor(mg.array_equal(**given)),
             x=x23(), y=x23(), equal_nan=True),
]  # fmt: skip
CASES = [*OPERATIONS, *METHODS, *COMPOSED]
(
    test_bad_arguments_are_named_or_rightly_taken,
    test_several_bad_arguments_are_named_or_rightly_taken,
    test_exchanged_arguments_are_named_or_rightly_taken,
) = trials_of(CASES)
