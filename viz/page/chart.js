// The strip above the slider: the RMS of the gradient at each step, on a logarithmic scale. Where
// it falls or grows along the pass, gradients vanish or explode. Of the forward pass it shows the
// RMS of the results. A click goes to the step.

import {$, h} from "./dom.js";
import {number} from "./model.js";
import {flowOf} from "./stepper.js";

const TOP = 9, BOTTOM = 7;

export class Chart {
  constructor(model, stepper) {
    Object.assign(this, {model, stepper});
    this.canvas = $("#strip canvas");
    this.hint = $("#strip output");
    const at = (event) => {
      const {width} = this.canvas.getBoundingClientRect(), count = stepper.pass.length;
      return Math.round((event.offsetX / Math.max(width, 1)) * count);
    };
    this.canvas.addEventListener("click", (event) => stepper.seek(Math.max(at(event), 1)));
    this.canvas.addEventListener("pointermove", (event) => this.tell(Math.max(at(event), 1)));
    this.canvas.addEventListener("pointerleave", () => this.tell(null));
    new ResizeObserver(() => this.draw()).observe(this.canvas.parentElement);
  }

  arranged() {
    this.part = this.stepper.backward ? "gradient" : "value";
    this.ink = this.stepper.backward ? ["grad", "grad-ink"] : ["op-line", "op-line"];
    this.points = this.stepper.pass.map((unit) => flowOf(this.model, unit, this.part));
    this.course = this.courseOf();
    // a closed group's gradient is that of its last operation: at the start of the backward pass
    this.places = this.stepper.pass.map((unit, k) => (unit.kind === "group" && this.stepper.backward
      ? k - 1 + 1 / this.model.group(unit.id).operations : k));
    $("#strip").hidden = !this.points.some((x) => x !== null);
    this.draw();
    this.tell(null);
  }

  // The line: a point for each operation, those of a closed group side by side in its place.
  courseOf() {
    const {model, stepper} = this, inside = new Map();
    for (const id of stepper.backward ? model.backward : model.operations) {
      const k = stepper.index.get(stepper.unitOf.get(id));
      if (k === undefined) continue;
      if (!inside.has(k)) inside.set(k, []);
      inside.get(k).push(id);
    }
    return stepper.pass.flatMap((unit, k) => {
      if (unit.kind !== "group") return [[k, this.points[k]]];
      const ids = [...(inside.get(k) || []), ...this.sealedIn(unit.id)];
      const first = (id) => model.group(id)?.steps?.[0] ?? model.operation(id)?.step ?? 0;
      const when = (id) => (stepper.backward ? first(id) : model.group(id)?.first ?? model.operation(id).order);
      ids.sort((a, b) => when(a) - when(b));
      const {operations} = model.group(unit.id), start = ids.length ? when(ids[0]) : 0;
      return ids.map((id) => [k - 1 + (when(id) - start + 1) / operations,
        flowOf(model, {id, kind: id.startsWith("g-") ? "group" : "operation"}, this.part)]);
    });
  }

  sealedIn(id) {
    const {sealed, lines} = this.model;
    return sealed.filter((other) => lines.get(other).includes(id));
  }

  finite() {
    return this.course.map(([, x]) => x).filter((x) => x > 0 && Number.isFinite(x));
  }

  tell(at) {
    const {points, stepper, model} = this;
    if (at !== null && points?.[at - 1] !== undefined) {
      const x = points[at - 1];
      this.hint.textContent = `${at} · ${model.title(stepper.pass[at - 1].id)} · `
        + `${x === null ? "none" : `RMS ${number(x, 3)}`}`;
      return;
    }
    const some = this.finite(), last = number(some[some.length - 1], 3);
    this.hint.textContent = !some.length ? "" : stepper.backward
      ? `gradient RMS: ${number(some[0], 3)} at the loss → ${last}`
      : `RMS of the results: ${number(some[0], 3)} at the first → ${last}`;
    this.canvas.setAttribute("aria-label", `${this.hint.textContent} over ${points.length} steps`);
  }

  draw() {
    const {canvas, points, stepper} = this;
    if (!points) return;
    const {clientWidth: wide, clientHeight: tall} = canvas.parentElement;
    if (!wide || !tall) return;
    const sharp = devicePixelRatio || 1, pen = canvas.getContext("2d");
    canvas.width = wide * sharp;
    canvas.height = tall * sharp;
    pen.scale(sharp, sharp);
    const style = getComputedStyle(document.documentElement);
    const logs = this.finite().map(Math.log10);
    const low = logs.length ? Math.floor(Math.min(...logs, 0) - 0.1) : -1;
    const high = logs.length ? Math.ceil(Math.max(...logs, 0) + 0.1) : 1;
    const frame = {
      pen, wide, tall, low, high, every: Math.max(Math.ceil((high - low) / 4), 1),
      now: stepper.mode ? stepper.at - 1 : null,
      paint: (role) => style.getPropertyValue(`--${role}`),
      x: (k) => ((k + 1) / Math.max(points.length, 1)) * (wide - 12) + 6,
      y: (log) => TOP + ((high - log) / (high - low)) * (tall - TOP - BOTTOM),
    };
    this.drawScale(frame);
    this.drawCourse(frame);
    this.drawPoints(frame);
    this.drawNow(frame);
  }

  drawCourse({pen, paint, x, y}) {
    pen.strokeStyle = paint(this.ink[0]);
    pen.lineWidth = 1.6;
    pen.beginPath();
    let drawn = false;
    for (const [k, v] of this.course) {
      if (!(v > 0) || !Number.isFinite(v)) continue;
      if (drawn) pen.lineTo(x(k), y(Math.log10(v)));
      else pen.moveTo(x(k), y(Math.log10(v)));
      drawn = true;
    }
    pen.stroke();
  }

  drawPoints({pen, paint, x, y, now, wide, tall}) {
    const all = this.points.length < wide / 4;
    this.points.forEach((v, k) => {
      const good = v > 0 && Number.isFinite(v), px = x(this.places[k]);
      if (v === null || (!all && k !== now && good)) return;
      pen.fillStyle = pen.strokeStyle = paint(this.ink[k === now ? 1 : 0]);
      pen.globalAlpha = now !== null && k > now ? 0.4 : 1;
      pen.beginPath();
      if (good) {
        pen.arc(px, y(Math.log10(v)), k === now ? 4.5 : 2.6, 0, 2 * Math.PI);
        pen.fill();
      } else { // zero or not a number: a cross at the foot
        const py = tall - BOTTOM;
        pen.lineWidth = 1.4;
        pen.moveTo(px - 3, py - 3);
        pen.lineTo(px + 3, py + 3);
        pen.moveTo(px - 3, py + 3);
        pen.lineTo(px + 3, py - 3);
        pen.stroke();
      }
      pen.globalAlpha = 1;
    });
  }

  drawNow({pen, paint, x, now, tall}) {
    if (now === null || now < 0) return;
    pen.strokeStyle = paint("muted");
    pen.lineWidth = 1;
    pen.setLineDash([2, 3]);
    pen.beginPath();
    pen.moveTo(x(now), 0);
    pen.lineTo(x(now), tall);
    pen.stroke();
  }

  drawScale({pen, paint, low, high, every, y, wide}) {
    const marks = [];
    pen.strokeStyle = paint("hair");
    for (let log = high; log >= low; log -= every) {
      pen.lineWidth = log === 0 ? 1.5 : 1;
      pen.beginPath();
      pen.moveTo(0, y(log));
      pen.lineTo(wide, y(log));
      pen.stroke();
      const mark = h("span", {}, log === 0 ? "1" : `1e${String(log).replace("-", "−")}`);
      mark.style.top = `${y(log)}px`;
      marks.push(mark);
    }
    $("#scale").replaceChildren(...marks);
  }
}
