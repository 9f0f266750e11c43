// Practice: gradients are hidden, and the student works out the backward pass step by step.

import {h} from "../dom.js";
import {derivative, filled, math, sign, symbol} from "../formula.js";
import {button, note, part, row, shown} from "./controls.js";

const MOST = 30; // operations
const POINTS = [3, 2, 1]; // at the first, second and later tries; a hint takes one

// What is asked, in the order of the backward pass: of each edge one element of what it adds.
export function questions(doc, live) {
  const ids = Object.keys(doc.operations).filter((id) => doc.operations[id].step !== null);
  return ids.sort((a, b) => doc.operations[a].step - doc.operations[b].step).flatMap((id) => {
    const operation = doc.operations[id];
    return operation.inputs.flatMap((tensor, i) => {
      const key = `e-${id.slice(3)}-${i}`;
      if (!live.edges[key] || operation.rules[i] === null) return [];
      const size = live.contribution(key).data.length;
      return [{key, id, i, tensor, at: size ? (7 * operation.order + 3 * i) % size : 0}];
    });
  });
}

// Whether a number that was typed is right: to the digits that it has, or to one percent.
export function isRight(typed, truth) {
  const x = Number(String(typed).trim().replace("−", "-").replace(",", "."));
  if (String(typed).trim() === "" || Number.isNaN(x)) return false;
  const [, decimals = "", power = "0"] = /^[-+−]?\d*[.,]?(\d*)(?:e([-+]?\d+))?$/i.exec(String(typed).trim()) ?? [];
  const half = 0.5 * 10 ** (Number(power) - decimals.length);
  const near = decimals.length >= 2 ? half * 1.0001 : 0;
  return Math.abs(x - truth) <= Math.max(near, 0.01 * Math.abs(truth), 1e-12);
}

// The rule and others that could be taken for it, in an order that the question decides.
export function choices(doc, {id, i}) {
  const own = doc.operations[id].rules, rule = own[i];
  const others = [...own, ...Object.values(doc.operations).flatMap((x) => x.rules)];
  const texts = new Map([[doc.formulas[rule].text, rule]]);
  for (const n of others) {
    const {text, stated} = doc.formulas[n] ?? {stated: true};
    if (texts.size < 4 && !stated && !texts.has(text)) texts.set(text, n);
  }
  const all = [...texts.values()], turn = doc.operations[id].order % all.length;
  return [...all.slice(turn), ...all.slice(0, turn)];
}

// An element's index, counted through an array, in brackets.
function indexOf(at, shape) {
  const index = [];
  for (let k = shape.length - 1; k >= 0; k--) {
    index.unshift(at % shape[k]);
    at = Math.floor(at / shape[k]);
  }
  return shape.length ? `[${index.join(", ")}]` : "";
}

export class Practice {
  constructor(panel) {
    const {doc, live} = panel;
    Object.assign(this, {panel, on: false, at: 0, score: 0, tries: 0, hints: 0});
    const few = Object.keys(live.program.operations).length <= MOST;
    this.all = few ? questions(doc, live) : [];
    this.body = h("div", {});
    this.element = part("Practice", this.all.length ? this.body
      : note(few ? "Nothing flows back here." : `For graphs of up to ${MOST} operations.`));
    this.show();
  }

  start(on) {
    Object.assign(this, {on, at: 0, score: 0, tries: 0, hints: 0});
    this.panel.choose(on ? null : this.panel.chosen);
    this.show();
    this.panel.changed();
  }

  state() {
    return this.on ? [this.at, this.score] : null;
  }

  restore(state) {
    if (!Array.isArray(state) || !this.all.length) return;
    const [at, score] = state.map(Number);
    Object.assign(this, {on: true, at: Math.min(Math.max(at || 0, 0), this.all.length), score: score || 0});
    this.show();
  }

  // The document without the gradients that are not worked out yet.
  veiled(doc) {
    if (!this.on) return doc;
    const open = this.all.slice(this.at), hidden = new Set(open.map(({key}) => key));
    const waiting = new Set(open.map(({tensor}) => tensor));
    const without = (table) =>
      Object.fromEntries(Object.entries(table).filter(([key]) => !hidden.has(key)));
    const each = (table, change) =>
      Object.fromEntries(Object.entries(table).map(([id, x]) => [id, change(x, id)]));
    const veil = (border) => (border.edges.some((key) => hidden.has(key))
      ? {...border, contribution: null, after: null, share: null, norms: []} : border);
    return {...doc, contributions: without(doc.contributions), running: without(doc.running),
      shares: without(doc.shares),
      tensors: each(doc.tensors, (x, id) => (waiting.has(id) ? {...x, gradient: null,
        contributions: x.contributions.filter((key) => !hidden.has(key))} : x)),
      groups: each(doc.groups, (x) => ({...x, inside: {}, borders: each(x.borders, veil),
        ...(x.strip && {strip: x.strip.map(([text]) => [text, null])}),
        ...(x.stacked && {stacked: [x.stacked[0], null]})}))};
  }

  // --- What is shown -------------------------------------------------------------------------------
  show(...feedback) {
    if (!this.all.length) return;
    const {at, all, score} = this;
    if (!this.on) {
      const words = "Gradients are hidden, and you work out the backward pass:";
      this.body.replaceChildren(note(`${words} ${all.length} questions.`),
        button("practise", () => this.start(true)));
      return;
    }
    const points = `${score} points of ${all.length * POINTS[0]}`;
    const head = row(h("b", {}, `${Math.min(at + 1, all.length)} of ${all.length}`),
      h("output", {}, points), button("end", () => this.start(false)));
    const done = at >= all.length && h("p", {}, `Done: ${points}.`);
    this.body.replaceChildren(head, ...(done ? [done] : this.question(all[at])), ...feedback);
  }

  question(question) {
    const {panel} = this, {live} = panel, doc = this.doc(), {key, id, i, tensor, at} = question;
    this.light();
    const operation = doc.operations[id], x = live.contribution(key), title = panel.name(tensor);
    const input = h("input", {class: "live-number", inputmode: "decimal",
      "aria-label": `what ${operation.name} adds to the gradient of ${title}`,
      onkeydown: (event) => event.key === "Enter" && check()});
    const check = () => this.answer(isRight(input.value, x.data[at]), "number");
    const rule = operation.rules[i];
    const pick = (n) => button(this.rule(n, operation), () => this.answer(n === rule, "rule"));
    const rules = choices(doc, question).map(pick), uses = operation.args[i];
    const asked = `∂${title}${indexOf(at, x.shape)}${uses ? ` through ${uses}` : ""}`;
    return [h("p", {}, `What does ${operation.name} add to ${asked}?`),
      row(input, button("check", check), button("hint", () => this.hint())),
      ...(rules.length > 1 ? [note("or pick its rule:"), h("div", {class: "live-rules", role: "group",
        "aria-label": "or pick the rule"}, rules)] : [])];
  }

  // The record and the edge that are asked about stand out.
  light() {
    const {key, id, tensor} = (this.on && this.all[this.at]) || {};
    if (key) this.panel.light([key, id, tensor]);
  }

  // The document with what was changed, an activation that was exchanged included.
  doc() {
    return this.panel.present ?? this.panel.doc;
  }

  // A rule with the operation's names in it, as a formula or, where it has none, in words.
  rule(n, operation) {
    const entry = this.doc().formulas[n];
    if (!entry.stated) return math([filled(entry, this.meaning(operation))]);
    const {panel} = this, name = (key) => (typeof operation.inputs[key] === "string"
      ? panel.name(operation.inputs[key]) : key === "y" ? panel.name(operation.output) : `x${key}`);
    return h("code", {}, entry.text.replace(/\bq(\d+|y|g)\b/g, (_, key) => (key === "g"
      ? `∂${panel.name(operation.output)}` : name(key))));
  }

  meaning(operation) {
    const {panel} = this, loss = panel.name(panel.doc.outputs[0]);
    return (key) => {
      const id = key === "g" || key === "y" ? operation.output : operation.inputs[key];
      if (id === undefined || typeof id !== "string") return sign(String(id ?? `x${key}`));
      return key === "g" ? derivative(loss, panel.name(id)) : symbol(panel.name(id));
    };
  }

  answer(right, how) {
    const {panel, all, at} = this, {key, at: k} = all[at];
    if (!right) {
      this.tries++;
      const words = how === "rule" ? "Another rule." : "Not yet: try again, or take a hint.";
      this.show(h("p", {role: "status", class: "live-wrong"}, words));
      return;
    }
    const points = Math.max((POINTS[this.tries] ?? POINTS.at(-1)) - this.hints, 0);
    Object.assign(this, {score: this.score + points, at: at + 1, tries: 0, hints: 0});
    const truth = shown(panel.live.contribution(key).data[k]);
    this.show(h("p", {role: "status", class: "live-right"}, `Right, ${points} points: ${truth}.`));
    panel.changed();
  }

  hint() {
    const {all, at} = this, {id, i} = all[at];
    this.hints = 1;
    const operation = this.doc().operations[id], formula = this.rule(operation.rules[i], operation);
    this.show(h("div", {role: "status"}, note("The rule:"), formula));
  }
}
