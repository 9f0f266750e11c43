// The document, with what is asked of it again and again.

export class Model {
  constructor(doc, faces, looks) {
    Object.assign(this, {doc, faces, looks});
    this.root = Object.keys(doc.groups)[0];
    this.lines = new Map(); // of a group: itself and those around it, the outermost first
    for (const id of Object.keys(doc.groups)) {
      const parent = doc.groups[id].parent;
      this.lines.set(id, parent ? [...this.lines.get(parent), id] : [id]);
    }
    this.sealed = Object.keys(doc.groups).filter((id) => doc.groups[id].sealed);
    this.operations = Object.keys(doc.operations);
    this.backward = this.operations
      .filter((id) => doc.operations[id].step !== null)
      .sort((a, b) => doc.operations[a].step - doc.operations[b].step);
  }

  summary(number) {
    return number === null || number === undefined ? null : this.doc.summaries[number];
  }

  tensor(id) {
    return this.doc.tensors[id];
  }

  operation(id) {
    return this.doc.operations[id];
  }

  group(id) {
    return this.doc.groups[id];
  }

  // The name by which a node is spoken of.
  title(id) {
    const x = this.doc.tensors[id] || this.doc.operations[id] || this.doc.groups[id];
    if (!x) return id;
    if (x.parts) return x.path || x.name || x.kind;
    return x.name ? oneLine(x.name) : `#${id.slice(2)}`;
  }

  // What the uses of a tensor that are not in focus add is known as their sum alone.
  elsewhere(tensor) {
    return this.tensor(tensor).contributions.find((key) => key.startsWith("e-more"));
  }

  // The operation that an edge leads into, or the sealed group that it is in.
  maker(key) {
    const order = Number(key.split("-")[1]), id = `op-${order}`;
    if (this.doc.operations[id]) return id;
    return this.sealed.find((g) => {
      const {first, operations} = this.doc.groups[g];
      return first <= order && order < first + operations;
    });
  }

  // The number of the sum of a tensor's contributions after one of them, null if it is not known.
  sumAfter(tensor, key) {
    const {running, groups} = this.doc, maker = this.maker(key);
    if (maker?.startsWith("g-")) return groups[maker].borders[tensor]?.after ?? null;
    return running[key] ?? null;
  }

  // The outermost group around a group (or itself) that is not open, or null.
  closed(group, open) {
    for (const id of this.lines.get(group) || []) {
      if (!open.has(id) || this.doc.groups[id].sealed) return id;
    }
    return null;
  }

  // What an edge into an operation or a closed group adds to the gradient of a tensor.
  edgeInto(head, tensor, key) {
    const {contributions, running} = this.doc;
    if (head.startsWith("g-")) {
      const border = this.group(head).borders[tensor];
      return border || {contribution: null, after: null, edges: []};
    }
    return {contribution: contributions[key] ?? null, after: running[key] ?? null, edges: [key]};
  }
}

export function oneLine(text) {
  return String(text).replace(/[\n\r]/g, "⏎").replace(/\t/g, "⇥");
}

export function isFloat(x) {
  return typeof x === "number" ? x : {nan: NaN, inf: Infinity, "-inf": -Infinity}[x];
}

// A number to so many significant digits, with a real minus sign.
export function number(x, digits = 4) {
  x = isFloat(x);
  if (x === undefined) return "—";
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const exponent = Math.floor(Math.log10(Math.abs(Number(x.toPrecision(digits)))));
  let text = String(Number(x.toPrecision(digits)));
  if (exponent < -4 || exponent >= digits) {
    const [mantissa, power] = x.toExponential(digits - 1).split("e");
    text = `${Number(mantissa)}e${Number(power)}`;
  }
  return text.replaceAll("-", "−");
}

export function exact(x) {
  const value = isFloat(x);
  return Number.isFinite(value) ? String(value).replaceAll("-", "−") : number(value);
}

export function shapeOf(shape) {
  return shape.length ? shape.join("×") : "scalar";
}

export function sizeOf(shape) {
  return shape.reduce((a, b) => a * b, 1);
}

export function plural(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

// The statistics of a summary, whether it is of a scalar or of an array.
export function stats(x) {
  if (!x) return null;
  if (x.scalar === undefined) return x;
  const v = isFloat(x.scalar), size = Math.abs(v);
  return {...x, mean: v, std: 0, min: v, max: v, norm: size, rms: size, sum: v, top: size,
    zeros: v === 0 ? 1 : 0, nans: Number.isNaN(v) ? 1 : 0, infs: Math.abs(v) === Infinity ? 1 : 0};
}

export function flaw(x) {
  const words = [];
  if (x.nans) words.push(`${x.nans} NaN`);
  if (x.infs) words.push(`${x.infs} Inf`);
  return words.join(" ");
}

// What stands at a backward edge: the contribution, or its norm.
export function labelOf(x) {
  const s = stats(x);
  if (sizeOf(x.shape) === 1) return number(s.sum);
  return flaw(s) || `‖·‖ ${number(s.norm, 3)}`;
}

// The width of a backward edge: from 1.2 px at an RMS of 1e-6 to 4.8 px at 1 and above.
export function thickness(rms) {
  rms = isFloat(rms);
  if (!Number.isFinite(rms) || rms === 0) return 1.2;
  return 1.2 + 0.6 * Math.min(Math.max(Math.log10(rms) + 6, 0), 6);
}
