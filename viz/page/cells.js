// Thumbnails and their colours, as viz/capture/thumbnails.py and viz/style/heatmap.py have them;
// the docstrings there say what they are and why. Nothing here needs a page.

import {number, toFloat} from "./text.js";

const MATRIX = 32, STRIP = 64, SHEET = [57, 64], GRID = 6, TILES = 12, LEGIBLE = 12, LOOK = 32;
const NEGATIVE = [0xd5, 0x5e, 0x00], POSITIVE = [0x00, 0x72, 0xb2], GREY = [128, 128, 128];
const FAINT = 90; // a gap is a faint grey
const GROUNDS = [[255, 255, 255], [0x16, 0x1b, 0x22]]; // of light and dark pictures

const product = (all) => all.reduce((a, b) => a * b, 1);
const less = (a, b) => a.findIndex((x, k) => x !== b[k]) >= 0
  && a[a.findIndex((x, k) => x !== b[k])] < b[a.findIndex((x, k) => x !== b[k])];
const matrixOf = (shape) => [1, 1, ...shape].slice(-2);

// Where the cells of an array of this shape come from.
export function planned(shape) {
  const [rows, columns] = matrixOf(shape);
  if (shape.length <= 2) {
    const most = shape.length === 1 ? [1, STRIP] : [MATRIX, MATRIX];
    return plan(shape, [1, 1], [0], [Math.ceil(rows / most[0]), Math.ceil(columns / most[1])], "");
  }
  const samples = product(shape.slice(0, -3)), channels = shape.at(-3);
  let down, across, shown, words;
  if (samples > 1 && channels > 1) {
    [down, across] = [[samples, rows], [channels, columns]].map(([n, side], k) =>
      Math.min(n, GRID, Math.floor((SHEET[k] + 1) / (Math.min(side, LEGIBLE) + 1))));
    shown = Array.from({length: down * across}, (_, k) => Math.floor(k / across) * channels + (k % across));
    words = [[down, samples], [across, channels]].map(([n, of]) => (n === of ? `${n}` : `${n} of ${of}`));
    if (shown.length === samples * channels) words = [];
  } else {
    const count = Math.min(samples * channels, TILES);
    let best = null;
    for (let n = 1; n <= count; n++) {
      const lines = Math.ceil(count / n), [a, b] = sides(rows, columns, lines, n);
      const unlike = [a * b, lines * n - count, Math.abs(lines * rows - n * columns), -n];
      if (!best || less(unlike, best)) best = unlike;
    }
    across = -best[3];
    down = Math.ceil(count / across);
    shown = Array.from({length: count}, (_, k) => k);
    words = count < samples * channels ? [`${count} of ${samples * channels}`] : [];
  }
  return plan(shape, [down, across], shown, sides(rows, columns, down, across),
    words.length ? `${words.join(" × ")} tiles` : "");
}

function sides(rows, columns, down, across) {
  const [high, wide] = [down, across].map((n, k) => Math.floor((SHEET[k] + 1) / n) - 1);
  const a = Math.ceil(rows / high), b = Math.ceil(columns / wide);
  return Math.max(rows, columns) > 4 * Math.min(rows, columns) ? [a, b] : [Math.max(a, b), Math.max(a, b)];
}

function plan(shape, [down, across], shown, [a, b], words) {
  const [rows, columns] = matrixOf(shape);
  const s = Math.max(Math.floor(a / (b > 1 ? LOOK : LOOK ** 2)), 1);
  const t = Math.max(Math.floor(b / (a > 1 ? LOOK : LOOK ** 2)), 1);
  [a, b] = [Math.ceil(a / s) * s, Math.ceil(b / t) * t];
  const cell = a * b > 1 ? `a cell: ${a}×${b}${s * t > 1 ? `, 1 of ${s * t} looked at` : ""}` : "";
  return {down, across, shown, block: [a, b], steps: [s, t], caption: [words, cell].filter(Boolean).join(", "),
    size: [down * (Math.ceil(rows / a) + 1) - 1, across * (Math.ceil(columns / b) + 1) - 1]};
}

// How wide and how high a heat-map in a record is: whole pixels for each cell, images not distorted.
export function mapSize(shape) {
  const [rows, columns] = planned(shape).size;
  if (shape.length > 2) {
    const px = Math.max(Math.min(Math.floor(64 / Math.max(rows, columns)), 6), 1);
    return [px * columns, px * rows];
  }
  const side = (room, most, n) => n * Math.max(Math.min(Math.floor(room / n), most), 1);
  return [side(40, 9, columns), side(32, 18, rows)];
}

// The cells that stand for an array, given as its elements in a line: rows of numbers, null for a
// gap; the end of their scale, and what a summary of the document says of them.
export function thumbnail(data, shape) {
  const {across, shown, block, steps: [s, t], caption, size} = planned(shape);
  const [rows, columns] = matrixOf(shape), [a, b] = block;
  const high = Math.ceil(rows / a), wide = Math.ceil(columns / b);
  const cells = Array.from({length: size[0]}, () => new Array(size[1]).fill(null));
  shown.forEach((place, k) => {
    const from = place * rows * columns;
    const at = (i, j) => data[from + i * s * columns + j * t];
    const [top, left] = [Math.floor(k / across) * (high + 1), (k % across) * (wide + 1)];
    shrink(at, Math.ceil(rows / s), Math.ceil(columns / t), a / s, b / t, (i, j, v) => {
      cells[top + i][left + j] = v;
    });
  });
  return {cells, scale: scaleOf(cells), block, caption};
}

export const scaleOf = (cells) => cells.flat().reduce((top, cell) => {
  const size = cell === null ? NaN : Math.abs(toFloat(cell));
  return size > top && size < Infinity ? size : top;
}, 0);

// How many sub-blocks of a × b make a block, whose elements are sorted together.
const parts = (a, b) => [a === 1 ? 1 : b === 1 ? 4 : 2, b === 1 ? 1 : a === 1 ? 4 : 2];

function shrink(at, rows, columns, a, b, put) {
  if (a * b === 1) {
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) put(i, j, at(i, j));
    return;
  }
  const [m, n] = parts(a, b), all = new Float64Array(a * m * b * n);
  for (let top = 0; top < rows; top += a * m) {
    for (let left = 0; left < columns; left += b * n) {
      const bottom = Math.min(top + a * m, rows), right = Math.min(left + b * n, columns);
      const blocks = [];
      let count = 0;
      for (let i = top; i < bottom; i += a) {
        for (let j = left; j < right; j += b) {
          const down = Math.min(i + a, bottom), over = Math.min(j + b, right);
          let sum = 0;
          for (let y = i; y < down; y++) for (let x = j; x < over; x++) sum += all[count++] = at(y, x);
          const size = (down - i) * (over - j);
          blocks.push({i: i / a, j: j / b, size, mean: sum / size});
        }
      }
      const sorted = all.subarray(0, count).sort(); // not a number is last
      blocks.sort((one, two) => Number.isNaN(one.mean) - Number.isNaN(two.mean)
        || (one.mean < two.mean ? -1 : Number(one.mean > two.mean)));
      let next = 0;
      for (const {i, j, size} of blocks) {
        let sum = 0;
        for (let k = 0; k < size; k++) sum += sorted[next++];
        put(i, j, sum / size);
      }
    }
  }
}

// What a cell of a thumbnail stands for: the index of its tile among the matrices, and from where
// to where in each axis; of several elements it is the mean of `share` of them.
export function standsFor(shape, i, j) {
  const {across, shown, block: [a, b]} = planned(shape), [rows, columns] = matrixOf(shape);
  const [high, wide] = [Math.ceil(rows / a) + 1, Math.ceil(columns / b) + 1], [m, n] = parts(a, b);
  let place = shown[Math.floor(i / high) * across + Math.floor(j / wide)];
  const spans = [[i % high, a, a * b > 1 ? m : 1, rows], [j % wide, b, a * b > 1 ? n : 1, columns]]
    .map(([k, each, of, most]) => {
      const from = Math.floor(k / of) * of * each;
      return [from, Math.min(from + of * each, most) - 1];
    });
  const lead = [];
  for (const length of shape.slice(0, -2).reverse()) {
    lead.unshift(place % length);
    place = Math.floor(place / length);
  }
  const words = [...lead, ...spans.map(([from, to]) => (from === to ? from : `${from}–${to}`))];
  return {index: `[${words.slice(-Math.max(shape.length, 1)).join(", ")}]`, several: a * b > 1};
}

// The colour of a cell: red, green, blue, and how opaque it is, from 0 to 255.
export function colour(cell, scale) {
  if (cell === null) return [...GREY, FAINT];
  const x = toFloat(cell) / (scale > 0 ? scale : 1);
  if (!Number.isFinite(toFloat(cell))) return [...GREY, 255];
  const share = 255 * Math.min(Math.abs(x), 1), below = Math.floor(share);
  // halves to even, as NumPy rounds
  const alpha = share - below === 0.5 ? below + (below % 2) : Math.round(share);
  return [...(x > 0 ? POSITIVE : NEGATIVE), alpha];
}

function luminance(channels) {
  const [r, g, b] = channels.map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// The role of the ink that can be read on a cell in either theme.
export function inkOf([r, g, b, alpha]) {
  const [light, dark] = GROUNDS.map((ground) =>
    luminance([r, g, b].map((c, k) => Math.round(ground[k] + ((c - ground[k]) * alpha) / 255))) < 0.179);
  return light ? "cell-white" : dark ? "cell-ink" : "cell-black";
}

// A number in a cell to so many significant digits; whole ones below 10,000 are not rounded.
export function spelled(x, digits = 2) {
  const size = Math.abs(toFloat(x));
  return number(x, size < 1e4 ? Math.max(digits, String(Math.floor(size)).length) : digits);
}
