"""Films: what a training does to every number of a computation, and the loss all the while."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, Unpack

from microgradnd.graph import (
    STRING,
    Graph,
    Kind,
    Node,
    Observer,
    Seeds,
    checked,
    optional,
    watching,
    whole,
)
from viz.capture.summary import Summary, spelled
from viz.capture.trace import Recorder, Trace, begun
from viz.formats import files
from viz.formats.document import Writer, text_of
from viz.formats.export import of_svg
from viz.formats.whole_page import WholePage
from viz.model.build import heads
from viz.model.describe import Describer
from viz.model.elements import Operation
from viz.page import page
from viz.picture import DRAWN, Looks, Picture, folding_of, pictured
from viz.reports.film.curve import loss_curve
from viz.reports.film.moments import Moment, Moments, constants_of, summarised
from viz.style.kinds import COUNT, LOOKS, SAVED
from viz.style.text import one_line, plural
from viz.svg.river.writer import strip

_BUDGET = 60_000  # summaries in memory; a film that would have more keeps each second moment
_FEWEST = 8
_TABLES = "tensors", "operations", "contributions", "running", "shares", "groups"
_FOLD = Kind('"auto", True or False', lambda v: isinstance(v, (bool, str)),
             lambda v: not isinstance(v, str) or v == "auto")  # fmt: skip
_AT = {"at": whole(), "fold": _FOLD, "open": DRAWN["open"], **LOOKS}


class Film:
    """Backward passes of one computation through its training; made by `viz.film`.

    Attributes:
        every: each so manieth call is kept. It doubles, and each second moment goes, where memory
            would grow beyond some 60,000 summaries.
        of: the name of the tensor that calls are filmed from; None for all calls.
        calls: how many there were.
        skipped: those of them that were to be kept, but had arrays of other shapes: the last batch
            of an epoch. The next call that fits is kept in their place.
    """

    def __init__(self, every: int, of: str | None) -> None:
        self.every, self.of, self.calls, self.skipped = every, of, 0, 0
        self._moments = Moments()
        self._next = 0  # the call from which on one is kept
        self._under_way: tuple[int, Trace, tuple[Summary, ...]] | None = None

    def __repr__(self) -> str:
        return f"<Film of {plural(len(self), 'moment')} in {plural(self.calls, 'backward call')}>"

    def __len__(self) -> int:
        return len(self._moments.kept)

    @property
    def losses(self) -> list[tuple[int, float]]:
        """By moment, the number of its backward call, from 1, and what was differentiated."""
        return [(moment.call, moment.loss) for moment in self._moments.kept]

    def _watch(self, seeds: Seeds) -> Observer | None:
        """What observes a backward call that begins."""
        self._complete()
        if self.of is not None and all(node.name != self.of for node, _ in seeds):
            return None
        self.calls += 1
        if self.calls <= self._next:
            return None
        if not self._moments.fits(Graph([node for node, _ in seeds])):
            self.skipped += 1
            return None
        self._next = self.calls + self.every - 1
        trace = begun(seeds, "summaries", {}, {})
        self._under_way, recorder = (
            (self.calls, trace, summarised(trace.graph)),
            Recorder(trace, seeds),
        )

        def observe(node: Node, i: int | None, x: Any) -> None:
            recorder(node, i, x)
            if i is None and len(trace.gradients) == len(trace.nodes):
                self._complete()

        return observe

    def _complete(self) -> None:
        """Keeps the numbers of the call whose walk was under way."""
        if self._under_way is None:
            return
        (call, trace, constants), self._under_way = self._under_way, None
        moments = self._moments
        moments.add(call, trace, constants)
        if len(moments.kept) > max(_BUDGET // moments.summaries, _FEWEST):
            moments.kept = moments.kept[::2]
            self.every *= 2
            self._next = max(self._next, moments.kept[-1].call + self.every - 1)

    def _kept(self) -> list[Moment]:
        if not self._moments.kept:
            what = f" from a tensor named {self.of!r}" if self.of else ""
            raise ValueError(
                f"the film is empty: there was no backward call{what} in its `with` block"
            )
        return self._moments.kept

    @checked(**_AT)
    def draw(
        self, at: int = -1, *, fold: bool | str = "auto",
        open: str | Collection[str] | None = None, **looks: Unpack[Looks],
    ) -> Picture:  # fmt: skip
        """The picture of a moment, by its number; by default that of the last.

        Further arguments are those of `viz.draw`.

        Raises:
            IndexError: there is no such moment.
        """
        kept = self._kept()
        if not -len(kept) <= at < len(kept):
            raise IndexError(f"draw: there is no moment {at} in a film of {len(kept)}")
        describer = _Described(self._moments, kept[at])
        return pictured(describer, folding_of(describer.trace.nesting, fold, open, ()), looks)

    @checked(columns=COUNT)
    def svg(self, *, columns: int = 3, **arguments: Any) -> str:
        """So many moments side by side, from the first to the last, and the loss below them.

        Further arguments are those of `draw`.
        """
        kept, last = self._kept(), len(self) - 1
        apart = [round(k * last / max(columns - 1, 1)) for k in range(columns)]
        stages = []
        for k in sorted(set(apart)) if columns > 1 else [last]:
            picture, call = self.draw(k, **arguments | {"title": None}), kept[k].call
            words = f"backward call {call:,} · {one_line(picture.model.title)}"
            stages.append((call, words, picture.river()))
        title = arguments.get("title") or f"{plural(self.calls, 'backward call')} of a training"
        chart = partial(loss_curve, self.losses, [call for call, *_ in stages])
        return strip(stages, arguments.get("theme", "auto"), title, chart)

    def html(self, **arguments: Any) -> WholePage:
        """The page of the last moment, with a slider through all of them and the loss curve."""
        x, title = self.draw(**arguments), arguments.get("title")
        theme, film = x.drawing["theme"], partial(self._document, title)
        return WholePage(page(x.describer, x.model, x.drawing["direction"], theme, film=film))

    def json(self, **arguments: Any) -> str:
        """The document of the last moment, with all of them in its member `film`."""
        x = self.draw(**arguments)
        writer = Writer(x.describer)
        contents = writer.write(x.model, x.drawing["direction"])
        film = self._document(arguments.get("title"), writer, contents)
        return text_of(contents | {"film": film}) + "\n"

    def _document(
        self, title: str | None, writer: Writer, contents: dict[str, Any]
    ) -> dict[str, Any]:
        """The moments as a document has them: each by what differs from its contents."""
        moments = []
        for moment in self._kept():
            other = Writer(_Described(self._moments, moment))
            other.rules = writer.rules  # formulas are those of the computation
            now = other.write(writer.model, contents["direction"])
            now["title"] = title or ", ".join(heads(other.trace))
            differing = _difference(contents, now)
            moments.append({"call": moment.call, "loss": spelled(moment.loss)} | differing)
        return {"moments": moments}

    @checked(**SAVED, columns=COUNT)
    def save(
        self, path: str | os.PathLike[str], *, scale: float = 2.0, columns: int = 3,
        **arguments: Any,
    ) -> Path:  # fmt: skip
        """Writes the film in the format that the suffix names.

        .html is a page with a slider through the training, .json has the numbers of all moments;
        .svg, .png and .pdf are moments side by side.

        Args:
            path: of the file.
            scale: of a PNG, its pixels for each pixel of the SVG.
            columns: how many moments an image shows.
            arguments: those of `draw`: fold, open, theme and others.

        Raises:
            ValueError: the suffix names no format, or nothing was filmed.
        """
        texts: dict[str, Callable[[], str | bytes]] = {
            ".html": partial(self.html, **arguments), ".json": partial(self.json, **arguments),
        }  # fmt: skip
        svg = partial(self.svg, columns=columns, **arguments)
        return files.save(path, texts | of_svg(svg, scale), "a film")

    def _repr_html_(self) -> str:
        if not len(self):
            return f"<p>{escape(repr(self))}</p>"
        return self.html().with_still(self.svg())._repr_html_()


class _Described(Describer):
    """Describes the trace of a moment: what is no number of the trace is the moment's, too."""

    def __init__(self, moments: Moments, moment: Moment) -> None:
        trace = moments.trace(moment)
        super().__init__(trace)
        self.varying = {trace.nodes[k] for one in moments.kept for k in one.said}
        self.said = {trace.nodes[k]: words for k, words in moment.said.items()}
        for operand, value in zip(constants_of(trace.graph), moment.constants, strict=True):
            self.records[operand.key] = replace(self.of_constant(operand.key), value=value)

    def operation(self, node: Node) -> Operation:
        op, said = super().operation(node), self.said.get(node)
        if said is None:
            return op
        return replace(op, options=said.options, numbers=said.numbers, text=said.text)


def _difference(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What differs in another document of one computation: summaries, parts, other members."""
    numbers = {}
    for here, there, key in _numbers(one, other):
        if here[key] is not None and there[key] is not None:
            numbers[here[key]] = there[key]
            there[key] = here[key]
    summaries = {
        str(k): _changed(one["summaries"][k], other["summaries"][n])
        for k, n in sorted(numbers.items())
    }
    parts: dict[str, Any] = {}
    for table in _TABLES:
        before, now = one[table], other[table]
        differing = {key: _changed(before[key], x) if isinstance(x, dict) else x
                     for key, x in now.items() if x != before[key]}  # fmt: skip
        parts |= {table: differing} if differing else {}
    same = (*_TABLES, "summaries", "formulas", "open")
    return {
        "summaries": {key: x for key, x in summaries.items() if x},
        "parts": parts,
        "members": {key: x for key, x in other.items() if key not in same and x != one[key]},
    }


def _numbers(one: Any, other: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Where numbers of summaries stand in two documents: what holds them, and by which key."""
    for name, x in one["tensors"].items():
        yield from ((x, other["tensors"][name], key) for key in ("value", "gradient", "seed"))
    for table in ("contributions", "running"):
        yield from ((one[table], other[table], key) for key in one[table])
    for name, group in one["groups"].items():
        now = other["groups"][name]
        yield from ((group["inside"], now["inside"], key) for key in group["inside"])
        for tensor, border in group["borders"].items():
            after = now["borders"][tensor]
            yield from ((border, after, key) for key in ("contribution", "after"))


def _changed(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The members that are others now; None for those that are gone."""
    gone = {key: None for key in one if key not in other}
    return {key: x for key, x in other.items() if key not in one or one[key] != x} | gone


@contextmanager
def _filming(every: int, of: str | None) -> Iterator[Film]:
    out = Film(every, of)
    try:
        with watching(None, out._watch):
            yield out
    finally:
        out._complete()


@checked(every=COUNT, of=optional(STRING))
def film(every: int = 1, of: str | None = None) -> Any:
    """Films a training: keeps the numbers of each `every`-th backward call in a `with` block.

    Nothing of the loop changes: the calls are observed. `film.save("x.html")` writes a page with a
    slider through the training and the loss curve, `film.save("x.svg")` some moments side by side.

    Args:
        every: of the calls, which to keep: the first, and then each so manieth.
        of: the name of the tensor whose calls are filmed; by default all calls are, which then
            must all differentiate the same computation.

    Raises:
        ValueError: in `backward()`, a call that is to be kept differentiates another computation
            than the first. One with other shapes of arrays is skipped.

    >>> from microgradnd import Tensor
    >>> w = Tensor(3.0, requires_grad=True, name="w")
    >>> with film(every=2) as training:
    ...     for _ in range(5):
    ...         w.zero_grad()
    ...         loss = (w * w).named("loss")
    ...         loss.backward()
    ...         w.data[...] -= 0.25 * w.grad.numpy()
    >>> training, training.losses
    (<Film of 3 moments in 5 backward calls>, [(1, 9.0), (3, 0.5625), (5, 0.03515625)])
    """
    return _filming(every, of)
