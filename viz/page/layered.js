// A layered layout (Sugiyama's method), the same as the still picture's viz/layered.py: ranks by
// longest path, dummies for links across several ranks, barycenter sweeps against crossings,
// coordinates by isotonic regression. No link ever crosses a box.

const SWEEPS = 6;

// Centres of boxes and Bézier routes of edges, ranks from top to bottom. `sizes` are [width,
// height], `edges` pairs of indices into them; boxes in `first` and `last` get ranks of their own.
// `slack` is how much of a box's height is room above it, which a rank of such boxes does not need.
// `pins` are by edge how far from the middle of its tail and its head it must meet them, or null.
export function layered(sizes, edges, ranksep, nodesep, first = [], last = [], slack = [], pins = []) {
  let ranks = ranksOf(sizes.length, edges);
  if (first.length || last.length) {
    const tops = new Set(first), bottoms = new Set(last);
    let low = Infinity, high = -Infinity;
    ranks.forEach((rank, n) => {
      if (!tops.has(n) && !bottoms.has(n)) {
        low = Math.min(low, rank);
        high = Math.max(high, rank);
      }
    });
    if (low === Infinity) low = high = 0;
    ranks = ranks.map((rank, n) => (tops.has(n) ? low - 1 : bottoms.has(n) ? high + 1 : rank));
    const start = Math.min(...new Set(ranks));
    ranks = ranks.map((rank) => rank - start);
  }
  tighten(sizes, ranks, slack);
  const widths = sizes.map((size) => size[0]);
  const level = ranks.slice();
  const chains = chainsOf(ranks, edges, widths, level, nodesep);
  const above = widths.map(() => []), below = widths.map(() => []);
  for (const chain of chains) {
    for (let k = 1; k < chain.length; k++) {
      const upper = chain[k - 1], lower = chain[k];
      if (level[lower] === level[upper] + 1) {
        below[upper].push(lower);
        above[lower].push(upper);
      }
    }
  }
  let count = 0;
  for (const rank of ranks) count = Math.max(count, rank + 1);
  let layers = Array.from({length: count}, () => []);
  level.forEach((rank, n) => rank >= 0 && layers[rank].push(n));
  layers = fewerCrossings(layers, above, below);
  const straight = new Set();
  spine(sizes.length, edges).forEach((chosen, k) => {
    if (chosen) {
      straight.add(edges[k][0] * 1e7 + edges[k][1]);
      straight.add(edges[k][1] * 1e7 + edges[k][0]);
    }
  });
  const x = columns(layers, above, below, widths, straight, nodesep, leanings(chains, edges, pins));
  const strips = [];
  let top = 0;
  for (const layer of layers) {
    let tall = 0;
    for (const n of layer) if (n < sizes.length) tall = Math.max(tall, sizes[n][1]);
    strips.push([top, top + tall]);
    top += tall + ranksep;
  }
  const centres = ranks.map((rank, n) => [x[n], (strips[rank][0] + strips[rank][1]) / 2]);
  const routes = routesOf(edges, chains, centres, sizes, ranks, strips, x, nodesep, pins);
  return {centres, routes};
}

// Takes the room above boxes off where no other box of their rank needs it.
function tighten(sizes, ranks, slack) {
  const full = new Set();
  ranks.forEach((rank, n) => sizes[n][1] > 0 && !slack[n] && full.add(rank));
  ranks.forEach((rank, n) => slack[n] && !full.has(rank) && (sizes[n][1] -= slack[n]));
}

// For each edge whether it enters its head from the longest path: drawn straight, these keep
// chains from drifting sideways.
function spine(count, edges) {
  const {depth} = depths(count, edges);
  const deepest = new Map();
  edges.forEach(([tail, head], k) => {
    const best = deepest.get(head);
    if (depth[tail] < depth[head] && (best === undefined || depth[tail] > depth[edges[best][0]])) {
      deepest.set(head, k);
    }
  });
  const chosen = new Set(deepest.values());
  return edges.map((_, k) => chosen.has(k));
}

// Boxes in topological order, a cycle being cut at its first box.
function turns(count, edges) {
  const heads = Array.from({length: count}, () => []), waiting = new Array(count).fill(0);
  for (const [tail, head] of edges) {
    if (tail !== head) {
      heads[tail].push(head);
      waiting[head]++;
    }
  }
  const done = new Array(count).fill(false), order = [];
  const ready = [];
  for (let n = 0; n < count; n++) if (!waiting[n]) ready.push(n);
  let next = 0, at = 0;
  while (order.length < count) {
    while (at >= ready.length) {
      if (!done[next]) ready.push(next);
      next++;
    }
    const n = ready[at++];
    if (done[n]) continue;
    done[n] = true;
    order.push(n);
    for (const head of heads[n]) if (--waiting[head] === 0) ready.push(head);
  }
  return order;
}

function depths(count, edges) {
  const order = turns(count, edges), turn = new Array(count);
  order.forEach((n, place) => (turn[n] = place));
  const below = Array.from({length: count}, () => new Set()), depth = new Array(count).fill(0);
  for (const [tail, head] of edges) {
    if (tail === head) continue;
    if (turn[tail] < turn[head]) below[tail].add(head);
    else below[head].add(tail);
  }
  for (const n of order) for (const late of below[n]) depth[late] = Math.max(depth[late], depth[n] + 1);
  return {depth, order, below};
}

// The rank of each box: the longest path to it; trees of sources sit right above their use.
function ranksOf(count, edges) {
  const {depth: rank, order, below} = depths(count, edges);
  const pinned = new Array(count).fill(false);
  for (const n of order) {
    for (const late of below[n]) pinned[late] = pinned[late] || pinned[n] || below[n].size > 1;
  }
  for (const n of order.reverse()) {
    if (below[n].size && !pinned[n]) {
      let least = Infinity;
      for (const late of below[n]) least = Math.min(least, rank[late]);
      rank[n] = least - 1;
    }
  }
  return rank;
}

// For each edge the boxes and dummies it passes, from top to bottom. An edge across more ranks
// than the budget allows gets one lane beside the drawing.
function chainsOf(ranks, edges, widths, level, nodesep) {
  const budget = 20000 + 4 * ranks.length;
  const spans = edges.map(([tail, head]) => Math.abs(ranks[head] - ranks[tail])).sort((a, b) => a - b);
  let limit = Infinity, total = 0;
  for (const span of spans) {
    total += span;
    if (total > budget) {
      limit = span - 1;
      break;
    }
  }
  const lanes = new Map();
  return edges.map(([tail, head]) => {
    const [upper, lower] = ranks[tail] <= ranks[head] ? [tail, head] : [head, tail];
    const between = [];
    if (ranks[lower] - ranks[upper] > Math.max(limit, 1)) {
      if (!lanes.has(upper)) {
        lanes.set(upper, widths.length);
        widths.push(0);
        level.push(-1);
      }
      between.push(lanes.get(upper));
    } else {
      for (let rank = ranks[upper] + 1; rank < ranks[lower]; rank++) {
        between.push(widths.length);
        widths.push(nodesep / 4);
        level.push(rank);
      }
    }
    return [upper, ...between, lower];
  });
}

function crossings(layers, below, at) {
  let total = 0;
  for (const layer of layers) {
    const seen = [];
    for (const n of layer) {
      const ends = below[n].map((lower) => at[lower]);
      for (const end of ends) total += seen.length - place(seen, end);
      for (const end of ends) seen.splice(place(seen, end), 0, end);
    }
  }
  return total;
}

// Where a number goes in a sorted list, after its equals.
function place(sorted, x) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Barycenter sweeps, down and up in turn; the order with the fewest crossings is kept.
function fewerCrossings(layers, above, below) {
  const at = new Array(above.length).fill(0);
  const number = (layer) => layer.forEach((n, k) => (at[n] = k));
  layers.forEach(number);
  let best = layers, fewest = crossings(layers, below, at);
  for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
    const near = sweep % 2 ? below : above;
    layers = layers.map((layer) => layer.slice());
    for (const layer of sweep % 2 ? layers.slice().reverse() : layers) {
      const centre = new Map(layer.map((n) => [n, mean(near[n].map((m) => at[m]), at[n])]));
      layer.sort((a, b) => centre.get(a) - centre.get(b));
      number(layer);
    }
    const found = crossings(layers, below, at);
    if (found < fewest) [best, fewest] = [layers, found];
  }
  return best;
}

// How far to the side of its neighbour a box wants to stand, so that a pinned edge runs straight.
function leanings(chains, edges, pins) {
  const lean = new Map();
  const note = (n, m, by) => {
    lean.set(n * 1e7 + m, by);
    lean.set(m * 1e7 + n, -by);
  };
  chains.forEach((chain, k) => {
    if (!pins[k]) return;
    const [tail, head] = chain[0] === edges[k][0] ? pins[k] : pins[k].slice().reverse();
    const last = chain.length - 1;
    if (last === 1) return note(chain[0], chain[1], (head || 0) - (tail || 0));
    if (tail) note(chain[0], chain[1], -tail);
    if (head) note(chain[last - 1], chain[last], head);
    return null;
  });
  return lean;
}

function mean(values, otherwise) {
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : otherwise;
}

// The x of every box: near the mean of its neighbours, in order, `nodesep` apart.
function columns(layers, above, below, widths, straight, nodesep, lean) {
  const x = new Array(widths.length).fill(0);
  const steps = layers.map((layer) => {
    const out = [0];
    for (let k = 1; k < layer.length; k++) {
      out.push(out[k - 1] + (widths[layer[k - 1]] + widths[layer[k]]) / 2 + nodesep);
    }
    layer.forEach((n, k) => (x[n] = out[k] - out[out.length - 1] / 2));
    return out;
  });
  for (let sweep = 0; sweep <= 2 * SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (let k = 0; k < layers.length; k++) {
      const rank = down ? k : layers.length - 1 - k, layer = layers[rank];
      const wanted = [], weights = [];
      for (const n of layer) {
        let near = down ? above[n] : below[n];
        if (sweep === 2 * SWEEPS) near = [...above[n], ...below[n]];
        const lined = near.filter((m) => straight.has(n * 1e7 + m));
        wanted.push(mean((lined.length ? lined : near).map((m) => x[m] + (lean.get(n * 1e7 + m) || 0)), x[n]));
        weights.push(lined.length ? 10 : 0.1);
      }
      settle(wanted, weights, steps[rank]).forEach((value, i) => (x[layer[i]] = value));
    }
  }
  let right = 0;
  const placed = new Set();
  for (const layer of layers) {
    for (const n of layer) {
      placed.add(n);
      right = Math.max(right, x[n] + widths[n] / 2);
    }
  }
  let lanes = 0;
  for (let n = 0; n < widths.length; n++) if (!placed.has(n)) x[n] = right + ++lanes * nodesep;
  return x;
}

// The positions nearest to `wanted` (weighted squares) that keep the distances of `steps`:
// isotonic regression by pooling adjacent violators, after taking the distances off.
function settle(wanted, weights, steps) {
  const blocks = [];
  wanted.forEach((value, k) => {
    let centre = value - steps[k], weight = weights[k], count = 1;
    while (blocks.length && blocks[blocks.length - 1][0] > centre) {
      const [other, heavy, many] = blocks.pop();
      centre = (centre * weight + other * heavy) / (weight + heavy);
      weight += heavy;
      count += many;
    }
    blocks.push([centre, weight, count]);
  });
  const out = [];
  for (const [centre, , count] of blocks) {
    for (let k = 0; k < count; k++) out.push(centre + steps[out.length]);
  }
  return out;
}

function routesOf(edges, chains, centres, sizes, ranks, strips, x, nodesep, pins) {
  const leaving = ports(chains, x, sizes, true), entering = ports(chains, x, sizes, false);
  pins.forEach((pin, k) => {
    const down = chains[k][0] === edges[k][0];
    if (pin && pin[0] !== null) (down ? leaving : entering)[k] = x[edges[k][0]] + pin[0];
    if (pin && pin[1] !== null) (down ? entering : leaving)[k] = x[edges[k][1]] + pin[1];
  });
  return edges.map(([tail, head], k) => {
    const chain = chains[k];
    if (tail === head) {
      const [cx, cy] = centres[tail], [width, height] = sizes[tail];
      const right = cx + width / 2, quarter = height / 4;
      return [[right, cy - quarter], [right + nodesep / 2, cy - quarter],
        [right + nodesep / 2, cy + quarter], [right, cy + quarter]];
    }
    const upper = chain[0], lower = chain[chain.length - 1], between = chain.slice(1, -1);
    const bottom = centres[upper][1] + sizes[upper][1] / 2;
    const top = centres[lower][1] - sizes[lower][1] / 2;
    // one [x, from y, to y] per straight run: beside each rank passed, and at both ends
    const runs = [[leaving[k], bottom, strips[ranks[upper]][1]]];
    const first = ranks[upper] + 1, last = ranks[lower] - 1;
    if (between.length === 1) runs.push([x[between[0]], strips[first][0], strips[last][1]]);
    else between.forEach((dummy, i) => runs.push([x[dummy], ...strips[first + i]]));
    runs.push([entering[k], strips[ranks[lower]][0], top]);
    const route = curve(runs);
    return tail === upper ? route : route.reverse();
  });
}

// Per edge the x at which it meets its box, in the order of the far ends.
function ports(chains, x, sizes, leaving) {
  const near = new Map();
  chains.forEach((chain, k) => {
    const box = leaving ? chain[0] : chain[chain.length - 1];
    const far = leaving ? chain[1] : chain[chain.length - 2];
    if (!near.has(box)) near.set(box, []);
    near.get(box).push([x[far], k]);
  });
  const out = [];
  for (const [box, ends] of near) {
    ends.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    ends.forEach(([, k], place) => {
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
      const [px, py] = route[route.length - 1], middle = (py + start) / 2;
      route.push([px, middle], [x, middle], [x, start]);
    }
    if (stop > start) {
      const third = (stop - start) / 3;
      route.push([x, start + third], [x, stop - third], [x, stop]);
    }
  });
  return route;
}
