// Pan and zoom by one transform of the whole drawing, and the small map of it.

import {$, animate, canvasOf, h, still} from "./dom.js";
import {clamp} from "./model.js";
import {mapPointer, pointers, wheel} from "./pointer.js";

const FAR = 0.28; // where nothing can be read, nothing is written
const NEAREST = 4, FARTHEST = 0.02, MILLISECONDS = 300;

export class Viewport {
  constructor(drawing) {
    Object.assign(this, {drawing, element: $("#viewport"), svg: $("#world"), map: $("#map"),
      x: 0, y: 0, k: 1});
    wheel(this);
    pointers(this);
    mapPointer(this);
    new ResizeObserver(() => this.resized()).observe(this.element);
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
    cancelAnimationFrame(this.frame);
    if (this.k !== this.sharp) this.sharpenIn(140);
    this.frame = requestAnimationFrame(() => {
      this.transform();
      this.svg.classList.toggle("far", this.k < FAR);
      this.frameMap();
    });
  }

  transform() {
    const {x, y, k} = this, {extent} = this.drawing, {w, h} = this.size();
    this.svg.style.transform = `translate(${x}px,${y}px) scale(${k})`;
    this.drawing.cull([extent.x - x / k, extent.y - y / k, extent.x + (w - x) / k, extent.y + (h - y) / k]);
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
    if (soft && !still()) this.stop = animate(MILLISECONDS, draw);
    else draw(1);
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

  // At first: all of it, but no smaller than can be read.
  begin() {
    const {width, height} = this.drawing.extent, {w, h, across, down} = this.size();
    if (Math.min(across, down, 1.15) >= 0.45) return this.fit(false);
    const k = clamp(Math.max(across, down), 0.55, 1);
    const start = (size, room) => (size * k < room ? (room - size * k) / 2 : 12);
    return this.go(start(width, w), start(height, h), k, false);
  }

  // Brings a rectangle of the drawing into sight: just so far, or to the middle if it is far off.
  reveal(rect, soft = true) {
    if (!rect) return;
    const {extent} = this.drawing, {w, h} = this.size(), k = Math.max(this.k, 0.5), margin = 28;
    const into = (low, size, room) => {
      if (low < margin) return margin - low;
      const over = room - margin - (low + size);
      return over < 0 ? Math.max(over, margin - low) : 0;
    };
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
    const offset = ({x, y, width}) => {
      const {extent} = this.drawing;
      return [(x + width / 2 - extent.x) * this.k, (y - extent.y) * this.k];
    };
    const before = rect && offset(rect);
    change();
    const next = after();
    if (before && next) {
      const [x, y] = offset(next);
      this.x += before[0] - x;
      this.y += before[1] - y;
    }
    this.transform();
    this.sharpenIn(450);
    this.drawMap();
  }

  resized() {
    if (this.drawing.place) this.apply();
    this.drawMap();
  }

  // How much smaller the small map is, across and down: long graphs are drawn wider than they are.
  scale() {
    const {width, height} = this.drawing.extent, {w, h} = this.size();
    const k = Math.min(Math.min(180, w / 4) / width, Math.min(220, h / 2.5) / height);
    return [width, height].map((size) => clamp(40 / size, k, k * 8));
  }

  // The small map: a canvas with a rectangle for each node, and a frame for what is in sight.
  drawMap() {
    const {drawing} = this;
    if (!drawing.place) return;
    const [across, down] = this.scale(), {extent, place} = drawing;
    const [canvas, context] = canvasOf(Math.round(extent.width * across),
      Math.round(extent.height * down));
    const style = getComputedStyle(document.documentElement);
    const colour = (role) => style.getPropertyValue(`--${role}`);
    context.scale(across, down);
    context.translate(-extent.x, -extent.y);
    context.strokeStyle = colour("line");
    context.lineWidth = 1 / Math.max(across, down);
    for (const {x, y, width, height} of place.boxes.values()) context.strokeRect(x, y, width, height);
    const roles = {operation: "op-line", group: "group-line"};
    for (const [id, {x, y, width, height}] of place.nodes) {
      const {kind} = drawing.view.nodes.get(id), {classList} = drawing.nodeElements.get(id);
      context.fillStyle = colour(classList.contains("now") ? "grad" : roles[kind] || "line");
      context.globalAlpha = classList.contains("later") ? 0.3 : 0.75;
      context.fillRect(x, y, Math.max(width, 1.5 / across), Math.max(height, 1 / down));
    }
    this.sight = h("div", {class: "sight"});
    this.map.replaceChildren(canvas, this.sight);
    this.frameMap();
  }

  toggleMap() {
    this.noMap = !this.noMap;
    this.frameMap();
  }

  frameMap() {
    if (!this.sight) return;
    const {k, drawing: {extent}} = this, {w, h} = this.size(), room = 80 * k + 8;
    const [across, down] = this.scale().map((x) => x / k);
    this.map.hidden = this.noMap || (extent.width * k <= w + room && extent.height * k <= h + room);
    Object.assign(this.sight.style, {left: `${-this.x * across}px`, top: `${-this.y * down}px`,
      width: `${w * across}px`, height: `${h * down}px`});
  }
}
