// The small parts of the live panel: numbers that are typed or dragged, sliders, a pad to draw on.

import {h} from "../dom.js";

export const shown = (x, digits = 4) => (Number.isFinite(x)
  ? String(Number(x.toPrecision(digits))) : Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "-∞").replace("-", "−");
export const button = (words, onclick, attributes = {}) =>
  h("button", {type: "button", class: "live-button", onclick, ...attributes}, words);
export const note = (...words) => h("p", {class: "muted small"}, ...words);
const closed = new Set(["Cut", "Why so small?", "Samples", "Practice"]); // as somebody left them

// A part of the panel under a title that opens and closes it.
export function part(title, ...content) {
  const element = h("details", {class: "live-part", open: closed.has(title) ? null : ""},
    h("summary", {}, title), ...content);
  element.addEventListener("toggle", () => closed[element.open ? "delete" : "add"](title));
  return element;
}

export const row = (...content) => h("div", {class: "live-row"}, ...content);

// A choice of words: [value, words] each.
export const choice = (label, options, onchange) => h("select", {"aria-label": label,
  onchange: (event) => onchange(event.target.value)}, options.map(([value, words]) => h("option", {value}, words)));

// A slider over powers of ten, with its value beside it.
export function powers(label, [low, high], value, oninput) {
  const output = h("output", {}, shown(value, 2));
  const input = h("input", {type: "range", min: low, max: high, step: 0.1, "aria-label": label,
    value: Math.log10(value), oninput: () => {
      const x = 10 ** Number(input.value);
      output.textContent = shown(x, 2);
      oninput(x);
    }});
  return row(h("span", {class: "muted small"}, label), input, output);
}

// A number that is typed, or dragged sideways; `get` gives what it is now, `put` takes another.
export function field(label, get, put) {
  const input = h("input", {type: "number", step: "any", class: "live-number", "aria-label": label, value: get(),
    oninput: () => input.value !== "" && put(Number(input.value))});
  let from = null;
  input.addEventListener("pointerdown", (event) => { from = {x: event.clientX, value: get()}; });
  input.addEventListener("pointermove", (event) => {
    if (!from || !event.buttons || Math.abs(event.clientX - from.x) < 4) return;
    const unit = Math.max(Math.abs(from.value), 0.1) / 50;
    input.value = shown(from.value + (event.clientX - from.x) * unit, 6).replace("−", "-");
    put(Number(input.value));
    event.preventDefault();
  });
  const end = () => { from = null; };
  input.addEventListener("pointerup", end);
  input.addEventListener("pointerleave", (event) => event.buttons || end());
  input.update = () => { if (document.activeElement !== input) input.value = Number(get().toPrecision(7)); };
  return input;
}

const GRID = 8, PAD = 32; // the most rows and columns with a field each, and of a pad

// What changes a tensor's elements: a field each, a pad for an image, or one that is chosen.
export function editor(live, id, name, changed) {
  const {shape, data, size} = live.tensors[id].value;
  const [rows, columns] = [1, 1, ...shape].slice(-2), parts = [];
  const put = (k) => (x) => {
    live.set(id, k, x);
    changed();
  };
  if (size === rows * columns && rows <= GRID && columns <= GRID) {
    const fields = Array.from(data, (_, k) => field(`element ${k} of ${name}`, () => data[k], put(k)));
    parts.push(...fields);
    return {element: h("div", {class: "live-grid", style: `grid-template-columns:repeat(${columns},1fr)`}, fields),
      update: () => fields.forEach((x) => x.update())};
  }
  if (size === rows * columns && rows > 4 && columns > 4 && rows <= PAD && columns <= PAD) {
    return pad(live, id, [rows, columns], name, changed);
  }
  let at = 0;
  const one = field(`an element of ${name}`, () => data[at], (x) => put(at)(x));
  const which = h("input", {type: "number", min: 0, max: size - 1, value: 0, class: "live-number",
    "aria-label": `which element of ${name}`, oninput: () => {
      at = Math.min(Math.max(Math.trunc(Number(which.value)), 0), size - 1);
      one.update();
    }});
  return {element: row(note("element"), which, note("="), one), update: () => one.update()};
}

// An image to draw into: the pointer paints with the largest number, with a shift key it wipes.
function pad(live, id, [rows, columns], name, changed) {
  const {data} = live.tensors[id].value, start = data.slice();
  const top = Math.max(1, ...Array.from(start, Math.abs));
  const unit = Math.max(4, Math.floor(200 / Math.max(rows, columns)));
  const canvas = h("canvas", {class: "live-pad", width: columns * unit, height: rows * unit, tabindex: "0",
    role: "img", "aria-label": `${name}, ${rows} by ${columns}: draw with the pointer`});
  const update = () => {
    const pen = canvas.getContext("2d");
    for (let k = 0; k < data.length; k++) {
      const share = Math.min(Math.abs(data[k]) / top, 1);
      pen.fillStyle = data[k] < 0 ? `rgb(213 94 0 / ${share})` : `rgb(0 114 178 / ${share})`;
      const [x, y] = [(k % columns) * unit, Math.floor(k / columns) * unit];
      pen.clearRect(x, y, unit, unit);
      pen.fillRect(x, y, unit, unit);
    }
  };
  const paint = (event) => {
    if (!event.buttons) return;
    const box = canvas.getBoundingClientRect();
    const j = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const i = Math.floor(((event.clientY - box.top) / box.height) * rows);
    if (i < 0 || j < 0 || i >= rows || j >= columns) return;
    live.set(id, i * columns + j, event.shiftKey || event.buttons === 2 ? 0 : top);
    event.preventDefault();
    update();
    changed();
  };
  canvas.addEventListener("pointerdown", paint);
  canvas.addEventListener("pointermove", paint);
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  const refill = (from) => () => {
    live.replace(id, from);
    update();
    changed();
  };
  update();
  return {update, element: h("div", {}, canvas, row(button("clear", refill(new Float64Array(data.length))),
    button("as it was", refill(start)), note("shift wipes")))};
}
