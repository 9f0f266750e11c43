// Draws what is known of records, wires and labels at a step: as `viz.svg.river.writer` does, but
// with elements of a document. What is known is asked of `knowledge`.

import {border, path, rect, rounded, text, triangle} from "./canvas.js";
import {s} from "./dom.js";
import {PAD, SMALL} from "./looks.js";
import {facts} from "./model.js";
import {bars, boxOf, broad, head, part, PARTS, ribbon, shares} from "./record.js";
import {fit} from "./text.js";

const BADGE = 8; // radius

// What is known where no step is chosen: everything.
export const everything = (model) => ({
  key: () => "", hasValue: () => true, knows: () => true, state: () => null, isLater: () => false,
  isNow: () => false, isUsedNow: () => false,
  gradient: (tensor) => model.summary(model.tensor(tensor).gradient), terms: (record) => record.terms,
});

export class Painter {
  constructor(model, places, knowledge) {
    Object.assign(this, {model, places, knowledge, kinds: places.kinds, turned: places.turned});
  }

  contribution = (edge) => (this.knowledge.knows(edge) ? facts(this.model.summary(edge.contribution)) : null);

  // The RMS of what flows back over an edge, as far as it is known.
  flow(edge) {
    if (!edge.merged.length) return this.contribution(edge)?.rms ?? null;
    const some = this.knowledge.knows(edge)
      ? edge.merged.map((one) => facts(this.model.summary(one.contribution))).filter(Boolean) : [];
    const sum = (what) => some.reduce((total, x) => total + what(x), 0);
    return some.length ? Math.sqrt(sum((x) => x.norm ** 2) / sum((x) => x.size)) : null;
  }

  record(record) {
    const {model, knowledge, places, turned} = this, {tensor, kind} = record, look = places.looks.get(record);
    const isBeside = !places.items.has(record), state = knowledge.state(record.id);
    const g = tensor === null ? null : facts(knowledge.gradient(tensor)), hasRiver = g !== null && !isBeside;
    const value = tensor !== null && knowledge.hasValue(tensor) ? this.kinds.value(tensor) : null;
    const into = places.edgesInto(record).filter(knowledge.knows);
    const gain = look.gain && state !== "pending" ? this.kinds.gainOf(record, into) : null;
    return [
      boxOf(record, look, model), this.glow(record, look),
      hasRiver && this.river(record, look, g, into),
      head(look, turned, {state, gain, hasRiver: g !== null, isBeside}),
      look.parts.map((one) => part(look, one, one.label === "∂" ? g : value)),
      this.lines(record, look),
      look.bar !== null && g !== null && this.sum(record, look),
      look.bars !== null && bars(look, record.uses.flatMap((edge) => this.norms(edge))),
      look.foot && text(PAD, look.height - (turned && !record.isLeaf ? look.channel + 10 : 7), look.foot,
        {size: SMALL, isBold: true, fill: "sum-ink"}),
      this.mark(record, look), kind === "group" && !model.group(record.id).sealed && toggle(look, "M-3.5 0H3.5M0 -3.5V3.5"),
      record.within.length > 0 && toggle(look, "M-3.5 0H3.5", record.within.at(-1)),
    ];
  }

  // The ribbon through a record, and what parts from it to leaves beside.
  river(record, look, g, into) {
    const {places, turned} = this, [x, y] = places.at.get(record);
    const widths = into.map((edge) => this.flow(edge)).filter((rms) => rms !== null).map(broad);
    const through = path(ribbon(look, turned, Math.max(0, ...widths), broad(g.rms), !widths.length), {fill: "river"});
    return s("g", {class: "backward"}, through, record.beside.map(([, edge]) => {
      const rms = this.flow(edge);
      if (rms === null) return null;
      const [, [x1, y1]] = places.ribbons.get(edge.id)[0];
      const d = turned ? `M${x1 - x} ${look.height - look.channel}V${y1 - y}`
        : `M${look.width - look.channel} ${y1 - y}H${x1 - x}`;
      return path(d, {stroke: "river", line: broad(rms)});
    }));
  }

  lines(record, look) {
    const limit = look.width - PAD - (this.turned || record.isLeaf ? PAD : look.channel + 12);
    const words = this.kinds.linesOf(record, (what) =>
      (what === record ? ["done", null].includes(this.knowledge.state(record.id)) : this.knowledge.knows(what)));
    return look.lines.map(([y], k) => {
      const [said, edge] = words[k], fill = said.startsWith("∂") ? "grad-ink" : "muted";
      const line = text(PAD, y + 11, fit(said, limit, SMALL), {size: SMALL, fill});
      return edge ? s("g", {class: "edge word", "data-key": edge.id}, line) : line;
    });
  }

  // The bar of the contributions that a gradient is the sum of.
  sum(record, look) {
    const {edges} = this.places.river.picture, terms = this.knowledge.terms(record);
    if (!terms.length) return null;
    const values = terms.map((term) => edges.get(term)?.share ?? null);
    if (values.filter((x) => x === null).length === 1) { // shares sum to 1
      values[values.indexOf(null)] = 1 - values.reduce((total, x) => total + (x ?? 0), 0);
    }
    const right = look.width - PAD - (this.turned ? 0 : look.channel + 4);
    return shares(look, values, record.terms.length, right);
  }

  // The norms of what the uses that an edge stands for contribute.
  norms(edge) {
    const x = this.contribution(edge);
    if (!x) return new Array(Math.max(edge.norms.length, 1)).fill(null);
    return edge.norms.length ? edge.norms.map(Number) : [x.norm];
  }

  marksOf = ({id, tensor}) => [...new Set([id, tensor])].map((one) => this.model.annotations.marks[one]).filter(Boolean);

  mark(record, {width, height}) {
    const {levels} = this.model.annotations, marks = this.marksOf(record), order = Object.keys(levels ?? {});
    if (!marks.length) return null;
    const [level] = marks.map((mark) => mark.level).sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const [stroke, line, dash, fill, ink, sign] = levels[level], at = -2.5;
    return [border(width, height, -3.5, {radius: 9, stroke, line, dash}),
      sign && [rect(at - BADGE, at - BADGE, 2 * BADGE, 2 * BADGE, {radius: BADGE, fill, stroke: stroke}),
        text(at, at + 4.4, sign, {size: 12, isBold: true, fill: ink, anchor: "middle"})]];
  }

  glow({id, tensor}, {width, height}) {
    const {highlight} = this.model.annotations, lit = [...new Set([id, tensor])].filter((one) => one in highlight);
    if (!lit.length) return null;
    const words = lit.map((one) => highlight[one]).filter(Boolean).join(" ");
    return [border(width, height, -4, {radius: 9, stroke: "glow", line: 6}), words && text(width / 2, -9, words,
      {size: SMALL, isBold: true, anchor: "middle", halo: "canvas"})];
  }

  // An edge: the ribbon of what flows back, and the line of the value beside it.
  wire(edge, tail) {
    const {places, model: {annotations: {highlight, marks, levels}}} = this, {id} = edge;
    const ways = places.ways.get(id), ribbons = places.ribbons.get(id), rms = this.flow(edge);
    const role = marks[id] ? levels[marks[id].level][0] : id in highlight ? "glow" : null;
    const [end, before] = [ways.at(-1).at(-1), ways.at(-1).at(-2)];
    return [
      role && ways.map((way) => path(rounded(way), {stroke: role, line: 9})),
      rms !== null && s("g", {class: "backward"},
        ribbons.map((way) => path(rounded(way), {stroke: "river", line: broad(rms)})),
        path(tip(ribbons[0], broad(rms)), {fill: this.tipColour(edge, tail)})),
      ways.map((way) => [way.length > 2 && path(rounded(way), {stroke: "canvas", line: 3.6}),
        path(rounded(way), {stroke: "line", line: 1.4, name: "forward"})]),
      path(triangle(end, [before[0] - end[0], before[1] - end[1]], 3.6, 1.95), {fill: "line", name: "forward tip"}),
      ways.map((way, k) => s("path", {class: "hit", d: rounded(way) + (ribbons[k] ? rounded(ribbons[k]) : "")})),
    ];
  }

  // The colour of a ribbon's tip: of its part in a sum, where several add up.
  tipColour(edge, {terms}) {
    const place = terms?.length > 1 ? terms.indexOf(edge.id) : -1;
    return place < 0 ? "tip" : `part-${place % PARTS}`;
  }

  label(edge, tail) {
    const {places, model: {annotations: {highlight}}} = this, words = highlight[edge.id];
    const [at, anchor] = places.labels.get(edge.id) ?? [null, "end"];
    if (words) {
      return text(...(at ?? middle(places.ways.get(edge.id)[0])), words,
        {size: SMALL, isBold: true, anchor, halo: "canvas"});
    }
    const said = at && this.knowledge.knows(edge) && places.labelOf(edge, tail);
    return said ? text(...at, said, {size: SMALL, fill: "grad-ink", anchor}) : null;
  }
}

// The button in the corner of a record: opens a group, or closes the one that is around it alone.
const toggle = ({width, height}, d, closes = null) =>
  s("g", {class: "toggle", "data-closes": closes, transform: `translate(${width - 2},${height - 2})`},
    s("circle", {r: 7}), s("path", {d}));

// The head of a ribbon, at the record that it flows to.
const tip = ([[x0, y0], [x1, y1]], wide) => triangle([x0, y0], [x1 - x0, y1 - y0], 4 + wide * 0.28, 1.5);

function middle(points) {
  const k = points.length >> 1, [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}
