"""A back-propagation network, trained on real digits and held against a textbook's equations.

Run it: `python -m examples.bp_network`. It trains a network on scikit-learn's handwritten digits,
writes pictures of the training and of two graphs, compares the engine's gradients with formulas
derived by hand, and shows numerically which of the book's printed equations hold. The book is a
textbook in Chinese, of which this is chapter 5, "Deep Learning and Neural Networks": equations
5-1 and on are those of the chapter.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from examples import bp_equations as equations
from examples.bp_equations import ThreeLayer, half_squared_error, sample_pair
from examples.network import Network, Status
from microgradnd import Tensor

__all__ = ["Network", "Status", "ThreeLayer", "main"]

Array = np.ndarray
INTRODUCTION = """\
Numbers like (5-16) are equations of chapter 5, "Deep Learning and Neural Networks", of the
textbook whose networks this library builds. d is the desired output, o the actual one,
h a hidden unit's, f the sigmoid, η the learning rate and δ = -∂E/∂net."""
MISPRINTS = {  # by number in the list that the tests keep; 1, 3, 4, 7 and 8 are tested alone
    2: "cross-entropy (5-29): the minus is missing",
    5: "deltas (5-13, 5-14, 5-17): θ and an index",
    6: "biases (5-19 to 5-21): the layers' deltas are exchanged",
}
SIZES, ACTIVATIONS = (64, 256, 10), ("relu", "softmax")
# Chosen by 5-fold cross-validation within the training images; the test images had no say.
TRAINING: dict[str, Any] = {"alpha": 0.2, "lambda_": 0.0, "keep_prob": 0.5, "batch_size": 32}


@dataclass(frozen=True)
class Digits:
    """scikit-learn's digits, three quarters to train on: pixels / 16 in [0, 1], classes 0 to 9."""

    X: Array  # (1347, 64)
    y: Array  # (1347,)
    X_test: Array  # (450, 64)
    y_test: Array  # (450,)


def load_digits(seed: int = 0) -> Digits:
    """The 1,797 images of 8×8 pixels in a stratified split that the seed fixes."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    X, y = datasets.load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    return Digits(X, y, X_test, y_test)


def train_digits(
    digits: Digits,
    epochs: int = 100,
    seed: int = 0,
    interval: int = 5,
    report: Callable[[Status], None] | None = None,
    watch: list[float] | None = None,
) -> tuple[Network, list[Status]]:
    """Trains the network of the main job; `watch` gets the test accuracy at each report."""
    network = Network(SIZES, ACTIVATIONS, "c_ce", seed=seed, dtype=np.float32)

    def look(status: Status) -> None:
        if watch is not None:
            watch.append(network.accuracy(digits.X_test, digits.y_test))
        if report is not None:
            report(status)

    history = network.train(digits.X, digits.y, epochs, interval=interval, report=look, **TRAINING)
    return network, history


def peer_accuracy(digits: Digits, seed: int = 0) -> tuple[float, float]:
    """Test accuracy and seconds of scikit-learn's MLPClassifier: the same hidden layer and split.

    Everything else is its default, which is Adam for up to 200 epochs.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    peer = MLPClassifier(hidden_layer_sizes=SIZES[1:-1], random_state=seed)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit(digits.X, digits.y)
    return float(peer.score(digits.X_test, digits.y_test)), time.perf_counter() - start


def reporter(epochs: int) -> tuple[Callable[[Status], None], Callable[[], None]]:
    """What prints status lines, over a progress bar on a terminal with tqdm, and what ends it."""
    try:
        if not sys.stdout.isatty():
            raise ImportError
        from tqdm import tqdm
    except ImportError:
        return lambda status: print(f"  {status}", flush=True), lambda: None
    bar = tqdm(total=epochs, desc="  training", unit="epoch", file=sys.stdout, leave=False)

    def report(status: Status) -> None:
        bar.write(f"  {status}", file=sys.stdout)
        bar.update(status.epoch - bar.n)

    return report, bar.close


def title(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}")


def show_gradients(seed: int) -> None:
    """Prints the engine's gradients against the hand formulas."""
    title("Gradients of the engine against formulas derived by hand")
    print(
        "  Three layers, half squared error (5-2 to 5-4); δ by (5-16) and (5-17), steps by (5-12),"
    )
    print("  (5-19) and (5-21) with η = 0.5.")
    print(f"  {'network':10}{'samples':>8}   largest difference: {'gradients':>11}{'steps':>11}")
    eta = 0.5
    for sizes, samples in (((2, 3, 1), 1), ((4, 5, 3), 7), ((64, 30, 10), 100)):
        network = ThreeLayer(*sizes, seed=seed)
        x, d = sample_pair(sizes[0], sizes[2], samples, seed)
        engine = equations.engine_gradients(network, x, d)
        hand = equations.hand_gradients(network, x.numpy(), d.numpy())
        steps = equations.chapter_updates(network, x.numpy(), d.numpy(), eta)
        gap = max(equations.largest(engine[k] - hand[k]) for k in hand)
        gap_steps = max(equations.largest(-eta * engine[k] - steps[k]) for k in steps)
        label = "-".join(map(str, sizes))
        print(f"  {label:10}{samples:8}   {'':19} {gap:11.1e}{gap_steps:11.1e}")
    print("  θ is a bias of the opposite sign: ∂E/∂θ = -∂E/∂b.")


def show_errata(seed: int) -> None:
    """Prints each doubtful equation against the engine and the central difference."""
    title("Misprints of the book: what is printed, and what is right")
    print("  Each form is held against the engine and against central differences, on one sample;")
    print("  5 and 6 by a 2-3-3 network. A form is right if both errors are rounding alone.")
    print(f"  {'':9}{'form':36}{'error to engine':>16}{'to difference':>15}")
    for number, findings in (
        (2, equations.erratum_2(seed)),
        (5, equations.erratum_5(seed)),
        (6, equations.erratum_6(seed)),
    ):
        print(f"  Erratum {number}, {MISPRINTS[number]}")
        for found in findings:
            verdict = "agrees" if found.holds else "fails"
            print(
                f"  {found.quantity:9}{found.form:36}{found.error:16.1e}{found.error_fd:15.1e}"
                f"  {found.source:9}{verdict}"
            )
    print("  Gradient descent by (5-29) on four separable samples from w = 0.1:")
    for form, (printed, true, accuracy) in equations.erratum_2_descent().items():
        print(
            f"    {form:8} ends at C printed {printed:9.3f}, C with minus {true:8.3f}, "
            f"accuracy {accuracy:4.0%}"
        )


def show_speeds() -> None:
    """Prints how fast both losses move a saturated unit, and the sigmoid's largest slope."""
    title("Learning speed |∂E/∂net| of a sigmoid output that should be d = 0")
    outputs = np.array([0.5, 0.9, 0.99, 0.999, 0.9999])
    print(f"  {'o':24}" + "".join(f"{o:10.4f}" for o in outputs))
    labels = {"squared": "half squared error (5-4)", "cross-entropy": "cross-entropy (5-29)"}
    for name, speed in equations.learning_speed(outputs).items():
        print(f"  {labels[name]:24}" + "".join(f"{s:10.4f}" for s in speed))
    steps = equations.steps_to_unlearn(0.99)
    print(
        f"  From o = 0.99 down to 0.1 with η = 0.5: {steps['squared']} steps with half squared "
        f"error, {steps['cross-entropy']} with cross-entropy."
    )
    slope, at, gap = equations.sigmoid_slope()
    print(
        f"  Sigmoid (5-24): largest slope {slope:g} at x = {at:g}; "
        f"engine against f(1 - f): {gap:.1e}"
    )


def show_digits(epochs: int, seed: int, out: Path) -> tuple[Network, Digits]:
    """Trains on the digits, prints the figures and draws the curves."""
    digits = load_digits()
    title(f"Handwritten digits: {len(digits.X)} to train on, {len(digits.X_test)} to test")
    print(
        f"  network {'-'.join(map(str, SIZES))}, {', '.join(ACTIVATIONS)}; α {TRAINING['alpha']}, "
        f"λ {TRAINING['lambda_']}, keep_prob {TRAINING['keep_prob']}, "
        f"mini-batches of {TRAINING['batch_size']}"
    )
    report, close = reporter(epochs)
    watch: list[float] = []
    network, history = train_digits(digits, epochs, seed, max(1, epochs // 20), report, watch)
    close()
    peer, peer_seconds = peer_accuracy(digits, seed)
    print(f"\n  {'test accuracy':28}{'':10}{'time':>9}")
    print(f"  {'this network':28}{watch[-1]:10.2%}{history[-1].seconds:7.1f} s")
    print(f"  {'sklearn MLPClassifier':28}{peer:10.2%}{peer_seconds:7.1f} s")
    path = draw_training(history, watch, peer, network, digits, out / "bp_network_training.png")
    print(f"\n  {path!s:32} cost, accuracy, and what is still read wrongly")
    return network, digits


def draw_training(
    history: list[Status],
    watch: list[float],
    peer: float,
    network: Network,
    digits: Digits,
    path: Path,
) -> Path:
    """Curves of cost and accuracy, and the test images that the network still gets wrong."""
    from matplotlib.figure import Figure

    blue, red, grey = "#0072b2", "#d55e00", "#767676"
    figure = Figure(figsize=(9, 4.8), dpi=120, layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[3, 1])
    curves, strip = parts
    cost, accuracy = curves.subplots(1, 2)
    epochs = [status.epoch for status in history]
    cost.semilogy(epochs, [status.cost for status in history], color=blue)
    cost.set(title="cost on the training images", xlabel="epoch")
    accuracy.plot(epochs, [status.accuracy for status in history], color=blue, label="training")
    accuracy.plot(epochs, watch, color=red, label=f"test, {watch[-1]:.2%} at the end")
    accuracy.axhline(peer, color=grey, ls="--", label=f"MLPClassifier, test, {peer:.2%}")
    accuracy.set(title="accuracy", xlabel="epoch", ylim=(min(0.9, max(watch) - 0.1), 1.005))
    accuracy.legend(loc="lower right", frameon=False)
    for axes in (cost, accuracy):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    predictions = network.predict(digits.X_test).argmax(axis=1)
    wrong = np.flatnonzero(predictions != digits.y_test)
    shown = wrong[:12]
    few = f", {len(shown)} of them" if len(shown) < len(wrong) else ""
    words = f"{len(wrong)} of {len(predictions)} test images are read wrongly{few}"
    strip.suptitle(words, fontsize=10)
    for axes, i in zip(strip.subplots(1, 12), [*shown, *[None] * (12 - len(shown))], strict=True):
        axes.axis("off")
        if i is not None:
            axes.imshow(digits.X_test[i].reshape(8, 8), cmap="gray_r")
            axes.set_title(f"{digits.y_test[i]} as {predictions[i]}", fontsize=8)
    figure.savefig(path)
    return path


def save_picture(output: Tensor, path: Path, title: str) -> None:
    """Draws the graph that a tensor was computed by, as SVG and as a page to step through."""
    import viz

    picture = viz.draw(output, title=title)
    for suffix, what in ((".svg", "the graph"), (".html", "the same as a page to step through")):
        print(f"  {picture.save(path.with_suffix(suffix))!s:32} {what}")


def small_graph(seed: int = 0) -> Tensor:
    """E of one sample through a 2-3-1 network."""
    network = ThreeLayer(2, 3, 1, seed)
    x, d = sample_pair(2, 1, 1, seed)
    return half_squared_error(d, network(x))


def show_pictures(network: Network, digits: Digits, out: Path, seed: int) -> None:
    """Draws one sample through a 2-3-1 network and one mini-batch through the digits network."""
    title("Pictures of the graphs")
    save_picture(small_graph(seed), out / "bp_network.svg", "One sample through a 2-3-1 network")
    batch = slice(0, int(TRAINING["batch_size"]))
    E = network.cost(digits.X[batch], digits.y[batch], keep_prob=TRAINING["keep_prob"])
    save_picture(E, out / "digits_network.svg", "One mini-batch through the digits network")


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m examples.bp_network",
        description="A back-propagation network: handwritten digits learned, its graphs drawn, a "
        "textbook's equations checked.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    options.add_argument("--epochs", type=int, default=100, help="passes over the digits")
    options.add_argument("--seed", type=int, default=0, help="of weights, batches and dropout")
    options.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR", help="where the pictures go"
    )
    options.add_argument(
        "--quick", action="store_true", help="at most 10 epochs: a check that everything runs"
    )
    return options


def main(arguments: list[str] | None = None) -> None:
    """Everything, one section after another."""
    options = parser().parse_args(arguments)
    if options.epochs < 1:
        parser().error("--epochs must be at least 1")
    epochs = min(options.epochs, 10) if options.quick else options.epochs
    options.out.mkdir(parents=True, exist_ok=True)
    network, digits = show_digits(epochs, options.seed, options.out)
    show_pictures(network, digits, options.out, options.seed)
    print(f"\n{INTRODUCTION}")
    show_gradients(options.seed)
    show_errata(options.seed)
    show_speeds()


if __name__ == "__main__":
    main()
