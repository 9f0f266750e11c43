"""A training under way, and its checkpoint: all that is needed to go on after a break."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from microgradnd import io
from microgradnd.nn.module import Module, joined
from microgradnd.random import generator
from microgradnd.training.history import History

_FORMAT = "microgradnd training 1"


@dataclass
class Run:
    """A training under way, as callbacks see it; `run.stop = True` ends it after this epoch."""

    model: Module
    optimizer: Any
    history: History
    epochs: int
    schedule: Any = None
    callbacks: Sequence[Callable[[Run], Any]] = ()
    loaders: Mapping[str, Any] = field(default_factory=dict)
    rng: np.random.Generator | None = None
    stop: bool = False

    @property
    def epoch(self) -> int:
        """How many epochs are complete."""
        return len(self.history)


def _generators(run: Run) -> dict[str, np.random.Generator]:
    """All generators that a training is known to draw from, by name."""
    named: dict[str, Any] = {"library": generator(), "rng": run.rng}
    for path, module in run.model.named_modules():
        named |= {f"model.{joined(path, name)}": value for name, value in vars(module).items()}
    named |= {name: getattr(loader, "rng", None) for name, loader in run.loaders.items()}
    return {name: x for name, x in named.items() if isinstance(x, np.random.Generator)}


def _parts(run: Run) -> dict[str, Any]:
    """The objects whose state a checkpoint holds, by name: those that have a `state_dict`."""
    named = {name: getattr(run, name) for name in ("model", "optimizer", "schedule")}
    named |= {**run.loaders, **{f"callback {i}": part for i, part in enumerate(run.callbacks)}}
    return {name: part for name, part in named.items() if hasattr(part, "state_dict")}


def state_of(run: Run) -> dict[str, Any]:
    """All that is needed to go on with a training. The arrays are its own, not copies."""
    return {
        "format": _FORMAT,
        "parts": {name: part.state_dict() for name, part in _parts(run).items()},
        "generators": {name: g.bit_generator.state for name, g in _generators(run).items()},
        "history": run.history.records,
        "stop": run.stop,
    }


def restore(run: Run, path: str | os.PathLike[str]) -> None:
    """Sets a training to where its checkpoint was written.

    Raises:
        ValueError: the file is no checkpoint, or one of another training, which then is unchanged.
    """
    state = io.load(path)
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise io.FileFormatError(path, "it is no checkpoint of a training; load it with io.load")
    for kind, mine in (("parts", _parts(run)), ("generators", _generators(run))):
        different = sorted(state[kind].keys() ^ mine.keys())
        if different:
            raise ValueError(
                f"the checkpoint {os.fspath(path)!r} is of another training, only one of them has "
                f"{', '.join(different)}; build it up as it was, or train with resume=False"
            )
    before = copy.deepcopy(state_of(run))
    try:
        _load(run, state)
    except BaseException:
        _load(run, before)
        raise


def _load(run: Run, state: Mapping[str, Any]) -> None:
    for name, part in _parts(run).items():
        part.load_state_dict(state["parts"][name])
    for name, its in _generators(run).items():
        its.bit_generator.state = state["generators"][name]
    run.history.records[:] = state["history"]
    run.stop = state["stop"]
