"""Optimizer: what all optimisers have in common, parameters in groups and a state for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from microgradnd.arguments import FLAG, NOT_NEGATIVE, NUMBER, Kind, elements, real, several, shown
from microgradnd.engine import Tensor
from microgradnd.parameters import check_parameter, described, tensors_of, zero_grad
from microgradnd.state import StateError, array_of, listed

State = dict[str, Any]
Group = dict[str, Any]
# PyTorch's choices between ways to compute the same: read over in its states
IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}
OPTIONS: dict[str, Kind] = {
    **dict.fromkeys(["lr", "weight_decay", "momentum", "eps", "alpha"], NOT_NEGATIVE),
    **dict.fromkeys(["lr_decay", "initial_accumulator_value"], NOT_NEGATIVE),
    **dict.fromkeys(["nesterov", "centered", "amsgrad"], FLAG),
    "dampening": NUMBER,
    "betas": several(real(0, 1, without="high"), "two numbers in [0, 1)", 2, 2),
}


class Optimizer:
    """Changes parameters by their gradients; a subclass says how in `update`.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of a group each: `{"params": tensors}` and
            the options that are to differ from the others'.
        defaults: the options of groups that do not give their own.

    A parameter whose `.grad` is None is passed over. Arrays are written in place, so a graph that
    was recorded before a step cannot be walked after it.

    >>> class SignDescent(Optimizer):
    ...     def update(self, w, g, state, group, spare):
    ...         w -= group["lr"] * np.sign(g)
    >>> w = Tensor([1.0, -2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SignDescent([w], {"lr": 0.5}).step()
    >>> w
    Tensor([ 0.5, -1.5], requires_grad=True)
    """

    # What `update` keeps per parameter: the name, and the option without which it is not needed.
    keeps: ClassVar[dict[str, str | None]] = {}
    # What PyTorch has as an option and this optimiser is: a state that says otherwise is refused.
    fixed: ClassVar[dict[str, bool]] = {"maximize": False}

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: list[State] = []  # by the number of the parameter, counted over all groups
        self.spare: list[tuple[np.ndarray, np.ndarray]] = []  # two arrays to compute in, for each
        given = params if isinstance(params, (Tensor, Mapping)) else list_of(params, self)
        if isinstance(given, list) and given and all(isinstance(g, Mapping) for g in given):
            groups = given
        else:
            groups = [given if isinstance(given, Mapping) else {"params": given}]
        for group in groups:
            self.add_param_group(group)
        if not any(p.requires_grad for p in self.parameters()):
            raise ValueError(
                f"{type(self).__name__}: none of the parameters requires a gradient, so none would "
                "ever change; make them with Tensor(data, requires_grad=True)"
            )

    def parameters(self) -> list[Tensor]:
        """All parameters; their numbers in this list are those of the state dict."""
        return [p for group in self.param_groups for p in group["params"]]

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Adds parameters, with options of their own where `group` gives any.

        Raises:
            TypeError: for what is no tensor, was computed or is not of floating point.
            ValueError: for no parameters, for one that is here already, for options that are
                unknown or out of range.
        """
        what = type(self).__name__
        if not isinstance(group, Mapping):
            raise TypeError(f"{what}: a parameter group must be a dict, not {shown(group)}")
        if "params" not in group:
            raise ValueError(f"{what}: a parameter group needs 'params', got only {[*group]}")
        fresh = tensors_of(group["params"], what)
        seen = {id(p) for p in self.parameters()}
        for p in fresh:
            check_parameter(p, what)
            if id(p) in seen:
                raise ValueError(f"{what}: {described(p)} is given twice; one group may hold it")
            seen.add(id(p))
        full = {"params": fresh} | self.defaults | {k: v for k, v in group.items() if k != "params"}
        unknown = full.keys() - self.defaults.keys() - {"params", "initial_lr"}
        if unknown:
            raise ValueError(f"{what}: unknown options {sorted(unknown)}, has {[*self.defaults]}")
        problems = self.option_problems(full)
        if problems:
            raise ValueError(f"{what}: {'; '.join(problems)}")
        self.param_groups.append(full)
        self.state += [{} for _ in fresh]
        self.spare += [(np.empty_like(p.data), np.empty_like(p.data)) for p in fresh]

    def option_problems(self, group: Group) -> list[str]:
        """What is wrong with the options of a group."""
        return [
            f"{key} must be {kind.words}, not {shown(group[key])}"
            for key, kind in OPTIONS.items()
            if key in group and not (kind.typed(group[key]) and kind.fits(group[key]))
        ]

    def step(self) -> None:
        """Changes each parameter that has a gradient, by `update`. Nothing of it is recorded."""
        kept = zip(self.state, self.spare)
        for group in self.param_groups:
            for p in group["params"]:
                state, spare = next(kept)
                g = p._grad
                if g is not None:
                    if spare[0].dtype is not p._array.dtype:  # the model was converted meanwhile
                        spare = self.converted(p)
                    self.update(p._array, g._array, state, group, spare)
                    p.changed()

    def converted(self, p: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """The arrays to compute in of a parameter that has another dtype now; its state follows."""
        i = next(i for i, q in enumerate(self.parameters()) if q is p)
        for key, value in self.state[i].items():
            if isinstance(value, np.ndarray):
                self.state[i][key] = value.astype(p.dtype)
        self.spare[i] = np.empty_like(p.data), np.empty_like(p.data)
        return self.spare[i]

    def update(
        self, w: np.ndarray, g: np.ndarray, state: State, group: Group, spare: tuple
    ) -> None:
        """Changes the array of one parameter in place.

        Args:
            w: the parameter's array.
            g: its gradient, which must stay as it is.
            state: what is kept for it between steps; empty at first.
            group: the options.
            spare: two arrays like w, to compute in.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no update(self, w, g, ...)")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters; `set_to_none=False` sets them to 0 instead."""
        zero_grad(self.parameters(), set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """The state and the options, in the form of PyTorch's; the arrays are copies.

        `{"state": {number: {name: array or number}}, "param_groups": [options]}`, where "params"
        of a group lists its parameters' numbers. Only parameters that have a state are listed.
        """
        state = {i: copied(kept) for i, kept in enumerate(self.state) if kept}
        groups = [{**group, "params": numbers} for group, numbers in self.numbered()]
        return {"state": state, "param_groups": groups}

    def numbered(self) -> list[tuple[Group, list[int]]]:
        """The groups, with the numbers of their parameters."""
        pairs, first = [], 0
        for group in self.param_groups:
            last = first + len(group["params"])
            pairs.append((group, list(range(first, last))))
            first = last
        return pairs

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Takes over a state dict, of this library or of PyTorch's optimiser of the same name.

        Nothing is written unless all fits.

        Raises:
            StateError: lists what is missing, unexpected, out of range or of another shape.
        """
        groups, state = self.read(given)
        problems = [f"  missing: {k}" for k in ("state", "param_groups") if k not in given]
        problems = problems or self._group_problems(groups) or self._state_problems(state, groups)
        if problems:
            words = "\n".join(problems)
            what = type(self).__name__
            raise StateError(f"{what}: the given state does not fit, nothing was loaded:\n{words}")
        for i, p in enumerate(self.parameters()):
            kept = present(state.get(i, {}))
            self.state[i] = {k: restored(k, value, p.data) for k, value in kept.items()}
        for group, fresh in zip(self.param_groups, groups):
            group |= {key: value for key, value in fresh.items() if self.takes(key)}
            if "betas" in group:
                group["betas"] = tuple(group["betas"])

    def read(self, given: Mapping[str, Any]) -> tuple[list[Group], dict[int, State]]:
        """The groups and states of a state dict, once it is known to be one."""
        try:
            groups = [dict(group) for group in given.get("param_groups", ())]
            return groups, {int(i): dict(kept) for i, kept in given.get("state", {}).items()}
        except (TypeError, ValueError, AttributeError):
            raise StateError(
                f"{type(self).__name__}: {shown(given)} is no state of an optimiser; give what "
                "its state_dict() gave"
            ) from None

    def takes(self, key: str) -> bool:
        return key not in IMPLEMENTATION | self.fixed.keys() | {"params", "param_names"}

    def _group_problems(self, groups: list[Group]) -> list[str]:
        """What of the groups of a state dict does not fit the groups here."""
        if len(groups) != len(self.param_groups):
            return [f"  parameter groups: {len(groups)}, needed {len(self.param_groups)}"]
        problems = []
        for i, (own, group) in enumerate(zip(self.param_groups, groups)):
            where = f"in group {i}"
            count, needed = len(group.get("params", ())), len(own["params"])
            if count != needed:
                problems.append(f"  parameters {where}: {count}, needed {needed}")
            missing = [key for key in self.defaults if key not in group]
            problems += listed(f"missing {where}", missing)
            problems += listed(f"wrong {where}", self.option_problems(group))
            for key, value in self.fixed.items():
                if group.get(key, value) != value:
                    problems.append(f"  wrong {where}: {key} must be {value}")
        return problems

    def _state_problems(self, state: dict[int, State], groups: list[Group]) -> list[str]:
        """What of the states of a state dict does not fit the parameters here."""
        parameters, problems = self.parameters(), []
        options = [group for group in groups for _ in group["params"]]
        for i, kept in state.items():
            if not 0 <= i < len(parameters):
                problems.append(f"  unexpected: the state of parameter {i} of {len(parameters)}")
                continue
            kept, where = present(kept), f"for parameter {i}"
            needed = [k for k, option in self.keeps.items() if not option or options[i][option]]
            missing = [key for key in needed if key not in kept] if kept else []
            problems += listed(f"missing {where}", missing)
            problems += listed(
                f"unexpected {where}", [key for key in kept if key not in self.keeps]
            )
            for key, value in kept.items():
                shape, wanted = np.shape(array_of(value)), parameters[i].shape
                if shape != (() if key == "step" else wanted):
                    words = f"{key}: {shape}, needed {() if key == 'step' else wanted}"
                    problems += listed(f"of another shape {where}", [words])
        return problems

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}("]
        for group in self.param_groups:
            count = len(group["params"])
            options = ", ".join(f"{k}={v!r}" for k, v in group.items() if k != "params")
            lines.append(f"  {count} parameter{'s' * (count != 1)}: {options}")
        return "\n".join([*lines, ")"])


def list_of(params: Any, optimizer: Optimizer) -> list[Any]:
    """The given parameters or groups as a list."""
    if hasattr(params, "parameters"):
        what = type(optimizer).__name__
        raise TypeError(
            f"{what}: params must be Tensors, not a {type(params).__name__}; write "
            f"{what}(model.parameters(), ...)"
        )
    words = "Tensors, as model.parameters() gives them, or dicts of a group each"
    return elements(type(optimizer).__name__, "params", params, words)


def buffer(state: State, name: str, w: np.ndarray, start: float = 0.0) -> np.ndarray:
    """The array kept in a state under a name; at first filled with `start`."""
    kept = state.get(name)
    if kept is None:
        kept = state[name] = np.full_like(w, start)
    return kept


def counted(state: State) -> int:
    """The number of this step, counted from 1."""
    state["step"] = step = state.get("step", 0) + 1
    return step


def copied(state: State) -> State:
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in state.items()}


def present(state: State) -> State:
    """A state without what PyTorch notes as None."""
    return {name: value for name, value in state.items() if value is not None}


def restored(name: str, value: Any, w: np.ndarray) -> Any:
    """A copy of a kept array in the dtype of its parameter; the count of steps as a number."""
    return int(array_of(value)) if name == "step" else np.array(array_of(value), w.dtype)
