"""What a call costs is counted, not timed: one Python call over those of the forward function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd.declaration import OPS
from tests.op_case import OpCase
from tests.op_cases import CASES

FIRST = {case.op: case for case in reversed(CASES) if not case.op.startswith("einsum")}


def python_calls(function: Callable[[], Any]) -> int:
    """How many Python functions are called while one runs, itself not counted."""
    count = -1

    def follow(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(follow)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("case", FIRST.values(), ids=FIRST)
def test_recording_an_operation_takes_one_python_call(case: OpCase) -> None:
    op, sample = OPS[case.op], next(s for s in case.samples if 0 not in s.operands[0].shape)
    arrays, tensors = sample.arrays(np.float64), sample.tensors(np.float64)
    given = [tensors] if op.variadic else tensors
    options = {k: sample.options.get(k, default) for k, default in op.options.items()}
    options |= {k: prepare(options[k]) for k, prepare in op.prepare.items()}
    values = [arrays] if op.variadic else [*arrays, *[None] * (len(op.operands) - len(arrays))]
    call = lambda: op.function(*given, **sample.options)
    call()  # its code is generated at the first call
    bare = python_calls(lambda: op.call_forward(*values, **options))
    constants = len(tensors) - len(sample.tracked)  # whether they have names is looked up
    special = 20 if call().dtype.kind == "c" else 0  # complex numbers are recorded by a function
    assert python_calls(call) <= bare + 1 + 2 * constants + 6 * len(op.prepare) + special


def test_calling_a_layer_takes_two_python_calls_over_its_forward() -> None:
    layer, x = mg.nn.Linear(3, 2), mg.Tensor(np.ones((1, 3)))
    layer(x)
    assert python_calls(lambda: layer(x)) <= python_calls(lambda: layer.forward(x)) + 2
