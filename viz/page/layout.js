// Where everything stands: blocks of an operation with its result, boxes of open groups laid out
// each by itself (a link over a border goes through a port), then curves and labels of the edges.
// All is computed in a frame in which the forward pass flows downward; `turn` leads out of it.

import {layered} from "./layered.js";

const JOIN = 13, PILL = 28, NODESEP = 26, MARGIN = 14, TITLE = 24;
const RANKSEP = {TB: 30, LR: 78};
const BESIDE = 5; // how far a forward edge and its backward edge stand off their middle
const PAIR = 26; // between the edges that share a side of a box
const SHORT = 150; // an edge across no more than this is drawn as one S
const TEXT = 10;

export function arrange(view, faces, direction, titles) {
  const turned = direction === "LR";
  const turn = (p) => (turned ? [p[1], p[0]] : p);
  const {blocks, home} = blocksOf(view, faces, turned);
  const nest = new Nest(view, blocks, home, turned, RANKSEP[direction], titles);
  const whole = nest.placed(null);
  const rects = new Map();
  for (const [id, block] of blocks) stand(block, whole.centres.get(id), rects, faces, turned);
  run(view, rects, whole.routes);
  const out = {nodes: new Map(), boxes: new Map(), edges: view.edges};
  for (const [id, [left, top, right, bottom]] of rects) {
    const [a, b] = turn([left, top]), [c, d] = turn([right, bottom]);
    out.nodes.set(id, {x: a, y: b, width: c - a, height: d - b});
  }
  for (const [id, [left, top, right, bottom]] of whole.rects) {
    const [a, b] = turn([left, top]), [c, d] = turn([right, bottom]);
    out.boxes.set(id, {x: a, y: b, width: c - a, height: d - b});
  }
  for (const edge of view.edges) {
    edge.forth = edge.forth.map(turn);
    edge.home = edge.home.map(turn);
  }
  putLabels(view.edges, out.nodes);
  out.extent = extentOf(out);
  return out;
}

function sizeOf(id, faces, turned) {
  const face = faces(id), m = 2 * face.m;
  return turned ? [face.h + m, face.w + m] : [face.w + m, face.h + m];
}

function blocksOf(view, faces, turned) {
  const blocks = new Map(), home = new Map(), result = new Map();
  for (const edge of view.edges) if (edge.out) result.set(edge.tail, edge.head);
  const made = new Set(result.values());
  for (const [id, node] of view.nodes) {
    if (made.has(id)) continue;
    const names = result.has(id) ? [id, result.get(id)] : [id];
    const sizes = names.map((name) => sizeOf(name, faces, turned));
    let long = sizes.reduce((sum, size) => sum + size[1], 0) + JOIN * (names.length - 1);
    const slack = !turned && names.length === 1 && node.kind !== "group" ? PILL + JOIN : 0;
    long += slack;
    const wide = Math.max(...sizes.map((size) => size[0]));
    blocks.set(id, {id, names, box: node.box, size: [wide, long], slack});
    for (const name of names) home.set(name, id);
  }
  return {blocks, home};
}

function stand(block, centre, rects, faces, turned) {
  let far = centre[1] + block.size[1] / 2;
  for (const name of block.names.slice().reverse()) {
    const [wide, long] = sizeOf(name, faces, turned);
    const left = Math.round(centre[0] - wide / 2), top = Math.round(far - long);
    rects.set(name, [left, top, left + wide, top + long]);
    far -= long + JOIN;
  }
}

// The layout of boxes in boxes, from the inside out.
class Nest {
  constructor(view, blocks, home, turned, ranksep, titles) {
    Object.assign(this, {blocks, turned, ranksep, titles});
    this.parent = new Map(view.boxes.map((box) => [box.id, box.parent]));
    this.inside = new Map([[null, []]]);
    this.frames = new Map([[null, []]]);
    for (const {id} of view.boxes) {
      this.inside.set(id, []);
      this.frames.set(id, []);
    }
    for (const {id, parent} of view.boxes) this.frames.get(parent).push(id);
    for (const block of blocks.values()) this.inside.get(block.box).push(block.id);
    this.links = new Map([...this.inside.keys()].map((frame) => [frame, []]));
    for (const edge of view.edges) {
      const tail = home.get(edge.tail), head = home.get(edge.head);
      if (tail === head) continue;
      this.spread({key: edge.key, tail, head});
    }
  }

  // Notes an edge in each frame that it runs in, with what it leads from and to there: blocks or
  // inner frames, or null at the border.
  spread(edge) {
    const lines = [edge.tail, edge.head].map((end) => {
      const out = [end];
      let frame = this.blocks.get(end).box;
      for (; frame !== null; frame = this.parent.get(frame)) out.push(frame);
      return [...out, null];
    });
    const seen = new Set();
    for (const line of lines) {
      for (const frame of line.slice(1)) {
        if (seen.has(frame)) continue;
        seen.add(frame);
        const [tail, head] = lines.map((other) => {
          const at = other.indexOf(frame, 1);
          return at < 0 ? null : other[at - 1];
        });
        if (tail !== head) this.links.get(frame).push({key: edge.key, tail, head});
        if (tail !== null && head !== null) break; // further out, it runs within one frame
      }
    }
  }

  placed(frame) {
    const items = [...this.inside.get(frame)], inner = new Map();
    for (const id of this.frames.get(frame)) inner.set(id, this.placed(id));
    const number = new Map(items.map((id, k) => [id, k]));
    const sizes = items.map((id) => this.blocks.get(id).size);
    for (const [id, held] of inner) {
      number.set(id, sizes.length);
      sizes.push([held.width, held.height]);
    }
    const entries = [], exits = [], ports = [];
    const links = this.links.get(frame);
    const pairs = links.map(({key, tail, head}) => [tail, head].map((end, side) => {
      if (end !== null) return number.get(end);
      sizes.push([2, 0]);
      (side ? exits : entries).push(sizes.length - 1);
      ports.push([`${key} ${side ? "out" : "in"}`, sizes.length - 1]);
      return sizes.length - 1;
    }));
    const {centres, routes} = layered(sizes, pairs, this.ranksep, NODESEP, entries, exits,
      items.map((id) => this.blocks.get(id).slack), links.map((link) => pinsOf(link, inner)));
    const out = this.assembled(frame, number, inner, sizes, centres,
      new Map(links.map((link, k) => [link.key, {...link, route: routes[k]}])));
    // where edges cross the border, from its left
    out.ports = new Map(ports.map(([name, k]) => [name, centres[k][0] + (out.shift || 0)]));
    return out;
  }

  assembled(frame, number, inner, sizes, centres, links) {
    const out = {centres: new Map(), rects: new Map(), routes: new Map(), width: 0, height: 0};
    for (const [key, link] of links) out.routes.set(key, link.route);
    for (const [id, k] of number) {
      if (!inner.has(id)) {
        out.centres.set(id, centres[k]);
        continue;
      }
      const [x, y] = centres[k], [w, h] = sizes[k];
      const held = moved(inner.get(id), x - w / 2, y - h / 2);
      held.centres.forEach((p, other) => out.centres.set(other, p));
      held.rects.forEach((r, other) => out.rects.set(other, r));
      out.rects.set(id, [x - w / 2, y - h / 2, x + w / 2, y + h / 2]);
      for (const [key, route] of held.routes) {
        const link = links.get(key);
        if (!link) out.routes.set(key, route);
        else if (link.tail === id) out.routes.set(key, joined(route, out.routes.get(key)));
        else out.routes.set(key, joined(out.routes.get(key), route));
      }
    }
    return frame === null ? out : this.framed(frame, out, sizes, centres);
  }

  framed(frame, held, sizes, centres) {
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    centres.forEach(([x, y], k) => {
      left = Math.min(left, x - sizes[k][0] / 2);
      right = Math.max(right, x + sizes[k][0] / 2);
      top = Math.min(top, y - sizes[k][1] / 2);
      bottom = Math.max(bottom, y + sizes[k][1] / 2);
    });
    for (const route of held.routes.values()) {
      for (const [x] of route) [left, right] = [Math.min(left, x), Math.max(right, x)];
    }
    const side = this.turned ? TITLE : 0, above = this.turned ? 0 : TITLE;
    const title = this.titles(frame) + 2 * MARGIN;
    let long = bottom - top, wide = right - left, start = MARGIN + side - left;
    if (this.turned) {
      long = Math.max(long, title);
    } else if (title > wide + 2 * MARGIN) {
      start += (title - wide - 2 * MARGIN) / 2;
      wide = title - 2 * MARGIN;
    }
    const out = moved(held, start, MARGIN + above - top);
    out.shift = start;
    out.width = wide + 2 * MARGIN + side;
    out.height = long + 2 * MARGIN + above;
    return out;
  }
}

// How far from the middles of the boxes that it joins an edge crosses their borders.
function pinsOf({key, tail, head}, inner) {
  const pin = (end, side) => {
    const held = inner.get(end), x = held?.ports.get(`${key} ${side}`);
    return x === undefined ? null : x - held.width / 2;
  };
  return [pin(tail, "out"), pin(head, "in")];
}

function moved(held, dx, dy) {
  const shift = ([x, y]) => [x + dx, y + dy];
  const each = (map, f) => new Map([...map].map(([key, x]) => [key, f(x)]));
  return {
    width: held.width, height: held.height,
    centres: each(held.centres, shift),
    rects: each(held.rects, ([a, b, c, d]) => [a + dx, b + dy, c + dx, d + dy]),
    routes: each(held.routes, (route) => route.map(shift)),
  };
}

// A route that goes on with another one, over the border of a box.
function joined(one, other) {
  const [x, y] = one[one.length - 1], [x2, y2] = other[0], middle = (y + y2) / 2;
  return [...one, [x, middle], [x2, middle], ...other];
}

// Gives the edges their curves: from port to port, a backward edge beside its forward edge.
function run(view, rects, routes) {
  const index = new Index(96);
  for (const [id, rect] of rects) index.add(id, rect);
  const flat = new Map();
  for (const [id, [left, top, right, bottom]] of rects) {
    const kind = view.nodes.get(id).kind;
    const corner = kind === "operation" || kind === "tag"
      ? Math.min(14, (bottom - top) / 2, (right - left) / 2) : 7;
    flat.set(id, Math.max(right - left - 2 * corner - 4, 12));
  }
  const straight = [[0, 0], [0, 0], [0, 0], [0, 0]];
  const route = (edge) => routes.get(edge.key) || straight;
  const where = portsOf(view.edges, rects, flat, route);
  for (const edge of view.edges) {
    const start = [where.get(`${edge.key} out`), rects.get(edge.tail)[3]];
    const end = [where.get(`${edge.key} in`), rects.get(edge.head)[1]];
    const course = courseOf(edge, start, end, route(edge), index);
    edge.forth = edge.back ? beside(course, BESIDE) : course;
    edge.home = edge.back ? beside(course, -BESIDE).reverse() : [];
  }
}

// Where along its box's side each edge's end stands: side by side in the order in which they
// part, those at records moved towards the pill, so that edges run straight.
function portsOf(edges, rects, flat, route) {
  const middle = (id) => (rects.get(id)[0] + rects.get(id)[2]) / 2;
  const gap = (edge) => Math.abs(rects.get(edge.head)[1] - rects.get(edge.tail)[3]);
  const sides = new Map();
  const note = (key, end) => (sides.has(key) ? sides.get(key).push(end) : sides.set(key, [end]));
  edges.forEach((edge, k) => {
    const way = route(edge), short = way.length === 4;
    note(`${edge.tail} out`, [short ? middle(edge.head) : way[3][0], k, edge]);
    note(`${edge.head} in`, [short ? middle(edge.tail) : way[way.length - 4][0], k, edge]);
  });
  const where = new Map();
  const later = (key) => Number(key.startsWith("t-") && !key.includes("-u-"));
  for (const [key, ends] of [...sides].sort((a, b) => later(a[0]) - later(b[0]))) {
    const [box, side] = key.split(" "), other = side === "out" ? "in" : "out";
    const room = flat.get(box), step = Math.min(PAIR, room / ends.length), centre = middle(box);
    ends.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const spots = ends.map((_, k) => centre + (k - (ends.length - 1) / 2) * step);
    const far = ends.map(([, , edge]) => where.get(`${edge.key} ${other}`));
    let shift = 0;
    if (far.every((x) => x !== undefined)) {
      const slack = Math.max(Math.min(room, 0.7 * room + step) - step * ends.length, 0) / 2;
      const near = Math.min(...ends.map(([, , edge]) => gap(edge))) + 1;
      const wishes = far.map((x, k) => x - spots[k]).filter((_, k) => gap(ends[k][2]) <= near);
      const wish = wishes.reduce((a, b) => a + b, 0) / wishes.length;
      shift = Math.min(Math.max(wish, -slack), slack);
    }
    ends.forEach(([, , edge], k) => where.set(`${edge.key} ${side}`, spots[k] + shift));
  }
  return where;
}

// The curve from port to port: an S if it is short and free, else the layout's way.
function courseOf(edge, start, end, route, index) {
  const drop = end[1] - start[1];
  if ((drop > 0 && drop <= SHORT) || route.length === 4) {
    const bend = drop / 2;
    const ess = [start, [start[0], start[1] + bend], [end[0], end[1] - bend], end];
    const free = (p) => !index.hits(around(p, 7), [edge.tail, edge.head]);
    if (drop > 0 && sampled(ess).every(free)) return ess;
  }
  const last = route.length - 1;
  const lead = Math.max(Math.min(Math.abs(route[1][1] - route[0][1]), 40), 12);
  const tail = Math.max(Math.min(Math.abs(route[last][1] - route[last - 1][1]), 40), 12);
  const inner = route.length > 4 ? route.slice(2, -2) : [];
  return [start, [start[0], start[1] + lead], ...inner, [end[0], end[1] - tail], end];
}

// Rectangles by the squares of a grid that they touch, to find collisions quickly.
class Index {
  constructor(square) {
    this.square = square;
    this.cells = new Map();
  }

  *squares([left, top, right, bottom]) {
    const s = this.square;
    for (let i = Math.floor(left / s); i <= Math.floor(right / s); i++) {
      for (let j = Math.floor(top / s); j <= Math.floor(bottom / s); j++) yield i * 1e6 + j;
    }
  }

  add(name, rect) {
    for (const cell of this.squares(rect)) {
      if (!this.cells.has(cell)) this.cells.set(cell, []);
      this.cells.get(cell).push([name, rect]);
    }
  }

  // How many rectangles overlap this one, each counted once, those named left out.
  hits(rect, but = []) {
    const found = new Set(), [left, top, right, bottom] = rect;
    for (const cell of this.squares(rect)) {
      for (const entry of this.cells.get(cell) || []) {
        const [name, [a, b, c, d]] = entry;
        if (a < right && left < c && b < bottom && top < d && !but.includes(name)) found.add(entry);
      }
    }
    return found.size;
  }
}

function around([x, y], m) {
  return [x - m, y - m, x + m, y + m];
}

function bezier(p, t) {
  const s = 1 - t, a = s * s * s, b = 3 * s * s * t, c = 3 * s * t * t, d = t * t * t;
  return [0, 1].map((k) => a * p[0][k] + b * p[1][k] + c * p[2][k] + d * p[3][k]);
}

export function along(points, t) {
  const count = (points.length - 1) / 3, k = Math.min(Math.floor(t * count), count - 1);
  return bezier(points.slice(3 * k, 3 * k + 4), t * count - k);
}

function sampled(points) {
  const out = [];
  for (let k = 0; k + 3 < points.length; k += 3) {
    const piece = points.slice(k, k + 4);
    for (const t of [0, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 1]) out.push(bezier(piece, t));
  }
  return out;
}

// A chain of curves shifted sideways, bends halved first.
function beside(points, distance) {
  const out = [];
  for (const p of halves(points)) {
    const first = normal(p[0], p.slice(1).find((q) => far(q, p[0])) || p[3]);
    const last = normal([p[2], p[1], p[0]].find((q) => far(q, p[3])) || p[0], p[3]);
    const moved = p.map(([x, y], k) => {
      const n = k < 2 ? first : last;
      return [x + n[0] * distance, y + n[1] * distance];
    });
    if (out.length) {
      const joint = out.pop(); // two curves meet half-way between their own ideas of the joint
      moved[0] = between(joint, moved[0]);
    }
    out.push(...moved);
  }
  return out;
}

function* halves(points) {
  for (let k = 0; k + 3 < points.length; k += 3) {
    const [a, b, c, d] = points.slice(k, k + 4);
    if (Math.max(...[b, c, d].map((q) => Math.abs(a[0] - q[0]))) < 1) {
      yield [a, b, c, d];
      continue;
    }
    const ab = between(a, b), bc = between(b, c), cd = between(c, d);
    const abc = between(ab, bc), bcd = between(bc, cd);
    yield [a, ab, abc, between(abc, bcd)];
    yield [between(abc, bcd), bcd, cd, d];
  }
}

function between(p, q) {
  return [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
}

function far(p, q) {
  return Math.abs(p[0] - q[0]) + Math.abs(p[1] - q[1]) > 0.5;
}

function normal(p, q) {
  const dx = q[0] - p[0], dy = q[1] - p[1], length = Math.hypot(dx, dy) || 1;
  return [dy / length, -dx / length];
}

export function textWidth(text, size, bold = false) {
  return text.length * size * (bold ? 0.66 : 0.6);
}

// Finds a place for each label: on no box and no other label, and on few lines.
function putLabels(edges, nodes) {
  const solid = new Index(48), lines = new Index(24);
  for (const [id, {x, y, width, height}] of nodes) {
    solid.add(id, [x - 2, y - 1, x + width + 2, y + height + 1]);
  }
  for (const edge of edges) {
    for (const points of [edge.forth, edge.home]) {
      for (const p of sampled(points)) lines.add(edge.key, around(p, 2.5));
    }
  }
  for (const edge of edges) {
    if (!edge.label || !edge.home.length) continue;
    const [spot, rect] = bestSpot(edge, solid, lines);
    edge.spot = spot;
    solid.add(`label ${edge.key}`, rect);
  }
}

function bestSpot(edge, solid, lines) {
  const half = textWidth(edge.label, TEXT) / 2, high = 6.5;
  let best = null;
  for (const [rank, t] of [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8].entries()) {
    const p = along(edge.home, t), n = normal(p, along(edge.home, Math.min(t + 0.02, 1)));
    for (const sign of [1, -1]) {
      let reach = half * Math.abs(n[0]) + high * Math.abs(n[1]) + edge.thick / 2 + 2.5;
      if (sign < 0) reach += 2 * BESIDE;
      const spot = [p[0] + sign * n[0] * reach, p[1] + sign * n[1] * reach];
      const rect = [spot[0] - half, spot[1] - high, spot[0] + half, spot[1] + high];
      const cost = 100 * solid.hits(rect) + 6 * lines.hits(rect) + 0.4 * rank + (sign < 0 ? 1 : 0);
      if (best === null || cost < best[0]) best = [cost, spot, rect];
      if (cost < 2) return [spot, rect];
    }
  }
  return best.slice(1);
}

function extentOf({nodes, boxes, edges}) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const take = (x, y) => {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  };
  for (const r of [...nodes.values(), ...boxes.values()]) {
    take(r.x, r.y);
    take(r.x + r.width, r.y + r.height);
  }
  for (const edge of edges) {
    for (const p of [...edge.forth, ...edge.home]) take(...p);
    if (edge.spot) {
      const half = textWidth(edge.label, TEXT) / 2;
      take(edge.spot[0] - half, edge.spot[1]);
      take(edge.spot[0] + half, edge.spot[1]);
    }
  }
  return left === Infinity ? {x: 0, y: 0, width: 1, height: 1}
    : {x: left, y: top, width: right - left, height: bottom - top};
}
