"""python -m viz SCRIPT.py: runs a script as it is and draws the graphs of its backward calls."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import traceback
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import microgradnd
from microgradnd import AnomalyError
from microgradnd.graph import Graph, Seeds, watching
from viz.capture.trace import Recorder, Trace, begun
from viz.picture import GROUPINGS, draw
from viz.style.text import number, plural, shape_of

OURS = (str(Path(microgradnd.__file__).parent), str(Path(__file__).parent))
ABOUT = """Runs a Python script as it is and draws the graph of its backward calls.

Whatever is not an option below goes to the script; after a bare -- everything does."""
EXAMPLES = """examples:
  python -m viz train.py                       the first backward call, as train.html
  python -m viz train.py --epochs 2 -o t.svg   --epochs 2 is the script's
  python -m viz train.py --list                the backward calls of the script
  python -m viz train.py --call -1 --health    the last one, with what is wrong in it
  python -m viz net.py --open encoder --steps 1,2,-1 -o net.html
  python -m viz net.py --focus W,loss -o path.svg
"""


@dataclass(frozen=True)
class Call:
    """A backward call of the script."""

    number: int
    where: str  # file:line
    words: str  # what was differentiated


class Script:
    """Watches a script's backward calls and traces those that are wanted.

    A call is traced when it comes: its values are replayed from the leaves, so that all others
    cost nothing.
    """

    def __init__(self, wanted: Sequence[int], keep: str) -> None:
        self.wanted, self.keep = wanted, keep
        self.calls: list[Call] = []
        self.traces: dict[int, Trace] = {}

    def watch(self, seeds: Seeds) -> Recorder | None:
        call = len(self.calls) + 1
        self.calls.append(Call(call, caller(), "" if self.wanted else described(seeds)))
        from_end = [-n for n in self.wanted if n < 0]
        for old in [n for n in self.traces if n not in self.wanted and call - n >= max(from_end)]:
            del self.traces[old]
        if call not in self.wanted and not from_end:
            return None
        self.traces[call] = begun(seeds, self.keep, {}, {})
        return Recorder(self.traces[call], seeds)

    def chosen(self) -> dict[int, Trace]:
        """The traces that were asked for, by number from 1."""
        count = len(self.calls)
        numbers = [n if n > 0 else count + 1 + n for n in self.wanted]
        return {n: self.traces[n] for n in numbers if n in self.traces}


def caller() -> str:
    """The line of the script that is being run, outside of this library."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    return f"{os.path.relpath(frame.f_code.co_filename)}:{frame.f_lineno}"


def described(seeds: Seeds) -> str:
    """What is differentiated, its value, and from how many operations it was made."""
    graph = Graph([node for node, _ in seeds])
    values = graph.replay(graph.outputs)
    words = []
    for node, _ in seeds:
        name = node.name or ("leaf" if node.is_leaf else node.op.name)
        one = values[node].size == 1
        words.append(
            f"{name} = {number(values[node].item())}" if one else f"{name} {shape_of(node.shape)}"
        )
    return f"{', '.join(words)}, {plural(len(graph.computed), 'operation')}"


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(
        prog="python -m viz", description=ABOUT, epilog=EXAMPLES, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options] SCRIPT.py [the script's arguments]",
    )  # fmt: skip
    add = out.add_argument
    add(
        "script",
        metavar="SCRIPT.py",
        nargs="?",
        help="the script, run as `python SCRIPT.py ...` would",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="picture to write; its suffix is the "
        "format (.html, .svg, .png, .pdf, .json, .dot, ...); default: the script's name and .html",
    )
    add("--format", metavar="F", help="format of the default output: html, svg, ...")
    add(
        "--call",
        type=integers,
        default=(1,),
        metavar="N,N",
        help="which backward calls to draw: 1 "
        "(default) is the first, -1 the last; several are written to FILE-N",
    )
    add("--list", action="store_true", help="list the backward calls, draw none")
    add(
        "--fold",
        default="auto",
        metavar="HOW",
        help=f"auto (default), all, none, or some of {','.join(GROUPINGS)}",
    )
    add(
        "--open",
        action="append",
        metavar="GROUP",
        help="open a module or repetition by name, path or class, `all` for all",
    )
    add("--steps", type=integers, default=(), metavar="N,N", help="time steps to show singly")
    add("--focus", metavar="A[,B]", help="only what is near the tensor A, or the paths from A to B")
    add("--hops", type=int, metavar="K", help="how far around the focus")
    add("--step", type=int, metavar="K", help="the stage after K backward steps")
    add("--theme", choices=("auto", "light", "dark"), default="auto")
    add("--direction", choices=("TB", "LR"), default="TB", help="of the forward pass")
    add("--title", help="first line of the picture")
    add("--strip", action="store_true", help="gradient sizes over depth or time under the picture")
    add("--health", action="store_true", help="tell what is wrong with the gradients, and mark it")
    add("--show", action="store_true", help="open the picture in the browser")
    return out


def integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the script's exit status, or 2 for a call that makes no sense."""
    given = list(sys.argv[1:] if argv is None else argv)
    end = given.index("--") if "--" in given else len(given)
    options, arguments = parser().parse_known_args(given[:end])
    arguments += given[end + 1 :]
    if options.script is None and arguments:
        options.script = arguments.pop(0)
    if options.script is None or not Path(options.script).exists():
        parser().error(
            f"there is no script {options.script!r}" if options.script else "which script?"
        )
    if 0 in options.call:
        parser().error("--call counts from 1, or from -1 backward")
    regroups = options.fold not in ("auto", "all") or options.steps or options.focus
    recorder = Script(() if options.list else options.call, "arrays" if regroups else "summaries")
    status, failure = run(Path(options.script), arguments, recorder)
    if options.list:
        listed(recorder.calls)
        return status
    chosen: dict[int, Any] = dict(recorder.chosen())
    if not chosen and isinstance(failure, AnomalyError):
        chosen = {len(recorder.calls): failure}  # its picture shows the way to the NaN
    if chosen or not status:
        status = pictures(options, chosen, recorder.calls) or status
    return status


def run(script: Path, args: list[str], recorder: Script) -> tuple[int, BaseException | None]:
    """Runs the script as Python would; its exit status, and what ended it if it failed."""
    kept = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [str(script), *args], str(script.resolve().parent)
    try:
        with watching(None, recorder.watch):
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return (end.code if isinstance(end.code, int) else int(end.code is not None)), None
    except KeyboardInterrupt as stop:
        return 130, stop
    except BaseException as error:
        report(error, script)
        return 1, error
    finally:
        sys.argv, sys.path[0] = kept
    return 0, None


def report(error: BaseException, script: Path) -> None:
    """Prints an error of the script as Python would, without the frames of this command."""
    trail = error.__traceback__
    names = {str(script), str(script.resolve())}
    first = trail
    while first is not None and first.tb_frame.f_code.co_filename not in names:
        first = first.tb_next
    traceback.print_exception(type(error), error.with_traceback(first), first)


def listed(calls: Sequence[Call]) -> None:
    if not calls:
        print("the script made no backward call")
    for call in calls:
        print(f"{call.number:5d}  {call.where}  {call.words}")


def pictures(options: argparse.Namespace, chosen: dict[int, Any], calls: Sequence[Call]) -> int:
    """Draws what was asked for; the exit status."""
    if not chosen:
        wanted = ", ".join(map(str, options.call))
        print(
            f"nothing to draw: the script made {plural(len(calls), 'backward call')}, and call "
            f"{wanted} was asked for; --list tells them",
            file=sys.stderr,
        )
        return 2
    output = options.output or Path(f"{Path(options.script).stem}.{options.format or 'html'}")
    for call, found in chosen.items():
        path = output if len(chosen) == 1 else output.with_stem(f"{output.stem}-{call}")
        try:
            picture = draw(found, **drawing(options, found))
            picture.save(path)
        except ValueError as error:  # an unknown group, tensor or format: the words say which
            print(f"python -m viz: {error}", file=sys.stderr)
            return 2
        print(f"{path}: backward call {call}, {picture.graph.graph['title']}")
        if options.show:
            webbrowser.open(path.resolve().as_uri())
    return 0


def drawing(options: argparse.Namespace, found: Any) -> dict[str, Any]:
    """The arguments of `viz.draw` that the options ask for."""
    folds: dict[str, Any] = {"auto": "auto", "all": True, "none": False}
    focus = options.focus.split(",") if options.focus else None
    out: dict[str, Any] = {
        "fold": folds.get(options.fold, options.fold.split(",")),
        "open": "all" if options.open == ["all"] else options.open,
        "steps": options.steps,
        "focus": focus[0] if focus and len(focus) == 1 else focus,
        "hops": options.hops,
        "theme": options.theme,
        "direction": options.direction,
        "title": options.title,
        "step": options.step,
        "strip": options.strip,
    }
    if options.health:
        from viz.diagnosis import health

        condition = health(found)
        print(condition)
        out["marks"] = condition.marks
    return out
