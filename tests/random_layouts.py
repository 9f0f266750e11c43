"""Random nested layouts, for the still picture's layout and for the page's."""

from __future__ import annotations

import random
from collections.abc import Callable

from viz.layout.river import Block, Item, Leaf, Wire


def random_blocks(seed: int) -> tuple[Block, list[Item], list[Wire]]:
    """Items of random sizes in nested blocks, each using some of those before it."""
    draw = random.Random(seed)
    root = Block("whole")
    items: list[Item] = []
    wires: list[Wire] = []
    around = [root]
    for k in range(draw.choice([5, 12, 25, 60])):
        if len(around) > 1 and around[-1].items and draw.random() < 0.15:
            around.pop()
        if draw.random() < 0.1 and len(around) < 4:
            block = Block(f"b{k}", title=60.0)
            block.item = Item(block.id, inner=block, block=around[-1])
            around[-1].items.append(block.item)
            around.append(block)
        sizes = draw.choice([60.0, 120.0, 200.0]), 36.0, draw.choice([24.0, 44.0, 74.0])
        item = Item(f"i{k}", *sizes, block=around[-1])
        if draw.random() < 0.3:
            item.leaves.append(Leaf(f"w{k}", 120.0, 44.0, after=True))
        if draw.random() < 0.2:
            item.leaves.append(Leaf(f"c{k}", 80.0, 44.0))
        if draw.random() < 0.1:
            item.leaves += [Leaf(f"{kind}{k}", 90.0, 74.0, after=kind == "b") for kind in "ab"]
        around[-1].items.append(item)
        recent = items[-12:]
        more = draw.choice([0, 0, 1, 2]) if items else 0
        used = [*items[-1:], *(draw.choice(recent) for _ in range(more))]
        for i, tail in enumerate(used):
            label = 40.0 if draw.random() < 0.3 else 0.0
            wires.append(Wire(f"e{k}-{i}", tail, item, i, flows=True, label=label))
        items.append(item)
    return root, items, wires


# Graphs of any number of items, as pairs of tail and head.
FAMILIES: dict[str, Callable[[int], list[tuple[int, int]]]] = {
    "chain": lambda n: [(k - 1, k) for k in range(1, n)],
    "star": lambda n: [(0, k) for k in range(1, n)],
    "sum": lambda n: [(k, n - 1) for k in range(n - 1)],
    "both": lambda n: [pair for k in range(1, n - 1) for pair in ((0, k), (k, n - 1))],
    "weight": lambda n: [pair for k in range(1, n) for pair in {(k - 1, k), (0, k)}],
    "states": lambda n: [pair for k in range(1, n) for pair in {(k - 1, k), (k - 1, n - 1)}],
    "recent": lambda n: (
        [(max(0, k - 1 - k * k % 50), k) for k in range(1, n)] + [(k // 2, k) for k in range(1, n)]
    ),
}


def of_family(name: str, count: int) -> tuple[Block, list[Wire]]:
    """A graph of a family as items of one block."""
    root = Block("whole")
    items = root.items = [Item(f"i{k}", 100.0, 36.0, 44.0, block=root) for k in range(count)]
    ends = enumerate(FAMILIES[name](count))
    return root, [Wire(f"e{k}", items[a], items[b], k % 3, flows=True) for k, (a, b) in ends]
