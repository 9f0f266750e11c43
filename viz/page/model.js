// The document, with what is asked of it again and again.

export class Model {
  constructor(doc, glyphs, annotations) {
    Object.assign(this, {doc, glyphs, annotations});
    this.root = Object.keys(doc.groups)[0];
    this.ancestry = new Map(); // of a group: those around it and itself, the outermost first
    for (const [id, {parent}] of Object.entries(doc.groups)) {
      this.ancestry.set(id, [...(this.ancestry.get(parent) ?? []), id]);
    }
    this.sealed = Object.keys(doc.groups).filter((id) => doc.groups[id].sealed);
    this.operations = Object.keys(doc.operations);
    this.backward = this.inBackwardOrder(this.operations);
  }

  summary = (number) => this.doc.summaries[number] ?? null;
  tensor = (id) => this.doc.tensors[id];
  operation = (id) => this.doc.operations[id];
  group = (id) => this.doc.groups[id];
  isWithin = (group, outer) => this.ancestry.get(group)?.includes(outer) ?? false;

  // When the backward pass comes to an operation or to the first of a group, or null.
  step = (id) => this.group(id)?.steps?.[0] ?? this.operation(id)?.step ?? null;
  order = (id) => this.group(id)?.first ?? this.operation(id).order;

  inBackwardOrder = (ids) =>
    ids.filter((id) => this.step(id) !== null).sort((a, b) => this.step(a) - this.step(b));

  // The name by which a node is spoken of.
  title(id) {
    const x = this.tensor(id) || this.operation(id) || this.group(id);
    if (!x) return id;
    if (x.parts) return x.path || x.name || x.kind;
    return x.name ? oneLine(x.name) : `#${id.slice(2)}`;
  }

  // What the uses of a tensor that are not in focus add is known as their sum alone.
  elsewhere = (tensor) => this.tensor(tensor).contributions.find((key) => key.startsWith("e-more"));

  // The operation that an edge leads into, or the sealed group that it is in.
  maker(key) {
    const order = Number(key.split("-")[1]), id = `op-${order}`;
    const holds = ({first, operations}) => first <= order && order < first + operations;
    return this.operation(id) ? id : this.sealed.find((group) => holds(this.group(group)));
  }

  // The number of the sum of a tensor's contributions after one of them, null if it is not known.
  sumAfter(tensor, key) {
    const group = this.group(this.maker(key));
    return (group ? group.borders[tensor]?.after : this.doc.running[key]) ?? null;
  }

  // The outermost group around a group (or itself) that is not open, or null.
  closed(group, open) {
    const isClosed = (id) => !open.has(id) || this.group(id).sealed;
    return this.ancestry.get(group)?.find(isClosed) ?? null;
  }

  // What an edge into an operation or a closed group adds to the gradient of a tensor.
  edgeInto(head, tensor, key) {
    const {contributions, running} = this.doc, group = this.group(head);
    if (group) return group.borders[tensor] || {contribution: null, after: null, edges: []};
    return {contribution: contributions[key] ?? null, after: running[key] ?? null, edges: [key]};
  }
}

export const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
export const oneLine = (text) => String(text).replace(/[\n\r]/g, "⏎").replace(/\t/g, "⇥");
export const shapeOf = (shape) => (shape.length ? shape.join("×") : "scalar");
export const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);
export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

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
  const rounded = Number(x.toPrecision(digits)), exponent = Math.floor(Math.log10(Math.abs(rounded)));
  let text = String(rounded);
  if (exponent < -4 || exponent >= digits) {
    const [mantissa, power] = x.toExponential(digits - 1).split("e");
    text = `${Number(mantissa)}e${Number(power)}`;
  }
  return text.replaceAll("-", "−");
}

export const exact = (x) =>
  (Number.isFinite(toFloat(x)) ? String(x).replaceAll("-", "−") : number(x));

// The statistics of a summary, whether it is of a scalar or of an array.
export function stats(x) {
  if (x?.scalar === undefined) return x;
  const v = toFloat(x.scalar), size = Math.abs(v);
  return {...x, mean: v, std: 0, min: v, max: v, norm: size, rms: size, sum: v, top: size, scale: size,
    zeros: Number(v === 0), nans: Number(Number.isNaN(v)), infs: Number(size === Infinity)};
}

// How many elements are not finite.
export const flaw = ({nans, infs}) =>
  [nans && `${nans} NaN`, infs && `${infs} Inf`].filter(Boolean).join(" ");

// What stands at a backward edge: the contribution, or its norm.
export function labelOf(x) {
  const all = stats(x);
  return sizeOf(x.shape) === 1 ? number(all.sum) : flaw(all) || `‖·‖ ${number(all.norm, 3)}`;
}

// The width of a backward edge: from 1.2 px at an RMS of 1e-6 to 4.8 px at 1 and above.
export const thickness = (rms) =>
  (Number.isFinite(toFloat(rms)) ? 1.2 + 0.6 * clamp(Math.log10(rms) + 6, 0, 6) : 1.2);
