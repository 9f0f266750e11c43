// Summaries of arrays and documents with new numbers, as Python writes them (see
// viz/capture/summary.py and viz/formats/document.py).

import {thumbnail} from "../cells.js";

const FULL = 64; // arrays of up to so many elements are written whole
const BINS = 16;

export const spelled = (x) => (
  Number.isFinite(x) ? x : x !== x ? "nan" : x > 0 ? "inf" : "-inf");
const rounded = (x) => (x === null ? null : Number.isFinite(x) ? Number(x.toPrecision(4)) : spelled(x));

function nested(data, shape, truths) {
  let flat = Array.from(data, truths ? Boolean : spelled);
  for (let k = shape.length - 1; k > 0; k--) {
    const rows = Array.from({length: flat.length / Math.max(shape[k], 1)});
    flat = rows.map((_, i) => flat.slice(i * shape[k], (i + 1) * shape[k]));
  }
  return flat;
}

// What a document says of {data, shape, dtype}; elements are written of up to `full`.
export function summarise({data, shape, dtype}, full = FULL) {
  if (!shape.length) return {shape, dtype, scalar: spelled(Number(data[0]))};
  const n = data.length;
  if (!n) {
    return {
      shape, dtype, mean: "nan", std: "nan", min: "nan", max: "nan", norm: 0, rms: "nan", sum: 0,
      top: 0, zeros: "nan", nans: 0, infs: 0, bins: [], scale: 0, elements: nested(data, shape),
    };
  }
  let [top, total, nans, infs, zeros, low, high] = [0, 0, 0, 0, 0, Infinity, -Infinity];
  for (let k = 0; k < n; k++) {
    const x = data[k];
    total += x;
    if (x !== x) nans++;
    else if (x - x !== 0) infs++;
    else top = Math.max(top, Math.abs(x));
    zeros += x === 0;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  const whole = !nans && !infs;
  const unit = whole && top > 0 && !(top > 1e-140 && top < 1e140) ? top : 1;
  let [squares, deviations] = [0, 0];
  const mean = unit === 1 ? total / n : data.reduce((sum, x) => sum + x / unit, 0) / n;
  for (let k = 0; k < n; k++) {
    squares += (data[k] / unit) ** 2;
    deviations += (data[k] / unit - mean) ** 2;
  }
  const norm = Math.sqrt(squares) * unit;
  const found = {
    mean: mean * unit, std: Math.sqrt(deviations / n) * unit, min: nans ? NaN : low,
    max: nans ? NaN : high, norm, rms: norm / Math.sqrt(n), sum: total, top, zeros: 1 - (n - zeros) / n,
  };
  for (const key of Object.keys(found)) found[key] = spelled(found[key]);
  const out = {shape, dtype, ...found, nans, infs, bins: n > FULL ? histogram(data, whole) : []};
  const written = n <= Math.max(full, FULL);
  const apart = shape.length === 1 ? n <= 64 : shape.length === 2 && Math.max(...shape) <= 32;
  // where each element is a cell, the largest of them is known
  const {cells, scale, block, caption} = written && apart ? {scale: top} : thumbnail(data, shape);
  if (written) return {...out, scale, elements: nested(data, shape, dtype === "bool")};
  return {...out, scale, cells: cells.map((row) => row.map(rounded)), block, caption};
}

function histogram(data, whole) {
  const x = whole ? data : data.filter(Number.isFinite);
  const counts = new Array(BINS).fill(0);
  let low = x.reduce((m, v) => Math.min(m, v), Infinity);
  let high = x.reduce((m, v) => Math.max(m, v), -Infinity);
  if (!x.length) [low, high] = [0, 0];
  const half = high - low < 3.4028234663852886e38 ? 1 : 0.5;
  const width = high * half - low * half;
  if (width === 0) counts[0] = x.length;
  else for (const v of x) counts[Math.min(Math.trunc((v * half - low * half) * (BINS / width)), BINS - 1)]++;
  return counts;
}

// --- Documents -----------------------------------------------------------------------------------
const dot = (x, y) => x.reduce((sum, v, k) => sum + v * y[k], 0);

// A document with the numbers that a live engine has now, in the place of those in `doc`.
export function written(live, doc) {
  const out = {...doc, summaries: []};
  const put = (summary) => out.summaries.push(summary) - 1;
  const full = (old) => doc.summaries[old]?.elements && 4096;
  const summary = (x, old) => (x === null ? null : put(summarise(x, full(old))));
  const again = (x, old) => (old === null || old === undefined ? null : summary(x(), old));
  const added = new Map(); // sums of contributions that were asked for, by their edges
  const sumOf = (keys) => {
    const name = keys.join(" ");
    if (!added.has(name)) added.set(name, keys.reduce((sum, key) => plus(sum, live.contribution(key)), null));
    return added.get(name);
  };

  out.tensors = Object.fromEntries(Object.entries(doc.tensors).map(([id, x]) => [id, {
    ...x,
    value: again(() => live.value(id), x.value),
    gradient: again(() => live.gradient(id), x.gradient),
    seed: x.seed === null ? null : put(doc.summaries[x.seed]),
  }]));
  const outside = (id) => live.arrivals(id).filter((key) => !doc.tensors[id].contributions.includes(key));
  const edges = (key) => (key.startsWith("e-more-") ? outside(key.slice(7)) : [key]);
  out.contributions = Object.fromEntries(Object.entries(doc.contributions).map(([key, old]) => (
    [key, again(() => sumOf(edges(key)), old)])));
  [out.running, out.shares] = [{}, {}];
  for (const id of Object.keys(doc.tensors)) {
    const keys = live.arrivals(id);
    if (!keys.some((key) => key in doc.running || key in doc.shares)) continue;
    const g = live.gradient(id).data;
    const square = dot(g, g);
    let total = live.startOf(id);
    for (const key of keys) {
      const x = live.contribution(key);
      total = plus(total, x);
      if (key in doc.running) out.running[key] = summary(total, doc.running[key]);
      if (key in doc.shares && square > 0) out.shares[key] = dot(g, x.data) / square;
    }
  }
  out.groups = Object.fromEntries(Object.entries(doc.groups).map(([id, group]) => {
    const inside = Object.fromEntries(Object.entries(group.inside ?? {}).map(([tensor, old]) => [
      tensor, again(() => sumOf(live.arrivals(tensor).filter((key) => isWithin(doc, live.edges[key].of, id))), old)]));
    const borders = Object.fromEntries(Object.entries(group.borders).map(([tensor, border]) => {
      const flowing = border.edges.filter((key) => live.edges[key]);
      const inOrder = flowing.toSorted(byUse); // of norms; edges are in that of their arrival
      const share = flowing.reduce((sum, key) => sum + (out.shares[key] ?? NaN), 0);
      return [tensor, {
        ...border,
        contribution: again(() => sumOf(flowing), border.contribution),
        after: border.after === null ? null : out.running[flowing.at(-1)] ?? null,
        share: border.share === null || border.share === undefined || share !== share ? null : share,
        norms: (border.norms ?? []).map((old) => {
          const x = old === null ? null : live.contribution(inOrder.shift())?.data;
          return x ? spelled(Math.sqrt(dot(x, x))) : null;
        }),
      }];
    }));
    const stacked = group.stacked?.map((old, k) => again(() => stack(live, doc.summaries[old], group.outputs, k), old));
    const strip = group.strip?.map(([text, old], k) => [text, old === null ? null : gain(live, group.parts[k])]);
    return [id, { ...group, inside, borders, ...(stacked && {stacked}), ...(strip && {strip}) }];
  }));
  scales(live, out);
  exchanged(live, out);
  return out;
}

// Operations that another function stands in the place of: their names, and what they compute.
function exchanged(live, doc) {
  const {swapped} = live.options;
  if (!swapped.size) return;
  doc.operations = {...doc.operations};
  doc.formulas = [...doc.formulas];
  const stated = (text) => doc.formulas.push({text, mathml: "", given: [], stated: true}) - 1;
  for (const [id, name] of swapped) {
    const old = doc.operations[id];
    if (!old || old.name === name) continue;
    const rules = old.rules.map((rule) => (rule === null ? null : stated(`qg ⊙ ${name}′(q0)`)));
    doc.operations[id] = {...old, name, text: `${name}(·)`, options: {}, rule: stated(`${name}(q0)`), rules};
  }
}

function byUse(one, other) {
  const [a, b] = [one, other].map((key) => key.split("-").slice(1).map(Number));
  return a[0] - b[0] || a[1] - b[1];
}

// Values (0) or gradients (1) of several tensors as one array.
function stack(live, {shape, dtype}, ids, k) {
  const data = ids.flatMap((id) => [...(k ? live.gradient(id) : live.value(id)).data]);
  return {shape, dtype, data: Float64Array.from(data)};
}

// ‖∂ behind it‖ ÷ ‖∂ before it‖, of an operation on one tensor (Describer.gain).
function gain(live, operation) {
  const size = ({data}) => Math.sqrt(dot(data, data));
  const edges = live.backward.filter((unit) => unit.of === operation);
  const g = size(live.gradient(live.program.operations[operation].output));
  const p = edges[0]?.to;
  const uses = edges.filter((unit) => unit.to === p);
  const alone = uses.length === live.arrivals(p).length;
  if (!uses.length || !g || (uses.length > 1 && !alone)) return null;
  return spelled(size(uses.length > 1 ? live.gradient(p) : live.contribution(uses[0].key)) / g);
}

function plus(x, y) {
  if (x === null) return y;
  const data = x.data.slice();
  for (let k = 0; k < data.length; k++) data[k] += y.data[k];
  return {...x, data};
}

function isWithin(doc, operation, outer) {
  let group = doc.operations[operation]?.group;
  if (group === undefined) {
    const order = Number(operation.slice(3));
    const {first, operations} = doc.groups[outer];
    return first <= order && order < first + operations;
  }
  while (group !== null && group !== outer) group = doc.groups[group].parent;
  return group === outer;
}

// Heat-maps of gradients make no more of rounding errors than they are (Describer.rounding).
function scales(live, doc) {
  const top = (number) => {
    const x = doc.summaries[number];
    return x === undefined ? 0 : Number.isFinite(x.scalar) ? Math.abs(x.scalar) : x.top ?? 0;
  };
  for (const [id, tensor] of Object.entries(doc.tensors)) {
    const summary = doc.summaries[tensor.gradient];
    if (!summary?.shape.length || summary.scale === undefined) continue;
    const keys = live.arrivals(id).filter((key) => doc.operations[live.edges[key].of]);
    const tops = keys.map((key) => {
      const {of} = live.edges[key];
      const operation = doc.operations[of];
      const out = doc.tensors[operation.output];
      const alone = live.program.operations[of].elementwise && String(out.shape) === String(tensor.shape);
      if (alone || operation.inputs.length > 8) return 0;
      const i = Number(key.split("-").at(-1));
      const others = operation.inputs.filter((x, k) => k !== i && typeof x === "string" && doc.tensors[x]);
      const most = others.map((x) => top(doc.tensors[x].value));
      return top(out.gradient) * Math.min(1, most.length ? Math.max(...most) : 1);
    });
    if (keys.length > 1) tops.push(...keys.map((key) => top(doc.contributions[key])));
    const eps = tensor.dtype === "float32" ? 2 ** -23 : 2 ** -52;
    summary.scale = Math.max(summary.scale, 4 * eps * Math.max(0, ...tops));
  }
}
