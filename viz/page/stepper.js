// The passes, step by step: what is done, what happens now, what is still to come. A closed group
// is one step. Position 0 is before the first step: of the backward pass, its start is known.

import {$, announce, set} from "./dom.js";
import {clamp, labelOf, number, plural} from "./model.js";

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
    const units = drawing.view.units.map(({id}) => id);
    this.pass = this.backward ? model.inBackwardOrder(units) : units;
    this.index = new Map(this.pass.map((id, k) => [id, k]));
    this.unitOf = new Map([ // of an operation or a sealed group: the unit it is in
      ...model.operations.map((id) => [id, model.closed(model.operation(id).group, drawing.open) || id]),
      ...model.sealed.map((id) => [id, model.closed(id, drawing.open)])]);
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
    this.paintNodes();
    this.paintEdges();
    this.buttons();
    this.stepped();
  }

  // Of what is to be seen now: which nodes are still to come, and how much of a gradient is there.
  paintNodes() {
    const {drawing, model} = this;
    for (const [id, {kind}] of drawing.view.nodes) {
      const tensor = kind === "group" ? model.glyphs[id].of : kind === "tensor" ? id : null;
      const when = this.when(id, kind), [value, gradient] = tensor ? this.known(tensor) : [true, "all"];
      const element = drawing.nodeElements.get(id), state = `${when} ${value} ${gradient}`;
      if (element.state === state) continue; // most nodes stay as they are from step to step
      element.state = state;
      toggle(element, {later: when === "later", now: when === "now", "no-value": !value,
        "no-grad": gradient !== "all", "some-grad": gradient !== "all" && gradient !== "none"});
      const placeholder = element.querySelector(".placeholder.grad");
      if (placeholder && gradient !== "all") placeholder.textContent = gradient === "none" ? "—" : gradient;
    }
  }

  // Whether a node is still to come ("later"), or its step is the current one ("now").
  when(id, kind) {
    if (!this.mode) return "";
    const k = kind === "tensor" ? this.firstStep(id) : this.index.get(id);
    return kind !== "tensor" && k === this.at - 1 ? "now" : k >= this.at ? "later" : "";
  }

  // The step that makes a tensor, or is the first to add to its gradient.
  firstStep(id) {
    const {by, gradient} = this.model.tensor(id);
    if (!this.backward) return by ? this.index.get(by) : -1;
    return this.arrivals.get(id)[0] ?? (gradient === null ? -1 : Infinity);
  }

  // Whether a tensor's value is known, and whether "all", "none" or so much of its gradient.
  known(id) {
    if (!this.mode) return [true, "all"];
    const x = this.model.tensor(id);
    if (!this.backward) {
      const maker = x.by ? this.unitOf.get(x.by) : this.model.closed(x.group, this.drawing.open);
      return [(this.index.get(maker) ?? -1) < this.at, "none"];
    }
    const steps = this.arrivals.get(id), arrived = steps.filter((k) => k < this.at).length;
    if (x.gradient === null || arrived === steps.length) return [true, "all"];
    return [true, arrived ? this.soFar(id, arrived, steps.length) : "none"];
  }

  soFar(id, arrived, count) {
    const {model} = this, {contributions, seed} = model.tensor(id), seeded = seed === null ? 0 : 1;
    const key = contributions.filter((one) => model.maker(one))[arrived - seeded - 1];
    const sum = model.summary(key ? model.sumAfter(id, key) : seed);
    const text = sum?.scalar !== undefined ? number(sum.scalar, 3) : sum ? labelOf(sum) : "";
    return `${text} (${arrived} of ${count})`.trim();
  }

  paintEdges() {
    const {drawing, mode} = this, current = this.current();
    for (const {key, out, tail, head} of drawing.view.edges) {
      const unit = out ? tail : head, now = mode && unit === current;
      const later = mode && !now && (this.index.get(unit) ?? Infinity) >= this.at;
      const element = drawing.edgeElements.get(key), state = `${now} ${later}`;
      if (element.state === state) continue;
      element.state = state;
      for (const one of [element, drawing.labels.get(key)]) if (one) toggle(one, {now, later});
    }
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
    const parts = (drawing.inward.get(id) || []).flatMap((edge) => edge.merged || edge)
      .filter((edge) => edge.contribution !== null).slice(0, 4)
      .map((edge) => `${labelOf(model.summary(edge.contribution))} to ${model.title(edge.tensor)}`);
    return parts.length ? `: adds ${parts.join(", ")}` : "";
  }

  announceStep() {
    const current = this.current();
    announce(this.description());
    if (current) this.drawing.viewport.reveal(this.drawing.rect(current));
  }
}
