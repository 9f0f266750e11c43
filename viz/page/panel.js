// The panel beside the picture: the current step with its rule and its numbers, or what is chosen.

import {$, h} from "./dom.js";
import {amount, derivative, filled, math, shaped, sign, symbol} from "./formula.js";
import {heatmap, histogram, statistics, swatch} from "./heatmap.js";
import {isFloat, labelOf, number, oneLine, plural, shapeOf, sizeOf, stats} from "./model.js";

const KINDS = {parameter: "parameter", leaf: "leaf", constant: "constant", output: "output",
  intermediate: "result"};

export class Panel {
  constructor(model, drawing, actions) {
    Object.assign(this, {model, drawing, actions});
    this.body = $("#panel-body");
    const {doc} = model;
    this.loss = doc.outputs.length === 1 ? model.title(doc.outputs[0]) : "L";
    if (this.loss.startsWith("#")) this.loss = "L";
    this.body.addEventListener("click", (event) => {
      const link = event.target.closest("[data-go]");
      if (link) actions.select(link.dataset.go);
    });
  }

  put(...parts) {
    this.body.replaceChildren(...parts.flat(Infinity).filter(Boolean));
    this.body.scrollTop = 0;
  }

  link(id) {
    return h("button", {class: "link", "data-go": id, type: "button"}, this.model.title(id));
  }

  heading(title, words, chip = null) {
    return h("header", {class: "card-head"}, chip === null ? null : h("span", {class: "chip"}, String(chip)),
      h("h2", {}, oneLine(title)), h("p", {class: "muted"}, words));
  }

  // Nothing is chosen and nothing runs.
  intro() {
    const {doc} = this.model, legend = $("#legend").content.cloneNode(true);
    this.put(
      h("header", {class: "card-head"}, h("h2", {}, "How to read this"),
        h("p", {class: "muted"}, doc.summary)),
      h("p", {}, doc.backward
        ? "Grey arrows lead forward, orange arrows carry gradients back. Step through either pass below, "
          + "or choose a node to see its numbers."
        : "Grey arrows lead forward. Step through the pass below, or choose a node to see its numbers."),
      h("div", {class: "legend"}, legend),
      h("p", {class: "muted"}, "Keys: ", h("kbd", {}, "space"), " plays, ", h("kbd", {}, "←"), " ",
        h("kbd", {}, "→"), " step, ", h("kbd", {}, "?"), " tells the rest."));
  }

  // A step of the pass that runs.
  step(stepper) {
    const {model} = this, {pass, at, backward} = stepper;
    if (at === 0) return this.start(stepper);
    const unit = pass[at - 1], way = backward ? "backward" : "forward";
    const head = this.heading(model.title(unit.id), `${way} step ${at} of ${pass.length}`, at);
    if (unit.kind === "group") return this.put(head, this.groupStep(unit.id, backward));
    return this.put(head, backward ? this.backwardStep(unit.id) : this.forwardStep(unit.id));
  }

  start({backward, pass}) {
    const {doc} = this.model;
    const words = backward
      ? "The walk starts at the output, with the gradient it is given. Each step then takes one operation, "
        + "from the last to the first: its incoming gradient is known by then, and its rule tells what it "
        + "adds to the gradient of each operand."
      : "The leaves are given. Each step computes one result from operands that are known.";
    const seeds = Object.entries(doc.tensors).filter(([, x]) => x.seed !== null);
    const given = backward ? seeds.map(([id, x]) => h("section", {},
      h("h3", {}, "Start at ", this.link(id)),
      this.known(x.seed, derivative(this.loss, this.model.title(id)), x.shape),
      this.array(x.seed, `the start at ${this.model.title(id)}`))) : [];
    this.put(this.heading(backward ? "Backward pass" : "Forward pass", plural(pass.length, "step"), 0),
      h("p", {}, words), given);
  }

  equation(...parts) {
    return h("div", {class: "equation", tabindex: "0", role: "group", "aria-label": "equation"}, math(...parts));
  }

  // A heat-map unless the numbers of the array stand in the formula already.
  array(number_, name, options = {}) {
    const x = this.model.summary(number_);
    if (!x || x.scalar !== undefined || sizeOf(x.shape) === 1) return null;
    return heatmap(x, {name, ...options});
  }

  // A symbol and its value, or its shape where a heat-map follows.
  known(number_, left, shape) {
    const x = this.model.summary(number_);
    return sizeOf(shape) === 1 ? this.equation(left, sign("="), amount(x)) : this.equation(shaped(left, shape));
  }

  line(words, ...parts) {
    return h("div", {class: "row-of"}, h("span", {class: "row-word"}, words), this.equation(...parts));
  }

  name(id) {
    return symbol(this.model.title(id));
  }

  // The rule in names, in shapes and in numbers; `left` are the three left sides.
  rule(entry, op, left, right) {
    const {model} = this, {inputs, output} = op;
    const out = model.tensor(output), of = (key) => (key === "y" || key === "g" ? output : inputs[key]);
    if (entry.stated) {
      return [h("div", {class: "row-of"}, h("span", {class: "row-word"}, "rule"),
        h("pre", {class: "stated", tabindex: "0"}, this.worded(entry.text, op))), right];
    }
    const names = (key) => (key === "g" ? derivative(this.loss, model.title(output)) : this.name(of(key)));
    const shapes = (key) => {
      const x = model.tensor(of(key));
      return shaped(names(key), x.shape);
    };
    const values = (key) => {
      const x = model.summary(key === "g" ? out.gradient : model.tensor(of(key)).value);
      return amount(x, !/^q(\d+|y|g)$/.test(entry.text));
    };
    const given = entry.given.length
      ? h("p", {class: "muted small"}, `where ${entry.given.map((x) => this.worded(x, op)).join(", ")}`) : null;
    const plain = [...inputs, output].every((id) => !model.tensor(id)?.shape.length);
    return [
      this.line("rule", left.name, sign(left.sign), ...filled(entry, names)),
      plain ? null : this.line("shapes", left.shape, sign(left.sign), ...filled(entry, shapes)),
      this.line("numbers", ...filled(entry, values), sign("="), left.value),
      given, right,
    ];
  }

  worded(text, op) {
    return text.replace(/q(\d+|y|g)\b/g, (_, key) => (key === "g" ? `∂${this.loss}/∂${this.model.title(op.output)}`
      : this.model.title(key === "y" ? op.output : op.inputs[key])));
  }

  forwardStep(id) {
    const {model} = this, op = model.operation(id), out = model.tensor(op.output);
    const left = {name: this.name(op.output), sign: "=", shape: shaped(this.name(op.output), out.shape),
      value: amount(model.summary(out.value))};
    const operands = op.inputs.map((input, k) => (model.tensor(input)
      ? h("section", {class: "operand"}, h("h3", {}, `${op.args[k]}: `, this.link(input)),
        this.array(model.tensor(input).value, model.title(input), {high: 110}) || this.scalar(model.tensor(input).value))
      : h("section", {class: "operand"}, h("h3", {}, `${op.args[k]} = ${number(input)}`))));
    return [
      h("section", {}, this.rule(model.doc.formulas[op.rule], op, left, null)),
      this.options(op),
      h("section", {}, h("h3", {}, "Result ", this.link(op.output)),
        this.array(out.value, model.title(op.output)) || this.scalar(out.value)),
      operands,
    ];
  }

  options(op) {
    const words = Object.entries(op.options).map(([key, x]) => `${key} = ${x}`);
    return words.length ? h("p", {class: "muted small"}, words.join(", ")) : null;
  }

  scalar(number_) {
    const x = this.model.summary(number_);
    if (!x) return h("p", {class: "muted"}, "—");
    return h("p", {class: "big"}, number(stats(x).sum, 6));
  }

  backwardStep(id) {
    const {model} = this, op = model.operation(id), out = model.tensor(op.output);
    const incoming = h("section", {}, h("h3", {}, "Incoming gradient of ", this.link(op.output)),
      this.known(out.gradient, derivative(this.loss, model.title(op.output)), out.shape),
      this.array(out.gradient, `the gradient of ${model.title(op.output)}`, {high: 110}));
    const operands = op.inputs.map((input, k) => this.contribution(op, id, input, k));
    return [incoming, this.options(op), operands];
  }

  contribution(op, id, input, k) {
    const {model} = this, x = model.tensor(input);
    if (!x) return null;
    const key = `e-${id.slice(3)}-${k}`, found = model.doc.contributions[key];
    if (found === undefined) {
      const why = x.kind === "constant" ? "a constant" : "not differentiated here";
      return h("p", {class: "muted none"}, `${op.args[k]}: `, this.link(input), ` is ${why}, nothing flows back to it.`);
    }
    const name = model.title(input), several = this.count(x) > 1;
    const own = () => derivative(this.loss, name);
    const left = {name: own(), sign: several ? "+=" : "=", shape: shaped(own(), x.shape),
      value: amount(model.summary(found))};
    const entry = model.doc.formulas[op.rules[k]];
    return h("section", {class: "operand"}, h("h3", {}, "To ", this.link(input),
      h("span", {class: "muted"}, ` operand ${op.args[k]}`)),
    this.rule(entry, op, left, null),
    several ? this.sum(input, found, model.doc.running[key], [key]) : this.array(found, `what flows to ${name}`, {high: 110}));
  }

  count(tensor) {
    return tensor.contributions.length + (tensor.seed === null ? 0 : 1);
  }

  // before + contribution = after, on one scale.
  sum(id, contribution, after, keys) {
    const {model} = this, x = model.tensor(id), first = x.contributions.indexOf(keys[0]);
    const last = x.contributions.indexOf(keys[keys.length - 1]);
    const previous = first > 0 ? model.sumAfter(id, x.contributions[first - 1]) : x.seed;
    const before = model.summary(previous ?? null), seeded = x.seed === null ? 0 : 1;
    const parts = [before, model.summary(contribution), model.summary(after ?? x.gradient)];
    const top = Math.max(...parts.filter(Boolean).map((part) => isFloat(stats(part).top)));
    const cell = (part, word) => h("div", {class: "term"}, part
      ? sizeOf(part.shape) === 1 ? h("span", {class: "big"}, number(stats(part).sum, 4)) : swatch(part, top, 88, 70)
      : h("span", {class: "big"}, "0"),
    h("span", {class: "muted small"}, word),
    part && sizeOf(part.shape) > 1 ? h("span", {class: "small"}, labelOf(part)) : null);
    const number_ = first + 1 + seeded, count = this.count(x);
    const which = last > first ? `${number_}–${last + 1 + seeded}` : `${number_}`;
    const part = model.elsewhere(id);
    const done = part ? "Uses that are not in focus add to it, too." : last + 1 + seeded === count
      ? `With this the gradient of ${model.title(id)} is complete${x.hooked ? "; a hook then changes it" : ""}.`
      : `${count - last - 1 - seeded} more to come.`;
    return h("div", {class: "sum", role: "group", "aria-label": `contribution ${which} of ${count}`},
      h("p", {class: "sum-title"}, `Σ contribution ${which} of ${count}`),
      // what had arrived before cannot be told from what is not in focus
      h("div", {class: "terms"}, part ? cell(parts[1], "contribution") : [cell(before, "before"),
        h("span", {class: "op"}, "+"), cell(parts[1], "contribution"),
        h("span", {class: "op"}, "="), cell(parts[2], "after")]),
      h("p", {class: "muted small"}, done));
  }

  groupStep(id, backward) {
    const {model} = this, group = model.group(id);
    const [only] = group.operations === 1 && !group.sealed ? group.parts : [];
    if (only?.startsWith("op-") && (!backward || model.operation(only).step !== null)) {
      return [h("p", {class: "muted"}, "One operation: ", this.link(only)),
        backward ? this.backwardStep(only) : this.forwardStep(only)];
    }
    const open = group.sealed
      ? h("p", {class: "muted"}, "What is in it is not in this file: the picture would be too large.")
      : h("p", {}, h("button", {type: "button", class: "wide", onclick: () => this.actions.open(id)},
        `Open to see its ${plural(group.operations, "operation")}`));
    const outputs = group.outputs.filter((t) => model.tensor(t)).map((t) => {
      const x = model.tensor(t);
      return h("section", {}, h("h3", {}, backward ? "Incoming gradient of " : "Result ", this.link(t)),
        this.array(backward ? x.gradient : x.value, model.title(t), {high: 120})
          || this.scalar(backward ? x.gradient : x.value));
    });
    if (!backward) return [outputs, open];
    const flows = Object.entries(group.borders).filter(([, border]) => border.contribution !== null)
      .map(([t, border]) => {
        const x = model.tensor(t), several = this.count(x) > border.edges.length;
        return h("section", {class: "operand"}, h("h3", {}, "To ", this.link(t)),
          several ? this.sum(t, border.contribution, border.after, border.edges)
            : this.array(border.contribution, `what flows to ${model.title(t)}`, {high: 120})
              || this.scalar(border.contribution));
      });
    return [outputs, flows, this.inside(id), open];
  }

  // The gradients of the parameters in a closed group.
  inside(id) {
    const {model} = this;
    const some = Object.entries(model.doc.tensors).filter(([, x]) => x.kind === "parameter"
      && x.gradient !== null && model.lines.get(x.group).includes(id));
    if (!some.length) return null;
    return h("section", {}, h("h3", {}, "Its parameters' gradients"),
      some.slice(0, 40).map(([t, x]) => h("div", {class: "pair"}, this.link(t),
        swatch(model.summary(x.gradient), null, 60, 26),
        h("span", {class: "small"}, `RMS ${number(stats(model.summary(x.gradient)).rms, 3)}`))));
  }

  // A node that was chosen.
  details(id, stepper) {
    const {model} = this;
    const back = stepper.mode ? h("button", {type: "button", class: "back", onclick: () => this.actions.back()},
      "← to the step") : null;
    const words = model.looks.marks[id]?.words || model.looks.highlight[id];
    const said = words ? h("p", {class: "finding"}, words) : null;
    if (model.doc.tensors[id]) this.put(back, said, this.tensor(id));
    else if (model.doc.operations[id]) this.put(back, said, this.operation(id));
    else this.put(back, said, this.group(id));
  }

  tensor(id) {
    const {model} = this, x = model.tensor(id), value = model.summary(x.value), g = model.summary(x.gradient);
    const parts = [this.heading(model.title(id), `${KINDS[x.kind]} · ${shapeOf(x.shape)} · ${x.dtype}`)];
    parts.push(this.numbers("Value", value, model.title(id)));
    if (x.kind !== "constant") {
      parts.push(g ? this.numbers("Gradient", g, `the gradient of ${model.title(id)}`, "grad")
        : h("section", {}, h("h3", {}, "Gradient"), h("p", {class: "muted"}, "— no backward pass reached it")));
    }
    if (this.count(x) > 1) parts.push(this.contributions(id, x));
    if (x.hooked) parts.push(h("p", {class: "muted"}, "A hook replaced the sum by the gradient shown."));
    const uses = [...new Set(x.uses.map(([op]) => op))];
    parts.push(h("section", {class: "links"},
      x.by ? h("p", {}, "made by ", this.link(x.by)) : null,
      uses.length ? h("p", {}, "used by ", uses.slice(0, 30).map((op, k) => [k ? ", " : "", this.link(op)]),
        uses.length > 30 ? ` and ${uses.length - 30} more` : null) : null));
    return parts;
  }

  numbers(title, x, name, kind = "") {
    return h("section", {class: kind}, h("h3", {}, title),
      x.scalar === undefined ? heatmap(x, {name}) : null,
      x.scalar === undefined ? histogram(x) : null, statistics(x));
  }

  // Each contribution to a gradient, as it arrived, with the sum so far.
  contributions(id, x) {
    const {model} = this, rows = [];
    if (x.seed !== null) rows.push(["start", null, x.seed, x.seed]);
    const part = model.elsewhere(id);
    for (const key of x.contributions) {
      if (key === part) rows.push(["—", null, model.doc.contributions[key], null, "not in focus"]);
      const from = model.maker(key);
      if (!from || rows.some(([, other]) => other === from && from.startsWith("g-"))) continue;
      const {contribution} = model.edgeInto(from, id, key), group = model.doc.groups[from];
      const step = group ? `${group.steps[0]}–${group.steps[1]}` : model.operation(from).step;
      rows.push([step, from, contribution, part ? null : model.sumAfter(id, key)]);
    }
    const all = rows.map(([, , c]) => model.summary(c)).filter(Boolean);
    const top = Math.max(...all.map((c) => isFloat(stats(c).top)));
    const most = Math.max(...all.map((c) => isFloat(stats(c).norm)), 1e-300);
    return h("section", {}, h("h3", {}, `Σ ${plural(this.count(x), "contribution")}`),
      h("table", {class: "sums"}, h("thead", {}, h("tr", {}, ["step", "from", "adds", "so far"].map((word) =>
        h("th", {scope: "col"}, word)))), h("tbody", {}, rows.slice(0, 60).map(([step, op, c, running, other]) => {
        const one = model.summary(c), sum = model.summary(running), bar = h("span", {class: "bar"});
        if (one) bar.style.width = `${Math.min((isFloat(stats(one).norm) / most) * 100, 100)}%`;
        const show = (part) => (part ? sizeOf(part.shape) === 1 ? number(stats(part).sum)
          : swatch(part, top, 54, 26) : "—");
        return h("tr", {}, h("td", {}, String(step)), h("td", {}, op ? this.link(op) : other || "—"),
          h("td", {}, show(one), bar), h("td", {}, show(sum)));
      }))), rows.length > 60 ? h("p", {class: "muted small"}, `and ${rows.length - 60} more`) : null);
  }

  operation(id) {
    const {model} = this, op = model.operation(id);
    const words = `operation ${op.order}${op.step ? ` · backward step ${op.step}` : ""}`;
    return [this.heading(op.name, words, op.step), h("h3", {class: "part"}, "Forward"), this.forwardStep(id),
      op.step ? [h("h3", {class: "part"}, "Backward"), this.backwardStep(id)] : null];
  }

  group(id) {
    const {model} = this, group = model.group(id);
    const words = [group.kind === "repeat" ? (group.shared ? `the same ${plural(group.count, "time")}` : `${group.count} alike`)
      : group.kind, plural(group.operations, "operation")];
    if (group.parameters) words.push(plural(group.parameters, "parameter"));
    const inputs = Object.keys(group.borders);
    const isOpen = this.drawing.open.has(id);
    return [
      this.heading(group.path || group.name || group.kind, words.join(" · ")),
      isOpen ? h("p", {}, h("button", {type: "button", class: "wide", onclick: () => this.actions.close(id)}, "Close"))
        : null,
      inputs.length ? h("section", {}, h("h3", {}, "Given"), inputs.map((t) => this.brief(t))) : null,
      isOpen ? h("section", {}, h("h3", {}, "Gives"), group.outputs.filter((t) => model.tensor(t)).map((t) => this.brief(t)))
        : this.groupStep(id, model.doc.backward),
    ];
  }

  brief(t) {
    const x = this.model.tensor(t);
    return h("div", {class: "pair"}, this.link(t), swatch(this.model.summary(x.value), null, 60, 26),
      h("span", {class: "small"}, shapeOf(x.shape)));
  }
}
