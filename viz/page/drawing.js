// The picture on the page: nodes as the still picture's writer made them, edges, boxes, labels.
// Elements are kept from one arrangement to the next, so that what stays can move to its place.

import {arrange, textWidth} from "./layout.js";
import {labelOf, plural, shapeOf, stats, number} from "./model.js";
import {$, s, still} from "./dom.js";
import {visible} from "./view.js";

const PAD = 40, MOVES = 500; // of more nodes, none is seen to move
const TIME = 280;

export class Drawing {
  constructor(model, open) {
    this.model = model;
    this.open = open;
    this.svg = $("#world");
    for (const layer of ["boxes", "edges", "nodes", "labels"]) {
      this[layer] = this.svg.appendChild(s("g", {class: layer}));
    }
    this.elements = new Map(); // of nodes, by id
    this.wires = new Map(); // of edges, by key
    this.view = null;
    this.place = null;
  }

  face = (id) => {
    const node = this.view.nodes.get(id);
    return this.model.faces[node.kind === "tag" ? `${node.tensor}-u` : id];
  };

  // Lays out what is visible now, and lets nodes move from where they or their group stood.
  arrange(origin = null) {
    const before = this.place;
    this.view = visible(this.model, this.open);
    this.place = arrange(this.view, this.face, this.model.doc.direction,
      (id) => textWidth(this.boxTitle(id), 11, true) + 36);
    this.inward = new Map();
    this.outward = new Map();
    for (const edge of this.view.edges) {
      if (!this.outward.has(edge.tail)) this.outward.set(edge.tail, []);
      if (!this.inward.has(edge.head)) this.inward.set(edge.head, []);
      this.outward.get(edge.tail).push(edge);
      this.inward.get(edge.head).push(edge);
    }
    const {x, y, width, height} = this.place.extent;
    this.extent = {x: x - PAD, y: y - PAD, width: width + 2 * PAD, height: height + 2 * PAD};
    const box = this.extent;
    this.svg.classList.toggle("many", this.view.nodes.size > MOVES);
    this.svg.setAttribute("viewBox", `${box.x} ${box.y} ${box.width} ${box.height}`);
    this.svg.setAttribute("width", box.width);
    this.svg.setAttribute("height", box.height);
    this.drawBoxes();
    this.drawNodes();
    this.drawEdges();
    this.ready = null;
    for (const element of this.elements.values()) {
      element.off = false;
      element.style.display = "";
    }
    this.move(before, origin);
  }

  boxTitle(id) {
    const group = this.model.group(id);
    let word = group.kind === group.name ? "" : group.kind;
    if (group.kind === "repeat") word = group.shared ? `×${group.count}` : `${group.count} alike`;
    if (["step", "steps", "stretch", "chain"].includes(group.kind)) word = "";
    return `${group.name || group.kind}  ${word}`.trim();
  }

  drawBoxes() {
    const boxes = this.view.boxes.map(({id}) => {
      const {x, y, width, height} = this.place.boxes.get(id);
      const title = this.boxTitle(id);
      return s("g", {class: "box", "data-id": id, transform: `translate(${x},${y})`, tabindex: -1,
        role: "graphics-object", "aria-label": `${title}, open. Enter closes it.`},
      s("rect", {class: "box-frame", width, height, rx: 10}),
      s("rect", {class: "halo", x: -3, y: -3, width: width + 6, height: height + 6, rx: 12}),
      s("text", {class: "box-title", x: 32, y: 17}, title),
      s("g", {class: "toggle", transform: "translate(16,13)"}, s("circle", {r: 8}),
        s("path", {d: "M-4 0H4"})));
    });
    this.boxes.replaceChildren(...boxes);
    this.boxElements = new Map(this.view.boxes.map(({id}, k) => [id, boxes[k]]));
  }

  drawNodes() {
    const parent = this.nodes, gone = new Set(this.elements.keys());
    for (const [id, node] of this.view.nodes) {
      gone.delete(id);
      if (!this.elements.has(id)) this.elements.set(id, this.element(id, node));
      parent.append(this.elements.get(id)); // in order of creation, which is that of Tab
    }
    for (const id of gone) {
      this.elements.get(id).remove();
      this.elements.delete(id);
    }
    const reading = [...this.view.nodes.keys(), ...this.place.boxes.keys()];
    const at = (id) => this.place.nodes.get(id) || this.place.boxes.get(id);
    const turned = this.model.doc.direction === "LR";
    reading.sort((a, b) => (turned ? at(a).x - at(b).x || at(a).y - at(b).y
      : at(a).y - at(b).y || at(a).x - at(b).x));
    this.reading = reading;
  }

  element(id, node) {
    const face = this.face(id);
    const element = s("g", {class: `node ${node.kind}`, "data-id": id, tabindex: -1,
      role: "graphics-symbol", "aria-label": this.label(id, node)});
    // made by the still picture's writer, which escapes all text
    element.innerHTML = face.base + face.rows
      .map(({kind, svg}) => `<g class="row ${kind === "grad" ? "grad" : "data"}">${svg}</g>`)
      .join("");
    const {marks, highlight} = this.model.looks;
    if (marks[id]) element.insertAdjacentHTML("beforeend", marks[id].svg);
    if (id in highlight) element.classList.add("way");
    element.prepend(s("rect", {class: "halo", x: -4 - face.m, y: -4 - face.m, rx: 11,
      width: face.w + 2 * face.m + 8, height: face.h + 2 * face.m + 8}));
    for (const {kind, x, y, height} of face.rows) {
      element.append(s("text", {class: `wait ${kind === "grad" ? "grad" : "data"}`,
        x: x + 42, y: y + height / 2 + 4}, "—"));
    }
    if (node.kind === "group" && !this.model.group(id).sealed) {
      element.append(s("g", {class: "toggle", transform: `translate(${face.w - 2},${face.h - 2})`},
        s("circle", {r: 9}), s("path", {d: "M-4.5 0H4.5M0 -4.5V4.5"})));
    }
    return element;
  }

  // What a screen reader says of a node.
  label(id, node) {
    const {model} = this;
    if (node.kind === "group") {
      const group = model.group(id);
      const much = plural(group.operations, "operation");
      return `${this.boxTitle(id)}, closed, ${much}. ${group.sealed ? "" : "Enter opens it."}`;
    }
    if (node.kind === "operation") {
      const op = model.operation(id);
      return `operation ${op.name}${op.step ? `, backward step ${op.step}` : ""}`;
    }
    const x = model.tensor(node.tensor);
    if (node.kind === "tag") return `another use of ${model.title(node.tensor)}`;
    return `${x.kind} ${model.title(node.tensor)}, ${shapeOf(x.shape)}`;
  }

  drawEdges() {
    this.wires.clear();
    const labels = [];
    const edges = this.view.edges.map((edge) => {
      const element = this.wire(edge);
      this.wires.set(edge.key, element);
      if (edge.spot) {
        labels.push(s("text", {x: edge.spot[0], y: edge.spot[1] + 3.5, "data-key": edge.key}, edge.label));
      }
      return element;
    });
    this.edges.replaceChildren(...edges);
    this.labels.replaceChildren(...labels);
    this.labelOf = new Map(labels.map((label) => [label.getAttribute("data-key"), label]));
  }

  wire(edge) {
    const parts = [];
    const [line, tip] = pointed(edge.forth, 7.5);
    parts.push(s("path", {class: "forth", d: curve(line)}));
    parts.push(s("path", {class: "forth-tip", d: arrow(...tip, 3.4)}));
    if (edge.home.length) {
      const [back, end] = pointed(edge.home, 6.5 + edge.thick);
      parts.push(s("path", {class: "back", d: curve(back), "stroke-width": edge.thick,
        "stroke-dasharray": edge.label ? "5 3" : "3 3"}));
      parts.push(s("path", {class: "back-tip", d: arrow(...end, 2.6 + edge.thick * 0.75)}));
    }
    parts.push(s("path", {class: "hit", d: curve(edge.forth)}));
    const way = edge.key in this.model.looks.highlight ? " way" : "";
    return s("g", {class: `edge${way}`, "data-key": edge.key, "data-tail": edge.tail,
      "data-head": edge.head}, parts);
  }

  // Nodes go from their old places to the new ones.
  move(before, origin) {
    const target = (id) => {
      const {x, y} = this.place.nodes.get(id), m = this.face(id).m;
      return [x + m, y + m];
    };
    const put = (id, [x, y]) =>
      this.elements.get(id).setAttribute("transform", `translate(${x},${y})`);
    const ids = [...this.view.nodes.keys()];
    cancelAnimationFrame(this.frame);
    this.svg.classList.remove("moving");
    if (!before || still() || ids.length > MOVES) {
      for (const id of ids) put(id, target(id));
      return;
    }
    const from = (id) => {
      const old = before.nodes.get(id) || before.nodes.get(origin) || before.boxes.get(origin);
      return old ? [old.x, old.y] : target(id);
    };
    const ways = ids.map((id) => [id, from(id), target(id), before.nodes.has(id)]);
    const start = performance.now();
    this.svg.classList.add("moving");
    const step = (now) => {
      const t = Math.min(Math.max((now - start) / TIME, 0), 1), e = 1 - (1 - t) ** 3;
      for (const [id, [a, b], [c, d], stayed] of ways) {
        put(id, [a + (c - a) * e, b + (d - b) * e]);
        this.elements.get(id).style.opacity = stayed || t === 1 ? "" : e;
      }
      if (t < 1) this.frame = requestAnimationFrame(step);
      else this.svg.classList.remove("moving");
    };
    step(start);
  }

  // Of a large drawing only what is near the part in sight is there to be painted. `sight` is
  // [left, top, right, bottom]; nothing is done while it stays within what was made ready.
  cull(sight) {
    if (this.view.nodes.size <= MOVES) return;
    const [left, top, right, bottom] = sight, ready = this.ready;
    const wide = right - left, high = bottom - top;
    if (ready && left >= ready[0] && top >= ready[1] && right <= ready[2] && bottom <= ready[3]
      && ready[2] - ready[0] <= 6 * wide) return;
    const near = (this.ready = [left - wide, top - high, right + wide, bottom + high]);
    const show = (element, [a, b, c, d]) => {
      const off = c < near[0] || a > near[2] || d < near[1] || b > near[3];
      if (off && element.getAttribute("tabindex") === "0") return; // Tab leads to it
      if (element.off === off) return;
      element.off = off;
      element.style.display = off ? "none" : "";
    };
    for (const [id, {x, y, width, height}] of this.place.nodes) {
      show(this.elements.get(id), [x, y, x + width, y + height]);
    }
    for (const edge of this.view.edges) {
      edge.bounds ||= boundsOf([...edge.forth, ...edge.home]);
      show(this.wires.get(edge.key), edge.bounds);
      if (edge.spot) show(this.labelOf.get(edge.key), [...edge.spot, ...edge.spot]);
    }
  }

  // Makes a node ready to be focused, wherever it is.
  present(id) {
    const element = this.elementOf(id);
    if (element?.off) {
      element.off = false;
      element.style.display = "";
    }
    return element;
  }

  // Where a node or box stands on the drawing.
  rect(id) {
    const {place, view} = this;
    return place.nodes.get(id) || place.boxes.get(id) || place.nodes.get(view.byTensor.get(id));
  }

  elementOf(id) {
    return this.elements.get(id) || this.boxElements.get(id);
  }

  // The words of a tooltip.
  hint(target) {
    const edge = target.closest(".edge");
    if (!edge) return "";
    const {model} = this;
    const found = this.view.edges.find(({key}) => key === edge.dataset.key);
    const name = model.title(found.tensor);
    const {marks, highlight} = model.looks, more = marks[found.key]?.words || highlight[found.key];
    const said = more ? `\n${more}` : "";
    if (found.merged) {
      return found.merged.map((one) => `${model.title(one.tensor)}: ${one.label || "no gradient"}`).join("\n");
    }
    if (found.out) {
      const g = model.summary(model.tensor(found.tensor).gradient);
      const back = g ? `\nback flows its gradient: ${labelOf(g)}` : "";
      return `${name} is the result of ${model.title(found.tail)}${back}${said}`;
    }
    const into = found.arg ? `operand ${found.arg} of ${model.title(found.head)}`
      : `an input of ${model.title(found.head)}`;
    const x = model.summary(found.contribution);
    const flows = x ? `\nback flows ${labelOf(x)} (RMS ${number(stats(x).rms, 3)})`
      : "\nno gradient flows back here";
    return `${name} is ${into}${flows}${said}`;
  }
}

function boundsOf(points) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function curve(points) {
  const text = ([x, y]) => `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
  return `M${text(points[0])}C${points.slice(1).map(text).join(" ")}`;
}

// A curve that ends where its arrowhead begins, and the head's base and tip.
function pointed(points, size) {
  const tip = points[points.length - 1], before = points[points.length - 2];
  const dx = tip[0] - before[0], dy = tip[1] - before[1], length = Math.hypot(dx, dy) || 1;
  const short = Math.min(size, length);
  const base = [tip[0] - (dx / length) * short, tip[1] - (dy / length) * short];
  return [[...points.slice(0, -1), base], [base, tip]];
}

function arrow(base, tip, half) {
  const dx = tip[0] - base[0], dy = tip[1] - base[1], length = Math.hypot(dx, dy) || 1;
  const n = [(-dy / length) * half, (dx / length) * half];
  const text = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return `M${text(tip)}L${text([base[0] + n[0], base[1] + n[1]])}L${text([base[0] - n[0], base[1] - n[1]])}z`;
}
