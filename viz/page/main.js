// Puts the page together: what the pointer and the keys do.

import {Chart} from "./chart.js";
import {$, announce, set} from "./dom.js";
import {Drawing} from "./drawing.js";
import {Film} from "./film.js";
import {Live} from "./live/engine.js";
import {LivePanel, missing} from "./live/panel.js";
import {clamp, Model} from "./model.js";
import {Panel} from "./panel.js";
import {Search} from "./search.js";
import {Stepper} from "./stepper.js";
import {number, setWidths} from "./text.js";
import {Viewport} from "./viewport.js";

const ZOOM = 1.3, PAN = 80;

class Page {
  constructor() {
    const read = (id) => JSON.parse($(id).textContent);
    setWidths(read("#widths"));
    const model = this.model = new Model(read("#document"), read("#annotations"));
    const drawing = this.drawing = new Drawing(model, new Set(model.doc.open));
    this.viewport = drawing.viewport = new Viewport(drawing);
    this.chosen = this.focused = this.pointed = null;
    this.panel = new Panel(model, drawing, {
      select: (id) => this.goTo(id), open: (id) => this.open(id), close: (id) => this.close(id),
      back: () => this.select(null),
    });
    this.stepper = new Stepper(model, drawing,
      {stepped: () => this.stepped(), passChanged: () => this.chart.arranged()});
    this.chart = new Chart(model, this.stepper);
    this.search = new Search(model, drawing, (id) => {
      this.goTo(id);
      this.focus(this.focused);
    });
    this.film = new Film(model, () => this.filmed());
    this.actions = this.actionsByKey();
    this.heading();
    drawing.arrange();
    this.arranged();
    this.viewport.begin();
    this.viewport.drawMap();
    this.listen();
    this.enliven();
  }

  // Where the computation can run in the page, numbers can be changed, and all follows.
  enliven() {
    const {doc} = this.model, {live} = doc;
    if (!live) return;
    if (live.missing) return void $("#panel-sheet").prepend(missing(live));
    this.live = new LivePanel({
      doc: {...doc}, live: new Live(live), announce, light: (ids) => this.light(ids),
      redraw: (other) => {
        Object.assign(doc, other);
        this.filmed(this.viewport.sight());
      },
    });
    $("#panel-sheet").prepend(this.live.element);
    this.panel.live = this.live.live;
  }

  // Lets records and wires stand out.
  light(ids) {
    const {drawing} = this, lit = new Set(ids);
    for (const id of ids) lit.add(drawing.record(id)?.id);
    for (const table of [drawing.elements, drawing.wires]) {
      for (const [id, element] of table) element.classList?.toggle("lit", lit.has(id));
    }
  }

  heading() {
    const {doc} = this.model, who = doc.changed.join(", ") || "a leaf or constant";
    for (const id of ["title", "summary"]) $(`#${id}`).textContent = doc[id];
    $("#warning").textContent = `⚠ ${who} changed since the forward pass: replayed with new values`;
    $("#warning").hidden = !doc.stale;
    $("#fold").hidden = Object.keys(doc.groups).length < 2;
    $("#help-legend").append($("#legend").content.cloneNode(true));
  }

  arranged() {
    const {drawing, focused} = this;
    this.stepper.arranged();
    this.chart.arranged();
    this.search.mark();
    this.focusable(drawing.element(focused) ? focused : drawing.reading[0]);
    this.unpoint();
  }

  // Other numbers stand in the document: those of another moment of the training.
  filmed(sight) {
    $("#title").textContent = this.model.doc.title;
    this.drawing.renew(sight);
    this.chart.arranged();
    this.panelling ??= setTimeout(() => { // the picture goes first
      this.panelling = null;
      this.show();
    }, 150);
  }

  stepped() {
    if (this.stepper.mode) this.chosen = null;
    this.show();
    this.chart.draw();
    clearTimeout(this.mapping);
    this.mapping = setTimeout(() => this.viewport.drawMap(), 120);
  }

  show() {
    const shown = this.chosen && this.drawing.record(this.chosen)?.id;
    for (const [id, element] of this.drawing.elements) element.classList.toggle("chosen", id === shown);
    if (this.chosen) this.panel.details(this.chosen, this.stepper);
    else if (this.stepper.mode) this.panel.step(this.stepper);
    else this.panel.intro();
  }

  select(id) {
    this.chosen = id;
    this.show();
    this.live?.choose(id);
    $("#panel-sheet").scrollTop = 0;
    if (id) announce(`${this.model.title(id)}: details beside the picture`);
  }

  // Shows a node wherever it is: opens the groups around it, brings it into sight, selects it.
  goTo(id) {
    const {model, drawing} = this;
    const group = (model.tensor(id) || model.operation(id))?.group ?? model.group(id).parent;
    const closed = (model.ancestry.get(group) || []).filter((g) => !drawing.open.has(g) && !model.group(g).sealed);
    if (closed.length) this.refold(() => closed.forEach((g) => drawing.open.add(g)), closed[0], id);
    this.select(id);
    this.focusable(drawing.record(id)?.id ?? id);
    this.viewport.reveal(drawing.rect(id));
  }

  refold(change, origin, anchor = origin) {
    const {drawing, viewport} = this;
    viewport.anchored(drawing.rect(anchor) || drawing.rect(origin), () => {
      change();
      drawing.arrange(origin);
      this.arranged();
    }, () => drawing.rect(anchor));
  }

  open(id) {
    const {model, drawing} = this;
    if (model.group(id).sealed) return announce("What is in it is not in this file");
    if (this.chosen === id) this.chosen = null;
    this.refold(() => drawing.open.add(id), id);
    this.focus(drawing.frames.has(id) ? id : drawing.reading[0]);
    return announce(`${model.title(id)} is open, ${drawing.rects.size} records in sight`);
  }

  close(id) {
    this.refold(() => this.drawing.open.delete(id), this.focused, id);
    this.focus(id);
    announce(`${this.model.title(id)} is closed`);
  }

  all(open) {
    const {model, drawing} = this, ids = Object.keys(model.doc.groups).filter((id) => id !== model.root);
    this.refold(() => ids.forEach((id) => drawing.open[open ? "add" : "delete"](id)), drawing.reading[0]);
    this.viewport.fit();
    announce(open ? "All groups are open" : "All groups are closed");
  }

  // One node at a time is reached by Tab; the arrow keys lead to the others.
  focusable(id) {
    const {drawing} = this, element = drawing.element(id);
    drawing.element(this.focused)?.setAttribute("tabindex", "-1");
    element?.setAttribute("tabindex", "0");
    this.focused = id;
  }

  focus(id) {
    this.focusable(id);
    this.drawing.element(id)?.focus({preventScroll: true});
  }

  walk(count) {
    const {reading} = this.drawing, at = reading.indexOf(this.focused);
    const next = reading[clamp(at + count, 0, reading.length - 1)];
    this.focus(next);
    this.viewport.reveal(this.drawing.rect(next));
  }

  activate(id) {
    const {model, drawing} = this, record = drawing.record(id);
    if (!record) return this.close(id);
    if (record.kind === "group" && !model.group(id).sealed) return this.open(id);
    return this.select(this.subject(record));
  }

  // What the panel tells of a record.
  subject = ({id, kind, node}) => (["tag", "more"].includes(kind) ? node.tensor : id);

  listen() {
    const within = (event, selector) => event.target.closest(selector);
    set($("#viewport"), {
      onclick: (event) => {
        if (this.viewport.dragged) return (this.viewport.dragged = false);
        const node = within(event, ".node, .box");
        if (!node) return within(event, "#map, button") ? null : this.select(null);
        const {id} = node.dataset, {closes} = within(event, ".toggle")?.dataset ?? {};
        if (closes) return this.close(closes);
        this.focus(id);
        if (within(event, ".toggle, .box-title")) return this.activate(id);
        const record = this.drawing.record(id);
        return this.select(record ? this.subject(record) : id);
      },
      ondblclick: (event) => {
        const node = within(event, ".node.group, .box");
        if (!node) this.viewport.zoom(1.5, event.offsetX, event.offsetY);
        else if (!within(event, ".toggle, .box-title")) this.activate(node.dataset.id);
      },
      onpointerover: (event) => this.hover(event),
      onpointerleave: () => this.unpoint(),
      onfocusin: (event) => {
        const node = within(event, ".node, .box");
        if (node) this.focusable(node.dataset.id);
        if (node?.matches(":focus-visible")) this.point(node.dataset.id);
      },
      onfocusout: () => this.unpoint(),
      ondragstart: (event) => event.preventDefault(),
    });
    set(globalThis, {
      onkeydown: (event) => this.key(event),
      onclick: (event) => this.actions[within(event, "[data-key]")?.dataset.key]?.(),
    });
  }

  hover(event) {
    const element = $("#viewport"), tooltip = $("#tooltip");
    if (element.classList.contains("panning")) return;
    const node = event.target.closest(".node"), edge = event.target.closest(".edge");
    if (node) this.point(node.dataset.id);
    else this.unpoint();
    if (edge) {
      edge.classList.add("highlighted");
      this.pointed = edge.dataset.key;
      const {left, top, width} = element.getBoundingClientRect();
      tooltip.style.left = `${Math.min(event.clientX - left + 14, width - 260)}px`;
      tooltip.style.top = `${event.clientY - top + 14}px`;
      tooltip.textContent = this.drawing.tooltip(edge.dataset.key);
    }
    tooltip.hidden = !edge;
  }

  // Points out what flows into a record and out of it, and all that is before and after it.
  point(id) {
    const {drawing} = this, {inward, outward} = drawing, pointed = drawing.record(id);
    if (this.pointed === id) return;
    this.unpoint();
    if (!pointed) return;
    this.pointed = id;
    for (const {edge} of [...(inward.get(pointed) ?? []), ...(outward.get(pointed) ?? [])]) {
      drawing.wires.get(edge.id)?.classList.add("highlighted");
    }
    if (drawing.many) return;
    const reach = (edges, end) => {
      const reached = new Set([pointed]); // grows while it is gone through
      for (const other of reached) for (const edge of edges.get(other) ?? []) reached.add(edge[end]);
      return reached;
    };
    const near = new Set([...reach(inward, "tail"), ...reach(outward, "head")]);
    for (const record of near) drawing.made(record).classList.add("highlighted");
    for (const {edge, tail, head} of drawing.wired) {
      if (near.has(tail) && near.has(head)) drawing.wires.get(edge.id).classList.add("near");
    }
    drawing.svg.classList.add("dimmed");
  }

  unpoint() {
    if (!this.pointed) return;
    this.pointed = null;
    $("#tooltip").hidden = true;
    const {svg} = this.drawing;
    svg.classList.remove("dimmed");
    svg.querySelectorAll(".highlighted, .near").forEach((x) => x.classList.remove("highlighted", "near"));
  }

  theme() {
    const root = document.documentElement, dark = getComputedStyle(root).colorScheme === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    announce(dark ? "light theme" : "dark theme");
  }

  key(event) {
    const {target, key, shiftKey} = event, isArrow = key.startsWith("Arrow");
    if (event.ctrlKey || event.metaKey || event.altKey || $("#help").open) return;
    if (target.closest("input[type=search], select")) return;
    const node = target.closest("#world .node, #world .box");
    let action = this.actions[shiftKey && isArrow ? `Shift+${key}` : key];
    if (node && key === "Enter") action = () => this.activate(node.dataset.id);
    else if (node && key === "ArrowUp" && !shiftKey) action = () => this.walk(-1);
    else if (node && key === "ArrowDown" && !shiftKey) action = () => this.walk(1);
    else if (target.closest("input[type=range]") && (isArrow || /^(Home|End|Page)/.test(key))) return;
    else if (key === " " && target.closest("button")) return;
    if (!action) return;
    event.preventDefault();
    action();
  }

  // What keys do, and the buttons that name one.
  actionsByKey() {
    const {viewport, stepper} = this;
    return {
      ArrowRight: () => stepper.by(1), ArrowLeft: () => stepper.by(-1), " ": () => stepper.toggle(),
      Home: () => stepper.seek(0), End: () => stepper.seek(stepper.pass.length),
      b: () => this.model.doc.backward && stepper.choose(true), f: () => stepper.choose(false),
      Escape: () => (this.chosen ? this.select(null) : stepper.leave()), whole: () => stepper.leave(),
      close: () => $("#help").close(),
      s: () => this.focused && stepper.visit(this.focused), c: () => this.closeAround(),
      "+": () => viewport.zoom(ZOOM), "=": () => viewport.zoom(ZOOM), "-": () => viewport.zoom(1 / ZOOM),
      0: () => viewport.fit(), 1: () => viewport.zoom(1 / viewport.k), "/": () => $("#search").select(),
      "?": () => $("#help").showModal(), t: () => this.theme(), o: () => this.all(true), p: () => this.all(false),
      n: () => this.focus(this.focused), m: () => $("#map").classList.toggle("off"),
      "Shift+ArrowLeft": () => viewport.pan(PAN, 0), "Shift+ArrowRight": () => viewport.pan(-PAN, 0),
      "Shift+ArrowUp": () => viewport.pan(0, PAN), "Shift+ArrowDown": () => viewport.pan(0, -PAN),
    };
  }

  closeAround() {
    const box = this.drawing.record(this.focused)?.box ?? this.focused;
    if (this.drawing.open.has(box)) this.close(box);
  }
}

globalThis.page = Object.assign(new Page(), {number});
