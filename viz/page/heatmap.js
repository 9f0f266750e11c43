// Arrays as heat-maps, histograms and statistics.

import {announce, h, set, s} from "./dom.js";
import {clamp, flaw, sizeOf, stats} from "./model.js";
import {exact, number, shapeOf, toFloat} from "./text.js";

const NEGATIVE = [0xd5, 0x5e, 0x00], POSITIVE = [0x00, 0x72, 0xb2];
const LINE = 64; // a vector of more elements goes on in the next line
const BINS = 16;

// Orange through white to blue for x in [-1, 1], as in the still picture.
function colour(x) {
  const end = x > 0 ? POSITIVE : NEGATIVE, share = Math.min(Math.abs(x), 1);
  return end.map((c) => Math.round(255 + (c - 255) * share));
}

function luminance(channels) {
  const [r, g, b] = channels.map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// What is shown of an array: rows of values (null for a gap), the index of each, a caption, and
// whether a cell stands for a block.
export function sheetOf({scalar, elements, cells, shape, caption}) {
  if (scalar !== undefined) return {cells: [[scalar]], index: () => "", caption: ""};
  if (elements !== undefined) return ofElements(elements, shape);
  if (!cells) return {cells: [], index: () => "", caption: ""};
  const rows = cells.length, columns = cells[0].length;
  const block = !caption && sizeOf(shape) > rows * columns;
  const span = (i, most, n) => {
    if (caption || n <= most) return `${i}`;
    const from = Math.floor((i * n) / most), to = Math.floor(((i + 1) * n) / most) - 1;
    return from === to ? `${from}` : `${from}–${to}`;
  };
  const index = (i, j) => {
    if (shape.length === 1) return `[${span(j, columns, shape[0])}]`;
    if (shape.length > 2) return `cell ${i}, ${j}`;
    return `[${span(i, rows, shape[0])}, ${span(j, columns, shape[1])}]`;
  };
  const shrunk = "shrunk: each cell shows the element of largest magnitude in its block";
  return {cells, index, block, caption: caption || (block ? shrunk : "")};
}

// An array of more than two dimensions is shown as its matrices, side by side.
function ofElements(elements, shape) {
  if (sizeOf(shape) === 0) return {cells: [], index: () => "", caption: "empty"};
  if (shape.length === 1) {
    const cells = [];
    for (let k = 0; k < elements.length; k += LINE) cells.push(elements.slice(k, k + LINE));
    return {cells, index: (i, j) => `[${i * LINE + j}]`, caption: ""};
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
  const index = (i, j) => {
    const [[, at], a, b] = find(i, j);
    return `[${[...at, a, b].join(", ")}]`;
  };
  return {cells, index, caption: ""};
}

// Red, green, blue and alpha of each cell; grey where there is no number, nothing in a gap.
export const pixelsOf = (cells, top) => cells.map((row) => row.map((cell) => {
  if (cell === null) return [0, 0, 0, 0];
  const v = toFloat(cell);
  return [...(Number.isFinite(v) ? colour(v / (top > 0 ? top : 1)) : [128, 128, 128]), 255];
}));

export const inkOn = (channels) => (luminance(channels.slice(0, 3)) < 0.179 ? "#fff" : "#000");

// The cells of a summary as the address of an image, one pixel each.
export function image(x) {
  const {cells} = sheetOf(x), pixels = pixelsOf(cells, toFloat(x.top));
  return cells.length ? dataUri(pixels) : "";
}

// A heat-map; a reader points at a cell, or goes through the cells with the arrow keys.
export function heatmap(x, {name = "", top = null, room = 330, high = 220, largest = 46} = {}) {
  const sheet = sheetOf(x), {cells} = sheet, all = stats(x);
  if (!cells.length) return h("p", {class: "muted"}, "empty");
  const scale = top ?? toFloat(all.top), rows = cells.length, columns = cells[0].length;
  const wide = clamp(room / columns, 1, largest);
  const tall = Math.max(Math.min(high / rows, wide * 2.2, Math.max(wide, 22), largest), 1.5);
  const idle = [flaw(all), `±${number(scale, 3)}`, sheet.caption].filter(Boolean).join(" · ");
  const output = h("output", {class: "reading"});
  const canvas = paint(cells, scale, wide, tall, {role: "img", tabindex: "0",
    "aria-label": `heat-map of ${name || "the array"}, ${shapeOf(x.shape)}, `
      + `from ${number(all.min)} to ${number(all.max)}; arrow keys read its cells`});
  const frame = h("div", {class: "cell", style: `width:${wide}px;height:${tall}px`});
  let at = null;
  const show = (i, j) => {
    const v = cells[i]?.[j] ?? null;
    frame.hidden = v === null;
    output.textContent = v === null ? idle
      : `${sheet.index(i, j)} = ${exact(v)}${sheet.block ? " (largest)" : ""}`;
    Object.assign(frame.style, {left: `${j * wide}px`, top: `${i * tall}px`});
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
  return h("figure", {class: "heat"}, h("div", {class: "sheet"}, canvas, frame), output);
}

function paint(cells, scale, wide, tall, attributes = {}) {
  const rows = cells.length, columns = cells[0].length, sharpness = Math.max(devicePixelRatio || 1, 2);
  const canvas = h("canvas", {width: Math.round(wide * columns * sharpness),
    height: Math.round(tall * rows * sharpness),
    style: `width:${wide * columns}px;height:${tall * rows}px`, ...attributes});
  const context = canvas.getContext("2d");
  context.scale(sharpness, sharpness);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `${Math.min(11, tall * 0.62)}px system-ui, sans-serif`;
  cells.forEach((row, i) => row.forEach((cell, j) => {
    const v = cell === null ? 0 : toFloat(cell), known = Number.isFinite(v);
    const channels = known ? colour(v / (scale > 0 ? scale : 1)) : [255, 255, 255];
    context.fillStyle = cell === null ? "rgba(128,128,128,.35)" : `rgb(${channels})`;
    // a little over the edge, so that no seam shows between cells
    context.fillRect(j * wide, i * tall, wide + (j + 1 < columns ? 0.5 : 0), tall + (i + 1 < rows ? 0.5 : 0));
    if (cell === null) return;
    if (!known) hatch(context, j * wide, i * tall, wide, tall);
    if (wide >= 36 && tall >= 14) {
      const text = [number(v, 3), (j + 0.5) * wide, (i + 0.5) * tall + 0.5, wide - 3];
      context.fillStyle = luminance(channels) < 0.179 ? "#fff" : "#000";
      context.strokeStyle = "#fff";
      context.lineWidth = 3;
      if (!known) context.strokeText(...text);
      context.fillText(...text);
    }
  }));
  return canvas;
}

// Slanting lines: there is no number here, or an infinite one.
function hatch(context, x, y, wide, tall) {
  context.save();
  context.beginPath();
  context.rect(x, y, wide, tall);
  context.clip();
  context.strokeStyle = `rgb(${NEGATIVE})`;
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
  const canvas = paint(cells, top ?? toFloat(stats(x).top), wide, tall, {"aria-hidden": "true"});
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
