// Arrays: typed data with a shape and strides. Views share their data, as NumPy's do. The shapes of
// a program are known beforehand: places in memory are worked out once, a run only walks over them.

const TYPES = {float64: Float64Array, float32: Float32Array, int32: Int32Array, bool: Uint8Array};

// Other integers lie in float64, where they are exact up to 2^53.
export const typed = (dtype, size) => new (TYPES[dtype] ?? Float64Array)(size);
export const product = (shape) => shape.reduce((n, k) => n * k, 1);
export const isInteger = (dtype) => /^u?int/.test(dtype);

export function stridesOf(shape) {
  const strides = new Array(shape.length);
  for (let k = shape.length - 1, step = 1; k >= 0; step *= shape[k--]) strides[k] = step;
  return strides;
}

export class NdArray {
  constructor(dtype, shape, data = null, offset = 0, strides = null) {
    this.dtype = dtype;
    this.shape = shape;
    this.size = product(shape);
    this.data = data ?? typed(dtype, this.size);
    this.offset = offset;
    this.strides = strides ?? stridesOf(shape);
    const dense = stridesOf(shape);
    this.contiguous = this.strides.every((s, k) => s === dense[k] || shape[k] === 1);
    if (this.contiguous && (offset || this.size < this.data.length)) {
      this.data = this.data.subarray(offset, offset + this.size);
      this.offset = 0;
    }
  }

  view(offset, shape, strides) {
    return new NdArray(this.dtype, shape, this.data, offset, strides);
  }

  // The elements in their order, as a typed array: the data itself, or a copy of a strided view.
  dense() {
    if (this.contiguous) return this.data;
    const out = typed(this.dtype, this.size);
    const at = offsets(this, this.shape);
    for (let k = 0; k < out.length; k++) out[k] = this.data[at[k]];
    return out;
  }

  broadcast(shape) {
    const lead = shape.length - this.shape.length;
    const strides = shape.map((n, k) => (
      k < lead || this.shape[k - lead] === 1 ? 0 : this.strides[k - lead]));
    return this.view(this.offset, shape, strides);
  }

  // The axes in another order; for reductions.
  moved(axes) {
    return this.view(this.offset, axes.map((a) => this.shape[a]), axes.map((a) => this.strides[a]));
  }
}

// Where each element of an array that is broadcast to a shape lies; null: in their order.
export function offsets(x, shape) {
  const same = shape.length === x.shape.length && shape.every((n, k) => n === x.shape[k]);
  return same && x.contiguous ? null : walked(x.offset, x.shape, x.strides, shape);
}

export function walked(offset, shape, strides, wide) {
  const lead = wide.length - shape.length;
  const steps = wide.map((n, k) => (k < lead || shape[k - lead] === 1 ? 0 : strides[k - lead]));
  const out = new Int32Array(product(wide));
  if (!out.length) return out;
  out[0] = offset;
  let filled = 1; // the last axes are filled first, then repeated along those before them
  for (let k = wide.length - 1; k >= 0; k--) {
    for (let i = 1, at = filled; i < wide[k]; i++) {
      for (let j = 0; j < filled; j++) out[at++] = out[j] + i * steps[k];
    }
    filled *= wide[k];
  }
  return out;
}

// The elements of an operand in their order at each run: [data, what copies it there first].
export function gathered(x) {
  if (x.contiguous) return [x.data, null];
  const data = typed(x.dtype, x.size);
  const at = offsets(x, x.shape);
  const from = x.data;
  return [data, () => { for (let k = 0; k < data.length; k++) data[k] = from[at[k]]; }];
}

// A step that works on operands that lie in their order: `make(datas)` gives what is run then.
export function onDense(operands, make) {
  const found = operands.map(gathered);
  const before = found.map(([, copy]) => copy).filter(Boolean);
  const run = make(...found.map(([data]) => data));
  return before.length ? () => { for (const copy of before) copy(); run(); } : run;
}

export function copyInto(out, x) {
  const at = offsets(x, out.shape);
  const [to, from] = [out.data, x.data];
  if (!at) return () => to.set(from);
  return () => { for (let k = 0; k < to.length; k++) to[k] = from[at[k]]; };
}

// The numbers in base64, little-endian.
export function decoded(dtype, text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const Type = TYPES[dtype] ?? Float64Array;
  return new Type(bytes.buffer);
}
