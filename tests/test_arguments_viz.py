"""Bad arguments of pictures and reports: named, or rightly taken."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import microgradnd as mg
import viz
from tests.bad_arguments import Case, trials_of

ONE = "none|leaf|computed"  # a Tensor with a gradient to flow
SOURCE = f"{ONE}|Tensor|Tensor 0-d|integer Tensor"
GRADIENTS = "number?|[None]|[nan]|array nan|bool array|big-endian|(2, 2)|(-1, 1)|(2.5, 1)"
GRADIENT = f"{GRADIENTS}|Tensor|leaf|computed|integer Tensor|range"
DRAWING = {
    "theme": "none", "direction": "none?", "title": "string?", "step": "none?|0|1", "strip": "flag",
    "engine": "none?", "timeout": "positive", "force": "flag", "keep": "none",
    "marks": "none|{}|dict", "highlight": "none|{}|dict", "gradient": "number?|[None]|[nan]",
    "backward": "flag?", "fold": "none|True|False|[]|()", "open": "none?|''|[]|()",
    "steps": "none|[]|()|set|(1, 2, 3)|(2, 2)|(-1, 1)",
    "focus": "none?|leaf", "hops": "size0?", "carrying": "flag", "expand": "flag",
}  # fmt: skip


def loss() -> mg.Tensor:
    x = mg.Tensor([3.0, 2.0], requires_grad=True, name="x")
    return (x * x).sum().named("y")


def filmed() -> viz.Film:
    with viz.film() as film:
        for _ in range(8):
            loss().backward()
    return film


def with_leaf(**more: Any) -> dict[str, Any]:
    x = mg.Tensor([3.0, 2.0], requires_grad=True, name="x")
    return {"loss": (x * x).sum().named("y"), **{k: x if v is ... else v for k, v in more.items()}}


def in_a_folder(name: str) -> Path:
    return Path(tempfile.gettempdir()) / "microgradnd-arguments" / name


def drawn(**given: Any) -> None:
    viz.draw(**given).svg()


def saved(self: Any, **given: Any) -> None:
    self.save(**given)


def network() -> mg.Tensor:
    x = mg.Tensor([[1.0, 2.0]])
    W = mg.Tensor([[0.5, 0.25], [0.125, 0.75]], requires_grad=True, name="W")
    return (x @ W).tanh().sum()


DRAWN = [
    Case(viz.draw, lambda: {"tensors": loss(), "theme": "auto", "direction": "TB", "title": "t",
                            "step": 0, "strip": False, "engine": None, "timeout": 10.0,
                            "force": False, "keep": "arrays", "marks": {}, "highlight": {}},
         DRAWING | {"tensors": SOURCE}),
    Case(viz.gradient_trace, lambda: with_leaf(inputs=...), {
        "loss": ONE, "inputs": "none", "gradient": "number?|[None]|[nan]"}),
    Case(viz.gradient_graph, lambda: with_leaf(inputs=...), {
        "loss": ONE, "inputs": "none", "gradient": "number?|[None]|[nan]"},
         name="gradient_graph, gradient_trace"),
    Case(viz.trace, lambda: {"outputs": loss()}, {
        "outputs": SOURCE + "|None", "grad": "number?|[None]|[nan]", "backward": "flag",
        "keep": "none"}),
    Case(viz.explain, lambda: with_leaf(), {
        "loss": ONE, "format": "none", "numbers": "flag?", "gradient": "number?", "of": "none?"}),
    Case(viz.paths, lambda: with_leaf(w=...), {
        "loss": ONE, "w": "none", "element": "none?|0|1|-1|True|False", "limit": "size0",
        "gradient": "number?"}),
    Case(viz.compare, lambda: {"a": loss(), "b": loss(), "theme": "auto", "direction": "TB",
                               "engine": None, "timeout": 1.0}, DRAWING | {
        "a": SOURCE, "b": SOURCE, "names": "none"}),
    Case(viz.health, lambda: {"what": loss()}, {
        "what": SOURCE, "gradient": "number?|[None]|[nan]", "vanishing": "positive",
        "exploding": "positive", "dead": "share", "saturated": "share"}),
    Case(viz.neurons, lambda: {"source": network()}, {
        "source": "none", "gradient": "number?|[None]|[nan]", "colour": "none", "sample": "none|0",
        "unit": "none?", "theme": "none", "title": "string?"}),
    Case(viz.film, dict, {"every": "size", "of": "string?"}),
    Case(viz.numpy_program, lambda: {"loss": loss()}, {"loss": ONE, "gradient": "number?"}),
    Case(viz.formula, lambda: {"op": "multiply", "operand": "x"}, {
        "op": "none", "operand": "none?|0|1|True|False", "operands": "none?", "out": "string",
        "loss": "string", "shapes": "none?", "values": "none?|{}|dict"}),
]  # fmt: skip
SAVED = {"path": "none", "scale": "positive"}
METHODS = [
    Case(viz.Picture.save, lambda: {"self": viz.draw(loss()), "path": in_a_folder("a.svg")},
         SAVED | {"animate": "flag"}),
    Case(viz.Picture.svg, lambda: {"self": viz.draw(loss())}, {"animate": "flag"}),
    Case(viz.Picture.filmstrip, lambda: {"self": viz.draw(loss())}, {
        "steps": "none?|[]|()|set|(2, 2)|range", "columns": "size"}),
    Case(viz.Film.save, lambda: {"self": filmed(), "path": in_a_folder("f.svg")},
         SAVED | {"columns": "size"}),
    *(Case(lambda self, form=form, **given: getattr(self, form)(**given),  # as `draw` takes
           lambda: {"self": filmed()}, {"at": "whole"}, name=f"Film.{form}")
      for form in ("html", "json")),
    Case(viz.Film.draw, lambda: {"self": filmed()}, {
        "at": "whole", "fold": "none|True|False", "open": "none?|''|[]|()"}),
    Case(viz.Paths.save, lambda: {"self": viz.paths(**with_leaf(w=...)),
                                  "path": in_a_folder("p.md")}, {"path": "none"}),
    Case(viz.Neurons.save, lambda: {"self": viz.neurons(network()), "path": in_a_folder("n.svg")},
         SAVED),
    Case(viz.Comparison.save, lambda: {"self": viz.compare(loss(), loss()),
                                       "path": in_a_folder("c.svg")}, SAVED),
    Case(viz.Explanation.save, lambda: {"self": viz.explain(loss(), "text"),
                                        "path": in_a_folder("e.txt")}, SAVED),
    Case(viz.Program.save, lambda: {"self": viz.numpy_program(loss()),
                                    "path": in_a_folder("p.py")}, SAVED),
    Case(viz.Paths.jacobians, lambda: {"self": paths(), "k": 0}, {"k": "whole"}),
    Case(viz.Paths.draw, lambda: {"self": paths(), "k": 0}, {"k": "whole"}),
    *(Case(getattr(viz.Formula, form), lambda: {"self": viz.formula("tanh")}, {"equation": "flag"})
      for form in ("text", "latex", "mathml")),
    Case(viz.Formula.written, lambda: {"self": viz.formula("tanh"), "form": "text"}, {
        "form": "none", "equation": "flag"}),
    Case(viz.Formula.conditions, lambda: {"self": viz.formula("tanh")}, {"form": "none"}),
    Case(viz.Formula.evaluate, lambda: {"self": viz.formula("tanh"), "values": {"x": 0.5}}, {
        "values": "none"}),
]  # fmt: skip


def paths() -> viz.Paths:
    given = with_leaf(w=...)
    return viz.paths(given["loss"], given["w"])


CASES = [*DRAWN, *METHODS]
(
    test_bad_arguments_are_named_or_rightly_taken,
    test_several_bad_arguments_are_named_or_rightly_taken,
    test_exchanged_arguments_are_named_or_rightly_taken,
) = trials_of(CASES)
