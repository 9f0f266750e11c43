// The picture on the page: nodes as the still picture's writer made them, edges, boxes, labels.
// Elements are kept from one arrangement to the next, so that what stays can move to its place.

import {animate, $, s, set} from "./dom.js";
import {arrange, boundsOf, normal, textWidth} from "./layout.js";
import {labelOf, number, plural, shapeOf, stats} from "./model.js";
import {View} from "./view.js";

const PAD = 40, MILLISECONDS = 280;
const ANIMATED = 500; // of more nodes, none is seen to move

export class Drawing {
  constructor(model, open) {
    Object.assign(this, {model, open, svg: $("#world"), place: null});
    this.layers = Object.fromEntries(["boxes", "edges", "nodes", "labels"]
      .map((name) => [name, this.svg.appendChild(s("g", {class: name}))]));
    this.nodeElements = new Map(); // by id
  }

  // Where a node or box stands on the drawing.
  rect = (id) => this.place.nodes.get(id) || this.place.boxes.get(id)
    || this.place.nodes.get(this.view.byTensor.get(id));
  element = (id) => this.nodeElements.get(id) || this.boxElements.get(id);
  glyph = (id) => {
    const node = this.view.nodes.get(id);
    return this.model.glyphs[node.kind === "tag" ? `${node.tensor}-u` : id];
  };

  // Lays out what is visible now, and lets nodes move from where they or their group stood.
  arrange(origin = null) {
    const before = this.place;
    this.view = new View(this.model, this.open);
    this.place = arrange(this.view, this.glyph, this.model.doc.direction,
      (id) => textWidth(this.boxTitle(id), 11, true) + 36);
    this.inward = Map.groupBy(this.view.edges, (edge) => edge.head);
    this.outward = Map.groupBy(this.view.edges, (edge) => edge.tail);
    const {x, y, width, height} = this.place.extent;
    const box = this.extent = {x: x - PAD, y: y - PAD, width: width + 2 * PAD, height: height + 2 * PAD};
    this.svg.classList.toggle("many", this.view.nodes.size > ANIMATED);
    set(this.svg, {viewBox: Object.values(box).join(" "), width: box.width, height: box.height});
    this.drawBoxes();
    this.drawNodes();
    this.drawEdges();
    this.ready = null;
    for (const element of this.nodeElements.values()) element.style.display = "";
    this.move(before, origin);
  }

  boxTitle(id) {
    const {name, kind, shared, count} = this.model.group(id);
    const plain = [name, "step", "steps", "stretch", "chain", "layer", "neuron"].includes(kind);
    const word = kind === "repeat" ? (shared ? `×${count}` : `${count} alike`) : plain ? "" : kind;
    return `${name || kind}  ${word}`.trim();
  }

  drawBoxes() {
    this.boxElements = new Map(this.view.boxes.map(({id}) => {
      const title = this.boxTitle(id), {x, y, width, height} = this.place.boxes.get(id);
      return [id, s("g", {class: "box", "data-id": id, transform: `translate(${x},${y})`,
        tabindex: -1, role: "graphics-object", "aria-label": `${title}, open. Enter closes it.`},
      s("rect", {class: "box-frame", width, height, rx: 10}),
      s("rect", {class: "halo", x: -3, y: -3, width: width + 6, height: height + 6, rx: 12}),
      s("text", {class: "box-title", x: 32, y: 17}, title),
      s("g", {class: "toggle", transform: "translate(16,13)"}, s("circle", {r: 8}),
        s("path", {d: "M-4 0H4"})))];
    }));
    this.layers.boxes.replaceChildren(...this.boxElements.values());
  }

  drawNodes() {
    const {view} = this, before = this.nodeElements;
    this.nodeElements = new Map([...view.nodes].map(([id, node]) =>
      [id, before.get(id) ?? this.nodeElement(id, node)]));
    this.layers.nodes.replaceChildren(...this.nodeElements.values()); // the order is that of Tab
    const [first, second] = this.model.doc.direction === "LR" ? ["x", "y"] : ["y", "x"];
    this.reading = [...view.nodes.keys(), ...this.boxElements.keys()].sort((one, other) => {
      const a = this.rect(one), b = this.rect(other);
      return a[first] - b[first] || a[second] - b[second];
    });
  }

  nodeElement(id, node) {
    const {w, h, m, base, rows} = this.glyph(id), {marks, highlight} = this.model.annotations;
    const element = s("g", {class: `node ${node.kind}`, "data-id": id, tabindex: -1,
      role: "graphics-symbol", "aria-label": this.description(id, node)});
    const part = ({kind}) => (kind === "grad" ? "grad" : "data");
    // made by the still picture's writer, which escapes all text
    element.innerHTML = base + rows.map((row) => `<g class="row ${part(row)}">${row.svg}</g>`).join("");
    if (marks[id]) element.insertAdjacentHTML("beforeend", marks[id].svg);
    if (id in highlight) element.classList.add("way");
    element.prepend(s("rect", {class: "halo", x: -4 - m, y: -4 - m, rx: 11, width: w + 2 * m + 8,
      height: h + 2 * m + 8}));
    element.append(...rows.map((row) => s("text", {class: `placeholder ${part(row)}`, x: row.x + 42,
      y: row.y + row.height / 2 + 4}, "—")));
    if (node.kind === "group" && !this.model.group(id).sealed) {
      element.append(s("g", {class: "toggle", transform: `translate(${w - 2},${h - 2})`},
        s("circle", {r: 9}), s("path", {d: "M-4.5 0H4.5M0 -4.5V4.5"})));
    }
    return element;
  }

  // What a screen reader says of a node.
  description(id, {kind, tensor}) {
    const {model} = this, group = model.group(id), op = model.operation(id), x = model.tensor(tensor);
    if (group) {
      const count = plural(group.operations, "operation");
      return `${this.boxTitle(id)}, closed, ${count}. ${group.sealed ? "" : "Enter opens it."}`;
    }
    if (op) return `operation ${op.name}${op.step ? `, backward step ${op.step}` : ""}`;
    if (kind === "tag") return `another use of ${model.title(tensor)}`;
    return `${x.kind} ${model.title(tensor)}, ${shapeOf(x.shape)}`;
  }

  drawEdges() {
    const {edges} = this.view, spotted = edges.filter(({spot}) => spot);
    this.edgeElements = new Map(edges.map((edge) => [edge.key, this.edgeElement(edge)]));
    this.labels = new Map(spotted.map(({key, spot: [x, y], label}) =>
      [key, s("text", {x, y: y + 3.5, "data-key": key}, label)]));
    this.layers.edges.replaceChildren(...this.edgeElements.values());
    this.layers.labels.replaceChildren(...this.labels.values());
  }

  edgeElement({key, path, back, backPath, thick, label}) {
    const highlight = key in this.model.annotations.highlight ? " way" : "";
    return s("g", {class: `edge${highlight}`, "data-key": key},
      arrow("forward", path, 7.5, 3.4),
      back && arrow("backward", backPath, 6.5 + thick, 2.6 + thick * 0.75,
        {"stroke-width": thick, "stroke-dasharray": label ? "5 3" : "3 3"}),
      s("path", {class: "hit", d: curve(path)}));
  }

  // Nodes go from their old places to the new ones.
  move(before, origin) {
    const {place, nodeElements} = this;
    const moves = [...place.nodes].map(([id, {x, y}]) => {
      const {m} = this.glyph(id), stayed = before?.nodes.has(id);
      const old = before?.nodes.get(id) || before?.nodes.get(origin) || before?.boxes.get(origin);
      return [id, old || {x: x + m, y: y + m}, {x: x + m, y: y + m}, stayed];
    });
    const draw = (share) => {
      for (const [id, from, to, stayed] of moves) {
        const element = nodeElements.get(id), at = (x) => from[x] + (to[x] - from[x]) * share;
        element.setAttribute("transform", `translate(${at("x")},${at("y")})`);
        element.style.opacity = stayed || share === 1 ? "" : share;
      }
      this.svg.classList.toggle("moving", share < 1);
    };
    this.stop?.();
    this.stop = animate(before && moves.length <= ANIMATED ? MILLISECONDS : 0, draw);
  }

  // Of a large drawing only what is near the part in sight is there to be painted. Nothing is done
  // while that stays within what was made ready.
  cull([left, top, right, bottom]) {
    if (this.view.nodes.size <= ANIMATED) return;
    const {ready} = this, wide = right - left, high = bottom - top;
    if (ready && left >= ready[0] && top >= ready[1] && right <= ready[2] && bottom <= ready[3]
      && ready[2] - ready[0] <= 6 * wide) return;
    const near = (this.ready = [left - wide, top - high, right + wide, bottom + high]);
    const show = (element, [a, b, c, d]) => {
      const display = c < near[0] || a > near[2] || d < near[1] || b > near[3] ? "none" : "";
      if (display && element.getAttribute("tabindex") === "0") return; // Tab leads to it
      if (element.style.display !== display) element.style.display = display;
    };
    for (const [id, {x, y, width, height}] of this.place.nodes) {
      show(this.nodeElements.get(id), [x, y, x + width, y + height]);
    }
    for (const edge of this.view.edges) {
      edge.bounds ||= boundsOf([...edge.path, ...edge.backPath]);
      show(this.edgeElements.get(edge.key), edge.bounds);
      if (edge.spot) show(this.labels.get(edge.key), [...edge.spot, ...edge.spot]);
    }
  }

  // The text of an edge's tooltip.
  tooltip(element) {
    const {model} = this, {marks, highlight} = model.annotations;
    const {key, tensor, tail, head, arg, out, merged, contribution} =
      this.view.edges.find((edge) => edge.key === element.dataset.key);
    if (merged) {
      return merged.map((one) => `${model.title(one.tensor)}: ${one.label || "no gradient"}`).join("\n");
    }
    const role = out ? "the result of" : arg ? `operand ${arg} of` : "an input of";
    const x = model.summary(out ? model.tensor(tensor).gradient : contribution);
    const flow = out ? x && `back flows its gradient: ${labelOf(x)}`
      : x ? `back flows ${labelOf(x)} (RMS ${number(stats(x).rms, 3)})` : "no gradient flows back here";
    return [`${model.title(tensor)} is ${role} ${model.title(out ? tail : head)}`, flow,
      marks[key]?.words || highlight[key]].filter(Boolean).join("\n");
  }
}

function curve(points) {
  const text = ([x, y]) => `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
  return `M${text(points[0])}C${points.slice(1).map(text).join(" ")}`;
}

// A curve that ends where its arrowhead of this size begins, and the head.
function arrow(name, points, size, half, attributes = {}) {
  const [before, tip] = points.slice(-2), [ny, nx] = normal(before, tip);
  const length = Math.min(size, Math.hypot(tip[0] - before[0], tip[1] - before[1]) || 1);
  const base = [tip[0] + nx * length, tip[1] - ny * length];
  const text = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const side = (sign) => text(base[0] + sign * ny * half, base[1] + sign * nx * half);
  return [s("path", {class: name, d: curve([...points.slice(0, -1), base]), ...attributes}),
    s("path", {class: `${name} tip`, d: `M${text(...tip)}L${side(-1)}L${side(1)}z`})];
}
