// Pan and zoom by one transform of the whole drawing, and the small map of it.

import {$, h, still} from "./dom.js";
import {pointers, onMap, wheel} from "./pointer.js";

const FAR = 0.28; // where nothing can be read, nothing is written
const NEAREST = 4, FARTHEST = 0.02;

export class Viewport {
  constructor(drawing) {
    this.drawing = drawing;
    this.stage = $("#stage");
    this.svg = $("#world");
    this.map = $("#map");
    [this.x, this.y, this.k] = [0, 0, 1];
    wheel(this);
    pointers(this);
    onMap(this);
    new ResizeObserver(() => this.resized()).observe(this.stage);
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.apply();
  }

  // Zooms about a point of the stage; without one, about its middle.
  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const k = Math.min(Math.max(this.k * factor, FARTHEST), NEAREST);
    this.x = x - ((x - this.x) * k) / this.k;
    this.y = y - ((y - this.y) * k) / this.k;
    this.k = k;
    this.apply();
  }

  apply() {
    cancelAnimationFrame(this.frame);
    if (this.k !== this.sharp) {
      clearTimeout(this.rest);
      this.rest = setTimeout(() => this.sharpen(), 140);
    }
    this.frame = requestAnimationFrame(() => {
      this.svg.style.transform = `translate(${this.x}px,${this.y}px) scale(${this.k})`;
      this.svg.classList.toggle("far", this.k < FAR);
      this.drawing.cull(this.sightOf());
      this.frameMap();
    });
  }

  // The picture is a texture, so that it moves without being drawn anew; one that was zoomed is
  // drawn again when it rests.
  sharpen() {
    this.sharp = this.k;
    this.svg.style.willChange = "auto";
    clearTimeout(this.texture);
    this.texture = setTimeout(() => (this.svg.style.willChange = "transform"), 300);
  }

  // What of the drawing is in sight: left, top, right, bottom.
  sightOf() {
    const {x, y} = this.drawing.extent, {clientWidth: w, clientHeight: h_} = this.stage;
    return [x - this.x / this.k, y - this.y / this.k, x + (w - this.x) / this.k, y + (h_ - this.y) / this.k];
  }

  // Goes there, softly unless nothing should move.
  go(x, y, k = this.k, soft = true) {
    [x, y] = [Math.round(x), Math.round(y)]; // whole pixels are sharp
    cancelAnimationFrame(this.way);
    if (!soft || still()) {
      [this.x, this.y, this.k] = [x, y, k];
      this.apply();
      return;
    }
    const from = [this.x, this.y, this.k], start = performance.now();
    const step = (now) => {
      const t = Math.min(Math.max((now - start) / 300, 0), 1), e = 1 - (1 - t) ** 3;
      [this.x, this.y, this.k] = [x, y, k].map((to, i) => from[i] + (to - from[i]) * e);
      this.apply();
      if (t < 1) this.way = requestAnimationFrame(step);
    };
    this.way = requestAnimationFrame(step);
  }

  // A point of the drawing comes to the middle of the stage.
  centre(x, y, soft = true, k = this.k) {
    const {extent} = this.drawing, {clientWidth: w, clientHeight: h_} = this.stage;
    this.go(w / 2 - (x - extent.x) * k, h_ / 2 - (y - extent.y) * k, k, soft);
  }

  // All of it.
  fit(soft = true) {
    const {extent} = this.drawing, {clientWidth: w, clientHeight: h_} = this.stage;
    const k = Math.min(w / extent.width, h_ / extent.height, 1.15);
    this.go((w - extent.width * k) / 2, (h_ - extent.height * k) / 2, k, soft);
  }

  // At first: all of it, but no smaller than can be read.
  begin() {
    const {extent} = this.drawing, {clientWidth: w, clientHeight: h_} = this.stage;
    const k = Math.min(w / extent.width, h_ / extent.height, 1.15);
    if (k >= 0.45) return this.fit(false);
    const near = Math.max(Math.min(Math.max(w / extent.width, h_ / extent.height), 1), 0.55);
    const x = extent.width * near < w ? (w - extent.width * near) / 2 : 12;
    const y = extent.height * near < h_ ? (h_ - extent.height * near) / 2 : 12;
    return this.go(x, y, near, false);
  }

  // Brings a rectangle of the drawing into sight: just so far, or to the middle if it is far off.
  reveal(rect, soft = true) {
    if (!rect) return;
    const {extent} = this.drawing, {clientWidth: w, clientHeight: h_} = this.stage;
    const k = Math.max(this.k, 0.5), margin = 28;
    const left = (rect.x - extent.x) * k + this.x, top = (rect.y - extent.y) * k + this.y;
    const right = left + rect.width * k, bottom = top + rect.height * k;
    const into = (low, high, room) =>
      (low < margin ? margin - low : high > room - margin ? Math.max(room - margin - high, margin - low) : 0);
    const dx = into(left, right, w), dy = into(top, bottom, h_);
    if (k !== this.k || Math.abs(dx) > w / 2 || Math.abs(dy) > h_ / 2) {
      this.centre(rect.x + rect.width / 2, rect.y + rect.height / 2, soft, k);
    } else if (dx || dy) {
      this.go(this.x + dx, this.y + dy, k, soft);
    }
  }

  // Keeps a point of the drawing where it was on the stage while everything is laid out anew.
  anchored(rect, change, after) {
    const {extent} = this.drawing;
    const at = rect && [(rect.x + rect.width / 2 - extent.x) * this.k + this.x,
      (rect.y - extent.y) * this.k + this.y];
    change();
    const next = after(), now = this.drawing.extent;
    if (at && next) {
      this.x = at[0] - (next.x + next.width / 2 - now.x) * this.k;
      this.y = at[1] - (next.y - now.y) * this.k;
    }
    this.svg.style.transform = `translate(${this.x}px,${this.y}px) scale(${this.k})`;
    this.drawing.cull(this.sightOf());
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.sharpen(), 450);
    this.drawMap();
  }

  resized() {
    if (this.drawing.place) this.apply();
    this.drawMap();
  }

  // How much smaller the small map is, across and down: long graphs are drawn wider than they are.
  scale() {
    const {width, height} = this.drawing.extent, {clientWidth: w, clientHeight: h_} = this.stage;
    const k = Math.min(Math.min(180, w / 4) / width, Math.min(220, h_ / 2.5) / height);
    return [Math.min(Math.max(k, 40 / width), k * 8), Math.min(Math.max(k, 40 / height), k * 8)];
  }

  // The small map: a canvas with a rectangle for each node, and a frame for what is in sight.
  drawMap() {
    const {drawing, map} = this;
    if (!drawing.place) return;
    const [across, down] = this.scale(), {extent, place} = drawing;
    const w = Math.round(extent.width * across), h_ = Math.round(extent.height * down);
    const canvas = h("canvas", {width: w * 2, height: h_ * 2, "aria-hidden": "true"});
    canvas.style.width = `${w}px`;
    canvas.style.height = `${h_}px`;
    const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const paint = (role) => style.getPropertyValue(`--${role}`);
    pen.scale(2 * across, 2 * down);
    pen.translate(-extent.x, -extent.y);
    pen.strokeStyle = paint("line");
    pen.lineWidth = 1 / Math.max(across, down);
    for (const {x, y, width, height} of place.boxes.values()) pen.strokeRect(x, y, width, height);
    for (const [id, {x, y, width, height}] of place.nodes) {
      const kind = drawing.view.nodes.get(id).kind, element = drawing.elements.get(id);
      pen.fillStyle = paint(element.classList.contains("now") ? "grad"
        : kind === "operation" ? "op-line" : kind === "group" ? "group-line" : "line");
      pen.globalAlpha = element.classList.contains("later") ? 0.3 : 0.75;
      pen.fillRect(x, y, Math.max(width, 1.5 / across), Math.max(height, 1 / down));
    }
    this.sight = h("div", {class: "sight"});
    map.replaceChildren(canvas, this.sight);
    this.frameMap();
  }

  frameMap() {
    const {stage, map, sight} = this, {extent} = this.drawing;
    if (!sight) return;
    const {clientWidth: w, clientHeight: h_} = stage, [across, down] = this.scale().map((x) => x / this.k);
    map.hidden = this.noMap || (extent.width * this.k <= w + 2 * 40 * this.k + 8
      && extent.height * this.k <= h_ + 2 * 40 * this.k + 8);
    Object.assign(sight.style, {left: `${-this.x * across}px`, top: `${-this.y * down}px`,
      width: `${w * across}px`, height: `${h_ * down}px`});
  }
}
