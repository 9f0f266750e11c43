"""What the arguments of pictures and reports may be; see `microgradnd.graph`."""

from __future__ import annotations

import os
from typing import Any

from microgradnd import OPS, AnomalyError, Op, Tensor
from microgradnd.graph import (
    FLAG,
    NUMBERS,
    POSITIVE,
    STRING,
    Kind,
    either,
    instance,
    one_of,
    optional,
    several,
    whole,
)
from viz.style.theme import THEMES

LOSS = instance(Tensor, "a Tensor")
LOSSES = either(LOSS, several(LOSS, "several", 1))


def _is_trace(value: Any) -> bool:
    return hasattr(value, "nesting") and hasattr(value, "contributions")


TRACE = Kind("what viz.trace gives", _is_trace)
SOURCE = either(either(LOSSES, TRACE), instance(AnomalyError, "the error of detect_anomaly"))
GRADIENT = optional(either(NUMBERS, several(optional(NUMBERS), "one for each tensor")))
_COLLECTIONS = (list, tuple, set, frozenset, range)
NAMES = Kind(
    "a collection of names",
    lambda v: isinstance(v, _COLLECTIONS) and all(isinstance(x, str) for x in v),
)
FOLD = Kind(
    '"auto", True, False, or a collection of groupings',
    lambda v: isinstance(v, (bool, str)) or NAMES.typed(v),
    lambda v: not isinstance(v, str) or v == "auto",
)
NUMBERS = Kind(
    "a collection of whole numbers",
    lambda v: isinstance(v, _COLLECTIONS) and all(map(whole().typed, v)),
)
COUNT = whole(1)
HOPS = optional(whole(0))
FOCUS = either(either(LOSS, STRING), several(either(LOSS, STRING), "a pair of them", 2, 2))
LOOKS = {
    "theme": one_of(*THEMES),
    "direction": one_of("TB", "LR"),
    "title": optional(STRING),
    "step": optional(whole()),
    "strip": FLAG,
    "engine": optional(one_of("pygraphviz", "dot", "layered")),
    "timeout": POSITIVE,
    "force": FLAG,
    "keep": one_of("summaries", "arrays"),
}
PATH = instance((str, os.PathLike), "the path of a file")
SAVED = {"path": PATH, "scale": POSITIVE}
PAIR = Kind(
    "two different words",
    lambda v: isinstance(v, (list, tuple)) and all(isinstance(x, str) for x in v),
    lambda v: len(v) == 2 == len(set(v)),
)
UNIT = several(either(whole(0), STRING), "a layer and the number of a unit in it", 2, 2)
SHAPE = several(whole(0), "a shape")
OPERATION = Kind(
    "an operation, its function or its name",
    lambda v: isinstance(v, (str, Op)) or isinstance(getattr(v, "op", None), Op),
    lambda v: not isinstance(v, str) or v in OPS,
)
