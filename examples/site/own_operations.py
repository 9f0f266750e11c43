"""Operations of one's own: a forward function, a rule for each operand, and what else one may say.

An operation is one declaration. From it come the caller, the entry in NumPy's protocols, formulas,
pictures, the readable program and gradients of every order; `Op` lists all that can be said.

>>> import numpy as np
>>> import microgradnd as mg
>>> import viz
>>> from microgradnd import Tensor, Value, op

A rule for each operand
-----------------------
The forward function computes on arrays; what is annotated `Value` is an operand. The rule of an
operand has its name. It is given `g`, the gradient of the result, and gives that of the operand.

>>> @op(x=lambda g, x, out: g * (out + np.exp(x)), elementwise=True)
... def xexp(x: Value) -> Value:
...     "x exp(x)."
...     return x * np.exp(x)
>>> x = Tensor([0.0, 1.0], requires_grad=True)
>>> xexp(x).sum().backward()
>>> x.grad.round(4)
Tensor([1.    , 5.4366])

Whether a rule is right, finite differences say, of first and of second order:

>>> mg.gradcheck(lambda t: xexp(t).sum(), [x])
True
>>> mg.gradgradcheck(lambda t: xexp(t).sum(), [x])
True

A rule names what it needs, and nothing else is kept: operands, the result `out`, shapes such as
`x_shape`, and options. Gradients of operands that were broadcast are summed by the engine.

>>> @op(x=lambda g, y, scale: g * y * scale, y=lambda g, x, scale: g * x * scale)
... def scaled_product(x: Value, y: Value, *, scale: float = 1.0) -> Value:
...     "scale · x · y."
...     return scale * x * y
>>> row = Tensor([1.0, 2.0], requires_grad=True)
>>> scaled_product(row, np.ones((3, 2)), scale=2.0).sum().backward()
>>> row.grad
Tensor([6., 6.])

What rules are made of
----------------------
A rule runs on arrays, and on Tensors where gradients are differentiated again, so it is written in
operators and functions that have rules themselves: NumPy's, or operations. It does not ask what it
is given. Where the forward function has computed something that the rule needs, it returns it as
well, and `keeps` says how to compute it so that it can be differentiated:

>>> @op(x=lambda g, x, norm: g * x / norm, keeps={"norm": lambda x: np.sqrt(np.sum(x * x))})
... def length(x: Value) -> Value:
...     "The Euclidean length of all elements."
...     norm = np.sqrt(np.sum(x * x))
...     return norm, norm
>>> mg.gradgradcheck(length, [Tensor([3.0, 4.0], requires_grad=True)])
True

A rule need not be the derivative. This one lets the gradient pass where the slope is 0:

>>> @op(x=lambda g: g, elementwise=True)
... def rounded(x: Value) -> Value:
...     "The nearest whole number, with the slope of a straight line."
...     return np.round(x)
>>> mg.func.grad(lambda t: (rounded(t) ** 2).sum())(Tensor([0.6, 2.2]))
Tensor([2., 4.])

NumPy's functions, and names
----------------------------
A function that is there already is declared by a call; ufuncs take the names of their operands
from it. From then on NumPy's own function records, too.

>>> logistic = op(lambda x, rate=1.0: 1 / (1 + np.exp(-rate * x)), "x", name="logistic",
...               x=lambda g, out, rate: g * out * (1 - out) * rate, elementwise=True)
>>> logistic(x, rate=2.0).round(4)
Tensor([0.5   , 0.8808], op='round')
>>> spacing = op(np.nextafter, "x y", x=lambda g: g, y=lambda g: g * 0.0)
>>> np.nextafter(x, 5.0).requires_grad
True

A name that is taken is refused, unless `replace=True` says that it is meant. Operations are pickled
by name: whoever loads them has declared them before.

Formulas and pictures
---------------------
Pictures and formulas show an operation by its name. `infix=` writes it as an operator, a sign with
a level of precedence; `sign=` as a letter or word; `scalar=` says what one element is computed by.

>>> smooth = op(lambda x, y: np.sqrt(x * x + y * y), "x y", name="smooth_plus",
...             x=lambda g, x, out: g * x / out, y=lambda g, y, out: g * y / out,
...             elementwise=True, infix=("⊞", 4))
>>> a = Tensor(3.0, requires_grad=True, name="a")
>>> b = Tensor(4.0, requires_grad=True, name="b")
>>> print(viz.formula(smooth.op, "x"))
∂L/∂x = ∂L/∂out ⊙ x / out

Functions of functions, containers
----------------------------------
`microgradnd.func` treats operations of one's own as any other. Arguments may be tuples, lists and
dicts of tensors, and the gradient is of the same form:

>>> def energy(state):
...     return smooth(state["p"], state["q"]) ** 2 / 2
>>> mg.func.grad(energy)({"p": 3.0, "q": 4.0})
{'p': Tensor(3.), 'q': Tensor(4.)}

A derivative within a derivative has variables of its own, which are never confused. Of
x · d/dy (x + y) the slope is 1; it would be 2 if x were taken for y:

>>> mg.func.grad(lambda x: x * mg.func.grad(lambda y: x + y)(1.0))(2.0)
Tensor(1.)
>>> mg.func.hessian(lambda t: xexp(t).sum())(Tensor([0.0, 1.0])).round(4)
Tensor([[2.    , 0.    ],
        [0.    , 8.1548]])

`func.vmap` maps an operation over samples: one that is `elementwise`, or has an option `axis`, at
once; of others `batch` says how, or they are computed sample by sample.

>>> mg.func.vmap(mg.func.grad(xexp))(Tensor([0.0, 1.0])).round(4)
Tensor([1.    , 5.4366])
"""

if __name__ == "__main__":  # draws it, in a process where nobody else finds what is declared
    import contextlib
    import doctest
    import io

    made: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for example in doctest.DocTestParser().get_examples(str(__doc__)):
            exec(example.source, made)
    print(made["viz"].draw(made["smooth"](made["a"], made["b"])).svg())
