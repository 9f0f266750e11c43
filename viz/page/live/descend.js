// Descend and Samples: steps down the gradient with the loss curve, and a data set to go through.

import {h, s} from "../dom.js";
import {button, choice, note, part, powers, row, shown} from "./controls.js";
import {Descent, objective, Samples} from "./training.js";

const NAMES = [["sgd", "gradient descent"], ["momentum", "with momentum"], ["adam", "Adam"]];
const RATES = {sgd: 0.1, momentum: 0.03, adam: 0.01};

// A curve of numbers, on a logarithmic scale where all are above 0.
export function curve(losses, width = 300, height = 70) {
  const log = losses.every((x) => x > 0), values = log ? losses.map(Math.log) : losses;
  const finite = values.filter(Number.isFinite), low = Math.min(...finite), high = Math.max(...finite);
  const points = values.map((x, k) => Number.isFinite(x) && [
    (k / Math.max(values.length - 1, 1)) * width,
    4 + (1 - (high > low ? (x - low) / (high - low) : 0.5)) * (height - 8)]).filter(Boolean);
  const d = points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return s("svg", {class: "live-curve", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `loss over ${losses.length} steps: ${shown(losses[0] ?? NaN)} to ${shown(losses.at(-1) ?? NaN)}`},
  s("path", {d}));
}

export class Descend {
  constructor(panel) {
    const {live} = panel, given = live.program.samples;
    Object.assign(this, {panel, live, method: "sgd", rate: RATES.sgd, running: null});
    this.samples = given ? new Samples(live, given) : null;
    this.all = false; // whether a step goes by all samples
    this.descent = new Descent(live);
    this.play = button("run", () => this.toggle());
    this.plot = h("div", {"aria-live": "off"});
    this.said = h("output", {class: "muted small"});
    this.rateRow = h("div", {});
    this.element = h("div", {}, part("Descend",
      note("w ← w − η ∂, for all leaves that learn"),
      row(choice("method", NAMES, (name) => this.choose(name)), button("step", () => this.step()), this.play,
        button("reset", () => this.reset())),
      this.rateRow, this.plot, this.said), this.samples && this.sampling());
    this.choose("sgd");
  }

  choose(name) {
    this.method = name;
    this.rate = RATES[name];
    this.rateRow.replaceChildren(powers("η", [-5, 1], this.rate, (x) => { this.rate = x; }));
  }

  step() {
    this.descent.samples = this.all ? this.samples : null;
    this.descent.step(this.method, {lr: this.rate});
    this.panel.changed();
  }

  // A step in each frame, until somebody pauses or the loss is no number any more.
  toggle() {
    if (this.running !== null) {
      cancelAnimationFrame(this.running);
      this.running = null;
    } else {
      const go = () => {
        if (!Number.isFinite(objective(this.live))) return this.toggle();
        this.step();
        this.running = requestAnimationFrame(go);
      };
      this.running = requestAnimationFrame(go);
    }
    this.play.textContent = this.running === null ? "run" : "pause";
  }

  reset() {
    if (this.running !== null) this.toggle();
    this.descent.forget();
    this.panel.reset();
  }

  update() {
    const losses = [...this.descent.losses, objective(this.live)];
    this.plot.replaceChildren(losses.length > 1 ? curve(losses) : "");
    this.said.textContent = `${losses.length - 1} steps, loss ${shown(losses.at(-1))}`;
    if (this.samples) this.where.textContent = `sample ${this.samples.at + 1} of ${this.samples.count}`;
  }

  sampling() {
    const {samples, panel} = this;
    const show = (by) => () => {
      samples.show(samples.at + by);
      panel.changed();
    };
    this.where = h("output", {class: "small"});
    const found = h("output", {class: "small"});
    const all = () => {
      const {loss, accuracy} = samples.all();
      const right = accuracy === null ? "" : `, ${shown(accuracy * 100, 3)} % right`;
      found.textContent = `mean loss ${shown(loss)}${right}`;
    };
    const box = h("input", {type: "checkbox", onchange: () => { this.all = box.checked; }});
    return part("Samples", row(button("‹", show(-1), {"aria-label": "sample before"}), this.where,
      button("›", show(1), {"aria-label": "next sample"}), button("all", all), found),
    h("label", {class: "small"}, box, " descend by the mean over all samples"));
  }
}
