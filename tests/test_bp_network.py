"""The chapter's BP network: hand formulas, errata, the network class and the main job."""

from __future__ import annotations

import numpy as np
import pytest

from examples import bp_equations as equations
from examples import bp_network as job
from examples.bp_equations import ThreeLayer, half_squared_error, sample_pair
from examples.network import Network, Status, binary_cross_entropy
from microgradnd import Tensor, no_grad

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


@pytest.fixture(scope="module")
def digits() -> job.Digits:
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn (extra: examples)")
    return job.load_digits()


def three_classes(seed: int = 0, samples: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, samples)
    return rng.normal(size=(samples, 4)) + np.eye(3, 4)[y] * 3, y


# The three-layer network


@pytest.mark.parametrize(
    ("sizes", "samples"),
    [((2, 3, 1), 1), ((2, 3, 1), 8), ((1, 1, 1), 1), ((4, 5, 3), 7), ((64, 30, 10), 50)],
)
@pytest.mark.parametrize("seed", range(3))
def test_engine_agrees_with_hand_formulas(sizes: tuple, samples: int, seed: int) -> None:
    network = ThreeLayer(*sizes, seed=seed)
    x, d = sample_pair(sizes[0], sizes[2], samples, seed)
    engine = equations.engine_gradients(network, x, d)
    hand = equations.hand_gradients(network, x.numpy(), d.numpy())
    assert engine.keys() == hand.keys()
    for name, g in hand.items():
        assert engine[name].shape == g.shape, name
        np.testing.assert_allclose(engine[name], g, rtol=0, atol=1e-12, err_msg=name)


def test_forward_pass_is_sums_over_units() -> None:
    """Eq. 5-2 to 5-4 once more with loops over i, j and k, no matrices."""
    network = ThreeLayer(2, 3, 2, seed=4)
    x, d = sample_pair(2, 2, 1, seed=4)
    v, b0, theta0, w, b1, theta1 = (t.tolist() for t in network.parameters.values())

    def f(z: float) -> float:
        return 1 / (1 + np.exp(-z))

    nets = [sum(v[j][i] * x.tolist()[i][0] for i in range(2)) + b0[j][0] for j in range(3)]
    h = [f(nets[j] - theta0[j][0]) for j in range(3)]
    outs = [sum(w[k][j] * h[j] for j in range(3)) + b1[k][0] for k in range(2)]
    o = [f(outs[k] - theta1[k][0]) for k in range(2)]
    E = 0.5 * sum((d.tolist()[k][0] - o[k]) ** 2 for k in range(2))
    found = network(x)
    np.testing.assert_allclose(found.numpy()[:, 0], o, rtol=1e-14)
    assert half_squared_error(d, found).item() == pytest.approx(E, rel=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_updates_equal_the_chapters(seed: int) -> None:
    """Δ = -η ∂E/∂w by the engine (5-7, 5-8) is η δ h and η δ x (5-12), η δ for biases."""
    eta, network = 0.3, ThreeLayer(3, 4, 2, seed)
    x, d = sample_pair(3, 2, 5, seed)
    steps = equations.chapter_updates(network, x.numpy(), d.numpy(), eta)
    before = {name: t.numpy().copy() for name, t in network.parameters.items()}
    error = half_squared_error(d, network(x))
    error.backward()
    with no_grad():
        for t in network.parameters.values():
            t -= eta * t.grad
    assert steps.keys() == before.keys()
    for name, t in network.parameters.items():
        np.testing.assert_allclose(t.numpy(), before[name] + steps[name], rtol=0, atol=1e-12)
    assert half_squared_error(d, network(x)).item() < error.item()


def test_threshold_is_a_negative_bias() -> None:
    x, d = sample_pair(2, 1, 4)
    g = equations.engine_gradients(ThreeLayer(2, 3, 1), x, d)
    np.testing.assert_array_equal(g["θ⁰"], -g["b⁰"])
    np.testing.assert_array_equal(g["θ¹"], -g["b¹"])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [2, 5, 6])
def test_errata(number: int, seed: int) -> None:
    """Every right form agrees, every slip of the print is far off, engine and differences agree."""
    findings = getattr(equations, f"erratum_{number}")(seed)
    printed_and_right = {"5-16", "5-11"}
    for found in findings:
        right = found.source == "right" or (
            found.source == "printed" and found.form[:4] in printed_and_right
        )
        assert found.holds is right, found
        if right:
            assert found.error < 1e-12, found
            assert found.error_fd < 1e-8, found
        else:
            assert min(found.error, found.error_fd) > 1e-4, found
    failing = {found.form[:4] for found in findings if not found.holds}
    expected = {2: {"5-29"}, 5: {"5-11", "5-13", "5-14", "5-17"}, 6: {"5-19", "5-20", "5-21"}}
    assert failing == expected[number]  # 5-11 fails only with the sign turned, as a control


def test_descending_the_printed_5_29_unlearns() -> None:
    ends = equations.erratum_2_descent()
    assert ends["printed"][2] == 0
    assert ends["right"][2] == 1
    for printed, true, _ in ends.values():
        assert printed == pytest.approx(-true)


def test_learning_speed_follows_the_error() -> None:
    o = np.array([0.5, 0.9, 0.99, 0.9999])
    for d in (0.0, 1.0):
        speed = equations.learning_speed(o, d)
        np.testing.assert_allclose(speed["cross-entropy"], np.abs(o - d), atol=1e-12)
        np.testing.assert_allclose(speed["squared"], np.abs(o - d) * o * (1 - o), atol=1e-12)
    steps = equations.steps_to_unlearn(0.99)
    assert steps["cross-entropy"] * 5 < steps["squared"]


def test_sigmoid_slope_is_at_most_a_quarter() -> None:
    assert equations.sigmoid_slope() == (0.25, 0.0, pytest.approx(0, abs=1e-15))


def test_small_graph_bears_the_chapters_symbols() -> None:
    E = job.small_graph()
    nodes, names = [E.node], set()
    while nodes:
        node = nodes.pop()
        names.add(getattr(node, "name", None))
        nodes.extend(getattr(node, "parents", ()))
    assert {"x", "v", "b⁰", "θ⁰", "net⁰", "h", "w", "b¹", "θ¹", "net¹", "o", "d", "E"} <= names


# The network class


def test_dropout_keeps_the_expectation() -> None:
    network = Network([1, 1], ["sigmoid"], "b_ce")
    a = Tensor(np.full((400, 500), 2.0), requires_grad=True)
    for keep_prob in (0.2, 0.5, 0.9):
        kept = network.dropout(a, keep_prob)
        assert set(np.unique(kept.numpy())) == {0.0, 2.0 / keep_prob}
        spread = 2 * np.sqrt((1 - keep_prob) / keep_prob / a.size)
        assert kept.numpy().mean() == pytest.approx(2, abs=5 * spread)
        a.grad = None
        kept.sum().backward()  # the gradient goes through the same mask
        np.testing.assert_array_equal(a.grad.numpy(), kept.numpy() / 2)


def test_dropout_is_for_training_only() -> None:
    X, y = three_classes()
    network = Network([4, 8, 3], ["relu", "softmax"])
    np.testing.assert_array_equal(network.predict(X), network.predict(X))
    assert network.cost(X, y, keep_prob=0.5).item() != network.cost(X, y, keep_prob=0.5).item()


@pytest.mark.parametrize("loss", ["b_ce", "c_ce"])
def test_lambda_adds_lambda_w_over_m(loss: str) -> None:
    """The penalty is λ/(2m) Σ W², so ∂C/∂W gains λ W / m; biases are left alone."""
    X, y = three_classes()
    network = Network([4, 5, 3], ["tanh", "softmax" if loss == "c_ce" else "sigmoid"], loss)
    y = y if loss == "c_ce" else np.eye(3)[y]
    grads = {}
    for lambda_ in (0.0, 0.7):
        network.cost(X, y, lambda_).backward()
        grads[lambda_] = [p.grad.numpy() for p in (*network.W, *network.B)]
        for p in (*network.W, *network.B):
            p.grad = None
    gained = [b - a for a, b in zip(grads[0.0], grads[0.7], strict=True)]
    for g, p in zip(gained, (*network.W, *network.B), strict=True):
        wanted = 0.7 / len(X) * p.numpy() if p.ndim == 2 else 0 * p.numpy()
        np.testing.assert_allclose(g, wanted, atol=1e-14)


def test_binary_cross_entropy_with_certain_outputs() -> None:
    """The guard ε keeps both the loss and its gradient finite at o = 0 and o = 1."""
    t = np.array([[1.0], [0.0], [1.0], [0.0]])
    for dtype in (np.float32, np.float64):
        o = Tensor(np.array([[1.0], [0.0], [0.0], [1.0]], dtype), requires_grad=True)
        loss = binary_cross_entropy(t.astype(dtype), o)
        loss.backward()
        assert loss.dtype == o.grad.dtype == dtype
        assert np.isfinite(loss.item())
        assert np.isfinite(o.grad.numpy()).all()
    half = Tensor(np.full((4, 1), 0.5))
    assert binary_cross_entropy(t, half).item() == pytest.approx(np.log(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(3))
def test_b_ce_learns_xor(seed: int, dtype: type) -> None:
    network = Network([2, 8, 1], ["tanh", "sigmoid"], "b_ce", seed=seed, dtype=dtype)
    assert network.predict(XOR[0]).dtype == dtype
    history = network.train(*XOR, epochs=600, alpha=1.0, interval=600, report=None)
    assert history[-1].accuracy == network.accuracy(*XOR) == 1
    assert history[-1].cost < 0.1 < history[0].cost
    assert {p.dtype for p in (*network.W, *network.B)} == {np.dtype(dtype)}


def test_c_ce_learns_the_digits(digits: job.Digits) -> None:
    """The main job's requirement, with its own settings, on two seeds."""
    for seed in range(2):
        network, history = job.train_digits(digits, seed=seed)
        assert network.accuracy(digits.X_test, digits.y_test) >= 0.97
        assert history[-1].seconds < 60


def test_digits_split_is_fixed_and_stratified(digits: job.Digits) -> None:
    assert (digits.X.shape, digits.X_test.shape) == ((1347, 64), (450, 64))
    assert digits.X.min() == 0
    assert digits.X.max() == 1
    np.testing.assert_array_equal(digits.X_test, job.load_digits().X_test)
    counts = np.bincount(digits.y_test), np.bincount(digits.y)
    np.testing.assert_allclose(counts[0] / 450, counts[1] / 1347, atol=0.003)


def test_train_prints_a_status_line_per_interval(capsys: pytest.CaptureFixture) -> None:
    network = Network([2, 4, 1], ["tanh", "sigmoid"], "b_ce")
    history = network.train(*XOR, epochs=25, alpha=0.5, interval=10)
    lines = capsys.readouterr().out.splitlines()
    assert [status.epoch for status in history] == [0, 10, 20, 25]
    assert len(lines) == 4
    for line, status in zip(lines, history, strict=True):
        assert line == str(status)
        for figure in (str(status.epoch), f"{status.cost:.4f}", f"{status.accuracy:.2%}"):
            assert figure in line
        assert f"time taken {status.seconds:6.2f} s" in line


def test_first_status_is_before_training() -> None:
    X, y = three_classes()
    network = Network([4, 8, 3], ["relu", "softmax"])
    first = Status(0, network.cost(X, y, 0.1).item(), network.accuracy(X, y), 0.0)
    history = network.train(X, y, 2, alpha=0.1, lambda_=0.1, report=None)
    assert (history[0].epoch, history[0].cost, history[0].accuracy) == (
        first.epoch,
        first.cost,
        first.accuracy,
    )


@pytest.mark.parametrize("batch_size", [None, 7, 60, 1000])
def test_same_seed_same_result(batch_size: int | None) -> None:
    X, y = three_classes()

    def trained(seed: int) -> Network:
        network = Network([4, 8, 3], ["relu", "softmax"], seed=seed, dtype=np.float32)
        network.train(X, y, 5, 0.1, 0.01, 0.5, batch_size=batch_size, report=None)
        return network

    one, same, other = trained(3), trained(3), trained(4)
    for a, b, c in zip((*one.W, *one.B), (*same.W, *same.B), (*other.W, *other.B), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()
        assert (a.numpy() != c.numpy()).any()


def test_batches_cover_every_sample_once() -> None:
    network = Network([1, 1], ["sigmoid"], "b_ce")
    batches = list(network.batches(10, 4))
    assert [len(batch) for batch in batches] == [4, 3, 3]
    assert sorted(np.concatenate(batches)) == list(range(10))


def test_full_batch_step_is_the_chapters_code() -> None:
    """One epoch of b_ce by the chapter's loop over layers, written out in NumPy."""
    X, t = XOR[0].astype(float), XOR[1][:, None].astype(float)
    network = Network([2, 5, 1], ["sigmoid", "sigmoid"], "b_ce", seed=1)
    (W0, W1), (b0, b1) = ([p.numpy().copy() for p in ps] for ps in (network.W, network.B))
    alpha, lambda_, m = 0.7, 0.3, len(X)
    h = 1 / (1 + np.exp(-(X @ W0 + b0)))
    o = 1 / (1 + np.exp(-(h @ W1 + b1)))
    delta = o - t  # the cross-entropy's, f' cancelled
    delta_y = (delta @ W1.T) * h * (1 - h)
    network.train(X, XOR[1], 1, alpha, lambda_, report=None)
    wanted = (
        W0 - alpha / m * (X.T @ delta_y + lambda_ * W0),
        W1 - alpha / m * (h.T @ delta + lambda_ * W1),
        b0 - alpha / m * delta_y.sum(axis=0),
        b1 - alpha / m * delta.sum(axis=0),
    )
    for p, w in zip((*network.W, *network.B), wanted, strict=True):
        np.testing.assert_allclose(p.numpy(), w, rtol=0, atol=1e-12)


def test_trajectory_equals_torchs() -> None:
    torch = pytest.importorskip("torch", reason="torch is an oracle here, not a dependency")
    X, y = three_classes()
    network = Network([4, 8, 3], ["tanh", "softmax"], seed=5)
    W, B = ([torch.tensor(p.numpy().copy()) for p in ps] for ps in (network.W, network.B))
    for p in (*W, *B):
        p.requires_grad_()
    inputs, classes = torch.tensor(X), torch.tensor(y)
    descent = torch.optim.SGD([{"params": W, "weight_decay": 0.5 / len(X)}, {"params": B}], lr=0.5)
    costs = []
    for _ in range(50):
        net = torch.tanh(inputs @ W[0] + B[0]) @ W[1] + B[1]
        loss = torch.nn.functional.cross_entropy(net, classes)
        squares = sum((p.detach() ** 2).sum().item() for p in W)
        costs.append(loss.item() + 0.5 / (2 * len(X)) * squares)
        descent.zero_grad()
        loss.backward()
        descent.step()
    history = network.train(X, y, 50, alpha=0.5, lambda_=0.5, interval=1, report=None)
    np.testing.assert_allclose([s.cost for s in history[:-1]], costs, rtol=1e-10)
    for p, q in zip((*network.W, *network.B), (*W, *B), strict=True):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2, 3, 1], ["tanh"], "b_ce"), "3 layer sizes need 2 activations"),
        (([2], [], "b_ce"), "at least two positive integers"),
        (([2, 0, 1], ["tanh", "sigmoid"], "b_ce"), "at least two positive integers"),
        (([2, 1], ["swoosh"], "b_ce"), "unknown activation 'swoosh': choose from linear, sigmoid"),
        (([2, 1], ["sigmoid"], "mse"), "unknown loss 'mse': choose from b_ce, c_ce"),
        (([2, 3], ["sigmoid"], "c_ce"), "'c_ce' needs 'softmax' outputs"),
        (([2, 3], ["softmax"], "b_ce"), "'b_ce' needs 'sigmoid' outputs"),
    ],
)
def test_bad_architectures(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network(*arguments)


def test_bad_dtype() -> None:
    with pytest.raises(ValueError, match="float32 or float64"):
        Network([2, 1], ["sigmoid"], "b_ce", dtype=int)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_prob": 0.0}, r"keep_prob is a probability in \(0, 1\], got 0.0"),
        ({"keep_prob": 1.5}, r"keep_prob is a probability in \(0, 1\], got 1.5"),
        ({"keep_prob": float("nan")}, "keep_prob is a probability"),
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"lambda_": -1.0}, "lambda_ must be at least 0"),
        ({"epochs": -1}, "epochs must be at least 0"),
        ({"interval": 0}, "interval must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"X": np.zeros((4, 3))}, r"X has shape \(4, 3\), the network needs \(N, 2\)"),
        ({"y": np.zeros(5)}, r'"b_ce" needs y of shape \(4, 1\), got \(5,\)'),
    ],
)
def test_bad_training_arguments(options: dict, message: str) -> None:
    network = Network([2, 3, 1], ["tanh", "sigmoid"], "b_ce")
    given = {"X": XOR[0], "y": XOR[1], "epochs": 1, "alpha": 0.1, "report": None, **options}
    with pytest.raises(ValueError, match=message):
        network.train(**given)


def test_bad_classes() -> None:
    network = Network([2, 3], ["softmax"])
    with pytest.raises(ValueError, match="needs 4 class numbers"):
        network.train(XOR[0], XOR[1].astype(float), 1, 0.1, report=None)
    with pytest.raises(ValueError, match=r"0\.\.2"):
        network.train(XOR[0], XOR[1] * 3, 1, 0.1, report=None)


# The main job


def test_main_job_prints_and_draws(tmp_path, capsys, digits) -> None:  # type: ignore[no-untyped-def]
    job.main(["--quick", "--epochs", "3", "--out", str(tmp_path / "pictures")])
    text = capsys.readouterr().out
    for name in ("bp_network.svg", "digits_network.svg", "bp_network_training.png"):
        path = tmp_path / "pictures" / name
        assert path.stat().st_size > 5000
        assert str(path) in text
    for expected in ("sklearn MLPClassifier", "Erratum 6", "largest slope 0.25", "epoch     3"):
        assert expected in text
    svg = (tmp_path / "pictures" / "bp_network.svg").read_text(encoding="utf-8")
    assert all(symbol in svg for symbol in ("net⁰", "θ¹", ">h = ", ">o = ", ">E = "))


def test_main_job_refuses_no_epochs(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        job.main(["--epochs", "0"])
    assert "--epochs must be at least 1" in capsys.readouterr().err
