// Words and numbers as pictures write them, and how wide they are: by the table of widths that the
// still picture uses, which comes with the page.

const WIDTHS = new Map(); // by character, in units of the font size: regular and bold
const FORBIDDEN = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

// Takes over the table: by two widths, the characters that have them.
export function setWidths(table) {
  for (const [widths, characters] of Object.entries(table)) {
    for (const c of characters) WIDTHS.set(c, widths.split(" ").map(Number));
  }
}

// How wide a line of text is at most, in pixels.
export function width(text, size, bold = false) {
  let total = 0;
  for (const c of text) total += (WIDTHS.get(c) ?? [1.05, 1.05])[bold ? 1 : 0];
  return total * size;
}

// The text, shortened with … until it is no wider than that.
export function fit(text, room, size, bold = false) {
  if (width(text, size, bold) <= room) return text;
  const characters = [...text], cut = (n) => `${characters.slice(0, n).join("")}…`;
  let low = 0, high = characters.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (width(cut(middle), size, bold) <= room) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}

export const oneLine = (text) =>
  String(text).replace(FORBIDDEN, "\ufffd").replace(/[\n\r]/g, "⏎").replace(/\t/g, "⇥");
export const shapeOf = (shape) => (shape.length ? shape.join("×") : "scalar");
export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

// The last part of a name with dots: layers.0.weight is "weight" where it is used.
export const short = (name) => oneLine(name).split(".").at(-1) || oneLine(name);

// A float of the document, where those that are no JSON numbers are strings.
export const toFloat = (x) =>
  (typeof x === "number" ? x : {nan: NaN, inf: Infinity, "-inf": -Infinity}[x]);

// A number to so many significant digits, with a real minus sign.
export function number(x, digits = 4) {
  x = toFloat(x);
  if (x === undefined) return "—";
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const [mantissa, power] = x.toExponential(digits - 1).split("e"), exponent = Number(power);
  const text = exponent < -4 || exponent >= digits
    ? `${Number(mantissa)}e${exponent}` : String(Number(x.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

export const exact = (x) =>
  (Number.isFinite(toFloat(x)) ? String(x).replaceAll("-", "−") : number(x));
