"""A small layered layout (Sugiyama's method), standard library only.

Ranks by longest path, dummies for links that span several ranks, barycenter sweeps against
crossings, coordinates by isotonic regression. Links bend only in the bands between two ranks and
run straight down beside the boxes of a rank, so no link ever crosses a box.
"""

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Collection
from itertools import accumulate, pairwise

Point = tuple[float, float]
Edge = tuple[int, int]
_SWEEPS = 6


def place(
    sizes: list[Point], edges: list[Edge], ranksep: float, nodesep: float,
    first: Collection[int] = (), last: Collection[int] = (),
) -> tuple[list[Point], list[list[Point]]]:  # fmt: skip
    """Centres of boxes and cubic Bezier routes of edges, ranks from top to bottom.

    `sizes` are (width, height) in px, `edges` pairs of indices into them; cycles and self loops
    are allowed. The boxes `first` and `last` get ranks of their own above and below all others.
    Coordinates may be negative; y grows downward.
    """
    ranks = _ranks(len(sizes), edges)
    if first or last:
        above_all, below_all = set(first), set(last)
        alone = above_all | below_all
        rest = [rank for node, rank in enumerate(ranks) if node not in alone]
        low, high = min(rest, default=0) - 1, max(rest, default=0) + 1
        ranks = [
            low if n in above_all else high if n in below_all else r for n, r in enumerate(ranks)
        ]
        start = min(ranks)
        ranks = [rank - start for rank in ranks]
    widths = [width for width, _ in sizes]
    level = list(ranks)
    chains = _chains(ranks, edges, widths, level, nodesep)
    above: list[list[int]] = [[] for _ in widths]
    below: list[list[int]] = [[] for _ in widths]
    for chain in chains:
        for upper, lower in pairwise(chain):
            if level[lower] == level[upper] + 1:
                below[upper].append(lower)
                above[lower].append(upper)
    layers: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for node, rank in enumerate(level):
        if rank >= 0:
            layers[rank].append(node)
    layers = _fewer_crossings(layers, above, below)
    straight = {
        pair
        for (tail, head), chosen in zip(edges, longest_path_edges(len(sizes), edges), strict=True)
        for pair in ((tail, head), (head, tail))
        if chosen
    }
    x = _columns(layers, above, below, widths, straight, nodesep)
    tall = [max((sizes[n][1] for n in layer if n < len(sizes)), default=0.0) for layer in layers]
    tops = [0.0, *accumulate(height + ranksep for height in tall)]
    bands = [(top, top + height) for top, height in zip(tops, tall, strict=False)]
    centres = [(x[n], sum(bands[rank]) / 2) for n, rank in enumerate(ranks)]
    return centres, _routes(edges, chains, centres, sizes, ranks, bands, x, nodesep)


def longest_path_edges(count: int, edges: list[Edge]) -> list[bool]:
    """For each edge whether it is the one that enters its head from the longest path.

    Drawn straight, these keep chains from drifting sideways at every skip or shared weight.
    """
    depth, _, _ = _depths(count, edges)
    deepest: dict[int, int] = {}
    for number, (tail, head) in enumerate(edges):
        if depth[tail] < depth[head] and (
            head not in deepest or depth[tail] > depth[edges[deepest[head]][0]]
        ):
            deepest[head] = number
    chosen = set(deepest.values())
    return [number in chosen for number in range(len(edges))]


def _topological_order(count: int, edges: list[Edge]) -> list[int]:
    """Boxes in topological order, a cycle being cut at its first box."""
    heads: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for tail, head in edges:
        if tail != head:
            heads[tail].append(head)
            waiting[head] += 1
    order: dict[int, None] = {}
    ready = deque(node for node in range(count) if not waiting[node])
    first = 0
    while len(order) < count:
        while not ready:
            if first not in order:
                ready.append(first)
            first += 1
        node = ready.popleft()
        if node in order:
            continue
        order[node] = None
        for head in heads[node]:
            waiting[head] -= 1
            if not waiting[head]:
                ready.append(head)
    return list(order)


def _depths(count: int, edges: list[Edge]) -> tuple[list[int], list[int], list[list[int]]]:
    """The longest path to each box, a topological order, and the boxes below each."""
    order = _topological_order(count, edges)
    turn = {node: place for place, node in enumerate(order)}
    below: list[dict[int, None]] = [{} for _ in range(count)]
    depth = [0] * count
    for tail, head in edges:
        if tail != head:
            early, late = sorted((tail, head), key=turn.__getitem__)
            below[early][late] = None
    for node in order:
        for late in below[node]:
            depth[late] = max(depth[late], depth[node] + 1)
    return depth, order, [list(some) for some in below]


def _ranks(count: int, edges: list[Edge]) -> list[int]:
    """The rank of each box: the longest path to it; trees of sources sit right above their use."""
    rank, order, below = _depths(count, edges)
    pinned = [False] * count
    for node in order:
        for late in below[node]:
            pinned[late] |= pinned[node] or len(below[node]) > 1
    for node in reversed(order):
        if below[node] and not pinned[node]:
            rank[node] = min(rank[late] for late in below[node]) - 1
    return rank


def _chains(
    ranks: list[int], edges: list[Edge], widths: list[float], level: list[int], nodesep: float
) -> list[list[int]]:
    """For each edge the nodes it passes, from top to bottom; appends the dummies it needs.

    An edge that spans more ranks than the budget allows gets one lane beside the drawing (a node
    of level -1, shared by the edges of its upper box), or dummies would grow as the square of the
    graph.
    """
    budget = 20_000 + 4 * len(ranks)
    limit = max(ranks, default=0) + 1
    spans = sorted(abs(ranks[head] - ranks[tail]) for tail, head in edges)
    for span, total in zip(spans, accumulate(spans), strict=True):
        if total > budget:
            limit = span - 1
            break
    lanes: dict[int, int] = {}
    chains = []
    for tail, head in edges:
        upper, lower = sorted((tail, head), key=ranks.__getitem__)
        between: list[int] = []
        if ranks[lower] - ranks[upper] > max(limit, 1):
            if upper not in lanes:
                lanes[upper] = len(widths)
                widths.append(0.0)
                level.append(-1)
            between = [lanes[upper]]
        else:
            for rank in range(ranks[upper] + 1, ranks[lower]):
                between.append(len(widths))
                widths.append(nodesep / 4)
                level.append(rank)
        chains.append([upper, *between, lower])
    return chains


def _crossings(layers: list[list[int]], below: list[list[int]], at: list[int]) -> int:
    """How often two edges between neighbouring ranks cross."""
    total = 0
    for layer in layers:
        seen: list[int] = []
        for node in layer:
            ends = [at[lower] for lower in below[node]]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _fewer_crossings(
    layers: list[list[int]], above: list[list[int]], below: list[list[int]]
) -> list[list[int]]:
    """Barycenter sweeps, down and up in turn; the order with the fewest crossings is kept."""
    at = [0] * len(above)
    for layer in layers:
        for index, node in enumerate(layer):
            at[node] = index
    best, fewest = layers, _crossings(layers, below, at)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        neighbours = below if sweep % 2 else above
        layers = [list(layer) for layer in layers]
        for layer in layers[::-1] if sweep % 2 else layers:
            centre = {n: _mean([at[m] for m in neighbours[n]], at[n]) for n in layer}
            layer.sort(key=centre.__getitem__)
            for index, node in enumerate(layer):
                at[node] = index
        crossings = _crossings(layers, below, at)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _mean(values: list[int] | list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _columns(
    layers: list[list[int]], above: list[list[int]], below: list[list[int]], widths: list[float],
    straight: set[Edge], nodesep: float,
) -> list[float]:  # fmt: skip
    """The x of every node: near the mean of its neighbours, in order, `nodesep` apart.

    Pairs in `straight` come first: their boxes line up. Lanes follow on the right.
    """
    x = [0.0] * len(widths)
    steps = []
    for layer in layers:
        gaps = [(widths[a] + widths[b]) / 2 + nodesep for a, b in pairwise(layer)]
        steps.append(list(accumulate(gaps, initial=0.0)))
        for node, step in zip(layer, steps[-1], strict=True):
            x[node] = step - steps[-1][-1] / 2
    for sweep in range(2 * _SWEEPS + 1):
        down = sweep % 2 == 0
        for rank in range(len(layers)) if down else range(len(layers) - 1, -1, -1):
            layer = layers[rank]
            wanted, weights = [], []
            for node in layer:
                near = above[node] if down else below[node]
                near = above[node] + below[node] if sweep == 2 * _SWEEPS else near
                near = [other for other in near if (node, other) in straight] or near
                wanted.append(_mean([x[other] for other in near], x[node]))
                weights.append(10.0 if any((node, m) in straight for m in near) else 0.1)
            for node, value in zip(layer, _isotonic(wanted, weights, steps[rank]), strict=True):
                x[node] = value
    right = max((x[n] + widths[n] / 2 for layer in layers for n in layer), default=0.0)
    lanes = set(range(len(widths))).difference(*layers)
    for count, lane in enumerate(sorted(lanes), start=1):
        x[lane] = right + count * nodesep
    return x


def _isotonic(wanted: list[float], weights: list[float], steps: list[float]) -> list[float]:
    """The positions nearest to `wanted` (weighted squares) that keep the distances of `steps`.

    Isotonic regression by pooling adjacent violators, after taking the distances off.
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight, step in zip(wanted, weights, steps, strict=True):
        mean, count = value - step, 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, many = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + many
        blocks.append((mean, weight, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + step for mean, step in zip(means, steps, strict=True)]


def _routes(
    edges: list[Edge], chains: list[list[int]], centres: list[Point], sizes: list[Point],
    ranks: list[int], bands: list[Point], x: list[float], nodesep: float,
) -> list[list[Point]]:  # fmt: skip
    """Bezier control points per edge, from the tail's border to the head's."""
    leaving = _ports(chains, x, sizes, end=0)
    entering = _ports(chains, x, sizes, end=-1)
    loops = [index for index, (tail, head) in enumerate(edges) if tail == head]
    turn_of = {index: place for place, index in enumerate(loops, start=1)}
    routes = []
    for index, (chain, (tail, head)) in enumerate(zip(chains, edges, strict=True)):
        if tail == head:
            (cx, cy), (width, height) = centres[tail], sizes[tail]
            reach = nodesep * turn_of[index] / (len(loops) + 1)
            right, quarter = cx + width / 2, height / 4
            out = [(right + reach, cy - quarter), (right + reach, cy + quarter)]
            routes.append([(right, cy - quarter), *out, (right, cy + quarter)])
            continue
        upper, lower = chain[0], chain[-1]
        bottom = centres[upper][1] + sizes[upper][1] / 2
        top = centres[lower][1] - sizes[lower][1] / 2
        # One (x, from y, to y) per straight run: beside each rank passed, and at both ends.
        runs = [(leaving[index], bottom, bands[ranks[upper]][1])]
        first, last = ranks[upper] + 1, ranks[lower] - 1
        between = chain[1:-1]
        if len(between) == 1:
            runs.append((x[between[0]], bands[first][0], bands[last][1]))
        else:
            for rank, dummy in enumerate(between, start=first):
                runs.append((x[dummy], *bands[rank]))
        runs.append((entering[index], bands[ranks[lower]][0], top))
        route = _curve(runs)
        routes.append(route if tail == upper else route[::-1])
    return routes


def _ports(
    chains: list[list[int]], x: list[float], sizes: list[Point], end: int
) -> dict[int, float]:
    """Per edge the x at which it meets its box: spread over the border in the order of the far
    ends, so that parallel edges stay apart."""
    near: dict[int, list[tuple[float, int]]] = {}
    for index, chain in enumerate(chains):
        box, far = (chain[0], chain[1]) if end == 0 else (chain[-1], chain[-2])
        near.setdefault(box, []).append((x[far], index))
    return {
        index: x[box] + sizes[box][0] * 0.7 * ((place + 1) / (len(ends) + 1) - 0.5)
        for box, ends in near.items()
        for place, (_, index) in enumerate(sorted(ends))
    }


def _curve(runs: list[tuple[float, float, float]]) -> list[Point]:
    """Vertical runs joined by curves with vertical tangents."""
    route = [(runs[0][0], runs[0][1])]
    for place, (x, start, stop) in enumerate(runs):
        if place:
            px, py = route[-1]
            middle = (py + start) / 2
            route += [(px, middle), (x, middle), (x, start)]
        if stop > start:
            third = (stop - start) / 3
            route += [(x, start + third), (x, stop - third), (x, stop)]
    return route
