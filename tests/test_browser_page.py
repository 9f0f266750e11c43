"""The interactive page in a real browser: its numbers, its steps, its keys, and hostile names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnd import Tensor, nn, source_lines
from microgradnd.nn.functional import cross_entropy
from tests.test_browser import CHROMIUM
from viz import draw, trace
from viz.capture.summary import Summary
from viz.formats.document import Writer
from viz.style.text import number

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on PATH")

Open = Callable[..., Any]
HOSTILE = "</script><img src=x onerror=\"document.title='hacked'\">\n&{{script}}${1}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    reason = "Playwright drives the browser, for tests only"
    sync = pytest.importorskip("playwright.sync_api", reason=reason)
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a picture's page; what it logs or asks of the network fails the test."""
    troubles: list[str] = []
    contexts = []

    def run(tensor: Tensor, motion: str = "reduce", scheme: str = "light", **how: Any) -> Any:
        path = draw(tensor, **how).save(tmp_path / "picture.html")
        context = chromium.new_context(
            viewport={"width": 1280, "height": 800}, reduced_motion=motion, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on(
            "request",
            lambda r: r.url == path.as_uri() or r.url.startswith("data:") or troubles.append(r.url),
        )
        page.goto(path.as_uri())
        page.wait_for_selector(".node")
        return page

    yield run
    for context in contexts:
        context.close()
    assert not troubles


def bp_network() -> tuple[Tensor, list[Tensor]]:
    random = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(3, 4, rng=random), nn.Sigmoid(), nn.Linear(4, 2, rng=random))
    y = net(random.normal(size=(5, 3)))
    loss = (((y - random.normal(size=(5, 2))) ** 2).sum() * 0.5).named("E")
    return loss, list(net.parameters())


def convolutional() -> tuple[Tensor, list[Tensor]]:
    random = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, rng=random), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(27, 3, rng=random),
    )  # fmt: skip
    loss = cross_entropy(net(random.normal(size=(2, 1, 8, 8))), np.array([0, 2]))
    return loss, list(net.parameters())


def recurrent(steps: int = 6) -> tuple[Tensor, list[Tensor]]:
    random = np.random.default_rng(0)
    W = Tensor(random.normal(size=(3, 3)), requires_grad=True, name="W")
    U = Tensor(random.normal(size=(2, 3)), requires_grad=True, name="U")
    h = Tensor(np.zeros((1, 3)), name="h₀")
    for t in range(steps):
        h = (Tensor(random.normal(size=(1, 2)), name=f"x{t + 1}") @ U + h @ W).tanh()
    return (h * h).sum(), [W, U]


def sums_of(loss: Tensor, leaf: Tensor) -> list[Summary]:
    """A leaf's gradient after each of its contributions."""
    found = trace(loss)
    return [x for (op, i), x in found.running.items() if op.operands[i].key == leaf.node]


def square() -> Tensor:
    x = Tensor(3.0, requires_grad=True, name="x")
    return (x * x).named("y")


def statistics(page: Any, title: str) -> dict[str, float]:
    """The statistics that the panel shows below a heading, in full precision."""
    section = page.locator("#panel section", has=page.locator(f"h3:text-is('{title}')"))
    rows = section.locator(".stats div").all()
    found = {r.locator("dt").inner_text(): r.get_attribute("title") for r in rows}
    return {key.split()[0]: float(x.replace("−", "-")) for key, x in found.items() if x}


def written(locator: Any) -> list[str]:
    """The lines of text in a part of the drawing."""
    return locator.evaluate(
        "(part) => [...part.querySelectorAll('text')].map((t) => t.textContent)"
    )


def until(page: Any, condition: str) -> None:
    """Waits until something holds; the page's policy forbids what Playwright would wait with."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came: {condition}")


def find(page: Any, words: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def steps_of(page: Any) -> tuple[int, int]:
    """At which step the page is, and of how many."""
    at, count = page.locator("#count").inner_text().split(" / ")
    return int(at), int(count)


@pytest.mark.parametrize("program", [bp_network, convolutional, recurrent])
def test_stepping_to_the_end_shows_the_engine_s_gradients(
    show: Open, program: Callable[[], tuple[Tensor, list[Tensor]]]
) -> None:
    loss, parameters = program()
    page = show(loss, fold=False)
    loss.backward()
    page.keyboard.press("b")
    at, count = steps_of(page)
    assert at == 0
    gradients = page.locator(".node .row.grad")
    hidden = page.locator(".node .row.grad:has-text('—')")
    assert hidden.count() == gradients.count() - 1 > 3  # nothing but the start is known
    for k in range(1, count + 1):
        page.keyboard.press("ArrowRight")
        assert steps_of(page) == (k, count)
        assert page.locator("#panel .card-head p").inner_text() == f"backward step {k} of {count}"
        assert page.locator(".node.now").count() == 1
    assert hidden.count() == 0
    for tensor in parameters:
        assert tensor.grad is not None
        find(page, str(tensor.name))
        assert page.locator("#panel h2").inner_text() == tensor.name
        shown, g = statistics(page, "Gradient"), tensor.grad.numpy().astype(float)
        expected = {"‖·‖": np.linalg.norm(g), "min": g.min(), "max": g.max(), "Σ": g.sum()}
        for key, value in expected.items():
            assert shown[key] == pytest.approx(value, rel=1e-6 if g.size > 64 else 1e-12, abs=1e-14)


def test_a_gradient_adds_up_before_the_reader_s_eyes(show: Open) -> None:
    page = show(square())
    page.keyboard.press("ArrowRight")
    assert written(page.locator(".node[data-id=t-1] .row.grad")) == ["∂", "—"]
    page.keyboard.press("ArrowRight")
    sums = [text.split() for text in page.locator(".terms").all_inner_texts()]
    assert [[w for w in words if w[0].isdigit()] for words in sums] == [
        ["0", "3", "3"],
        ["3", "3", "6"],
    ]
    titles = page.locator(".sum-title").all_inner_texts()
    assert titles == ["Σ contribution 1 of 2", "Σ contribution 2 of 2"]
    assert written(page.locator(".node[data-id=t-1] .row.grad")) == ["∂", "6"]
    rules = page.locator("#panel math").all_text_contents()
    assert any("∂y∂x+=∂y∂y·x" in text.replace(" ", "") for text in rules)


def test_a_gradient_that_is_not_complete_says_so(show: Open) -> None:
    loss, [W, _] = recurrent(3)
    page = show(loss, fold=False)
    page.keyboard.press("b")
    node = page.locator(".node.parameter:has-text('W')")
    said = [written(node)[-4:]]
    for _ in range(steps_of(page)[1]):
        page.keyboard.press("ArrowRight")
        if written(node)[-4:] != said[-1]:
            said.append(written(node)[-4:])
    first = [number(x.elements[-1][-1], 2) for x in sums_of(loss, W)]
    assert [text[-2:] for text in said] == [["3 uses", ""]] + [
        [f"Σ of {k}", "uses, log"] for k in (1, 2, 3)
    ]
    assert [text[-3] for text in said] == ["—", *first]


def test_the_forward_pass_shows_values_as_they_come(show: Open) -> None:
    page = show(square())
    page.keyboard.press("f")
    y = page.locator(".node[data-id=op-1]")
    assert written(y.locator(".row.data")) == ["—"]
    assert page.locator(".backward").count() == 0
    page.keyboard.press("ArrowRight")
    assert written(y.locator(".row.data")) == ["9"]
    assert written(y.locator(".row.grad")) == ["∂", "—"]
    assert page.locator("#panel h3").first.inner_text().split() == ["Result", "y"]
    page.keyboard.press("Escape")
    assert written(y.locator(".row.grad")) == ["∂", "1"]
    assert page.locator(".backward").count() == 4  # through x, through y, and over both wires


def test_playing_goes_to_the_end_and_stops(show: Open) -> None:
    page = show(square())
    page.select_option("#speed", "4")
    page.click("#play")
    assert page.get_attribute("#play", "aria-label") == "pause"
    page.wait_for_selector("#play[aria-label=play]", timeout=5000)
    assert steps_of(page) == (1, 1)


def test_the_slider_and_the_chart_go_to_a_step(show: Open) -> None:
    page = show(bp_network()[0], fold=False)
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert steps_of(page)[0] == 2
    box = page.locator("#plot").bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    at, count = steps_of(page)
    assert at == round(0.75 * count)


def test_groups_open_and_close(show: Open) -> None:
    loss = bp_network()[0]
    page = show(loss, fold=True)
    closed = page.locator(".node.group")
    assert closed.count() == 1
    closed.locator(".toggle").click()
    assert page.locator(".box").count() == 1
    assert page.locator(".node.group").count() == 3  # its layers
    page.locator(".node.group").first.dblclick()
    layer = page.locator(".node.operation:has-text('0: · weight')")
    assert layer.count() == 1
    assert page.locator(".box").count() == 1  # what holds one operation alone needs no frame
    layer.locator(".toggle").click()
    assert layer.count() == 0
    assert page.locator(".node.group").count() == 3
    page.locator(".box .toggle").first.click()
    assert page.locator(".box").count() == 0
    assert page.locator(".node.group").count() == 1
    page.click("#open-all")
    assert page.locator(".node.group").count() == 0
    names = [
        n["name"]
        for _, n in draw(loss, fold=False).graph.nodes(data=True)
        if n["kind"] == "operation"
    ]
    assert page.locator(".node.operation").count() == len(names)


def test_a_closed_group_is_one_step_and_adds_what_flows_over_its_border(show: Open) -> None:
    page = show(recurrent(8)[0], fold=True)
    page.keyboard.press("b")
    assert steps_of(page)[1] == 3  # sum, multiply and the eight steps in one
    page.locator(".node.group .toggle").click()
    at, count = steps_of(page)
    assert (at, count) == (0, 10)
    page.keyboard.press("End")
    assert page.locator(".sum-title").all_inner_texts() == ["Σ contribution 8 of 8"] * 2


def test_the_step_stays_when_its_group_opens(show: Open) -> None:
    page = show(recurrent(8)[0], fold=True)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.locator("#panel h2").inner_text() == page.locator("#panel h2").inner_text()
    page.locator("#panel button.wide").click()
    assert page.locator("#panel h2").inner_text() == "step 8"


def test_search_finds_names_operations_and_shapes(show: Open) -> None:
    page = show(recurrent(8)[0], fold=True)
    assert page.locator(".node.operation:has-text('tanh')").count() == 0
    find(page, "tanh")
    assert page.locator("#panel h2").inner_text() == "tanh"
    assert page.locator(".node.operation:has-text('tanh')").count()  # its groups were opened
    page.fill("#search", "3x3")
    names = page.locator("#results [role=option] b").all_inner_texts()
    assert names[0] == "W"
    page.fill("#search", "no such thing")
    assert page.locator("#results").inner_text() == "nothing found"
    page.keyboard.press("Escape")
    assert page.locator("#results").is_hidden()


def test_the_keyboard_alone_suffices(show: Open) -> None:
    page = show(bp_network()[0], fold=True)
    assert (
        page.evaluate(
            'document.querySelectorAll(\'.node[tabindex="0"], .box[tabindex="0"]\').length'
        )
        == 1
    )
    page.keyboard.press("n")
    focused = "document.activeElement.dataset.id"
    seen = {page.evaluate(focused)}
    for _ in range(page.locator(".node").count()):
        page.keyboard.press("ArrowDown")
        seen.add(page.evaluate(focused))
    assert seen == set(page.locator(".node").evaluate_all("all => all.map((x) => x.dataset.id)"))
    page.evaluate("page.focus('g-1')")
    page.keyboard.press("Enter")
    assert page.locator(".box").count() == 1
    assert page.evaluate(focused) == "g-1"
    page.keyboard.press("c")
    assert page.locator(".box").count() == 0
    page.keyboard.press("s")  # to the step of the node
    assert page.locator(".node.now").get_attribute("data-id") == "g-1"
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()
    before = page.evaluate("page.viewport.k")
    page.keyboard.press("+")
    assert page.evaluate("page.viewport.k") > before
    find(page, "0.weight")
    page.focus("#panel .sheet canvas")
    page.keyboard.press("ArrowRight")
    assert page.locator("#panel .reading").first.inner_text().startswith("[0, 0] = ")
    page.keyboard.press("ArrowRight")
    assert page.locator("#panel .reading").first.inner_text().startswith("[0, 1] = ")


def test_a_screen_reader_hears_each_step(show: Open) -> None:
    page = show(square())
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    live = page.locator("#live")
    expected = "Backward step 1 of 1, multiply: adds 3 to x, 3 to x"
    until(page, "document.querySelector('#live').textContent.includes('multiply')")
    assert live.inner_text() == expected
    assert live.get_attribute("aria-live") == "polite"


def test_a_heat_map_tells_the_value_that_is_pointed_at(show: Open) -> None:
    values = np.array([[0.125, -2.5], [3.0, 1e-7]])
    page = show((Tensor(values, requires_grad=True, name="A") * 2.0).sum())
    find(page, "A")
    canvas = page.locator("#panel .sheet canvas").first
    box = canvas.bounding_box()
    for i, j in np.ndindex(2, 2):
        page.mouse.move(
            box["x"] + box["width"] * (j + 0.5) / 2, box["y"] + box["height"] * (i + 0.5) / 2
        )
        text = page.locator("#panel .reading").first.inner_text()
        index, value = text.replace("−", "-").split(" = ")
        assert index == f"[{i}, {j}]"
        assert float(value) == values[i, j]


def test_pointing_at_a_node_shows_what_flows_in_and_out(show: Open) -> None:
    a, b = (Tensor(x, requires_grad=True, name=n) for x, n in ((1.0, "a"), (2.0, "b")))
    page = show((a.exp() + b.sin()).named("y"))
    page.locator(".node:has-text('exp')").hover()
    ids = page.locator(".node.highlighted").evaluate_all("all => all.map((x) => x.dataset.id)")
    highlighted = {page.evaluate("(id) => page.model.title(id)", name) for name in ids}
    assert {"a", "exp", "add"} <= highlighted
    assert not {"b", "sin"} & highlighted
    assert page.locator(".edge.highlighted").count() == 2


def test_hostile_names_do_nothing(show: Open) -> None:
    module = type(HOSTILE, (nn.Linear,), {})(2, 2, rng=np.random.default_rng(0))
    x = Tensor([[1.0, 2.0]], name=HOSTILE)
    for name, p in module.named_parameters():
        p.name = f"{name} {HOSTILE}"
    y = module(x).named(f"y {HOSTILE}")
    page = show(y.sum(), title=HOSTILE)
    for key in ("End", "b", "ArrowRight", "f", "ArrowRight", "o", "Escape", "Escape"):
        page.keyboard.press(key)
    for name in ("y", "weight", "bias", "img", "linear"):
        find(page, name)
        page.mouse.move(600, 300)
    page.keyboard.press("p")
    assert page.title() != "hacked"
    assert page.locator("img").count() == 0
    assert page.locator("h1").inner_text().startswith("</script><img")
    assert page.locator("script").count() == 4


def test_a_changed_leaf_is_told(show: Open) -> None:
    from microgradnd import no_grad

    x = Tensor(3.0, requires_grad=True, name="x")
    y = x * x
    with no_grad():
        x += 1.0
    page = show(y)
    assert "'x' changed since the forward pass" in page.locator("#warning").inner_text()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(show: Open, axe: str, scheme: str) -> None:
    page = show(recurrent(8)[0], scheme=scheme, fold=True)
    page.evaluate(axe)
    states = {
        "at first": "0",
        "a backward step": "page.stepper.seek(2)",
        "a group's step": "page.stepper.seek(3)",
        "opened": "page.open('g-1')",
        "a forward step": "page.stepper.choose(false); page.stepper.seek(3)",
        "a tensor": "page.goTo('t-1')",
        "found": "document.querySelector('#search').value = 't'; page.search.look()",
        "the keys": "document.querySelector('#help').showModal()",
    }
    for state, script in states.items():
        page.evaluate(f"() => {{ {script} }}")
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        grave = [
            (v["id"], v["nodes"][0]["html"])
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
        assert not grave, state


def test_the_chart_is_of_the_pass_that_is_chosen(show: Open) -> None:
    page = show(square())
    assert page.locator("#chart output").inner_text() == "gradient RMS: 1 at the loss → 1"
    page.keyboard.press("f")
    assert page.locator("#chart output").inner_text() == "RMS of the results: 9 at the first → 9"


def test_numbers_are_spelled_as_in_the_still_picture(show: Open) -> None:
    page = show(square())
    random = np.random.default_rng(0)
    values = [0.0, -0.0, 1.0, -1.5, 1e4, 9999.5, 99995.0, 1e-4, 9.9999e-5, 123456.0, 5e-324, 1e308]
    values += (random.normal(size=300) * 10.0 ** random.integers(-12, 12, 300)).tolist()
    for digits in (3, 4):
        # the page's own way to write a number is what the chart, labels and tables use
        spell = "([all, digits]) => all.map((x) => page.number(x, digits))"
        assert page.evaluate(spell, [values, digits]) == [number(x, digits) for x in values]


def test_what_is_too_large_for_the_file_is_stepped_over_as_one(
    show: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Writer.__init__, "__defaults__", (16,))
    loss, [W, _] = recurrent(12)
    page = show(loss, fold=True)
    page.keyboard.press("o")
    assert page.locator(".node.group").count() == 12  # the steps; nothing opens them
    assert page.locator(".node.group .toggle").count() == 0
    page.keyboard.press("b")
    node = page.locator(".node.parameter:has-text('W')")
    said = []
    for _ in range(steps_of(page)[1]):
        page.keyboard.press("ArrowRight")
        norm, _, uses = written(node)[-4:-1]
        if not said or [norm, uses] != said[-1]:
            said.append([norm, uses])
    sums = [number(x.norm, 2) for x in sums_of(loss, W)]
    assert said[1:] == [[sums[k - 1], f"Σ of {k}"] for k in range(1, 13)]
    assert page.locator(".sum-title").first.inner_text() == "Σ contribution 12 of 12"
    loss.backward()
    assert W.grad is not None
    find(page, "W")
    assert statistics(page, "Gradient")["‖·‖"] == pytest.approx(np.linalg.norm(W.grad.numpy()))
    assert page.locator(".sums tbody tr").count() == 12


def test_uses_that_are_not_in_focus_are_one_term_of_a_sum(show: Open) -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    y = (x * 3.0).named("y")
    page = show(y + x * x * x, focus=(x, y))  # 3 of the 15 come over y
    page.locator(".node[data-id=t-1]").click()
    rows = page.locator("#panel .sums tbody tr").all_inner_texts()
    said = [[cell.strip() for cell in row.split("\t")[1:3]] for row in rows]
    assert said == [["not in focus", "12"], ["multiply", "3"]]
    page.keyboard.press("b")
    for _ in range(steps_of(page)[1]):
        page.keyboard.press("ArrowRight")
    assert page.locator(".sum-title").inner_text() == "Σ contribution 2 of 2"
    assert page.locator(".terms .big").all_inner_texts() == ["3"]  # no sum without the 12


def test_a_product_shows_what_a_cell_is_made_of(show: Open) -> None:
    random = np.random.default_rng(0)
    x = Tensor(random.normal(size=(4, 3)), name="x")
    W = Tensor(random.normal(size=(3, 2)), requires_grad=True, name="W")
    loss = ((x @ W) ** 2).sum()
    page = show(loss)
    page.keyboard.press("b")
    for _ in range(steps_of(page)[1]):
        page.keyboard.press("ArrowRight")
    loss.backward()
    canvas = page.locator("#panel .product .sheet canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    said = page.locator("#panel .product > .reading").inner_text().replace("−", "-")
    assert said.startswith("[1, 1]: ")
    assert said.endswith(f"(4 products) = {W.grad.numpy()[1, 1]:.4g}")
    sheets, lit = page.locator(".product .sheet"), page.locator(".product .sheet .lit")
    sizes = [lit.nth(k).bounding_box() for k in (0, 1)]
    for k, part in enumerate(sizes):  # a column of x and one of the gradient
        whole = sheets.nth(k).bounding_box()
        assert part["height"] == pytest.approx(whole["height"], abs=1)
        assert part["width"] == pytest.approx(whole["width"] / (3, 2)[k], abs=1)
        assert part["x"] - whole["x"] == pytest.approx(part["width"], abs=1)
    assert lit.nth(2).is_hidden()


def test_the_line_of_the_program_is_lit_at_each_step(show: Open) -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    with source_lines():
        y = x.exp()
        z = y * x
    page = show(z)
    page.keyboard.press("f")
    lit = page.locator("#panel .source .now")
    for code in ("y = x.exp()", "z = y * x"):
        page.keyboard.press("ArrowRight")
        assert lit.inner_text().strip() == code
    assert page.locator("#panel h3").last.inner_text() == Path(__file__).name
    page.locator("#panel .source .code").first.click()
    assert page.locator("#panel h2").inner_text() == "exp"
