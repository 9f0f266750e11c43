// Lines: a picture that grows to the right is broken into lines, like a score. It is cut between
// two rows of the whole, where only wires run, and these go on where the next line begins.

import {largest, smallest} from "./elements.js";

const BETWEEN = 46; // from one line to the next
const OVER = 14; // by how much wires stand out at both ends

// The lines of a picture, each a part of the flow from `first` to `last`, where `u` is added to
// what lies across it; a picture that grows downward has one.
export function divided(root, wires, room, turned) {
  const end = Math.max(root.along, 1), cuts = [0];
  const fed = new Set(root.items.filter(({inputs}) => inputs.length).map(({row}) => row));
  for (const [row, [begin, stop]] of turned ? root.rows.entries() : []) {
    // what a line begins with is no mere leaf
    if (stop - cuts.at(-1) > room && begin - 8 > cuts.at(-1) + 1 && fed.has(row - 1)) {
      cuts.push(begin - 8);
    }
  }
  if (cuts.length === 1) return [{first: 0, last: end, u: 0, over: OVER}];
  let u = 0;
  return cuts.map((first, k) => {
    const last = cuts[k + 1] ?? end, [low, high] = reach(root, wires, first, last);
    const line = {first, last, u: u - low, over: OVER};
    u += high - low + BETWEEN;
    return line;
  });
}

// How far what stands between two places of the flow reaches across it.
function reach(root, wires, first, last) {
  const lows = [], highs = [];
  for (const item of root.items) {
    if (!(first <= item.v && item.v < last)) continue;
    const [before, after] = item.reach;
    lows.push(item.u - before);
    highs.push(item.u + after);
  }
  for (const {points} of wires) {
    for (let k = 1; k < points.length; k++) {
      const [[u0, v0], [u1, v1]] = [points[k - 1], points[k]];
      if (Math.min(v0, v1) >= last || Math.max(v0, v1) <= first) continue;
      lows.push(Math.min(u0, u1) - 34);
      highs.push(Math.max(u0, u1) + 10);
    }
  }
  return [smallest(lows), largest(highs)];
}

// Where a point of the layout is in the picture; `near` says on which line it belongs.
export function placed([u, v], lines, turned, left, near) {
  const line = lines.find(({last}) => near < last) ?? lines.at(-1);
  return turned ? [v - line.first + left, u + line.u] : [u + left, v];
}
