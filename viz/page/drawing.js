// The picture on the page: records, wires, frames and labels of the river of what is open, with
// what is known at a step. Elements are kept from one arrangement to the next, so that what stays
// can move to its place; of a large picture only those near what is in sight are made.

import {text} from "./canvas.js";
import {animate, $, s, set} from "./dom.js";
import {SMALL} from "./looks.js";
import {grouped, labelOf, stats} from "./model.js";
import {everything, Painter} from "./painter.js";
import {Picture} from "./picture.js";
import {isTurned, Places} from "./placing.js";
import {River} from "./records.js";
import {fit, number, plural, shapeOf} from "./text.js";

const MARGIN = 40, MILLISECONDS = 280, REST = 150;
const ANIMATED = 400; // of more records, none is seen to move, and those far from sight are not made

export class Drawing {
  constructor(model, open) {
    Object.assign(this, {model, open, svg: $("#world"), places: null, knowledge: everything(model),
      elements: new Map(), // of records, by id
      frames: new Map(), wires: new Map(), labels: new Map()}); // by the id of a group, of an edge
    this.layers = Object.fromEntries(["boxes", "edges", "nodes", "labels"]
      .map((name) => [name, this.svg.appendChild(s("g", {class: name}))]));
  }

  // The record that shows a node; that of a closed group for what is in it.
  record(id) {
    const {shown} = this.river, {group} = this.model.tensor(id) ?? this.model.operation(id) ?? {};
    return shown.get(id) ?? (group && shown.get(this.picture.closed(group))) ?? null;
  }

  // Where a node or the frame of an open group stands on the drawing.
  rect(id) {
    const record = this.record(id), frame = this.places.frames.get(id);
    if (record) return this.rects.get(record);
    return frame && {x: frame[0], y: frame[1], width: frame[2] - frame[0], height: frame[3] - frame[1]};
  }

  element(id) {
    const record = this.record(id);
    return record ? this.made(record) : this.frames.get(id) ?? null;
  }

  // Lays out what is visible now, and lets records move from where they or their group stood.
  arrange(origin = null) {
    const {model} = this, before = new Map([...this.rects ?? []].map(([{id}, rect]) => [id, rect]));
    const from = this.places && (before.get(origin) ?? this.rect(origin));
    const picture = this.picture = new Picture(model, this.open), {direction} = model.doc;
    this.river = new River(picture);
    this.turned = direction === "LR" || (direction === null && isTurned(this.river));
    const places = this.places = new Places(this.river, this.turned, model.annotations.highlight);
    this.painter = new Painter(model, places, this.knowledge);
    this.rects = new Map([...places.at].map(([record, [x, y]]) => {
      const {width, height} = places.looks.get(record);
      return [record, {x, y, width, height}];
    }));
    this.many = this.rects.size > ANIMATED;
    this.units = [...picture.nodes.values()].filter(({kind}) => kind === "operation" || kind === "group");
    this.listEdges();
    const {width, height} = places;
    this.extent = {x: -MARGIN, y: -MARGIN, width: width + 2 * MARGIN, height: height + 2 * MARGIN};
    this.svg.classList.toggle("many", this.many);
    set(this.svg, {viewBox: Object.values(this.extent).join(" "), width: this.extent.width,
      height: this.extent.height});
    this.makeElements();
    this.orderReading();
    this.move(before, from);
  }

  // All edges with the records at their ends: wires, those to leaves beside, and those in words.
  listEdges() {
    const {river} = this, entry = (edge) => ({edge, tail: river.from(edge), head: river.head(edge)});
    const beside = river.records.flatMap((record) => record.beside.map(([, edge]) => edge));
    this.wired = [...river.wires.map(([edge]) => edge), ...beside].map(entry);
    this.edges = [...this.wired, ...river.records.flatMap((record) => record.named).map(entry)];
    this.byId = new Map(this.edges.map((one) => [one.edge.id, one]));
    this.inward = grouped(this.edges, ({head}) => head);
    this.outward = grouped(this.edges, ({tail}) => tail);
  }

  makeElements() {
    const old = this.elements;
    for (const name of ["edges", "nodes", "labels"]) this.layers[name].replaceChildren();
    for (const name of ["elements", "wires", "labels"]) this[name] = new Map();
    this.ready = null;
    this.drawFrames();
    if (this.many) return;
    for (const one of this.wired) this.madeWire(one);
    for (const record of this.rects.keys()) this.made(record, old.get(record.id));
  }

  drawFrames() {
    this.frames = new Map([...this.places.frames.keys()].map((id) => {
      const title = this.places.titleOf(id), {x, y, width, height} = this.rect(id);
      return [id, s("g", {class: "box", "data-id": id, transform: `translate(${x},${y})`,
        tabindex: -1, role: "graphics-object", "aria-label": `${title}, open. Enter closes it.`},
      s("rect", {class: "box-frame mg-f-box mg-s-box-line", width, height, rx: 8}),
      s("rect", {class: "halo", x: -3, y: -3, width: width + 6, height: height + 6, rx: 11}),
      s("g", {class: "box-title"}, text(25, 14, fit(title, width - 34, SMALL, true),
        {size: SMALL, isBold: true, fill: "muted"})),
      s("g", {class: "toggle", transform: "translate(13,10)"}, s("circle", {r: 7}), s("path", {d: "M-3.5 0H3.5"})))];
    }));
    this.layers.boxes.replaceChildren(...this.frames.values());
  }

  // The element of a record, made when it is asked for.
  made(record, old = null) {
    if (this.elements.has(record.id)) return this.elements.get(record.id);
    const {x, y} = this.rects.get(record), {kind} = record.tensor && record.isLeaf ? this.model.tensor(record.tensor) : {};
    const element = old ?? s("g", {tabindex: -1});
    set(element, {class: ["node", record.kind, kind].filter(Boolean).join(" "), "data-id": record.id,
      role: "graphics-symbol", "aria-label": this.description(record), transform: `translate(${x},${y})`});
    this.elements.set(record.id, element);
    this.layers.nodes.append(element);
    this.paint(record, true);
    return element;
  }

  madeWire(one) {
    const {edge: {id}} = one;
    if (this.wires.has(id)) return;
    this.wires.set(id, s("g", {class: "edge", "data-key": id}));
    this.labels.set(id, s("g", {"data-key": id}));
    this.layers.edges.append(this.wires.get(id));
    this.layers.labels.append(this.labels.get(id));
    this.paintWire(one, true);
  }

  // Draws everything with what is known now; what has not changed only if `anew`.
  repaint(anew = false) {
    this.painter.knowledge = this.knowledge;
    for (const record of this.rects.keys()) this.paint(record, anew);
    for (const one of this.wired) this.paintWire(one, anew);
  }

  // Other numbers stand in the document: draws them in their places. With a part that is in sight,
  // what is there at once, the rest when no other numbers have come for a moment.
  renew(sight = [-Infinity, -Infinity, Infinity, Infinity]) {
    for (const edge of this.picture.edges.values()) this.picture.renew(edge);
    this.model.renew();
    this.painter.knowledge = this.knowledge;
    const [left, top, right, bottom] = sight, later = [];
    const isInSight = ([a, b, c, d]) => a <= right && c >= left && b <= bottom && d >= top;
    for (const [record, {x, y, width, height}] of this.rects) {
      const draw = () => this.rects.has(record) && this.paint(record, true);
      if (isInSight([x, y, x + width, y + height])) draw();
      else later.push(draw);
    }
    for (const one of this.wired) {
      const draw = () => this.byId.get(one.edge.id) === one && this.paintWire(one, true);
      if (isInSight(this.boundsOf(one))) draw();
      else later.push(draw);
    }
    clearTimeout(this.resting);
    if (later.length) this.resting = setTimeout(() => later.forEach((draw) => draw()), REST);
  }

  paint(record, anew = false) {
    const element = this.elements.get(record.id), {knowledge, painter} = this;
    const key = element && knowledge.key(record);
    if (!element || (!anew && element.known === key)) return;
    element.known = key;
    element.classList.toggle("now", knowledge.isNow(record));
    element.classList.toggle("later", knowledge.isLater(record));
    const {width, height} = this.places.looks.get(record), images = [...element.querySelectorAll("image")];
    const parts = [s("rect", {class: "halo", x: -4, y: -4, rx: 9, width: width + 8, height: height + 8}),
      painter.record(record)];
    element.replaceChildren(...parts.flat(Infinity).filter(Boolean));
    // an image that stays keeps its element, so that it does not flicker
    element.querySelectorAll("image").forEach((image, k) => {
      if (!images[k]) return;
      for (const {name, value} of image.attributes) images[k].setAttribute(name, value);
      image.replaceWith(images[k]);
    });
  }

  paintWire({edge, tail}, anew = false) {
    const element = this.wires.get(edge.id), {knowledge, painter} = this;
    const isNow = knowledge.isUsedNow(edge), key = `${knowledge.knows(edge)} ${isNow}`;
    if (!element || (!anew && element.known === key)) return;
    element.known = key;
    element.classList.toggle("now", isNow);
    element.replaceChildren(...painter.wire(edge, tail).flat(Infinity).filter(Boolean));
    this.labels.get(edge.id).replaceChildren(painter.label(edge, tail) ?? "");
  }

  // The order in which the arrow keys go from node to node.
  orderReading() {
    const [first, second] = this.turned ? ["x", "y"] : ["y", "x"];
    const all = [...[...this.rects.keys()].map(({id}) => id), ...this.frames.keys()];
    this.reading = all.map((id) => [id, this.rect(id)])
      .sort(([, a], [, b]) => a[first] - b[first] || a[second] - b[second]).map(([id]) => id);
  }

  // What a screen reader says of a record.
  description({id, kind, tensor, node}) {
    const {model} = this, group = model.group(id), op = model.operation(id);
    if (group) {
      const count = plural(group.operations, "operation");
      return `${this.places.kinds.groupTitle(id)}, closed, ${count}. ${group.sealed ? "" : "Enter opens it."}`;
    }
    if (op) {
      const step = op.step ? `, backward step ${op.step}` : "", {name, shape} = model.tensor(tensor);
      return `operation ${op.name}${step}, result ${name ? model.title(tensor) : shapeOf(shape)}`;
    }
    if (kind === "more") return `${plural(node.uses, "use")} elsewhere`;
    if (kind === "tag") return `another use of ${model.title(node.tensor)}`;
    return `${model.tensor(tensor).kind} ${model.title(tensor)}, ${shapeOf(model.tensor(tensor).shape)}`;
  }

  // Records go from their old places to the new ones.
  move(before, from) {
    const moves = this.many || !before.size ? [] : [...this.rects].map(([{id}, to]) =>
      [this.elements.get(id), before.get(id) ?? from ?? to, to, before.has(id)]);
    const draw = (share) => {
      for (const [element, old, to, stayed] of moves) {
        const at = (x) => old[x] + (to[x] - old[x]) * share;
        element.setAttribute("transform", `translate(${at("x")},${at("y")})`);
        element.style.opacity = stayed || share === 1 ? "" : share;
      }
      this.svg.classList.toggle("moving", share < 1);
    };
    this.stop?.();
    this.stop = animate(moves.length ? MILLISECONDS : 0, draw);
  }

  // Of a large drawing only what is near the part in sight is there to be painted. Nothing is done
  // while that stays within what was made ready.
  cull([left, top, right, bottom]) {
    if (!this.many) return;
    const {ready} = this, wide = right - left, high = bottom - top;
    if (ready && left >= ready[0] && top >= ready[1] && right <= ready[2] && bottom <= ready[3]
      && ready[2] - ready[0] <= 4 * wide) return;
    const near = this.ready = [left - wide / 2, top - high / 2, right + wide / 2, bottom + high / 2];
    const isNear = ([a, b, c, d]) => c >= near[0] && a <= near[2] && d >= near[1] && b <= near[3];
    for (const [record, {x, y, width, height}] of this.rects) {
      if (isNear([x, y, x + width, y + height])) this.made(record);
      else this.drop(record);
    }
    for (const one of this.wired) {
      if (isNear(this.boundsOf(one))) this.madeWire(one);
      else this.dropWire(one.edge.id);
    }
  }

  boundsOf(one) {
    const {ways, ribbons} = this.places, {id} = one.edge;
    return (one.bounds ??= boundsOf([...ways.get(id), ...ribbons.get(id)].flat()));
  }

  drop({id}) {
    const element = this.elements.get(id);
    if (!element || element.getAttribute("tabindex") === "0") return; // Tab leads to it
    element.remove();
    this.elements.delete(id);
  }

  dropWire(id) {
    for (const some of [this.wires, this.labels]) {
      some.get(id)?.remove();
      some.delete(id);
    }
  }

  // The text of an edge's tooltip.
  tooltip(id) {
    const {model} = this, {marks, highlight} = model.annotations, {edge, head} = this.byId.get(id);
    const {home, arg, merged, contribution} = edge;
    if (merged.length) {
      return merged.map((one) => {
        const x = model.summary(one.contribution);
        return `${model.title(one.home)}: ${x ? labelOf(x) : "no gradient"}`;
      }).join("\n");
    }
    const x = model.summary(contribution);
    const flow = x ? `back flows ${labelOf(x)} (RMS ${number(stats(x).rms, 3)})` : "no gradient flows back here";
    return [`${model.title(home)} is ${arg ? `operand ${arg} of` : "an input of"} ${model.title(head.id)}`, flow,
      marks[id]?.words || highlight[id]].filter(Boolean).join("\n");
  }
}

function boundsOf(points) {
  const [x, y] = [0, 1].map((k) => points.map((p) => p[k]));
  return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
}
