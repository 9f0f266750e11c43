// The slider through a training: for a moment of it, its numbers take the place of the document's.
// A moment says what differs from the document as it came: null for what a summary has no more.

import {h, s, set} from "./dom.js";
import {clamp} from "./model.js";
import {number, toFloat} from "./text.js";

const MILLISECONDS = 4000, FASTEST = 80; // of all moments, and between two of them
const STEEP = 30; // times the smallest loss, from which on the curve is logarithmic
const TOP = 6, BOTTOM = 6, SIDE = 8;

const changed = (base, delta) =>
  Object.fromEntries(Object.entries({...base, ...delta}).filter(([, x]) => x !== null));

export class Film {
  // `onchange` is called when other numbers stand in the document.
  constructor(model, onchange) {
    const {doc} = model, {film} = doc;
    Object.assign(this, {doc, onchange, moments: film?.moments ?? [], playing: null});
    if (!film) return;
    this.base = {...doc, summaries: [...doc.summaries]};
    this.tables = [...new Set(this.moments.flatMap(({parts}) => Object.keys(parts)))];
    this.others = [...new Set(this.moments.flatMap(({members}) => Object.keys(members)))];
    this.at = this.moments.length - 1;
    this.build();
    this.show();
  }

  // Puts the numbers of a moment into the document.
  seek(at) {
    const {doc, base, moments} = this, k = clamp(at, 0, moments.length - 1);
    if (k === this.at) return;
    this.at = k;
    const {summaries, parts, members} = moments[k], part = (x, y) => (Object(y) === y ? {...x, ...y} : y);
    base.summaries.forEach((x, n) => (doc.summaries[n] = summaries[n] ? changed(x, summaries[n]) : x));
    for (const table of this.tables) {
      doc[table] = {...base[table]};
      for (const [id, x] of Object.entries(parts[table] ?? {})) doc[table][id] = part(base[table][id], x);
    }
    for (const key of this.others) doc[key] = members[key] ?? base[key];
    this.show();
    this.onchange();
  }

  // A moment that somebody chose: nothing plays on.
  visit(at) {
    this.pause();
    this.seek(at);
  }

  toggle() {
    if (this.playing) return this.pause();
    if (this.at === this.moments.length - 1) this.seek(0);
    const time = Math.max(MILLISECONDS / this.moments.length, FASTEST);
    this.playing = setInterval(() => {
      this.seek(this.at + 1);
      if (this.at === this.moments.length - 1) this.pause();
    }, time);
    return this.show();
  }

  pause() {
    clearInterval(this.playing);
    this.playing = null;
    this.show();
  }

  build() {
    const last = this.moments.length - 1;
    this.button = h("button", {type: "button", onclick: () => this.toggle()});
    this.plot = s("svg", {role: "img", onclick: (event) => {
      const {left, width} = this.plot.getBoundingClientRect();
      this.visit(Math.round(((event.clientX - left - SIDE) / Math.max(width - 2 * SIDE, 1)) * last));
    }});
    this.slider = h("input", {type: "range", min: 0, max: last, step: 1,
      "aria-label": "moment of the training", oninput: () => this.visit(Number(this.slider.value))});
    this.output = h("output", {});
    this.element = h("section", {id: "film", "aria-label": "training"}, this.button, this.output,
      h("div", {}, this.plot, this.slider));
    document.querySelector("#dock").prepend(this.element);
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  show() {
    const {call, loss} = this.moments[this.at], action = this.playing ? "pause" : "play";
    this.slider.value = this.at;
    this.output.textContent = `call ${call.toLocaleString("en")} · loss ${number(loss)}`;
    set(this.slider, {"aria-valuetext": this.output.textContent});
    set(this.button, {"aria-label": `${action} the training`, title: `${action} the training`});
    this.button.replaceChildren(s("svg", {viewBox: "0 0 20 20", "aria-hidden": true}, s("path", {class: "solid",
      d: this.playing ? "M5.5 4h3v12h-3zM11.5 4h3v12h-3z" : "M6 3.5v13L17 10z"})));
    this.draw();
  }

  // The loss over the calls, and where we are.
  draw() {
    const {width, height} = this.plot.getBoundingClientRect();
    if (!width || !height) return;
    const points = this.moments.map(({loss}) => toFloat(loss)), known = points.filter(Number.isFinite);
    const low = Math.min(...known), high = Math.max(...known), steep = low > 0 && high > STEEP * low;
    const scale = steep ? Math.log10 : (x) => x, span = scale(high) - scale(low) || 1;
    const x = (k) => SIDE + (k / Math.max(points.length - 1, 1)) * (width - 2 * SIDE);
    const y = (v) => TOP + ((scale(high) - scale(v)) / span) * (height - TOP - BOTTOM);
    const line = points.flatMap((v, k) => (Number.isFinite(v) ? [`${x(k)} ${y(v)}`] : [])).join("L");
    const here = points[this.at], text = `loss: ${number(points[0])} → ${number(points.at(-1))}`;
    set(this.plot, {"aria-label": text});
    this.plot.replaceChildren(s("path", {class: "curve", d: line && `M${line}`}),
      s("path", {class: "current", d: `M${x(this.at)} 0V${height}`}),
      ...(Number.isFinite(here) ? [s("circle", {cx: x(this.at), cy: y(here), r: 4})] : []));
  }
}
