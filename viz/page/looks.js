// How large each record is, and where in it everything stands: as `viz.svg.river.looks` has it.

import {mapSize, spelled} from "./cells.js";
import {facts} from "./model.js";
import {number, oneLine, plural, shapeOf, short, toFloat, width} from "./text.js";

export const TITLE = 12; // sizes of text
export const SMALL = 11;
export const HEAD = 20;
export const PAD = 7;
export const LINE = 16;
export const CELL = 16;
const CHANNEL = 36; // from the river to the right side of a record
const LOW = 13, DEEP = 20; // from the river to the lower side, and more where wires part
const WIDEST = 300;
const STRIP = 230; // width of a line of operations
const MOST_LINES = 6;
const FEW = 24; // records of a picture that has room for matrices of up to 8 × 8 numbers
const TABLE = 8; // a matrix of up to so many rows and columns shows its numbers
const ROOM = 280; // long lines of numbers are heat-maps
const BARS = 32; // height of the bars of a shared leaf
const NAMELESS = "·";

export const flat = (x) => [x].flat(Infinity).map((v) => (typeof v === "boolean" ? Number(v) : toFloat(v)));

// An array in one number: itself, or its norm between bars.
export const amount = (x, digits = 3) =>
  (x.size === 1 ? number(x.sum, digits) : x.flaw || `‖${number(x.norm, digits)}‖`);
// The numbers beside a heat-map: the norm, and the ends of the colours.
export const sizes = (x) => [x.flaw || spelled(x.norm), `±${spelled(x.scale)}`];

const most = (some) => some.reduce((a, b) => (b > a ? b : a), -Infinity);

// A record's measures. `channel` is from the river to the side beyond it: right where the picture
// grows downward, below where it grows to the right. `lines` are further lines of text.
class Look {
  constructor(channel) {
    Object.assign(this, {width: 0, height: 0, channel, title: "", isBold: false, meta: "", chip: "",
      gain: "", captions: [], form: "none", parts: [], lines: [], bar: null, bars: null, foot: "",
      cell: 0});
  }

  get chipWidth() {
    return this.chip ? Math.max(18, width(this.chip, SMALL, true) + 7) : 0;
  }
}

// How an array and its gradient are shown, and of a table the width of a cell. Where it has to be
// small, only columns and pairs of numbers are tables; else those of at most `highest` rows.
function shownAs(x, gradient, isSmall, highest) {
  const [rows, columns] = [1, 1, ...x.shape].slice(-2), known = [x, gradient].filter(Boolean);
  if (x.size <= 1) return [x.size ? "scalar" : "empty", 0];
  const isTable = rows * columns === x.size && Math.max(rows, columns) <= TABLE;
  if (!isTable || rows > highest || (isSmall && (rows > 4 || columns > 2))) return ["map", 0];
  const words = known.flatMap((s) => flat(s.elements)).map((v) => spelled(v));
  const cell = words.reduce((a, word) => Math.max(a, width(word, SMALL) + 6), 18);
  return cell * columns <= ROOM || rows > 4 ? ["table", cell] : ["map", 0];
}

export class Looks {
  // `words` stand at edges; those of leaves beside have no room at their wires and stand in them.
  constructor(river, isTurned, words = {}) {
    const {records, heads} = river, besides = records.flatMap(({beside}) => beside);
    const highest = records.length + besides.length + heads.length <= FEW ? TABLE : TABLE / 2;
    Object.assign(this, {river, model: river.model, isTurned, highest,
      said: new Map(besides.map(([leaf, edge]) => [leaf, words[edge.id]]))});
  }

  summary = (index) => facts(this.model.summary(index));
  value = (id) => this.summary(this.model.tensor(id).value);
  gradient = (id) => (id === null ? null : this.summary(this.model.tensor(id).gradient));

  // The norms of what flows back over an edge.
  flowing = ({merged, contribution}) => {
    const norm = (edge) => this.summary(edge.contribution)?.norm;
    if (contribution !== null) return [norm({contribution})];
    const some = merged.map(norm).filter((x) => x !== undefined);
    return some.length ? [Math.sqrt(some.reduce((sum, x) => sum + x ** 2, 0))] : [];
  };

  // ‖∂ in‖ ÷ ‖∂ out‖: the largest contribution to an operand over the gradient of the result.
  gainOf(record, into) {
    const g = this.gradient(record.tensor), some = [...into, ...record.named, ...record.beside.map(([, e]) => e)];
    const flows = some.flatMap(this.flowing);
    return g && flows.length && g.norm > 0 && g.norm < Infinity ? most(flows) / g.norm : null;
  }

  // The measures of a record. `into` are the edges of its wires, `isWide` whether several wires part
  // at it, `isBeside` whether it stands beside another one, or at the side of the picture.
  of(record, into, {isWide = false, isBeside = false} = {}) {
    const {isTurned} = this, look = new Look(isTurned ? LOW + DEEP * isWide : CHANNEL);
    if (record.kind === "more") {
      look.title = `⋯ ${plural(record.node.uses, "use")} elsewhere`;
      return Object.assign(look, {width: width(look.title, SMALL) + 2 * PAD + CHANNEL, height: 24});
    }
    if (record.kind === "tag") return this.ofTag(record, look, isBeside);
    this.giveTitle(record, look, into);
    const hasRiver = this.gradient(record.tensor) !== null && !isBeside;
    let y = HEAD + (LINE - 1) * look.captions.length, across = this.placeBody(record, look, y);
    y = (look.parts.length ? most(look.parts.map((part) => part.y + part.height)) : y) + 3;
    for (const [text, edge] of this.linesOf(record)) {
      look.lines.push([y, text, edge]);
      across = Math.max(across, width(text, SMALL));
      y += LINE;
    }
    if (record.tensor && record.terms.length > 1 && !record.isShared) {
      look.bar = y;
      across = Math.max(across, 90);
      y += LINE;
    }
    if (record.isShared) {
      look.bars = y;
      y += BARS;
    }
    if (look.foot) {
      across = Math.max(across, width(look.foot, SMALL, true));
      y += LINE;
    }
    this.close(look, across, y, isTurned && !isBeside, hasRiver);
    return look;
  }

  ofTag({node}, look, isBeside) {
    const {isTurned} = this, {name} = this.model.tensor(node.tensor);
    look.title = `${name ? oneLine(name) : `#${node.tensor.slice(2)}`} ⋯`;
    look.isBold = true;
    look.width = width(look.title, TITLE, true) + 2 * PAD + 2 + (isBeside || isTurned ? 0 : CHANNEL);
    look.height = 24 + (isBeside || !isTurned ? 0 : look.channel);
    return look;
  }

  giveTitle(record, look, into) {
    const {model} = this, {kind, id} = record, tensor = record.tensor && model.tensor(record.tensor);
    if (kind === "operation") {
      const op = model.operation(id), name = tensor.name ? short(tensor.name) : "";
      const names = record.within.map((group) => short(model.group(group).name));
      look.title = [...names, name ? `${name} = ${op.text}` : op.text].join(": ");
      look.isBold = Boolean(name || names.length);
      look.chip = op.step === null ? "" : String(op.step);
      const options = Object.entries(op.options).filter(([key]) => key !== "index")
        .map(([key, x]) => `${key} ${oneLine(x)}`).join(", ");
      look.captions = options ? [options] : [];
    } else if (kind === "group") {
      const {steps} = model.group(id);
      look.title = this.groupTitle(id);
      look.isBold = true;
      if (steps) look.chip = steps[0] === steps[1] ? String(steps[0]) : steps.join("–");
      look.captions = model.group(id).strip.length ? this.stripOf(id) : this.contentsOf(id);
    } else {
      look.title = tensor.name ? short(tensor.name) : `#${id.slice(2)}`;
      look.isBold = Boolean(tensor.name);
    }
    if (tensor) {
      look.meta = tensor.shape.length && record.isLeaf ? shapeOf(tensor.shape) : "";
      const [view] = record.views.length === 1 || record.isShared ? record.views : [];
      if (view) look.meta += ` ${model.operation(view.id).text.endsWith("ᵀ") ? "ᵀ" : "⟲"}`;
      const {marks} = model.annotations, said = [this.said.get(record), marks[id]?.note, marks[record.tensor]?.note];
      look.foot = [record.hidden && "and more that is not shown", tensor.hooked && "changed by a hook",
        ...new Set(said)].filter(Boolean).join(" · ");
    }
    const gain = this.gainOf(record, into);
    if (gain !== null) look.gain = `×${number(gain, 2)}`;
  }

  // What a closed group is: its name and class, honestly what is repeated how often.
  groupTitle(id) {
    const {name, kind, shared, count} = this.model.group(id), title = oneLine(name) || kind;
    if (kind === "repeat") return `${title}  ${shared ? `×${count}` : `${count} alike`}`;
    if (kind === "steps") return `… ${title}`;
    if (["layer", "neuron"].includes(kind) && count > 1) return `${title} · ${count} samples`;
    const isPlain = ["step", "stretch", "chain", "layer", "neuron", title].includes(kind);
    return isPlain ? title : `${title} · ${oneLine(kind)}`;
  }

  // What the operations of a row do one after the other, each with its gain, in lines.
  stripOf(id) {
    const {strip} = this.model.group(id), lines = [""];
    strip.forEach(([text, gain], k) => {
      const name = text.endsWith(`(${NAMELESS})`) ? text.slice(0, -3) : text;
      const word = name + (gain === null ? "" : ` (×${number(gain, 2)})`) + (k + 1 < strip.length ? " →" : "");
      if (lines.at(-1) && width(`${lines.at(-1)} ${word}`, SMALL) > STRIP) lines.push("");
      lines.push(`${lines.pop()} ${word}`.trim());
    });
    if (lines.length > MOST_LINES) {
      lines.splice(MOST_LINES - 2, lines.length - MOST_LINES + 1, `… ${plural(strip.length, "operation")} in all …`);
    }
    return lines;
  }

  // The shapes that a closed group takes and gives, and how much is in it.
  contentsOf(id) {
    const {model} = this, {borders, outputs, operations, parameters} = model.group(id);
    const shapes = (ids) => {
      const all = ids.map((t) => shapeOf(model.tensor(t).shape));
      if (all.length > 2 && new Set(all).size === 1) return `${all.length} × ${all[0]}`;
      return all.slice(0, 2).join(", ") + (all.length > 2 ? ` +${all.length - 2}` : "");
    };
    const learned = this.learned(id).reduce((sum, t) => sum + this.value(t).size, 0) || parameters;
    const words = plural(operations, "operation");
    return [`${shapes(Object.keys(borders))} → ${shapes(outputs)}`,
      learned ? `${words} · ${learned.toLocaleString("en")} parameters` : words];
  }

  learned = (group) =>
    this.model.group(group).leaves.filter((t) => this.model.tensor(t).kind !== "constant");

  // What is said in words: contributions to leaves at the side, gradients of a closed group. What
  // `isKnown` says not to be known yet of a gradient is left open.
  linesOf(record, isKnown = () => true) {
    const {model} = this, out = record.named.map((edge) => [this.named(record, edge, isKnown(edge)), edge]);
    if (record.kind !== "group") return out;
    const learned = this.learned(record.id), {path} = model.group(record.id);
    const gradient = (t) => (isKnown(record) ? this.gradient(t) : null);
    for (const t of learned.length <= 4 ? learned : []) {
      const g = gradient(t), name = oneLine(model.tensor(t).name || NAMELESS);
      const own = name.startsWith(`${path}.`) ? name.slice(path.length + 1) : name;
      out.push([`∂${own} ${g ? amount(g) : "—"}`, null]);
    }
    if (learned.length > 4) {
      const squares = learned.map((t) => (gradient(t)?.norm ?? 0) ** 2);
      const norm = Math.sqrt(squares.reduce((a, b) => a + b, 0));
      out.push([`∂ of ${learned.length} parameters ‖${number(norm, 3)}‖`, null]);
    }
    return out;
  }

  // A use without a wire: what it adds to the gradient of what it uses.
  named(record, edge, isKnown) {
    const name = record.names.get(edge) ?? NAMELESS, x = isKnown ? this.summary(edge.contribution) : null;
    return x ? `∂${name} += ${amount(x)}` : `← ${name}`;
  }

  // Places data and gradient; returns how wide they are.
  placeBody(record, look, top) {
    const {model, isTurned} = this, {tensor} = record;
    if (!tensor || (record.kind === "operation" && model.operation(record.id).view)) return 0;
    const x = this.value(tensor), g = this.gradient(tensor), {kind, shape} = model.tensor(tensor);
    const isWalk = !g && kind !== "constant" && model.doc.steps > 0 && !model.doc.backward;
    const shown = isWalk ? [["", x]] : kind === "constant" ? [["", x]] : [["", x], ["∂", g]];
    const known = shown.map(([, part]) => part).filter(Boolean);
    [look.form, look.cell] = shownAs(x, g, isTurned, this.highest);
    const [wide, high] = this.extent(look, shape, known);
    const label = shown.length > 1 ? Math.max(...shown.map(([name]) => width(name, TITLE) + 5)) : 0;
    const isStacked = isWalk || (isTurned && !record.isLeaf && look.form !== "table")
      || 2 * wide + label > WIDEST - (record.isLeaf ? 20 : 60);
    let left = PAD, y = top;
    shown.forEach(([name], k) => {
      const room = isStacked || k ? label : 0;
      look.parts.push({label: name, x: left + room, y, width: wide, height: high});
      if (isStacked) y += high;
      else left += room + wide + 6;
    });
    return most(look.parts.map((part) => part.x + part.width)) - PAD;
  }

  extent(look, shape, known) {
    const widest = (text, size, bold, least) =>
      known.reduce((a, x) => Math.max(a, width(text(x), size, bold)), least);
    if (look.form === "scalar") return [widest((x) => number(x.sum), TITLE, true, 44), 20];
    if (look.form === "table") {
      const [rows, columns] = [1, 1, ...shape].slice(-2);
      return [look.cell * columns, CELL * rows + 6];
    }
    if (look.form === "empty") return [width("empty", SMALL), 20];
    const [wide, high] = mapSize(shape), words = known.flatMap(sizes).map((word) => width(word, SMALL));
    return [wide + 5 + most(words), Math.max(high, 28) + 6];
  }

  // The size of a record, so that title, body and river have their room.
  close(look, across, y, isTurned, hasRiver) {
    const chip = look.chipWidth, gain = look.gain ? width(look.gain, SMALL, true) + 8 : 0;
    const title = width(look.title, TITLE, true) + 2, even = (x) => 2 * Math.ceil(x / 2);
    const captions = look.captions.reduce((a, text) => Math.max(a, width(text, SMALL)), 0);
    if (isTurned) {
      let head = Math.min(title, WIDEST - 60) + (chip ? chip + 4 : 0);
      const body = across + (look.parts.length || !look.gain ? gain : 0);
      if (look.gain && !look.parts.length) head += gain;
      look.width = even(Math.max(head, body, captions, 46) + 2 * PAD);
      look.height = y + 10 + look.channel;
      return;
    }
    if (hasRiver) look.channel = Math.max(look.channel, chip + 14);
    const tail = hasRiver || chip ? look.channel + 14 : PAD;
    const meta = look.meta ? width(look.meta, SMALL) + 8 : 0;
    const head = Math.min(title + gain + meta, WIDEST);
    look.width = even(Math.max(PAD + Math.max(head, across, captions) + tail, 84));
    const more = look.parts.length || look.lines.length || look.captions.length || look.bar !== null;
    look.height = more ? y + 2 : 26;
  }
}
