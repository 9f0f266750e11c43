// The strokes that records are made of; colours are roles of the table that all pictures share.

import {s} from "./dom.js";

const role = (fill, stroke) =>
  [fill && `mg-f-${fill}`, stroke && `mg-s-${stroke}`].filter(Boolean).join(" ");

// How a shape is painted: roles of fill and stroke, the line's width and its dashes.
const paint = ({fill, stroke, line = 1, dash, name}) => ({
  class: [name, role(fill, stroke)].filter(Boolean).join(" "), fill: fill ? null : "none",
  "stroke-width": stroke && line !== 1 ? line : null, "stroke-dasharray": dash || null});

export const rect = (x, y, width, height, {radius = 0, ...look}) => s("rect",
  {x, y, width: Math.max(width, 0), height: Math.max(height, 0), rx: radius || null, ...paint(look)});
export const path = (d, look) => s("path", {d, ...paint(look)});

// The rectangle of a box at (0, 0), by so much smaller on every side.
export const border = (width, height, inset, look) =>
  rect(inset, inset, width - 2 * inset, height - 2 * inset, look);

// A line of text; y is that of its baseline, a halo keeps lines behind it apart.
export const text = (x, y, words, {size, fill = "ink", isBold = false, anchor = null, halo = null}) =>
  s("text", {x, y, "font-size": size, class: role(fill, halo), "font-weight": isBold ? 700 : null,
    "text-anchor": anchor, ...(halo && {"paint-order": "stroke", "stroke-width": 3.5,
      "stroke-linejoin": "round"})}, words);

// Slanting lines over a rectangle: there are no numbers here.
export function hatch(x, y, width, height) {
  let d = "";
  for (let offset = 5; offset < width + height; offset += 5) {
    const right = Math.min(offset, width), left = Math.max(0, offset - height);
    d += `M${x + right} ${y + offset - right}L${x + left} ${y + offset - left}`;
  }
  return path(d, {stroke: "grad"});
}

// A way with its turns rounded.
export function rounded(points, radius = 10) {
  const at = (p) => `${round(p[0])} ${round(p[1])}`;
  let d = `M${at(points[0])}`;
  for (let k = 1; k + 1 < points.length; k++) {
    const [a, b, c] = points.slice(k - 1, k + 2), before = distance(a, b), after = distance(b, c);
    const near = Math.min(radius, before / 2, after / 2);
    const toward = (end, length) => b.map((x, i) => x + ((end[i] - x) * near) / (length || 1));
    d += `L${at(toward(a, before))}Q${at(b)} ${at(toward(c, after))}`;
  }
  return `${d}L${at(points.at(-1))}`;
}

// A triangle with its tip at a point, pointing against a direction.
export function triangle([x, y], [dx, dy], half, long) {
  const n = Math.hypot(dx, dy) || 1, [ux, uy] = [dx / n, dy / n];
  const [bx, by] = [x + ux * half * long, y + uy * half * long];
  const side = (sign) => `${round(bx - sign * uy * half)} ${round(by + sign * ux * half)}`;
  return `M${round(x)} ${round(y)}L${side(1)}L${side(-1)}z`;
}

const round = (x) => Math.round(x * 10) / 10;
const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);
