"""python -m viz SCRIPT.py: runs a script as it is and draws the graphs of its backward calls."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import traceback
import webbrowser
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from difflib import get_close_matches
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import microgradnd
from microgradnd import AnomalyError
from microgradnd.graph import Graph, Node, Observer, Seeds, watching
from viz.capture.trace import Recorder, Trace, begun, fill, nesting_of, same
from viz.picture import GROUPINGS, draw
from viz.reports.film import film
from viz.style.text import number, plural, shape_of

_OURS = (str(Path(microgradnd.__file__).parent), str(Path(__file__).parent))
# By suffix, the package that a format needs besides those that are required.
FORMATS = {
    ".html": None, ".svg": None, ".png": "resvg_py", ".pdf": "typst", ".json": None, ".dot": None,
    ".graphml": None, ".mmd": None,
}  # fmt: skip
_ABOUT = """Runs a Python script as it is and draws the graph of its backward calls.

Whatever stands behind the script's name and is not an option below goes to the script; after a
bare -- everything does."""
_EXAMPLES = """examples:
  python -m viz train.py                       the first backward call, as train.html
  python -m viz train.py --epochs 2 -o t.svg   --epochs 2 is the script's
  python -m viz train.py --list                the backward calls of the script
  python -m viz train.py --call -1 --health    the last one, with what is wrong in it
  python -m viz net.py --open encoder --steps 1,2,-1 -o net.html
  python -m viz net.py --focus W,loss -o path.svg
  python -m viz net.py -o net.svg --animate    an SVG that plays the backward pass
  python -m viz train.py --film 10             each tenth call: a slider through the training
"""
_FILMED = (".html", ".json", ".svg", ".png", ".pdf")
_NOT_FILMED = ("call", "list", "steps", "focus", "hops", "step", "health", "strip", "animate")


class _KeptCall:
    """A backward call that can be walked again later: its graph, and what was computed from."""

    def __init__(self, call: int, seeds: Seeds) -> None:
        self.call, self.graph = call, Graph([node for node, _ in seeds])
        self.seeds = [(node, np.array(getattr(g, "data", g))) for node, g in seeds]
        self.leaves = {leaf: np.copy(leaf.value) for leaf in self.graph.leaves}
        operands = (x for node in self.graph.computed for x in node.operands if x.node is None)
        self.constants = {x.key: (x, np.copy(x.value)) for x in operands if x.shape}

    def trace(self, keep: str) -> Trace:
        """The numbers of the call, by a walk of our own; the hooks of the script run once more."""
        values: dict[Node, Any] = dict(self.leaves)
        for node in self.graph.computed:
            values[node] = node.compute([x.value_in(values) for x in node.operands])
        outputs = tuple(node.tensor(values[node]) for node, _ in self.seeds)
        trace = Trace(keep, outputs, self.graph, nesting=nesting_of(self.graph))
        fill(trace, self.seeds, values)
        trace.stale = not all(same(x.value, was) for x, was in self.constants.values())
        return trace


class _Script:
    """Watches a script's backward calls, and draws those that are wanted when they are made.

    Which calls are the last ones shows only when the script has ended. Until then nothing is
    traced for them: their graphs are kept, and copies of the leaves, which an optimiser changes.

    Args:
        wanted: which calls, from 1, or from -1 backward.
        keep: what a trace keeps of arrays, see `viz.trace`.
        picture: draws a call, given its number and trace; the exit status.
    """

    def __init__(
        self, wanted: Sequence[int], keep: str, picture: Callable[[int, Any], int]
    ) -> None:
        self.wanted, self.keep, self.picture = wanted, keep, picture
        self.calls: list[tuple[str, str]] = []  # where, and what was differentiated
        self.under_way: tuple[int, Trace] | None = None
        self.last: deque[_KeptCall] = deque(maxlen=max(0, *(-n for n in wanted), 0))
        self.statuses: dict[int, int] = {}  # by call, how drawing it ended
        self.drawing = False

    def watch(self, seeds: Seeds) -> Observer | None:
        """What observes a backward call that begins."""
        if self.drawing:
            return None
        self.complete()
        call = len(self.calls) + 1
        self.calls.append((_calling_line(), "" if self.wanted else _described(seeds)))
        if self.last.maxlen:
            self.last.append(_KeptCall(call, seeds))
        if call not in self.wanted:
            return None
        trace = begun(seeds, self.keep, {}, {})
        self.under_way, recorder = (call, trace), Recorder(trace, seeds)

        def observe(node: Node, i: int | None, x: Any) -> None:
            recorder(node, i, x)
            if i is None and len(trace.gradients) == len(trace.nodes):
                self.complete()

        return observe

    def complete(self) -> None:
        """Draws the call whose walk was under way."""
        if self.under_way is not None:
            (call, trace), self.under_way = self.under_way, None
            self.draw(call, trace)

    def ended(self, failure: BaseException | None) -> None:
        """Draws what is left when the script has ended; of an anomaly, the way to the NaN."""
        if isinstance(failure, AnomalyError) and (self.under_way or not self.calls):
            self.under_way = None
            self.draw(len(self.calls), failure)
        self.complete()
        for moment in self.last:
            from_end = moment.call - len(self.calls) - 1
            if from_end in self.wanted and moment.call not in self.statuses:
                self.draw(moment.call, moment.trace(self.keep))

    def draw(self, call: int, found: Trace | AnomalyError) -> None:
        self.drawing = True
        try:
            with microgradnd.enable_grad():
                self.statuses[call] = self.picture(call, found)
        finally:
            self.drawing = False

    def missing(self) -> list[int]:
        """The calls that were wanted and not made."""
        count = len(self.calls)
        return [n for n in self.wanted if not 1 <= (n if n > 0 else count + 1 + n) <= count]


def _calling_line() -> str:
    """The line of the script that is being run, outside of this library."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return f"{os.path.relpath(frame.f_code.co_filename)}:{frame.f_lineno}"


def _described(seeds: Seeds) -> str:
    """What is differentiated, its value, and from how many operations it was made."""
    graph = Graph([node for node, _ in seeds])
    values = graph.replay(graph.outputs)
    words = []
    for node, _ in seeds:
        name, value = node.name or ("leaf" if node.is_leaf else node.op.name), values[node]
        content = f"= {number(value.item())}" if value.size == 1 else shape_of(node.shape)
        words.append(f"{name} {content}")
    return f"{', '.join(words)}, {plural(len(graph.computed), 'operation')}"


def _parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(
        prog="python -m viz", description=_ABOUT, epilog=_EXAMPLES, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options] SCRIPT.py [the script's arguments]",
    )  # fmt: skip
    out.add_argument(
        "script", metavar="SCRIPT.py", nargs="?", help="run as `python SCRIPT.py ...` would"
    )
    # fmt: off
    add = out.add_argument_group("which calls").add_argument
    add("--call", metavar="N,N", default="1", help="the backward calls to draw: 1 (default) is the "
        "first, -1 the last; several are written to FILE-N")
    add("--list", action="store_true", help="list the backward calls, draw none")
    add("--film", metavar="N", type=int, help="film the training: the numbers of each N-th call; "
        f"as {' '.join(suffix for suffix in _FILMED)}")
    add("--of", metavar="NAME", help="film the calls from the tensor of this name alone")
    add = out.add_argument_group("what is shown").add_argument
    add("--fold", metavar="HOW", default="auto",
        help=f"auto (default), all, none, or some of {','.join(GROUPINGS)}")
    add("--open", metavar="GROUP", action="append",
        help="open a module or repetition by name, path or class, `all` for all")
    add("--steps", metavar="N,N", default="", help="time steps to show singly")
    add("--focus", metavar="A[,B]",
        help="only what is near the tensor A, or the paths from A to B")
    add("--hops", metavar="K", type=int, help="how far around the focus")
    add("--step", metavar="K", type=int, help="the stage after K backward steps")
    add("--health", action="store_true",
        help="tell what is wrong with the gradients, and mark it")
    add("--strip", action="store_true",
        help="gradient sizes over depth or time under the picture")
    add = out.add_argument_group("how it looks, and where it goes").add_argument
    add("-o", "--output", metavar="FILE", help="the picture; its suffix is the format "
        f"({' '.join(FORMATS)}); default: the script's name and .html; a folder for a file of this "
        "name in it")
    add("--format", metavar="F", choices=[suffix[1:] for suffix in FORMATS],
        help="the format where -o names no file: html (default), svg, ...")
    add("--theme", choices=("auto", "light", "dark"), default="auto")
    add("--style", choices=("river", "records"), default="river", help="river (default) draws an "
        "operation with its result as one record, records draws them as nodes of a graph")
    add("--direction", choices=("TB", "LR"), help="of the forward pass; default: to the right "
        "where steps of time are drawn, else downward")
    add("--animate", action="store_true", help="let an SVG play the backward pass")
    add("--title", help="first line of the picture")
    add("--show", action="store_true", help="open the picture in the browser")
    # fmt: on
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the script's exit status, or 2 for a call that makes no sense."""
    options, arguments = _parsed(list(sys.argv[1:] if argv is None else argv))
    if options.film is not None:
        return _film(options, arguments)
    regroups = options.fold not in ("auto", "all") or options.steps or options.focus
    wanted, keep = () if options.list else options.call, "arrays" if regroups else "summaries"
    script = _Script(wanted, keep, partial(_draw_call, options))
    status, failure = _run(Path(options.script), arguments, watching(None, script.watch))
    if options.list:
        print(*_listing(script.calls), sep="\n")
        return status
    script.ended(failure)
    if script.missing() and not status:
        _warn(
            f"the script made {plural(len(script.calls), 'backward call')}, and call "
            f"{', '.join(map(str, script.missing()))} was asked for; --list tells them"
        )
        return 2
    return max(script.statuses.values(), default=0) or status


def _film(options: argparse.Namespace, arguments: list[str]) -> int:
    """Films a script's training; returns its exit status, or 2 if there is nothing to write."""
    filming = film(options.film, options.of)
    with filming as training:
        status, _ = _run(Path(options.script), arguments, nullcontext())
    folds: dict[str, Any] = {"auto": "auto", "all": True, "none": False}
    looks = {key: getattr(options, key) for key in ("theme", "direction", "title")}
    opened = "all" if options.open == ["all"] else options.open
    words = f"{plural(len(training), 'moment')} of {plural(training.calls, 'backward call')}"
    save = partial(training.save, fold=folds[options.fold], open=opened, **looks)
    return _saved(save, options.output, words, options.show) or status


def _parsed(given: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options and the script's arguments; ends the program where they make no sense."""
    end = given.index("--") if "--" in given else len(given)
    options, arguments = _parser().parse_known_args(given[:end])
    foreign = [word for word in arguments if word.startswith("-")]
    script = options.script
    before = given[: given.index(script)] if script in given else given[:end]
    try:
        for word in foreign:
            if word in before:
                raise ValueError(
                    f"there is no option {word}{_suggestion(word)}; "
                    "those of the script stand behind its name"
                )
        arguments += given[end + 1 :]
        if script is None and arguments:
            options.script = script = arguments.pop(0)
        if script is None:
            raise ValueError("which script?")
        if not Path(script).is_file():
            raise ValueError(f"there is no script {script!r}")
        options.call, options.steps = _integers("call", options), _integers("steps", options)
        _check(options)
        options.output = _output(options)
    except ValueError as error:
        _parser().error(str(error))
    if foreign:
        close = [hint for word in foreign if (hint := _suggestion(word))]
        _warn(f"{' '.join(arguments)} goes to {script}{close[0] if close else ''}")
    return options, arguments


def _suggestion(word: str) -> str:
    """The question whether another option was meant, if there is one much like it."""
    known = [f"--{name}" for name in vars(_parser().parse_args([])) if name != "script"]
    close = get_close_matches(word.split("=")[0], known, 1, 0.8)
    return f" (did you mean {close[0]}?)" if close else ""


def _integers(option: str, options: argparse.Namespace) -> tuple[int, ...]:
    """The numbers that an option lists, which count from 1, or from -1 backward."""
    text = getattr(options, option)
    try:
        found = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ValueError(f"--{option} {text}: wanted are numbers with commas between") from None
    if 0 in found:
        raise ValueError(f"--{option} counts from 1, or from -1 backward")
    return found


def _check(options: argparse.Namespace) -> None:
    """Raises for what no script could make sense of."""
    for option in ("hops", "step"):
        if (getattr(options, option) or 0) < 0:
            raise ValueError(f"--{option} {getattr(options, option)}: it counts from 0")
    if options.fold not in ("auto", "all", "none"):
        for name in options.fold.split(","):
            if name not in GROUPINGS:
                known = ", ".join(("auto", "all", "none", *GROUPINGS))
                raise ValueError(f"--fold {name!r} is unknown: one of {known}")
    if options.animate and options.style == "records":
        raise ValueError("--animate plays a river: leave --style records out")
    if options.film is None and options.of is not None:
        raise ValueError("--of says what is filmed: give --film N, too")
    if options.film is not None:
        _check_film(options)


def _check_film(options: argparse.Namespace) -> None:
    """Raises for options that a film has not."""
    if options.film < 1:
        raise ValueError(f"--film {options.film}: it counts from 1")
    usual = _parser().parse_args([])
    for name in _NOT_FILMED:
        given, default = getattr(options, name), getattr(usual, name)
        if given != (_integers(name, usual) if isinstance(given, tuple) else default):
            raise ValueError(f"--{name} and --film do not go together")
    if options.fold not in ("auto", "all", "none"):
        raise ValueError(f"--fold {options.fold}: of a film it is auto, all or none")
    if options.style != "river":
        raise ValueError("--film draws rivers: leave --style records out")


def _output(options: argparse.Namespace) -> Path:
    """The file to write, which is one that can be written."""
    suffix = options.format or ("svg" if options.animate else "html")
    usual = f"{Path(options.script).stem}.{suffix}"
    given = options.output or usual
    path = (
        Path(given, usual) if given.endswith(("/", os.sep)) or Path(given).is_dir() else Path(given)
    )
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(
            f"cannot save a picture as {path.name!r}: "
            f"the suffix must be one of {', '.join(FORMATS)}"
        )
    if options.animate and suffix != ".svg":
        raise ValueError(f"--animate: an SVG can play, {path.name!r} cannot")
    if options.film is not None and suffix not in _FILMED:
        raise ValueError(f"a film is saved as {', '.join(_FILMED)}, not as {path.name!r}")
    if options.format is not None and suffix != f".{options.format}":
        raise ValueError(f"--format {options.format}, but the output is {path.name!r}")
    if (package := FORMATS[suffix]) is not None and find_spec(package) is None:
        raise ValueError(
            f'{path.name} needs {package}: install it with `pip install "microgradnd[pictures]"`'
        )
    folder = next(x for x in path.absolute().parents if x.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"cannot write {path}: {path if path.is_dir() else folder} is in the way")
    return path.absolute()  # the script may change the folder


def _warn(words: str) -> None:
    print(f"python -m viz: {words}", file=sys.stderr)


def _run(
    script: Path, args: list[str], watched: AbstractContextManager[None]
) -> tuple[int, BaseException | None]:
    """Runs the script as Python would; its exit status, and what ended it if it failed."""
    kept = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [str(script), *args], str(script.resolve().parent)
    try:
        with watched:
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return (end.code if isinstance(end.code, int) else int(end.code is not None)), None
    except KeyboardInterrupt as stop:
        return 130, stop
    except BaseException as error:
        _report(error, script)
        return 1, error
    finally:
        sys.argv, sys.path[0] = kept
    return 0, None


def _report(error: BaseException, script: Path) -> None:
    """Prints an error of the script as Python would, without the frames of this command."""
    trail = error.__traceback__
    names = {str(script), str(script.resolve())}
    first = trail
    while first is not None and first.tb_frame.f_code.co_filename not in names:
        first = first.tb_next
    traceback.print_exception(type(error), error.with_traceback(first), first)


def _listing(calls: Sequence[tuple[str, str]]) -> list[str]:
    lines = [f"{k:5d}  {where}  {what}" for k, (where, what) in enumerate(calls, start=1)]
    return lines or ["the script made no backward call"]


def _draw_call(options: argparse.Namespace, call: int, found: Trace | AnomalyError) -> int:
    """Draws a backward call and says where; the exit status."""
    path: Path = options.output
    if len(set(options.call)) > 1:
        path = path.with_stem(f"{path.stem}-{call}")
    try:
        drawn = draw(found, **_draw_arguments(options, found))
    except ValueError as error:  # an unknown group or tensor
        _warn(str(error))
        return 2
    words = f"backward call {call}, {drawn.model.title}"
    return _saved(partial(drawn.save, animate=options.animate), path, words, options.show)


def _saved(save: Callable[[Path], Path], path: Path, words: str, show: bool) -> int:
    """Writes a file and says where; the exit status."""
    try:
        save(path)
    except (ValueError, OSError) as error:  # nothing to draw, or a full disk
        _warn(str(error))
        return 2
    here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    print(f"{here}: {words}", flush=True)
    if show:
        webbrowser.open(path.as_uri())
    return 0


def _draw_arguments(options: argparse.Namespace, found: Any) -> dict[str, Any]:
    """The arguments of `viz.draw` that the options ask for."""
    folds: dict[str, Any] = {"auto": "auto", "all": True, "none": False}
    focus = options.focus.split(",") if options.focus else None
    unchanged = ("steps", "hops", "theme", "style", "direction", "title", "step", "strip")
    out: dict[str, Any] = {key: getattr(options, key) for key in unchanged}
    out["fold"] = folds.get(options.fold, options.fold.split(","))
    out["open"] = "all" if options.open == ["all"] else options.open
    out["focus"] = focus[0] if focus and len(focus) == 1 else focus
    if options.health:
        from viz.diagnosis import health

        condition = health(found)
        print(condition)
        out["marks"] = condition.marks
    return out
