"""Single elements: which tensor something is an element of, and an expression's element."""

from __future__ import annotations

import reprlib
from functools import reduce
from operator import add
from typing import Any, TypeAlias

import numpy as np

from microgradnd import Tensor
from microgradnd.graph import Graph, Node, node_of
from microgradnd.program import Expression, applied, computed, concrete, run

Index: TypeAlias = tuple[int, ...]
_WRITTEN_OUT = 6  # a sum of products of up to so many terms is written out


def element_in(
    graph: Graph, w: Tensor, element: int | Index | None = None, owner: str = "paths(w)"
) -> tuple[Node, Index | None]:
    """The tensor of a graph that w is, or is an element of, and the index of the element.

    Raises:
        ValueError: w is neither, or the index is not that of a single element.

    >>> v = Tensor([2.0, 3.0], requires_grad=True, name="v")
    >>> element_in(Graph((v * v).sum()), v[1])
    (<leaf v (2,) float64>, (1,))
    """
    views: list[Node] = []
    node = node_of(w)
    while node not in graph and not node.is_leaf and node.op.view:
        views.append(node)
        node = node.predecessors[0]
    if node not in graph:
        name = w.name or "the tensor"
        raise ValueError(f"{owner}: {name!r} is no part of what the loss is computed from")
    if not views and element is None:
        return node, None
    places = np.arange(int(np.prod(node.shape))).reshape(node.shape)
    for view in reversed(views):
        places = view.compute([places])
    if element is not None:
        index = tuple(element) if isinstance(element, (tuple, list)) else (element,)
        try:
            places = np.asarray(int(places[index]))
        except Exception as error:  # whatever NumPy says of what is no index
            raise ValueError(
                f"{owner}: element={reprlib.repr(element)} is no single element of a tensor of "
                f"shape {w.shape}: an integer for each axis is needed"
            ) from error
    if places.size != 1:
        raise ValueError(
            f"an index of {node.name or 'the tensor'!r} that leaves {places.size:,} elements: only "
            "a whole tensor of the graph or one element of it will do"
        )
    return node, tuple(int(i) for i in np.unravel_index(int(places.item()), node.shape))


def bracketed(index: Index) -> str:
    """An index as Python writes it: [0, 1], nothing of a scalar's."""
    return f"[{', '.join(map(str, index))}]" if index else ""


def element_of(x: Any, index: Index) -> Any:
    """An element of an expression, as an expression of elements as far as that can be said.

    >>> u, v = (Expression.named(name, np.array([1.0, 2.0])) for name in "uv")
    >>> element_of(u * v, (1,))
    multiply(getitem(u, index=(1,)), getitem(v, index=(1,)))
    """
    shape = np.shape(concrete(x))
    if not shape:
        return x
    if not isinstance(x, Expression):
        return np.asarray(x)[index].item()
    if x.op is None:
        return Expression.literal(x.value[index]) if x.name is None else x[index]
    if x.op.elementwise and not x.options:
        operands = [element_of(a, _broadcast(index, a)) for a in x.operands]
        return applied(x.op, operands, x.options)
    if x.op.view:
        inner = x.operands[0]
        places = np.arange(inner.size).reshape(inner.shape)
        place = int(computed(x.op, (places,), x.options)[index])
        return element_of(inner, tuple(int(i) for i in np.unravel_index(place, inner.shape)))
    if x.op.notation == "weighted_sums":
        return element_of(run(x, x.operands, x.options), index)
    if x.op.notation == "matrix_product":
        return _product_element(x, index)
    return x[index]


def _broadcast(index: Index, operand: Any) -> Index:
    """The index of the element of an operand that an element of the result was made of."""
    shape = np.shape(concrete(operand))
    last = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else i for i, size in zip(last, shape))


def _product_element(x: Expression, index: Index) -> Any:
    """Σₖ A[i, k] B[k, j], written out if there are few terms."""
    left, right = x.operands
    inner = left.shape[-1]
    if inner > _WRITTEN_OUT or left.ndim > 2 or right.ndim > 2:
        return x[index]
    rest = list(index)
    row = (rest.pop(0),) if left.ndim == 2 else ()
    terms = (element_of(left, (*row, k)) * element_of(right, (k, *rest)) for k in range(inner))
    return reduce(add, terms)
