"""What editors and type checkers are told about a Tensor is what there is at run time."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import microgradnd as mg
from microgradnd import engine, generation, methods, stubs
from microgradnd.declaration import ABSENT, OPS

ROOT = Path(mg.__file__).parent
# With __array__ NumPy's hints would take a Tensor for an array, and array * tensor for an ndarray.
UNDECLARED = stubs.UNDECLARED
# What every class has; `__init__` and the like stand in the class itself.
COMMON = {"__module__", "__doc__", "__slots__", "__weakref__", "__annotations__"}
ALIASES = {*generation.ALIASES, *(k for op in OPS.values() for k in op.aliases)}


def declared(file, name):
    """The functions in the body of a class, by name; overloaded ones have several."""
    tree = ast.parse(Path(file).read_text())
    body = next(c.body for c in tree.body if isinstance(c, ast.ClassDef) and c.name == name)
    found = {}
    for part in body:
        if isinstance(part, ast.FunctionDef):
            found.setdefault(part.name, []).append(part)
    return found


STUB = declared(ROOT / "methods.pyi", "Methods")
OWN = declared(engine.__file__, "Tensor")
# The hidden fields of a Tensor, and what marks the class itself, are nobody's methods.
FIELDS = set(mg.Tensor.__slots__)


def test_what_a_tensor_has_is_declared():
    there = {*vars(mg.Tensor), *vars(methods.Methods)} - COMMON - FIELDS - UNDECLARED
    there = {n for n in there if not n.startswith("_") or n.startswith("__")}
    there -= {"__static_attributes__", "__firstlineno__"}  # of the class body, since Python 3.13
    assert there - set(STUB) - set(OWN) == set()


def test_what_is_declared_is_there():
    assert {name for name in STUB if not hasattr(mg.Tensor, name)} == set()


def parameters(stub):
    """Names and defaults, as source, of what a stub's function takes after self."""
    spec = stub.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    defaults = [None] * (len(names) - len(spec.defaults)) + [ast.unparse(d) for d in spec.defaults]
    found = dict(zip(names, defaults, strict=True))
    for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        found[a.arg] = None if d is None else ast.unparse(d)
    # (what a row takes beside its own options, it knows once its code was generated)
    return {k: v for k, v in list(found.items())[1:] if k not in ALIASES and v != "..."}


def named_at_run_time(value):
    given = list(inspect.signature(value).parameters.values())[1:]
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in given):
        return None
    extra = [p.name for p in given if p.kind is p.KEYWORD_ONLY and p.default is ABSENT]
    own = [p for p in given if p.name not in {*ALIASES, *extra}]
    needed = (inspect.Parameter.empty, ABSENT)  # (what may come under PyTorch's name, too)
    return {p.name: None if p.default in needed else repr(p.default) for p in own}


@pytest.mark.parametrize("name", sorted(n for n in STUB if not n.startswith("__")))
def test_parameters_are_those_of_the_run_time(name):
    value = inspect.getattr_static(mg.Tensor, name)
    if isinstance(value, property):
        assert [ast.unparse(d) for d in STUB[name][0].decorator_list] == ["property"]
        return
    wanted = named_at_run_time(value)
    if wanted is not None:
        assert parameters(STUB[name][0]) == wanted


@pytest.mark.parametrize("name", sorted(n for n in (*STUB, *OWN) if not n.startswith("_")))
def test_every_method_tells_what_it_does(name):
    text = inspect.getdoc(getattr(mg.Tensor, name))
    assert text
    assert len(text.splitlines()[0]) <= 100
    assert name not in STUB or ast.get_docstring(STUB[name][0])


@pytest.mark.parametrize("name", sorted(set(mg.__all__) - {"OPS"}))
def test_every_public_function_tells_what_it_does(name):
    text = inspect.getdoc(getattr(mg, name))
    assert text
    assert len(text) < 1500  # not the page that NumPy's ufuncs bring


def test_an_op_is_explained_by_its_row_of_the_table():
    assert "x: g * out" in mg.exp.__doc__
    assert "y: -g * out / y" in mg.divide.__doc__
    mg.sum(mg.Tensor(1.0))
    aliased = "(x, axis=None, keepdims=False, *, dim=..., keepdim=..., dtype=...)"
    assert str(inspect.signature(mg.sum)) == aliased


def test_an_op_whose_source_is_lost_is_explained_all_the_same():
    rule = eval("lambda g: g")
    mg.op(lambda x: x, "x", name="lost", x=rule)
    try:
        assert mg.lost.__doc__.endswith("x: a lambda")
    finally:
        del mg.OPS["lost"]


def test_dir_shows_what_is_public_and_nothing_else():
    packages = {"data", "fft", "func", "io", "linalg", "models", "nn", "optim"}
    packages |= {"testing", "training"}
    public = packages.union(mg.__all__)
    own = {n for n in dir(mg) if n not in mg.OPS or n in public}  # tests declare ops, too
    assert own == {*mg.__all__, *packages, "__version__"}
    assert {"exp", "tan", "cat", "zeros", "gelu", "moveaxis"} <= set(mg.__all__)
    for name in mg.__all__:
        assert getattr(mg, name) is not None


@pytest.mark.parametrize("name", sorted(stubs.FILES))
def test_the_stubs_are_current(name):
    assert (ROOT / name).read_text() == stubs.FILES[name](), "run python -m microgradnd.stubs"


RIGHT = """
import numpy as np
import microgradnd as mg
from microgradnd import Tensor

a = np.ones((2, 3))
x = Tensor(a, requires_grad=True, name="x")
w = Tensor([[1.0], [2.0], [3.0]])

def changed(t: Tensor) -> Tensor:
    t += 1.0
    t -= x
    t *= 2
    t /= a
    t **= 2
    t[0] = 1.0
    return t

reveal_type(x @ w)  # Tensor
reveal_type(a @ w)  # Tensor
reveal_type(a * x)  # Tensor
reveal_type(2.0 * x)  # Tensor
reveal_type(2 - x)  # Tensor
reveal_type(1 / x)  # Tensor
reveal_type(2**x)  # Tensor
reveal_type(x**2)  # Tensor
reveal_type(x / a + [1.0, 2.0, 3.0] - np.float32(1))  # Tensor
reveal_type(-x)  # Tensor
reveal_type(+x)  # Tensor
reveal_type(abs(x))  # Tensor
reveal_type(x > 0)  # Tensor
reveal_type(0 <= x)  # Tensor
reveal_type(x == 0)  # Tensor
reveal_type(x != w)  # Tensor
reveal_type((x > 0) & ~(x > 1) | (x < -1) ^ True)  # Tensor
reveal_type(x[0, ..., None])  # Tensor
reveal_type(x[x > 0])  # Tensor
reveal_type([row for row in x])  # list[Tensor]
reveal_type(len(x))  # int
reveal_type(float(x.sum()))  # float
reveal_type(int(x.sum()))  # int
reveal_type(bool(x.sum() > 0))  # bool
reveal_type(range(3)[x.argmax()])  # int
reveal_type(hash(x))  # int
reveal_type(x.shape)  # tuple[int, ...]
reveal_type(x.ndim)  # int
reveal_type(x.size)  # int
reveal_type(x.dtype)  # dtype[Any]
reveal_type(x.T)  # Tensor
reveal_type(x.mT)  # Tensor
reveal_type(x.item())  # float
reveal_type(x.numpy())  # ndarray[tuple[Any, ...], dtype[Any]]
reveal_type(x.data)  # ndarray[tuple[Any, ...], dtype[Any]]
reveal_type(x.grad)  # Tensor | None
reveal_type(x.name)  # str | None
reveal_type(x.requires_grad)  # bool
reveal_type(x.is_leaf)  # bool
reveal_type(x.backward(a))  # None
reveal_type(x.exp().log().sqrt().square().tanh().sigmoid().relu().leaky_relu(0.1))  # Tensor
reveal_type(x.sin().cos().abs().sign().floor().ceil().round(2))  # Tensor
reveal_type(x.maximum(0).minimum(a).pow(2).clip(0, max=1.0))  # Tensor
reveal_type(x.matmul(w).dot(w.T))  # Tensor
reveal_type(x.sum(0).mean(axis=(0, 1), keepdims=True).max(dim=1, keepdim=True).min())  # Tensor
reveal_type(x.prod(1).var(ddof=1).std(0, 1, True))  # Tensor
reveal_type(x.logsumexp(dim=-1).softmax().log_softmax(axis=0).softmax(dim=0))  # Tensor
reveal_type(x.argmax(0).argmin(axis=0, keepdims=True).argsort())  # Tensor
reveal_type(x.all(axis=(0, 1)).any(dim=0, keepdim=True))  # Tensor
reveal_type(x.reshape(3, -1).reshape((3, 2)).reshape(shape=[6]).transpose())  # Tensor
reveal_type(x.transpose((1, 0)).transpose(1, 0).swapaxes(0, 1))  # Tensor
reveal_type(x.broadcast_to(4, 2, 3).broadcast_to((4, 2, 3)))  # Tensor
reveal_type(x.expand_dims(0).expand_dims(dim=(0, 1)).squeeze().squeeze(0).squeeze(dim=0))  # Tensor
reveal_type(x.split([1, 2], axis=1))  # list[Tensor]
reveal_type(x.ravel().flatten().astype(np.float32).astype("float64"))  # Tensor
reveal_type(x.detach().requires_grad_().named("y"))  # Tensor
reveal_type(x.retain_grad())  # None
reveal_type(x.register_hook(lambda g: g * 2))  # def ()

reveal_type(mg.exp(x))  # Tensor
reveal_type(mg.exp(2.0))  # Tensor
reveal_type(mg.matmul(a, w))  # Tensor
reveal_type(mg.sum(x, dim=(0, 1), keepdim=True))  # Tensor
reveal_type(mg.std(x, axis=0, ddof=1))  # Tensor
reveal_type(mg.where(x > 0, x, 0.0))  # Tensor
reveal_type(mg.concatenate([x, a], axis=1))  # Tensor
reveal_type(mg.stack((x, x), dim=1))  # Tensor
reveal_type(mg.expand_dims(x, dim=0))  # Tensor
reveal_type(mg.reshape(x, (3, 2)))  # Tensor
reveal_type(mg.einsum("ij,jk->ik", x, w))  # Tensor
reveal_type(mg.softmax(x, dim=0))  # Tensor
reveal_type(mg.cross_entropy(x, [0, 1]))  # Tensor
reveal_type(mg.grad(x.sum(), x))  # tuple[Tensor | None, ...]
reveal_type(mg.op(np.exp, "x", x=lambda g, out: g * out)(x))  # Any
"""

WRONG = """
import microgradnd as mg

x = mg.Tensor([1.0])
x.sum(axis="a")  # error
x + "s"  # error
x @ None  # error
x > "s"  # error
x.nonsense()  # error
x.item().backward()  # error
x.shape = (1,)  # error
x.reshape("a")  # error
x.sum(axis=0, keep=True)  # error
x.exp(2)  # error
mg.exp()  # error
mg.exp("x")  # error
mg.add(x)  # error
mg.sum(x, axis=0.5)  # error
mg.softmax(x, axes=1)  # error
mg.nonsense(x)  # error
x.backward(retain="yes")  # error
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What mypy has learnt of the library, for the next program."""
    return tmp_path_factory.mktemp("cache")


def checked(tmp_path, cache, program):
    """What mypy says of each line of a program, in a directory without any settings."""
    # mypy belongs to the extra `dev`, not to `test`: without it the program cannot be checked.
    pytest.importorskip("mypy", reason="mypy is not installed; it comes with the extra `dev`")
    file = tmp_path / "program.py"
    file.write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-pretty",
         "--cache-dir", str(cache), "--config-file", os.devnull, str(file)],
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT.parent)},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = {}
    for line, kind, text in re.findall(r"^program\.py:(\d+): (\w+): (.*)$", done.stdout, re.M):
        found.setdefault(int(line), []).append((kind, text))
    return found


def test_a_right_program_has_no_errors_and_the_types_expected(tmp_path, cache):
    found = checked(tmp_path, cache, RIGHT)
    for number, line in enumerate(RIGHT.splitlines(), start=1):
        said = found.get(number, [])
        assert [text for kind, text in said if kind == "error"] == [], line
        if "reveal_type" in line:
            (revealed,) = re.findall(r'Revealed type is "(.*)"', " ".join(t for _, t in said))
            short = re.sub(r"\b(\w+\.)+(?=\w)", "", revealed)
            assert short.replace("?", "").startswith(line.rpartition("# ")[2]), line


def test_a_wrong_program_has_an_error_in_each_line(tmp_path, cache):
    found = checked(tmp_path, cache, WRONG)
    for number, line in enumerate(WRONG.splitlines(), start=1):
        errors = [text for kind, text in found.get(number, []) if kind == "error"]
        assert bool(errors) == line.endswith("# error"), (line, errors)


def test_what_the_right_program_says_runs():
    """The program of `RIGHT`, but for the types, is one that works."""

    def show(value):
        return value

    x = mg.Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    assert show(x.sum(dim=0, keepdim=True)).shape == (1, 3)
    assert mg.expand_dims(x, dim=0).shape == (1, 2, 3)
    assert x.argmax(dim=0, keepdim=True).shape == (1, 3)
    assert x.all(dim=0).shape == (3,)
    assert mg.stack((x, x), dim=1).shape == (2, 2, 3)
    assert x.reshape(shape=[6]).shape == (6,)
