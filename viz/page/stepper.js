// The passes, step by step: what is done, what happens now, what is still to come. A closed group
// is one step. Position 0 is before the first step: of the backward pass, its start is known.

import {$, announce, set} from "./dom.js";
import {clamp, labelOf} from "./model.js";
import {everything} from "./painter.js";
import {plural} from "./text.js";

const MILLISECONDS = 1500; // between steps at speed 1

const toggle = (element, classes) =>
  Object.entries(classes).forEach(([name, on]) => element.classList.toggle(name, on));

export class Stepper {
  // `stepped` is called after each step, `passChanged` when the other pass was chosen.
  constructor(model, drawing, {stepped, passChanged}) {
    Object.assign(this, {model, drawing, stepped, passChanged, mode: false, at: 0, playing: null,
      backward: model.doc.backward, slider: $("#slider")});
    set(this.slider, {oninput: () => this.seek(Number(this.slider.value))});
    $("#backward").disabled = !model.doc.backward;
  }

  current = () => (this.mode && this.at > 0 ? this.pass?.[this.at - 1] : null);
  by = (count) => this.seek(this.mode ? this.at + count : count > 0 ? 0 : this.pass.length);

  visit = (id) => this.find(id) > 0 && this.seek(this.find(id)); // the step of a node

  // Takes over a new arrangement; the step that was the current one stays it.
  arranged() {
    const {model, drawing} = this, current = this.current();
    const units = drawing.units.map(({id}) => id), {picture} = drawing;
    this.pass = this.backward ? model.inBackwardOrder(units) : units;
    this.index = new Map(this.pass.map((id, k) => [id, k]));
    this.unitOf = new Map([ // of an operation or a sealed group: the unit it is in
      ...model.operations.map((id) => [id, picture.closed(model.operation(id).group) ?? id]),
      ...model.sealed.map((id) => [id, picture.closed(id)])]);
    this.arrivals = new Map(Object.entries(model.doc.tensors).map(([id, x]) => [id, this.stepsOf(x)]));
    this.slider.max = this.pass.length;
    if (this.mode) {
      const at = current ? this.find(current) : -1;
      this.at = at < 0 ? Math.min(this.at, this.pass.length) : at;
    }
    this.show();
  }

  // Where a step is now: itself, the first of its parts, or the group that holds it; -1 if nowhere.
  find(id) {
    const {model, index} = this;
    if (index.has(id)) return index.get(id) + 1;
    const groupOf = (x) => (model.group(x) ? x : model.operation(x)?.group);
    const inside = this.pass.findIndex((unit) => model.isWithin(groupOf(unit), id));
    if (inside >= 0) return inside + 1;
    const around = model.ancestry.get(groupOf(id))?.find((group) => index.has(group));
    return around ? index.get(around) + 1 : -1;
  }

  // In which steps something is added to a tensor's gradient; -1 is the start.
  stepsOf({contributions, seed}) {
    const steps = contributions.map((key) => this.index.get(this.unitOf.get(this.model.maker(key))));
    if (seed !== null) steps.push(-1);
    return steps.filter((k) => k !== undefined).sort((a, b) => a - b);
  }

  choose(backward) {
    if (this.backward === backward && this.mode) return;
    this.pause();
    Object.assign(this, {backward, mode: true, at: 0, pass: null});
    this.arranged();
    this.passChanged();
    this.announceStep();
  }

  seek(at) {
    this.mode = true;
    this.at = clamp(at, 0, this.pass.length);
    this.show();
    this.announceStep();
  }

  leave() {
    this.pause();
    Object.assign(this, {mode: false, at: 0});
    this.show();
    announce("The whole picture");
  }

  toggle() {
    if (this.playing) return this.pause();
    if (!this.mode || this.at >= this.pass.length) this.seek(0);
    const next = () => {
      if (this.at >= this.pass.length) return this.pause();
      this.seek(this.at + 1);
      return wait(MILLISECONDS);
    };
    const wait = (time) => (this.playing = setTimeout(next, time / Number($("#speed").value)));
    wait(MILLISECONDS / 3);
    return this.buttons();
  }

  pause() {
    clearTimeout(this.playing);
    this.playing = null;
    this.buttons();
  }

  buttons() {
    const {mode, at, backward} = this, action = this.playing ? "pause" : "play";
    set($("#play"), {"aria-label": action, title: `${action} (space)`});
    set($("#backward"), {"aria-pressed": backward});
    set($("#forward"), {"aria-pressed": !backward});
    toggle(document.body, {"going-forward": !backward});
    $("#whole").disabled = !mode;
    $("#previous").disabled = mode && at === 0;
    $("#next").disabled = mode && at === this.pass?.length;
  }

  show() {
    const {pass, at, mode, slider} = this;
    slider.value = at;
    slider.disabled = !pass.length;
    slider.setAttribute("aria-valuetext", this.description());
    $("#count").textContent = mode ? `${at} / ${pass.length}` : plural(pass.length, "step");
    toggle(this.drawing.svg, {stepping: mode, forward: mode && !this.backward});
    this.drawing.knowledge = this.knowledge();
    this.drawing.repaint();
    this.buttons();
    this.stepped();
  }

  // What is known at the step, see `everything` in painter.js.
  knowledge() {
    if (!this.mode) return everything(this.model);
    const {model, index, at, backward} = this;
    const isDone = (unit) => (index.get(unit) ?? (at === this.pass.length ? -1 : Infinity)) < at;
    const knows = (edge) => backward && isDone(edge.head);
    const state = (id) => {
      const k = index.get(id);
      return k === undefined ? null : k === at - 1 ? "now" : k >= at ? "pending" : "done";
    };
    const units = ({id, views, isLeaf}) => (isLeaf ? views.map((view) => view.id) : [id]);
    const isLater = (record) => {
      if (!record.isLeaf) return state(record.id) === "pending";
      return record.tensor !== null && this.firstStep(record.tensor) >= at;
    };
    const hasValue = (tensor) => backward || this.isMade(tensor);
    const terms = ({id, terms: all}) => all.filter((term) => term === "seed"
      || (term === "inside" ? isDone(id) : knows(this.drawing.picture.edges.get(term))));
    const arrived = (tensor) => this.arrivals.get(tensor)?.filter((k) => k < at).length;
    const key = (record) => [backward, ...units(record).map(state), isLater(record),
      record.tensor && hasValue(record.tensor), record.tensor && arrived(record.tensor),
      [...record.named, ...(record.isShared ? record.uses : [])].filter(knows).length].join();
    return {key, hasValue, knows, state, isLater, terms, gradient: (tensor) => this.gradient(tensor),
      isNow: (record) => units(record).some((id) => state(id) === "now"),
      isUsedNow: (edge) => at > 0 && index.get(edge.head) === at - 1};
  }

  // The step that makes a tensor, or is the first to add to its gradient.
  firstStep(id) {
    const {by, gradient} = this.model.tensor(id);
    if (!this.backward) return by ? this.index.get(by) : -1;
    return this.arrivals.get(id)[0] ?? (gradient === null ? -1 : Infinity);
  }

  // Whether the forward pass has come to a tensor.
  isMade(id) {
    const {by, group} = this.model.tensor(id);
    return (this.index.get(by ? this.unitOf.get(by) : this.drawing.picture.closed(group)) ?? -1) < this.at;
  }

  isWhole = (id) => this.arrivals.get(id).every((k) => k < this.at);

  // The summary of a tensor's gradient, as far as it has arrived.
  gradient(id) {
    const {model} = this, {gradient, contributions, seed, of} = model.tensor(id), steps = this.arrivals.get(id);
    if (of) return model.group(of).outputs.every((t) => this.isWhole(t)) ? model.summary(gradient) : null;
    const arrived = steps.filter((k) => k < this.at).length - (seed === null ? 0 : 1);
    if (!this.backward || gradient === null) return null;
    if (arrived + (seed === null ? 0 : 1) === steps.length) return model.summary(gradient);
    const key = contributions.filter((one) => model.maker(one))[arrived - 1];
    if (arrived <= 0) return model.summary(seed);
    return model.summary(model.sumAfter(id, key) ?? (contributions.length === 1 ? gradient : null));
  }

  // The current step in words.
  description() {
    const {model, pass, at} = this, way = this.backward ? "Backward" : "Forward";
    if (!this.mode) return `the whole picture, ${pass.length} steps`;
    if (at === 0) return `${way} pass, before step 1 of ${pass.length}`;
    const id = pass[at - 1];
    return `${way} step ${at} of ${pass.length}, ${model.title(id)}${this.numbers(id)}`;
  }

  numbers(id) {
    const {model, drawing} = this;
    if (!this.backward) {
      const out = model.summary(model.tensor(model.operation(id)?.output)?.value);
      return out ? `: the result is ${labelOf(out)}` : "";
    }
    const parts = [...drawing.picture.edges.values()].filter(({head}) => head === id)
      .flatMap((edge) => (edge.merged.length ? edge.merged : edge))
      .filter((edge) => edge.contribution !== null).slice(0, 4)
      .map((edge) => `${labelOf(model.summary(edge.contribution))} to ${model.title(edge.home)}`);
    return parts.length ? `: adds ${parts.join(", ")}` : "";
  }

  announceStep() {
    const current = this.current();
    announce(this.description());
    if (current) this.drawing.viewport.reveal(this.drawing.rect(current));
  }
}
