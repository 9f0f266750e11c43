// Where everything stands: blocks of an operation with its result, boxes of open groups laid out
// each by itself (an edge over a border goes through a port), then curves and labels of the edges.
// All is computed in a frame in which the forward pass flows downward, and transposed at the end.

import {layered} from "./layered.js";
import {clamp} from "./model.js";

const JOIN = 13, OPERATION = 28, NODESEP = 26, MARGIN = 14, TITLE = 24;
const RANKSEP = {TB: 30, LR: 78};
const OFFSET = 5; // how far a forward edge and its backward edge stand off their middle
const PAIR = 26; // between the edges that share a side of a box
const SHORT = 150; // an edge across no more than this is drawn as one S
const TEXT = 10;

export function arrange(view, glyph, direction, titleWidth) {
  const horizontal = direction === "LR";
  const transpose = ([x, y]) => (horizontal ? [y, x] : [x, y]);
  const size = (id) => {
    const {w, h, m} = glyph(id);
    return transpose([w + 2 * m, h + 2 * m]);
  };
  const blocks = blocksOf(view, size, horizontal);
  const whole = new Nest(view, blocks, direction, titleWidth).layout(null);
  const rects = new Map();
  for (const block of blocks) placeBlock(block, whole.centres.get(block.id), rects, size);
  route(view, rects, whole.routes);
  const outward = ([left, top, right, bottom]) => {
    const [x, y] = transpose([left, top]), [width, height] = transpose([right - left, bottom - top]);
    return {x, y, width, height};
  };
  for (const edge of view.edges) {
    edge.path = edge.path.map(transpose);
    edge.backPath = edge.backPath.map(transpose);
  }
  const out = {nodes: mapped(rects, outward), boxes: mapped(whole.rects, outward)};
  putLabels(view.edges, out.nodes);
  out.extent = extentOf([...out.nodes.values(), ...out.boxes.values()], view.edges);
  return out;
}

const mapped = (map, f) => new Map([...map].map(([key, x]) => [key, f(x)]));

// Operations with their result below them, and all other nodes, as one box each.
function blocksOf(view, size, horizontal) {
  const result = new Map(view.edges.filter((e) => e.out).map((e) => [e.tail, e.head]));
  const made = new Set(result.values());
  return [...view.nodes.values()].filter(({id}) => !made.has(id)).map(({id, kind, box}) => {
    const names = result.has(id) ? [id, result.get(id)] : [id], sizes = names.map(size);
    const slack = !horizontal && names.length === 1 && kind !== "group" ? OPERATION + JOIN : 0;
    const long = sizes.reduce((sum, [, height]) => sum + height, 0) + JOIN * (names.length - 1);
    return {id, names, box, slack, size: [Math.max(...sizes.map(([width]) => width)), long + slack]};
  });
}

function placeBlock(block, [x, y], rects, size) {
  let bottom = y + block.size[1] / 2;
  for (const name of block.names.toReversed()) {
    const [wide, long] = size(name);
    const left = Math.round(x - wide / 2), top = Math.round(bottom - long);
    rects.set(name, [left, top, left + wide, top + long]);
    bottom -= long + JOIN;
  }
}

// The layout of boxes in boxes, from the inside out.
class Nest {
  constructor(view, blocks, direction, titleWidth) {
    Object.assign(this, {direction, titleWidth});
    this.parent = new Map(view.boxes.map(({id, parent}) => [id, parent]));
    this.boxes = Map.groupBy(this.parent.keys(), (id) => this.parent.get(id));
    this.blocks = Map.groupBy(blocks, ({box}) => box);
    const blockOf = new Map(blocks.flatMap((block) => block.names.map((name) => [name, block])));
    this.links = new Map([null, ...this.parent.keys()].map((frame) => [frame, []]));
    for (const {key, tail, head} of view.edges) {
      this.addLink(key, [tail, head].map((end) => this.ancestry(blockOf.get(end))));
    }
  }

  // A block and the frames around it, the outermost last, which is null.
  ancestry({id, box}) {
    const out = [id];
    for (let frame = box; frame !== null; frame = this.parent.get(frame)) out.push(frame);
    return [...out, null];
  }

  // Notes an edge in each frame that it runs in, with what it leads from and to there: blocks or
  // inner frames, or null at the border.
  addLink(key, ends) {
    for (const frame of new Set(ends.flatMap((end) => end.slice(1)))) {
      const [tail, head] = ends.map((end) => end[end.indexOf(frame, 1) - 1] ?? null);
      if (tail !== head) this.links.get(frame).push({key, tail, head});
    }
  }

  layout(frame) {
    const blocks = this.blocks.get(frame) ?? [], links = this.links.get(frame);
    const inner = new Map((this.boxes.get(frame) ?? []).map((id) => [id, this.layout(id)]));
    const index = new Map([...blocks.map(({id}) => id), ...inner.keys()].map((id, k) => [id, k]));
    const sizes = blocks.map(({size}) => size);
    for (const {width, height} of inner.values()) sizes.push([width, height]);
    const first = [], last = [], ports = new Map(); // where edges cross the border
    const port = (name, rank) => {
      rank.push(sizes.push([2, 0]) - 1);
      ports.set(name, rank.at(-1));
      return rank.at(-1);
    };
    const pairs = links.map(({key, tail, head}) => [index.get(tail) ?? port(`${key} in`, first),
      index.get(head) ?? port(`${key} out`, last)]);
    const {centres, routes} = layered(sizes, pairs, {ranksep: RANKSEP[this.direction],
      nodesep: NODESEP, first, last, slack: blocks.map(({slack}) => slack),
      pins: links.map((link) => pinsOf(link, inner))});
    const out = {
      centres: new Map(blocks.map(({id}, k) => [id, centres[k]])), rects: new Map(),
      routes: new Map(links.map(({key}, k) => [key, routes[k]])),
    };
    const tails = new Map(links.map(({key, tail}) => [key, tail]));
    for (const [id, part] of inner) {
      const [x, y] = centres[index.get(id)], {width, height} = part;
      insert(out, id, moved(part, x - width / 2, y - height / 2), tails);
      out.rects.set(id, [x - width / 2, y - height / 2, x + width / 2, y + height / 2]);
    }
    if (frame === null) return out;
    const {start, ...framed} = this.framed(frame, out, sizes, centres);
    return {...framed, ports: mapped(ports, (k) => centres[k][0] + start)};
  }

  // With the margin and the title of a box around it.
  framed(frame, content, sizes, centres) {
    const corners = centres.flatMap(([x, y], k) => [-0.5, 0.5].map((half) =>
      [x + half * sizes[k][0], y + half * sizes[k][1]]));
    const [left, top, right, bottom] = boundsOf([...corners, ...[...content.routes.values()].flat()]);
    const [side, above] = this.direction === "LR" ? [TITLE, 0] : [0, TITLE];
    const title = this.titleWidth(frame) + 2 * MARGIN;
    let long = bottom - top, wide = right - left, start = MARGIN + side - left;
    if (side) {
      long = Math.max(long, title);
    } else if (title > wide + 2 * MARGIN) {
      start += (title - wide - 2 * MARGIN) / 2;
      wide = title - 2 * MARGIN;
    }
    return {...moved(content, start, MARGIN + above - top), start,
      width: wide + 2 * MARGIN + side, height: long + 2 * MARGIN + above};
  }
}

// How far from the middles of the boxes that it joins an edge crosses their borders.
function pinsOf({key, tail, head}, inner) {
  const pin = (box, name) => (box?.ports.has(name) ? box.ports.get(name) - box.width / 2 : null);
  return [pin(inner.get(tail), `${key} out`), pin(inner.get(head), `${key} in`)];
}

// Puts what is in a box into the frame around it; edges over the border go on there.
function insert(out, id, part, tails) {
  for (const what of ["centres", "rects"]) part[what].forEach((x, key) => out[what].set(key, x));
  for (const [key, inside] of part.routes) {
    const outside = out.routes.get(key);
    if (!outside) out.routes.set(key, inside);
    else out.routes.set(key, tails.get(key) === id ? joined(inside, outside) : joined(outside, inside));
  }
}

function moved({centres, rects, routes}, dx, dy) {
  const shift = ([x, y]) => [x + dx, y + dy];
  return {centres: mapped(centres, shift), routes: mapped(routes, (points) => points.map(shift)),
    rects: mapped(rects, ([a, b, c, d]) => [a + dx, b + dy, c + dx, d + dy])};
}

// A route that goes on with another one, over the border of a box.
function joined(one, other) {
  const [x, y] = one.at(-1), [x2, y2] = other[0], middle = (y + y2) / 2;
  return [...one, [x, middle], [x2, middle], ...other];
}

// Gives the edges their curves: from port to port, a backward edge beside its forward edge.
function route(view, rects, routes) {
  const index = new Index(96);
  for (const [id, rect] of rects) index.add(id, rect);
  const straight = [[0, 0], [0, 0], [0, 0], [0, 0]];
  const routeOf = (edge) => routes.get(edge.key) || straight;
  const ports = portsOf(view, rects, routeOf);
  for (const edge of view.edges) {
    const start = [ports.get(`${edge.key} out`), rects.get(edge.tail)[3]];
    const end = [ports.get(`${edge.key} in`), rects.get(edge.head)[1]];
    const curve = curveOf(edge, start, end, routeOf(edge), index);
    edge.path = edge.back ? offsetCurve(curve, OFFSET) : curve;
    edge.backPath = edge.back ? offsetCurve(curve, -OFFSET).reverse() : [];
  }
}

// How much of the side of a box edges can meet, without its corners.
function flatOf(kind, [left, top, right, bottom]) {
  const round = kind === "operation" || kind === "tag";
  const corner = round ? Math.min(14, (bottom - top) / 2, (right - left) / 2) : 7;
  return Math.max(right - left - 2 * corner - 4, 12);
}

// Where along its box's side each edge's end stands: side by side in the order in which they
// part, those at records moved towards the operation, so that edges run straight.
function portsOf({edges, nodes}, rects, routeOf) {
  const middle = (id) => (rects.get(id)[0] + rects.get(id)[2]) / 2;
  const gap = (edge) => Math.abs(rects.get(edge.head)[1] - rects.get(edge.tail)[3]);
  const ends = edges.flatMap((edge, k) => {
    const points = routeOf(edge), short = points.length === 4;
    return [{side: `${edge.tail} out`, x: short ? middle(edge.head) : points[3][0], k, edge},
      {side: `${edge.head} in`, x: short ? middle(edge.tail) : points.at(-4)[0], k, edge}];
  });
  const ports = new Map();
  const later = (key) => Number(key.startsWith("t-") && !key.includes("-u-"));
  const sides = [...Map.groupBy(ends, ({side}) => side)];
  for (const [key, some] of sides.sort(([a], [b]) => later(a) - later(b))) {
    const [box, side] = key.split(" "), other = side === "out" ? "in" : "out";
    const room = flatOf(nodes.get(box).kind, rects.get(box)), centre = middle(box);
    const step = Math.min(PAIR, room / some.length);
    some.sort((a, b) => a.x - b.x || a.k - b.k);
    const spots = some.map((_, k) => centre + (k - (some.length - 1) / 2) * step);
    const far = some.map(({edge}) => ports.get(`${edge.key} ${other}`));
    let shift = 0;
    if (far.every((x) => x !== undefined)) {
      const slack = Math.max(Math.min(room, 0.7 * room + step) - step * some.length, 0) / 2;
      const near = Math.min(...some.map(({edge}) => gap(edge))) + 1;
      const wishes = far.map((x, k) => x - spots[k]).filter((_, k) => gap(some[k].edge) <= near);
      shift = clamp(wishes.reduce((a, b) => a + b, 0) / wishes.length, -slack, slack);
    }
    some.forEach(({edge}, k) => ports.set(`${edge.key} ${side}`, spots[k] + shift));
  }
  return ports;
}

// The curve from port to port: an S if it is short and free, else the layout's way.
function curveOf(edge, start, end, points, index) {
  const drop = end[1] - start[1], bend = drop / 2;
  if (drop > 0 && (drop <= SHORT || points.length === 4)) {
    const bent = [start, [start[0], start[1] + bend], [end[0], end[1] - bend], end];
    if (sampled(bent).every((p) => !index.hits(around(p, 7), [edge.tail, edge.head]))) return bent;
  }
  const lead = clamp(Math.abs(points[1][1] - points[0][1]), 12, 40);
  const tail = clamp(Math.abs(points.at(-1)[1] - points.at(-2)[1]), 12, 40);
  const inner = points.length > 4 ? points.slice(2, -2) : [];
  return [start, [start[0], start[1] + lead], ...inner, [end[0], end[1] - tail], end];
}

// Rectangles by the squares of a grid that they touch, to find collisions quickly.
class Index {
  constructor(square) {
    this.square = square;
    this.cells = new Map();
  }

  *squares(rect) {
    const [left, top, right, bottom] = rect.map((x) => Math.floor(x / this.square));
    for (let i = left; i <= right; i++) for (let j = top; j <= bottom; j++) yield i * 1e6 + j;
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
      for (const [name, other] of this.cells.get(cell) || []) {
        const [a, b, c, d] = other;
        if (a < right && left < c && b < bottom && top < d && !but.includes(name)) found.add(other);
      }
    }
    return found.size;
  }
}

const around = ([x, y], m) => [x - m, y - m, x + m, y + m];
const between = (p, q) => [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
const distinct = (p, q) => Math.abs(p[0] - q[0]) + Math.abs(p[1] - q[1]) > 0.5;

export const boundsOf = (points) => points.reduce(
  ([left, top, right, bottom], [x, y]) =>
    [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)],
  [Infinity, Infinity, -Infinity, -Infinity]);

// To the right of the way from one point to another, of length 1.
export function normal(p, q) {
  const dx = q[0] - p[0], dy = q[1] - p[1], length = Math.hypot(dx, dy) || 1;
  return [dy / length, -dx / length];
}

const pieces = (points) => // the Bézier curves of a chain
  Array.from({length: (points.length - 1) / 3}, (_, k) => points.slice(3 * k, 3 * k + 4));

function bezier(p, t) {
  const s = 1 - t, a = s * s * s, b = 3 * s * s * t, c = 3 * s * t * t, d = t * t * t;
  return [0, 1].map((k) => a * p[0][k] + b * p[1][k] + c * p[2][k] + d * p[3][k]);
}

function along(points, t) {
  const curves = pieces(points), k = Math.min(Math.floor(t * curves.length), curves.length - 1);
  return bezier(curves[k], t * curves.length - k);
}

const sampled = (points) => pieces(points)
  .flatMap((piece) => [0, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 1].map((t) => bezier(piece, t)));

// A chain of curves shifted sideways, bends halved first.
function offsetCurve(points, distance) {
  const out = [];
  for (const p of pieces(points).flatMap(halves)) {
    const first = normal(p[0], p.slice(1).find((q) => distinct(q, p[0])) || p[3]);
    const last = normal([p[2], p[1], p[0]].find((q) => distinct(q, p[3])) || p[0], p[3]);
    const shifted = p.map(([x, y], k) => {
      const n = k < 2 ? first : last;
      return [x + n[0] * distance, y + n[1] * distance];
    });
    // two curves meet half-way between their own ideas of the joint
    if (out.length) shifted[0] = between(out.pop(), shifted[0]);
    out.push(...shifted);
  }
  return out;
}

function halves([a, b, c, d]) {
  if (Math.max(...[b, c, d].map((q) => Math.abs(a[0] - q[0]))) < 1) return [[a, b, c, d]];
  const ab = between(a, b), bc = between(b, c), cd = between(c, d);
  const abc = between(ab, bc), bcd = between(bc, cd), middle = between(abc, bcd);
  return [[a, ab, abc, middle], [middle, bcd, cd, d]];
}

export const textWidth = (text, size, bold = false) => text.length * size * (bold ? 0.66 : 0.6);

// Finds a place for each label: on no box and no other label, and on few lines.
function putLabels(edges, nodes) {
  const solid = new Index(48), lines = new Index(24);
  for (const [id, {x, y, width, height}] of nodes) {
    solid.add(id, [x - 2, y - 1, x + width + 2, y + height + 1]);
  }
  for (const {key, path, backPath} of edges) {
    for (const p of [path, backPath].flatMap(sampled)) lines.add(key, around(p, 2.5));
  }
  for (const edge of edges) {
    if (!edge.label || !edge.back) continue;
    const {spot, rect} = bestSpot(edge, solid, lines);
    edge.spot = spot;
    solid.add(`label ${edge.key}`, rect);
  }
}

function bestSpot({label, backPath, thick}, solid, lines) {
  const half = textWidth(label, TEXT) / 2, high = 6.5;
  let best = {cost: Infinity};
  for (const [rank, t] of [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8].entries()) {
    const p = along(backPath, t), n = normal(p, along(backPath, Math.min(t + 0.02, 1)));
    for (const far of [0, 1]) { // to the side of the forward edge
      let reach = half * Math.abs(n[0]) + high * Math.abs(n[1]) + thick / 2 + 2.5;
      if (far) reach = -(reach + 2 * OFFSET);
      const spot = [p[0] + n[0] * reach, p[1] + n[1] * reach];
      const rect = [spot[0] - half, spot[1] - high, spot[0] + half, spot[1] + high];
      const cost = 100 * solid.hits(rect) + 6 * lines.hits(rect) + 0.4 * rank + far;
      if (cost < best.cost) best = {cost, spot, rect};
      if (cost < 2) return best;
    }
  }
  return best;
}

function extentOf(rects, edges) {
  const [left, top, right, bottom] = boundsOf([
    ...rects.flatMap(({x, y, width, height}) => [[x, y], [x + width, y + height]]),
    ...edges.flatMap(({path, backPath}) => [...path, ...backPath]),
    ...edges.filter(({spot}) => spot).flatMap(({label, spot: [x, y]}) =>
      [[x - textWidth(label, TEXT) / 2, y], [x + textWidth(label, TEXT) / 2, y]]),
  ]);
  return {x: left, y: top, width: right - left, height: bottom - top};
}
