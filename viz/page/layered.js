// A layered layout (Sugiyama's method), the same as the still picture's viz/layout/layered.py:
// ranks by longest path, dummies for edges across several ranks, barycenter sweeps against
// crossings, coordinates by isotonic regression. No edge ever crosses a box.

const SWEEPS = 6;

const pairKey = (n, m) => n * 1e7 + m; // a pair of boxes as a key
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

// Centres of boxes and Bézier routes of edges, ranks from top to bottom. `sizes` are [width,
// height], `edges` pairs of different indices into them; boxes in `first` and `last` get ranks of
// their own. `slack` is how much of a box's height is room above it, which a rank of such boxes
// does not need. `pins` are by edge how far from the middle of its tail and its head it must meet
// them, or null.
export function layered(sizes, edges, {ranksep, nodesep, first, last, slack, pins}) {
  const graph = depths(sizes.length, edges);
  const ranks = withPorts(ranksOf(graph), first, last);
  tighten(sizes, ranks, slack);
  const widths = sizes.map(([width]) => width), level = ranks.slice();
  const chains = chainsOf(ranks, edges, widths, level, nodesep);
  const ends = pins.map((pin, k) => (chains[k][0] === edges[k][0] ? pin : pin.toReversed()));
  const above = widths.map(() => []), below = widths.map(() => []);
  for (const chain of chains) {
    if (level[chain[1]] < 0) continue; // a lane
    chain.slice(1).forEach((lower, k) => {
      below[chain[k]].push(lower);
      above[lower].push(chain[k]);
    });
  }
  let layers = [];
  level.forEach((rank, n) => rank >= 0 && (layers[rank] ??= []).push(n));
  layers = fewerCrossings(layers, above, below);
  const x = columns(layers, above, below, widths, spine(graph, edges), nodesep,
    sideOffsets(chains, ends));
  let top = 0;
  const bands = layers.map((layer) => {
    const start = top, height = Math.max(0, ...layer.map((n) => sizes[n]?.[1] ?? 0));
    top += height + ranksep;
    return [start, start + height];
  });
  const centres = ranks.map((rank, n) => [x[n], mean(bands[rank])]);
  return {centres, routes: routesOf(edges, chains, centres, sizes, ranks, bands, x, ends)};
}

// The ranks with those of `first` and `last` above and below all others, counted from 0.
function withPorts(ranks, first, last) {
  const tops = new Set(first), bottoms = new Set(last);
  const others = ranks.filter((_, n) => !tops.has(n) && !bottoms.has(n));
  const low = others.length ? Math.min(...others) : 0;
  const high = others.length ? Math.max(...others) : 0;
  const moved = ranks.map((rank, n) => (tops.has(n) ? low - 1 : bottoms.has(n) ? high + 1 : rank));
  const start = Math.min(...moved);
  return moved.map((rank) => rank - start);
}

// Takes the room above boxes off where no other box of their rank needs it.
function tighten(sizes, ranks, slack) {
  const full = new Set();
  ranks.forEach((rank, n) => sizes[n][1] > 0 && !slack[n] && full.add(rank));
  ranks.forEach((rank, n) => slack[n] && !full.has(rank) && (sizes[n][1] -= slack[n]));
}

// The edges, in both directions, that enter their head from the longest path: drawn straight,
// these keep chains from drifting sideways.
function spine({depth}, edges) {
  const deepest = new Map();
  for (const [tail, head] of edges) {
    const best = deepest.get(head);
    if (depth[tail] < depth[head] && (best === undefined || depth[tail] > depth[best])) {
      deepest.set(head, tail);
    }
  }
  return new Set([...deepest].flatMap(([head, tail]) => [pairKey(tail, head), pairKey(head, tail)]));
}

// Boxes in topological order, a cycle being cut at its first box.
function topological(count, edges) {
  const heads = Array.from({length: count}, () => []), waiting = new Array(count).fill(0);
  for (const [tail, head] of edges) {
    heads[tail].push(head);
    waiting[head]++;
  }
  const order = new Set(), ready = [...heads.keys()].filter((n) => !waiting[n]);
  let next = 0, at = 0;
  while (order.size < count) {
    const n = at < ready.length ? ready[at++] : next++;
    if (order.has(n)) continue;
    order.add(n);
    for (const head of heads[n]) if (--waiting[head] === 0) ready.push(head);
  }
  return [...order];
}

// The longest path to each box, a topological order, and the boxes below each.
function depths(count, edges) {
  const order = topological(count, edges), turn = [];
  order.forEach((n, k) => (turn[n] = k));
  const below = Array.from({length: count}, () => new Set()), depth = new Array(count).fill(0);
  for (const [tail, head] of edges) {
    if (turn[tail] < turn[head]) below[tail].add(head);
    else below[head].add(tail);
  }
  for (const n of order) for (const late of below[n]) depth[late] = Math.max(depth[late], depth[n] + 1);
  return {depth, order, below};
}

// The rank of each box: the longest path to it; trees of sources sit right above their use.
function ranksOf({depth, order, below}) {
  const rank = depth.slice(), pinned = [];
  for (const n of order) {
    for (const late of below[n]) pinned[late] ||= pinned[n] || below[n].size > 1;
  }
  for (const n of order.toReversed()) {
    if (below[n].size && !pinned[n]) rank[n] = Math.min(...[...below[n]].map((late) => rank[late])) - 1;
  }
  return rank;
}

// For each edge the boxes and dummies it passes, from top to bottom. An edge across more ranks
// than the budget allows gets one lane beside the drawing.
function chainsOf(ranks, edges, widths, level, nodesep) {
  const budget = 20000 + 4 * ranks.length;
  const spans = edges.map(([tail, head]) => Math.abs(ranks[head] - ranks[tail])).sort((a, b) => a - b);
  let total = 0;
  const beyond = spans.find((span) => (total += span) > budget) ?? Infinity;
  const lanes = new Map();
  const dummy = (rank, width) => {
    level.push(rank);
    return widths.push(width) - 1;
  };
  return edges.map(([tail, head]) => {
    const [upper, lower] = ranks[tail] <= ranks[head] ? [tail, head] : [head, tail];
    if (ranks[lower] - ranks[upper] > Math.max(beyond - 1, 1)) {
      if (!lanes.has(upper)) lanes.set(upper, dummy(-1, 0));
      return [upper, lanes.get(upper), lower];
    }
    const chain = [upper];
    for (let rank = ranks[upper] + 1; rank < ranks[lower]; rank++) chain.push(dummy(rank, nodesep / 4));
    return [...chain, lower];
  });
}

function crossings(layers, below, at) {
  let total = 0;
  for (const layer of layers) {
    const seen = []; // sorted
    const place = (end) => seen.findLastIndex((other) => other <= end) + 1;
    for (const n of layer) {
      const ends = below[n].map((lower) => at[lower]);
      for (const end of ends) total += seen.length - place(end);
      for (const end of ends) seen.splice(place(end), 0, end);
    }
  }
  return total;
}

// Barycenter sweeps, down and up in turn; the order with the fewest crossings is kept.
function fewerCrossings(layers, above, below) {
  const at = [];
  const number = (layer) => layer.forEach((n, k) => (at[n] = k));
  layers.forEach(number);
  let best = layers, fewest = crossings(layers, below, at);
  for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
    const near = sweep % 2 ? below : above;
    const centre = (n) => (near[n].length ? mean(near[n].map((m) => at[m])) : at[n]);
    layers = layers.map((layer) => layer.slice());
    for (const layer of sweep % 2 ? layers.toReversed() : layers) {
      const centres = new Map(layer.map((n) => [n, centre(n)]));
      layer.sort((a, b) => centres.get(a) - centres.get(b));
      number(layer);
    }
    const count = crossings(layers, below, at);
    if (count < fewest) [best, fewest] = [layers, count];
  }
  return best;
}

// How far to the side of its neighbour a box wants to stand, so that a pinned edge runs straight.
function sideOffsets(chains, ends) {
  const offsets = new Map();
  const note = (n, m, by) => offsets.set(pairKey(n, m), by).set(pairKey(m, n), -by);
  chains.forEach((chain, k) => {
    const [above, below] = ends[k], last = chain.length - 1;
    if (last === 1) return note(chain[0], chain[1], (below || 0) - (above || 0));
    if (above) note(chain[0], chain[1], -above);
    return below && note(chain[last - 1], chain[last], below);
  });
  return offsets;
}

// The x of every box: near the mean of its neighbours, in order, `nodesep` apart. Pairs in
// `straight` come first: their boxes line up. Lanes follow on the right.
function columns(layers, above, below, widths, straight, nodesep, offsets) {
  const x = new Array(widths.length).fill(0);
  const steps = layers.map((layer) => {
    const out = [0];
    for (let k = 1; k < layer.length; k++) {
      out.push(out[k - 1] + (widths[layer[k - 1]] + widths[layer[k]]) / 2 + nodesep);
    }
    layer.forEach((n, k) => (x[n] = out[k] - out.at(-1) / 2));
    return out;
  });
  for (let sweep = 0; sweep <= 2 * SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (let k = 0; k < layers.length; k++) {
      const rank = down ? k : layers.length - 1 - k;
      const wishes = layers[rank].map((n) => {
        let near = down ? above[n] : below[n];
        if (sweep === 2 * SWEEPS) near = [...above[n], ...below[n]];
        const lined = near.filter((m) => straight.has(pairKey(n, m)));
        const ends = (lined.length ? lined : near).map((m) => x[m] + (offsets.get(pairKey(n, m)) || 0));
        return [ends.length ? mean(ends) : x[n], lined.length ? 10 : 0.1];
      });
      isotonic(wishes, steps[rank]).forEach((value, i) => (x[layers[rank][i]] = value));
    }
  }
  const placed = new Set(layers.flat());
  let lane = layers.flat().reduce((right, n) => Math.max(right, x[n] + widths[n] / 2), 0);
  widths.forEach((_, n) => !placed.has(n) && (x[n] = lane += nodesep));
  return x;
}

// The positions nearest to the wishes [position, weight] (weighted squares) that keep the distances
// of `steps`: isotonic regression by pooling adjacent violators, after taking the distances off.
function isotonic(wishes, steps) {
  const blocks = [];
  wishes.forEach(([value, share], k) => {
    let centre = value - steps[k], weight = share, count = 1;
    while (blocks.length && blocks.at(-1)[0] > centre) {
      const [other, heavy, many] = blocks.pop();
      centre = (centre * weight + other * heavy) / (weight + heavy);
      weight += heavy;
      count += many;
    }
    blocks.push([centre, weight, count]);
  });
  const centres = blocks.flatMap(([centre, , count]) => new Array(count).fill(centre));
  return centres.map((centre, k) => centre + steps[k]);
}

function routesOf(edges, chains, centres, sizes, ranks, bands, x, ends) {
  const leaving = ports(chains, x, sizes), entering = ports(chains.map((c) => c.toReversed()), x, sizes);
  return edges.map(([tail, head], k) => {
    const chain = chains[k], upper = chain[0], lower = chain.at(-1), between = chain.slice(1, -1);
    const [start, end] = [ends[k][0] === null ? leaving[k] : x[upper] + ends[k][0],
      ends[k][1] === null ? entering[k] : x[lower] + ends[k][1]];
    const bottom = centres[upper][1] + sizes[upper][1] / 2, top = centres[lower][1] - sizes[lower][1] / 2;
    // one [x, from y, to y] per straight run: beside each rank passed, and at both ends
    const runs = [[start, bottom, bands[ranks[upper]][1]]];
    const first = ranks[upper] + 1, last = ranks[lower] - 1;
    if (between.length === 1) runs.push([x[between[0]], bands[first][0], bands[last][1]]);
    else between.forEach((dummy, i) => runs.push([x[dummy], ...bands[first + i]]));
    runs.push([end, bands[ranks[lower]][0], top]);
    const route = curve(runs);
    return tail === upper ? route : route.reverse();
  });
}

// Per edge the x at which it meets the first box of its chain, in the order of the far ends.
function ports(chains, x, sizes) {
  const out = [];
  for (const [box, ends] of Map.groupBy(chains.keys(), (k) => chains[k][0])) {
    ends.sort((a, b) => x[chains[a][1]] - x[chains[b][1]] || a - b).forEach((k, place) => {
      out[k] = x[box] + sizes[box][0] * 0.7 * ((place + 1) / (ends.length + 1) - 0.5);
    });
  }
  return out;
}

// Vertical runs joined by curves with vertical tangents.
function curve(runs) {
  const route = [[runs[0][0], runs[0][1]]];
  runs.forEach(([x, start, stop], k) => {
    if (k) {
      const [px, py] = route.at(-1), middle = (py + start) / 2;
      route.push([px, middle], [x, middle], [x, start]);
    }
    if (stop > start) {
      const third = (stop - start) / 3;
      route.push([x, start + third], [x, stop - third], [x, stop]);
    }
  });
  return route;
}
