// The passes, step by step: what is done, what happens now, what is still to come. A closed group
// is one step. Position 0 is before the first step: of the backward pass, its start is known.

import {$, announce} from "./dom.js";
import {labelOf, number, stats} from "./model.js";
import {passOf} from "./view.js";

const PAUSE = 1500; // milliseconds between steps at speed 1

export class Stepper {
  // `changed` is called after each step, `turned` when the other pass was chosen.
  constructor(model, drawing, changed, turned) {
    Object.assign(this, {model, drawing, changed, turned, mode: null, at: 0, playing: null});
    this.backward = true;
    this.slider = $("#slider");
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    $("#first").addEventListener("click", () => this.seek(0));
    $("#last").addEventListener("click", () => this.seek(this.pass.length));
    $("#previous").addEventListener("click", () => this.by(-1));
    $("#next").addEventListener("click", () => this.by(1));
    $("#play").addEventListener("click", () => this.toggle());
    $("#whole").addEventListener("click", () => this.leave());
    for (const way of ["backward", "forward"]) {
      $(`#${way}`).addEventListener("click", () => this.choose(way === "backward"));
    }
    $("#backward").disabled = !model.doc.backward;
    this.backward = model.doc.backward;
  }

  // Takes over a new arrangement; the step that was the current one stays it.
  arranged() {
    const {model, drawing} = this, current = this.current();
    this.pass = passOf(model, drawing.view, this.backward);
    this.index = new Map(this.pass.map((unit, k) => [unit.id, k]));
    this.unitOf = new Map(); // of an operation: the unit it is in
    for (const id of model.operations) {
      const group = model.closed(model.operation(id).group, drawing.open);
      this.unitOf.set(id, group || id);
    }
    for (const id of model.sealed) this.unitOf.set(id, model.closed(id, drawing.open));
    this.spans = new Map(); // of a tensor: the first and last unit that adds to its gradient
    for (const [id, tensor] of Object.entries(model.doc.tensors)) this.spans.set(id, this.span(tensor));
    this.slider.max = this.pass.length;
    if (this.mode) {
      let at = current ? this.find(current) : this.at;
      if (at < 0) at = Math.min(this.at, this.pass.length);
      this.at = at;
    }
    this.show();
  }

  // Where a step is now: itself, the first of its parts, or the group that holds it.
  find(id) {
    const {model} = this;
    if (this.index.has(id)) return this.index.get(id) + 1;
    if (model.doc.groups[id]) {
      const inside = this.pass.findIndex((unit) => {
        const group = unit.kind === "group" ? unit.id : model.operation(unit.id).group;
        return model.lines.get(group).includes(id);
      });
      if (inside >= 0) return inside + 1;
    }
    const group = model.doc.groups[id] ? id : model.operation(id)?.group;
    const around = (model.lines.get(group) || []).find((other) => this.index.has(other));
    return around ? this.index.get(around) + 1 : -1;
  }

  span(tensor) {
    const {model} = this;
    const steps = tensor.contributions
      .map((key) => this.index.get(this.unitOf.get(model.maker(key))))
      .filter((k) => k !== undefined);
    if (tensor.seed !== null) steps.push(-1);
    steps.sort((a, b) => a - b);
    return steps;
  }

  current() {
    return this.mode && this.at > 0 ? this.pass?.[this.at - 1]?.id : null;
  }

  choose(backward) {
    if (this.backward === backward && this.mode) return;
    this.backward = backward;
    this.pause();
    this.mode = true;
    this.at = 0;
    this.pass = null;
    this.arranged();
    this.turned();
    this.tell();
  }

  seek(at) {
    this.mode = true;
    this.at = Math.min(Math.max(at, 0), this.pass.length);
    this.show();
    this.tell();
  }

  // Goes to the step that a node belongs to.
  visit(id) {
    const at = this.find(id);
    if (at > 0) this.seek(at);
  }

  by(count) {
    if (!this.mode) this.seek(count > 0 ? 0 : this.pass.length);
    else this.seek(this.at + count);
  }

  leave() {
    this.pause();
    this.mode = null;
    this.at = 0;
    this.show();
    announce("The whole picture");
  }

  toggle() {
    if (this.playing) return this.pause();
    if (!this.mode || this.at >= this.pass.length) this.seek(0);
    const next = () => {
      if (this.at >= this.pass.length) return this.pause();
      this.seek(this.at + 1);
      this.playing = setTimeout(next, PAUSE / Number($("#speed").value));
    };
    this.playing = setTimeout(next, 500 / Number($("#speed").value));
    return this.buttons();
  }

  pause() {
    clearTimeout(this.playing);
    this.playing = null;
    this.buttons();
  }

  buttons() {
    const play = $("#play");
    play.setAttribute("aria-label", this.playing ? "pause" : "play");
    play.title = this.playing ? "pause (space)" : "play (space)";
    play.classList.toggle("playing", Boolean(this.playing));
    $("#backward").setAttribute("aria-pressed", String(this.backward));
    $("#forward").setAttribute("aria-pressed", String(!this.backward));
    document.body.classList.toggle("going-forward", !this.backward);
    $("#whole").disabled = !this.mode;
    $("#previous").disabled = Boolean(this.mode) && this.at === 0;
    $("#next").disabled = Boolean(this.mode) && this.at === this.pass?.length;
  }

  show() {
    const {pass, at, slider} = this, {svg} = this.drawing;
    slider.value = this.mode ? at : 0;
    slider.disabled = !pass.length;
    slider.setAttribute("aria-valuetext", this.words());
    $("#count").textContent = this.mode ? `${at} / ${pass.length}` : plainCount(pass.length);
    svg.classList.toggle("stepping", Boolean(this.mode));
    svg.classList.toggle("forward", Boolean(this.mode) && !this.backward);
    this.paintNodes();
    this.paintEdges();
    this.buttons();
    this.changed();
  }

  // Of what is to be seen now: which nodes are still to come, and how much of a gradient is there.
  paintNodes() {
    const {drawing} = this;
    for (const [id, node] of drawing.view.nodes) {
      const unit = this.unitState(id, node), shows = this.shows(id, node);
      const element = drawing.elements.get(id), list = element.classList;
      const state = `${unit} ${shows}`;
      if (element.state === state) continue; // most nodes stay as they are from step to step
      element.state = state;
      list.toggle("later", unit === "later");
      list.toggle("now", unit === "now");
      const [value, gradient] = shows;
      list.toggle("no-value", !value);
      list.toggle("no-grad", gradient !== "all");
      list.toggle("some-grad", gradient !== "all" && gradient !== "none");
      if (gradient !== "all") {
        const wait = element.querySelector(".wait.grad");
        if (wait) wait.textContent = gradient === "none" ? "—" : gradient;
      }
    }
  }

  // Whether a node shows its value, and whether "all", "none" or so much of its gradient.
  shows(id, node) {
    const tensor = node.kind === "group" ? this.model.faces[id].of : node.kind === "tensor" ? id : null;
    return tensor ? this.known(tensor) : [true, "all"];
  }

  unitState(id, node) {
    if (!this.mode) return "";
    const {tensor} = node;
    let k = this.index.get(id);
    if (node.kind === "tensor") {
      const x = this.model.tensor(tensor);
      if (this.backward) {
        const span = this.spans.get(tensor);
        if (!span.length) return x.gradient === null ? "" : "later";
        return span[0] >= this.at ? "later" : "";
      }
      k = x.by ? this.index.get(x.by) : -1;
      return k >= this.at ? "later" : "";
    }
    if (node.kind === "tag" || k === undefined) return "";
    return k === this.at - 1 ? "now" : k >= this.at ? "later" : "";
  }

  // Whether a tensor's value is known, and whether "all", "none" or so much of its gradient.
  known(id) {
    if (!this.mode) return [true, "all"];
    const x = this.model.tensor(id);
    if (!this.backward) {
      const maker = x.by ? this.unitOf.get(x.by) : this.model.closed(x.group, this.drawing.open);
      return [(this.index.get(maker) ?? -1) < this.at, "none"];
    }
    if (x.gradient === null) return [true, "all"];
    const span = this.spans.get(id), arrived = span.filter((k) => k < this.at).length;
    if (arrived === span.length) return [true, "all"];
    return [true, arrived ? this.soFar(id, arrived, span.length) : "none"];
  }

  soFar(id, arrived, count) {
    const {model} = this, x = model.tensor(id), seeded = x.seed !== null ? 1 : 0;
    const key = x.contributions.filter((one) => model.maker(one))[arrived - seeded - 1];
    const sum = model.summary(key ? model.sumAfter(id, key) : x.seed);
    const said = sum?.scalar !== undefined ? number(sum.scalar, 3) : sum ? labelOf(sum) : "";
    return `${said} (${arrived} of ${count})`.trim();
  }

  paintEdges() {
    const {drawing} = this, now = this.current();
    for (const edge of drawing.view.edges) {
      const unit = edge.out ? edge.tail : edge.head, k = this.index.get(unit);
      let state = !this.mode ? "" : unit === now ? "now" : k >= this.at ? "later" : "";
      if (this.mode && k === undefined) state = "later";
      const element = drawing.wires.get(edge.key);
      if (element.state === state) continue;
      element.state = state;
      element.classList.toggle("now", state === "now");
      element.classList.toggle("later", state === "later");
      const label = drawing.labelOf.get(edge.key);
      if (label) {
        label.classList.toggle("later", state === "later");
        label.classList.toggle("now", state === "now");
      }
    }
  }

  // The current step in words.
  words() {
    const {model, pass, at} = this;
    if (!this.mode) return `the whole picture, ${pass.length} steps`;
    const way = this.backward ? "Backward" : "Forward";
    if (at === 0) return `${way} pass, before step 1 of ${pass.length}`;
    const {id} = pass[at - 1];
    return `${way} step ${at} of ${pass.length}, ${model.title(id)}${this.sums(id)}`;
  }

  sums(id) {
    const {model, drawing} = this;
    if (!this.backward) {
      const out = id.startsWith("g-") ? null : model.summary(model.tensor(model.operation(id).output).value);
      return out ? `: the result is ${labelOf(out)}` : "";
    }
    const parts = (drawing.inward.get(id) || [])
      .flatMap((edge) => edge.merged || [edge])
      .filter((edge) => edge.contribution !== null)
      .slice(0, 4)
      .map((edge) => `${labelOf(model.summary(edge.contribution))} to ${model.title(edge.tensor)}`);
    return parts.length ? `: adds ${parts.join(", ")}` : "";
  }

  tell() {
    announce(this.words());
    const now = this.current();
    if (now) this.drawing.viewport.reveal(this.drawing.rect(now));
  }
}

function plainCount(count) {
  return `${count} step${count === 1 ? "" : "s"}`;
}

// The root mean square of a step's results, or of the gradient that flows into it.
export function flowOf(model, unit, part) {
  const results = unit.kind === "group" ? model.group(unit.id).outputs : [model.operation(unit.id).output];
  let norm = 0, size = 0;
  for (const id of results) {
    const x = stats(model.summary(model.tensor(id)?.[part]));
    if (!x) continue;
    norm = Math.hypot(norm, Number(x.norm));
    size += x.shape.reduce((a, b) => a * b, 1);
  }
  return size ? norm / Math.sqrt(size) : null;
}
