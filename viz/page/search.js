// Search by name, operation or shape; what is found is shown, opened and gone to.

import {grouped} from "./model.js";
import {$, h, set} from "./dom.js";
import {plural, shapeOf} from "./text.js";

const MOST = 40;

export class Search {
  constructor(model, drawing, found) {
    Object.assign(this, {model, drawing, found, hits: [], chosen: -1, input: $("#search"),
      list: $("#results")});
    this.index = this.entries().map((entry) => ({...entry,
      keys: [entry.name, entry.what, ...entry.keys].map((key) => String(key).toLowerCase())}));
    set(this.input, {
      oninput: () => this.look(),
      onfocus: () => this.input.value && this.look(),
      onkeydown: (event) => this.key(event),
      onblur: () => setTimeout(() => this.shut(), 150),
    });
    set(this.list, {onpointerdown: (event) => {
      const item = event.target.closest("[role=option]");
      if (!item) return;
      event.preventDefault();
      this.choose(Number(item.dataset.k));
    }});
  }

  entries() {
    const {model, model: {doc}} = this, spellings = (shape, ...signs) => signs.map((sign) => shape.join(sign));
    const groups = Object.entries(doc.groups).filter(([id]) => id !== model.root).map(([id, x]) =>
      ({id, name: model.title(id), what: x.kind, more: plural(x.operations, "operation"), keys: []}));
    const tensors = Object.entries(doc.tensors).map(([id, x]) => ({id, name: model.title(id),
      what: x.kind, more: shapeOf(x.shape), keys: [...spellings(x.shape, "×", "x", ","), id]}));
    const operations = Object.entries(doc.operations).map(([id, x]) => ({id, name: x.name,
      what: "operation", more: x.step ? `step ${x.step}` : id,
      keys: [...spellings(doc.tensors[x.output]?.shape ?? [], "×", "x"), id]}));
    return [...groups, ...tensors, ...operations];
  }

  look() {
    const query = this.input.value.trim().toLowerCase().replace(/^[([]|[)\]]$/g, "")
      .replace(/\s*,\s*/g, ",").replace(/\s*\*\s*/g, "×");
    this.hits = query ? this.ranked(query) : [];
    this.chosen = this.hits.length ? 0 : -1;
    this.mark();
    this.fill(query);
  }

  // Exact names first, then what starts so, then what holds it.
  ranked(query) {
    const grade = ({keys}) => {
      if (keys[0] === query) return 0;
      if (keys.includes(query)) return 1;
      if (keys[0].startsWith(query)) return 2;
      return keys.some((key) => key.includes(query)) ? 3 : 4;
    };
    const grades = grouped(this.index, grade);
    return [0, 1, 2, 3].flatMap((k) => grades.get(k) ?? []);
  }

  mark() {
    const {drawing} = this, shown = new Set(this.hits.map(({id}) => drawing.record(id)?.id));
    for (const [id, element] of drawing.elements) element.classList.toggle("hit", shown.has(id));
  }

  fill(query) {
    const note = (text) => h("li", {class: "muted", role: "presentation"}, text);
    const items = this.hits.slice(0, MOST).map(({name, what, more}, k) => h("li",
      {role: "option", id: `hit-${k}`, "data-k": k}, h("span", {class: `dot ${what}`}),
      h("b", {}, name), h("span", {class: "muted"}, `${what} · ${more}`)));
    if (this.hits.length > MOST) items.push(note(`and ${this.hits.length - MOST} more`));
    if (query && !items.length) items.push(note("nothing found"));
    this.list.replaceChildren(...items);
    this.show(items.length > 0);
  }

  // Shows the list, with the chosen item marked, or hides it.
  show(on) {
    const {input, list, chosen} = this;
    list.hidden = !on;
    input.setAttribute("aria-expanded", on);
    if (on && chosen >= 0) input.setAttribute("aria-activedescendant", `hit-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
    list.querySelectorAll("[role=option]").forEach((item, k) => {
      item.setAttribute("aria-selected", k === chosen);
      if (on && k === chosen) item.scrollIntoView({block: "nearest"});
    });
  }

  key(event) {
    const count = Math.min(this.hits.length, MOST), step = {ArrowDown: 1, ArrowUp: count - 1}[event.key];
    event.stopPropagation();
    if (step !== undefined) {
      event.preventDefault();
      if (count) this.chosen = (this.chosen + step) % count;
      this.show(!this.list.hidden);
    } else if (event.key === "Enter" && this.chosen >= 0) {
      this.choose(this.chosen);
    } else if (event.key === "Escape") {
      this.input.value = "";
      this.look();
      $("#viewport").focus();
    }
  }

  choose(k) {
    this.shut();
    this.found(this.hits[k].id);
  }

  shut() {
    this.show(false);
    if (!this.input.value) this.mark();
  }
}
