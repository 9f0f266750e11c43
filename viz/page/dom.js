// Elements by name. Text from the document goes in as text nodes only.

const SVG = "http://www.w3.org/2000/svg";

// h("p", {class: "note", onclick: f}, "words", child): an element; null and false are left out.
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function s(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== false) element.append(child);
  return element;
}

export function $(selector) {
  return document.querySelector(selector);
}

// Whether nothing should move.
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

let waiting = null;

// Tells a screen reader; what comes in quick succession is said once, the last of it.
export function announce(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => ($("#live").textContent = text), 60);
}
