// Lays out a river: records become items of the layout, open groups frames, and long ones lines; as
// `viz.svg.river.placing` does.

import {grouped} from "./model.js";
import {amount, Looks, SMALL} from "./looks.js";
import {oneLine, width} from "./text.js";
import {arrange} from "./river/arrangement.js";
import {Block, DOWN, Item, Leaf, RIGHT, Wire} from "./river/elements.js";
import {divided, placed, spanned} from "./river/score.js";

const WRAP = 2000; // px of a line, of a picture that grows to the right
const BAND = 64; // px down the picture
const SHIFT = 12; // from the ribbon of an edge to its forward wire
const ROW = 8; // closed groups that stand below each other

// Whether a picture grows to the right, if nobody said so: where steps of a loop are drawn, and
// where it is mostly a row of closed groups, of many equal layers.
export function isTurned(river) {
  const counts = new Map(), {nodes} = river.picture;
  for (const {kind, box} of nodes.values()) {
    if (kind === "group") counts.set(box, (counts.get(box) ?? 0) + 1);
  }
  const most = Math.max(0, ...counts.values());
  return [...river.loops.values()].some(({steps}) => steps.length > 1)
    || (most > ROW && 2 * most > nodes.size);
}

// All places of a river picture, in px from its upper left corner: by record its look and its upper
// left corner; by edge the ways of the gradient and of the value, from tail to head, one for each
// line of the picture that they run over, and where its label stands; by open group its frame.
export class Places {
  constructor(river, turned, words = {}) {
    Object.assign(this, {river, turned, words, model: river.model, looks: new Map(), at: new Map(),
      ribbons: new Map(), ways: new Map(), labels: new Map(), frames: new Map(), width: 0, height: 0,
      root: new Block(""), items: new Map(), wires: new Map()});
    this.into = grouped(river.wires, ([, , head]) => head);
    this.outOf = grouped(river.wires, ([, tail]) => tail);
    this.kinds = new Looks(river, turned, words);
    this.blocks = new Map([[null, this.root]]);
    this.measure();
    this.openBlocks();
    this.addItems();
    this.addWires();
    for (const loop of river.loops.values()) {
      this.makeLabelsEqual(loop);
      this.keepStraight(loop);
    }
    arrange(this.root, [...this.wires.values()], turned ? RIGHT : DOWN);
    this.readBack();
  }

  edgesInto = (record) => (this.into.get(record) ?? []).map(([edge]) => edge);
  edgesOutOf = (record) => (this.outOf.get(record) ?? []).map(([edge]) => edge);
  turn = (x, y) => (this.turned ? [y, x] : [x, y]);
  openSteps = (loop) => loop.steps.filter(this.river.open);

  measure() {
    const {river, looks, kinds} = this;
    for (const record of river.records) {
      const into = this.edgesInto(record), isWide = into.length > 1 || this.edgesOutOf(record).length > 1;
      looks.set(record, kinds.of(record, into, {isWide}));
      for (const [leaf] of record.beside) looks.set(leaf, kinds.of(leaf, [], {isBeside: true}));
    }
    for (const record of river.heads) looks.set(record, kinds.of(record, [], {isBeside: true}));
    for (const loop of river.loops.values()) this.makeEqual(loop);
  }

  // Gives the records of all open steps the same sizes, place by place.
  makeEqual(loop) {
    const steps = this.openSteps(loop).map(({id}) => this.river.members.get(id));
    if (!steps.length || steps.some((some) => some.length !== steps[0].length)) return;
    steps[0].forEach((_, k) => {
      const looks = steps.map((some) => this.looks.get(some[k]));
      for (const side of ["width", "height", "channel"]) {
        const most = Math.max(...looks.map((look) => look[side]));
        for (const look of looks) look[side] = most;
      }
    });
  }

  // A block for each open group that something stands in; repetitions have none.
  openBlocks() {
    const {river, blocks} = this, boxes = new Set(river.records.flatMap(({box}) => river.around.get(box)));
    const alone = new Set(river.records.flatMap(({within}) => within));
    for (const box of this.turned ? this.broken() : []) alone.add(box);
    for (const {id, box} of river.picture.groups) {
      if (!boxes.has(id)) continue;
      const outer = blocks.get(box);
      if (river.loops.has(id) || alone.has(id)) {
        blocks.set(id, outer);
        continue;
      }
      const block = new Block(id, {title: width(this.titleOf(id), SMALL, true)});
      block.item = new Item(id, {inner: block, block: outer});
      outer.items.push(block.item);
      blocks.set(id, block);
    }
  }

  // Groups around what is broken into lines: they have no frame, for nothing could be cut.
  broken() {
    const {river} = this, inside = new Map();
    for (const {box} of river.records) {
      for (const id of river.around.get(box)) inside.set(id, (inside.get(id) ?? 0) + 1);
    }
    const {length} = river.records, out = new Set();
    for (const [id, count] of inside) if (2 * count > length && length > 8) out.add(id);
    for (const {group} of river.loops.values()) for (const id of river.around.get(group.box)) out.add(id);
    return [...out].filter((id) => !river.members.has(id));
  }

  // The title of an open group; a step of a loop says which it is.
  titleOf(id) {
    for (const {titles} of this.river.loops.values()) if (titles.has(id)) return titles.get(id);
    const {name, kind, shared, count} = this.model.group(id);
    let word = name === kind ? "" : oneLine(kind);
    if (word && kind === "repeat") word = shared ? `×${count} the same` : `${count} alike`;
    if (["step", "steps", "stretch", "layer", "neuron"].includes(kind)) word = count > 1 ? `${count} samples` : "";
    return oneLine(`${name}  ${name === kind ? "" : word}`.trim());
  }

  addItems() {
    const {river, items, turned} = this, order = new Map([...river.picture.nodes.keys()].map((id, k) => [id, k]));
    for (const record of river.records) {
      const block = this.blockOf(record), look = this.looks.get(record);
      const [across, along] = this.turn(look.width, look.height);
      const item = new Item(record.id, {before: across - look.channel, after: look.channel, along, block,
        rigid: turned && (record.isLeaf || look.form === "none")});
      for (const [leaf, edge] of record.beside) {
        const {width: wide, height: high} = this.looks.get(leaf);
        item.leaves.push(new Leaf(leaf.id, ...this.turn(wide, high), edge.contribution !== null));
      }
      items.set(record, item);
      block.items.push(item);
    }
    const place = (item) => (item.inner ? -1 : order.get(item.id) ?? -1);
    for (const block of new Set(this.blocks.values())) block.items.sort((a, b) => place(a) - place(b));
  }

  // Where a record stands; the state that a loop starts from stands before it.
  blockOf(record) {
    const {river, blocks} = this, block = blocks.get(record.box), [edge] = record.uses;
    if (!record.isLeaf || !edge) return block;
    for (const {steps, states} of river.loops.values()) {
      const [first] = steps;
      if (!first || !river.open(first) || block !== blocks.get(first.id) || !block.item) continue;
      const place = river.members.get(first.id).indexOf(river.head(edge));
      const index = edge.index ?? 0;
      if (states.some(([, head, operand]) => head === place && operand === index)) return block.outer;
    }
    return block;
  }

  addWires() {
    const {river, items} = this, depth = new Map(river.records.map((record, k) => [record, k]));
    const sorted = river.wires.toSorted((a, b) => depth.get(a[2]) - depth.get(b[2]));
    for (const [edge, tail, head] of sorted) {
      const flows = this.kinds.flowing(edge).length > 0, words = this.words[edge.id] ?? "";
      const label = width(words || this.labelOf(edge, tail), SMALL, Boolean(words));
      this.wires.set(edge.id, new Wire(edge.id, items.get(tail), items.get(head),
        {index: edge.index ?? 0, flows, label}));
    }
  }

  // What stands at an edge: its contribution where several add up, else nothing.
  labelOf(edge, tail) {
    if (edge.merged.length) return `${edge.merged.length} tensors`;
    const flowing = this.edgesOutOf(tail).filter(({contribution}) => contribution !== null);
    if (edge.contribution === null || flowing.length < 2) return "";
    return amount(this.kinds.summary(edge.contribution));
  }

  // Gives the labels of the same wire in all open steps the same room.
  makeLabelsEqual(loop) {
    const {river} = this, places = new Map(), alike = new Map();
    for (const [number, {id}] of this.openSteps(loop).entries()) {
      river.members.get(id).forEach((record, place) => places.set(record, [number, place]));
    }
    for (const [edge, tail, head] of river.wires) {
      const [one, a] = places.get(tail) ?? [-1], [other, b] = places.get(head) ?? [-1];
      if (one !== other || one < 0) continue;
      const key = `${a},${b},${edge.index ?? 0}`;
      alike.set(key, [...(alike.get(key) ?? []), this.wires.get(edge.id)]);
    }
    for (const wires of alike.values()) {
      const longest = Math.max(...wires.map(({label}) => label));
      for (const wire of wires) wire.label = longest;
    }
  }

  // The states of a loop run straight through each of its steps.
  keepStraight(loop) {
    const {river, items, blocks} = this;
    for (const {id} of this.openSteps(loop)) {
      const some = river.members.get(id), block = blocks.get(id);
      if (!block || some.some((record) => items.get(record).block !== block)) continue;
      for (const [made, line] of this.linesOf(some, loop)) {
        const [entry, leave] = this.stateWires(line, loop, made, some);
        block.lines.push([entry, ...line.map((record) => items.get(record)), leave].filter(Boolean));
      }
    }
  }

  // The wires over which a state comes into a step and leaves it, where there are any: it leaves
  // over that which comes into the next step where this one comes in.
  stateWires(line, {states}, made, some) {
    const {river} = this, first = some.indexOf(line[0]);
    const entry = this.edgesInto(line[0]).find((edge) => !some.includes(river.from(edge))
      && states.some(([a, b, c]) => a === made && b === first && c === (edge.index ?? 0)));
    const leaves = this.edgesOutOf(line.at(-1)).filter((edge) => !some.includes(river.head(edge)));
    const leave = leaves.find((edge) => {
      const head = river.head(edge), next = river.members.get(river.stepOf(head));
      return next?.indexOf(head) === first && (edge.index ?? 0) === (entry?.index ?? 0);
    });
    return [entry, leave ?? leaves[0]].map((edge) => edge && this.wires.get(edge.id));
  }

  // For each state, the records between where it comes in and where it is made anew. Of all ways
  // the shortest; the state with the shortest has the choice.
  linesOf(some, {states}) {
    const taken = new Set(), out = [];
    for (;;) {
      const done = new Set(out.map(([made]) => made));
      const open = [...new Set(states.map(([made]) => made))]
        .filter((made) => !done.has(made) && made < some.length && !taken.has(some[made]));
      const found = open.map((made) => {
        const starts = states.filter(([m, head]) => m === made && head < some.length);
        return [made, this.shortest(starts.map(([, head]) => some[head]), some[made], new Set(some.filter((x) => !taken.has(x))))];
      }).filter(([, way]) => way.length);
      if (!found.length) return out;
      found.sort(([a, one], [b, other]) => one.length - other.length || a - b);
      out.push(found[0]);
      for (const record of found[0][1]) taken.add(record);
    }
  }

  shortest(starts, end, inside) {
    const before = new Map(starts.filter((x) => inside.has(x)).map((x) => [x, null]));
    for (const record of before.keys()) { // grows while it is gone through
      if (record === end) {
        const way = [];
        for (let at = record; at !== null; at = before.get(at)) way.unshift(at);
        return way;
      }
      for (const head of this.edgesOutOf(record).map(this.river.head)) {
        if (inside.has(head) && !before.has(head)) before.set(head, record);
      }
    }
    return [];
  }

  readBack() {
    const {river: {heads}, root, turned, looks, at} = this, wires = [...this.wires.values()];
    const side = heads.reduce((most, record) => Math.max(most, looks.get(record).width + 40), 0);
    this.lines = divided(root, wires, WRAP - side, turned);
    const above = this.lines.length > 1, left = above ? 0 : turned ? side : side + root.before;
    if (above) this.lines = divided(root, wires, WRAP, turned);
    this.point = (u, v, near = v, lines = this.lines) => placed([u, v], lines, turned, left, near);
    for (const [record, item] of this.items) {
      const look = looks.get(record), [wide, high] = this.turn(item.before + item.after, item.along);
      Object.assign(look, {width: wide, height: high, channel: item.after});
      at.set(record, this.point(item.u - item.before, item.v));
      const leaves = new Map(item.leaves.map((leaf) => [leaf.id, leaf]));
      for (const [leaf] of record.beside) at.set(leaf, this.point(...leaves.get(leaf.id).at, item.v));
    }
    this.readWires();
    for (const [id, block] of this.blocks) {
      if (!block.item || block.id !== id) continue;
      const {u, v, before, after, along} = block.item, [x, y] = this.point(u - before, v);
      const [wide, high] = this.turn(before + after, along);
      this.frames.set(id, [x, y, x + wide, y + high]);
    }
    this.addHeads(above);
    this.freeLabels();
    this.crop();
  }

  // Shared leaves stand above each other at the side, above several lines beside each other.
  addHeads(above) {
    const {river: {heads}, looks, at} = this;
    let x = 0, y = 0, most = 0;
    for (const record of heads) {
      const {width, height} = looks.get(record);
      if (!above || x + width > WRAP) [x, y, most] = [0, y + most, 0];
      at.set(record, [x, y]);
      [x, most] = [x + width + 16, Math.max(most, height + 8)];
    }
    for (const record of above ? heads : []) at.get(record)[1] -= y + most + 24;
  }

  readWires() {
    for (const [{id}] of this.river.wires) {
      const {points, label, labelAt, labelAfter} = this.wires.get(id);
      this.ribbons.set(id, this.waysOf(points));
      this.ways.set(id, this.waysOf(shifted(points, -SHIFT)));
      if (!label || !labelAt) continue;
      this.labels.set(id, this.labelBeside(this.point(...labelAt), labelAfter));
    }
    for (const record of this.river.records) {
      for (const [leaf, edge] of record.beside) this.wireBeside(record, leaf, edge);
    }
  }

  // Where a label stands at a place of its ribbon, and how it is anchored there.
  labelBeside([x, y], isAfter) {
    if (this.turned) return [[x, isAfter ? y + 20 : y - 18], "middle"];
    return isAfter ? [[x + 11, y + 4], "start"] : [[x - 18, y + 4], "end"];
  }

  extentOf(id, [[x, y], anchor]) {
    const wide = this.wires.get(id).label, left = x - {end: wide, middle: wide / 2, start: 0}[anchor];
    return [left, y - 10, left + wide, y + 3];
  }

  // A label that something runs through goes to the other side of its wire, if that is free. What
  // stands in the picture is kept in bands, so that few things are looked at for a label.
  freeLabels() {
    const {at, looks, labels, wires} = this, bands = new Map(), rects = [];
    for (const [record, [x, y]] of at) {
      const {width: wide, height: high} = looks.get(record);
      rects.push([x, y, x + wide, y + high]);
    }
    for (const [some, wide] of [[this.ribbons, 7], [this.ways, 2]]) {
      for (const way of [...some.values()].flat()) {
        for (let k = 1; k < way.length; k++) {
          const [[a, b], [c, d]] = [way[k - 1], way[k]];
          rects.push([Math.min(a, c) - wide, Math.min(b, d) - wide, Math.max(a, c) + wide, Math.max(b, d) + wide]);
        }
      }
    }
    const near = (rect, f) => {
      for (let band = Math.floor(rect[1] / BAND); band <= Math.floor(rect[3] / BAND); band++) f(band);
    };
    for (const rect of rects) {
      near(rect, (band) => {
        if (!bands.has(band)) bands.set(band, []);
        bands.get(band).push(rect);
      });
    }
    const isFree = (rect) => {
      let free = true;
      near(rect, (band) => (free &&= !(bands.get(band) ?? []).some((x) => meet(rect, x))));
      return free;
    };
    for (const [id, label] of labels) {
      if (isFree(this.extentOf(id, label))) continue;
      const {labelAt, labelAfter} = wires.get(id);
      const other = this.labelBeside(this.point(...labelAt), !labelAfter), rect = this.extentOf(id, other);
      const others = [...labels].filter(([x]) => x !== id).map(([x, y]) => this.extentOf(x, y));
      if (isFree(rect) && !others.some((x) => meet(rect, x))) labels.set(id, other);
    }
  }

  // A way as parts, one on each line of the picture that it runs over.
  waysOf(points) {
    const out = [], along = points.map(([, v]) => v);
    for (const line of spanned(this.lines, Math.min(...along), Math.max(...along))) {
      const part = [];
      for (let k = 1; k < points.length; k++) {
        const ends = [points[k - 1], points[k]], [a, b] = [along[k - 1], along[k]];
        if (Math.max(a, b) < line.first || Math.min(a, b) > line.last) continue;
        for (const [u, v] of ends) {
          const inside = Math.min(Math.max(v, line.first - line.over), line.last + line.over);
          const p = this.point(u, inside, inside, [line]), last = part.at(-1);
          if (!last || last[0] !== p[0] || last[1] !== p[1]) part.push(p);
        }
      }
      if (part.length > 1) out.push(part);
    }
    return out;
  }

  // The short wire between a leaf and the record it stands beside.
  wireBeside(record, leaf, {id}) {
    const [[x, y], [lx, ly]] = [this.at.get(record), this.at.get(leaf)];
    const look = this.looks.get(record), other = this.looks.get(leaf);
    if (this.turned) {
      const at = lx + Math.min(other.width / 2, 56);
      const ends = ly > y ? [ly, y + look.height] : [ly + other.height, y];
      this.ribbons.set(id, [ends.map((end) => [at, end])]);
      this.ways.set(id, [ends.map((end) => [at - SHIFT, end])]);
    } else {
      const at = ly + Math.min(31, other.height - 8), isRight = lx > x;
      const ends = isRight ? [lx, x + look.width] : [lx + other.width, x];
      this.ribbons.set(id, [ends.map((end) => [end, at])]);
      this.ways.set(id, [ends.map((end) => [end, at - (isRight ? 11 : 0)])]);
    }
  }

  // Moves everything to the origin and finds the size of the picture.
  crop() {
    const {at, looks, ribbons, ways, labels, frames} = this, rects = [...frames.values()];
    for (const [record, [x, y]] of at) {
      const look = looks.get(record);
      rects.push([x, y, x + look.width, y + look.height]);
    }
    for (const some of [...ribbons.values(), ...ways.values()]) {
      for (const way of some) for (const [x, y] of way) rects.push([x - 8, y - 8, x + 8, y + 8]);
    }
    for (const [id, label] of labels) rects.push(this.extentOf(id, label));
    if (!rects.length) return;
    const low = (k) => rects.reduce((a, r) => Math.min(a, r[k]), Infinity);
    const high = (k) => rects.reduce((a, r) => Math.max(a, r[k]), -Infinity);
    const [x0, y0] = [low(0), low(1)], move = ([x, y]) => [x - x0, y - y0];
    for (const [record, p] of at) at.set(record, move(p));
    for (const some of [ribbons, ways]) {
      for (const [id, parts] of some) some.set(id, parts.map((way) => way.map(move)));
    }
    for (const [id, [p, anchor]] of labels) labels.set(id, [move(p), anchor]);
    for (const [id, [a, b, c, d]] of frames) frames.set(id, [...move([a, b]), ...move([c, d])]);
    this.width = high(2) - x0;
    this.height = high(3) - y0;
  }
}

// A way beside another one, on the side of smaller u; both ends stay on their sides.
function shifted(points, by) {
  return points.map(([u, v], k) => {
    // a part across the flow keeps its distance on the side that the turns leave free
    let across = 0;
    for (const [a, b] of [[points[k - 1], [u, v]], [[u, v], points[k + 1]]]) {
      if (a && b && Math.abs(a[1] - b[1]) < 0.05) across = b[0] > a[0] ? -by : by;
    }
    return [u + by, v + across];
  });
}

const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
