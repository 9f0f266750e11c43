"""The picture of a computation: what `viz.draw` returns, and the files it is saved to."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from microgradnd import AnomalyError, Tensor
from microgradnd.graph import (
    FLAG,
    STRING,
    Graph,
    Kind,
    checked,
    either,
    expanded,
    instance,
    optional,
)
from viz.capture.trace import Trace, captured, regrouped, several
from viz.diagnosis import Health, differentiable, health, traced
from viz.diagnosis.chart import gradient_chart
from viz.formats import files
from viz.formats.live import samples_of
from viz.formats.whole_page import WholePage
from viz.model.build import build
from viz.model.describe import Describer, summary
from viz.model.elements import PictureModel
from viz.model.marks import Mark, gathered
from viz.structure.focus import focused
from viz.structure.folding import (
    Folding,
    divided,
    groups_around,
    named,
    overview,
    shorten,
    shortened,
    whole,
)
from viz.structure.groups import grouped
from viz.structure.nesting import Nesting, nested
from viz.style.kinds import COUNT, FOCUS, FOLD, GRADIENT, HOPS, LOOKS, NAMES, NUMBERS, SAVED, SOURCE

if TYPE_CHECKING:
    import networkx as nx

    from viz.svg.river.writer import RiverDrawing
    from viz.svg.sheet import Extras

MOST = 20_000  # drawn nodes; beyond, neither layout engines nor browsers are of use
GROUPINGS = ("modules", "repeats", "chains", "neurons")
DRAWN = {
    "tensors": SOURCE, "gradient": GRADIENT, "backward": optional(FLAG),
    "fold": FOLD, "open": optional(either(STRING, NAMES)),
    "steps": NUMBERS, "focus": optional(FOCUS), "hops": HOPS, "carrying": FLAG,
    "expand": FLAG,
    "marks": Kind("a viz.Health, or marks by id", lambda v: isinstance(v, (Health, Mapping))),
    "highlight": instance(Mapping, "words by id"),
    "samples": instance(Mapping, "arrays by name"),
}  # fmt: skip


class Picture:
    """A graph as it will be drawn; made by `viz.draw`.

    Attributes:
        model: what it shows: nodes, edges and open groups, see `viz.model.elements`.
        describer: what describes all that it could show.
    """

    def __init__(
        self, describer: Describer, model: PictureModel, drawing: dict[str, Any],
        extras: dict[str, Any], untagged: Callable[[], PictureModel] | None = None,
        samples: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.describer, self.model, self.drawing, self.extras = describer, model, drawing, extras
        self._samples = samples  # that travel in the page
        self._untagged = untagged  # makes the model of a river, if the picture is one

    @property
    def trace(self) -> Trace:
        """The numbers it shows, see `viz.trace`."""
        return self.describer.trace

    @cached_property
    def graph(self) -> nx.MultiDiGraph:
        """The model as networkx has it, see `to_networkx`."""
        return self.to_networkx()

    def to_networkx(self) -> nx.MultiDiGraph:
        """The model as a new networkx.MultiDiGraph: nodes and edges by id, with their fields."""
        from viz.model.networkx_graph import to_networkx

        return to_networkx(self.model)

    @checked(animate=FLAG)
    def svg(self, *, animate: bool = False) -> str:
        """The picture as the text of an SVG file; it is laid out at the first call.

        With `animate`, the file plays the backward pass, over and over and without a script: what
        a step adds appears in its turn. It is still and complete where a reader asks for less
        motion, and in programs that know no animation.
        """
        if not animate:
            return self._svg
        if not self.model.steps:
            raise ValueError("animate=True: there is no backward pass to play")
        theme, step = self.drawing["theme"], self.drawing["step"]
        return self.river().svg(theme, step, self._extras, animate=True)

    def river(self) -> RiverDrawing:
        """The picture with every record in its place; ValueError if it is no river."""
        if self._river is None:
            raise ValueError("only a river can move: leave style='records' and engine= out")
        return self._river

    @cached_property
    def _svg(self) -> str:
        if self._river is None:
            from viz.svg.writer import write

            return write(self.model, **self.drawing, extras=self._extras)
        return self._river.svg(self.drawing["theme"], self.drawing["step"], self._extras)

    @property
    def _extras(self) -> Extras:
        from viz.svg.sheet import Extras

        return Extras(**self.extras)

    @cached_property
    def _river(self) -> RiverDrawing | None:
        """The picture with every record in its place, if it is a river."""
        if self._untagged is None:
            return None
        from viz.svg.river.writer import RiverDrawing

        title, backward = self.model.title, self.model.backward
        model = replace(self._untagged(), title=title, backward=backward)
        notes = {name: mark.note for name, mark in self.extras.get("marks", {}).items()}
        words = self.extras.get("highlight")
        return RiverDrawing(model, self.drawing["direction"], words, notes)

    def with_extras(self, **extras: Any) -> Picture:
        """The same picture with other marks, highlights or another chart, see `viz.svg.sheet`."""
        more = self.extras | extras
        return Picture(
            self.describer, self.model, self.drawing, more, self._untagged, self._samples
        )

    @checked(steps=optional(NUMBERS), columns=COUNT)
    def filmstrip(self, steps: Sequence[int] | None = None, columns: int = 3) -> Filmstrip:
        """Stages of the backward pass side by side: the picture after each of some steps.

        Args:
            steps: of the backward pass, from 0 to the last; by default six, evenly apart.
            columns: how many stand beside each other.
        """
        last = self.model.steps
        if steps is None:
            steps = sorted({round(k * last / 5) for k in range(6)})
        for step in steps:
            if not 0 <= step <= last:
                raise ValueError(f"filmstrip: steps has {step}, of a backward pass of {last} steps")
        return Filmstrip(self, tuple(steps), columns)

    def dot(self) -> str:
        """The picture in the DOT language, for Graphviz."""
        from viz.formats.dot import write

        return write(self.model, self._direction)

    @property
    def _direction(self) -> str:
        """Of the forward pass, in formats that have one direction for the whole."""
        return self.drawing["direction"] or "TB"

    def html(self) -> WholePage:
        """An interactive page in one file: the passes step by step, every number, groups that open.

        It needs no network and starts as the picture is: the same groups are open. A notebook shows
        it in a frame.
        """
        from viz.page import page

        drawing, extras = self.drawing, self.extras
        return WholePage(page(
            self.describer, self.model, drawing["direction"], drawing["theme"], extras.get("marks"),
            extras.get("highlight"), samples=self._samples,
        ))  # fmt: skip

    def json(self) -> str:
        """The picture as data, see `viz.formats.document` for its members."""
        from viz.formats.document import Writer, text_of

        contents = Writer(self.describer).write(self.model, self.drawing["direction"])
        return text_of(contents) + "\n"

    def graphml(self) -> str:
        """The picture's graph as GraphML, which networkx reads; see `viz.formats.export`."""
        from viz.formats.export import graphml

        return graphml(self.model)

    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart, for Markdown."""
        from viz.formats.export import mermaid

        return mermaid(self.model, self._direction)

    @checked(**SAVED, animate=FLAG)
    def save(
        self, path: str | os.PathLike[str], *, scale: float = 2.0, animate: bool = False
    ) -> Path:
        """Writes a file in the format that its suffix names.

        .svg, .png and .pdf are images, .html is a page to step through, .json has every number;
        .dot, .graphml and .mmd (Mermaid) are for other tools. Folders are created, and the file
        is replaced in one step.

        Args:
            path: of the file.
            scale: of a PNG, its pixels for each pixel of the SVG.
            animate: of an SVG, lets it play the backward pass, see `svg`.

        Raises:
            ValueError: the suffix names no format, or none that can be animated.
            ImportError: PNG or PDF, and the package that writes it is missing.
        """
        from viz.formats.export import of_svg

        texts: dict[str, Callable[[], str | bytes]] = {
            ".html": self.html, ".json": self.json, ".dot": self.dot, ".graphml": self.graphml,
            ".mmd": self.mermaid,
        }  # fmt: skip
        if animate and Path(path).suffix.lower() != ".svg":
            raise ValueError(f"animate=True: an SVG can play, {Path(path).name!r} cannot")
        still = of_svg(self.svg, scale) | texts
        return files.save(path, still | {".svg": partial(self.svg, animate=animate)}, "a picture")

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        return self.html().with_still(self.svg())._repr_html_()

    def __repr__(self) -> str:
        return f"<Picture of {self.model.summary}>"


class Filmstrip:
    """Stages of a backward pass in one picture; made by `Picture.filmstrip`."""

    def __init__(self, picture: Picture, steps: tuple[int, ...], columns: int) -> None:
        self.picture, self.steps, self.columns = picture, steps, columns

    def svg(self) -> str:
        """The stages as the text of one SVG file."""
        drawing = {key: x for key, x in self.picture.drawing.items() if key != "step"}
        river = self.picture._river
        if river is not None:
            return river.film(drawing["theme"], self.steps, self.columns)
        from viz.svg.writer import film

        return film(self.picture.model, **drawing, steps=self.steps, columns=self.columns)

    @checked(**SAVED)
    def save(self, path: str | os.PathLike[str], *, scale: float = 2.0) -> Path:
        """Writes a .svg, .png or .pdf file."""
        from viz.formats.export import of_svg

        return files.save(path, of_svg(self.svg, scale), "a filmstrip")

    def _repr_svg_(self) -> str:
        return self.svg()


class Looks(TypedDict, total=False):
    """How a picture looks: the further arguments of `viz.draw`.

    Attributes:
        theme: "light", "dark", or "auto" to follow the reader's system.
        style: "river" (default) draws an operation with its result as one record, on lines that
            the gradient flows back along; "records" draws tensors and operations as nodes of a
            graph, with the layout that `engine` names.
        direction: of the forward pass: "TB" from top to bottom, "LR" from left to right; by
            default downward, and to the right where steps of time are drawn.
        title: the first line of the picture.
        step: draws the stage of the backward pass after so many steps: what is done, what is
            yet to come, gradients as far as they have arrived.
        marks: what is wrong where: a `viz.Health`, or marks by the id of a node.
        highlight: by id of nodes and edges, words to put there; they stand out.
        strip: draws the RMS of gradients over depth and time under the picture.
        engine: of the layout of "records", see `viz.layout.layout`; by default one that suits
            the graph. It implies that style.
        timeout: how long the layout engine may take, in seconds; 10 by default.
        force: draws more than 20,000 nodes.
        keep: "arrays" keeps all elements, so that a page tells each cell of its heat-maps;
            "summaries" (default) those of small arrays.
        samples: a small data set for the page to go through: by the name of a leaf or constant
            ("#4" for one without, as its record says), an array of the values that it takes.
    """

    theme: str
    style: str
    direction: str | None
    title: str | None
    step: int | None
    marks: Health | Mapping[str, Mark]
    highlight: Mapping[str, str]
    strip: bool
    engine: str | None
    timeout: float
    force: bool
    keep: str
    samples: Mapping[str, Any]


@checked(**LOOKS, **DRAWN)
def draw(
    tensors: Tensor | Sequence[Tensor] | Trace | AnomalyError, *, gradient: Any = None,
    backward: bool | None = None, fold: bool | str | Collection[str] = "auto",
    open: str | Collection[str] | None = None, steps: Collection[int] = (), focus: Any = None,
    hops: int | None = None, carrying: bool = False, expand: bool = False, **looks: Unpack[Looks],
) -> Picture:  # fmt: skip
    """Draws how tensors were computed and how the gradient flows back from them.

    Values are replayed from the leaves, gradients come from one observed backward pass that
    leaves `.grad` untouched: the picture is the same before and after `backward()`.

    Args:
        tensors: one or several, a trace of them, or the error of `microgradnd.detect_anomaly`, to
            draw the computation that it was raised in and mark the way of the NaN.
        gradient: to start from, as for `backward`; of several tensors a list.
        backward: False draws the forward pass alone; by default it is drawn alone if there is no
            gradient to start from: none is given, and a tensor is no scalar.
        fold: "auto" opens as many groups (modules, repeated steps, long chains) as stay readable,
            True none, False knows no groups. A collection names the groupings to use: "modules",
            "repeats", "chains", "neurons".
        open: groups to open besides, by path ("encoder.0"), name, class or id; "all" opens all.
        steps: of repetitions, which to show each by itself, the others folded between them;
            they count from 1, negative ones from the end.
        focus: a tensor or its name, to draw only what is within `hops` (2) operations of it; or a
            pair of them, to draw the paths from the first to the second, `hops` (0) around.
        carrying: draws only what carries gradient: nothing without one, or with zeros alone.
        expand: draws what fused operations (of `nn.LSTM`, `nn.GRU`, `nn.RNN`, the loss of cross
            entropy, ...) are composed of: gates and steps of time in place of one record.
        looks: theme, direction, title, step and others, see `viz.picture.Looks`.

    Raises:
        GraphError: `backward=True`, a tensor is no scalar and no gradient was given.
        ValueError: more than 20,000 nodes would be drawn, or an argument is unknown.

    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> picture = draw(x * x)
    >>> picture, sorted(key for _, _, key in picture.graph.edges(keys=True))
    (<Picture of 2 tensors, 1 operation>, ['e-1-0', 'e-1-1', 'e-1-out'])
    """
    _check(looks)
    if isinstance(tensors, AnomalyError):
        tensors = traced(tensors)
        looks.setdefault("marks", health(tensors).marks)
    nest = partial(_arranged, fold=fold, steps=steps, focus=focus, hops=hops)
    if isinstance(tensors, Trace):
        if expand:
            raise ValueError("draw(expand): give it the tensors, not a trace of them")
        regroups = fold not in ("auto", True) or steps or focus is not None
        trace = regrouped(tensors, nest(tensors.graph)) if regroups else tensors
        trace = regrouped(trace, _carriers(trace)) if carrying else trace
    else:
        keep = looks.get("keep", "summaries")
        backward = differentiable(tensors, gradient) if backward is None else backward
        some, gradients = several(tensors, gradient)
        written = Graph(some).changed if expand else ()
        some = expanded(some) if expand else some
        trace = _recorded(some, gradients, backward, keep, nest, carrying)
        if expand:  # the nodes are new, whatever was written to before
            trace.changed, trace.stale = written, bool(written)
    folding = folding_of(trace.nesting, fold, open, steps)
    return pictured(Describer(trace), folding, looks)


def _recorded(
    tensors: Sequence[Tensor], gradient: Any, backward: bool, keep: str,
    nest: Callable[[Graph], Nesting], carrying: bool,
) -> Trace:  # fmt: skip
    """The trace of tensors, as `draw` was asked for it."""
    trace = captured(*several(tensors, gradient), backward, keep, nest)
    if not carrying:
        return trace
    nesting = _carriers(trace)  # walked again, so that the sums over what is left are known
    return captured(*several(tensors, gradient), backward, keep, lambda _: nesting)


def _check(looks: Looks) -> None:
    """Raises for looks that no picture can have."""
    for what in looks:
        if what not in Looks.__annotations__:
            known = ", ".join(Looks.__annotations__)
            raise TypeError(f"draw() knows no argument {what!r}; how a picture looks say {known}")


def pictured(describer: Describer, folding: Folding, looks: Looks) -> Picture:
    """The picture of a trace that is described so, and folded so."""
    trace = describer.trace
    if folding.size() > MOST and not looks.get("force"):
        raise ValueError(
            f"the picture would have more than {MOST:,} nodes; fold it (fold='auto'), focus on a "
            "part, draw a smaller graph (fewer time steps), or insist with force=True"
        )
    step = looks.get("step")
    if step is not None and not 0 <= step <= len(trace.steps):
        raise ValueError(f"draw: step {step} of a backward pass that has {len(trace.steps)} steps")
    model = build(trace, folding, describer)
    title = looks.get("title")
    model = model if title is None else replace(model, title=title)
    river = _is_river(looks)
    drawing: dict[str, Any] = {
        "theme": looks.get("theme", "auto"), "direction": looks.get("direction"), "step": step,
    }  # fmt: skip
    if not river:
        drawing |= {"engine": looks.get("engine"), "timeout": looks.get("timeout", 10.0)}
        drawing["direction"] = drawing["direction"] or "TB"
    chart = partial(gradient_chart, trace) if looks.get("strip") else None
    given = looks.get("marks", {})
    marks = gathered(given.marks if isinstance(given, Health) else given, describer.ids, folding)
    extras = {"marks": marks, "highlight": looks.get("highlight", {}), "chart": chart}
    untagged = partial(build, trace, folding, describer, tags=False) if river else None
    samples = samples_of(trace, describer.ids, looks.get("samples"))
    return Picture(describer, model, drawing, extras, untagged, samples)


def _is_river(looks: Looks) -> bool:
    """Whether a picture is drawn as a river; layout engines place records."""
    style, engine = looks.get("style"), looks.get("engine")
    if style == "river" and engine is not None:
        raise ValueError(
            f"draw: style='river' has a layout of its own: leave engine={engine!r} out, or ask "
            "for style='records'"
        )
    return style != "records" and engine is None


def _arranged(
    graph: Graph, fold: Any, steps: Collection[int], focus: Any, hops: int | None
) -> Nesting:
    """The groups of a computation as `draw` was asked to make them, and what is in focus."""
    wanted = GROUPINGS if fold in ("auto", True) else () if fold is False else tuple(fold)
    for name in wanted:
        if name not in GROUPINGS:
            raise ValueError(f"draw: fold={name!r} is unknown: one of {', '.join(GROUPINGS)}")
    switches = {name: name in wanted for name in GROUPINGS}
    groups = grouped(graph.computed, **switches, stretches=fold is not False)
    if 0 in steps:
        raise ValueError("draw: steps count from 1, negative ones from the end: there is no step 0")
    if steps:
        divided(groups, steps)
    elif fold == "auto":
        shorten(groups)
    return nested(groups, graph.nodes, None if focus is None else focused(graph, focus, hops))


def folding_of(nesting: Nesting, fold: Any, open: Any, steps: Collection[int]) -> Folding:
    """Which groups are open, as `draw` was asked."""
    if fold is False or open == "all":
        return whole(nesting)
    folding = Folding(nesting, set()) if fold is True else overview(nesting)
    wanted = named(nesting.groups, [open] if isinstance(open, str) else open or ())
    if fold == "auto" and not steps:
        wanted |= shortened(nesting.groups)
    if steps:
        wanted |= groups_around(nesting.groups, steps)
    return Folding(nesting, folding.open | wanted) if wanted else folding


def _carriers(trace: Trace) -> Nesting:
    """A trace's groups with the nodes in focus whose gradient is known and not zero throughout."""
    shares = ((node, summary(g)) for node, g in trace.gradients.items())
    return replace(trace.nesting, focus={n for n, g in shares if g is not None and g.norm != 0})
