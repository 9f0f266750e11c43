// What is taken of a line, and how far things reach beside it, in times that hardly grow.

// How many items of a sorted list come before a place: those for which `isBefore` is true.
export function bisect(items, isBefore) {
  let low = 0, high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(items[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Spans of a line that do not meet.
export class Taken {
  spans = []; // [begin, end], which it includes, in order

  add(begin, end) {
    this.spans.splice(bisect(this.spans, (span) => span[0] <= begin), 0, [begin, end]);
  }

  // Where the last of those that begin up to a place ends.
  until(at) {
    return this.spans[bisect(this.spans, (span) => span[0] <= at) - 1]?.[1] ?? -Infinity;
  }

  isFree(begin, end) {
    return this.until(end) < begin;
  }
}

// Heights of cells in a row, which only grow: a tree of them, in an array. The height of a cell is
// the greatest `floor` of its node and of those above it; `best` is the greatest height that raises
// within a node have led to.
export class Skyline {
  constructor(cells, height) {
    this.cells = cells;
    this.floor = new Float64Array(2 * cells).fill(height);
    this.best = this.floor.slice();
  }

  // Calls `use` with the nodes that are the cells from `first` to `last` together.
  #cover(first, last, use) {
    let low = first + this.cells, high = last + this.cells + 1;
    for (; low < high; low >>= 1, high >>= 1) {
      if (low & 1) use(low++);
      if (high & 1) use(--high);
    }
  }

  // The greatest height of the cells from `first` to `last`.
  highest(first, last) {
    let out = -Infinity;
    this.#cover(first, last, (node) => (out = Math.max(out, this.best[node])));
    for (const cell of [first, last]) {
      for (let node = cell + this.cells; node; node >>= 1) out = Math.max(out, this.floor[node]);
    }
    return out;
  }

  // Lifts the cells from `first` to `last` that are lower to a height.
  lift(first, last, height) {
    const {floor, best} = this;
    this.#cover(first, last, (node) => {
      floor[node] = Math.max(floor[node], height);
      best[node] = Math.max(best[node], height);
    });
    for (const cell of [first, last]) {
      let node = (cell + this.cells) >> 1;
      for (; node && best[node] < height; node >>= 1) best[node] = height;
    }
  }
}
