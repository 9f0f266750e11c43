"""The training loop: what it averages, when it stops, what it leaves behind."""

from __future__ import annotations

import contextlib
import io as text_io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnd import Tensor, io, nn, optim
from microgradnd.data import ArrayDataset, DataLoader
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


def stopped_at(values: list[float], **options: Any) -> tuple[int, int]:
    """How many epochs early stopping lets pass, and which of them it calls the best."""
    net, _ = line()
    told = iter(values)

    def tell(run: Any) -> None:
        run.history[-1]["score"] = next(told)

    stopping = EarlyStopping(monitor="score", **options)
    history = fit(
        net, mse_loss, optim.SGD(net.parameters(), lr=0.1), [(X, Y)], len(values),
        callbacks=[tell, stopping], progress=False,
    )  # fmt: skip
    return len(history), stopping.best_epoch


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        ([3, 2, 1, 2, 2, 2], {"patience": 2}, (5, 3)),
        ([1, 2, 3, 2, 2, 9], {"patience": 2, "mode": "max"}, (5, 3)),
        ([3, 2.9, 2.8, 2.7, 2.6, 2.5], {"patience": 3}, (6, 6)),
        ([3, 2.9, 2.8, 2.7, 2.6, 2.5], {"patience": 3, "min_delta": 0.5}, (4, 1)),
        ([np.nan, np.nan, 1, 2, 2, 2], {"patience": 3}, (6, 3)),
        ([np.nan] * 6, {"patience": 3}, (3, 0)),
    ],
)
def test_early_stopping_waits_as_long_as_it_is_told(
    values: list[float], options: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert stopped_at(values, **options) == expected


def test_early_stopping_says_what_it_cannot_watch() -> None:
    net, optimizer = line()
    with pytest.raises(KeyError, match="no 'val_loss' among epoch, loss, lr, seconds"):
        fit(net, mse_loss, optimizer, [(X, Y)], 2, callbacks=[EarlyStopping()], progress=False)
    with pytest.raises(ValueError, match=r"mode must be .min. or .max., not .low."):
        EarlyStopping(mode="low")
    with pytest.raises(ValueError, match="patience must be a whole number of at least 1"):
        EarlyStopping(patience=0)


def test_a_cycle_of_as_many_steps_as_epochs_lasts_to_the_end() -> None:
    net, optimizer = line()
    schedule = optim.OneCycleLR(optimizer, 0.2, total_steps=5)
    history = fit(net, mse_loss, optimizer, [(X, Y)], 5, schedule=schedule, progress=False)
    assert len(history) == 5
    assert max(history.to_dict()["lr"]) <= 0.2


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


RESUMED: dict[str, tuple[Callable, Callable]] = {
    "momentum": (lambda p: optim.SGD(p, 0.05, momentum=0.9), lambda o: None),
    "Adam, cycle": (lambda p: optim.Adam(p, 0.01), lambda o: optim.OneCycleLR(o, 0.05, 6)),
    "AdamW, cosine": (
        lambda p: optim.AdamW(p, 0.01, amsgrad=True),
        lambda o: optim.CosineAnnealingLR(o, 6),
    ),
    "RMSprop, plateau": (
        lambda p: optim.RMSprop(p, 0.01, momentum=0.5, centered=True),
        lambda o: optim.ReduceLROnPlateau(o, patience=0, threshold=10.0),
    ),
    "Adagrad, warm-up": (
        lambda p: optim.Adagrad(p, 0.1, lr_decay=0.01),
        lambda o: optim.SequentialLR(
            o, [optim.LinearLR(o, total_iters=2), optim.ExponentialLR(o, 0.5)], [2]
        ),
    ),
}


def six_epochs(name: str, checkpoint: Path, stop_at: int = 0) -> tuple[Any, ...]:
    """Trains six epochs of three batches, or to an interrupt in batch `stop_at`."""
    make, schedule = RESUMED[name]
    rngs = [np.random.default_rng(seed) for seed in range(5)]
    noise = rngs[0]
    net = nn.Sequential(
        nn.Linear(2, 4, rng=rngs[1]),
        nn.BatchNorm1d(4),
        nn.Dropout(0.3, rng=rngs[2]),
        nn.Linear(4, 1, rng=rngs[3]),
    )
    optimizer = make(net.parameters())
    data = ArrayDataset(X, Y, transform=lambda x: x + noise.normal(size=x.shape))
    count = 0

    def loss(prediction: Tensor, target: np.ndarray) -> Tensor:
        nonlocal count
        count += net.training
        if count == stop_at:
            raise KeyboardInterrupt
        return mse_loss(prediction, target)

    history = History()
    with contextlib.suppress(KeyboardInterrupt):
        fit(
            net, loss, optimizer, DataLoader(data, 4, shuffle=True, rng=rngs[4]), 6,
            validation=[(X, Y)], schedule=schedule(optimizer), callbacks=[EarlyStopping(9)],
            clip=1.0, progress=False, checkpoint=checkpoint, resume=True, rng=noise,
            history=history,
        )  # fmt: skip
    columns = history.to_dict()
    columns.pop("seconds", None)
    return columns, net.state_dict(), optimizer.state_dict()["state"]


@pytest.mark.parametrize("name", RESUMED)
@pytest.mark.parametrize("stop_at", [1, 8, 17])
def test_an_interrupted_training_goes_on_bit_for_bit(tmp_path, name: str, stop_at: int) -> None:
    columns, weights, state = six_epochs(name, tmp_path / "whole.npz")
    early, *_ = six_epochs(name, tmp_path / "broken.npz", stop_at)
    assert len(early.get("epoch", ())) == (stop_at - 1) // 3
    again, resumed_weights, resumed_state = six_epochs(name, tmp_path / "broken.npz")
    assert columns == again
    for path, array in weights.items():
        assert np.array_equal(array, resumed_weights[path]), path
    assert state.keys() == resumed_state.keys()
    for number, kept in state.items():
        for key, value in kept.items():
            assert np.array_equal(value, resumed_state[number][key]), key


def test_a_damaged_checkpoint_is_refused_and_changes_nothing(tmp_path) -> None:
    path = tmp_path / "run.npz"
    net, optimizer = line()
    fit(net, mse_loss, optimizer, [(X, Y)], 2, checkpoint=path, progress=False)
    whole, before = path.read_bytes(), {k: v.copy() for k, v in net.state_dict().items()}
    for length in range(0, len(whole), 101):
        path.write_bytes(whole[:length])
        with pytest.raises(io.FileFormatError, match=r"run\.npz"):
            fit(net, mse_loss, optimizer, [(X, Y)], 3, checkpoint=path, resume=True)
    for key, array in net.state_dict().items():
        assert np.array_equal(array, before[key])


def test_a_checkpoint_that_cannot_be_is_refused_before_the_first_epoch(tmp_path) -> None:
    net, optimizer = line()
    before = net.weight.data.copy()
    with pytest.raises(ValueError, match=r"it is an \.npz file"):
        fit(net, mse_loss, optimizer, [(X, Y)], 1, checkpoint=tmp_path / "run.pt")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        fit(net, mse_loss, optimizer, [(X, Y)], 1, checkpoint=tmp_path / "none" / "run.npz")
    with pytest.raises(ValueError, match="resume=True needs checkpoint="):
        fit(net, mse_loss, optimizer, [(X, Y)], 1, resume=True)
    assert np.array_equal(net.weight.data, before)


class Terminal(text_io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_live_bar_on_a_terminal_where_tqdm_is_installed(monkeypatch) -> None:
    pytest.importorskip("tqdm", reason="an extra")
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    net, optimizer = line()
    fit(net, mse_loss, optimizer, [(X, Y)] * 3, 2)
    drawn = screen.getvalue()
    assert "epoch 1/2:" in drawn
    assert "0/3" in drawn
    assert "\r" in drawn
    lines = [x for x in drawn.replace("\r", "\n").splitlines() if "  loss " in x]
    assert [x.split()[1] for x in lines] == ["1/2", "2/2"]


def test_plain_lines_on_a_terminal_without_tqdm(monkeypatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    net, optimizer = line()
    fit(net, mse_loss, optimizer, [(X, Y)], 2)
    assert "\r" not in screen.getvalue()
    assert [x.split()[1] for x in screen.getvalue().splitlines()] == ["1/2", "2/2"]


def test_no_word_where_none_is_wanted(capsys) -> None:
    net, optimizer = line()
    fit(net, mse_loss, optimizer, [(X, Y)], 2, progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_line_per_epoch_where_the_output_is_no_terminal(capsys) -> None:
    net, optimizer = line()
    fit(net, mse_loss, optimizer, [(X, Y)], 2)
    lines = capsys.readouterr().out.splitlines()
    assert [words.split()[:2] for words in lines] == [["epoch", "1/2"], ["epoch", "2/2"]]


def test_accuracy_counts_the_largest_logit() -> None:
    assert accuracy(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1, 1])) == 0.5


def test_accuracy_takes_probabilities_and_names_shapes_that_do_not_fit() -> None:
    assert accuracy(np.eye(3)[[0, 1, 2]], np.eye(3)[[0, 1, 1]]) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"predictions \(4, 3\) need targets \(4,\)"):
        accuracy(np.ones((4, 3)), np.ones(5, int))


def test_metrics_are_averaged_over_samples_in_training_and_validation() -> None:
    net, _ = line()
    frozen = optim.SGD(net.parameters(), lr=0.0)
    parts = [(X[:10], Y[:10]), (X[10:], Y[10:])]
    worst = {"first": lambda p, t: float(t[0, 0])}
    record = fit(net, mse_loss, frozen, parts, 1, validation=parts, metrics=worst, progress=False)[
        0
    ]
    expected = (10 * Y[0, 0] + 2 * Y[10, 0]) / 12
    assert record["first"] == record["val_first"] == pytest.approx(expected)


def test_a_history_plots_its_columns() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="an extra")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    first = {"epoch": 1, "loss": 1.0, "lr": 0.1, "acc": 0.5, "seconds": 0.1}
    second = first | {"epoch": 2, "loss": 0.5, "val_loss": 0.75}
    figure = History([first, second]).plot()
    assert [axis.get_title() for axis in figure.axes] == ["loss", "acc", "lr"]
    training, validation = figure.axes[0].lines
    assert training.get_xydata().tolist() == [[1, 1.0], [2, 0.5]]
    assert np.isnan(validation.get_ydata()[0])
    assert validation.get_ydata()[1] == 0.75
    assert (training.get_label(), validation.get_label()) == ("training", "validation")
    assert len(figure.axes[2].lines) == 1
    pyplot.close(figure)


def test_without_matplotlib_the_error_names_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"microgradnd\[examples\]"):
        History([{"epoch": 1, "loss": 1.0}]).plot()


def test_a_history_shows_a_gap_where_an_epoch_has_no_number() -> None:
    history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "val_loss": 1.0}])
    assert history.to_dict()["val_loss"] == [None, 1.0]
    assert [row.split() for row in repr(history).splitlines()] == [
        ["epoch", "loss", "val_loss"], ["1", "0.5"], ["2", "0.25", "1"],
    ]  # fmt: skip
