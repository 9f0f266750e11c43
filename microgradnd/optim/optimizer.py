"""Optimizer: what all optimisers have in common, parameters in groups and a state for each."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from microgradnd.arguments import (
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    PROBABILITY,
    Kind,
    elements,
    one_of,
    optional,
    real,
    require,
    several,
    shown,
    whole,
)
from microgradnd.engine import Tensor
from microgradnd.grad_mode import enable_grad
from microgradnd.parameters import Parameters, check_parameter, described, tensors_of, zero_grad
from microgradnd.state import StateError, array_of, listed

Array = np.ndarray
Spare = tuple[Array, Array]
State = dict[str, Any]
Group = dict[str, Any]
# PyTorch's choices between ways to compute the same: read over in its states
_IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}
_LATER = {"maximize", "decoupled_weight_decay"}  # options that older states do not have
_NUMBERS = {"step", "mu_product", "eta", "mu"}  # of a state, all else are arrays like the parameter
_OPTIONS: dict[str, Kind] = {
    **dict.fromkeys(["lr", "weight_decay", "momentum", "eps", "alpha"], NOT_NEGATIVE),
    **dict.fromkeys(["lr_decay", "initial_accumulator_value"], NOT_NEGATIVE),
    **dict.fromkeys(["momentum_decay", "lambd", "t0"], NOT_NEGATIVE),
    **dict.fromkeys(["tolerance_grad", "tolerance_change"], NOT_NEGATIVE),
    **dict.fromkeys(["nesterov", "centered", "amsgrad"], FLAG),
    **dict.fromkeys(["maximize", "decoupled_weight_decay"], FLAG),
    **dict.fromkeys(["max_iter", "history_size"], whole(1)),
    "max_eval": optional(whole(1)),
    "line_search_fn": optional(one_of("strong_wolfe")),
    "dampening": NUMBER,
    "rho": PROBABILITY,
    "etas": several(POSITIVE, "two numbers, one below 1 and one above", 2, 2),
    "step_sizes": several(NOT_NEGATIVE, "two numbers of at least 0", 2, 2),
    "betas": several(real(0, 1, without="high"), "two numbers in [0, 1)", 2, 2),
}


class Optimizer:
    """Changes parameters by their gradients; a subclass says how in `update`.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of a group each: `{"params": tensors}` and
            the options that are to differ from the others'.
        defaults: the options of groups that do not give their own.

    The library's optimisers also take PyTorch's `foreach`, `fused` and `capturable`, which change
    nothing here, and refuse `differentiable=True`.

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

    # The state of each parameter: the name, and the option without which it is not needed.
    keeps: ClassVar[dict[str, str | None]] = {}
    # What PyTorch has as an option and this optimiser is: a state that says otherwise is refused.
    fixed: ClassVar[dict[str, bool]] = {}

    def __init__(self, params: Parameters, defaults: Group) -> None:
        what = type(self).__name__
        if hasattr(params, "parameters"):
            raise TypeError(
                f"{what}: params must be Tensors, not a {type(params).__name__}; write "
                f"{what}(model.parameters(), ...)"
            )
        own = {"self", "params", "__class__", "ways"}  # a constructor may give its locals()
        _check_ways(what, defaults.get("ways", {}))
        self.defaults = {key: value for key, value in defaults.items() if key not in own}
        self.param_groups: list[Group] = []
        self.state: list[State] = []  # by the number of the parameter, counted over all groups
        self.spare: list[Spare] = []  # two arrays to compute in, for each
        words = "Tensors, as model.parameters() gives them, or dicts of a group each"
        single = isinstance(params, (Tensor, Mapping))
        given: list[Any] = [params] if single else elements(what, "params", params, words)
        grouped = given and all(isinstance(group, Mapping) for group in given)
        for group in given if grouped else [{"params": given}]:
            self.add_param_group(group)
        if not any(p.requires_grad for p in self.parameters()):
            raise ValueError(
                f"{what}: none of the parameters requires a gradient, so none would ever change; "
                "make them with Tensor(data, requires_grad=True)"
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
        tensors = tensors_of(group["params"], what)
        seen = {id(p) for p in self.parameters()}
        for p in tensors:
            check_parameter(p, what)
            if id(p) in seen:
                raise ValueError(f"{what}: {described(p)} is given twice; one group may hold it")
            seen.add(id(p))
        full = {"params": tensors} | self.defaults | {**group, "params": tensors}
        unknown = full.keys() - self.defaults.keys() - {"params", "initial_lr"}
        if unknown:
            raise ValueError(f"{what}: unknown options {sorted(unknown)}, has {[*self.defaults]}")
        problems = self.option_problems(full)
        if problems:
            raise ValueError(f"{what}: {'; '.join(problems)}")
        self.param_groups.append(full)
        self.state += [{} for _ in tensors]
        self.spare += [(np.empty_like(p.data), np.empty_like(p.data)) for p in tensors]

    def option_problems(self, group: Group) -> list[str]:
        """What is wrong with the options of a group."""
        return [
            f"{key} must be {kind.words}, not {shown(group[key])}"
            for key, kind in _OPTIONS.items()
            if key in group and not (kind.typed(group[key]) and kind.fits(group[key]))
        ]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes each parameter that has a gradient, by `update`. Nothing of it is recorded.

        Args:
            closure: if given, is called first: it computes the loss anew, with its gradients, and
                returns it.

        Returns what the closure returned, else None.
        """
        loss = None if closure is None else evaluated(self, closure)
        pairs = [(p, group) for group in self.param_groups for p in group["params"]]
        for i, (p, group) in enumerate(pairs):
            if p._grad is not None:
                if self.spare[i][0].dtype is not p._array.dtype:  # it was converted meanwhile
                    self.state[i] = {
                        name: x.astype(p.dtype) if isinstance(x, np.ndarray) else x
                        for name, x in self.state[i].items()
                    }
                    self.spare[i] = np.empty_like(p.data), np.empty_like(p.data)
                g = p._grad._array
                g = np.negative(g) if group.get("maximize") else g
                if g.dtype.kind == "c":
                    self._update_parts(p._array, g, self.state[i], group, self.spare[i])
                else:
                    self.update(p._array, g, self.state[i], group, self.spare[i])
                p.changed()
        return loss

    def _update_parts(
        self, w: Array, g: Array, state: State, group: Group, spare: Spare
    ) -> None:  # fmt: skip
        """Changes complex numbers by their parts, each a number of its own, as in PyTorch."""
        parts = {k: real_parts(x) if np.iscomplexobj(x) else x for k, x in state.items()}
        one, other = spare
        own = real_parts(w), real_parts(g), parts, group, (real_parts(one), real_parts(other))
        self.update(*own)
        for name, x in parts.items():
            state[name] = x.view(w.dtype)[..., 0] if isinstance(x, np.ndarray) else x

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
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
        state = {i: copy.deepcopy(own) for i, own in enumerate(self.state) if own}
        numbers = itertools.count()
        groups = [
            group | {"params": list(itertools.islice(numbers, len(group["params"])))}
            for group in self.param_groups
        ]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Takes over a state dict, of this library or of PyTorch's optimiser of the same name.

        Nothing is written unless all fits.

        Raises:
            StateError: lists what is missing, unexpected, out of range or of another shape.
        """
        groups, state = self._read(given)
        problems = [f"  missing: {k}" for k in ("state", "param_groups") if k not in given]
        problems = problems or self._group_problems(groups) or self._state_problems(state, groups)
        if problems:
            text = f"{type(self).__name__}: the given state does not fit, nothing was loaded:"
            raise StateError("\n".join([text, *problems]))
        self.state = [
            {name: self._loaded(name, x, p) for name, x in state.get(i, {}).items()}
            for i, p in enumerate(self.parameters())
        ]
        ignored = {"params", "param_names", *_IMPLEMENTATION, *self.fixed}
        for group, loaded in zip(self.param_groups, groups):
            group |= {key: value for key, value in loaded.items() if key not in ignored}
            group |= {k: tuple(v) for k, v in group.items() if k != "params" and type(v) is list}

    def _loaded(self, name: str, value: Any, p: Tensor) -> Any:
        """A value of a state dict as it is kept for a parameter."""
        if name in _NUMBERS:
            return int(array_of(value)) if name == "step" else float(array_of(value))
        return np.array(array_of(value), p.dtype)

    def _read(self, given: Mapping[str, Any]) -> tuple[list[Group], dict[int, State]]:
        """The groups and states of a state dict, once it is known to be one."""
        try:
            groups = [dict(group) for group in given.get("param_groups", ())]
            return groups, {
                int(i): {name: x for name, x in dict(own).items() if x is not None}  # as PyTorch's
                for i, own in given.get("state", {}).items()
            }
        except (TypeError, ValueError, AttributeError):
            raise StateError(
                f"{type(self).__name__}: {shown(given)} is no state of an optimiser; give what "
                "its state_dict() gave"
            ) from None

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
            known = group.keys() | _LATER
            problems += listed(f"missing {where}", [k for k in self.defaults if k not in known])
            problems += listed(f"wrong {where}", self.option_problems(group))
            for key, value in self.fixed.items():
                if group.get(key, value) != value:
                    problems.append(f"  wrong {where}: {key} must be {value}")
        return problems

    def _state_problems(self, state: dict[int, State], groups: list[Group]) -> list[str]:
        """What of the states of a state dict does not fit the parameters here."""
        parameters, problems = self.parameters(), []
        options = [group for group in groups for _ in group["params"]]
        for i, own in state.items():
            if not 0 <= i < len(parameters):
                problems.append(f"  unexpected: the state of parameter {i} of {len(parameters)}")
                continue
            where = f"for parameter {i}"
            needed = [k for k, option in self.keeps.items() if not option or options[i][option]]
            problems += listed(f"missing {where}", [k for k in needed if own and k not in own])
            problems += listed(f"unexpected {where}", [k for k in own if k not in self.keeps])
            for key, value in own.items():
                shape, wanted = (
                    array_of(value).shape,
                    () if key in _NUMBERS else parameters[i].shape,
                )
                if shape != wanted:
                    text = f"{key}: {shape}, needed {wanted}"
                    problems += listed(f"of another shape {where}", [text])
        return problems

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}("]
        for group in self.param_groups:
            count = len(group["params"])
            options = ", ".join(f"{k}={v!r}" for k, v in group.items() if k != "params")
            lines.append(f"  {count} parameter{'s' * (count != 1)}: {options}")
        return "\n".join([*lines, ")"])


def _check_ways(owner: str, ways: Mapping[str, Any]) -> None:
    """Lets PyTorch's choices between ways to compute the same pass; there is one way here."""
    for name, value in ways.items():
        if name not in _IMPLEMENTATION:
            raise TypeError(f"{owner}.__init__() got an unexpected keyword argument {name!r}")
        require(owner, name, value, optional(FLAG))
        if name == "differentiable" and value:
            raise ValueError(
                f"{owner}: differentiable=True is not to be had, nothing of a step is recorded; "
                "compute new parameters with grad(..., create_graph=True) and operations"
            )


def buffer(state: State, name: str, w: Array, start: float = 0.0) -> Array:
    """The array kept in a state under a name; at first filled with `start`."""
    array = state.get(name)
    if array is None:
        array = state[name] = np.full_like(w, start)
    return array


def real_parts(x: Array) -> Array:
    """Real and imaginary parts of complex numbers along a last axis, in the same memory."""
    real = x.real
    return as_strided(real, (*x.shape, 2), (*x.strides, real.itemsize))


def count_step(state: State) -> int:
    """The number of this step, counted from 1."""
    state["step"] = step = state.get("step", 0) + 1
    return step


def evaluated(optimizer: Optimizer, closure: Callable[[], Any]) -> Any:
    """What a closure returns, which records even where `step` is called under `no_grad`."""
    if not callable(closure):
        raise TypeError(
            f"{type(optimizer).__name__}: closure must be a function that computes the loss and "
            f"its gradients, not {shown(closure)}"
        )
    with enable_grad():
        return closure()


def decayed(g: Array, w: Array, group: Group, out: Array) -> Array:
    """The gradient g + λ w of a loss with the penalty ½ λ Σ w²."""
    if not group["weight_decay"]:
        return g
    np.multiply(w, group["weight_decay"], out)
    return np.add(out, g, out)


def mean(m: Array, g: Array, keep: float, spare: Array) -> None:
    """The running mean m ← β m + (1 - β) g, as m + (1 - β)(g - m)."""
    np.subtract(g, m, spare)
    spare *= 1 - keep
    m += spare


def square_mean(v: Array, g: Array, keep: float, spare: Array) -> None:
    """The running mean of squares v ← β v + (1 - β) g²."""
    v *= keep
    np.multiply(g, g, spare)
    spare *= 1 - keep
    v += spare
