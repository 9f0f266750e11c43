// The live engine: the program of a picture, run again whenever a student changes a number.
//
// `new Live(program)` takes the document's `live` (see viz/formats/live.py). Every place has its
// memory from the start; `run` goes over the steps and makes nothing new. Values, gradients and
// contributions are asked for by the ids of the document.

import {copyInto, decoded, NdArray, typed} from "./ndarray.js";
import {steps} from "./kernels.js";

export class Live {
  constructor(program) {
    this.program = program;
    this.missing = program.missing ?? null;
    if (this.missing) return;
    this.places = [];
    program.places.forEach((place) => this.addPlace(place));
    for (const [place, x] of Object.entries(program.constants)) this.fill(this.places[place], x);
    this.tensors = Object.fromEntries(Object.entries(program.tensors).map(([id, [value, gradient]]) => (
      [id, {value: this.places[value], gradient: gradient === null ? null : this.places[gradient]}])));
    this.leaves = new Set(Object.keys(program.tensors));
    this.forward = Object.entries(program.operations).map(([id, part]) => {
      this.leaves.delete(part.output);
      const out = this.tensors[part.output].value;
      return {id, out: part.output, ...this.compiled(part, program, (n) => this.places[n], out)};
    });
    this.backward = Object.entries(program.contributions).map(([key, part]) => (
      {key, of: part.of, to: part.to, ...this.compiled(part, program, (n) => this.places[n])}));
    this.madeBy = Object.fromEntries(this.forward.map((unit) => [unit.out, unit]));
    this.start = new Map([...this.leaves].map((id) => [id, this.tensors[id].value.data.slice()]));
    this.edges = Object.fromEntries(this.backward.map((unit) => [unit.key, unit]));
    this.into = new Map();
    for (const {key, to} of this.backward) this.into.set(to, [...this.into.get(to) ?? [], key]);
    this.options = {blocked: new Set(), frozen: new Set(), held: new Set(), swapped: new Map()};
    this.history = [];
    this.broken = [];
    this.run();
  }

  // --- Building ------------------------------------------------------------------------------------
  addPlace([dtype, shape, of, offset, strides]) {
    const base = of === undefined ? null : this.places[of];
    this.places.push(base ? base.view(offset, shape, strides) : new NdArray(dtype, shape));
  }

  fill(place, x) {
    if (typeof x === "string") place.data.set(decoded(place.dtype, x));
    else place.data.fill(Number(x));
  }

  // The steps of a part as functions; the last writes to `target`, if there is one.
  compiled(part, {functions, rows}, place, target = null) {
    const result = place(part.place);
    const run = [];
    let moved = false; // whether the last step itself could write to the target
    for (let k = part.rows[0]; k < part.rows[1]; k++) {
      const [f, out, operands, options = {}] = rows[k];
      const last = target && k === part.rows[1] - 1 && place(out) === result && !part.guards?.length;
      moved ||= last;
      const given = operands.map((n) => (n === null ? null : place(n)));
      run.push(steps[functions[f]](last ? target : place(out), given, options));
    }
    if (target && !moved) run.push(copyInto(target, result));
    const guards = (part.guards ?? []).map(([n, truth]) => [place(n), truth]);
    return {run, guards, result: target ?? result};
  }

  // --- Running -------------------------------------------------------------------------------------
  run() {
    this.broken.length = 0;
    this.runForward();
    this.runBackward();
    return this;
  }

  runForward() {
    const {held} = this.options;
    for (const unit of this.forward) {
      if (held.has(unit.out)) continue;
      for (const step of unit.run) step();
      this.check(unit, unit.id);
    }
  }

  runBackward() {
    const {blocked, frozen, held} = this.options;
    for (const tensor of Object.values(this.tensors)) tensor.gradient?.data.fill(0);
    const met = (this.met ??= new Set());
    met.clear();
    for (const [id, place] of Object.entries(this.program.seeds)) {
      this.tensors[id].gradient.data.set(this.places[place].dense());
      met.add(id);
    }
    for (const unit of this.backward) {
      const out = this.program.operations[unit.of].output;
      unit.flows = met.has(out) && !(blocked.has(unit.key) || frozen.has(unit.to) || held.has(out));
      if (!unit.flows) continue;
      for (const step of unit.run) step();
      this.check(unit, unit.of);
      (unit.add ??= this.adding(unit))(!met.has(unit.to));
      met.add(unit.to);
    }
  }

  adding(unit) {
    const total = this.tensors[unit.to].gradient.data;
    const copy = copyInto(this.tensors[unit.to].gradient, unit.result);
    const plain = unit.result.contiguous;
    const sum = total.slice();
    return (first) => {
      if (first) return copy();
      if (plain) {
        const x = unit.result.data;
        for (let k = 0; k < total.length; k++) total[k] += x[k];
      } else {
        sum.set(total);
        copy();
        for (let k = 0; k < total.length; k++) total[k] = sum[k] + total[k];
      }
    };
  }

  // A rule that went by a value may go another way now: the page says where.
  check(unit, id) {
    for (const [place, truth] of unit.guards) {
      if (Boolean(place.data[place.offset]) !== truth && !this.broken.includes(id)) this.broken.push(id);
    }
  }

  // --- What it gives -------------------------------------------------------------------------------
  value(id) {
    return plain(this.tensors[id].value);
  }

  gradient(id) {
    return this.tensors[id].gradient && plain(this.tensors[id].gradient);
  }

  // What an edge added to the gradient of its operand; null where nothing can flow.
  contribution(key) {
    const unit = this.edges[key];
    if (!unit) return null;
    const {dtype, shape, size} = unit.result;
    return unit.flows ? plain(unit.result) : {dtype, shape, data: typed(dtype, size)};
  }

  // What a tensor's gradient starts from, where the walk starts there.
  startOf(id) {
    const place = this.program.seeds[id];
    return place === undefined ? null : plain(this.places[place]);
  }

  // The edges into a tensor, in the order in which what they carry arrives.
  arrivals(id) {
    return this.into.get(id) ?? [];
  }

  // --- What can be changed -------------------------------------------------------------------------
  // One element of a leaf, of a constant or of a tensor that is held.
  set(id, index, number) {
    this.tensors[id].value.data[index] = number;
  }

  replace(id, array) {
    this.tensors[id].value.data.set(array);
  }

  reset() {
    for (const [id, data] of this.start) this.tensors[id].value.data.set(data);
    while (this.history.length) this.undo();
    return this.run();
  }

  block(key) {
    this.option("blocked", key);
  }

  freeze(id) {
    this.option("frozen", id);
  }

  hold(id) {
    this.option("held", id);
  }

  option(name, key) {
    const chosen = this.options[name];
    const was = chosen.has(key);
    const turn = (on) => (on ? chosen.add(key) : chosen.delete(key));
    turn(!was);
    this.history.push(() => turn(was));
  }

  // What another function could stand in the place of an operation's.
  choices(id) {
    const { alternatives = {} } = this.program;
    return Object.keys(alternatives[this.program.operations[id].alike] ?? {});
  }

  // Puts another function of one number in the place of an operation's, by its name.
  swap(id, name) {
    const operation = this.program.operations[id];
    const other = this.program.alternatives[operation.alike][name];
    const unit = this.forward.find((u) => u.id === id);
    const edge = this.backward.find((u) => u.of === id);
    const was = [{...unit}, edge && {...edge}, this.options.swapped.get(id)];
    const place = this.instance(other, edge, unit.out);
    Object.assign(unit, this.compiled(other.forward, other, place, this.tensors[unit.out].value));
    if (edge) Object.assign(edge, this.compiled(other.backward, other, place), {add: null});
    this.options.swapped.set(id, name);
    this.history.push(() => {
      Object.assign(unit, was[0]);
      if (edge) Object.assign(edge, was[1]);
      if (was[2]) this.options.swapped.set(id, was[2]);
      else this.options.swapped.delete(id);
    });
  }

  // The places of a template, whose first three are operand, result and gradient.
  instance(other, edge, out) {
    const result = this.tensors[out];
    const operand = this.tensors[this.program.operations[this.madeBy[out].id].input].value;
    const shape = (given) => (String(given) === String(other.shape) ? operand.shape : given);
    const mine = [operand, result.value, result.gradient];
    const get = memo((n) => {
      if (n < 3) return mine[n];
      const [dtype, given, of, offset, strides] = other.places[n];
      if (of !== undefined) return get(of).view(offset, shape(given), strides);
      const made = new NdArray(dtype, shape(given));
      if (n in other.constants) this.fill(made, other.constants[n]);
      return made;
    });
    return get;
  }

  undo() {
    const last = this.history.pop();
    last?.();
    return Boolean(last);
  }
}

const plain = (x) => ({dtype: x.dtype, shape: x.shape, data: x.dense()});

function memo(f) {
  const known = new Map();
  return (n) => {
    if (!known.has(n)) known.set(n, f(n));
    return known.get(n);
  };
}
