// Where each number of a product of matrices, of a convolution or of pooling comes from: a reader
// points at a cell of the result, and what it is made of lights up.

import {h} from "./dom.js";
import {heatmap} from "./heatmap.js";
import {number} from "./text.js";

const MATRICES = /^q(\d+|g)(ᵀ)? q(\d+|g)(ᵀ)?(?: \+ q\d+)?$/u;
const CONVOLUTION = /^q0 ⋆ q1(?: \+ q2)?$/;
const MOST = 1024; // cells of a map; larger ones are no use to point at
const CHANNELS = 4; // maps of an image that are shown

const sized = (data, shape) => ({data, shape});
const rowsOf = ({data, shape: [rows, columns]}) =>
  Array.from({length: rows}, (_, i) => Array.from(data.slice(i * columns, (i + 1) * columns)));
const transposed = ({data, shape: [rows, columns]}) => sized(Float64Array.from(data, (_, k) =>
  data[(k % rows) * columns + Math.floor(k / rows)]), [columns, rows]);
const scaleOf = ({data}) => data.reduce((top, v) => (Math.abs(v) < Infinity ? Math.max(top, Math.abs(v)) : top), 0);

// The heat-map of a matrix with its name above.
function map(name, x, scale, options = {}) {
  const found = {shape: x.shape, dtype: "float64", elements: rowsOf(x), scale, nans: 0, infs: 0,
    min: Math.min(...x.data), max: Math.max(...x.data)};
  const figure = heatmap(found, {name, room: 150, high: 120, largest: 30, isQuiet: true, ...options});
  return [h("div", {class: "factor"}, h("span", {class: "small"}, name), figure), figure];
}

// A sum in words: its first products, and what it comes to.
function spelledOut(pairs) {
  const some = pairs.slice(0, 3).map(([a, b]) => `${inParentheses(a)} · ${inParentheses(b)}`);
  const sum = pairs.reduce((total, [a, b]) => total + a * b, 0);
  return `${some.join(" + ")}${pairs.length > 3 ? ` + … (${pairs.length} products)` : ""} = ${number(sum, 4)}`;
}
const inParentheses = (x) => (x < 0 ? `(${number(x, 3)})` : number(x, 3));

const reading = (idle) => h("output", {class: "reading"}, idle);

// The element for a formula, or null. `arrayOf` gives the array of a placeholder as {data, shape},
// null if it is not here, `names` what it is called; `result` is the array that is made.
export function explained(text, {options, isForward, arrayOf, names, result}) {
  const found = MATRICES.exec(text), isConvolution = CONVOLUTION.test(text);
  if (found) return ofMatrices(found, arrayOf, names, result);
  if (!isForward || !(isConvolution || options.kernel)) return null;
  return ofWindows(isConvolution, options, arrayOf, names, result);
}

function ofMatrices([, one, turned, other, alsoTurned], arrayOf, names, result) {
  let [a, b] = [one, other].map(arrayOf);
  if (![a, b, result].every((x) => x?.shape.length === 2 && x.data.length <= MOST)) return null;
  const [first, second] = [a, b].map((x) => map("", x, scaleOf(x)));
  const words = [[first, one, turned], [second, other, alsoTurned]].map(([[element], key, isTurned]) => {
    element.firstChild.textContent = names(key) + (isTurned ? "ᵀ, as it is stored" : "");
    return element;
  });
  if (turned) a = transposed(a);
  if (alsoTurned) b = transposed(b);
  const [, inner] = a.shape, idle = "Point at a cell of the result: its row and its column light up.";
  const output = reading(idle);
  const whole = (i, isTurned, isRow) => (isRow !== Boolean(isTurned) ? {row: i} : {column: i});
  const [shown] = map("the result", result, scaleOf(result), {onpoint: (i, j) => {
    const on = i !== null;
    first[1].light(on ? whole(i, turned, true) : null);
    second[1].light(on ? whole(j, alsoTurned, false) : null);
    const pairs = on ? Array.from({length: inner}, (_, k) =>
      [a.data[i * inner + k], b.data[k * b.shape[1] + j]]) : [];
    output.textContent = on ? `[${i}, ${j}]: ${spelledOut(pairs)}` : idle;
  }});
  return h("div", {class: "product"}, h("div", {class: "factors"}, words, shown), output);
}

const pair = (words, otherwise) => {
  const numbers = words ? words.split(",").map(Number) : [];
  return numbers.length ? [numbers[0], numbers.at(-1)] : [otherwise, otherwise];
};

// One image and one channel of the result; the window that a cell is made of lights up.
function ofWindows(isConvolution, options, arrayOf, names, result) {
  const x = arrayOf("0"), kernel = isConvolution ? arrayOf("1") : null;
  if (!x || x.shape.length !== 4 || result?.shape.length !== 4 || (isConvolution && !kernel)) return null;
  const [, channels, high, wide] = x.shape, [, , down, across] = result.shape;
  const [tall, broad] = kernel ? kernel.shape.slice(2) : pair(options.kernel);
  const stride = pair(options.stride, isConvolution ? 1 : tall), padding = pair(options.padding, 0);
  const spread = pair(options.dilation, 1), groups = kernel ? channels / kernel.shape[1] : channels;
  if (![high * wide, down * across].every((n) => n <= MOST) || !Number.isInteger(groups)) return null;
  const slice = ({data, shape}, n, c) => {
    const size = shape[2] * shape[3], from = (n * shape[1] + c) * size;
    return sized(data.subarray ? data.subarray(from, from + size) : data.slice(from, from + size), shape.slice(2));
  };
  const perGroup = kernel ? result.shape[1] / groups : 1, own = (o) => Math.floor(o / perGroup);
  const used = (o) => Array.from({length: channels / groups}, (_, c) => own(o) * (channels / groups) + c);
  const body = h("div", {class: "product"});
  let [sample, channel] = [0, 0];
  const draw = () => {
    const inputs = used(channel).slice(0, CHANNELS).map((c) =>
      map(channels > 1 ? `${names("0")}, channel ${c}` : names("0"), slice(x, sample, c), scaleOf(x)));
    const kernels = !kernel ? [] : inputs.map((_, c) =>
      map(`${names("1")}${channels > 1 ? `, channel ${c}` : ""}`, slice(kernel, channel, c), scaleOf(kernel))[0]);
    const idle = "Point at a cell of the result: the window it is made of lights up.", output = reading(idle);
    const out = slice(result, sample, channel);
    const said = ([top, left]) => {
      if (!kernel) return `, from the window at [${top}, ${left}]`;
      const pairs = used(channel).flatMap((c, k) => Array.from({length: tall * broad}, (_, n) => {
        const [y, z] = [top + Math.floor(n / broad) * spread[0], left + (n % broad) * spread[1]];
        const inside = y >= 0 && z >= 0 && y < high && z < wide;
        return [inside ? slice(x, sample, c).data[y * wide + z] : 0, slice(kernel, channel, k).data[n]];
      }));
      return `: ${spelledOut(pairs)}${arrayOf("2") ? `, and ${number(arrayOf("2").data[channel], 4)} of ${names("2")}` : ""}`;
    };
    const [shown] = map(result.shape[1] > 1 ? `result, channel ${channel}` : "result", out, scaleOf(result), {onpoint: (i, j) => {
      const corner = i === null ? null : [i * stride[0] - padding[0], j * stride[1] - padding[1]];
      const size = [(tall - 1) * spread[0] + 1, (broad - 1) * spread[1] + 1];
      for (const [, figure] of inputs) figure.light(corner && {row: corner[0], column: corner[1], high: size[0], wide: size[1]});
      output.textContent = corner ? `[${i}, ${j}] = ${number(out.data[i * across + j], 4)}${said(corner)}` : idle;
    }});
    const maps = h("div", {class: "factors"}, inputs.map(([element]) => element), kernels, shown);
    const choose = (words, count, at, turn) => (count > 1 ? h("label", {class: "small"}, `${words} `,
      h("select", {onchange: (event) => {
        turn(Number(event.target.value));
        draw();
      }}, Array.from({length: Math.min(count, 64)}, (_, k) =>
        h("option", {value: k, selected: k === at ? "" : null}, k)))) : null);
    body.replaceChildren(...[choose("sample", x.shape[0], sample, (k) => (sample = k)),
      choose("channel", result.shape[1], channel, (k) => (channel = k)), maps, output].filter(Boolean));
  };
  draw();
  return body;
}
