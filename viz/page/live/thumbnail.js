// Thumbnails as viz/capture/thumbnails.py makes them: cells that keep the distribution of elements.

import { product } from "./ndarray.js";

const [MATRIX, STRIP, SHEET, GRID, TILES, LEGIBLE, LOOK] = [32, 64, [57, 64], 6, 12, 12, 32];
const up = (n, k) => Math.ceil(n / k);
const plans = new Map();

// Rows of cells (null between tiles), the elements of a block, and the caption.
export function thumbnail(data, shape) {
  const key = shape.join();
  if (!plans.has(key)) plans.set(key, planned(shape));
  const { across, size, shown, block: [a, b], steps: [s, t], caption } = plans.get(key);
  const [rows, columns] = [1, 1, ...shape].slice(-2);
  const sheet = Array.from({ length: size[0] }, () => new Array(size[1]).fill(null));
  shown.forEach((place, k) => {
    const top = Math.floor(k / across) * (up(rows, a) + 1);
    const left = (k % across) * (up(columns, b) + 1);
    const at = (i, j) => data[place * rows * columns + i * s * columns + j * t];
    shrink(at, up(rows, s), up(columns, t), a / s, b / t, (i, j, x) => { sheet[top + i][left + j] = x; });
  });
  return { cells: sheet, block: [a, b], caption };
}

function planned(shape) {
  const [rows, columns] = [1, 1, ...shape].slice(-2);
  if (shape.length <= 2) {
    const most = shape.length === 1 ? [1, STRIP] : [MATRIX, MATRIX];
    return plan(shape, [1, 1], [0], [up(rows, most[0]), up(columns, most[1])], "");
  }
  const [samples, channels] = [product(shape.slice(0, -3)), shape.at(-3)];
  const all = samples * channels;
  if (samples > 1 && channels > 1) {
    const [down, across] = [samples, channels].map((n, k) => Math.min(
      n, GRID, Math.floor((SHEET[k] + 1) / (Math.min([rows, columns][k], LEGIBLE) + 1))));
    const shown = Array.from({ length: down * across }, (_, k) => (
      Math.floor(k / across) * channels + (k % across)));
    const words = [[down, samples], [across, channels]].map(([n, of]) => (n === of ? `${n}` : `${n} of ${of}`));
    const sides = sidesOf(rows, columns, down, across);
    return plan(shape, [down, across], shown, sides, shown.length === all ? "" : `${words.join(" × ")} tiles`);
  }
  const count = Math.min(all, TILES);
  const unlike = (n) => {
    const lines = up(count, n);
    const [a, b] = sidesOf(rows, columns, lines, n);
    return [a * b, lines * n - count, Math.abs(lines * rows - n * columns), -n];
  };
  let across = 1;
  for (let n = 2; n <= count; n++) if (before(unlike(n), unlike(across))) across = n;
  const down = up(count, across);
  const shown = Array.from({ length: count }, (_, k) => k);
  const words = count < all ? `${count} of ${all} tiles` : "";
  return plan(shape, [down, across], shown, sidesOf(rows, columns, down, across), words);
}

function before(one, other) {
  const k = one.findIndex((x, i) => x !== other[i]);
  return k >= 0 && one[k] < other[k];
}

function sidesOf(rows, columns, down, across) {
  const room = [down, across].map((n, k) => Math.floor((SHEET[k] + 1) / n) - 1);
  const [a, b] = [up(rows, room[0]), up(columns, room[1])];
  const long = Math.max(rows, columns) > 4 * Math.min(rows, columns);
  return long ? [a, b] : [Math.max(a, b), Math.max(a, b)];
}

function plan(shape, [down, across], shown, [a0, b0], words) {
  const [rows, columns] = [1, 1, ...shape].slice(-2);
  const s = Math.max(Math.floor(a0 / (b0 > 1 ? LOOK : LOOK ** 2)), 1);
  const t = Math.max(Math.floor(b0 / (a0 > 1 ? LOOK : LOOK ** 2)), 1);
  const [a, b] = [up(a0, s) * s, up(b0, t) * t];
  const cell = a * b > 1 ? `a cell: ${a}×${b}${s * t > 1 ? `, 1 of ${s * t} looked at` : ""}` : "";
  const size = [down * (up(rows, a) + 1) - 1, across * (up(columns, b) + 1) - 1];
  const caption = [words, cell].filter(Boolean).join(", ");
  return { across, size, shown, block: [a, b], steps: [s, t], caption };
}

const last = (x, y) => (x !== x) - (y !== y) || x - y || 0; // NaN stands behind all numbers

function shrink(at, rows, columns, a, b, put) {
  const [m, n] = [a === 1 ? 1 : b === 1 ? 4 : 2, b === 1 ? 1 : a === 1 ? 4 : 2];
  for (let top = 0; top < rows; top += a * m) for (let left = 0; left < columns; left += b * n) {
    const [bottom, right] = [Math.min(top + a * m, rows), Math.min(left + b * n, columns)];
    const parts = [];
    const elements = [];
    for (let i = top; i < bottom; i += a) for (let j = left; j < right; j += b) {
      const [high, wide] = [Math.min(i + a, bottom), Math.min(j + b, right)];
      let sum = 0;
      for (let k = i; k < high; k++) for (let l = j; l < wide; l++) {
        const x = at(k, l);
        sum += x;
        elements.push(x);
      }
      const size = (high - i) * (wide - j);
      parts.push({ i: i / a, j: j / b, size, mean: sum / size });
    }
    elements.sort(last);
    parts.sort((x, y) => last(x.mean, y.mean));
    let next = 0;
    for (const { i, j, size } of parts) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += elements[next++];
      put(i, j, sum / size);
    }
  }
}
