// Lays out a block with all blocks in it, and leads the wires over their borders.

import {Item, MARGIN, Segment, sortedBy} from "./elements.js";
import {placeLanes} from "./lanes.js";
import {frame, makeRoom, settle} from "./tracks.js";

// Places everything; u of the whole is 0 on its main line, v begins with 0. Items of every block
// must be in an order in which tails come before heads.
export function arrange(root, wires, distances) {
  for (const {tail, head} of wires) head.depth = Math.max(head.depth, tail.depth + 1);
  wires.forEach(lead);
  const blocks = [...root.blocks()];
  for (const block of blocks.toReversed()) {
    putInOrder(block);
    placeLanes(block);
    makeRoom(block, distances);
    makeEqual(block);
    if (distances.turned) turnLeaves(block);
    settle(block, distances);
    if (block.item) frame(block, distances);
  }
  for (const block of blocks) if (block.item) move(block, distances);
  for (const wire of wires) wire.points = joined(wire.parts.flatMap(({points}) => points));
}

// Records that follow each other on a line are equally wide: their borders are lines, too.
function makeEqual({chains}) {
  for (const {items} of chains) {
    const some = items.filter(({inner, port, rigid}) => !inner && !port && !rigid);
    const sizes = new Map(); // by what is the same for rows that follow each other
    const keep = ([before, after], item) =>
      [Math.max(before, item.before), Math.max(after, item.after)];
    some.forEach((item, k) =>
      sizes.set(item.row - k, keep(sizes.get(item.row - k) ?? [0, 0], item)));
    some.forEach((item, k) => ([item.before, item.after] = sizes.get(item.row - k)));
  }
}

// Leaves of items after the main line stand on the far side from it.
function turnLeaves({chains, items}) {
  const main = chains[0]?.lane.order ?? 0;
  for (const {chain, leaves} of items) {
    if (chain.lane.order > main) for (const leaf of leaves) leaf.after = true;
  }
}

// Divides a wire into its segments: out of blocks, across the common one, into blocks.
function lead(wire) {
  let {tail, head} = wire, tailPort = null, headPort = null;
  const around = new Set([tail.block]);
  for (let block = tail.block; block.item; around.add(block)) block = block.outer;
  let common = head.block;
  while (!around.has(common)) common = common.outer;
  const {depth} = wire.tail, out = [], inward = [];
  while (tail.block !== common) {
    const exit = new Item(`${wire.id}/out`, {depth, port: wire, block: tail.block});
    tail.block.items.push(exit);
    out.push(segment(wire, tail, exit, tailPort, null));
    [tail, tailPort] = [tail.block.item, exit];
  }
  while (head.block !== common) {
    const entry = new Item(`${wire.id}/in`, {depth, port: wire, entry: true, block: head.block});
    head.block.items.push(entry);
    inward.push([entry, head, headPort]);
    [head, headPort] = [head.block.item, entry];
  }
  out.push(segment(wire, tail, head, tailPort, headPort));
  for (const [entry, inner, port] of inward.reverse()) {
    out.push(segment(wire, entry, inner, null, port));
  }
  wire.parts = out;
}

function segment(wire, tail, head, tailPort, headPort) {
  const s = new Segment(wire, tail, head, tailPort, headPort);
  tail.outputs.push(s);
  head.inputs.push(s);
  tail.block.segments.push(s);
  return s;
}

// Brings a block's items in an order in which tails come before heads, nearest to theirs.
function putInOrder(block) {
  const {items} = block, left = new Map(items.map((item) => [item, item.inputs.length]));
  const number = new Map(items.map((item, k) => [item, k])), out = [];
  const starts = items.filter((item) => !left.get(item) && !item.entry).reverse();
  const stack = [...starts, ...items.filter(({entry}) => entry).reverse()];
  while (stack.length) {
    const item = stack.pop();
    out.push(item);
    for (const {head} of sortedBy(item.outputs, (s) => [-number.get(s.head)])) {
      left.set(head, left.get(head) - 1);
      if (!left.get(head)) stack.push(head);
    }
  }
  if (out.length < items.length) throw Error("a group that a path leaves and enters again");
  block.items = out;
}

// Moves what stands in a block to where the block is in the picture.
function move(block, {titleAlong}) {
  const {u, v: begin, along} = block.item, v = begin + MARGIN + titleAlong;
  const moved = ([x, y]) => [x + u, y + v];
  for (const inner of block.items) {
    inner.u += u;
    inner.v += v;
    for (const leaf of inner.leaves) leaf.at = moved(leaf.at);
  }
  block.rows = block.rows.map(([a, b]) => [a + v, b + v]);
  for (const s of block.segments) {
    s.points = s.points.map(moved);
    if (s.tail.entry) s.points[0][1] = begin;
    if (s.head.port && !s.head.entry) s.points.at(-1)[1] = begin + along;
    if (s.wire.labelAt && s === s.wire.parts[0]) s.wire.labelAt = moved(s.wire.labelAt);
  }
}

// The points of one way without those that lie on straight lines.
function joined(points) {
  const out = [];
  for (const p of points) {
    const [last, before] = [out.at(-1), out.at(-2)];
    if (last && isNear(last, p, 0) && isNear(last, p, 1)) continue;
    if (before && [0, 1].some((k) => isNear(before, last, k) && isNear(last, p, k))) out.pop();
    out.push(p);
  }
  return out;
}

const isNear = (a, b, k) => Math.abs(a[k] - b[k]) < 0.05;
