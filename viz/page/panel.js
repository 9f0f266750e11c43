// The panel beside the picture: the current step with its rule and its numbers, or what is chosen.

import {$, h} from "./dom.js";
import {amount, derivative, filled, math, shaped, sign, symbol} from "./formula.js";
import {heatmap, histogram, statistics, swatch} from "./heatmap.js";
import {labelOf, sizeOf, stats} from "./model.js";
import {explained} from "./products.js";
import {number, oneLine, plural, shapeOf, toFloat} from "./text.js";

const PLACEHOLDER = "q(\\d+|y|g)"; // of an operand, the result or its gradient in a formula

const muted = (...words) => h("p", {class: "muted"}, words);
const small = (...words) => h("p", {class: "muted small"}, words);
const section = (title, parts, kind = null) => h("section", {class: kind}, h("h3", {}, title), parts);
const heading = (title, words, badge = null) => h("header", {class: "card-head"},
  badge === null ? null : h("span", {class: "badge"}, badge), h("h2", {}, oneLine(title)), muted(words));
const equation = (...parts) =>
  h("div", {class: "equation", tabindex: "0", role: "group", "aria-label": "equation"}, math(parts));
const line = (title, content) => h("div", {class: "row-of"}, h("span", {class: "row-label"}, title), content);
const button = (attributes, words) => h("button", {type: "button", ...attributes}, words);
const countOf = (tensor) => tensor.contributions.length + (tensor.seed === null ? 0 : 1);
const topOf = (all, what) => Math.max(...all.filter(Boolean).map((x) => toFloat(stats(x)[what])));

export class Panel {
  constructor(model, drawing, actions) {
    Object.assign(this, {model, drawing, actions, body: $("#panel-body")});
    const {outputs} = model.doc, title = outputs.length === 1 ? model.title(outputs[0]) : "L";
    this.loss = title.startsWith("#") ? "L" : title;
  }

  link = (id) => button({class: "link", onclick: () => this.actions.select(id)}, this.model.title(id));
  symbol = (id) => symbol(this.model.title(id));
  numbers = (x, name) =>
    [x.scalar === undefined ? [heatmap(x, {name}), histogram(x)] : null, statistics(x)];
  gradient = (id) => derivative(this.loss, this.model.title(id));

  put(...parts) {
    this.body.replaceChildren(...parts.flat(Infinity).filter(Boolean));
  }

  // A text of the page, with what is said of either pass, or of one alone.
  text(id, backward) {
    const text = $(id).content.cloneNode(true);
    for (const other of text.querySelectorAll(backward ? ".of-forward" : ".of-backward")) other.remove();
    return text;
  }

  // Nothing is chosen and nothing runs.
  intro() {
    const {summary, backward} = this.model.doc;
    this.put(heading("How to read this", summary), this.text("#intro", backward));
    this.body.querySelector(".legend").append($("#legend").content.cloneNode(true));
  }

  // A step of the pass that runs.
  step({pass, at, backward}) {
    if (at === 0) return this.start(pass, backward);
    const id = pass[at - 1], title = `${backward ? "backward" : "forward"} step ${at} of ${pass.length}`;
    return this.put(heading(this.model.title(id), title, at),
      this.model.group(id) ? this.groupStep(id, backward) : this.operationStep(id, backward), this.source(id));
  }

  // The lines of the program, that of an operation lit; a click leads to what a line computed.
  source(id) {
    const {model} = this, {source, operations} = model.doc, where = model.operation(id)?.where;
    if (!Object.keys(source).length) return null;
    const made = new Map(Object.entries(operations).map(([op, x]) => [x.where?.join(":"), op]));
    return Object.entries(source).map(([file, lines]) => section(file.split(/[\\/]/).at(-1), [
      h("ol", {class: "source"}, Object.entries(lines).map(([number_, code]) => {
        const isLit = where?.[0] === file && where[1] === Number(number_), op = made.get(`${file}:${number_}`);
        return h("li", {value: number_, class: isLit ? "now" : null, "aria-current": isLit ? "true" : null},
          button({class: "code", onclick: () => this.actions.select(op)}, code));
      }))]));
  }

  start(pass, backward) {
    const seeds = Object.entries(this.model.doc.tensors).filter(([, x]) => backward && x.seed !== null);
    this.put(heading(backward ? "Backward pass" : "Forward pass", plural(pass.length, "step"), 0),
      this.text("#start", backward), seeds.map(([id, x]) => section(["Start at ", this.link(id)], [
        this.known(x.seed, this.gradient(id), x.shape),
        this.array(x.seed, `the start at ${this.model.title(id)}`)])));
  }

  // A heat-map unless the numbers of the array stand in the formula already.
  array(index, name, options = {}) {
    const x = this.model.summary(index);
    if (!x || x.scalar !== undefined || sizeOf(x.shape) === 1) return null;
    return heatmap(x, {name, ...options});
  }

  arrayOrScalar(index, name, options) {
    const x = this.model.summary(index);
    if (!x) return muted("—");
    return this.array(index, name, options) || h("p", {class: "big"}, number(stats(x).sum, 6));
  }

  // A symbol and its value, or its shape where a heat-map follows.
  known(index, left, shape) {
    return sizeOf(shape) === 1 ? equation(left, sign("="), amount(this.model.summary(index)))
      : equation(shaped(left, shape));
  }

  // The rule of an operation in names, in shapes and in numbers: what of a tensor it gives by it.
  // `left` makes the symbol of that, `value` is the number of its summary.
  rule(entry, op, {left, equals, shape, value}) {
    const {model} = this, {inputs, output} = op, out = model.tensor(output);
    if (entry.stated) {
      return line("rule", h("pre", {class: "stated", tabindex: "0"}, this.withNames(entry.text, op)));
    }
    const of = (key) => inputs[key] ?? output;
    const names = (key) => (key === "g" ? this.gradient(output) : this.symbol(of(key)));
    const shapes = (key) => shaped(names(key), model.tensor(of(key)).shape);
    const alone = new RegExp(`^${PLACEHOLDER}$`).test(entry.text);
    const values = (key) =>
      amount(model.summary(key === "g" ? out.gradient : model.tensor(of(key)).value), !alone);
    const plain = [...inputs, output].every((id) => !model.tensor(id)?.shape.length);
    return [
      line("rule", equation(left(), sign(equals), filled(entry, names))),
      plain ? null : line("shapes", equation(shaped(left(), shape), sign(equals), filled(entry, shapes))),
      line("numbers", equation(filled(entry, values), sign("="), amount(model.summary(value)))),
      entry.given.length ? small(`where ${entry.given.map((x) => this.withNames(x, op)).join(", ")}`) : null,
    ];
  }

  // Where the numbers of a result come from, if that can be pointed at.
  origin(entry, op, isForward, result) {
    const {model} = this, {inputs, output, options} = op;
    const arrayOf = (key) => {
      const id = inputs[key] ?? output, x = model.tensor(id);
      return x ? this.elements(key === "g" ? x.gradient : x.value, () =>
        this.live?.tensors?.[id]?.[key === "g" ? "gradient" : "value"]) : null;
    };
    const names = (key) => (key === "g" ? `∂${model.title(output)}` : model.title(inputs[key] ?? output));
    return explained(entry.text, {options, isForward, arrayOf, names, result});
  }

  // An array as its elements in a line: those of its summary, or of the live program.
  elements(index, living) {
    const x = this.model.summary(index), {elements, shape, scalar} = x ?? {};
    if (elements !== undefined) return {data: Float64Array.from([elements].flat(Infinity).map(toFloat)), shape};
    const array = x && scalar === undefined ? living() : null;
    return array ? {data: array.dense(), shape} : null;
  }

  withNames(text, {inputs, output}) {
    const {model} = this;
    return text.replace(new RegExp(`${PLACEHOLDER}\\b`, "g"), (_, key) =>
      (key === "g" ? `∂${this.loss}/∂${model.title(output)}` : model.title(inputs[key] ?? output)));
  }

  operationStep(id, backward) {
    const op = this.model.operation(id), out = this.model.tensor(op.output), title = this.model.title(op.output);
    const settings = Object.entries(op.options).map(([key, x]) => `${key} = ${x}`);
    const options = settings.length ? small(settings.join(", ")) : null;
    if (!backward) return this.forwardStep(op, out, title, options);
    return [section(["Incoming gradient of ", this.link(op.output)],
      [this.known(out.gradient, this.gradient(op.output), out.shape),
        this.array(out.gradient, `the gradient of ${title}`, {high: 110})]),
    options, op.inputs.map((input, k) => this.contribution(op, id, input, k))];
  }

  forwardStep(op, out, title, options) {
    const {model} = this, left = () => this.symbol(op.output);
    const result = this.elements(out.value, () => this.live?.tensors?.[op.output]?.value);
    return [
      h("section", {}, this.rule(model.doc.formulas[op.rule], op,
        {left, equals: "=", shape: out.shape, value: out.value})),
      this.origin(model.doc.formulas[op.rule], op, true, result), options,
      section(["Result ", this.link(op.output)], this.arrayOrScalar(out.value, title)),
      op.inputs.map((input, k) => (model.tensor(input)
        ? section([`${op.args[k]}: `, this.link(input)],
          this.arrayOrScalar(model.tensor(input).value, model.title(input), {high: 110}), "operand")
        : section(`${op.args[k]} = ${number(input)}`, [], "operand"))),
    ];
  }

  // What an operation adds to the gradient of its operand k.
  contribution(op, id, input, k) {
    const {model} = this, x = model.tensor(input), name = model.title(input);
    if (!x) return null;
    const key = `e-${id.slice(3)}-${k}`, found = model.doc.contributions[key];
    if (found === undefined) {
      const why = x.kind === "constant" ? "a constant" : "not differentiated here";
      return h("p", {class: "muted none"}, `${op.args[k]}: `, this.link(input), ` is ${why}, nothing flows back to it.`);
    }
    const several = countOf(x) > 1, left = () => this.gradient(input);
    return section(["To ", this.link(input), h("span", {class: "muted"}, ` operand ${op.args[k]}`)], [
      this.rule(model.doc.formulas[op.rules[k]], op,
        {left, equals: several ? "+=" : "=", shape: x.shape, value: found}),
      this.origin(model.doc.formulas[op.rules[k]], op, false,
        this.elements(found, () => this.live?.edges?.[key]?.result)),
      several ? this.sum(input, found, model.doc.running[key], [key])
        : this.array(found, `what flows to ${name}`, {high: 110}),
    ], "operand");
  }

  // before + contribution = after, on one scale.
  sum(id, contribution, after, keys) {
    const {model} = this, x = model.tensor(id), [first, last] = [keys[0], keys.at(-1)].map((key) =>
      x.contributions.indexOf(key));
    const previous = first > 0 ? model.sumAfter(id, x.contributions[first - 1]) : x.seed;
    const [before, added, sum] = [previous, contribution, after ?? x.gradient].map(model.summary);
    const top = topOf([before, added, sum], "scale");
    const cell = (part, title) => {
      const array = part && sizeOf(part.shape) > 1;
      return h("div", {class: "term"}, array ? swatch(part, top, 88, 70)
        : h("span", {class: "big"}, part ? number(stats(part).sum, 4) : "0"),
      h("span", {class: "muted small"}, title), array ? h("span", {class: "small"}, labelOf(part)) : null);
    };
    const count = countOf(x), seeded = x.seed === null ? 0 : 1, end = last + 1 + seeded;
    const which = last > first ? `${first + 1 + seeded}–${end}` : `${first + 1 + seeded}`;
    const unknown = model.elsewhere(id), operator = (text) => h("span", {class: "op"}, text);
    const complete = `With this the gradient of ${model.title(id)} is complete${x.hooked ? "; a hook then changes it" : ""}.`;
    return h("div", {class: "sum", role: "group", "aria-label": `contribution ${which} of ${count}`},
      h("p", {class: "sum-title"}, `Σ contribution ${which} of ${count}`),
      // what had arrived before cannot be told from what is not in focus
      h("div", {class: "terms"}, unknown ? cell(added, "contribution") : [cell(before, "before"),
        operator("+"), cell(added, "contribution"), operator("="), cell(sum, "after")]),
      small(unknown ? "Uses that are not in focus add to it, too."
        : end === count ? complete : `${count - end} more to come.`));
  }

  groupStep(id, backward) {
    const {model} = this, group = model.group(id), high = {high: 120};
    const [only] = group.operations === 1 && !group.sealed ? group.parts : [];
    if (only?.startsWith("op-") && (!backward || model.operation(only).step !== null)) {
      return [muted("One operation: ", this.link(only)), this.operationStep(only, backward)];
    }
    const open = group.sealed ? muted("What is in it is not in this file: the picture would be too large.")
      : h("p", {}, button({class: "wide", onclick: () => this.actions.open(id)},
        `Open to see its ${plural(group.operations, "operation")}`));
    const outputs = group.outputs.filter(model.tensor).map((t) =>
      section([backward ? "Incoming gradient of " : "Result ", this.link(t)],
        this.arrayOrScalar(model.tensor(t)[backward ? "gradient" : "value"], model.title(t), high)));
    if (!backward) return [outputs, open];
    const flows = Object.entries(group.borders).filter(([, border]) => border.contribution !== null)
      .map(([t, {contribution, after, edges}]) => section(["To ", this.link(t)],
        countOf(model.tensor(t)) > edges.length ? this.sum(t, contribution, after, edges)
          : this.arrayOrScalar(contribution, `what flows to ${model.title(t)}`, high), "operand"));
    return [outputs, flows, this.parameters(id), open];
  }

  // A tensor by its name, an array of it, and what there is to say of that.
  brief(id, index, text) {
    return h("div", {class: "pair"}, this.link(id), swatch(this.model.summary(index), null, 60, 26),
      h("span", {class: "small"}, text));
  }

  // The gradients of the parameters in a closed group.
  parameters(id) {
    const {model} = this, rms = (x) => number(stats(model.summary(x.gradient)).rms, 3);
    const some = Object.entries(model.doc.tensors).filter(([, x]) => x.kind === "parameter"
      && x.gradient !== null && model.isWithin(x.group, id));
    return some.length ? section("Its parameters' gradients", some.slice(0, 40).map(([t, x]) =>
      this.brief(t, x.gradient, `RMS ${rms(x)}`))) : null;
  }

  // A node that was chosen.
  details(id, stepper) {
    const {model} = this, {marks, highlight} = model.annotations, finding = marks[id]?.words || highlight[id];
    this.put(stepper.mode && button({class: "return", onclick: () => this.actions.back()}, "← to the step"),
      finding && h("p", {class: "finding"}, finding),
      model.tensor(id) ? this.tensor(id) : model.operation(id) ? this.operation(id) : this.group(id));
  }

  tensor(id) {
    const {model} = this, x = model.tensor(id), title = model.title(id), g = model.summary(x.gradient);
    const kind = x.kind === "intermediate" ? "result" : x.kind, uses = [...new Set(x.uses.map(([op]) => op))];
    return [
      heading(title, `${kind} · ${shapeOf(x.shape)} · ${x.dtype}`),
      section("Value", this.numbers(model.summary(x.value), title)),
      x.kind === "constant" ? null : g
        ? section("Gradient", this.numbers(g, `the gradient of ${title}`), "grad")
        : section("Gradient", muted("— no backward pass reached it")),
      countOf(x) > 1 ? this.contributions(id, x) : null,
      x.hooked ? muted("A hook replaced the sum by the gradient shown.") : null,
      h("section", {class: "links"}, x.by ? h("p", {}, "made by ", this.link(x.by)) : null,
        uses.length ? h("p", {}, "used by ", uses.slice(0, 30).map((op, k) => [k ? ", " : "", this.link(op)]),
          uses.length > 30 ? ` and ${uses.length - 30} more` : null) : null),
    ];
  }

  // Each contribution to a gradient, as it arrived, with the sum so far.
  contributions(id, x) {
    const {model} = this, unknown = model.elsewhere(id), rows = [];
    if (x.seed !== null) rows.push({step: "start", adds: x.seed, sum: x.seed});
    for (const key of x.contributions) {
      if (key === unknown) rows.push({step: "—", from: "not in focus", adds: model.doc.contributions[key]});
      const maker = model.maker(key), group = model.group(maker);
      if (!maker || (group && rows.some((row) => row.maker === maker))) continue;
      rows.push({maker, from: this.link(maker), adds: model.edgeInto(maker, id, key).contribution,
        step: group ? group.steps.join("–") : model.operation(maker).step,
        sum: unknown ? null : model.sumAfter(id, key)});
    }
    const all = rows.map(({adds}) => model.summary(adds)), top = topOf(all, "scale");
    const most = Math.max(topOf(all, "norm"), 1e-300);
    const show = (part) => part && (sizeOf(part.shape) === 1 ? number(stats(part).sum) : swatch(part, top, 54, 26));
    const share = (part) => (part ? `width:${Math.min((toFloat(stats(part).norm) / most) * 100, 100)}%` : null);
    const cell = (...parts) => h("td", {}, parts);
    const head = ["step", "from", "adds", "so far"].map((title) => h("th", {scope: "col"}, title));
    return section(`Σ ${plural(countOf(x), "contribution")}`, [
      h("table", {class: "sums"}, h("thead", {}, h("tr", {}, head)),
        h("tbody", {}, rows.slice(0, 60).map(({step, from = "—", sum}, k) => h("tr", {}, cell(step), cell(from),
          cell(show(all[k]) ?? "—", h("span", {class: "bar", style: share(all[k])})),
          cell(show(model.summary(sum)) ?? "—"))))),
      rows.length > 60 ? small(`and ${rows.length - 60} more`) : null]);
  }

  operation(id) {
    const {name, order, step} = this.model.operation(id), part = (title) => h("h3", {class: "part"}, title);
    return [heading(name, `operation ${order}${step ? ` · backward step ${step}` : ""}`, step),
      part("Forward"), this.operationStep(id, false),
      step ? [part("Backward"), this.operationStep(id, true)] : null, this.source(id)];
  }

  group(id) {
    const {model} = this, group = model.group(id), isOpen = this.drawing.open.has(id);
    const count = group.shared ? `the same ${plural(group.count, "time")}` : `${group.count} alike`;
    const words = [group.kind === "repeat" ? count : group.kind, plural(group.operations, "operation")];
    if (group.parameters) words.push(plural(group.parameters, "parameter"));
    const list = (title, ids) => (ids.length ? section(title, ids.map((t) =>
      this.brief(t, model.tensor(t).value, shapeOf(model.tensor(t).shape)))) : null);
    return [
      heading(group.path || group.name || group.kind, words.join(" · ")),
      isOpen ? h("p", {}, button({class: "wide", onclick: () => this.actions.close(id)}, "Close")) : null,
      list("Given", Object.keys(group.borders)),
      isOpen ? list("Gives", group.outputs.filter(model.tensor)) : this.groupStep(id, model.doc.backward),
    ];
  }
}
