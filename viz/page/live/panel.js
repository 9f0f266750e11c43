// The live part of the panel: what is chosen can be changed, nudged, cut; why its gradient is small.
//
// `new LivePanel({doc, live, redraw})`: `doc` is the document, `live` a `Live` of its program,
// `redraw(doc)` draws a document with new numbers, `light(keys)` lets edges and records stand out,
// `announce(words)` tells a screen reader. `choose(id)` says what is chosen, `element` is shown.

import {h} from "../dom.js";
import {button, choice, editor, field, note, part, row, shown} from "./controls.js";
import {Descend} from "./descend.js";
import {apply, changes, remember, remembered} from "./fragment.js";
import {number} from "../text.js";
import {Practice} from "./practice.js";
import {written} from "./summary.js";
import {nudge, strongest} from "./training.js";

// What is shown where a computation cannot run in a page: which operation it was, or why.
export function missing({missing: names, why}) {
  const words = names.length ? `${names.join(", ")}: ${why}` : why;
  return h("div", {class: "live"}, note(`Numbers cannot be changed here. ${words}.`));
}

const NOTHING = {redraw() {}, light() {}, announce() {}};

export class LivePanel {
  constructor(given) {
    Object.assign(this, NOTHING, given);
    this.chosen = null;
    this.body = h("div", {});
    this.warning = h("p", {class: "live-warning", role: "status", hidden: ""});
    this.descend = new Descend(this);
    this.practice = new Practice(this);
    const state = remembered();
    this.element = h("details", {class: "live", open: Object.keys(state).length ? "" : null},
      h("summary", {}, "Change it and see"),
      row(button("undo", () => this.undo()), button("reset", () => this.reset())),
      this.warning, this.body, this.descend.element, this.practice.element);
    apply(this.live, state);
    this.practice.restore(state.practice);
    if (Object.keys(state).length) this.draw();
    this.choose(null);
  }

  // The words above the picture, with the present values of what was drawn.
  title() {
    const {title, outputs} = this.doc, words = title.split(", ");
    if (words.length !== outputs.length) return title;
    return words.map((word, k) => {
      const at = word.lastIndexOf(" = "), {shape, data} = this.live.value(outputs[k]);
      return at < 0 || shape.length ? word : `${word.slice(0, at)} = ${number(data[0])}`;
    }).join(", ");
  }

  name = (id) => this.doc.tensors[id]?.name ?? this.doc.operations[id]?.name ?? `#${id.slice(2)}`;

  // --- Following -----------------------------------------------------------------------------------
  // Something was changed: everything follows in the next frame, once.
  changed() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const {live} = this;
    live.run();
    this.present = {...written(live, this.doc), title: this.title()};
    this.redraw(this.practice.veiled(this.present));
    this.update();
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.save(), 300);
  }

  save() {
    const practice = this.practice.state();
    remember({...changes(this.live), ...(practice && {practice})});
  }

  update() {
    const {broken} = this.live;
    this.warning.hidden = !broken.length;
    this.warning.textContent = `The rule of ${broken.map(this.name).join(", ")} would go another way `
      + "for these numbers: gradients from there are not right";
    this.updates?.forEach((update) => update());
    this.body.hidden = this.practice.on; // it would tell the answers
    this.descend.update();
  }

  undo() {
    this.announce(this.live.undo() ? "undone" : "nothing to undo");
    this.changed();
    this.choose(this.chosen);
  }

  reset() {
    this.live.reset();
    this.changed();
    this.choose(this.chosen);
  }

  // --- What is chosen ------------------------------------------------------------------------------
  choose(id) {
    this.chosen = id;
    this.updates = [];
    this.light([]);
    const {live, doc} = this, tensor = doc.tensors[id] ? id : doc.operations[id]?.output;
    const parts = !live.tensors[tensor] ? [note("Choose a record to change its numbers.")] : [
      (live.leaves.has(tensor) || live.options.held.has(tensor)) && this.editing(tensor),
      live.leaves.has(tensor) && live.tensors[tensor].gradient && this.nudging(tensor),
      this.cutting(tensor), live.tensors[tensor].gradient && this.why(tensor)];
    this.body.replaceChildren(...parts.filter(Boolean));
    this.practice.light();
    this.update();
  }

  editing(id) {
    const {element, update} = editor(this.live, id, this.name(id), () => this.changed());
    this.updates.push(update);
    return part(`${this.name(id)} =`, element);
  }

  nudging(id) {
    const {live} = this, {data, size} = live.tensors[id].value;
    let [at, step] = [0, 0.01];
    const said = h("div", {class: "live-nudge"});
    const update = () => {
      const found = nudge(live, id, at, step);
      const most = Math.max(Math.abs(found.predicted), Math.abs(found.change), 1e-300);
      const bar = (words, x) => row(h("span", {class: "small"}, words),
        h("span", {class: "live-bar"}, h("i", {style: `width:${(100 * Math.abs(x)) / most}%`})),
        h("output", {}, shown(x)));
      said.replaceChildren(bar("∂ · ε predicts", found.predicted), bar("the loss changes by", found.change),
        note(`element ${at}: ${shown(data[at])} ${step < 0 ? "−" : "+"} ${shown(Math.abs(step))}`,
          `, ∂ = ${shown(found.slope)}`));
    };
    const index = field("which element", () => at, (x) => {
      at = Math.min(Math.max(Math.trunc(x), 0), size - 1);
      update();
    });
    const epsilon = field("ε", () => step, (x) => {
      step = x;
      update();
    });
    const move = (by) => () => {
      live.set(id, at, data[at] + by * step);
      this.changed();
    };
    this.updates.push(update);
    return part("Nudge", row(size > 1 && note("element"), size > 1 && index, note("ε ="), epsilon,
      button("+ε", move(1)), button("−ε", move(-1))), said);
  }

  // An option of the engine as a button that is pressed or not.
  option(words, chosen, key, turn) {
    const press = () => {
      turn();
      this.changed();
      this.choose(this.chosen);
    };
    return button(words, press, {"aria-pressed": String(chosen.has(key))});
  }

  cutting(id) {
    const {live, doc} = this, {options} = live, made = live.madeBy[id], edges = live.arrivals(id);
    const flows = edges.map((key) => this.option(`block what ${this.name(live.edges[key].of)} adds`,
      options.blocked, key, () => live.block(key)));
    const swaps = made ? live.choices(made.id) : [];
    const now = made && (options.swapped.get(made.id) ?? doc.operations[made.id]?.name);
    const swap = !swaps.length ? null : choice("activation", swaps.map((x) => [x, x]), (name) => {
      live.swap(made.id, name);
      this.changed();
    });
    if (swap) swap.value = now;
    const freeze = live.tensors[id].gradient && this.option("freeze: no gradient goes here",
      options.frozen, id, () => live.freeze(id));
    const hold = made && this.option("hold its value", options.held, id, () => live.hold(id));
    return part("Cut", row(freeze, hold ?? null, swap), row(flows));
  }

  why(id) {
    const list = h("div", {});
    const show = () => {
      const {live} = this, {path, start, norm} = strongest(live, id);
      this.light(path.flatMap(({edge, operation, tensor}) => [edge, operation, tensor]));
      const gains = path.flatMap(({gain, sum, uses}) => [uses > 1 ? sum : null, gain]).filter((x) => x !== null);
      let so = start;
      const lines = path.toReversed().map(({operation, tensor, gain, sum, uses}) => {
        so *= gain * sum;
        const more = uses > 1 ? `, ×${shown(sum, 3)} by the sum of ${uses}` : "";
        const what = this.doc.operations[operation]?.text || this.name(operation);
        return h("li", {}, `${what} ×${shown(gain, 3)}${more}: ${this.name(tensor)} ${shown(so, 3)}`);
      });
      const product = [start, ...gains.toReversed()].map((x) => shown(x, 3)).join(" × ");
      list.replaceChildren(h("ol", {class: "small"}, lines),
        h("p", {class: "live-product"}, `${product} = ${shown(norm)} = ‖∂${this.name(id)}‖`));
    };
    let isShown = false;
    this.updates.push(() => isShown && show());
    const press = () => {
      isShown = true;
      show();
    };
    return part("Why so small?", row(button("show the strongest path", press)), list);
  }
}
