// The document, with what is asked of it again and again.

import {number, oneLine, toFloat} from "./text.js";

export class Model {
  constructor(doc, annotations = {marks: {}, highlight: {}}) {
    Object.assign(this, {doc, annotations});
    this.root = Object.keys(doc.groups)[0];
    this.ancestry = new Map(); // of a group: those around it and itself, the outermost first
    for (const [id, {parent}] of Object.entries(doc.groups)) {
      this.ancestry.set(id, [...(this.ancestry.get(parent) ?? []), id]);
    }
    this.renew();
    this.sealed = Object.keys(doc.groups).filter((id) => doc.groups[id].sealed);
    this.operations = Object.keys(doc.operations);
    this.backward = this.inBackwardOrder(this.operations);
  }

  // Takes over numbers that have changed in the document.
  renew() {
    const {doc} = this;
    this.stacked = new Map(); // layers of scalars: tensors that stand for all their results
    for (const [id, {stacked, outputs}] of Object.entries(doc.groups)) {
      const first = doc.tensors[outputs[0]], [value, gradient] = stacked ?? [];
      if (!stacked || value === first.value) continue;
      this.stacked.set(`${id}-all`, {...first, value, gradient, shape: doc.summaries[value].shape,
        name: null, seed: null, contributions: [], hooked: false, of: id});
    }
  }

  summary = (number) => this.doc.summaries[number] ?? null;
  tensor = (id) => this.doc.tensors[id] ?? this.stacked.get(id);
  operation = (id) => this.doc.operations[id];
  group = (id) => this.doc.groups[id];
  // What a closed group shows: its first result, or all those of a layer of scalars as one array.
  mainOf = (id) => (this.stacked.has(`${id}-all`) ? `${id}-all` : this.group(id).outputs[0] ?? null);
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

  // What an edge into an operation or a closed group adds to the gradient of a tensor.
  edgeInto(head, tensor, key) {
    const border = this.group(head)?.borders[tensor], {contributions, running, shares} = this.doc;
    if (border) return {...border, running: border.after};
    return {contribution: contributions[key] ?? null, running: running[key] ?? null,
      share: shares[key] ?? null, norms: []};
  }
}

// Items in lists, by what a function makes of them.
export function grouped(items, keyOf) {
  const out = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!out.has(key)) out.set(key, []);
    out.get(key).push(item);
  }
  return out;
}

export const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
export const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

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

const known = new WeakMap(); // by summary

// The statistics of a summary as numbers, with its size and what is flawed in it; null for none.
export function facts(x) {
  if (!x) return null;
  if (!known.has(x)) {
    const all = stats(x), floats = ["mean", "std", "min", "max", "norm", "rms", "sum", "top", "scale"];
    const numbers = Object.fromEntries(floats.map((key) => [key, toFloat(all[key])]));
    known.set(x, {...x, ...numbers, size: sizeOf(x.shape), flaw: flaw(all),
      elements: x.scalar === undefined ? x.elements : x.scalar});
  }
  return known.get(x);
}
