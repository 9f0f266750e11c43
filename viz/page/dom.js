// Elements by name. Text from the document goes in as text nodes only.

// h("p", {class: "note", onclick: f}, "words", child): an element; null and false are left out.
const maker = (namespace) => (name, attributes = {}, ...children) => {
  const element = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
};
export const h = maker("http://www.w3.org/1999/xhtml");
export const s = maker("http://www.w3.org/2000/svg");
export const m = maker("http://www.w3.org/1998/Math/MathML");

export const $ = (selector) => document.querySelector(selector);

// listen(element, {click: f, pointerdown: g})
export function listen(target, handlers, options) {
  for (const [type, f] of Object.entries(handlers)) target.addEventListener(type, f, options);
}

// A canvas of so many pixels of the page, and its context, which draws in them.
export function canvasOf(width, height, attributes = {}) {
  const sharpness = Math.max(devicePixelRatio || 1, 2);
  const canvas = h("canvas", {width: Math.round(width * sharpness),
    height: Math.round(height * sharpness), style: `width:${width}px;height:${height}px`, ...attributes});
  const context = canvas.getContext("2d");
  context.scale(sharpness, sharpness);
  return [canvas, context];
}

// Whether nothing should move.
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Calls `draw` with shares that grow to 1, slower and slower; the result stops it.
export function animate(milliseconds, draw) {
  const start = performance.now();
  let frame = null;
  const step = (now) => {
    const t = Math.min(Math.max((now - start) / milliseconds, 0), 1);
    draw(1 - (1 - t) ** 3);
    if (t < 1) frame = requestAnimationFrame(step);
  };
  step(start);
  return () => cancelAnimationFrame(frame);
}

let waiting = null;

// Tells a screen reader; what comes in quick succession is said once, the last of it.
export function announce(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => ($("#live").textContent = text), 60);
}
