"""The training loop: what it averages, when it stops, what it leaves behind."""

from __future__ import annotations

import numpy as np
import pytest

from microgradnd import Tensor, io, nn, optim
from microgradnd.nn.functional import mse_loss
from microgradnd.training import EarlyStopping, History, accuracy, fit

X = np.random.default_rng(0).standard_normal((12, 2))
Y = X @ [[1.0], [-2.0]] + 0.5


def line() -> tuple[nn.Linear, optim.SGD]:
    net = nn.Linear(2, 1, rng=np.random.default_rng(1))
    return net, optim.SGD(net.parameters(), lr=0.1)


def test_a_line_is_learned_and_its_history_told() -> None:
    net, optimizer = line()
    history = fit(net, mse_loss, optimizer, [(X, Y)], 200, progress=False)
    np.testing.assert_allclose(net.weight.data, [[1.0, -2.0]], atol=1e-3)
    np.testing.assert_allclose(net.bias.data, [0.5], atol=1e-3)
    losses = history.to_dict()["loss"]
    assert len(losses) == 200
    assert losses[-1] < 1e-5 < losses[0]
    assert not net.training


def test_losses_are_averaged_over_samples_not_batches() -> None:
    net, _ = line()
    frozen = optim.SGD(net.parameters(), lr=0.0)
    history = fit(net, mse_loss, frozen, [(X[:10], Y[:10]), (X[10:], Y[10:])], 1, progress=False)
    assert history[0]["loss"] == pytest.approx(float(mse_loss(net(X), Y)))


def test_validation_runs_in_evaluation_mode_and_teaches_nothing() -> None:
    seen: list[tuple[bool, bool]] = []

    class Spy(nn.Linear):
        def forward(self, x: np.ndarray) -> Tensor:
            out = super().forward(x)
            seen.append((self.training, out.requires_grad))
            return out

    net = Spy(2, 1)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    fit(net, mse_loss, optimizer, [(X, Y)], 2, validation=[(X, Y)], progress=False)
    assert seen == [(True, True), (False, False)] * 2


def test_a_schedule_steps_each_epoch_and_a_plateau_gets_the_validation_loss() -> None:
    net, optimizer = line()
    schedule = optim.ExponentialLR(optimizer, 0.5)
    history = fit(net, mse_loss, optimizer, [(X, Y)], 3, schedule=schedule, progress=False)
    assert history.to_dict()["lr"] == [0.1, 0.05, 0.025]
    net, optimizer = line()
    plateau = optim.ReduceLROnPlateau(optimizer, patience=0, threshold=10.0, threshold_mode="abs")
    fit(net, mse_loss, optimizer, [(X, Y)], 3, schedule=plateau, progress=False)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.001)


def test_early_stopping_gives_the_best_weights_back() -> None:
    net, _ = line()
    wild = optim.SGD(net.parameters(), lr=0.5)
    losses = iter([3.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    kept: list[np.ndarray] = []

    def told(run: object) -> None:
        run.history[-1]["val_loss"] = next(losses)  # type: ignore[attr-defined]
        kept.append(net.weight.data.copy())

    stopping = EarlyStopping(patience=2)
    history = fit(net, mse_loss, wild, [(X, Y)], 6, callbacks=[told, stopping], progress=False)
    assert len(history) == 4
    assert np.array_equal(net.weight.data, kept[1])
    assert not np.array_equal(kept[1], kept[3])


def test_gradients_are_clipped_before_the_step() -> None:
    net, _ = line()
    before = net.weight.data.copy(), net.bias.data.copy()
    fit(net, mse_loss, optim.SGD(net.parameters(), lr=1.0), [(X, Y * 100)], 1, clip=0.01,
        progress=False)  # fmt: skip
    moved = np.r_[(net.weight.data - before[0]).ravel(), net.bias.data - before[1]]
    assert np.linalg.norm(moved) == pytest.approx(0.01, rel=1e-3)


def test_a_loss_that_is_not_finite_names_epoch_and_batch() -> None:
    net, optimizer = line()
    with pytest.raises(FloatingPointError, match="epoch 1, batch 2"):
        fit(net, mse_loss, optimizer, [(X, Y), (X, Y * np.nan)], 1, progress=False)


def test_batches_that_are_used_up_are_told_of() -> None:
    net, optimizer = line()
    once = iter([(X, Y)])
    with pytest.raises(ValueError, match="gave no samples"):
        fit(net, mse_loss, optimizer, once, 2, progress=False)


def test_a_checkpoint_of_another_training_is_refused_and_changes_nothing(tmp_path) -> None:
    path = tmp_path / "run.npz"
    net, optimizer = line()
    fit(net, mse_loss, optimizer, [(X, Y)], 1, checkpoint=path, progress=False)
    other = nn.Linear(3, 1)
    before = other.weight.data.copy()
    steps = optim.SGD(other.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="does not fit"):
        fit(other, mse_loss, steps, [(X, Y)], 2, checkpoint=path, resume=True, progress=False)
    assert np.array_equal(other.weight.data, before)
    io.save(path, {"something": np.ones(2)})
    with pytest.raises(ValueError, match="no checkpoint"):
        fit(net, mse_loss, optimizer, [(X, Y)], 2, checkpoint=path, resume=True, progress=False)


def test_a_line_per_epoch_where_the_output_is_no_terminal(capsys) -> None:
    net, optimizer = line()
    fit(net, mse_loss, optimizer, [(X, Y)], 2)
    lines = capsys.readouterr().out.splitlines()
    assert [words.split()[:2] for words in lines] == [["epoch", "1/2"], ["epoch", "2/2"]]


def test_accuracy_counts_the_largest_logit() -> None:
    assert accuracy(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1, 1])) == 0.5


def test_a_history_plots_its_columns() -> None:
    import matplotlib

    matplotlib.use("Agg")
    records = [{"epoch": 1, "loss": 1.0, "val_loss": 2.0, "seconds": 0.1}]
    figure = History(records).plot()
    assert [axis.get_title() for axis in figure.axes] == ["loss"]
    assert len(figure.axes[0].lines) == 2
