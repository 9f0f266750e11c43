// Rows, chains and lanes: which items stand on one line, and where lines lie beside each other.
// The row of an item is the length of the longest path to it. The spine leads from the result
// always to the deepest operand; every other operand begins a chain of its own, until it meets an
// item that is placed. A chain takes the nearest lane that is free over its whole length, on the
// side where it comes from.

import {Chain, Wire, compare, first, largest, smallest, sortedBy} from "./elements.js";
import {Taken, bisect} from "./rooms.js";

const SEARCH = 48; // lanes that are looked at on the way outward, at most
const PENDING = new Chain([], 0, 0);

// Gives every item of a block its row and its chain, every chain its lane.
export function placeLanes(block) {
  setRows(block);
  new Chains(block).place();
}

// Longest paths; trees of sources go down to the row before the one that uses them.
function setRows({items}) {
  const entered = items.some(({entry}) => entry), loose = new Map();
  for (const item of items) {
    const least = item.entry || !entered ? 0 : 1;
    item.row = largest(item.inputs.map(({tail}) => tail.row + 1), least);
    loose.set(item, !item.entry &&
      item.inputs.every(({tail}) => loose.get(tail) && tail.outputs.length === 1));
  }
  const last = largest(items.map(({row}) => row));
  for (const item of items) if (item.port && !item.entry) item.row = last;
  for (const item of items.toReversed()) {
    if (!item.outputs.length || !loose.get(item)) continue;
    item.row = Math.max(item.row, smallest(item.outputs.map(({head}) => head.row)) - 1);
  }
}

// Makes chains in the order of the rows where they join, the inner before the outer.
class Chains {
  lanes = []; // in order
  queue = new Queue();
  count = 0;
  main = new Map(); // the two main inputs of each

  constructor(block) {
    this.block = block;
  }

  place() {
    this.prescribed();
    const ends = this.block.items.filter(({outputs}) => !outputs.length);
    for (const item of sortedBy(ends, ({depth, row}) => [-depth, row])) this.push(-1, item, null);
    while (this.queue.heap.length) {
      const {item, join} = this.queue.pop();
      if (!join && (item.chain || (item.port && this.leave(item)))) continue;
      this.grow(item, join);
    }
  }

  push(row, item, join) {
    this.queue.push({key: [row, ++this.count], item, join});
  }

  // The lines that must be straight, each in a lane of its own, one after the other.
  prescribed() {
    const ports = new Map(this.block.items.map((item) => [item.port, item]));
    this.block.lines.forEach((some, number) => {
      const line = some.map((x) => (x instanceof Wire ? ports.get(x) : x));
      const chain = new Chain(line, 2 * line[0].row, 2 * line.at(-1).row);
      this.add(chain, this.newLane(number));
      for (const item of line) this.branch(item, line);
    });
  }

  // Queues the operands of an item that do not stand before it on its line.
  branch(item, line) {
    const straight = item.inputs.find(({tail}) => line.includes(tail));
    if (straight) straight.run = item.chain;
    for (const s of item.inputs) if (s !== straight) this.push(item.row, s.tail, s);
  }

  // The chain that ends in an item, which `join` leads on from.
  grow(item, join) {
    if (item.chain) {
      this.wire(join);
      return;
    }
    const line = [], later = new Set();
    let top = null;
    for (;;) {
      line.push(item);
      item.chain = PENDING;
      const fresh = item.inputs.filter(({tail}) => !tail.chain);
      const best = bestOf(fresh.length ? fresh : item.inputs);
      for (const s of item.inputs) if (s !== best) later.add(s);
      if (!fresh.length) {
        top = best;
        break;
      }
      item = best.tail;
    }
    line.reverse();
    const begin = top ? 2 * top.tail.row + 1 : 2 * line[0].row;
    const end = join ? 2 * join.head.row - 1 : 2 * line.at(-1).row;
    const chain = new Chain(line, begin, end, top, join), inside = new Set(line);
    this.add(chain, this.laneFor(chain, top, join));
    for (const s of line.flatMap(({inputs}) => inputs)) {
      if (inside.has(s.tail) && !later.has(s)) s.run = chain;
    }
    for (const s of [top, join]) if (s) s.run = chain;
    for (const s of later) this.push(s.head.row, s.tail, s);
  }

  // Whether a wire leaves the block right after an item that is placed: it goes straight.
  leave(item) {
    const [s] = item.inputs;
    if (!s.near || !s.tail.chain || s.tail.inner) return false;
    item.chain = s.tail.chain;
    this.block.straight.push(s);
    return true;
  }

  // A wire between two items that are placed, in a lane of its own if it is long.
  wire(s) {
    if (s.near) return;
    const chain = new Chain([], 2 * s.tail.row + 1, 2 * s.head.row - 1, s, s);
    s.run = chain;
    this.add(chain, this.laneFor(chain, s, s));
  }

  add(chain, lane) {
    chain.lane = lane;
    lane.taken.add(chain.first, chain.last);
    for (const item of chain.items) item.chain = chain;
    this.block.chains.push(chain);
  }

  // The nearest free lane on the side that a chain comes from.
  laneFor(chain, top, join) {
    if (!this.lanes.length) return this.newLane(0);
    const user = join?.head.chain.lane, source = top?.tail.chain.lane;
    if (user && source && user !== source) return this.between(chain, user, source);
    const start = user ?? source ?? this.lanes[Math.floor(this.lanes.length / 2)];
    return this.outward(chain, start, this.sideOf(chain, join));
  }

  // On which side of its user a chain comes: by its place among the operands.
  sideOf(chain, join) {
    if (!join || !chain.items.length) return 1;
    const {head} = join;
    if (!this.main.has(head)) this.main.set(head, sortedBy(head.inputs, main).slice(0, 2));
    const other = this.main.get(head).find((s) => s !== join);
    if (!other) return 1;
    if (join.headPort && other.headPort) return join.headPort.u < other.headPort.u ? -1 : 1;
    return join.wire.index < other.wire.index ? -1 : 1;
  }

  // The next free lane on one side; a new one before a line that the chain would cross.
  outward(chain, start, side) {
    const {first, last} = chain, place = this.placeOf(start);
    for (let k = 1; k < SEARCH; k++) {
      const at = place + side * k, lane = this.lanes[at];
      if (!lane) break;
      if (lane.taken.isFree(first, last)) return lane;
      if (lane.taken.until(last) > last) return this.newLane(side > 0 ? at : at + 1);
    }
    return this.newLane(side > 0 ? this.lanes.length : 0);
  }

  // A free lane between those of its user and its source, or a new one beside the source.
  between({first, last}, user, source) {
    const a = this.placeOf(user), b = this.placeOf(source), side = b > a ? 1 : -1;
    for (let at = a + side, k = 0; at !== b && k < SEARCH; at += side, k++) {
      if (this.lanes[at].taken.isFree(first, last)) return this.lanes[at];
    }
    return this.newLane(side > 0 ? b : b + 1);
  }

  placeOf({order}) {
    return bisect(this.lanes, (lane) => lane.order < order);
  }

  // A new lane at a place among the others.
  newLane(at) {
    const low = this.lanes[at - 1]?.order, high = this.lanes[at]?.order;
    let order;
    if (high === undefined) order = low === undefined ? 0 : low + 1;
    else if (low === undefined) order = high - 1;
    else {
      order = (low + high) / 2;
      if (!(low < order && order < high) || high - low < 1e-9) {
        this.lanes.forEach((lane, k) => (lane.order = k));
        order = at - 0.5;
      }
    }
    const lane = {order, taken: new Taken()};
    this.lanes.splice(at, 0, lane);
    return lane;
  }
}

// What has the least key comes first: a heap.
class Queue {
  heap = [];

  push(entry) {
    const {heap} = this;
    let at = heap.length;
    while (at && compare(entry.key, heap[(at - 1) >> 1].key) < 0) {
      heap[at] = heap[(at - 1) >> 1];
      at = (at - 1) >> 1;
    }
    heap[at] = entry;
  }

  pop() {
    const {heap} = this, top = heap[0], last = heap.pop();
    if (!heap.length) return top;
    let at = 0;
    for (let low = 1; low < heap.length; low = 2 * at + 1) {
      if (low + 1 < heap.length && compare(heap[low + 1].key, heap[low].key) < 0) low++;
      if (compare(last.key, heap[low].key) <= 0) break;
      heap[at] = heap[low];
      at = low;
    }
    heap[at] = last;
    return top;
  }
}

// The main one of an item's inputs; of those from the same item the straightest.
function bestOf(some) {
  const best = first(some, main);
  if (!best?.tailPort || !best.headPort) return best;
  const alike = some.filter(({tail, wire}) =>
    tail === best.tail && wire.flows === best.wire.flows);
  return first(alike, (s) => [bend(s), ...main(s)]);
}

// How far apart the places in the borders of two blocks are that a wire joins.
const bend = ({tailPort, headPort}) => Math.trunc(Math.abs(tailPort.u - headPort.u));

// How an operand compares: the one that gradient flows to, the deepest, the first.
const main = ({wire}) => [-Number(wire.flows), -wire.tail.depth, wire.index];
