// Rules as mathematics: MathML whose placeholders are filled with names, shapes or numbers.

import {swatch} from "./heatmap.js";
import {isFloat, number, oneLine, shapeOf, sizeOf} from "./model.js";

const MATH = "http://www.w3.org/1998/Math/MathML";
const FEW = [3, 3]; // a matrix of so many rows and columns is written with its numbers

export function m(name, attributes = {}, ...children) {
  const element = document.createElementNS(MATH, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.flat());
  return element;
}

// A name as a symbol: h₁ has its index below, what is no letter is set as text.
// A tensor without a name is spoken of by its number: #13 is z₁₃ in a formula.
export function symbol(name) {
  const found = /^#\d+$/.test(name) ? ["", "z", name.slice(1)] : /^([^\W\d_]+?)_?(\d*)$/u.exec(name) || /^(\p{L}+?)_?(\d*)$/u.exec(name);
  if (!found || found[1].length > 12) return m("mtext", {}, oneLine(name));
  const base = m("mi", {}, found[1]);
  return found[2] ? m("msub", {}, base, m("mn", {}, found[2])) : base;
}

export function derivative(above, below) {
  return m("mfrac", {}, m("mrow", {}, m("mo", {}, "∂"), symbol(above)),
    m("mrow", {}, m("mo", {}, "∂"), symbol(below)));
}

// An array as it stands in a formula: a number, a matrix of them, or a heat-map. Among others a
// negative number stands in parentheses.
export function amount(x, among = false) {
  if (!x) return m("mtext", {}, "—");
  if (x.scalar !== undefined) return written(x.scalar, among);
  const {shape, elements} = x;
  if (elements !== undefined && shape.length <= 2 && sizeOf(shape) > 0) {
    if (sizeOf(shape) === 1) return written([elements].flat(Infinity)[0], among);
    const rows = shape.length === 1 ? [elements] : elements;
    if (rows.length <= FEW[0] && rows[0].length <= FEW[1]) {
      return m("mtable", {class: "matrix"}, rows.map((row) =>
        m("mtr", {}, row.map((v) => m("mtd", {}, m("mn", {}, number(v, 3)))))));
    }
  }
  return m("mtext", {}, swatch(x));
}

function written(v, among) {
  const digits = m("mn", {}, number(v, 4));
  return among && isFloat(v) < 0 ? m("mrow", {}, m("mo", {}, "("), digits, m("mo", {}, ")")) : digits;
}

// Over its shape.
export function shaped(inner, shape) {
  return m("munder", {}, inner, m("mtext", {class: "shape"}, shapeOf(shape)));
}

// A formula of the table with what stands for each placeholder: (key) => element.
export function filled(entry, meaning) {
  const parsed = new DOMParser().parseFromString(entry.mathml, "application/xml").documentElement;
  const out = document.importNode(parsed, true);
  for (const place of [...out.querySelectorAll("mi")]) {
    if (/^q(\d+|y|g)$/.test(place.textContent)) place.replaceWith(meaning(place.textContent.slice(1)));
  }
  return [...out.childNodes];
}

export function math(...children) {
  return m("math", {display: "block"}, m("mrow", {}, ...children));
}

export function sign(text) {
  return m("mo", {}, text);
}
