// Search by name, operation or shape; what is found is shown, opened and gone to.

import {$, h} from "./dom.js";
import {plural, shapeOf} from "./model.js";

const MOST = 40;

export class Search {
  constructor(model, drawing, found) {
    Object.assign(this, {model, drawing, found, hits: [], chosen: -1});
    this.input = $("#search");
    this.list = $("#results");
    this.index = this.entries();
    this.input.addEventListener("input", () => this.look());
    this.input.addEventListener("focus", () => this.input.value && this.look());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => setTimeout(() => this.shut(), 150));
    this.list.addEventListener("pointerdown", (event) => {
      const item = event.target.closest("[role=option]");
      if (!item) return;
      event.preventDefault();
      this.choose(Number(item.dataset.k));
    });
  }

  entries() {
    const {doc} = this.model, out = [];
    for (const [id, x] of Object.entries(doc.groups)) {
      if (id !== this.model.root) {
        out.push({id, name: x.path || x.name || x.kind, what: x.kind, more: plural(x.operations, "operation")});
      }
    }
    for (const [id, x] of Object.entries(doc.tensors)) {
      out.push({id, name: this.model.title(id), what: x.kind, more: shapeOf(x.shape),
        keys: [x.shape.join("×"), x.shape.join("x"), x.shape.join(","), id]});
    }
    for (const [id, x] of Object.entries(doc.operations)) {
      const shape = doc.tensors[x.output]?.shape;
      out.push({id, name: x.name, what: "operation", more: x.step ? `step ${x.step}` : id,
        keys: shape ? [shape.join("×"), shape.join("x"), id] : [id]});
    }
    for (const entry of out) {
      entry.low = [entry.name, entry.what, ...(entry.keys || [])].map((key) => String(key).toLowerCase());
    }
    return out;
  }

  look() {
    const wanted = this.input.value.trim().toLowerCase().replace(/^[([]|[)\]]$/g, "").replace(/\s*[,*]\s*/g, (c) =>
      (c.includes("*") ? "×" : ","));
    this.hits = wanted ? this.rank(wanted) : [];
    this.chosen = this.hits.length ? 0 : -1;
    this.mark();
    this.fill(wanted);
  }

  // Exact names first, then what starts so, then what holds it.
  rank(wanted) {
    const grade = ({low}) => {
      if (low[0] === wanted) return 0;
      if (low.includes(wanted)) return 1;
      if (low[0].startsWith(wanted)) return 2;
      return low.some((key) => key.includes(wanted)) ? 3 : 4;
    };
    return this.index.map((entry, k) => [grade(entry), k, entry]).filter(([g]) => g < 4)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , entry]) => entry);
  }

  mark() {
    const shown = new Set(this.hits.map(({id}) => this.drawing.view.byTensor.get(id) || id));
    this.drawing.svg.classList.toggle("searching", this.hits.length > 0);
    for (const [id, element] of this.drawing.elements) element.classList.toggle("hit", shown.has(id));
  }

  fill(wanted) {
    const items = this.hits.slice(0, MOST).map(({name, what, more}, k) => h("li",
      {role: "option", id: `hit-${k}`, "data-k": k, "aria-selected": String(k === this.chosen)},
      h("span", {class: `dot ${what}`}), h("b", {}, name), h("span", {class: "muted"}, `${what} · ${more}`)));
    if (this.hits.length > MOST) {
      items.push(h("li", {class: "muted", role: "presentation"}, `and ${this.hits.length - MOST} more`));
    }
    if (wanted && !items.length) items.push(h("li", {class: "muted", role: "presentation"}, "nothing found"));
    this.list.replaceChildren(...items);
    this.list.hidden = !items.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.point();
  }

  point() {
    [...this.list.querySelectorAll("[role=option]")].forEach((item, k) => {
      item.setAttribute("aria-selected", String(k === this.chosen));
      if (k === this.chosen) item.scrollIntoView({block: "nearest"});
    });
    if (this.chosen >= 0) this.input.setAttribute("aria-activedescendant", `hit-${this.chosen}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const count = Math.min(this.hits.length, MOST);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (count) this.chosen = (this.chosen + (event.key === "ArrowDown" ? 1 : count - 1)) % count;
      this.point();
    } else if (event.key === "Enter" && this.chosen >= 0) {
      this.choose(this.chosen);
    } else if (event.key === "Escape") {
      this.input.value = "";
      this.look();
      this.shut();
      $("#stage").focus();
    }
    event.stopPropagation();
  }

  choose(k) {
    const {id} = this.hits[k];
    this.shut();
    this.found(id);
    this.mark();
  }

  shut() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    if (!this.input.value) this.mark();
  }
}
