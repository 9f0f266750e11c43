// Arrays as heat-maps, histograms and statistics.

import {announce, h, s} from "./dom.js";
import {exact, flaw, isFloat, number, shapeOf, sizeOf, stats} from "./model.js";

const NEGATIVE = [0xd5, 0x5e, 0x00], POSITIVE = [0x00, 0x72, 0xb2];
const LINE = 64; // a vector of more elements goes on in the next line

// Orange through white to blue for x in [-1, 1], as in the still picture.
export function colour(x) {
  const end = x > 0 ? POSITIVE : NEGATIVE, share = Math.min(Math.abs(x), 1);
  return end.map((c) => Math.round(255 + (c - 255) * share));
}

function luminance(channels) {
  const [r, g, b] = channels.map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// What is shown of an array as a sheet of cells: values (null for a gap), and where they are.
export function sheetOf(x) {
  if (x.scalar !== undefined) return {cells: [[x.scalar]], index: () => "", caption: ""};
  if (x.elements !== undefined) return ofElements(x);
  if (!x.cells) return {cells: [], index: () => "", caption: ""};
  const rows = x.cells.length, columns = x.cells[0].length, {shape} = x;
  const caption = x.caption || (sizeOf(shape) > rows * columns
    ? "shrunk: each cell shows the element of largest magnitude in its block" : "");
  const span = (i, most, n) => {
    if (x.caption || n <= most) return `${i}`;
    const from = Math.floor((i * n) / most), to = Math.floor(((i + 1) * n) / most) - 1;
    return from === to ? `${from}` : `${from}–${to}`;
  };
  const index = (i, j) => {
    if (shape.length === 1) return `[${span(j, columns, shape[0])}]`;
    if (shape.length > 2) return `cell ${i}, ${j}`;
    return `[${span(i, rows, shape[0])}, ${span(j, columns, shape[1])}]`;
  };
  return {cells: x.cells, index, caption, block: !x.caption && sizeOf(shape) > rows * columns};
}

function ofElements({elements, shape}) {
  if (sizeOf(shape) === 0) return {cells: [], index: () => "", caption: "empty"};
  if (shape.length === 1) {
    const cells = [];
    for (let k = 0; k < elements.length; k += LINE) cells.push(elements.slice(k, k + LINE));
    return {cells, index: (i, j) => `[${i * LINE + j}]`, caption: ""};
  }
  if (shape.length === 2) return {cells: elements, index: (i, j) => `[${i}, ${j}]`, caption: ""};
  let matrices = [[elements, []]];
  for (let depth = 0; depth < shape.length - 2; depth++) {
    matrices = matrices.flatMap(([x, at]) => x.map((inner, k) => [inner, [...at, k]]));
  }
  const [rows, columns] = shape.slice(-2);
  if (rows === 1) { // a row each
    return {cells: matrices.map(([x]) => x[0]), caption: "",
      index: (i, j) => `[${[...matrices[i][1], 0, j].join(", ")}]`};
  }
  const across = Math.ceil(Math.sqrt((matrices.length * rows) / columns));
  const down = Math.ceil(matrices.length / across), cells = [];
  for (let i = 0; i < down * (rows + 1) - 1; i++) {
    cells.push([]);
    for (let j = 0; j < across * (columns + 1) - 1; j++) {
      const found = matrices[Math.floor(i / (rows + 1)) * across + Math.floor(j / (columns + 1))];
      const [a, b] = [i % (rows + 1), j % (columns + 1)];
      cells[i].push(found && a < rows && b < columns ? found[0][a][b] : null);
    }
  }
  const index = (i, j) => {
    const found = matrices[Math.floor(i / (rows + 1)) * across + Math.floor(j / (columns + 1))];
    return `[${[...found[1], i % (rows + 1), j % (columns + 1)].join(", ")}]`;
  };
  return {cells, index, caption: ""};
}

// A heat-map; a reader points at a cell, or goes through the cells with the arrow keys.
export function heatmap(x, {name = "", top = null, room = 330, high = 220, largest = 46} = {}) {
  const sheet = sheetOf(x), {cells} = sheet;
  if (!cells.length) return h("p", {class: "muted"}, "empty");
  const scale = top ?? isFloat(stats(x).top), rows = cells.length, columns = cells[0].length;
  const wide = Math.max(Math.min(room / columns, largest), 1);
  const tall = Math.max(Math.min(high / rows, wide * 2.2, Math.max(wide, 22), largest), 1.5);
  const canvas = paint(cells, scale, wide, tall);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("tabindex", "0");
  canvas.setAttribute("aria-label", `heat-map of ${name || "the array"}, ${shapeOf(x.shape)}, `
    + `from ${number(stats(x).min)} to ${number(stats(x).max)}; arrow keys read its cells`);
  const frame = h("div", {class: "cell"});
  const output = h("output", {class: "reading"}, [flaw(stats(x)), `±${number(scale, 3)}`,
    sheet.caption].filter(Boolean).join(" · "));
  const idle = output.textContent;
  let at = null;
  const show = (i, j) => {
    at = [i, j];
    const v = cells[i]?.[j];
    frame.hidden = v === undefined || v === null;
    output.textContent = frame.hidden ? idle
      : `${sheet.index(i, j)} = ${exact(v)}${sheet.block ? " (largest)" : ""}`;
    Object.assign(frame.style, {left: `${j * wide}px`, top: `${i * tall}px`, width: `${wide}px`,
      height: `${tall}px`});
  };
  const rest = () => {
    frame.hidden = true;
    output.textContent = idle;
  };
  rest();
  canvas.addEventListener("pointermove", (event) => show(Math.floor(event.offsetY / tall),
    Math.floor(event.offsetX / wide)));
  canvas.addEventListener("pointerleave", rest);
  canvas.addEventListener("blur", rest);
  canvas.addEventListener("keydown", (event) => {
    const go = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
    if (!go) return;
    event.preventDefault();
    event.stopPropagation();
    const [i, j] = at ? [at[0] + go[0], at[1] + go[1]] : [0, 0];
    show(Math.min(Math.max(i, 0), rows - 1), Math.min(Math.max(j, 0), columns - 1));
    announce(output.textContent);
  });
  return h("figure", {class: "heat"}, h("div", {class: "sheet"}, canvas, frame), output);
}

function paint(cells, scale, wide, tall) {
  const rows = cells.length, columns = cells[0].length, sharp = Math.max(devicePixelRatio || 1, 2);
  const canvas = h("canvas", {width: Math.round(wide * columns * sharp),
    height: Math.round(tall * rows * sharp)});
  canvas.style.width = `${wide * columns}px`;
  canvas.style.height = `${tall * rows}px`;
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.font = `${Math.min(11, tall * 0.62)}px system-ui, sans-serif`;
  cells.forEach((row, i) => row.forEach((cell, j) => {
    const v = cell === null ? 0 : isFloat(cell), known = Number.isFinite(v);
    const channels = known ? colour(v / (scale > 0 ? scale : 1)) : [255, 255, 255];
    pen.fillStyle = cell === null ? "rgba(128,128,128,.35)" : `rgb(${channels})`;
    // a little over the edge, so that no seam shows between cells
    pen.fillRect(j * wide, i * tall, wide + (j + 1 < columns ? 0.5 : 0), tall + (i + 1 < rows ? 0.5 : 0));
    if (cell === null) return;
    if (!known) hatch(pen, j * wide, i * tall, wide, tall);
    if (wide >= 36 && tall >= 14) {
      pen.fillStyle = luminance(channels) < 0.179 ? "#fff" : "#000";
      pen.strokeStyle = "#fff";
      pen.lineWidth = 3;
      if (!known) pen.strokeText(number(v, 3), (j + 0.5) * wide, (i + 0.5) * tall + 0.5, wide - 3);
      pen.fillText(number(v, 3), (j + 0.5) * wide, (i + 0.5) * tall + 0.5, wide - 3);
    }
  }));
  return canvas;
}

// Slanting lines: there is no number here, or an infinite one.
function hatch(pen, x, y, wide, tall) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, wide, tall);
  pen.clip();
  pen.strokeStyle = `rgb(${NEGATIVE})`;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let offset = 5; offset < wide + tall; offset += 5) {
    pen.moveTo(x + offset, y);
    pen.lineTo(x + offset - tall, y + tall);
  }
  pen.stroke();
  pen.restore();
}

// A heat-map in the midst of a line, without anything to point at.
export function swatch(x, top = null, room = 64, high = 34) {
  const {cells} = sheetOf(x);
  if (!cells.length) return h("span", {class: "muted"}, "empty");
  const rows = cells.length, columns = cells[0].length;
  const wide = Math.min(room / columns, 14), tall = Math.min(high / rows, Math.max(2.2 * wide, 4), 14);
  const canvas = paint(cells, top ?? isFloat(stats(x).top), wide, tall);
  canvas.setAttribute("aria-hidden", "true");
  canvas.style.verticalAlign = `${5 - (tall * rows) / 2}px`; // its middle at that of the letters
  return h("span", {class: "swatch"}, canvas);
}

const BINS = 16;

// How the elements of an array are spread.
export function histogram(x, room = 330) {
  const all = stats(x), low = isFloat(all.min), high = isFloat(all.max);
  let bins = all.bins, [from, to] = [low, high];
  if (x.elements !== undefined && x.shape.length) {
    const flat = [x.elements].flat(Infinity).map(isFloat).filter(Number.isFinite);
    if (flat.length < 2) return null;
    from = Math.min(...flat);
    to = Math.max(...flat);
    bins = new Array(BINS).fill(0);
    for (const v of flat) bins[to > from ? Math.min(Math.floor(((v - from) / (to - from)) * BINS), BINS - 1) : 0]++;
  }
  if (!bins || !bins.length || !Number.isFinite(from) || !Number.isFinite(to)) return null;
  const tall = 64, wide = room / bins.length, most = Math.max(...bins);
  const bars = bins.map((count, k) => {
    const a = from + ((to - from) * k) / bins.length, b = from + ((to - from) * (k + 1)) / bins.length;
    const height = count ? Math.max((count / most) * tall, 1.5) : 0;
    return s("rect", {x: k * wide + 0.75, y: tall - height, width: wide - 1.5, height, rx: 1.5,
      class: (a + b) / 2 < 0 ? "less" : "more"},
    s("title", {}, `${number(a, 3)} to ${number(b, 3)}: ${count.toLocaleString("en")}`));
  });
  const zero = from < 0 && to > 0 ? ((0 - from) / (to - from)) * room : null;
  const words = `histogram from ${number(from)} to ${number(to)}, the fullest of ${bins.length} bins has ${most}`;
  return h("figure", {class: "histogram"},
    s("svg", {width: room, height: tall + 18, role: "img", "aria-label": words}, bars,
      zero === null ? [] : [s("path", {class: "zero", d: `M${zero} 0V${tall}`}),
        zero > 60 && zero < room - 60 ? s("text", {x: zero, y: tall + 13, "text-anchor": "middle"}, "0") : []],
      s("path", {class: "base", d: `M0 ${tall + 0.5}H${room}`}),
      s("text", {x: 0, y: tall + 13}, number(from, 3)),
      s("text", {x: room, y: tall + 13, "text-anchor": "end"}, number(to, 3))));
}

const WORDS = [["mean", "μ mean"], ["std", "σ std"], ["min", "min"], ["max", "max"],
  ["norm", "‖·‖ norm"], ["rms", "RMS"], ["sum", "Σ sum"], ["zeros", "zeros"]];

export function statistics(x) {
  const all = stats(x);
  if (x.scalar !== undefined) {
    return h("dl", {class: "stats one"}, h("div", {}, h("dt", {}, "value"), h("dd", {}, exact(x.scalar))));
  }
  const rows = WORDS.map(([key, word]) => h("div", {title: exact(all[key])}, h("dt", {}, word),
    h("dd", {}, key === "zeros" ? `${(isFloat(all.zeros) * 100).toFixed(1).replace(".0", "")} %`
      : number(all[key], 5))));
  const bad = flaw(all);
  return h("dl", {class: "stats"}, rows,
    bad ? h("div", {class: "bad"}, h("dt", {}, "not finite"), h("dd", {}, bad)) : null);
}
