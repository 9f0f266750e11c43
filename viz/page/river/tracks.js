// Places: lines across the flow by a skyline, rows along it, wires in tracks between the rows.
// Between two rows there are zones: for what leaves the row before, for labels, and for what joins
// the row after. Only wires that run along the flow pass through all of them, and lines keep their
// distance, so nothing can meet.

import {AFTER, BESIDE, LANE, MARGIN, PORT, STACK, TRACK, WIRE} from "./elements.js";
import {first, largest, smallest, sortedBy, sum} from "./elements.js";
import {Skyline, Taken, bisect} from "./rooms.js";

const NEAR = 14; // parts of wires that lie on each other
const EDGE = 12; // from a side's end to the first wire that leaves there

// Widens records until the wires on either side of the channel have room beside each other.
export function makeRoom(block, distances) {
  for (const item of block.items) {
    if (item.inner || item.port) continue;
    for (const some of [item.outputs, item.inputs]) {
      if (some.length < 2) continue;
      const [before, after] = sidesOf(item, some, distances);
      item.before = Math.max(item.before, sum(before) + EDGE);
      if (after.length < 2) continue;
      item.after = Math.max(item.after, AFTER + sum(after) - smallest(after) + 14);
    }
  }
}

// Where a wire of an item ends in the border of a block, from its channel.
const endOf = (s, item) => fixed(s.tail === item ? s.headPort : s.tailPort);

// The rooms of wires that leave an item before its channel or on it, and after it.
function sidesOf(item, some, distances) {
  const sides = [[], []];
  for (const s of some) {
    const leads = leadsTo(s, item);
    let after = leads.lane.order > item.chain.lane.order;
    if (leads === item.chain && !s.run) {
      const straight = straightOf(some, leads);
      after = Boolean(straight) && endOf(s, item) > endOf(straight, item);
    }
    sides[Number(after)].push(roomOf(s, item, distances));
  }
  return sides;
}

// The chain that a wire of an item runs along, or ends in.
const leadsTo = (s, item) => s.run ?? (s.tail === item ? s.head : s.tail).chain;

// How far the next wire has to be from one of an item, and from its label if it is there.
function roomOf(s, item, {turned}) {
  const other = s.tail === item ? s.head : s.tail;
  const near = !s.run && (s.head === item || other.chain === item.chain);
  if (!s.wire.label || !(near || s.run === item.chain)) return PORT;
  return turned ? PORT + 15 : Math.max(PORT, s.wire.label + 28);
}

// Gives a block's items and segments their places, from (0, 0) of its own on.
export function settle(block, distances) {
  shift(block);
  spread(block, distances);
  placeAcross(block, distances);
  spread(block, distances); // again: now it is known on which side every wire runs
  for (const s of block.straight) s.head.u = s.tail.u + s.start;
  placeAlong(block, distances);
}

// Moves items off the channel of their chain so that fixed ports meet.
function shift({chains}) {
  for (const chain of chains) {
    let total = 0, before = null;
    for (const item of chain.items) {
      const s = straightOf(item.inputs, chain);
      if (before && s?.tail === before) total += fixed(s.tailPort) - fixed(s.headPort);
      item.shift = total;
      before = item;
    }
  }
}

// The one of an item's segments that runs along the line of its chain.
const straightOf = (some, chain) => some.find(({run}) => run === chain);

const fixed = (port) => port?.u ?? 0;

// Ports: wires leave an item beside each other in the order of the lines they run along.
function spread({items}, distances) {
  for (const item of items) {
    spreadSide(item, item.outputs, distances, "start");
    spreadSide(item, item.inputs, distances, "end");
  }
}

function spreadSide(item, some, distances, end) {
  if (item.inner) {
    for (const s of some) s[end] = fixed(end === "start" ? s.tailPort : s.headPort);
    return;
  }
  if (some.length === 1 && (!some[0].run || some[0].run === item.chain)) {
    some[0][end] = 0;
    return;
  }
  const aims = new Map(some.map((s) => [s, aimOf(s, item, end)]));
  let straight = straightOf(some, item.chain);
  if (!straight) {
    straight = first(some, (s) => [Math.abs(aims.get(s)), s.wire.index]);
    if (straight?.run) straight = null;
  }
  const others = some.filter((s) => s !== straight), room = (s) => roomOf(s, item, distances);
  const before = others.filter((s) => aims.get(s) <= 0);
  const after = others.filter((s) => aims.get(s) > 0);
  if (straight) straight[end] = 0;
  const near = straight ? room(straight) : 0, needed = near + sum(before.map(room));
  let scale = needed ? Math.min(1, Math.max(item.before - EDGE, 1) / needed) : 1;
  let at = -near * scale;
  // the nearest line gets the port nearest to the channel, of those that run before it
  for (const s of sortedBy(before, (s) => [-aims.get(s), s.wire.index])) {
    s[end] = Math.min(at, 0);
    at -= room(s) * scale;
  }
  at = Math.min(AFTER, Math.max(item.after - 3, 0));
  const ordered = sortedBy(after, (s) => [aims.get(s), s.wire.index]);
  const wanted = sum(ordered.slice(0, -1).map(room)), free = Math.max(item.after - at - 3, 0);
  scale = wanted ? Math.min(1, free / wanted) : 1;
  for (const s of ordered) {
    s[end] = at;
    at += room(s) * scale;
  }
}

// Where a wire leads, from the channel of an item.
function aimOf(s, item, end) {
  if (s.run) return s.run === item.chain ? 0 : s.line - item.u;
  const other = end === "start" ? s.head : s.tail;
  const port = fixed(end === "start" ? s.headPort : s.tailPort);
  if (other.chain === item.chain && !port) return -1; // a twin of the straight one
  return other.u + port - item.u || other.chain.lane.order - item.chain.lane.order;
}

// The u of every chain: from the first lane outward, as near as its cells allow.
function placeAcross(block, distances) {
  const {chains} = block, cells = 2 * largest(block.items.map(({row}) => row)) + 2;
  if (!chains.length) return;
  const start = chains[0].lane, labels = labelsOf(block, distances);
  const extents = new Map(chains.map((chain) => [chain, extentsOf(chain, labels, distances)]));
  const ports = new Map(chains.map((chain) => [chain, portsOf(chain, distances)]));
  const off = ({lane}) => lane.order - start.order;
  const outward = sortedBy(chains, (chain) => [Math.abs(off(chain)), chain.first]);
  for (const side of [1, -1]) {
    const found = new Side(side, cells, extents, ports);
    for (const chain of outward) {
      if (off(chain) * side > 0) {
        const need = found.need(chain), wish = wishOf(chain);
        chain.u = wish !== null && wish * side >= need ? wish : side * need;
      }
      if (off(chain) * side >= 0) found.add(chain);
    }
  }
  for (const chain of chains) for (const item of chain.items) item.u = chain.u + item.shift;
  extend(block);
}

// How far all that is placed reaches on one side of the main line. Wires of an item reach its ports
// over each other in the order of their lines, so that the line of one has to keep off the ports of
// all others' wires, but not of its siblings'.
class Side {
  owners = new Map(); // by cell, of the two highest ports

  constructor(side, cells, extents, ports) {
    Object.assign(this, {side, extents, ports});
    this.sky = new Skyline(cells, -LANE);
    this.highPorts = new Skyline(cells, -LANE);
  }

  add(chain) {
    const height = (before, after) => (this.side > 0 ? chain.u + after : before - chain.u);
    for (const [a, b, before, after] of this.extents.get(chain)) {
      this.sky.lift(a, b, height(before, after));
    }
    for (const [cell, item, before, after] of this.ports.get(chain)) {
      this.highPorts.lift(cell, cell, height(before, after));
      const owners = [...this.owners.get(cell) ?? [], [height(before, after), item]];
      this.owners.set(cell, owners.sort(([x], [y]) => y - x).slice(0, 2));
    }
  }

  // How far a chain has to keep from the main line.
  need(chain) {
    const ends = new Map(), {top, join} = chain;
    let {first: begin, last: end} = chain, out = 0;
    if (top) {
      ends.set(begin, this.others(begin, top.tail));
      begin++;
    }
    if (join) {
      ends.set(end, Math.max(ends.get(end) ?? -LANE, this.others(end, join.head)));
      end--;
    }
    for (const [a, b, before, after] of this.extents.get(chain)) {
      let high = this.sky.highest(a, b);
      const from = Math.max(a, begin), to = Math.min(b, end);
      if (from <= to) high = Math.max(high, this.highPorts.highest(from, to));
      for (const cell of [a, b]) high = Math.max(high, ends.get(cell) ?? high);
      out = Math.max(out, high + LANE + (this.side > 0 ? before : after));
    }
    return out;
  }

  // How far ports of other items than one reach in a cell.
  others = (cell, item) => this.owners.get(cell)?.find(([, owner]) => owner !== item)?.[0] ?? -LANE;
}

// Where a chain of one item would have a straight way to a place in a block's border.
function wishOf({items}) {
  if (items.length !== 1 || items[0].outputs.length !== 1) return null;
  const {headPort, head} = items[0].outputs[0];
  return headPort && head.chain ? head.chain.u + head.shift + headPort.u : null;
}

// How far the block reaches on either side of its main line.
function extend(block) {
  let low = 0, high = 0;
  for (const chain of block.chains) {
    for (const item of chain.items) {
      const [before, after] = item.port ? [0, 0] : item.reach;
      low = Math.min(low, item.u - before);
      high = Math.max(high, item.u + after);
    }
    if (chain.items.length) continue;
    low = Math.min(low, chain.u - WIRE[0]);
    high = Math.max(high, chain.u + WIRE[1]);
  }
  Object.assign(block, {before: -low, after: high});
}

// By chain, the gaps in which labels of wires stand, and the room that they take there.
function labelsOf(block, {turned}) {
  const out = new Map();
  const add = (chain, label) => out.set(chain, out.get(chain) ?? []).get(chain).push(label);
  for (const s of block.segments) {
    if (!hasLabel(s)) continue;
    const cell = 2 * s.tail.row + 1, long = turned ? 15 : s.wire.label;
    if (s.run) add(s.run, [cell, cell, long + 26, WIRE[1]]);
    else if (s.end > 0) add(s.head.chain, [cell, cell, WIRE[0], s.end + long + 16]);
  }
  return out;
}

const hasLabel = (s) => s.wire.label && s === s.wire.parts[0];

// Cells of a chain with how far it reaches before and after its line there.
function extentsOf(chain, labels, distances) {
  const out = [], {items, first, last} = chain;
  const addWire = (begin, end, off) => out.push([begin, end, WIRE[0] - off, WIRE[1] + off]);
  let at = first;
  for (const item of items) {
    const cell = 2 * item.row, [before, after] = item.port ? WIRE : item.reach;
    if (at < cell) {
      addWire(at, cell - 1, item.shift + fixed(straightOf(item.inputs, chain)?.headPort));
    }
    out.push([cell, cell, before - item.shift, after + item.shift]);
    at = cell + 1;
  }
  if (at <= last) {
    const s = items.length && straightOf(items.at(-1).outputs, chain);
    addWire(at, last, s ? items.at(-1).shift + fixed(s.tailPort) : 0);
  }
  for (const item of items) {
    for (const [cell, some] of gapsOf(item)) {
      const own = isCrowded(item, some) ? some : some.filter((s) => leadsTo(s, item) === chain);
      const [before, after] = reachOfPorts(item, own, distances);
      out.push([cell, cell, before - item.shift, after + item.shift]);
    }
  }
  return [...out, ...labels.get(chain) ?? []];
}

// The gaps before and after an item in which it has wires, and these.
const gapsOf = ({port, row, inputs, outputs}) => (port ? []
  : [[2 * row - 1, inputs], [2 * row + 1, outputs]].filter(([, some]) => some.length));

// Whether no line may come between the ports of an item's wires in a gap: those of a block lie
// anywhere, and wires that cross only this gap run to them through all of it.
const isCrowded = (item, some) => item.inner
  || some.some(({run, head, tail}) => !run && head === item && tail.chain !== item.chain);

// By cell, how far the wires to the ports of a chain's items reach beside its line.
const portsOf = ({items}, distances) => items.flatMap((item) =>
  gapsOf(item).map(([cell, some]) => {
    const [before, after] = reachOfPorts(item, some, distances);
    return [cell, item, before - item.shift, after + item.shift];
  }));

// How far the wires that leave an item on one side reach before and after its channel.
function reachOfPorts(item, some, distances) {
  if (item.inner) {
    const offsets = some.map((s) => fixed(s.tail === item ? s.tailPort : s.headPort));
    return [WIRE[0] - smallest(offsets), WIRE[1] + largest(offsets)];
  }
  const [before, after] = sidesOf(item, some, distances);
  const low = before.length ? Math.min(sum(before) - smallest(before), item.before) : 0;
  const high = after.length ? Math.min(AFTER + sum(after) - smallest(after), item.after) : 0;
  return [low + WIRE[0], high + WIRE[1]];
}

// The v of every row, the tracks between rows, and where leaves stand.
function placeAlong(block, distances) {
  const count = 1 + largest(block.items.map(({row}) => row));
  const high = heights(block.items, count), {splits, joins, label} = turns(block, count, distances);
  const zones = [];
  let v = 0;
  block.rows = [];
  for (let row = 0; row < count; row++) {
    block.rows.push([v, v + high[row]]);
    v += high[row];
    if (row + 1 === count) break;
    const left = setTracks(splits[row], "split"), came = setTracks(joins[row + 1], "join");
    const a = v + (left ? 6 + TRACK * left + 8 : 0), b = a + label[row];
    const end = b + (came ? 8 + TRACK * came + 6 : 0);
    const border = !high[row] || !high[row + 1]; // of the block
    const least = border && !left && !came ? 0 : distances.gap;
    zones.push([v, a, b, Math.max(end + 5, v + least)]);
    v = zones.at(-1)[3];
  }
  block.along = v;
  for (const item of block.items) {
    [item.v] = block.rows[item.row];
    stand(item);
  }
  findWays(block, zones);
}

// The height of each row; records are as high as the leaves beside them together.
function heights(items, count) {
  const high = new Array(count).fill(0);
  for (const item of items) {
    let stack = 0;
    for (const after of [true, false]) {
      const side = item.leaves.filter((leaf) => leaf.after === after);
      stack = Math.max(stack, sum(side.map(({along}) => along)) + STACK * (side.length - 1));
    }
    if (!item.inner) item.along = Math.max(item.along, stack);
    high[item.row] = Math.max(high[item.row], item.along, stack);
  }
  return high;
}

// By row, the parts of wires that run across the flow after and before it, and the room of labels.
function turns({segments}, count, distances) {
  const splits = Array.from({length: count}, () => []), joins = splits.map(() => []);
  const label = new Array(count).fill(0);
  for (const s of segments) {
    s.split = s.join = null;
    if (Math.abs(s.tail.u + s.start - s.line) > 0.5) splits[s.tail.row].push(s);
    if (Math.abs(s.head.u + s.end - s.line) > 0.5) joins[s.head.row].push(s);
    if (!hasLabel(s)) continue;
    label[s.tail.row] = Math.max(label[s.tail.row], distances.label || s.wire.label + 12);
  }
  return {splits, joins, label};
}

// The places of leaves beside an item: those that learn after it, others before it.
function stand(item) {
  for (const after of [true, false]) {
    let {v} = item;
    for (const leaf of item.leaves) {
      if (leaf.after !== after) continue;
      const u = after ? item.u + item.after + BESIDE : item.u - item.before - BESIDE;
      leaf.at = [after ? u : u - leaf.across, v];
      v += leaf.along + STACK;
    }
  }
}

// The track of each part across a gap; returns their number. Of one item's, the farther it leads
// the nearer to the item it lies; none lies before one that leaves or arrives where it leads to.
function setTracks(some, kind) {
  const tracks = [], last = new Map();
  const spans = new Map(some.map((s) => [s, kind === "split" ? [s.tail, s.tail.u + s.start, s.line]
    : [s.head, s.head.u + s.end, s.line]]));
  const blocking = blockingOf(spans);
  const ordered = sortedBy(some, (s) => {
    const [, a, b] = spans.get(s);
    return [-Math.abs(b - a), Math.min(a, b), Math.max(a, b)];
  });
  for (const s of inTurn(ordered, blocking)) {
    const [item, a, b] = spans.get(s), right = b > a;
    if (!last.has(item)) last.set(item, {true: -1, false: -1});
    const own = last.get(item), before = blocking.get(s).map((x) => x[kind] ?? -1);
    const low = Math.min(a, b) - WIRE[0], high = Math.max(a, b) + WIRE[0];
    let k = largest([own[right], ...before]) + 1;
    while (k < tracks.length && !tracks[k].isFree(low, high)) k++;
    own[right] = k;
    (tracks[k] ??= new Taken()).add(low, high);
    s[kind] = k;
  }
  return tracks.length;
}

// By segment, those that leave or arrive where it leads to.
function blockingOf(spans) {
  const some = sortedBy([...spans.keys()], (s) => [spans.get(s)[1]]);
  const until = (isBefore) => bisect(some, (s) => isBefore(spans.get(s)[1]));
  return new Map([...spans].map(([s, [, , line]]) => {
    const near = some.slice(until((u) => u < line - NEAR), until((u) => u <= line + NEAR));
    return [s, near.filter((x) => x !== s)];
  }));
}

// Segments in an order in which those that block others come first.
function* inTurn(some, blocking) {
  const seen = new Set(), done = new Set();
  for (const one of some) {
    const stack = [one];
    while (stack.length) {
      const s = stack.at(-1);
      const waits = seen.has(s) ? [] : blocking.get(s).filter((x) => !seen.has(x));
      seen.add(s);
      stack.push(...waits);
      if (waits.length) continue;
      stack.pop();
      if (!done.has(s)) yield s;
      done.add(s);
    }
  }
}

function findWays({segments}, zones) {
  for (const s of segments) {
    const [begin, low, high] = zones[s.tail.row], end = zones[s.head.row - 1][3], {line} = s;
    const start = s.tail.u + s.start, stop = s.head.u + s.end;
    s.points = [[start, s.tail.v + s.tail.along]];
    if (s.split !== null) {
      const v = begin + 16 + TRACK * s.split;
      s.points.push([start, v], [line, v]);
    }
    if (s.join !== null) {
      const v = end - 16 - TRACK * s.join;
      s.points.push([line, v], [stop, v]);
    }
    s.points.push([stop, s.head.v]);
    if (!hasLabel(s)) continue;
    s.wire.labelAt = [line, (low + high) / 2];
    s.wire.labelAfter = !s.run && s.end > 0;
  }
}

// Sizes the item that a block is for the block around it: with a margin and its title.
export function frame(block, {turned, titleAlong, titleAcross}) {
  const {item} = block, title = block.title + 2 * MARGIN;
  item.before = block.before + MARGIN + titleAcross;
  item.after = block.after + MARGIN;
  item.along = Math.max(block.along + 2 * MARGIN + titleAlong, 24);
  if (turned) item.along = Math.max(item.along, title);
  else { // the title stands before the first wire that comes in
    const entries = block.items.filter(({entry}) => entry).map(({u}) => u - WIRE[0]);
    item.before = Math.max(item.before, title - smallest(entries, block.after));
  }
}
