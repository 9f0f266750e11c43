// NumPy's functions, each as what makes the step of a program: (out, operands, options) => run.
// The names are NumPy's; Python reads them from this file, one at the start of each line.

import {copyInto, isInteger, NdArray, offsets, onDense, product, walked} from "./ndarray.js";
import {special} from "./special.js";

const LN2 = Math.LN2;
const larger = (x, y) => (x >= y || x !== x ? x : y); // a NaN wins, as in NumPy
const smaller = (x, y) => (x <= y || x !== x ? x : y);
const floorMod = (x, y) => {
  const r = x % y;
  return r !== 0 && r < 0 !== y < 0 ? r + y : r === 0 ? (y < 0 ? -0 : 0) : r;
};
const rounded = (x) => {
  const low = Math.floor(x);
  const part = x - low;
  return part < 0.5 || (part === 0.5 && low % 2 === 0) ? low : low + 1;
};
const log1pExp = (d) => (d > 0 ? d + Math.log1p(Math.exp(-d)) : Math.log1p(Math.exp(d)));

const unary = {
  negative: (x) => -x,
  positive: (x) => x,
  absolute: Math.abs,
  fabs: Math.abs,
  square: (x) => x * x,
  sqrt: Math.sqrt,
  cbrt: Math.cbrt,
  reciprocal: (x) => 1 / x,
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  arcsin: Math.asin,
  arccos: Math.acos,
  arctan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  arcsinh: Math.asinh,
  arccosh: Math.acosh,
  arctanh: Math.atanh,
  sign: Math.sign,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  rint: rounded,
  deg2rad: (x) => x * (Math.PI / 180),
  rad2deg: (x) => x * (180 / Math.PI),
  sinc: (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)),
  isnan: (x) => x !== x,
  isinf: (x) => x === Infinity || x === -Infinity,
  isfinite: (x) => x - x === 0,
  signbit: (x) => x < 0 || Object.is(x, -0),
  logical_not: (x) => !x,
  ...special,
};

const binary = {
  add: (x, y) => x + y,
  subtract: (x, y) => x - y,
  multiply: (x, y) => x * y,
  divide: (x, y) => x / y,
  power: (x, y) => (x === 1 || y === 0 ? 1 : x ** y),
  float_power: (x, y) => (x === 1 || y === 0 ? 1 : x ** y),
  maximum: larger,
  minimum: smaller,
  fmax: (x, y) => (x >= y || y !== y ? x : y),
  fmin: (x, y) => (x <= y || y !== y ? x : y),
  arctan2: Math.atan2,
  hypot: Math.hypot,
  logaddexp: (x, y) => (x === y ? x + LN2 : y + log1pExp(x - y)),
  logaddexp2: (x, y) => (x === y ? x + 1 : y + log1pExp((x - y) * LN2) / LN2),
  remainder: floorMod,
  fmod: (x, y) => x % y,
  floor_divide: (x, y) => Math.floor(x / y),
  copysign: (x, y) => (y < 0 || Object.is(y, -0) ? -Math.abs(x) : Math.abs(x)),
  heaviside: (x, y) => (x !== x ? x : x === 0 ? y : x > 0 ? 1 : 0),
  ldexp: (x, i) => x * 2 ** i,
  less: (x, y) => x < y,
  less_equal: (x, y) => x <= y,
  greater: (x, y) => x > y,
  greater_equal: (x, y) => x >= y,
  equal: (x, y) => x === y,
  not_equal: (x, y) => x !== y,
  bitwise_and: (x, y) => x & y,
  bitwise_or: (x, y) => x | y,
  bitwise_xor: (x, y) => x ^ y,
  left_shift: (x, y) => x * 2 ** y,
  right_shift: (x, y) => Math.floor(x / 2 ** y),
  logical_and: (x, y) => x && y && true,
  logical_or: (x, y) => (x || y ? 1 : 0),
  logical_xor: (x, y) => !x !== !y,
};

const ternary = {
  where: (condition, x, y) => (condition ? x : y),
};

const folds = {
  "add.reduce": [binary.add, 0],
  "multiply.reduce": [binary.multiply, 1],
  "maximum.reduce": [larger, -Infinity],
  "minimum.reduce": [smaller, Infinity],
  "logical_and.reduce": [(x, y) => (x && y ? 1 : 0), 1],
  "logical_or.reduce": [(x, y) => (x || y ? 1 : 0), 0],
};

const truth = (f) => (...x) => (f(...x) ? 1 : 0); // of truths no more than 1 comes out

// Constants are read at each run as everything is: a student may change them.
function ofOne(f) {
  return (out, [x]) => {
    const [n, to, from, at] = [out.size, out.data, x.data, offsets(x, out.shape)];
    if (at) return () => { for (let k = 0; k < n; k++) to[k] = f(from[at[k]]); };
    return () => { for (let k = 0; k < n; k++) to[k] = f(from[k]); };
  };
}

function ofTwo(f) {
  return (out, [x, y]) => {
    const [n, to, a, b] = [out.size, out.data, x.data, y.data];
    const [i, j] = [offsets(x, out.shape), offsets(y, out.shape)];
    const g = out.dtype === "bool" ? truth(f) : f;
    if (!i && !j) return () => { for (let k = 0; k < n; k++) to[k] = g(a[k], b[k]); };
    if (!i) return () => { for (let k = 0; k < n; k++) to[k] = g(a[k], b[j[k]]); };
    if (!j) return () => { for (let k = 0; k < n; k++) to[k] = g(a[i[k]], b[k]); };
    return () => { for (let k = 0; k < n; k++) to[k] = g(a[i[k]], b[j[k]]); };
  };
}

function ofThree(f) {
  return (out, operands) => {
    const [n, to, [a, b, c]] = [out.size, out.data, operands.map((x) => x.data)];
    const order = Int32Array.from({length: n}, (_, k) => k);
    const [i, j, l] = operands.map((x) => offsets(x, out.shape) ?? order);
    return () => { for (let k = 0; k < n; k++) to[k] = f(a[i[k]], b[j[k]], c[l[k]]); };
  };
}

// The operand's axes with those that are reduced last, and the number of elements of one group.
export function groups(x, axis) {
  const ndim = x.shape.length;
  const axes = axis == null ? [...x.shape.keys()] : [axis].flat().map((a) => (a + ndim) % ndim);
  if (!ndim) return [x, 1];
  const last = x.moved([...x.shape.keys()].filter((k) => !axes.includes(k)).concat(axes));
  return [last, product(axes.map((a) => x.shape[a]))];
}

function fold([f, start]) {
  return (out, [x], {axis}) => {
    const [last, length] = groups(x, axis);
    const to = out.data;
    return onDense([last], (from) => () => {
      for (let k = 0, i = 0; k < to.length; k++) {
        let total = start;
        for (let j = 0; j < length; j++) total = f(total, from[i++]);
        to[k] = total;
      }
    });
  };
}

// Sums of f(x - shift) over the axes, divided.
function moments(finish, centred) {
  return (out, [x], {axis, ddof = 0}) => {
    const [last, length] = groups(x, axis);
    const to = out.data;
    return onDense([last], (from) => () => {
      for (let k = 0; k < to.length; k++) {
        let total = 0;
        for (let j = 0, i = k * length; j < length; j++) total += from[i++];
        const mean = total / length;
        if (centred) {
          total = 0;
          for (let j = 0, i = k * length; j < length; j++) total += (from[i++] - mean) ** 2;
        }
        to[k] = finish(total / Math.max(length - ddof, 0));
      }
    });
  };
}

// The place of the largest or smallest element along an axis, the first of several.
function place(better) {
  return (out, [x], {axis}) => {
    const [last, length] = groups(x, axis);
    const to = out.data;
    return onDense([last], (from) => () => {
      for (let k = 0; k < to.length; k++) {
        let best = 0;
        for (let j = 1, i = k * length; j < length && from[i + best] === from[i + best]; j++) {
          if (better(from[i + j], from[i + best]) || from[i + j] !== from[i + j]) best = j;
        }
        to[k] = best;
      }
    });
  };
}

// What is gone over along one axis; `step(from, to, start, stride, length)` does one line of it.
export function along(step) {
  return (out, [x], {axis, ...options}) => {
    const shape = axis == null ? [x.size] : x.shape;
    const a = axis == null || !shape.length ? 0 : (axis + shape.length) % shape.length;
    const [length, stride] = [shape[a] ?? 1, product(shape.slice(a + 1))];
    const lines = x.size / Math.max(length, 1);
    const to = out.data;
    return onDense([x], (from) => () => {
      for (let k = 0; k < lines; k++) {
        const start = Math.floor(k / stride) * stride * length + (k % stride);
        step(from, to, start, stride, length, options);
      }
    });
  };
}

const running = (f) => along((from, to, start, stride, length) => {
  let total = from[start];
  for (let k = 0, i = start; k < length; k++, i += stride) {
    total = k ? f(total, from[i]) : total;
    to[i] = total;
  }
});

function sorting(from, start, stride, length) {
  const order = Array.from({length}, (_, k) => k);
  const at = (k) => from[start + k * stride];
  const last = (x) => (x !== x ? 1 : 0); // NaN stands behind all numbers
  return order.sort((i, j) => last(at(i)) - last(at(j)) || at(i) - at(j) || i - j);
}

function matmul(out, [x, y]) {
  const [a, b] = [x.shape.length > 1, y.shape.length > 1];
  const [xs, ys] = [a ? x.shape : [1, ...x.shape], b ? y.shape : [...y.shape, 1]];
  const [xt, yt] = [a ? x.strides : [0, ...x.strides], b ? y.strides : [...y.strides, 0]];
  const [rows, depth, columns] = [xs.at(-2), xs.at(-1), ys.at(-1)];
  const lead = Math.max(xs.length, ys.length) - 2;
  const wide = (s) => [...new Array(lead + 2 - s.length).fill(1), ...s.slice(0, -2)];
  const batch = wide(xs).map((n, k) => (n === 1 ? wide(ys)[k] : n));
  const starts = (z, shape, strides) => walked(z.offset, shape.slice(0, -2), strides.slice(0, -2), batch);
  const [i, j] = [starts(x, xs, xt), starts(y, ys, yt)];
  const [x1, x2, y1, y2] = [xt.at(-2), xt.at(-1), yt.at(-2), yt.at(-1)];
  const [to, p, q] = [out.data, x.data, y.data];
  return () => {
    let at = 0;
    for (let n = 0; n < i.length; n++) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) {
          let total = 0;
          for (let k = 0, u = i[n] + r * x1, v = j[n] + c * y2; k < depth; k++, u += x2, v += y1) {
            total += p[u] * q[v];
          }
          to[at++] = total;
        }
      }
    }
  };
}

// Products of all operands, summed over the letters that are not in the result's.
function einsum(out, operands, {subscripts}) {
  const [inputs, result] = subscripts.replaceAll(" ", "").split("->");
  const terms = inputs.split(",");
  const letters = [...new Set(result + inputs.replaceAll(",", ""))];
  const sizes = letters.map((c) => {
    const all = terms.flatMap((t, n) => [...t].flatMap((d, k) => (d === c ? operands[n].shape[k] : [])));
    return all.find((n) => n !== 1) ?? 1;
  });
  const strides = operands.map((x, n) => letters.map((c) => [...terms[n]].reduce(
    (s, d, k) => s + (d === c && x.shape[k] > 1 ? x.strides[k] : 0), 0)));
  const inner = product(sizes.slice(result.length));
  const datas = operands.map((x) => x.data);
  const to = out.data;
  return () => {
    const counter = letters.map(() => 0);
    const at = operands.map((x) => x.offset);
    for (let k = 0; k < to.length; k++) {
      let total = 0;
      for (let i = 0; i < inner; i++) {
        let term = 1;
        for (let n = 0; n < datas.length; n++) term *= datas[n][at[n]];
        total += term;
        for (let d = letters.length - 1; d >= 0; d--) {
          const turn = ++counter[d] === sizes[d];
          for (let n = 0; n < at.length; n++) at[n] += turn ? strides[n][d] * (1 - sizes[d]) : strides[n][d];
          if (!turn) break;
          counter[d] = 0;
        }
      }
      to[k] = total;
    }
  };
}

const rest = {
  matmul,
  einsum,
  copy: (out, [x]) => copyInto(out, x),
  astype(out, [x]) {
    const whole = isInteger(out.dtype) && !isInteger(x.dtype);
    return ofOne(out.dtype === "bool" ? (v) => v !== 0 : whole ? Math.trunc : (v) => v)(out, [x]);
  },
  invert: (out, [x]) => ofOne(x.dtype === "bool" ? (v) => !v : (v) => -v - 1)(out, [x]),
  round(out, [x], {decimals}) {
    const unit = 10 ** Math.abs(decimals);
    const f = decimals > 0 ? (v) => rounded(v * unit) / unit : (v) => rounded(v / unit) * unit;
    return ofOne(decimals ? f : rounded)(out, [x]);
  },
  clip(out, [x, low, high]) {
    const a = low ?? new NdArray("float64", [], Float64Array.of(-Infinity));
    const b = high ?? new NdArray("float64", [], Float64Array.of(Infinity));
    return ofThree((v, l, h) => smaller(larger(v, l), h))(out, [x, a, b]);
  },
  mean: moments((x) => x, false),
  var: moments((x) => x, true),
  std: moments(Math.sqrt, true),
  argmax: place((x, y) => x > y),
  argmin: place((x, y) => x < y),
  cumsum: running(binary.add),
  cumprod: running(binary.multiply),
  sort: along((from, to, start, stride, length) => {
    sorting(from, start, stride, length).forEach((k, i) => {
      to[start + i * stride] = from[start + k * stride];
    });
  }),
  argsort: along((from, to, start, stride, length) => {
    sorting(from, start, stride, length).forEach((k, i) => { to[start + i * stride] = k; });
  }),
  // The elements at places, counted through all operands; -1 is the number `fill`.
  take(out, operands, {block = 1, fill = 0}) {
    const [xs, index] = [operands.slice(0, -1), operands.at(-1)];
    const to = out.data;
    if (xs.length === 1) {
      return onDense([xs[0], index], (from, at) => () => {
        for (let k = 0, i = 0; i < at.length; i++) {
          if (block === 1) to[k++] = at[i] < 0 ? fill : from[at[i]];
          else for (let j = 0; j < block; j++) to[k++] = from[at[i] * block + j];
        }
      });
    }
    return onDense([...xs, index], (...datas) => {
      const at = datas.pop();
      const ends = datas.map(((total) => (d) => (total += d.length))(0));
      return () => {
        for (let k = 0; k < to.length; k++) {
          const n = at[k] < 0 ? -1 : ends.findIndex((end) => at[k] < end);
          to[k] = n < 0 ? fill : datas[n][at[k] - (n ? ends[n - 1] : 0)];
        }
      };
    });
  },
  add_at: (out, operands, options) => writing(out, operands, options, true),
  setitem: (out, operands, options) => writing(out, operands, options, false),
};

// A copy of x, with y added or written in blocks at the places that an index counts.
function writing(out, [x, index, y], {block = 1, shape}, adds) {
  const from = offsets(y, shape);
  const [to, copy] = [out.data, copyInto(out, x)];
  return onDense([index], (at) => () => {
    copy();
    for (let k = 0, i = 0; i < at.length; i++) {
      for (let j = 0; j < block; j++, k++) {
        const value = y.data[from ? from[k] : k];
        if (adds) to[at[i] * block + j] += value;
        else to[at[i] * block + j] = value;
      }
    }
  });
}

const mapped = (table, make) => Object.fromEntries(Object.entries(table).map(([k, f]) => [k, make(f)]));

export const functions = {
  ...mapped(unary, ofOne), ...mapped(binary, ofTwo), ...mapped(ternary, ofThree),
  ...mapped(folds, fold), ...rest,
};
