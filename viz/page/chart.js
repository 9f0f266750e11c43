// The chart above the slider: the RMS of the gradient at each step, on a logarithmic scale. Where
// it falls or grows along the pass, gradients vanish or explode. Of the forward pass it shows the
// RMS of the results. A click goes to the step.

import {$, set, s} from "./dom.js";
import {sizeOf, stats} from "./model.js";
import {number} from "./text.js";

const TOP = 9, BOTTOM = 7, SIDE = 6;

const isLoggable = (x) => x > 0 && Number.isFinite(x);

export class Chart {
  constructor(model, stepper) {
    Object.assign(this, {model, stepper, svg: $("#plot"), output: $("#chart output"), points: null});
    const step = ({clientX}) => {
      const {left, width} = this.svg.getBoundingClientRect();
      return Math.max(Math.round(((clientX - left) / Math.max(width, 1)) * stepper.pass.length), 1);
    };
    set(this.svg, {
      onclick: (event) => stepper.seek(step(event)),
      onpointermove: (event) => this.describe(step(event)),
      onpointerleave: () => this.describe(),
    });
    new ResizeObserver(() => this.draw()).observe(this.svg);
  }

  arranged() {
    const {model, stepper: {pass, backward}} = this;
    this.points = pass.map((id) => this.rmsOf(id));
    this.samples = pass.flatMap((id, k) => (model.group(id) ? this.inside(id, k) : [[k, this.points[k]]]))
      .filter(([, x]) => isLoggable(x));
    // a closed group's gradient is that of its last operation: at the start of the backward pass
    this.places = pass.map((id, k) => (model.group(id) && backward
      ? k - 1 + 1 / model.group(id).operations : k));
    $("#chart").hidden = this.points.every((x) => x === null);
    this.draw();
    this.describe();
  }

  // The root mean square of a step's results, or of the gradient that flows into it.
  rmsOf(id) {
    const {model, stepper} = this, part = stepper.backward ? "gradient" : "value";
    const results = model.group(id)?.outputs ?? [model.operation(id).output];
    const all = results.map((t) => stats(model.summary(model.tensor(t)?.[part]))).filter(Boolean);
    const size = all.reduce((sum, x) => sum + sizeOf(x.shape), 0);
    return size ? Math.hypot(...all.map((x) => Number(x.norm))) / Math.sqrt(size) : null;
  }

  // The points of the operations of a closed group, side by side in its place.
  inside(group, k) {
    const {model, stepper} = this, operations = stepper.backward ? model.backward : model.operations;
    const when = (id) => (stepper.backward ? model.step(id) : model.order(id));
    const ids = [...operations, ...model.sealed].filter((id) => stepper.unitOf.get(id) === group)
      .sort((a, b) => when(a) - when(b));
    return ids.map((id) =>
      [k - 1 + (when(id) - when(ids[0]) + 1) / model.group(group).operations, this.rmsOf(id)]);
  }

  // Says what there is at a step, or over the whole pass.
  describe(at = null) {
    const {points, samples, stepper, model, svg, output} = this, x = points[at - 1];
    if (x !== undefined) {
      const rms = x === null ? "none" : `RMS ${number(x, 3)}`;
      output.textContent = `${at} · ${model.title(stepper.pass[at - 1])} · ${rms}`;
      return;
    }
    const [first, last] = [samples[0], samples.at(-1)].map((point) => number(point?.[1], 3));
    output.textContent = !samples.length ? "" : stepper.backward
      ? `gradient RMS: ${first} at the loss → ${last}`
      : `RMS of the results: ${first} at the first → ${last}`;
    svg.setAttribute("aria-label", `${output.textContent} over ${points.length} steps`);
  }

  draw() {
    const {points, samples, places, stepper, svg} = this, {width, height} = svg.getBoundingClientRect();
    if (!points || !width || !height) return;
    const logs = samples.map(([, v]) => Math.log10(v)), now = stepper.mode ? stepper.at - 1 : null;
    const low = logs.length ? Math.floor(Math.min(...logs, 0) - 0.1) : -1;
    const high = logs.length ? Math.ceil(Math.max(...logs, 0) + 0.1) : 1;
    const x = (k) => ((k + 1) / Math.max(points.length, 1)) * (width - 2 * SIDE) + SIDE;
    const y = (log) => TOP + ((high - log) / (high - low)) * (height - TOP - BOTTOM);
    const line = samples.map(([k], i) => `${x(k)} ${y(logs[i])}`).join("L");
    const grid = [], every = Math.max(Math.ceil((high - low) / 4), 1);
    for (let log = high; log >= low; log -= every) {
      grid.push(s("path", {class: log ? "grid" : "grid one", d: `M0 ${y(log)}H${width}`}),
        s("text", {x: -34, y: y(log)}, log === 0 ? "1" : `1e${String(log).replace("-", "−")}`));
    }
    const all = points.length < width / 4;
    const dots = points.map((v, k) => {
      if (v === null || (!all && k !== now && isLoggable(v))) return null;
      const kind = k === now ? "dot now" : now !== null && k > now ? "dot later" : "dot";
      return isLoggable(v)
        ? s("circle", {class: kind, cx: x(places[k]), cy: y(Math.log10(v)), r: k === now ? 4.5 : 2.6})
        // zero or not a number: a cross at the foot
        : s("path", {class: kind, d: `M${x(places[k]) - 3} ${height - BOTTOM - 3}l6 6m-6 0l6 -6`});
    });
    svg.replaceChildren(...grid, s("path", {class: "curve", d: line && `M${line}`}),
      ...dots.filter(Boolean), ...(now >= 0 && now !== null
        ? [s("path", {class: "current", d: `M${x(now)} 0V${height}`})] : []));
  }
}
