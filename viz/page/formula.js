// Rules as mathematics: MathML whose placeholders are filled with names, shapes or numbers.

import {m} from "./dom.js";
import {swatch} from "./heatmap.js";
import {sizeOf} from "./model.js";
import {number, oneLine, shapeOf, toFloat} from "./text.js";

const FEW = 3; // a matrix of so many rows and columns is written with its numbers

// A name as a symbol: h₁ has its index below, what is no letter is set as text.
// A tensor without a name is spoken of by its number: #13 is z₁₃ in a formula.
export function symbol(name) {
  const found = /^(\p{L}+?)_?(\d*)$/u.exec(String(name).replace(/^#(?=\d+$)/, "z"));
  if (!found || found[1].length > 12) return m("mtext", {}, oneLine(name));
  const base = m("mi", {}, found[1]);
  return found[2] ? m("msub", {}, base, m("mn", {}, found[2])) : base;
}

export const sign = (text) => m("mo", {}, text);
export const math = (...children) => m("math", {display: "block"}, m("mrow", {}, children));
export const shaped = (inner, shape) =>
  m("munder", {}, inner, m("mtext", {class: "shape"}, shapeOf(shape)));
export const derivative = (above, below) =>
  m("mfrac", {}, [above, below].map((name) => m("mrow", {}, sign("∂"), symbol(name))));

// An array as it stands in a formula: a number, a matrix of them, or a heat-map. Among others a
// negative number stands in parentheses.
export function amount(x, parenthesised = false) {
  if (!x) return m("mtext", {}, "—");
  const {shape, elements, scalar} = x;
  if (scalar !== undefined) return scalarOf(scalar, parenthesised);
  if (elements !== undefined && shape.length <= 2 && sizeOf(shape) > 0) {
    if (sizeOf(shape) === 1) return scalarOf([elements].flat(Infinity)[0], parenthesised);
    const rows = shape.length === 1 ? [elements] : elements;
    if (rows.length <= FEW && rows[0].length <= FEW) {
      return m("mtable", {class: "matrix"}, rows.map((row) =>
        m("mtr", {}, row.map((v) => m("mtd", {}, m("mn", {}, number(v, 3)))))));
    }
  }
  return m("mtext", {}, swatch(x));
}

function scalarOf(v, parenthesised) {
  const digits = m("mn", {}, number(v, 4));
  return parenthesised && toFloat(v) < 0 ? m("mrow", {}, sign("("), digits, sign(")")) : digits;
}

// A formula of the table with what stands for each placeholder: (key) => element.
export function filled(entry, meaning) {
  const parsed = new DOMParser().parseFromString(entry.mathml, "application/xml").documentElement;
  const out = document.importNode(parsed, true);
  for (const place of out.querySelectorAll("mi")) {
    if (/^q(\d+|y|g)$/.test(place.textContent)) place.replaceWith(meaning(place.textContent.slice(1)));
  }
  return [...out.childNodes];
}
