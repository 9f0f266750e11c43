// Draws the records of a river at their own origins, as `viz.svg.river.drawing` does.

import {border, hatch, path, rect, text} from "./canvas.js";
import {s} from "./dom.js";
import {colour, inkOf, mapSize, spelled} from "./cells.js";
import {image} from "./heatmap.js";
import {CELL, flat, HEAD, LINE, PAD, SMALL, sizes, TITLE} from "./looks.js";
import {clamp} from "./model.js";
import {fit, number, width} from "./text.js";

export const PARTS = 7; // colours of contributions that add up

// The width of a ribbon: the logarithm of an RMS, from 1e-6 to 10.
export function broad(rms) {
  if (!(rms > 0)) return 2;
  return Number.isFinite(rms) ? 2.5 + 11.5 * clamp((Math.log10(rms) + 6) / 7, 0, 1) : 14;
}

// The box of a record; it tells results, leaves and constants apart.
export function boxOf({kind, node}, {width: w, height: h}, model) {
  if (kind === "more") return [border(w, h, 0.5, {radius: 9, fill: "record", stroke: "line", dash: "2 3"})];
  if (kind === "tag") return [border(w, h, 0.5, {radius: 9, fill: "leaf", stroke: "leaf-line", dash: "4 3"})];
  if (kind === "group") {
    const of = model.group(node.id).kind, look = {radius: 6, fill: "group", stroke: "group-line"};
    const dash = ["chain", "stretch", "steps"].includes(of) ? "6 4" : "";
    return [of === "repeat" && rect(3.5, -3.5, w - 1, h - 1, look),
      border(w, h, 0.6, {...look, line: 1.4, dash})];
  }
  const of = model.tensor(kind === "operation" ? model.operation(node.id).output : node.id).kind;
  if (["parameter", "leaf"].includes(of)) {
    return [border(w, h, 0.9, {radius: 5, fill: "leaf", stroke: "leaf-line", line: 1.8})];
  }
  if (of === "constant") return [border(w, h, 0.5, {radius: 5, fill: "const", stroke: "hair"})];
  return [of === "output" && border(w, h, -3, {radius: 7, stroke: "line"}),
    border(w, h, 0.5, {radius: 5, fill: "record", stroke: "line"})];
}

// The ribbon through a record: `after` is its width where the gradient of the result comes in,
// `before` where what flows on goes out; `ends` says that no operand gets any over this line.
export function ribbon({width: w, height: h, channel}, isTurned, before, after, ends) {
  const length = isTurned ? w : h, line = (isTurned ? h : w) - channel;
  const start = ends ? (isTurned ? 0.45 * w : HEAD + 2) : 0, middle = (start + length) / 2;
  const a = (before || after) / 2, b = after / 2;
  const points = [[start, -a], [start, a], [middle, a], [middle, b], [length, b], [length, -b],
    [middle, -b], [middle, -a], [start, -a]];
  const at = points.map(([v, u]) => (isTurned ? `${v} ${line + u}` : `${line + u} ${v}`));
  return `M${at[0]}L${at[1]}C${at.slice(2, 5).join(" ")}L${at[5]}C${at.slice(6).join(" ")}z`;
}

// A backward step's number; hollow while the step is yet to come, ringed when it is now.
function chip(words, left, wide, state) {
  const isPending = state === "pending", top = 4;
  const label = text(left + wide / 2, top + 13, words,
    {size: SMALL, isBold: true, anchor: "middle", fill: isPending ? "grad-ink" : "chip-ink"});
  if (isPending) {
    return [rect(left + 0.5, top + 0.5, wide - 1, 17, {radius: 8.5, stroke: "chip", dash: "3 2"}), label];
  }
  return [state === "now" && rect(left - 3, top - 3, wide + 6, 24, {radius: 12, stroke: "chip", line: 2.2}),
    rect(left, top, wide, 18, {radius: 9, fill: "chip"}), label];
}

// The first line of a record, and what stands below it in words. `gain` is what is known of it now.
export function head(look, isTurned, {state, gain, hasRiver, isBeside}) {
  const parts = [], {parts: body, title, meta, isBold, captions} = look;
  let right = look.width - PAD;
  if (look.chip) {
    parts.push(chip(look.chip, look.width - 4 - look.chipWidth, look.chipWidth, state));
    right -= look.chipWidth;
  }
  if (!isTurned && !isBeside && (hasRiver || look.chip)) {
    right = Math.min(right, look.width - look.channel - 11);
  }
  if (gain !== null && hasRiver) {
    const words = `×${number(gain, 2)}`, wide = width(words, SMALL, true), first = !isTurned || !body.length;
    const fill = gain < 0.95 ? "below-1" : gain > 1.05 ? "above-1" : "muted";
    parts.push(text(first ? right : look.width - PAD, first ? 15 : body[0].y + 14, words,
      {size: SMALL, fill, isBold: fill !== "muted", anchor: "end"}));
    if (first) right -= wide + 6;
  }
  if (meta) {
    parts.push(text(right, 15, meta, {size: SMALL, fill: "muted", anchor: "end"}));
    right -= width(meta, SMALL) + 6;
  }
  parts.push(text(PAD, 15, fit(title, right - PAD, TITLE, isBold), {size: TITLE, isBold}));
  const room = look.width - PAD - (isTurned ? PAD : look.channel + 12);
  captions.forEach((words, k) => parts.push(
    text(PAD, HEAD + 11 + k * (LINE - 1), fit(words, room, SMALL), {size: SMALL, fill: "muted"})));
  return parts;
}

// The data or the gradient of a record; `x` is what is known of it.
export function part({form, cell}, {label, x: left, y, width: wide}, x) {
  const isGradient = label === "∂", fill = isGradient ? "grad-ink" : "ink", parts = [];
  if (label) parts.push(text(left - width(label, TITLE) - 3, y + 15, label, {size: TITLE, fill}));
  if (!x) parts.push(text(left, y + 15, "—", {size: TITLE, fill: "muted"}));
  else if (form === "scalar") {
    parts.push(x.flaw && hatch(left - 2, y + 3, wide, 14), text(left, y + 15, number(x.sum),
      {size: TITLE, fill, isBold: !isGradient, halo: x.flaw ? "record" : null}));
  } else if (form === "empty") parts.push(text(left, y + 15, "empty", {size: SMALL, fill: "muted"}));
  else if (form === "table") parts.push(table(x, cell, left, y + 2));
  else parts.push(map(x, left, y + 2, fill));
  return s("g", {class: `row ${isGradient ? "grad" : "data"}`}, parts);
}

// The elements as cells of a heat-map with their numbers in them.
function table(x, cell, left, top) {
  const columns = [1, ...x.shape].at(-1), rows = x.size / columns;
  const inside = flat(x.elements).map((v, k) => {
    const at = [left + cell * (k % columns), top + CELL * Math.floor(k / columns)];
    const middle = [at[0] + cell / 2, at[1] + 12], [r, g, b, alpha] = colour(v, x.scale);
    if (!Number.isFinite(v)) {
      return [rect(...at, cell, CELL, {fill: "record"}), hatch(...at, cell, CELL), text(...middle,
        spelled(v), {size: SMALL, isBold: true, anchor: "middle", halo: "record"})];
    }
    return [s("rect", {x: at[0], y: at[1], width: cell, height: CELL, fill: `rgb(${r},${g},${b})`,
      "fill-opacity": alpha / 255, "shape-rendering": "crispEdges", class: "cell-ground"}),
    text(...middle, spelled(v), {size: SMALL, fill: inkOf([r, g, b, alpha]), anchor: "middle"})];
  });
  return [rect(left, top, cell * columns, CELL * rows, {fill: "record"}), inside,
    rect(left, top, cell * columns, CELL * rows, {stroke: "line", line: 0.6})];
}

// A small image that is drawn without smoothing, with its norm and its scale beside it.
function map(x, left, top, fill) {
  const [wide, high] = mapSize(x.shape), at = left + wide + 5, [norm, scale] = sizes(x);
  return [text(at, top + 11, norm, {size: SMALL, fill, isBold: Boolean(x.flaw)}),
    text(at, top + 25, scale, {size: SMALL, fill: "muted"}),
    rect(left, top, wide, high, {fill: "record"}),
    s("image", {x: left, y: top, width: wide, height: high, preserveAspectRatio: "none",
      style: "image-rendering:pixelated", href: image(x)}),
    x.flaw && hatch(left, top, wide, high), rect(left, top, wide, high, {stroke: "line", line: 0.6})];
}

// A signed bar of the contributions to a gradient, from a line at zero. Shares that are not known
// are drawn alike; `expected` contributions there are in the end.
export function shares({bar: y}, values, expected, right) {
  const known = values.map((x) => x ?? 1 / expected), left = PAD + 15;
  const words = values.length === expected ? `${expected}` : `${values.length} of ${expected}`;
  const room = right - left - width(`${expected} of ${expected}`, SMALL) - 6;
  const sum = (some) => some.reduce((a, b) => a + b, 0);
  const low = Math.min(0, sum(known.filter((x) => x < 0))), high = Math.max(1, sum(known.filter((x) => x > 0)));
  const unit = room / (high - low), zero = left - low * unit;
  let plus = zero, minus = zero;
  const bars = known.map((x, k) => {
    const long = Math.abs(x) * unit, at = x >= 0 ? plus : minus - long;
    if (x >= 0) plus += long;
    else minus -= long;
    return rect(at, y + 3, Math.max(long, 0.8), 9, {fill: `part-${k % PARTS}`, stroke: "record"});
  });
  return [text(PAD, y + 11, "Σ", {size: SMALL, fill: "sum-ink", isBold: true}), bars,
    path(`M${zero} ${y + 1}v13`, {stroke: "ink"}),
    text(right, y + 11.5, words, {size: SMALL, fill: "sum-ink", anchor: "end"})];
}

// What each use of a shared leaf contributes to its gradient, one bar each, logarithmic.
export function bars({bars: top, width: all}, norms) {
  const y = top + 4, known = norms.filter((x) => x > 0 && x < Infinity), wide = all - 2 * PAD - 62;
  const most = known.length ? Math.max(...known) : 1, step = wide / Math.max(norms.length, 1);
  const some = norms.map((x, k) => {
    const high = x > 0 ? 20 * clamp((Math.log10(x / most) + 6) / 6, 0.03, 1) : 0;
    return high > 0 && rect(PAD + k * step, y + 20 - high, Math.max(step - 1.5, 0.6), high, {fill: "tip"});
  });
  const count = norms.filter((x) => x !== null).length, words = count ? `Σ of ${count}` : `${norms.length} uses`;
  const line = (at, said, isBold) =>
    text(all - PAD, y + at, said, {size: SMALL, fill: "sum-ink", isBold, anchor: "end"});
  return [some, path(`M${PAD} ${y + 20.5}h${wide}`, {stroke: "line"}), line(9, words, true),
    line(21, count ? "uses, log" : "", false)];
}
