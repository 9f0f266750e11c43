// Operations that are no expression of NumPy's functions, by the operation's own name, one at the
// start of each line: what each computes is said where it is declared, in microgradnd.ops.

import {onDense, product, stridesOf, walked} from "./ndarray.js";
import {along, functions, groups} from "./functions.js";
import {polygamma} from "./special.js";

// --- Convolution ---------------------------------------------------------------------------------
// One walk over all products w[o, c, i, j] x[n, c, …] y[n, o, p, q]: two of the three are given, what
// they make is added up in the third.
function convolution(...given) {
  const third = ["x", "w", "y"].find((name) => !given.includes(name));
  return (out, operands, {stride, padding, dilation, groups}) => {
    const shapes = {};
    given.forEach((name, k) => { shapes[name] = operands[k].shape; });
    shapes[third] = out.shape;
    const [batch, , height, width] = shapes.x;
    const [outputs, channels, rows, columns] = shapes.w;
    const [, , high, wide] = shapes.y;
    const total = new Float64Array(out.size);
    const bias = third === "y" ? operands[2] : null;
    const range = (offset, step, length, count) => [
      Math.max(0, Math.ceil(-offset / step)), Math.min(count, Math.floor((length - 1 - offset) / step) + 1),
    ];
    return onDense([...operands.slice(0, 2), ...(bias ? [bias] : [])], (a, b, add) => {
      const data = {[given[0]]: a, [given[1]]: b, [third]: total};
      const {x, w, y} = data;
      return () => {
        total.fill(0);
        for (let n = 0; n < batch; n++) for (let o = 0; o < outputs; o++) {
          const group = Math.floor(o / (outputs / groups));
          for (let c = 0; c < channels; c++) for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
            const down = i * dilation[0] - padding[0][0];
            const right = j * dilation[1] - padding[1][0];
            const [p0, p1] = range(down, stride[0], height, high);
            const [q0, q1] = range(right, stride[1], width, wide);
            const at = ((o * channels + c) * rows + i) * columns + j;
            for (let p = p0; p < p1; p++) {
              const plane = n * channels * groups + group * channels + c;
              let u = (plane * height + p * stride[0] + down) * width + q0 * stride[1] + right;
              let v = ((n * outputs + o) * high + p) * wide + q0;
              if (third === "y") for (let q = q0; q < q1; q++, u += stride[1]) y[v++] += w[at] * x[u];
              else if (third === "x") for (let q = q0; q < q1; q++, u += stride[1]) x[u] += w[at] * y[v++];
              else for (let q = q0; q < q1; q++, u += stride[1]) w[at] += x[u] * y[v++];
            }
          }
        }
        out.data.set(total);
        if (add) {
          const map = high * wide;
          for (let k = 0; k < total.length; k++) out.data[k] += add[Math.floor(k / map) % outputs];
        }
      };
    });
  };
}

// --- Pooling -------------------------------------------------------------------------------------
// Calls `visit(window, element)` for all elements of all windows, row by row, that are no padding.
function windows(size, high, wide, count, {kernel, stride, padding, dilation = [1, 1]}, visit) {
  const [height, width] = size;
  for (let n = 0; n < count; n++) for (let p = 0; p < high; p++) for (let q = 0; q < wide; q++) {
    const at = (n * high + p) * wide + q;
    for (let i = 0; i < kernel[0]; i++) for (let j = 0; j < kernel[1]; j++) {
      const r = p * stride[0] + i * dilation[0] - padding[0];
      const c = q * stride[1] + j * dilation[1] - padding[1];
      if (r >= 0 && r < height && c >= 0 && c < width) visit(at, (n * height + r) * width + c);
    }
  }
}

const images = (shape) => product(shape.slice(0, -2));

// By window, by how many elements its sum is divided.
function counts(size, pooled, count, options) {
  const room = options.kernel[0] * options.kernel[1];
  const out = new Float64Array(product(pooled)).fill(options.count_include_pad ? room : 0);
  const [high, wide] = pooled.slice(-2);
  if (!options.count_include_pad) windows(size, high, wide, count, options, (at) => { out[at]++; });
  return out;
}

const pooling = {
  max_pool2d: (out, [x], options) => onDense([x], (from) => () => {
    out.data.fill(-Infinity);
    windows(x.shape.slice(-2), ...out.shape.slice(-2), images(x.shape), options, (at, k) => {
      if (from[k] > out.data[at] || from[k] !== from[k]) out.data[at] = from[k];
    });
  }),
  max_pool2d_input(out, [y, x, best], options) {
    const met = new Uint8Array(y.size);
    return onDense([y, x, best], (g, from, top) => () => {
      met.fill(0);
      out.data.fill(0);
      windows(x.shape.slice(-2), ...y.shape.slice(-2), images(x.shape), options, (at, k) => {
        if (met[at] || from[k] !== top[at]) return;
        met[at] = 1;
        out.data[k] += g[at];
      });
    });
  },
  avg_pool2d(out, [x], options) {
    const size = x.shape.slice(-2);
    const total = new Float64Array(out.size);
    const number = counts(size, out.shape, images(x.shape), options);
    return onDense([x], (from) => () => {
      total.fill(0);
      windows(size, ...out.shape.slice(-2), images(x.shape), options, (at, k) => { total[at] += from[k]; });
      for (let k = 0; k < total.length; k++) out.data[k] = total[k] / number[k];
    });
  },
  avg_pool2d_input(out, [y], options) {
    const size = out.shape.slice(-2);
    const number = counts(size, y.shape, images(y.shape), options);
    return onDense([y], (g) => () => {
      out.data.fill(0);
      windows(size, ...y.shape.slice(-2), images(y.shape), options, (at, k) => {
        out.data[k] += g[at] / number[at];
      });
    });
  },
  patches: (out, [x], options) => sliding(x.shape, out.shape, [x], options, (from) => (k, u) => {
    out.data[k] = from[u];
  }),
  overlapped(out, [y], options) {
    const visit = (from) => (k, u) => { out.data[u] += from[k]; };
    return sliding(out.shape, y.shape, [y], options, visit, () => out.data.fill(0));
  },
};

// Visits (…, *kernel, H2, W2) and what each of it is of (…, H, W).
function sliding(shape, windowed, operands, {stride, dilation}, visiting, before = () => {}) {
  const [height, width] = shape.slice(-2);
  const [rows, columns, high, wide] = windowed.slice(-4);
  return onDense(operands, (from) => {
    const visit = visiting(from);
    return () => {
      before();
      let k = 0;
      for (let n = 0; n < images(shape); n++) for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
        for (let p = 0; p < high; p++) for (let q = 0; q < wide; q++) {
          const row = n * height + p * stride[0] + i * dilation[0];
          visit(k++, row * width + q * stride[1] + j * dilation[1]);
        }
      }
    };
  });
}

// --- Losses --------------------------------------------------------------------------------------
function crossEntropy(out, [z, target]) {
  const classes = z.shape.at(-1);
  const chosen = target.shape.length < z.shape.length; // class numbers, not distributions
  return onDense([z, target], (from, wanted) => () => {
    for (let k = 0; k < out.size; k++) {
      const row = from.subarray(k * classes, (k + 1) * classes);
      const top = row.reduce((m, v) => (v > m || v !== v ? v : m), -Infinity);
      const level = Math.log(row.reduce((s, v) => s + Math.exp(v - top), 0));
      if (chosen) out.data[k] = level - (row[wanted[k]] - top);
      else out.data[k] = -row.reduce((s, v, c) => s + wanted[k * classes + c] * (v - top - level), 0);
    }
  });
}

// --- Linear algebra ------------------------------------------------------------------------------
// Gauss and Jordan with pivots on [A | B], n rows: B becomes the solution, the determinant returns.
function eliminate(a, b, n, m) {
  let determinant = 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[pivot * n + k])) pivot = i;
    if (pivot !== k) {
      determinant = -determinant;
      for (const [x, w] of [[a, n], [b, m]]) for (let j = 0; j < w; j++) {
        [x[k * w + j], x[pivot * w + j]] = [x[pivot * w + j], x[k * w + j]];
      }
    }
    const d = a[k * n + k];
    determinant *= d;
    for (let i = 0; i < n; i++) {
      const f = a[i * n + k] / d;
      if (i === k || f === 0) continue;
      for (let j = k; j < n; j++) a[i * n + j] -= f * a[k * n + j];
      for (let j = 0; j < m; j++) b[i * m + j] -= f * b[k * m + j];
    }
  }
  for (let k = 0; k < n; k++) for (let j = 0; j < m; j++) b[k * m + j] /= a[k * n + k];
  return determinant;
}

// By matrix of a stack: `each(a, k)` gets a copy of it in float64.
function matrices(from, n, count, each) {
  for (let k = 0; k < count; k++) each(Float64Array.from(from.subarray(k * n * n, (k + 1) * n * n)), k);
}
const identity = (n) => Float64Array.from({length: n * n}, (_, k) => (k % (n + 1) ? 0 : 1));
function determined(finish) {
  return (out, [a]) => onDense([a], (from) => () => {
    const n = a.shape.at(-1);
    matrices(from, n, out.size, (x, k) => { out.data[k] = finish(eliminate(x, [], n, 0)); });
  });
}

const algebra = {
  inv: (out, [a]) => onDense([a], (from) => () => {
    const n = a.shape.at(-1);
    matrices(from, n, images(a.shape), (x, k) => {
      const b = identity(n);
      eliminate(x, b, n, n);
      out.data.set(b, k * n * n);
    });
  }),
  det: determined((d) => d),
  logabsdet: determined((d) => Math.log(Math.abs(d))),
  signdet: determined(Math.sign),
  solve(out, [a, b]) {
    const n = a.shape.at(-1);
    const columns = b.shape.length > 1 ? b.shape.at(-1) : 1;
    const lead = out.shape.slice(0, b.shape.length > 1 ? -2 : -1);
    const wide = [...lead, ...b.shape.slice(-2)];
    return onDense([a.broadcast([...lead, n, n]), b.broadcast(wide)], (from, right) => () => {
      matrices(from, n, product(lead), (x, k) => {
        const y = Float64Array.from(right.subarray(k * n * columns, (k + 1) * n * columns));
        eliminate(x, y, n, columns);
        out.data.set(y, k * n * columns);
      });
    });
  },
  cholesky: (out, [a], {upper}) => onDense([upper ? transposed(a) : a], (from) => () => {
    const n = a.shape.at(-1);
    matrices(from, n, images(a.shape), (x, k) => {
      const l = new Float64Array(n * n);
      const at = (i, j) => (upper ? j * n + i : i * n + j);
      for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) {
        let total = x[i * n + j];
        for (let c = 0; c < j; c++) total -= l[at(i, c)] * l[at(j, c)];
        l[at(i, j)] = i === j ? Math.sqrt(total) : total / l[at(j, j)];
      }
      out.data.set(l, k * n * n);
    });
  }),
};

const transposed = (x) => x.moved([...x.shape.keys()].map((k, _, all) => (
  k < all.length - 2 ? k : k === all.length - 1 ? k - 1 : k + 1)));

// Numbers in JSON; infinity is a word there.
const number = (x) => (x === "inf" ? Infinity : x === "-inf" ? -Infinity : x === "nan" ? NaN : x);

function norm(out, [x], {ord, axis}) {
  const [last, length] = groups(x, axis);
  const p = number(ord);
  const start = p === -Infinity ? Infinity : 0;
  const step = Number.isFinite(p)
    ? (s, v) => s + (p === 0 ? Number(v !== 0) : Math.abs(v) ** p)
    : (s, v) => Math[p > 0 ? "max" : "min"](s, Math.abs(v));
  return onDense([last], (from) => () => {
    for (let k = 0; k < out.size; k++) {
      let total = start;
      for (let j = 0; j < length; j++) total = step(total, from[k * length + j]);
      out.data[k] = p === 2 ? Math.sqrt(total) : p && Number.isFinite(p) ? total ** (1 / p) : total;
    }
  });
}

export const kernels = {
  conv2d: convolution("x", "w"),
  conv2d_input: convolution("y", "w"),
  conv2d_weight: convolution("x", "y"),
  ...pooling,
  ...algebra,
  cross_entropy: crossEntropy,
  einsum2: functions.einsum,
  vector_norm: norm,
  pad(out, [x], {pad_width, constant_values = 0}) {
    const strides = stridesOf(out.shape);
    const start = strides.reduce((s, step, k) => s + step * pad_width[k][0], 0);
    const at = walked(start, x.shape, strides, x.shape);
    return onDense([x], (from) => () => {
      out.data.fill(number(constant_values));
      for (let k = 0; k < at.length; k++) out.data[at[k]] = from[k];
    });
  },
  nan_to_num(out, [x], {nan = 0, posinf, neginf}) {
    const most = out.dtype === "float32" ? 3.4028234663852886e38 : Number.MAX_VALUE;
    const [high, low] = [posinf ?? most, neginf ?? -most];
    return onDense([x], (from) => () => {
      for (let k = 0; k < out.size; k++) {
        const v = from[k];
        out.data[k] = v !== v ? nan : v === Infinity ? high : v === -Infinity ? low : v;
      }
    });
  },
  polygamma: (out, [x], {n}) => onDense([x], (from) => () => {
    for (let k = 0; k < out.size; k++) out.data[k] = polygamma(from[k], n);
  }),
  logcumsumexp: along((from, to, start, stride, length) => {
    let total = -Infinity;
    for (let k = 0, i = start; k < length; k++, i += stride) {
      const [top, low] = total > from[i] ? [total, from[i]] : [from[i], total];
      total = top === -Infinity ? top : top + Math.log1p(Math.exp(low - top));
      to[i] = total;
    }
  }),
};

export const steps = {...functions, ...kernels};
