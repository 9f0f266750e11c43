"""Einstein sums. The gradient of an Einstein sum is one too."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from microgradnd.arguments import is_whole
from microgradnd.declaration import Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.reduction import HALF, single

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def explicit(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with `...` and `->` written out."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ValueError(
            f"einsum: the subscripts {subscripts!r} are for {len(terms)} operands, got {len(ndims)}"
        )
    spare = [c for c in LETTERS if c not in text]
    covered = [n - len(term.replace("...", "")) for term, n in zip(terms, ndims)]
    for term, n, more in zip(terms, ndims, covered):
        if more < 0 or (more > 0 and "..." not in term):
            raise ValueError(
                f"einsum: {term!r} names in subscripts other than the {n} axes of its operand"
            )
    dots = "".join(spare[: max([m for t, m in zip(terms, covered) if "..." in t], default=0)])
    if not arrow:
        once = sorted({c for c in left if c.isalpha() and left.count(c) == 1})
        right = ("..." if "..." in left else "") + "".join(once)
    full = [t.replace("...", dots[len(dots) - m :]) for t, m in zip(terms, covered)]
    return full, right.replace("...", dots)


def pulled_back(
    g: Value, out: str, term: str, shape: tuple[int, ...], others: list[tuple[str, Value]]
) -> Value:
    """The gradient of the operand `term`: what it was multiplied with, summed to its letters.

    An axis that the operand alone has was summed: it is repeated, by a factor of ones. A letter
    twice in the operand reads a diagonal: the gradient goes back there, by a factor of deltas.
    """
    dtype = g.dtype
    factors = [(out, g), *others]
    new = ""
    spare = (c for c in LETTERS if c not in out + term + "".join(t for t, _ in others))
    for i, c in enumerate(term):
        if c in term[:i]:
            other = next(spare)
            factors.append((c + other, np.eye(shape[i], dtype=dtype)))
            new += other
        else:
            # (an axis of length 1, spread by the others, does not repeat it)
            if not any(c in t and v.shape[t.index(c)] == shape[i] for t, v in factors):
                factors.append((c, np.ones(shape[i], dtype)))
            new += c
    text = ",".join(t for t, _ in factors) + "->" + new
    return contracted(text, *[v for _, v in factors])


def einsum1_x(g: Value, x_shape: tuple[int, ...], subscripts: str) -> Value:
    term, _, out = subscripts.partition("->")
    return pulled_back(g, out, term, x_shape, [])


def einsum2_x(g: Value, x_shape: tuple[int, ...], y: Value, subscripts: str) -> Value:
    terms, _, out = subscripts.partition("->")
    x_term, y_term = terms.split(",")
    return pulled_back(g, out, x_term, x_shape, [(y_term, y)])


def einsum2_y(g: Value, x: Value, y_shape: tuple[int, ...], subscripts: str) -> Value:
    terms, _, out = subscripts.partition("->")
    x_term, y_term = terms.split(",")
    return pulled_back(g, out, y_term, y_shape, [(x_term, x)])


def products(x_shape: tuple[int, ...], y_shape: tuple[int, ...], subscripts: str) -> int:
    """How many products an Einstein sum of two operands takes."""
    terms = subscripts.partition("->")[0].split(",")
    pairs = zip(terms, (x_shape, y_shape))
    return prod({c: n for term, shape in pairs for c, n in zip(term, shape) if n != 1}.values())


def with_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    """The same sum with one more letter, in the operands that differ and in the result."""
    terms, _, out = options["subscripts"].partition("->")
    new = next(c for c in LETTERS if c not in terms)
    each = ",".join(new + t if m else t for t, m in zip(terms.split(","), mapped))
    return (einsum1 if len(values) == 1 else einsum2)(*values, f"{each}->{new}{out}")


@op(name="einsum", x=einsum1_x, batch=with_batch, linear="x", internal=True, whole=True,
    program="np.einsum({subscripts}, {x})", contraction=True)  # fmt: skip
def einsum1(x: Value, subscripts: str) -> Value:
    """An Einstein sum of one operand: diagonals, traces, sums, transpositions."""
    if x.dtype is HALF:
        return single(einsum1, x, subscripts)
    return np.array(np.einsum(subscripts, x))


@op(x=einsum2_x, y=einsum2_y, batch=with_batch, linear="x y", contraction=True, cost=products,
    holomorphic=True, internal=True, whole=True,
    program="np.einsum({subscripts}, {x}, {y})")  # fmt: skip
def einsum2(x: Value, y: Value, subscripts: str) -> Value:
    """An Einstein sum of two operands."""
    if x.dtype is y.dtype is HALF:
        return single(einsum2, x, y.astype(np.float32), subscripts)
    return np.einsum(subscripts, x, y, optimize=True)


@derived(numpy=np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> Tensor:
    """numpy.einsum of any number of operands; more than two are contracted pair by pair.

    The letters may be given as lists of integers after each operand, as in NumPy and PyTorch:
    `einsum(a, [0, 1], b, [1, 2], [0, 2])`. `optimize` is taken for NumPy's sake: the order of pairs
    is always chosen.

    >>> a = Tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> einsum("ij,ij->i", a, a)
    Tensor([ 5., 25.])
    >>> einsum(a, [0, 0])
    Tensor(5.)
    """
    given: Any = operands
    if not isinstance(subscripts, str):
        subscripts, given = lettered((subscripts, *operands))
    elif len(operands) == 1 and isinstance(operands[0], tuple):  # PyTorch takes them as one, too
        given = operands[0]
    return contracted(subscripts, *[as_tensor(t, "einsum", "operands") for t in given])


def lettered(args: tuple) -> tuple[str, list]:
    """The subscripts in letters, and the operands, of the form with lists of integers."""
    sublists = [*args[1::2], *(args[-1:] if len(args) % 2 else [])]
    whole = lambda s: isinstance(s, (list, tuple)) and all(i is ... or is_whole(i) for i in s)
    if len(args) < 2 or not all(map(whole, sublists)):
        raise TypeError("einsum: the subscripts must be a string, such as 'ij,jk->ik'")
    letters = LETTERS[26:] + LETTERS[:26]  # in order of their codes, as the integers are
    texts = ["".join("..." if i is ... else letters[i] for i in s) for s in sublists]
    pairs = len(args) // 2
    arrow = "->" + texts[-1] if len(args) % 2 else ""
    return ",".join(texts[:pairs]) + arrow, list(args[: 2 * pairs : 2])


def contracted(subscripts: str, *operands: Value) -> Value:
    """An Einstein sum, pair by pair: arrays in, an array out; Tensors in, a Tensor out."""
    values = list(operands)
    terms, out = explicit(subscripts, [v.ndim for v in values])
    while len(values) > 2:
        stand_ins = [np.broadcast_to(0.0, v.shape) for v in values]
        first = np.einsum_path(",".join(terms) + "->" + out, *stand_ins, optimize="greedy")[0][1]
        pair = sorted(first[:2]) if len(first) > 1 else [0, 1]
        (b, y), (a, x) = [(terms.pop(i), values.pop(i)) for i in reversed(pair)]
        still = set(out).union(*terms)
        middle = "".join(c for c in dict.fromkeys(a + b) if c in still)
        terms.append(middle)
        values.append(einsum2(x, y, f"{a},{b}->{middle}"))
    if len(values) == 1:
        return einsum1(values[0], f"{terms[0]}->{out}")
    return einsum2(values[0], values[1], f"{terms[0]},{terms[1]}->{out}")
