"""Bad arguments of functions composed of operations, from the rows that say what they compute."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd import nn
from microgradnd.declaration import FUNCTIONS
from tests.bad_arguments import LEGAL, Case, trials_of
from tests.op_case import OpCase
from tests.test_arguments_ops import sample_of
from tests.test_composed import COMPOSED

# What an option may be, by its annotation, where the reference does not know it.
ANNOTATED = {
    "int": "whole", "bool": "flag", "float": "number", "int | None": "whole?",
    "bool | None": "flag?", "float | None": "number?", "TensorLike": "array",
    "TensorLike | None": "array?", "np.random.Generator | None": "rng",
}  # fmt: skip
EMPTY = "[]|()|[[]]|empty array"  # of floats, as NumPy makes it, but no index that could be wrong
NUMBER = "number"
VECTORS = {"0-d array", "array nan", "bool array", "big-endian", "(1, 2, 3)", "(2, 2)", "(-1, 1)",
           "(2.5, 1)", "range", "Tensor", "Tensor 0-d", "integer Tensor", "leaf", "computed",
           *LEGAL["number"], "[]", "()", "[nan]", "empty array"}  # fmt: skip
BROADCAST = VECTORS - {"(1, 2, 3)", "range", "[]", "()", "empty array"} | {"long array"}
OF_TWO = "number|[nan]|(2, 2)|(-1, 1)|(2.5, 1)|array nan|bool array|big-endian|Tensor|leaf|computed"
OF_TWO += "|integer Tensor"
PAIR, VOLUME = "pair", "size|(1, 2, 3)"


def or_none(kind: str) -> str:
    first, *more = kind.split("|")
    return "|".join([f"{first}?", *more])


# By function and parameter, what is rightly taken, though the reference of the row refuses it.
TAKEN: dict[str, str] = {
    # a number as an axis of one element, or without any, as in PyTorch
    **dict.fromkeys(
        [
            "cummax.x",
            "gather.x",
            "kthvalue.x",
            "mode.x",
            "msort.x",
            "nanmedian.x",
            "nanpercentile.x",
        ],
        NUMBER,
    ),
    "nanpercentile.x": f"{NUMBER}|bool array",
    "masked_select.x": "array",
    "masked_scatter.x": "array",
    "scatter_add.src": "array",  # broadcast
    **dict.fromkeys(["diag_embed.x", "cumulative_trapezoid.y"], f"none|{EMPTY}"),
    **dict.fromkeys(["gather.index", "unflatten.x"], "none|[[]]"),
    **dict.fromkeys(["take.indices", "index_select.index", "one_hot.x"], f"none|{EMPTY}"),
    "scatter.index": f"none|0|-1|{EMPTY}",
    "index_fill.index": f"none|0|-1|{EMPTY}",
    "take_along_axis.indices": f"none|0|1|-1|int64 -3|int64 3|{EMPTY}",
    "glu.x": "none|bool array",
    "prelu.x": NUMBER,
    "prelu.weight": "none|nan|float16 nan|long array",
    "addmv.input": "array|1j|complex array",  # with beta = 0 it does not count
    "mode.axis": "none|0|-1",
    **{
        f"{sign}fft{axes}.dim": "none?|(2, 2)|(-1, 1)"  # the axes, by PyTorch's name
        for sign in ("", "i", "r", "ir")
        for axes in ("n", "2")
    },
    **dict.fromkeys(["fftshift.dim", "ifftshift.dim"], "none?|0|1|-1|[]|()|(-1, 1)|empty array"),
    "polar.angle": "none|True",
    "matrix_rank.A": "none|[[]]",
    "chunk.x": "none|[[]]|long array",
    "chunk.chunks": "size",
    "chunk.axis": "none|0",
    "cumulative_trapezoid.x": "array?",
    "diff.prepend": "none?",
    "diff.append": "none?",
    "diag_embed.axis1": "none|0",
    "diag_embed.axis2": "none|1|-1",
    "logit.x": "none|9223372036854775808|1e-320",
    "logit.eps": "none|0.5",
    "percentile.q": "none|[[]]|long array",
    "nanpercentile.q": "none|[[]]|long array",
    "flatten.x": "array",
    "flatten.start_dim": "none|0",
    "flatten.end_dim": "none|1|-1",
    "matrix_diagonal.dim1": "none|0",
    "matrix_diagonal.dim2": "none|1|-1",
    "quantile.q": "none|[[]]|long array",
    "nanquantile.q": "none|[[]]|long array",
    "tensorinv.a": f"{NUMBER}|[[]]",
    "masked_scatter.mask": "none|False",
    "pad.constant_values": "number",
    "pad_from_the_last.pad": f"none|(2, 2)|(-1, 1)|{EMPTY}",
    "narrow.start": "none|0",
    "narrow.length": "none|0|1|int64 3",
    "one_hot.num_classes": "none|-1",
    "unflatten.sizes": "none|(1, 2, 3)|(-1, 1)",
    "lstsq.rcond": "number?",
    "matrix_rank.tol": "array?",
    "matrix_rank.rtol": "array?",
    "matrix_norm.axis": "none|(-1, 1)",
    "norm.p": "number?",
    "torch_norm.p": "number?",
    "torch_norm.ord": "number?",
    "torch_norm.axis": "none?|0|1|-1|[]|()",
    "interpolate.size": "pair",
    "interpolate.scale_factor": "none?",
    **{
        f"{op}_pool{axes}.{name}": kind
        for axes, size in (("2d", PAIR), ("3d", VOLUME))
        for op in ("max", "avg", "lp")
        for name, kind in (
            ("kernel_size", size),
            ("stride", or_none(size)),
            ("dilation", size),
            ("padding", "none|0|1"),
        )
    },
    **{
        f"max_unpool{axes}.{name}": kind
        for axes, size in (("2d", PAIR), ("3d", VOLUME))
        for name, kind in (("kernel_size", size), ("stride", or_none(size)), ("padding", "none|0"))
    },
    **{f"max_unpool{i}d.output_size": "none?" for i in (1, 2, 3)},
    **{
        f"adaptive_{op}_pool{axes}.output_size": or_none(size)
        for op in ("avg", "max")
        for axes, size in (("1d", "size|[None]"), ("2d", PAIR), ("3d", VOLUME))
    },
    **{f"unfold_patches.{name}": "pair" for name in ("kernel_size", "dilation", "stride")},
    "unfold_patches.padding": "pair0",
}
# Their operands come in a form of their own, see below.
POSITIONAL = {"atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "meshgrid",
              "chain_matmul", "index_put"}  # fmt: skip


def of_row(row: OpCase) -> Case:
    """The case of a composed function; all its arguments are given by name."""
    function: Callable[..., Any] = FUNCTIONS[row.op]
    notes = {k: str(v) for k, v in inspect.unwrap(function).__annotations__.items()}
    parameters = inspect.signature(inspect.unwrap(function)).parameters
    operands = [k for k in parameters if notes.get(k, "").startswith("TensorLike")]
    chosen = sample_of(row)

    def call(**given: Any) -> Any:
        out = function(**given)
        return out.values if hasattr(out, "indices") else out

    def reference(**given: Any) -> Any:
        first = [given.pop(k) for k in operands[: len(chosen.operands)]]
        arrays = [x if x is None else np.asarray(x) for x in first]
        return row.reference(*arrays, **given)

    def kind(name: str) -> str:
        note = notes.get(name, "")
        known = row.reference is not None and note not in ("bool", "bool | None")
        return TAKEN.get(f"{row.op}.{name}", "none" if known else ANNOTATED.get(note, "none"))

    valid = lambda: {**dict(zip(operands, chosen.tensors())), **chosen.options}
    given = reference if row.reference is not None else None
    return Case(call, valid, {k: kind(k) for k in parameters}, given, row.op)


FIRST = {row.op: row for row in reversed(COMPOSED) if row.samples}
ROWS = [of_row(row) for name, row in sorted(FIRST.items()) if name not in POSITIONAL]


def of_several(name: str, kind: str = "array", **options: str) -> Case:
    """A function of any number of tensors, called with two."""
    function: Callable[..., Any] = FUNCTIONS[name]

    def call(x: Any, y: Any, **given: Any) -> Any:
        return function(x, y, **given)

    operands = {"x": np.ones((2, 2)), "y": np.ones((2, 2))} if kind == "none" else {
        "x": np.ones(2), "y": np.ones(2)}  # fmt: skip
    return Case(call, lambda: dict(operands), dict.fromkeys(operands, kind) | options, None, name)


# Of sequences only what has fitting shapes can be joined.
JOINED = "none|generator|(1, 2, 3)|(2, 2)|(-1, 1)|(2.5, 1)|range|array nan|bool array|big-endian|"
JOINED += "Tensor|leaf|computed|integer Tensor|long array|[nan]|[[]]"
SHAPE = "size0|(2, 2)|(1, 2, 3)|(-1, 1)"
PATCHES = {"output_size": "pair", "kernel_size": "pair", "dilation": "pair", "padding": "pair0",
           "stride": "pair"}  # fmt: skip
FORMS = [
    *(of_several(name) for name in ("atleast_1d", "atleast_2d", "atleast_3d")),
    of_several("broadcast_arrays", "none|" + "|".join(BROADCAST))._replace(
        reference=lambda x, y: np.broadcast_arrays(x, y)),
    Case(lambda matrices: FUNCTIONS["chain_matmul"](matrices, np.ones((2, 2))),
         lambda: {"matrices": np.ones((2, 2))}, {"matrices": OF_TWO.replace("number", "none")},
         None, "chain_matmul"),
    Case(FUNCTIONS["fold_patches"], lambda: {"input": np.ones((4, 9)), "output_size": 4,
                                             "kernel_size": 2},
         PATCHES | {"input": "none", "output_size": "none", "kernel_size": "none|(2, 2)",
                    "padding": "none|0", "dilation": "none|1|7", "stride": "none|1"}, None,
         "fold_patches.fold"),
    of_several("meshgrid", indexing="none", copy="flag", sparse="flag"),
    *(Case(FUNCTIONS[name], lambda: {"tup": [[1.0, 2.0], [3.0, 4.0]]}, {"tup": JOINED}, None, name)
      for name in ("dstack", "column_stack")),
    Case(lambda x, sizes: FUNCTIONS["expand"](x, sizes), lambda: {"x": [0.5], "sizes": (2, 1)},
         {"x": "array", "sizes": f"{SHAPE}|-1|range|integer Tensor"}, None, "expand"),
    Case(FUNCTIONS["index_put"], lambda: {"x": np.arange(6.0), "indices": ([1, 2],),
                                          "values": [1.0, 2.0], "accumulate": False},
         {"x": "none|(1, 2, 3)|range", "indices": "none", "values": f"{OF_TWO}|long array",
          "accumulate": "flag"}, None, "index_put"),
    Case(FUNCTIONS["polygamma"], lambda: {"n": 1, "x": [0.5]}, {"n": "size0", "x": "array"}, None,
         "polygamma"),
]  # fmt: skip
WIDTHS = {1: "whole|(2, 2)|(-1, 1)", 2: "whole", 3: "whole"}
RESIZED = {
    "size": "size?|(1, 2, 3)|(2, 2)", "scale_factor": "positive?|(1, 2, 3)|(2, 2)|(2.5, 1)",
    "mode": "none", "align_corners": "flag?", "recompute_scale_factor": "flag?",
}  # fmt: skip


def made(name: str, kinds: dict[str, str], **valid: Any) -> Case:
    return Case(getattr(nn, name), lambda: dict(valid), kinds)


LAYERS = [
    *(made(f"{mode}Pad{axes}d", {"padding": kind}, padding=1) for axes, kind in WIDTHS.items()
      for mode in ("Zero", "Reflection", "Replication", "Circular")),
    *(made(f"ConstantPad{axes}d", {"padding": kind, "value": "real"}, padding=1, value=0.5)
      for axes, kind in WIDTHS.items()),
    made("Fold", PATCHES, output_size=4, kernel_size=2),
    made("Unfold", PATCHES, kernel_size=2),
    made("PixelShuffle", {"upscale_factor": "size"}, upscale_factor=2),
    made("PixelUnshuffle", {"downscale_factor": "size"}, downscale_factor=2),
    made("ChannelShuffle", {"groups": "size"}, groups=2),
    *(made(name, RESIZED, size=4)
      for name in ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d")),
]  # fmt: skip
CASES = [*ROWS, *FORMS, *LAYERS]

(
    test_bad_arguments_are_named_or_rightly_taken,
    test_several_bad_arguments_are_named_or_rightly_taken,
    test_exchanged_arguments_are_named_or_rightly_taken,
) = trials_of(CASES)
