// Arrays as heat-maps, histograms and statistics.

import {announce, h, set, s} from "./dom.js";
import {colour, inkOf, spelled, standsFor, thumbnail} from "./cells.js";
import {clamp, flaw, sizeOf, stats} from "./model.js";
import {exact, number, shapeOf, toFloat} from "./text.js";

const LINE = 64; // a vector of more elements goes on in the next line
const BINS = 16;

// What is shown of an array: rows of values (null for a gap), what a reader is told of each, and
// a caption.
function sheetOf({scalar, elements, cells, shape, caption}) {
  if (scalar !== undefined) return {cells: [[scalar]], told: (i, j, v) => `= ${exact(v)}`, caption: ""};
  if (elements !== undefined) return ofElements(elements, shape);
  if (!cells) return {cells: [], told: null, caption: ""};
  const told = (i, j, v) => {
    const {index, several} = standsFor(shape, i, j);
    return several ? `${exact(v)}, a mean in ${index}` : `${index} ≈ ${exact(v)}`;
  };
  return {cells, told, caption};
}

// An array of more than two dimensions is shown as its matrices, side by side.
function ofElements(elements, shape) {
  if (sizeOf(shape) === 0) return {cells: [], told: null, caption: "empty"};
  if (shape.length === 1) {
    const cells = [];
    for (let k = 0; k < elements.length; k += LINE) cells.push(elements.slice(k, k + LINE));
    return {cells, told: (i, j, v) => `[${i * LINE + j}] = ${exact(v)}`, caption: ""};
  }
  let matrices = [[elements, []]];
  for (let depth = 0; depth < shape.length - 2; depth++) {
    matrices = matrices.flatMap(([x, at]) => x.map((inner, k) => [inner, [...at, k]]));
  }
  const [rows, columns] = shape.slice(-2), gap = rows > 1 ? 1 : 0; // rows alone stand close
  const across = shape.length === 2 || rows === 1 ? 1
    : Math.ceil(Math.sqrt((matrices.length * rows) / columns));
  const down = Math.ceil(matrices.length / across);
  const find = (i, j) => {
    const [high, wide] = [rows + gap, columns + 1];
    const matrix = matrices[Math.floor(i / high) * across + Math.floor(j / wide)];
    return [matrix, i % high, j % wide];
  };
  const cells = Array.from({length: down * (rows + gap) - gap}, (_, i) =>
    Array.from({length: across * (columns + 1) - 1}, (__, j) => {
      const [matrix, a, b] = find(i, j);
      return matrix?.[0][a]?.[b] ?? null;
    }));
  const told = (i, j, v) => {
    const [[, at], a, b] = find(i, j);
    return `[${[...at, a, b].join(", ")}] = ${exact(v)}`;
  };
  return {cells, told, caption: ""};
}

// A heat-map; a reader points at a cell, or goes through the cells with the arrow keys: `onpoint`
// is then told which, and null for none. Its method `light` lets a part of it stand out.
export function heatmap(x, {name = "", top = null, room = 330, high = 220, largest = 46,
  onpoint = () => {}, isQuiet = false} = {}) {
  const sheet = sheetOf(x), {cells} = sheet, all = stats(x);
  if (!cells.length) return h("p", {class: "muted"}, "empty");
  const scale = top ?? toFloat(all.scale), rows = cells.length, columns = cells[0].length;
  const wide = clamp(room / columns, 1, largest);
  const tall = Math.max(Math.min(high / rows, wide * 2.2, Math.max(wide, 22), largest), 1.5);
  const idle = [flaw(all), `±${spelled(scale)}`, sheet.caption].filter(Boolean).join(" · ");
  const output = h("output", {class: "reading"});
  const canvas = paint(cells, scale, wide, tall, {role: "img", tabindex: "0",
    "aria-label": `heat-map of ${name || "the array"}, ${shapeOf(x.shape)}, `
      + `from ${number(all.min)} to ${number(all.max)}; arrow keys read its cells`});
  const frame = h("div", {class: "cell", style: `width:${wide}px;height:${tall}px`});
  let at = null;
  const show = (i, j) => {
    const v = cells[i]?.[j] ?? null;
    frame.hidden = v === null;
    output.textContent = v === null ? idle : sheet.told(i, j, v);
    Object.assign(frame.style, {left: `${j * wide}px`, top: `${i * tall}px`});
    onpoint(...(v === null ? [null, null] : [i, j]));
  };
  const point = (i, j) => show(...(at = [i, j]));
  const rest = () => show(-1, -1);
  rest();
  set(canvas, {
    onpointermove: (event) => point(Math.floor(event.offsetY / tall), Math.floor(event.offsetX / wide)),
    onpointerleave: rest,
    onblur: rest,
    onkeydown(event) {
      const go = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
      if (!go) return;
      event.preventDefault();
      event.stopPropagation();
      const [i, j] = at ? [at[0] + go[0], at[1] + go[1]] : [0, 0];
      point(clamp(i, 0, rows - 1), clamp(j, 0, columns - 1));
      announce(output.textContent);
    },
  });
  const lit = h("div", {class: "lit", hidden: ""});
  const figure = h("figure", {class: "heat"}, h("div", {class: "sheet"}, canvas,
    numbers(cells, scale, wide, tall), lit, frame), isQuiet ? null : output);
  figure.light = (part) => {
    lit.hidden = part === null;
    const {row = 0, column = 0} = part ?? {}, whole = part && !("high" in part);
    const down = part?.high ?? ("row" in (part ?? {}) ? 1 : rows), over = part?.wide ?? (whole && "column" in part ? 1 : columns);
    Object.assign(lit.style, {left: `${column * wide}px`, top: `${row * tall}px`,
      width: `${over * wide}px`, height: `${down * tall}px`});
  };
  return figure;
}

function paint(cells, scale, wide, tall, attributes = {}) {
  const rows = cells.length, columns = cells[0].length, sharpness = Math.max(devicePixelRatio || 1, 2);
  const canvas = h("canvas", {width: Math.round(wide * columns * sharpness),
    height: Math.round(tall * rows * sharpness),
    style: `width:${wide * columns}px;height:${tall * rows}px`, ...attributes});
  const context = canvas.getContext("2d"), edge = (k, length) => Math.round(k * length * sharpness);
  cells.forEach((row, i) => row.forEach((cell, j) => {
    const [r, g, b, alpha] = colour(cell, scale), left = edge(j, wide), top = edge(i, tall);
    context.fillStyle = `rgba(${r},${g},${b},${alpha / 255})`;
    context.fillRect(left, top, edge(j + 1, wide) - left, edge(i + 1, tall) - top);
  }));
  context.scale(sharpness, sharpness);
  cells.forEach((row, i) => row.forEach((cell, j) => {
    if (cell !== null && !Number.isFinite(toFloat(cell))) hatch(context, j * wide, i * tall, wide, tall);
  }));
  return canvas;
}

// The numbers of cells that have room for them, in ink that is read in either theme.
function numbers(cells, scale, wide, tall) {
  if (wide < 36 || tall < 14) return null;
  const size = clamp(tall * 0.62, 9, 11);
  return s("svg", {class: "numbers", width: wide * cells[0].length, height: tall * cells.length,
    "font-size": size, "aria-hidden": "true"},
  cells.flatMap((row, i) => row.map((cell, j) => cell !== null && s("text", {x: (j + 0.5) * wide,
    y: (i + 0.5) * tall + size * 0.36, "text-anchor": "middle",
    class: Number.isFinite(toFloat(cell)) ? `mg-f-${inkOf(colour(cell, scale))}` : "flaw"},
  spelled(cell)))));
}

// Slanting lines: there is no number here, or an infinite one.
function hatch(context, x, y, wide, tall) {
  context.save();
  context.beginPath();
  context.rect(x, y, wide, tall);
  context.clip();
  context.strokeStyle = "#d55e00";
  context.lineWidth = 1;
  context.beginPath();
  for (let offset = 5; offset < wide + tall; offset += 5) {
    context.moveTo(x + offset, y);
    context.lineTo(x + offset - tall, y + tall);
  }
  context.stroke();
  context.restore();
}

// A heat-map in the midst of a line, without anything to point at.
export function swatch(x, top = null, room = 64, high = 34) {
  const {cells} = sheetOf(x);
  if (!cells.length) return h("span", {class: "muted"}, "empty");
  const rows = cells.length, columns = cells[0].length;
  const wide = Math.min(room / columns, 14), tall = Math.min(high / rows, Math.max(2.2 * wide, 4), 14);
  const canvas = paint(cells, top ?? toFloat(stats(x).scale), wide, tall, {"aria-hidden": "true"});
  canvas.style.verticalAlign = `${5 - (tall * rows) / 2}px`; // its middle at that of the letters
  return h("span", {class: "swatch"}, canvas);
}

// How many finite elements are in each of so many equal intervals, and from where to where.
function binsOf(x) {
  if (x.elements === undefined || !x.shape.length) {
    const {bins, min, max} = stats(x);
    return [bins, toFloat(min), toFloat(max)];
  }
  const flat = [x.elements].flat(Infinity).map(toFloat).filter(Number.isFinite);
  const from = Math.min(...flat), to = Math.max(...flat), bins = new Array(BINS).fill(0);
  for (const v of flat) bins[clamp(Math.floor(((v - from) / (to - from)) * BINS) || 0, 0, BINS - 1)]++;
  return [flat.length > 1 ? bins : [], from, to];
}

// How the elements of an array are distributed.
export function histogram(x, room = 330) {
  const [bins, from, to] = binsOf(x);
  if (!bins?.length || !Number.isFinite(from) || !Number.isFinite(to)) return null;
  const tall = 64, wide = room / bins.length, most = Math.max(...bins);
  const bars = bins.map((count, k) => {
    const a = from + ((to - from) * k) / bins.length, b = from + ((to - from) * (k + 1)) / bins.length;
    const height = count ? Math.max((count / most) * tall, 1.5) : 0;
    return s("rect", {x: k * wide + 0.75, y: tall - height, width: wide - 1.5, height, rx: 1.5,
      class: (a + b) / 2 < 0 ? "less" : "more"},
    s("title", {}, `${number(a, 3)} to ${number(b, 3)}: ${count.toLocaleString("en")}`));
  });
  const zero = ((0 - from) / (to - from)) * room, text = (x_, anchor, words) =>
    s("text", {x: x_, y: tall + 13, "text-anchor": anchor}, words);
  const words = `histogram from ${number(from)} to ${number(to)}, the fullest of ${bins.length} bins has ${most}`;
  return h("figure", {class: "histogram"},
    s("svg", {width: room, height: tall + 18, role: "img", "aria-label": words}, bars,
      from < 0 && to > 0 && [s("path", {class: "zero", d: `M${zero} 0V${tall}`}),
        zero > 60 && zero < room - 60 && text(zero, "middle", "0")],
      s("path", {class: "base", d: `M0 ${tall + 0.5}H${room}`}),
      text(0, "start", number(from, 3)), text(room, "end", number(to, 3))));
}

const TITLES = {mean: "μ mean", std: "σ std", min: "min", max: "max", norm: "‖·‖ norm", rms: "RMS",
  sum: "Σ sum", zeros: "zeros"};

export function statistics(x) {
  const all = stats(x), bad = flaw(all), row = (title, words, attributes) =>
    h("div", attributes, h("dt", {}, title), h("dd", {}, words));
  if (x.scalar !== undefined) return h("dl", {class: "stats one"}, row("value", exact(x.scalar)));
  const percent = `${(toFloat(all.zeros) * 100).toFixed(1).replace(".0", "")} %`;
  return h("dl", {class: "stats"}, Object.entries(TITLES).map(([key, title]) =>
    row(title, key === "zeros" ? percent : number(all[key], 5), {title: exact(all[key])})),
  bad ? row("not finite", bad, {class: "bad"}) : null);
}

// The cells of a summary as the address of an image, one pixel each.
export function image({cells, elements, shape, scale}) {
  const all = cells ?? thumbnail([elements].flat(Infinity).map(toFloat), shape).cells;
  return dataUri(all.map((row) => row.map((cell) => colour(cell, toFloat(scale)))));
}

const TABLE = Uint32Array.from({length: 256}, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

// An image of RGBA pixels as a PNG that is not compressed: for a few cells that is fastest.
function dataUri(pixels) {
  const rows = pixels.length, columns = pixels[0].length;
  const lines = pixels.flatMap((row) => [0, ...row.flat()]), {length} = lines;
  const big = (n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  let a = 1, b = 0;
  for (const v of lines) b = (b + (a = (a + v) % 65521)) % 65521;
  const little = [length & 255, length >> 8], flags = little.map((x) => 255 - x);
  const data = [0x78, 1, 1, ...little, ...flags, ...lines, ...big(((b << 16) | a) >>> 0)];
  const chunk = (kind, content) => {
    const body = [...[...kind].map((c) => c.charCodeAt(0)), ...content];
    let crc = 0xffffffff;
    for (const v of body) crc = TABLE[(crc ^ v) & 255] ^ (crc >>> 8);
    return [...big(content.length), ...body, ...big((crc ^ 0xffffffff) >>> 0)];
  };
  const bytes = [0x89, 80, 78, 71, 13, 10, 26, 10, ...chunk("IHDR", [...big(columns), ...big(rows), 8, 6, 0, 0, 0]),
    ...chunk("IDAT", data), ...chunk("IEND", [])];
  return `data:image/png;base64,${btoa(String.fromCharCode(...bytes))}`;
}
