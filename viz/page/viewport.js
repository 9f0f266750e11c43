// Pan and zoom by one transform of the whole drawing, and the small map of it.

import {$, animate, s, set} from "./dom.js";
import {clamp, grouped} from "./model.js";
import {mapPointer, pointers, wheel} from "./pointer.js";

const READABLE = 0.7; // scale of the first view, at least
const FAR = 0.28; // where nothing can be read, nothing is written
const NEAREST = 4, FARTHEST = 0.02, MILLISECONDS = 300;

export class Viewport {
  constructor(drawing) {
    Object.assign(this, {drawing, element: $("#viewport"), svg: $("#world"), map: $("#map"),
      x: 0, y: 0, k: 1});
    for (const listen of [wheel, pointers, mapPointer]) listen(this);
    new ResizeObserver(() => {
      if (!drawing.places) return;
      this.apply();
      this.drawMap();
    }).observe(this.element);
  }

  // How large the viewport is, and by which scales the drawing would just fill it.
  size() {
    const {clientWidth: w, clientHeight: h} = this.element, {width, height} = this.drawing.extent;
    return {w, h, across: w / width, down: h / height};
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.apply();
  }

  // Zooms about a point of the viewport; without one, about its middle.
  zoom(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const k = clamp(this.k * factor, FARTHEST, NEAREST);
    this.x = x - ((x - this.x) * k) / this.k;
    this.y = y - ((y - this.y) * k) / this.k;
    this.k = k;
    this.apply();
  }

  apply() {
    cancelAnimationFrame(this.next);
    if (this.k !== this.sharp) this.sharpenIn(140);
    this.next = requestAnimationFrame(() => {
      this.transform();
      this.svg.classList.toggle("far", this.k < FAR);
      this.frameMap();
    });
  }

  // What of the drawing is in sight: left, top, right, bottom.
  sight() {
    const {x, y, k} = this, {extent} = this.drawing, {w, h} = this.size();
    return [extent.x - x / k, extent.y - y / k, extent.x + (w - x) / k, extent.y + (h - y) / k];
  }

  transform() {
    this.svg.style.transform = `translate(${this.x}px,${this.y}px) scale(${this.k})`;
    this.drawing.cull(this.sight());
  }

  // The picture is a texture, so that it moves without being drawn anew; one that was zoomed is
  // drawn again when it rests.
  sharpenIn(milliseconds) {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.sharp = this.k;
      this.svg.style.willChange = "auto";
      clearTimeout(this.texture);
      this.texture = setTimeout(() => (this.svg.style.willChange = "transform"), 300);
    }, milliseconds);
  }

  // Goes there, softly unless nothing should move.
  go(x, y, k = this.k, soft = true) {
    const to = [Math.round(x), Math.round(y), k]; // whole pixels are sharp
    const from = [this.x, this.y, this.k];
    const draw = (share) => {
      [this.x, this.y, this.k] = to.map((end, i) => (share < 1 ? from[i] + (end - from[i]) * share : end));
      this.apply();
    };
    this.stop?.();
    this.stop = animate(soft ? MILLISECONDS : 0, draw);
  }

  // A point of the drawing comes to the middle of the viewport.
  centre(x, y, soft = true, k = this.k) {
    const {extent} = this.drawing, {w, h} = this.size();
    this.go(w / 2 - (x - extent.x) * k, h / 2 - (y - extent.y) * k, k, soft);
  }

  // All of it.
  fit(soft = true) {
    const {x, y, width, height} = this.drawing.extent, {across, down} = this.size();
    this.centre(x + width / 2, y + height / 2, soft, Math.min(across, down, 1.15));
  }

  // At first: all of it, if that can be read; else the result and as much around it as can be.
  begin() {
    const {drawing, drawing: {extent}} = this, {w, h, across, down} = this.size();
    if (Math.min(across, down, 1.15) >= READABLE) return this.fit(false);
    const k = clamp(Math.max(across, down), READABLE, 1), last = drawing.model.doc.outputs.at(-1);
    const {x, y, width, height} = drawing.rect(last) ?? extent;
    const start = (middle, low, size, room) => (size * k < room ? (room - size * k) / 2
      : clamp(room / 2 - (middle - low) * k, room - size * k, 0));
    return this.go(start(x + width / 2, extent.x, extent.width, w),
      start(y + height / 2, extent.y, extent.height, h), k, false);
  }

  // Brings a rectangle of the drawing into sight: just so far, or to the middle if it is far off.
  reveal(rect, soft = true) {
    if (!rect) return;
    const {extent} = this.drawing, {w, h} = this.size(), k = Math.max(this.k, 0.5), margin = 28;
    const into = (low, size, room) => Math.max(Math.min(room - margin - low - size, 0), margin - low);
    const dx = into((rect.x - extent.x) * k + this.x, rect.width * k, w);
    const dy = into((rect.y - extent.y) * k + this.y, rect.height * k, h);
    if (k !== this.k || Math.abs(dx) > w / 2 || Math.abs(dy) > h / 2) {
      this.centre(rect.x + rect.width / 2, rect.y + rect.height / 2, soft, k);
    } else if (dx || dy) {
      this.go(this.x + dx, this.y + dy, k, soft);
    }
  }

  // Keeps a rectangle of the drawing where it was while everything is laid out anew.
  anchored(rect, change, after) {
    const offset = ({x, y, width}, extent) => [x + width / 2 - extent.x, y - extent.y];
    const before = rect && offset(rect, this.drawing.extent);
    change();
    const next = after(), now = next && offset(next, this.drawing.extent);
    if (before && now) {
      this.x += (before[0] - now[0]) * this.k;
      this.y += (before[1] - now[1]) * this.k;
    }
    this.transform();
    this.sharpenIn(450);
    this.drawMap();
  }

  // How much smaller the small map is, across and down: long graphs are drawn wider than they are.
  scale() {
    const {width, height} = this.drawing.extent, room = this.map.parentElement.clientWidth - 40;
    const k = Math.min(room / width, 150 / height);
    return [width, height].map((size) => clamp(40 / size, k, k * 8));
  }

  // The small map: a rectangle for each node, and a frame for what is in sight.
  drawMap() {
    const {drawing, drawing: {places, extent, rects}} = this;
    const [across, down] = this.scale(), {x, y, width, height} = extent;
    const outline = (rect) => `M${rect.x} ${rect.y}h${Math.max(rect.width, 1.5 / across)}`
      + `v${Math.max(rect.height, 1 / down)}H${rect.x}z`;
    const {knowledge} = drawing, now = (record) => (knowledge.isNow(record) ? "now"
      : knowledge.isLater(record) ? "later" : "");
    const kinds = grouped(rects, ([record]) => `${record.kind} ${now(record)}`);
    const frames = [...places.frames.keys()].map((id) => outline(drawing.rect(id))).join("");
    this.frame = s("rect", {class: "sight"});
    this.map.replaceChildren(s("svg", {width: Math.round(width * across),
      height: Math.round(height * down), viewBox: `${x} ${y} ${width} ${height}`, preserveAspectRatio: "none"},
    s("path", {class: "frames", d: frames}),
    [...kinds].map(([kind, nodes]) => s("path", {class: kind, d: nodes.map(([, rect]) => outline(rect)).join("")})),
    this.frame));
    this.frameMap();
  }

  frameMap() {
    if (!this.frame) return;
    const {k, drawing: {extent}} = this, {w, h} = this.size(), room = 80 * k + 8, [x, y] = this.sight();
    this.map.hidden = extent.width * k <= w + room && extent.height * k <= h + room;
    set(this.frame, {x, y, width: w / k, height: h / k});
  }
}
