// What one does with a live program: nudge a number, descend, go through samples, ask why a
// gradient is small. Nothing of this draws.

import {decoded, product} from "./ndarray.js";

const dot = (x, y) => x.reduce((sum, v, k) => sum + v * y[k], 0);
export const norm = (x) => Math.sqrt(dot(x, x));

// What the gradients are of: the sum of the outputs, each times the gradient it starts from.
export const objective = (live) => Object.entries(live.program.seeds).reduce(
  (sum, [id, place]) => sum + dot(live.value(id).data, live.places[place].dense()), 0);

// The leaves that gradients flow to, but those that are frozen.
export const parameters = (live) => [...live.leaves].filter(
  (id) => live.tensors[id].gradient && !live.options.frozen.has(id));

// --- Nudge ---------------------------------------------------------------------------------------
// What one element more by `step` does: as the gradient predicts it, and in truth. All is put back.
export function nudge(live, id, index, step) {
  const {data} = live.tensors[id].value, was = data[index];
  const slope = live.gradient(id)?.data[index] ?? 0, before = objective(live);
  data[index] = was + step;
  live.runForward();
  const after = objective(live), taken = data[index] - was; // in float32 not quite `step`
  data[index] = was;
  live.runForward();
  return {before, after, step: taken, slope, predicted: slope * taken, change: after - before};
}

// --- Descend -------------------------------------------------------------------------------------
// Steps over one array w by its gradient g, as microgradnd.optim takes them; `state` is kept for it.
export const methods = {
  sgd(w, g, state, {lr}) {
    for (let k = 0; k < w.length; k++) w[k] -= lr * g[k];
  },
  momentum(w, g, state, {lr, momentum = 0.9}) {
    const first = !state.v, v = (state.v ??= g.slice());
    for (let k = 0; k < w.length; k++) {
      if (!first) v[k] = momentum * v[k] + g[k];
      w[k] -= lr * v[k];
    }
  },
  adam(w, g, state, {lr, betas = [0.9, 0.999], eps = 1e-8}) {
    const {m, v} = Object.assign(state, {m: state.m ?? g.map(() => 0), v: state.v ?? g.map(() => 0)});
    state.t = (state.t ?? 0) + 1;
    const [mean, root] = [1 - betas[0] ** state.t, Math.sqrt(1 - betas[1] ** state.t)];
    for (let k = 0; k < w.length; k++) {
      m[k] = betas[0] * m[k] + (1 - betas[0]) * g[k];
      v[k] = betas[1] * v[k] + (1 - betas[1]) * g[k] * g[k];
      w[k] -= (lr / mean) * m[k] / (Math.sqrt(v[k]) / root + eps);
    }
  },
};

// Gradient descent on the parameters of a live program, or on the mean over its samples.
export class Descent {
  constructor(live, samples = null) {
    Object.assign(this, {live, samples, losses: [], states: new Map()});
  }

  // One step by a method with its options; gives the loss before it.
  step(method, options) {
    const {live, samples} = this, ids = parameters(live);
    const {loss, gradients} = samples ? samples.mean(ids) : {
      loss: objective(live), gradients: new Map(ids.map((id) => [id, live.gradient(id).data]))};
    this.losses.push(loss);
    for (const id of ids) {
      const key = `${method} ${id}`;
      if (!this.states.has(key)) this.states.set(key, {});
      methods[method](live.tensors[id].value.data, gradients.get(id), this.states.get(key), options);
    }
    live.run();
    return loss;
  }

  forget() {
    this.losses = [];
    this.states.clear();
  }
}

// --- Samples -------------------------------------------------------------------------------------
// A small data set that travels in the page: {count, arrays: {id: [dtype, base64]},
// answers: [[target, prediction]]} as the document's `live.samples` has it.
export class Samples {
  constructor(live, {count, arrays, answers}) {
    this.live = live;
    this.count = count;
    this.at = 0;
    this.arrays = Object.entries(arrays).map(([id, [dtype, text]]) => {
      const data = decoded(dtype, text), size = live.tensors[id].value.size;
      return {id, of: (k) => data.subarray(k * size, (k + 1) * size)};
    });
    this.answers = answers;
  }

  show(k) {
    this.at = ((k % this.count) + this.count) % this.count;
    for (const {id, of} of this.arrays) this.live.replace(id, of(this.at));
    this.live.run();
  }

  // Mean loss and gradients over all samples; the one that is shown stays.
  mean(ids) {
    const {live, count, at} = this;
    const gradients = new Map(ids.map((id) => [id, live.gradient(id).data.map(() => 0)]));
    let loss = 0;
    for (let k = 0; k < count; k++) {
      this.show(k);
      loss += objective(live) / count;
      for (const [id, total] of gradients) {
        const g = live.gradient(id).data;
        for (let i = 0; i < g.length; i++) total[i] += g[i] / count;
      }
    }
    this.show(at);
    return {loss, gradients};
  }

  // The loss of each sample and the share of right answers, null where there is nothing to compare.
  all() {
    const {live, count, at, answers} = this, losses = [];
    let right = 0, asked = 0;
    for (let k = 0; k < count; k++) {
      this.show(k);
      losses.push(objective(live));
      for (const [target, prediction] of answers) {
        const [r, n] = correct(live.value(prediction), live.value(target));
        right += r;
        asked += n;
      }
    }
    this.show(at);
    return {losses, loss: losses.reduce((a, b) => a + b, 0) / count, accuracy: asked ? right / asked : null};
  }
}

const largest = (row) => row.reduce((best, x, k) => (x > row[best] ? k : best), 0);

// How many rows of a prediction are right, of how many: by class numbers, by distributions, or by
// numbers that must be on the same side of one half.
export function correct(prediction, target) {
  const width = prediction.shape.at(-1) ?? 1;
  const classes = target.shape.length < prediction.shape.length || (
    product(target.shape) !== product(prediction.shape));
  const rows = prediction.data.length / Math.max(width, 1);
  let right = 0;
  for (let k = 0; k < rows; k++) {
    const row = prediction.data.subarray(k * width, (k + 1) * width);
    const wanted = target.data.subarray(k * width, (k + 1) * width);
    const one = width > 1 && Math.abs(wanted.reduce((sum, x) => sum + x, 0) - 1) < 1e-6;
    if (classes) right += largest(row) === target.data[k];
    else if (one) right += largest(row) === largest(wanted);
    else right += row.every((x, j) => x > 0.5 === wanted[j] > 0.5);
  }
  return [right, rows];
}

// --- Why so small --------------------------------------------------------------------------------
// From a tensor to an output, always by the use that gives it most: at each operation its gain, the
// norm of what it passes on over that of what it gets, and `sum`, the norm of the gradient over that
// of this part of it. The product of all gains and sums and of the start is the gradient's norm.
export function strongest(live, id) {
  const path = [];
  let at = id;
  for (;;) {
    const g = norm(live.gradient(at).data);
    const parts = live.arrivals(at).map((key) => ({key, size: norm(live.contribution(key).data)}));
    const best = parts.reduce((a, b) => (b.size > (a?.size ?? 0) ? b : a), null);
    if (!best) {
      const product = path.reduce((p, x) => p * x.gain * x.sum, g);
      return {path, start: g, product, norm: norm(live.gradient(id).data)};
    }
    const {of} = live.edges[best.key], out = live.program.operations[of].output;
    const gain = best.size / norm(live.gradient(out).data);
    path.push({tensor: at, edge: best.key, operation: of, gain, sum: g / best.size, uses: parts.length});
    at = out;
  }
}
