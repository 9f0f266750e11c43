// What the river layout places: items, the blocks they stand in, and wires between them. These
// modules are those of viz/layout/river in Python, and give the same places. The flow of the
// forward pass is one axis, v; across it is u. Each item has a channel, the line u = 0 of its own
// that its main wire runs on; `before` and `after` are how far it reaches to either side of it.

// A leaf that stands beside the only item that uses it; `at` is its corner (u, v) when placed.
export class Leaf {
  at = [0, 0];

  constructor(id, across, along, after = false) {
    Object.assign(this, {id, across, along, after});
  }
}

// What an item uses of another; `points` is its way when it is placed. `index` is its place among
// the operands of its head, `flows` whether a gradient flows back, `label` how long its label is.
export class Wire {
  index = 0;
  flows = false;
  label = 0;
  points = [];
  parts = [];
  labelAt = null;
  labelAfter = false;

  constructor(id, tail, head, fields) {
    Object.assign(this, {id, tail, head}, fields);
  }
}

// A record, a block of them (`inner`), or the place where a wire (`port`) goes in (`entry`) or out
// of a block. A `rigid` one keeps its size; others are as wide as the widest on their line.
export class Item {
  before = 0;
  after = 0;
  along = 0;
  leaves = [];
  inner = null;
  block = null;
  depth = 0;
  port = null;
  entry = false;
  rigid = false;
  inputs = [];
  outputs = [];
  row = 0;
  chain = null;
  shift = 0; // of its channel from its chain's
  u = 0; // of its channel
  v = 0; // of its beginning

  constructor(id, fields) {
    Object.assign(this, {id}, fields);
  }

  // How far it and its leaves reach before and after the channel.
  get reach() {
    let {before, after} = this;
    for (const leaf of this.leaves) {
      if (leaf.after) after = Math.max(after, this.after + BESIDE + leaf.across);
      else before = Math.max(before, this.before + BESIDE + leaf.across);
    }
    return [before, after];
  }
}

// The part of a wire in one block, between two of its items. `run` is the chain along whose line
// it runs, null if it only crosses one gap; `start` and `end` are the offsets from the channels of
// tail and head; `split` and `join` the tracks of its parts across the flow, where it has any.
export class Segment {
  run = null;
  start = 0;
  end = 0;
  split = null;
  join = null;
  points = [];

  constructor(wire, tail, head, tailPort, headPort) {
    Object.assign(this, {wire, tail, head, tailPort, headPort});
  }

  get near() {
    return this.head.row === this.tail.row + 1;
  }

  // The u along which it runs.
  get line() {
    const {run, tail, head} = this;
    if (!run || head.chain === run) return head.u + this.end;
    return tail.chain === run ? tail.u + this.start : run.u;
  }
}

// Items on one straight line, or a wire alone, over the cells from `first` to `last`: row k is the
// cell 2k, the gap after it 2k + 1. The segments `top` and `join` lead from another chain to it and
// from it to another.
export class Chain {
  lane = null;
  u = 0;

  constructor(items, first, last, top = null, join = null) {
    Object.assign(this, {items, first, last, top, join});
  }
}

// Items that are laid out together: the whole picture (`item` is null), or what stands in a frame.
// `lines` are items that have to stand on straight lines, the first on the main one; a wire stands
// for the place where it comes in or goes out. `straight` are segments that leave the block right
// where they begin, `rows` the begin and end of each.
export class Block {
  item = null;
  title = 0;
  items = [];
  lines = [];
  segments = [];
  chains = [];
  straight = [];
  before = 0;
  after = 0;
  along = 0;
  rows = [];

  constructor(id, fields) {
    Object.assign(this, {id}, fields);
  }

  get outer() {
    return this.item.block;
  }

  // This block and those in it, the outer before the inner.
  *blocks() {
    yield this;
    for (const {inner} of this.items) if (inner) yield* inner.blocks();
  }
}

// The distances of a layout in px, for either direction of the flow. `label` is the height of a
// label along the flow, 0 to take each label's own length.
export const DOWN = {label: 16, titleAlong: 20, titleAcross: 0, gap: 17, turned: false};
export const RIGHT = {label: 0, titleAlong: 0, titleAcross: 20, gap: 24, turned: true};

export const BESIDE = 30; // between an item and a leaf beside it
export const STACK = 6; // between two leaves beside the same item
export const LANE = 16; // between chains
export const TRACK = 25; // between parts of wires that run across the flow
export const AFTER = 23; // from the channel to the first wire after it
export const PORT = 27; // between wires that leave an item
export const WIRE = [20, 9]; // the room of a wire with its ribbon, before and after it
export const MARGIN = 10; // between a frame and what it holds

export const sum = (values) => values.reduce((a, b) => a + b, 0);
export const largest = (values, fallback = 0) =>
  (values.length ? values.reduce((a, b) => Math.max(a, b)) : fallback);
export const smallest = (values, fallback = 0) =>
  (values.length ? values.reduce((a, b) => Math.min(a, b)) : fallback);

// The order of two lists of numbers: that of the first numbers that differ.
export function compare(a, b) {
  const k = a.findIndex((x, k) => x !== b[k]);
  return k < 0 ? 0 : a[k] - b[k];
}

// The first item whose list of numbers is the least, or null.
export function first(items, key) {
  let best = null, least = null;
  for (const item of items) {
    const own = key(item);
    if (!least || compare(own, least) < 0) [best, least] = [item, own];
  }
  return best;
}

export const sortedBy = (items, key) =>
  items.map((item) => [key(item), item]).sort(([a], [b]) => compare(a, b)).map(([, item]) => item);
