"""Functions made of functions: their derivatives of first and second order (`mg.func`).

Each takes a function of tensors, or of containers of tensors, and gives another one. The variables
of a derivative are nodes of their own, so nested derivatives never take one for another, and what
comes out leads on to whatever else the function depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.engine import Tensor, as_tensor, node_of, seed, walk
from microgradnd.grad_mode import enable_grad, recording
from microgradnd.node import Node, reachable
from microgradnd.ops.shape import reshape, stack, transpose
from microgradnd.transforms.batching import (
    Batch,
    Unbatchable,
    bare,
    frames,
    frames_of,
    grouped,
    lifted,
    looped,
    regrouped,
    under,
    wrapped,
)
from microgradnd.transforms.containers import filled, mapped, tensors_in
from microgradnd.transforms.mapping import vmap

_Argnums = int | Sequence[int]


def _variable(name: str, x: Any, trace: _Traced) -> Tensor:
    """A tensor to differentiate by: a node of its own, that leads on to the tensor given.

    Where a function is mapped over samples, each of them has a gradient of its own: the tensor
    becomes another one for each of them.
    """
    over = frames.get()
    x = under(lifted(x, over))
    if x.node is not None:
        return wrapped(reshape(x, x.shape), over)
    if x.dtype.kind not in "fc":
        raise TypeError(
            f"{name}: {errors.describe(x)} cannot be differentiated by; it holds no floating-point "
            "numbers: x.astype(float)"
        )
    return wrapped(_internal(x.data, trace), over)


def _internal(data: Any, trace: _Traced | None) -> Tensor:
    """A leaf that nobody outside knows of, and that means something only within its trace."""
    leaf = Tensor(data, requires_grad=True)
    node_of(leaf).note()["trace"] = trace
    return leaf


def _bare(x: Any) -> Tensor:
    t = as_tensor(x)
    return t if t.node is None else bare(t)


class _Traced:
    """A function's variables and outputs, in one graph that is walked as often as is wanted."""

    def __init__(self, name: str, function: Callable, primals: Sequence[Any], aux: bool) -> None:
        outer, self.active = recording.get(), True
        try:
            with enable_grad():
                self.primals = mapped(lambda x: _variable(name, x, self), tuple(primals))
                self.outputs = function(*self.primals)
        finally:
            self.active = False
        self.variables: list[Tensor] = tensors_in(self.primals)
        self.aux = None
        if aux:
            if not isinstance(self.outputs, tuple) or len(self.outputs) != 2:
                raise TypeError(f"{name}: with has_aux=True the function returns (output, aux)")
            self.outputs, self.aux = self.outputs
        self.outs: list[Tensor] = [as_tensor(out) for out in tensors_in(self.outputs)]
        leaves = reachable([out.node for out in self.outs if out.node is not None])[1]
        # Whether the outputs depend on what is known outside: then their graph is kept.
        self.open = outer and any(_is_known(leaf) for leaf in leaves)
        self.aux = self.released(self.aux)

    def released(self, x: Any) -> Any:
        """Tensors as the caller gets them: leading on to what the caller knows of, if they do."""
        return mapped(as_tensor if self.open else _bare, x)

    def pulled(self, gradients: Sequence[Any], create_graph: bool, retain: bool) -> list[Tensor]:
        """The gradient at each variable, from those of the outputs."""
        return _pulled(self.outs, gradients, self.variables, create_graph, retain)


def _is_known(leaf: Node) -> bool:
    """Whether it is a leaf of the user's, or a variable of a derivative that is being taken."""
    notes = leaf.notes or {}
    return "trace" not in notes or bool(notes["trace"] and notes["trace"].active)


def _pulled(
    outs: Sequence[Tensor], gradients: Sequence[Any], variables: Sequence[Tensor],
    create_graph: bool, retain: bool,
) -> list[Tensor]:  # fmt: skip
    """The gradient at each variable; zeros where the outputs do not depend on it."""
    nodes: list[Node] = [node_of(under(v)) for v in variables]
    pairs = [(o, g) for o, g in zip(outs, gradients, strict=True) if o.node is not None]
    found: dict[Node, Tensor] = {}
    if pairs:
        seeds = [_seed(o, g) for o, g in pairs]
        found = walk(seeds, dict(zip(nodes, variables)), retain or create_graph, create_graph)
    return [_told_apart(found.get(n), v) for n, v in zip(nodes, variables)]


def _seed(out: Tensor, g: Any) -> tuple[Node, Any]:
    """The gradient that a walk starts from, with the axes that the output's batches have."""
    if not isinstance(out, Batch) and not isinstance(g, Batch):
        return seed([out], [g])[0]
    node, known = node_of(under(out)), frames_of(out)
    if g is None:
        return node, np.ones(node.shape, node.dtype)
    if np.shape(g) != out.shape:
        raise errors.wrong_gradient("backward", np.shape(g), out.shape)
    inner = tuple(frame for frame in frames_of(g) if frame not in known)
    return node, regrouped(g, inner, known).astype(node.dtype)


def _told_apart(g: Any, v: Tensor) -> Tensor:
    """The gradient of a variable, again for one sample of those it was made for."""
    if g is None:
        g = Tensor(np.zeros(under(v).shape, v.dtype))
    known, inner = frames_of(v), frames_of(g)
    return grouped(g, inner, known) if known or inner else g


def _products(pairs: Iterable[tuple[Any, Any]]) -> list[Tensor]:
    """Σ x y for each pair, if anything depends on it; a list of one number or none."""
    with enable_grad():
        each = [(as_tensor(x) * y).sum() for x, y in pairs if as_tensor(x).node is not None]
        return [sum(each[1:], each[0])] if each else []


def _chosen(name: str, args: tuple[Any, ...], argnums: _Argnums) -> tuple[int, ...]:
    places = (argnums,) if isinstance(argnums, (int, np.integer)) else tuple(argnums)
    for place in places:
        if not -len(args) <= place < len(args):
            raise ValueError(
                f"{name}: argnums={argnums!r}, but the function was called with {len(args)} "
                "arguments by position"
            )
    return tuple(int(place) % len(args) for place in places)


def _of_chosen(
    name: str, function: Callable, args: tuple[Any, ...], options: dict, argnums: _Argnums
) -> tuple[Callable, list[Any]]:
    """The function of some of its arguments alone, and these."""
    places = _chosen(name, args, argnums)

    def inner(*chosen: Any) -> Any:
        given = list(args)
        for place, x in zip(places, chosen):
            given[place] = x
        return function(*given, **options)

    return inner, [args[place] for place in places]


def _callable(name: str, function: Any) -> None:
    if not callable(function):
        raise TypeError(f"{name}: a function is needed, not {errors.describe(function)}")


def value_and_grad(
    function: Callable[..., Any], argnums: _Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives function(...) and its gradient.

    Args:
        function: returns one number; with has_aux (number, anything else).
        argnums: by which arguments, counted from 0; several give a tuple of gradients.

    The gradient has the containers of its argument.

    >>> value, g = value_and_grad(lambda x: (x * x).sum())(Tensor([1.0, 2.0]))
    >>> value, g
    (Tensor(5.), Tensor([2., 4.]))
    """
    _callable("value_and_grad", function)

    @wraps(function, updated=())
    def differentiated(*args: Any, **options: Any) -> tuple[Any, Any]:
        inner, chosen = _of_chosen("grad", function, args, options, argnums)
        traced = _Traced("grad", inner, chosen, has_aux)
        out = traced.outputs
        if len(traced.variables) == 0:
            raise TypeError("grad: there is no tensor among the arguments to differentiate by")
        if not isinstance(out, (Tensor, Batch)) or out.size != 1:
            tensor = isinstance(out, (Tensor, Batch))
            what = f"shape {out.shape}" if tensor else errors.describe(out)
            raise TypeError(f"grad: the function must return one number as a Tensor, not {what}")
        found = filled(traced.primals, traced.pulled([None], traced.open, False))
        gradient = found[0] if isinstance(argnums, (int, np.integer)) else found
        value = traced.released(traced.outputs)
        return ((value, traced.aux) if has_aux else value), gradient

    return differentiated


def grad(
    function: Callable[..., Any], argnums: _Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of function(...); with has_aux (gradient, aux).

    >>> cube = lambda x: x**3
    >>> grad(grad(cube))(2.0)
    Tensor(12.)
    """
    _callable("grad", function)
    both = value_and_grad(function, argnums, has_aux)

    @wraps(function, updated=())
    def differentiated(*args: Any, **options: Any) -> Any:
        value, gradient = both(*args, **options)
        return (gradient, value[1]) if has_aux else gradient

    return differentiated


def vjp(function: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """function(*primals), and the function v → vᵀJ that pulls gradients of outputs back.

    >>> out, pull = vjp(lambda x: x * x, Tensor([1.0, 2.0]))
    >>> pull(Tensor([1.0, 10.0]))
    (Tensor([ 2., 40.]),)
    """
    _callable("vjp", function)
    traced = _Traced("vjp", function, primals, has_aux)

    def pull(cotangents: Any) -> tuple[Any, ...]:
        given = tensors_in(cotangents)
        if len(given) != len(traced.outs):
            raise ValueError(f"vjp: {len(traced.outs)} outputs, but {len(given)} cotangents")
        tracked = recording.get() and any(getattr(g, "node", None) is not None for g in given)
        if _has_new_frames(given, traced.outs):
            found = traced.pulled(given, traced.open or tracked, True)
        elif not (traced.open or tracked):
            found = traced.pulled([getattr(g, "data", g) for g in given], False, True)
        else:
            total = _products(zip(traced.outs, given))
            found = _pulled(total, [None] * len(total), traced.variables, True, True)
        return filled(traced.primals, found)

    outputs = traced.released(traced.outputs)
    return (outputs, pull, traced.aux) if has_aux else (outputs, pull)


def linearize(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """function(*primals), and the linear function t → J t, which can be called again and again.

    J t is the derivative by v of vᵀJ t, so forward derivatives are as right as second ones are.

    >>> out, push = linearize(lambda x: x * x, Tensor([1.0, 2.0]))
    >>> push(Tensor([1.0, 0.5]))
    Tensor([2., 2.])
    """
    _callable("linearize", function)
    traced = _Traced("jvp", function, primals, False)
    with enable_grad():
        dummies = [_dummy(o) for o in traced.outs]
        total = _products(zip(traced.outs, dummies))
        rows = _pulled(total, [None] * len(total), traced.variables, True, True)

    def push(*tangents: Any) -> Any:
        given = tensors_in(tangents)
        if len(given) != len(rows):
            raise ValueError(f"jvp: {len(rows)} primals, but {len(given)} tangents")
        for t, v in zip(given, traced.variables):
            if np.shape(t) != v.shape:
                raise ValueError(f"jvp: a tangent of shape {np.shape(t)} for one of {v.shape}")
        tracked = recording.get() and any(getattr(t, "node", None) is not None for t in given)
        if _has_new_frames(given, rows):
            found = _pulled(rows, given, dummies, traced.open or tracked, True)
        else:
            total = _products(zip(rows, given))
            found = _pulled(total, [None] * len(total), dummies, traced.open or tracked, True)
        return filled(traced.outputs, found)

    return traced.released(traced.outputs), push


def _dummy(out: Tensor) -> Tensor:
    """A leaf of zeros of an output's shape, for each sample one."""
    whole = under(out)
    return wrapped(_internal(np.zeros(whole.shape, whole.dtype), None), frames_of(out))


def _has_new_frames(given: Sequence[Any], known: Sequence[Any]) -> bool:
    """Whether some are mapped over samples that others know nothing of: in a later run of vmap."""
    if not any(isinstance(g, Batch) for g in given):
        return False
    old = {frame for x in known for frame in frames_of(x)}
    return any(frame not in old for g in given for frame in frames_of(g))


def jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """function(*primals), and its change J t along the tangents.

    >>> jvp(lambda x: x * x, (Tensor([1.0, 2.0]),), (Tensor([1.0, 0.5]),))
    (Tensor([1., 4.]), Tensor([2., 2.]))
    """
    outputs, push = linearize(function, *primals)
    return outputs, push(*tangents)


def jacrev(
    function: Callable[..., Any], argnums: _Argnums = 0, *, chunk_size: int | None = None
) -> Callable[..., Any]:
    """A function that gives the Jacobian of function(...): one walk for all rows at once.

    Args:
        chunk_size: how many rows at once; fewer take less memory.

    Shapes: an output (M...) and an argument (N...) give (M..., N...); containers of outputs, and in
    each of them of arguments.

    >>> jacrev(lambda x: x * x)(Tensor([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]])
    """
    _callable("jacrev", function)

    @wraps(function, updated=())
    def jacobian(*args: Any, **options: Any) -> Any:
        inner, chosen = _of_chosen("jacrev", function, args, options, argnums)
        traced = _Traced("jacrev", inner, chosen, False)
        pull = lambda *given: traced.pulled(given, traced.open, True)
        blocks = [
            filled(traced.primals, _rows(pull, traced.outs, k, traced.variables, chunk_size))
            for k in range(len(traced.outs))
        ]
        single = isinstance(argnums, (int, np.integer))
        return filled(traced.outputs, [block[0] if single else block for block in blocks])

    return jacobian


def _rows(
    push: Callable, given: Sequence[Tensor], k: int, wanted: Sequence[Tensor], chunk: int | None
) -> list[Tensor]:
    """What a linear function of tensors makes of each element of number k alone.

    Shapes: (*given[k].shape, *shape) for each of the results, which have those of `wanted`.
    """
    size, shape = given[k].size, given[k].shape
    if not size:
        return [Tensor(np.zeros((*shape, *v.shape), v.dtype)) for v in wanted]
    basis = np.eye(size, dtype=given[k].dtype).reshape((size, *shape))
    others = [np.zeros(x.shape, x.dtype) for x in given]
    one = lambda row: push(*[row if j == k else x for j, x in enumerate(others)])
    try:
        found = vmap(one, chunk_size=chunk)(basis)
    except Unbatchable:  # a rule that is made for arrays alone
        looped["jacobian"] += 1
        found = [stack(each) for each in zip(*map(one, basis))]
    return [reshape(x, (*shape, *x.shape[1:])) for x in found]


def jacfwd(
    function: Callable[..., Any], argnums: _Argnums = 0, *, chunk_size: int | None = None
) -> Callable[..., Any]:
    """A function that gives the Jacobian of function(...), column by column: for few inputs.

    Args:
        chunk_size: how many columns at once; fewer take less memory.

    Shapes: as `jacrev`.

    >>> jacfwd(lambda x: x * x)(Tensor([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]])
    """
    _callable("jacfwd", function)

    @wraps(function, updated=())
    def jacobian(*args: Any, **options: Any) -> Any:
        inner, chosen = _of_chosen("jacfwd", function, args, options, argnums)
        outputs, push = linearize(inner, *chosen)
        like = tuple(chosen)
        variables = [as_tensor(x) for x in tensors_in(like)]
        outs = [as_tensor(out) for out in tensors_in(outputs)]
        pushed = lambda *given: tensors_in(push(*filled(like, given)))
        columns = [
            [_columns_last(c, v.ndim) for c in _rows(pushed, variables, j, outs, chunk_size)]
            for j, v in enumerate(variables)
        ]
        blocks = [filled(like, [c[k] for c in columns]) for k in range(len(outs))]
        single = isinstance(argnums, (int, np.integer))
        return filled(outputs, [block[0] if single else block for block in blocks])

    return jacobian


def _columns_last(x: Tensor, n: int) -> Tensor:
    """The first n axes moved behind the others."""
    return transpose(x, (*range(n, x.ndim), *range(n)))


def hessian(function: Callable[..., Any], argnums: _Argnums = 0) -> Callable[..., Any]:
    """A function that gives the second derivatives of function(...), a number.

    Shapes: an argument (N...) gives (N..., N...).

    >>> hessian(lambda x: (x**3).sum())(Tensor([1.0, 2.0]))
    Tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(grad(function, argnums), argnums)


def hvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The gradient of function(*primals), a number, and H t, its change along the tangents.

    >>> hvp(lambda x: (x**3).sum(), (Tensor([1.0, 2.0]),), (Tensor([1.0, 0.0]),))
    (Tensor([ 3., 12.]), Tensor([6., 0.]))
    """
    every = tuple(range(len(primals)))
    outputs, pushed = jvp(grad(function, every), primals, tangents)
    return (outputs[0], pushed[0]) if len(every) == 1 else (outputs, pushed)


def stop_gradient(x: Any) -> Any:
    """The same tensors as constants: nothing flows through them.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    Tensor(3.)
    """
    return mapped(lambda t: bare(as_tensor(t)), x)
