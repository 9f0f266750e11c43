// Puts the page together: what the pointer and the keys do.

import {Viewport} from "./viewport.js";
import {$, announce} from "./dom.js";
import {Drawing} from "./drawing.js";
import {Model, number} from "./model.js";
import {Panel} from "./panel.js";
import {Search} from "./search.js";
import {Stepper} from "./stepper.js";
import {Chart} from "./chart.js";

const MANY = 600; // nodes from which on others are not dimmed while one is pointed at

class Page {
  constructor() {
    const read = (id) => JSON.parse($(id).textContent);
    this.model = new Model(read("#document"), read("#faces"), read("#looks"));
    this.drawing = new Drawing(this.model, new Set(this.model.doc.open));
    this.viewport = this.drawing.viewport = new Viewport(this.drawing);
    this.chosen = null;
    this.focused = null;
    this.panel = new Panel(this.model, this.drawing, {
      select: (id) => this.goTo(id), open: (id) => this.open(id), close: (id) => this.close(id),
      back: () => this.select(null),
    });
    this.stepper = new Stepper(this.model, this.drawing, () => this.stepped(),
      () => this.chart.arranged());
    this.chart = new Chart(this.model, this.stepper);
    this.search = new Search(this.model, this.drawing, (id) => {
      this.goTo(id);
      this.focusable(this.focused, true);
    });
    this.heading();
    this.drawing.arrange();
    this.arranged();
    this.viewport.begin();
    this.viewport.drawMap();
    this.listen();
  }

  heading() {
    const {doc} = this.model;
    $("#title").textContent = doc.title;
    $("#summary").textContent = doc.summary;
    if (doc.stale) {
      const who = doc.changed.join(", ") || "a leaf or constant";
      $("#warning").textContent = `⚠ ${who} changed since the forward pass: replayed with new values`;
      $("#warning").hidden = false;
    }
  }

  arranged() {
    this.stepper.arranged();
    this.chart.arranged();
    this.search.mark();
    this.paintChosen();
    if (!this.drawing.elementOf(this.focused)) this.focusable(this.drawing.reading[0]);
    else this.focusable(this.focused);
    this.unlight();
  }

  stepped() {
    if (this.stepper.mode) this.chosen = null;
    this.paintChosen();
    this.show();
    this.chart.draw();
    clearTimeout(this.mapping);
    this.mapping = setTimeout(() => this.viewport.drawMap(), 120);
  }

  show() {
    if (this.chosen) this.panel.details(this.chosen, this.stepper);
    else if (this.stepper.mode) this.panel.step(this.stepper);
    else this.panel.intro();
  }

  paintChosen() {
    const shown = this.chosen && (this.drawing.view.byTensor.get(this.chosen) || this.chosen);
    for (const [id, element] of this.drawing.elements) {
      element.classList.toggle("chosen", id === shown);
    }
  }

  select(id) {
    this.chosen = id;
    this.paintChosen();
    this.show();
    if (id) announce(`${this.model.title(id)}: details beside the picture`);
  }

  // Shows a node wherever it is: opens the groups around it, brings it into sight, selects it.
  goTo(id) {
    const {model, drawing} = this, x = model.doc.tensors[id] || model.doc.operations[id];
    const home = x ? x.group : model.group(id).parent;
    const closed = (model.lines.get(home) || []).filter((g) => !drawing.open.has(g) && !model.group(g).sealed);
    if (closed.length) this.refold(() => closed.forEach((g) => drawing.open.add(g)), closed[0], id);
    const shown = drawing.elementOf(id) ? id : drawing.view.byTensor.get(id) || id;
    this.select(id);
    this.focusable(shown);
    this.viewport.reveal(drawing.rect(shown));
  }

  refold(change, origin, anchor = origin) {
    const {drawing, viewport} = this;
    const before = drawing.rect(anchor) || drawing.rect(origin);
    viewport.anchored(before, () => {
      change();
      drawing.arrange(origin);
      this.arranged();
    }, () => drawing.rect(anchor));
    this.show();
  }

  open(id) {
    const group = this.model.group(id);
    if (group.sealed) return announce("What is in it is not in this file");
    if (this.chosen === id) this.chosen = null;
    this.refold(() => this.drawing.open.add(id), id);
    const inside = this.drawing.boxElements.has(id) ? id : this.drawing.reading[0];
    this.focusable(inside, true);
    return announce(`${this.model.title(id)} is open, ${this.drawing.view.nodes.size} nodes in sight`);
  }

  close(id) {
    this.refold(() => this.drawing.open.delete(id), id);
    this.focusable(id, true);
    announce(`${this.model.title(id)} is closed`);
  }

  all(open) {
    const {model, drawing} = this, first = drawing.reading[0];
    this.refold(() => {
      for (const id of Object.keys(model.doc.groups)) {
        if (id === model.root) continue;
        if (open) drawing.open.add(id);
        else drawing.open.delete(id);
      }
    }, first);
    this.viewport.fit();
    announce(open ? "All groups are open" : "All groups are closed");
  }

  // One node at a time is reached by Tab; the arrow keys lead to the others.
  focusable(id, now = false) {
    const {drawing} = this;
    for (const other of [this.focused, id]) {
      drawing.elementOf(other)?.setAttribute("tabindex", other === id ? "0" : "-1");
    }
    this.focused = id;
    const element = drawing.present(id);
    if (now) element?.focus({preventScroll: true});
  }

  walk(count) {
    const {reading} = this.drawing, at = reading.indexOf(this.focused);
    const next = reading[Math.min(Math.max(at + count, 0), reading.length - 1)];
    this.focusable(next, true);
    this.viewport.reveal(this.drawing.rect(next));
  }

  activate(id) {
    const {model, drawing} = this, node = drawing.view.nodes.get(id);
    if (!node) return this.close(id);
    if (node.kind === "group" && !model.group(id).sealed) return this.open(id);
    return this.select(node.tensor || id);
  }

  listen() {
    const {svg} = this.drawing, stage = $("#stage");
    stage.addEventListener("click", (event) => {
      if (this.viewport.dragged) return (this.viewport.dragged = false);
      const node = event.target.closest(".node, .box"), toggle = event.target.closest(".toggle, .box-title");
      if (!node) return event.target.closest("#map, button") ? null : this.select(null);
      const {id} = node.dataset;
      this.focusable(id, true);
      if (toggle) return this.activate(id);
      if (node.classList.contains("box")) return this.select(id);
      return this.select(this.drawing.view.nodes.get(id).tensor || id);
    });
    stage.addEventListener("dblclick", (event) => {
      const node = event.target.closest(".node.group, .box");
      if (node && !event.target.closest(".toggle, .box-title")) this.activate(node.dataset.id);
      else if (!node) this.viewport.zoom(1.5, event.offsetX, event.offsetY);
    });
    stage.addEventListener("pointerover", (event) => this.point(event));
    stage.addEventListener("pointerleave", () => this.unlight());
    stage.addEventListener("focusin", (event) => {
      const node = event.target.closest(".node, .box");
      if (!node) return;
      this.focusable(node.dataset.id);
      if (node.matches(":focus-visible")) this.light(node.dataset.id);
    });
    stage.addEventListener("focusout", () => this.unlight());
    addEventListener("keydown", (event) => this.key(event));
    $("#theme").addEventListener("click", () => this.theme());
    $("#fit").addEventListener("click", () => this.viewport.fit());
    $("#in").addEventListener("click", () => this.viewport.zoom(1.3));
    $("#out").addEventListener("click", () => this.viewport.zoom(1 / 1.3));
    $("#open-all").addEventListener("click", () => this.all(true));
    $("#close-all").addEventListener("click", () => this.all(false));
    $("#keys").addEventListener("click", () => $("#help").showModal());
    $("#help-close").addEventListener("click", () => $("#help").close());
    $("#help-legend").append($("#legend").content.cloneNode(true));
    $("#fold").hidden = Object.keys(this.model.doc.groups).length < 2;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
    svg.addEventListener("dragstart", (event) => event.preventDefault());
  }

  point(event) {
    if ($("#stage").classList.contains("panning")) return;
    const node = event.target.closest(".node"), edge = event.target.closest(".edge");
    if (node) this.light(node.dataset.id);
    else if (edge) this.lightEdge(edge);
    else this.unlight();
    const words = edge ? this.drawing.hint(event.target) : "", hint = $("#hint");
    hint.hidden = !words;
    hint.textContent = words;
    if (words) {
      const {left, top, width} = $("#stage").getBoundingClientRect();
      hint.style.left = `${Math.min(event.clientX - left + 14, width - 260)}px`;
      hint.style.top = `${event.clientY - top + 14}px`;
    }
  }

  // What flows into a node and out of it, and all that is before and after it.
  light(id) {
    const {drawing} = this;
    if (this.lit === id) return;
    this.unlight();
    if (!drawing.view.nodes.has(id)) return;
    this.lit = id;
    for (const edge of [...(drawing.inward.get(id) || []), ...(drawing.outward.get(id) || [])]) {
      drawing.wires.get(edge.key).classList.add("lit");
    }
    if (drawing.view.nodes.size > MANY) return;
    const near = new Set([id]);
    for (const [map, end] of [[drawing.inward, "tail"], [drawing.outward, "head"]]) {
      const stack = [id];
      while (stack.length) {
        for (const edge of map.get(stack.pop()) || []) {
          if (near.has(edge[end])) continue;
          near.add(edge[end]);
          stack.push(edge[end]);
        }
      }
    }
    const {tensor, kind} = drawing.view.nodes.get(id);
    for (const [other, node] of drawing.view.nodes) { // its tags, or the record of a tag
      if (tensor && node.tensor === tensor && (kind === "tag" || node.kind === "tag")) near.add(other);
    }
    for (const other of near) drawing.elements.get(other).classList.add("lit");
    for (const edge of drawing.view.edges) {
      if (near.has(edge.tail) && near.has(edge.head)) drawing.wires.get(edge.key).classList.add("near");
    }
    drawing.svg.classList.add("lighting");
  }

  lightEdge(element) {
    this.unlight();
    element.classList.add("lit");
    this.lit = element.dataset.key;
  }

  unlight() {
    if (!this.lit) return;
    this.lit = null;
    $("#hint").hidden = true;
    const {svg} = this.drawing;
    svg.classList.remove("lighting");
    for (const element of svg.querySelectorAll(".lit, .near")) element.classList.remove("lit", "near");
  }

  theme() {
    const root = document.documentElement, dark = getComputedStyle(root).colorScheme === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    announce(dark ? "light theme" : "dark theme");
    this.repaint();
  }

  repaint() {
    this.chart.draw();
    this.viewport.drawMap();
  }

  key(event) {
    const {target, key} = event;
    if (event.ctrlKey || event.metaKey || event.altKey || $("#help").open) return;
    const writes = target.closest("input[type=search], select");
    if (writes) return;
    const inPicture = target.closest("#world .node, #world .box");
    if (inPicture && (key === "ArrowUp" || key === "ArrowDown") && !event.shiftKey) {
      event.preventDefault();
      return this.walk(key === "ArrowDown" ? 1 : -1);
    }
    if (inPicture && key === "Enter") {
      event.preventDefault();
      return this.activate(inPicture.dataset.id);
    }
    if (target.closest("input[type=range]") && /^(Arrow|Home|End|Page)/.test(key)) return;
    if (key === " " && target.closest("button")) return;
    const action = this.actions()[event.shiftKey && key.startsWith("Arrow") ? `Shift+${key}` : key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  actions() {
    const {viewport, stepper} = this;
    return {
      ArrowRight: () => stepper.by(1), ArrowLeft: () => stepper.by(-1), " ": () => stepper.toggle(),
      Home: () => stepper.seek(0), End: () => stepper.seek(stepper.pass.length),
      b: () => this.model.doc.backward && stepper.choose(true), f: () => stepper.choose(false),
      Escape: () => (this.chosen ? this.select(null) : stepper.leave()),
      s: () => this.focused && stepper.visit(this.focused), c: () => this.closeAround(),
      "+": () => viewport.zoom(1.3), "=": () => viewport.zoom(1.3), "-": () => viewport.zoom(1 / 1.3),
      0: () => viewport.fit(), 1: () => viewport.zoom(1 / viewport.k), "/": () => $("#search").select(),
      "?": () => $("#help").showModal(), t: () => this.theme(), o: () => this.all(true), p: () => this.all(false),
      n: () => this.focusable(this.focused, true),
      m: () => {
        viewport.noMap = !viewport.noMap;
        viewport.frameMap();
      },
      "Shift+ArrowLeft": () => viewport.pan(80, 0), "Shift+ArrowRight": () => viewport.pan(-80, 0),
      "Shift+ArrowUp": () => viewport.pan(0, 80), "Shift+ArrowDown": () => viewport.pan(0, -80),
    };
  }

  closeAround() {
    const node = this.drawing.view.nodes.get(this.focused);
    const box = node ? node.box : this.focused;
    if (box && this.drawing.open.has(box)) this.close(box);
  }
}

globalThis.page = Object.assign(new Page(), {number});
