// Elements by name. Text from the document goes in as text nodes only.

// Sets attributes and adds listeners: set(element, {class: "note", onclick: f}).
export function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
}

// h("p", {class: "note"}, "words", child): an element; null and false are left out.
const maker = (namespace) => (name, attributes = {}, ...children) => {
  const element = document.createElementNS(namespace, name);
  set(element, attributes);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
};
export const h = maker("http://www.w3.org/1999/xhtml");
export const s = maker("http://www.w3.org/2000/svg");
export const m = maker("http://www.w3.org/1998/Math/MathML");

export const $ = (selector) => document.querySelector(selector);

// Calls `draw` with shares that grow to 1, or with 1 where nothing should move; returns what stops it.
export function animate(milliseconds, draw) {
  const start = performance.now(), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let frame = null;
  const step = (now) => {
    const t = still || !milliseconds ? 1 : Math.min(Math.max((now - start) / milliseconds, 0), 1);
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
