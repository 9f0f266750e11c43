// Lines: a picture that grows to the right is broken into lines, like a score. It is cut between
// two rows of the whole, where only wires run, and these go on where the next line begins.

import {largest} from "./elements.js";
import {bisect} from "./rooms.js";

const BETWEEN = 36; // from one line to the next
const MORE = 160; // by how much the last line may be longer
const OVER = 14; // by how much wires stand out at both ends

// The lines of a picture, each a part of the flow from `first` to `last`, where `u` is added to
// what lies across it; a picture that grows downward has one.
export function divided(root, wires, room, turned) {
  const end = Math.max(root.along, 1), cuts = [0];
  const records = root.items.filter(({inputs, leaves, inner}) => inputs.length || leaves.length || inner);
  const made = new Set(records.map(({row}) => row));
  for (const [row, [begin, stop]] of turned ? root.rows.entries() : []) {
    // what a line begins with is no mere leaf
    if (stop - cuts.at(-1) > room && begin - 8 > cuts.at(-1) + 1 && made.has(row - 1)) {
      cuts.push(begin - 8);
    }
  }
  if (cuts.length === 1) return [{first: 0, last: end, u: 0, over: OVER}];
  const {area, lines} = stacked(root, wires, cuts, end);
  if (end - cuts.at(-2) >= room + MORE) return lines;
  const fewer = stacked(root, wires, cuts.slice(0, -1), end);
  return fewer.area < area ? fewer.lines : lines;
}

// Lines that begin at places of the flow, each after the one before it, and their area.
function stacked(root, wires, cuts, end) {
  const reach = reaches(root, wires, cuts);
  let u = 0;
  const lines = cuts.map((first, k) => {
    const [low, high] = reach[k], line = {first, last: cuts[k + 1] ?? end, u: u - low, over: OVER};
    u += high - low + BETWEEN;
    return line;
  });
  return {lines, area: u * largest(lines.map(({first, last}) => last - first))};
}

// How far what stands on each line reaches across the flow.
function reaches(root, wires, cuts) {
  const found = cuts.map(() => [Infinity, -Infinity]);
  const add = (begin, end, low, high) => {
    for (let k = begin; k < end; k++) {
      found[k] = [Math.min(found[k][0], low), Math.max(found[k][1], high)];
    }
  };
  const until = (v) => bisect(cuts, (cut) => cut <= v);
  for (const {u, v, reach: [before, after]} of root.items) {
    add(until(v) - 1, until(v), u - before, u + after);
  }
  for (const {points} of wires) {
    for (let k = 1; k < points.length; k++) {
      const [[u0, v0], [u1, v1]] = [points[k - 1], points[k]], end = Math.max(v0, v1);
      add(until(Math.min(v0, v1)) - 1, bisect(cuts, (cut) => cut < end),
        Math.min(u0, u1) - 34, Math.max(u0, u1) + 10);
    }
  }
  return found.map(([low, high]) => (low <= high ? [low, high] : [0, 0]));
}

// The lines that what lies between two places of the flow is on.
export const spanned = (lines, begin, end) => lines.slice(
  bisect(lines, ({last}) => last < begin), bisect(lines, ({first}) => first <= end));

// Where a point of the layout is in the picture; `near` says on which line it belongs.
export function placed([u, v], lines, turned, left, near) {
  const line = lines[bisect(lines, ({last}) => last <= near)] ?? lines.at(-1);
  return turned ? [v - line.first + left, u + line.u] : [u + left, v];
}
