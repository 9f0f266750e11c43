"""Expressions made readable without changing what they say: 1·x is x, −(−x) is x, 2·x/2 is x.

Only signs, numbers and shapes are worked on. What a rule computes keeps its form otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from microgradnd.declaration import Op
from microgradnd.ops.elementwise import add, divide, multiply, negative, positive, subtract
from microgradnd.ops.indexing import add_at, getitem
from microgradnd.ops.linalg import matmul
from microgradnd.ops.shape import (
    astype,
    broadcast_to,
    expand_dims,
    reshape,
    squeeze,
    swapaxes,
    transpose,
)
from microgradnd.program.expressions import Expression, alike, applied, computed, concrete, rebuilt


@dataclass
class Product:
    """A number times factors, over factors."""

    number: Fraction = Fraction(1)
    above: list[Any] = field(default_factory=list)
    below: list[Any] = field(default_factory=list)
    decimal: bool = False  # whether the number was written as a decimal one

    def times(self, x: Any, over: bool = False) -> None:
        """Multiplies by an expression, or divides by it; products within it are taken apart."""
        found = _number_of(x)
        if found is not None and not (over and found == 0):
            self.number = self.number / found if over else self.number * found
            self.decimal |= not over and found.denominator not in (1, 2, 3, 4, 6, 8)
        elif _made_by(x, multiply, divide):
            self.times(x.operands[0], over)
            self.times(x.operands[1], over != _made_by(x, divide))
        elif _made_by(x, negative):
            self.number = -self.number
            self.times(x.operands[0], over)
        else:
            (self.below if over else self.above).append(x)

    def take_number(self, other: Product) -> None:
        """Multiplies by the number of another product."""
        self.number *= other.number
        self.decimal |= other.decimal


def _made_by(x: Any, *functions: Any) -> bool:
    """Whether an expression is the result of one of the operations."""
    return isinstance(x, Expression) and any(x.op is function.op for function in functions)


def _number_of(x: Any) -> Fraction | None:
    """The number that an expression is, if it is a fraction that can be kept exactly."""
    if isinstance(x, Expression):
        if x.op is not None or x.name is not None:
            return None
        x = x.value
    numeric = isinstance(x, (int, float, np.generic, np.ndarray))
    if not numeric or isinstance(x, (bool, np.bool_)) or np.ndim(x):
        return None
    number = float(x)
    if not abs(number) < 1e9:
        return None
    near = Fraction(number).limit_denominator(1000)
    return near if float(near) == number else None


def _shape_of(factors: list[Any]) -> tuple[int, ...]:
    """The shape of a product."""
    return np.broadcast_shapes(*(np.shape(concrete(x)) for x in factors))


def product_of(x: Any) -> Product:
    product = Product()
    product.times(x)
    return product


def core(x: Any) -> Any:
    """The scalar that an expression repeats, if it does nothing else, or the expression."""
    inner = x
    while _made_by(inner, broadcast_to, reshape, expand_dims, astype) or _adds_axes(inner):
        inner = inner.operands[0]
    return inner if np.ndim(concrete(inner)) == 0 else x


def _adds_axes(x: Any) -> bool:
    """Whether an expression is x[..., None] or the like."""
    if not _made_by(x, getitem):
        return False
    index = x.options["index"]
    return isinstance(index, tuple) and all(part is None or part is Ellipsis for part in index)


def _quotient(product: Product, shape: tuple[int, ...]) -> Any:
    """A product as an expression again, of a shape that its factors must still have."""
    _scalars_bare(product, shape)
    number, decimal = abs(product.number), product.decimal
    top, bottom = (float(number), 1) if decimal else (number.numerator, number.denominator)
    if not product.above:
        out: Any = Expression.literal(float(top))
    else:
        out = reduce(multiply, product.above)
        out = multiply(top, out) if top != 1 else out
    divisors = [*([bottom] if bottom != 1 else []), *product.below]
    if divisors:
        out = divide(out, reduce(multiply, divisors))
    return negative(out) if product.number < 0 else out


def _scalars_bare(product: Product, shape: tuple[int, ...]) -> None:
    """Leaves out the repeating of scalars where the other factors have the shape already."""
    for k, x in reversed([*enumerate(product.above)]):
        scalar = core(x)
        rest = [y for y in [*product.above, *product.below] if y is not x]
        if scalar is not x and _shape_of(rest) == shape:
            inner = product_of(scalar)
            product.take_number(inner)
            product.above[k : k + 1] = inner.above
            product.below += inner.below


def simplified(x: Any) -> Any:
    """An equal expression that is easier to read; equal up to rounding, in value and shape.

    >>> x = Expression.named("x", np.array([1.0, 2.0]))
    >>> simplified(0.5 * (-(x * 2)))
    negative(x)
    """
    return rebuilt(x, _simplified_call)


def _simplified_call(e: Expression, operands: tuple, options: dict[str, Any]) -> Expression:
    """An expression of simplified operands, itself simplified."""
    if e.op is None:
        return e
    y = Expression(e.op, operands, options, e.value)
    found = _RULES.get(e.op, _of_linear if e.op.linear in e.op.operands else lambda y: y)(y)
    found = found if isinstance(found, Expression) else Expression.literal(found)
    # an expression that would have another shape, or number type, than e stays as it was
    return found if (found.shape, found.dtype) == (e.shape, e.dtype) else y


def _of_product(x: Expression) -> Any:
    product = product_of(x)
    return x if product.number == 0 else _quotient(product, x.shape)


def _terms_of(x: Any, sign: int = 1) -> list[Product]:
    """What is added up, each with its sign."""
    if _made_by(x, add, subtract):
        other = sign if _made_by(x, add) else -sign
        return _terms_of(x.operands[0], sign) + _terms_of(x.operands[1], other)
    term = product_of(x)
    term.number *= sign
    return [term]


def _of_sum(x: Expression) -> Any:
    """A sum in which equal terms stand once, with their number."""
    merged: list[Product] = []
    for term in _terms_of(x):
        for known in merged:
            if alike(known.above, term.above) and alike(known.below, term.below):
                known.number += term.number
                known.decimal |= term.decimal
                break
        else:
            merged.append(term)
    left = [term for term in merged if term.number]
    if not left:
        return x
    out = _as_term(left[0])
    for term in left[1:]:
        joined = subtract if term.number < 0 else add
        term.number = abs(term.number)
        out = joined(out, _as_term(term))
    return out


def _as_term(term: Product) -> Any:
    """A term of a sum, which is broadcast to the sum's shape by the others."""
    if not term.above and not term.below:
        number = float(term.number)
        return int(number) if number.is_integer() else number
    return _quotient(term, _shape_of([*term.above, *term.below]))


def _of_linear(x: Expression) -> Any:
    """A function that signs and numbers can be taken out of; one that does nothing goes."""
    inner = x.operands[0]
    if not isinstance(inner, Expression) or len(x.operands) > 1:
        return x
    if _made_by(x, reshape, broadcast_to, squeeze) and inner.shape == x.shape:
        return inner
    if _made_by(x, reshape) and _made_by(inner, reshape):
        return _of_linear(Expression(x.op, inner.operands, x.options, x.value))
    if _made_by(x, broadcast_to) and core(inner) is not inner:
        return _of_linear(Expression(x.op, (core(inner),), x.options, x.value))
    undone = (_made_by(x, transpose) and x.options["axes"] is None) or _made_by(x, swapaxes)
    if undone and x.op is inner.op and x.options == inner.options:
        return inner.operands[0]
    return _with_numbers_out(x, (0,))


def _with_numbers_out(x: Expression, places: tuple[int, ...]) -> Any:
    """f(2 x, −y) as −2 f(x, y); a number alone stays within."""
    operands, taken = list(x.operands), Product()
    for i in places:
        product = product_of(operands[i])
        if isinstance(operands[i], Expression) and product.above and product.number not in (0, 1):
            taken.take_number(product)
            product.number = Fraction(1)
            operands[i] = _quotient(product, operands[i].shape)
    if taken.number == 1 or not _homogeneous(x):
        return x
    bare = applied(x.op, operands, x.options)
    taken.above = [_of_linear(bare) if x.op.linear in x.op.operands else bare]
    return _quotient(taken, x.shape)


def _homogeneous(x: Expression) -> bool:
    """Whether a linear function gives 0 for 0: padding with other numbers does not."""
    zeros = [np.zeros_like(concrete(y)) for y in x.operands]
    return x.op is not None and not np.any(computed(x.op, zeros, x.options))


def _of_sum_at(x: Expression) -> Any:
    """Zeros with something added in at an index are linear in that."""
    start = x.operands[0]
    zero = not isinstance(start, Expression) and not np.any(start)
    return _with_numbers_out(x, (1,)) if zero else x


_RULES: dict[Op | None, Callable[[Expression], Any]] = {
    multiply.op: _of_product,
    divide.op: _of_product,
    negative.op: _of_product,
    positive.op: lambda x: x.operands[0],
    add.op: _of_sum,
    subtract.op: _of_sum,
    matmul.op: lambda x: _with_numbers_out(x, (0, 1)),
    add_at.op: _of_sum_at,
}
