"""Complex decompositions: what does not hang on the phases of their vectors is PyTorch's.

A complex vector of a decomposition is known up to a factor of length 1, which NumPy and PyTorch
choose as they please: only functions that the factor leaves alone have a gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg

RANDOM = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape) + 1j * RANDOM.normal(size=shape)


SQUARE, BATCH, TALL, WEIGHTS = drawn(3, 3), drawn(2, 3, 3), drawn(4, 2), drawn(4, 4)


def hermitian(x: Any) -> Any:
    return (x + x.conj().swapaxes(-1, -2)) * 0.5


def squares(vectors: Any, w: Any) -> Any:
    """Of the magnitudes, which do not hang on phases."""
    return (abs(vectors) ** 2 * w.real[: vectors.shape[-2], : vectors.shape[-1]]).sum()


def of_eigh(m: Any, x: Any, w: Any) -> Any:
    values, vectors = m.linalg.eigh(hermitian(x))
    return (values * w.real[0, :3]).sum() + squares(vectors, w)


def of_eig(m: Any, x: Any, w: Any) -> Any:
    values, vectors = m.linalg.eig(x)
    order = np.argsort(values.detach().numpy().real)  # which each chooses
    return (values[..., order] * w[0, :3]).sum().real + squares(vectors[..., order], w)


def of_svd(m: Any, x: Any, w: Any) -> Any:
    u, s, vh = m.linalg.svd(x, full_matrices=False)
    k = s.shape[-1]
    polar = ((u @ vh) * w[: x.shape[-2], : x.shape[-1]]).sum().real  # in which phases cancel
    return (s * w.real[0, :k]).sum() + squares(u, w) + squares(vh, w) + polar


def of_qr(m: Any, x: Any, w: Any) -> Any:
    q, r = m.linalg.qr(x)
    weights = w[: x.shape[-2], : x.shape[-1]]
    return squares(q, w) + squares(r, w) + ((q @ r) * weights).sum().real


def of_slogdet(m: Any, x: Any, w: Any) -> Any:
    sign, logarithm = m.linalg.slogdet(x)
    return (logarithm * 1.5).sum() + (sign * w[0, 0]).sum().real


def of_matrix(name: str) -> Callable[[Any, Any, Any], Any]:
    def function(m: Any, x: Any, w: Any) -> Any:
        out = getattr(m.linalg, name)(x)
        return (out * w[: out.shape[-2], : out.shape[-1]]).sum().real

    return function


def of_cholesky(m: Any, x: Any, w: Any) -> Any:
    definite = x @ x.conj().swapaxes(-1, -2)
    return (m.linalg.cholesky(definite) * w[:3, :3]).sum().real


CASES: dict[str, tuple[Callable[[Any, Any, Any], Any], np.ndarray]] = {
    "eigh": (of_eigh, SQUARE),
    "eigh of a batch": (of_eigh, BATCH),
    "eigvalsh": (lambda m, x, w: (m.linalg.eigvalsh(hermitian(x)) ** 3).sum(), SQUARE),
    "eig": (of_eig, SQUARE),
    "svd of a tall": (of_svd, TALL),
    "svd of a wide": (of_svd, TALL.T.copy()),
    "svd of a square": (of_svd, SQUARE),
    "svd of a batch": (of_svd, BATCH),
    "svdvals": (lambda m, x, w: (m.linalg.svdvals(x) ** 3).sum(), TALL),
    "qr of a tall": (of_qr, TALL),
    "qr of a square": (of_qr, SQUARE),
    "slogdet": (of_slogdet, SQUARE),
    "slogdet of a batch": (of_slogdet, BATCH),
    "det": (lambda m, x, w: (m.linalg.det(x) * w[0, 0]).real, SQUARE),
    "inv": (of_matrix("inv"), SQUARE),
    "pinv": (of_matrix("pinv"), TALL),
    "matrix_exp": (of_matrix("matrix_exp"), SQUARE),
    "cholesky": (of_cholesky, SQUARE),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is what these are held to")
    function, x = CASES[name]
    mine, theirs = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, other = function(mg, mine, WEIGHTS), function(torch, theirs, torch.tensor(WEIGHTS))
    assert out.item() == pytest.approx(other.item(), rel=1e-12)
    out.backward()
    other.backward()
    assert mine.grad is not None
    assert mine.grad.dtype == np.complex128
    np.testing.assert_allclose(mine.grad.data, theirs.grad.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_finite_differences(name: str) -> None:
    function, x = CASES[name]
    t = mg.Tensor(x, requires_grad=True)
    function(mg, t, WEIGHTS).backward()
    assert t.grad is not None
    for direction in (drawn(*x.shape), drawn(*x.shape)):
        h = 1e-6
        up, down = (function(mg, mg.Tensor(x + s * h * direction), WEIGHTS).item() for s in (1, -1))
        slope = (t.grad.data.conj() * direction).sum().real
        assert (up - down) / (2 * h) == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", ["eigh", "svd of a tall", "svd of a square", "qr of a tall"])
def test_single_precision_is_kept(name: str) -> None:
    function, x = CASES[name]
    double = mg.Tensor(x, requires_grad=True)
    single = mg.Tensor(x.astype(np.complex64), requires_grad=True)
    for t in (double, single):
        function(mg, t, WEIGHTS.astype(t.dtype)).backward()
    assert single.grad is not None
    assert double.grad is not None
    assert single.grad.dtype == np.complex64
    np.testing.assert_allclose(single.grad.data, double.grad.data, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_are_numpys_and_torchs(name: str, n: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is what these are held to")
    for d in (1.0, 0.25):
        out = getattr(mg.fft, name)(n, d)
        assert type(out) is mg.Tensor
        assert not out.requires_grad
        np.testing.assert_array_equal(out.data, getattr(np.fft, name)(n, d))
        theirs = getattr(torch.fft, name)(n, d, dtype=torch.float64)
        np.testing.assert_allclose(out.data, theirs.numpy(), rtol=1e-15)
