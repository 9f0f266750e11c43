"""Expressions made readable without changing what they say: 1·x is x, −(−x) is x, 2·x/2 is x.

Only signs, numbers and shapes are worked on. What a rule computes keeps its form otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from microgradnd.declaration import OPS
from viz.formulas.symbols import Symbol, alike, apply, concrete

# Functions that a factor can be taken out of: f(c x) = c f(x).
LINEAR = {"sum", "mean", "reshape", "transpose", "swapaxes", "broadcast_to", "squeeze",
          "expand_dims", "getitem", "put_add", "astype"}  # fmt: skip


@dataclass
class Product:
    """A number times factors, over factors."""

    number: Fraction = Fraction(1)
    above: list[Any] = field(default_factory=list)
    below: list[Any] = field(default_factory=list)
    decimal: bool = False  # whether the number was written as a decimal one

    def times(self, x: Any, over: bool = False) -> None:
        """Multiplies by an expression, or divides by it; products within it are taken apart."""
        found = number_of(x)
        if found is not None and not (over and found == 0):
            self.number = self.number / found if over else self.number * found
            self.decimal |= not over and found.denominator not in (1, 2, 3, 4, 6, 8)
        elif x_is(x, "multiply", "divide"):
            self.times(x.args[0], over)
            self.times(x.args[1], over != (x.head == "divide"))
        elif x_is(x, "negative"):
            self.number = -self.number
            self.times(x.args[0], over)
        else:
            (self.below if over else self.above).append(x)


def x_is(x: Any, *heads: str) -> bool:
    return isinstance(x, Symbol) and x.head in heads


def number_of(x: Any) -> Fraction | None:
    """The number that an expression is, if it is a fraction that can be kept exactly."""
    if isinstance(x, Symbol):
        if x.function is not None or x.name is not None:
            return None
        x = x.value
    if isinstance(x, (bool, np.bool_)) or np.ndim(x) or not isinstance(x, NUMBERS):
        return None
    number = float(x)
    if not abs(number) < 1e9:
        return None
    near = Fraction(number).limit_denominator(1000)
    return near if float(near) == number else None


NUMBERS = (int, float, np.generic, np.ndarray)


def product_of(x: Any) -> Product:
    product = Product()
    product.times(x)
    return product


def core(x: Any) -> Any:
    """The scalar that an expression repeats, if it does nothing else, or the expression."""
    inner = x
    while x_is(inner, "broadcast_to", "reshape", "expand_dims", "astype") or adds_axes(inner):
        inner = inner.args[0]
    return inner if np.ndim(concrete(inner)) == 0 else x


def adds_axes(x: Any) -> bool:
    """Whether an expression is x[..., None] or the like."""
    if not x_is(x, "getitem"):
        return False
    index = x.options["index"]
    return isinstance(index, tuple) and all(part is None or part is Ellipsis for part in index)


def times(x: Any, y: Any) -> Any:
    return apply(OPS["multiply"], (x, y), {})


def over(x: Any, y: Any) -> Any:
    return apply(OPS["divide"], (x, y), {})


def rebuilt(product: Product, shape: tuple[int, ...]) -> Any:
    """A product as an expression again, of a shape that its factors must still have."""
    scalars_bare(product, shape)
    number, decimal = abs(product.number), product.decimal
    top, bottom = (float(number), 1) if decimal else (number.numerator, number.denominator)
    out: Any = None
    for x in product.above:
        out = x if out is None else times(out, x)
    if out is None:
        out = Symbol.literal(float(top))
    elif top != 1:
        out = times(top, out)
    divisor: Any = None
    for x in [*([bottom] if bottom != 1 else []), *product.below]:
        divisor = x if divisor is None else times(divisor, x)
    if divisor is not None:
        out = over(out, divisor)
    return apply(OPS["negative"], (out,), {}) if product.number < 0 else out


def scalars_bare(product: Product, shape: tuple[int, ...]) -> None:
    """Leaves out the repeating of scalars where the other factors have the shape already."""
    for k, x in reversed([*enumerate(product.above)]):
        scalar = core(x)
        rest = [y for y in [*product.above, *product.below] if y is not x]
        if scalar is not x and np.broadcast_shapes(*(np.shape(concrete(y)) for y in rest)) == shape:
            inner = product_of(scalar)
            product.number *= inner.number
            product.decimal |= inner.decimal
            product.above[k : k + 1] = inner.above
            product.below += inner.below


def simplified(x: Any, seen: dict[int, Any] | None = None) -> Any:
    """An equal expression that is easier to read; equal up to rounding, in value and shape.

    >>> x = Symbol.named("x", np.array([1.0, 2.0]))
    >>> simplified(0.5 * (-(x * 2)))
    negative(x)
    """
    seen = {} if seen is None else seen
    if isinstance(x, (tuple, list)):
        return type(x)(simplified(y, seen) for y in x)
    if not isinstance(x, Symbol) or x.function is None:
        return x
    if id(x) not in seen:
        args = simplified(x.args, seen)
        y = Symbol(x.function, args, x.options, x.value)
        found = RULES.get(x.head, of_linear if x.head in LINEAR else lambda y: y)(y)
        found = found if isinstance(found, Symbol) else Symbol.literal(found)
        # an expression that would have another shape, or number type, than x stays as it was
        seen[id(x)] = found if (found.shape, found.dtype) == (x.shape, x.dtype) else y
    return seen[id(x)]


def of_product(x: Symbol) -> Any:
    product = product_of(x)
    return x if product.number == 0 else rebuilt(product, x.shape)


def terms_of(x: Any, sign: int = 1) -> list[Product]:
    """What is added up, each with its sign."""
    if x_is(x, "add", "subtract"):
        other = sign if x.head == "add" else -sign
        return terms_of(x.args[0], sign) + terms_of(x.args[1], other)
    term = product_of(x)
    term.number *= sign
    return [term]


def of_sum(x: Symbol) -> Any:
    """A sum in which equal terms stand once, with their number."""
    merged: list[Product] = []
    for term in terms_of(x):
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
    out = as_term(left[0], x)
    for term in left[1:]:
        turned = OPS["subtract" if term.number < 0 else "add"]
        term.number = abs(term.number)
        out = apply(turned, (out, as_term(term, x)), {})
    return out


def as_term(term: Product, total: Symbol) -> Any:
    """A term of a sum, which is spread to the sum's shape by the others."""
    if not term.above and not term.below:
        number = float(term.number)
        return int(number) if number.is_integer() else number
    factors = (np.shape(concrete(y)) for y in [*term.above, *term.below])
    return rebuilt(term, np.broadcast_shapes(*factors))


def of_linear(x: Symbol) -> Any:
    """A function that signs and numbers can be taken out of; one that does nothing goes."""
    inner = x.args[0]
    if not isinstance(inner, Symbol):
        return x
    if x.head in ("reshape", "broadcast_to", "squeeze") and inner.shape == x.shape:
        return inner
    if x.head == "reshape" and x_is(inner, "reshape"):
        return of_linear(Symbol(x.function, (inner.args[0],), x.options, x.value))
    if x.head == "broadcast_to" and core(inner) is not inner:
        return of_linear(Symbol(x.function, (core(inner),), x.options, x.value))
    if x.head == "transpose" and x_is(inner, "transpose") and x.options == inner.options:
        if x.options.get("axes") is None:
            return inner.args[0]
    elif x.head == "swapaxes" and x_is(inner, "swapaxes") and x.options == inner.options:
        return inner.args[0]
    return with_numbers_out(x, (0,))


def of_matmul(x: Symbol) -> Any:
    return with_numbers_out(x, (0, 1))


def with_numbers_out(x: Symbol, places: tuple[int, ...]) -> Any:
    """f(2 x, −y) as −2 f(x, y); a number alone stays within."""
    args, taken = list(x.args), Product()
    for i in places:
        product = product_of(args[i])
        if isinstance(args[i], Symbol) and product.above and product.number not in (0, 1):
            taken.number *= product.number
            taken.decimal |= product.decimal
            product.number = Fraction(1)
            args[i] = rebuilt(product, args[i].shape)
    if taken.number == 1:
        return x
    bare = apply(x.function, tuple(args), dict(x.options))
    taken.above = [of_linear(bare) if x.head in LINEAR else bare]
    return rebuilt(taken, x.shape)


RULES: dict[str, Callable[[Symbol], Any]] = {
    "multiply": of_product,
    "divide": of_product,
    "negative": of_product,
    "positive": lambda x: x.args[0],
    "add": of_sum,
    "subtract": of_sum,
    "matmul": of_matmul,
}
