// The records of a picture and the wires between them, as `viz.model.river` makes them: an operation
// and its result are one record, leaves stand beside the only one that uses them, and what steps of
// a loop share stands once at the side.

import {grouped} from "./model.js";
import {oneLine, short} from "./text.js";

const MOST_WIRES = 4; // uses of a leaf; one of more stands once, at the side, and its users name it
const MOST_OF_WEIGHT = 2; // the same of a leaf that is a weight
const MOST_FAN = 8; // uses of a result that have wires
const MOST_STEPS = 2; // steps of a loop to which a result has wires

// What one box of the picture shows: `node` is its first node, `tensor` the id of its result.
export class Record {
  constructor(node, tensor = null) {
    Object.assign(this, {id: node.id, node, kind: node.kind, tensor, box: node.box, beside: [],
      named: [], names: new Map(), uses: [], views: [], within: [], isShared: false});
  }

  get isLeaf() {
    return this.kind === "tensor" || this.kind === "tag";
  }
}

export class River {
  constructor(picture) {
    const {model, groups} = picture;
    Object.assign(this, {picture, model, records: [], wires: [], heads: [], loops: new Map(),
      shown: new Map(), // by the id of a node, the record that shows it
      around: new Map([[null, []]]), // by the id of an open group, its own and those around it
      members: new Map()}); // by the id of a loop's step, its operations and closed groups
    for (const {id, box} of groups) this.around.set(id, [id, ...this.around.get(box)]);
    this.combine();
    const edges = this.absorbed();
    this.findLoops();
    this.divide(edges);
  }

  // Every record, those beside others too.
  all() {
    return [...this.records.flatMap((x) => [x, ...x.beside.map(([leaf]) => leaf)]), ...this.heads];
  }

  head = (edge) => this.shown.get(edge.head);
  from = (edge) => this.shown.get(edge.tail);
  open = (step) => !(step instanceof Record);

  // The innermost step of a loop that a record is in or is.
  stepOf = ({id, box}) => [id, ...this.around.get(box)].find((one) => this.members.has(one)) ?? null;

  combine() {
    const {nodes, edges} = this.picture, made = new Map();
    for (const edge of edges.values()) if (edge.out) made.set(edge.tail, edge.head);
    const results = new Map([...made].map(([op, tensor]) => [tensor, op]));
    for (const [id, node] of nodes) {
      const {kind} = node;
      if (results.has(id)) this.shown.set(id, this.shown.get(results.get(id)));
      else if (kind === "operation") this.shown.set(id, new Record(node, made.get(id)));
      else if (kind === "group") {
        this.shown.set(id, new Record(node, this.model.mainOf(id)));
      } else this.shown.set(id, new Record(node, kind === "tensor" ? id : null));
    }
    for (const record of this.shown.values()) {
      const {node, tensor} = record, own = node.kind === "operation" ? nodes.get(tensor) : node;
      Object.assign(record, {terms: own.terms ?? [], hidden: own.hidden ?? false});
    }
  }

  // The edges that are wires or words; leaves take in what only shows them otherwise.
  absorbed() {
    const {model, shown, picture: {nodes}} = this, gone = new Set();
    const edges = [...this.picture.edges.values()].filter((edge) => !edge.out);
    const into = grouped(edges, (edge) => edge.head);
    const size = (id) => model.tensor(id).shape.reduce((a, b) => a * b, 1);
    for (const [id, {kind}] of nodes) {
      const some = into.get(id) ?? [];
      if (kind !== "operation" || !model.operation(id).view || some.length !== 1) continue;
      const [edge] = some, record = shown.get(id), leaf = this.from(edge);
      if (!leaf.isLeaf || !leaf.tensor || size(leaf.tensor) !== size(record.tensor)) continue;
      leaf.views.push(record);
      shown.set(id, leaf).set(record.tensor, leaf);
      gone.add(edge);
    }
    return edges.filter((edge) => !gone.has(edge));
  }

  // Repetitions whose steps stand in the picture, with what leads from one to the next.
  findLoops() {
    const {loops, members, model} = this, distinct = new Set(this.shown.values());
    for (const group of this.picture.groups) {
      const {kind, shared} = model.group(group.id);
      if (kind === "repeat" && shared) loops.set(group.id, {group, steps: [], titles: new Map(), states: []});
    }
    for (const group of this.picture.groups) loops.get(group.box)?.steps.push(group);
    for (const record of distinct) if (record.kind === "group") loops.get(record.box)?.steps.push(record);
    for (const {steps} of loops.values()) for (const {id} of steps) members.set(id, []);
    for (const record of distinct) {
      if (record.isLeaf) continue;
      for (const box of [record.id, ...this.around.get(record.box)]) members.get(box)?.push(record);
    }
    for (const loop of loops.values()) {
      loop.steps.sort((a, b) => Number(a.id.slice(2)) - Number(b.id.slice(2))); // as created
      loop.states = this.statesOf(loop);
      this.giveNumbers(loop);
    }
  }

  // Says of steps that are modules which they are; what is elided counts.
  giveNumbers({steps, titles}) {
    let count = 1;
    for (const step of steps) {
      const {name, kind} = this.model.group(step.id), title = oneLine(name);
      if (this.open(step) && kind !== "step") titles.set(step.id, `${title} · step ${count}`);
      const several = /^steps \d+–(\d+)$/.exec(title);
      count = several ? Number(several[1]) + 1 : count + 1;
    }
  }

  // What most pairs of open steps that follow each other hand on: by the place of the record that
  // makes it among those of its step, the place of the one that uses it, and the operand.
  statesOf({steps}) {
    const places = steps.map(({id}) => new Map(this.members.get(id).map((x, k) => [x, k])));
    const isPair = (a, b) => b === a + 1 && this.open(steps[a]) && this.open(steps[b]);
    const stepOf = new Map(places.flatMap((some, k) => [...some.keys()].map((x) => [x, k])));
    const pairs = steps.filter((_, k) => k && isPair(k - 1, k)).length, found = new Map();
    for (const edge of this.picture.edges.values()) {
      const tail = this.from(edge), head = this.head(edge), [a, b] = [stepOf.get(tail), stepOf.get(head)];
      if (edge.out || a === undefined || b === undefined || !isPair(a, b)) continue;
      const key = [places[a].get(tail), places[b].get(head), edge.index ?? 0].join();
      found.set(key, (found.get(key) ?? 0) + 1);
    }
    return [...found].filter(([, count]) => 2 * count >= pairs).map(([key]) => key.split(",").map(Number));
  }

  // Edges from leaves that a loop starts from: they stand where a state comes in later.
  statesOfFirstSteps() {
    const found = new Set();
    for (const {steps, states} of this.loops.values()) {
      if (!steps.length) continue;
      const places = new Map(this.members.get(steps[0].id).map((x, k) => [x, k]));
      const heads = new Set(states.map(([, head, index]) => `${head},${index}`));
      for (const edge of this.picture.edges.values()) {
        const place = places.get(this.head(edge));
        if (this.from(edge).isLeaf && heads.has(`${place},${edge.index ?? 0}`)) found.add(edge);
      }
    }
    return found;
  }

  // Which leaves stand at the side, which beside their users, and what is named instead of wired.
  divide(edges) {
    const uses = grouped(edges, this.from), into = grouped(edges, this.head);
    const states = this.statesOfFirstSteps(), away = new Set(), named = new Set();
    for (const [record, some] of uses) {
      record.uses = some;
      if (!(record.isLeaf ? this.isShared(some, into) : this.isSpread(record, some))) continue;
      record.isShared = record.isLeaf;
      this.name(record, some);
      for (const edge of some) named.add(edge);
      if (!record.isLeaf) continue;
      this.heads.push(record);
      away.add(record);
    }
    for (const [record, some] of uses) {
      const user = this.head(some[0]);
      const isAlone = record.isLeaf && !record.isShared && some.length === 1 && user.kind !== "more";
      if (!isAlone || states.has(some[0]) || this.isSource(record, into.get(user))) continue;
      user.beside.push([record, some[0]]);
      away.add(record);
    }
    this.records = [...new Set(this.shown.values())].filter((record) => !away.has(record));
    this.findAlone();
    this.wires = edges.filter((edge) => !away.has(this.from(edge)) && !named.has(edge))
      .map((edge) => [edge, this.from(edge), this.head(edge)]);
  }

  // Groups of one record: it bears their names, and they need no frame.
  findAlone() {
    const held = new Map();
    for (const record of this.records) {
      for (const box of this.around.get(record.box)) {
        if (!held.has(box)) held.set(box, []);
        held.get(box).push(record);
      }
    }
    for (const {id} of this.picture.groups) {
      const some = held.get(id) ?? [];
      if (some.length === 1 && !this.members.has(id) && !this.loops.has(id)) some[0].within.push(id);
    }
  }

  // Whether a leaf stands once at the side: steps of a loop share it, or many use it. Fewer uses
  // are many of a weight, which mostly meets computed data, than of data itself.
  isShared(uses, into) {
    const users = uses.map(this.head);
    const computed = users.filter((user) => into.get(user).some((edge) => !this.from(edge).isLeaf));
    const few = 2 * computed.length > users.length ? MOST_OF_WEIGHT : MOST_WIRES;
    return uses.length > few || new Set(users.map(this.stepOf).filter(Boolean)).size > 1;
  }

  // Whether a result has too many users for wires: at all, or in the steps of a loop.
  isSpread(record, uses) {
    const steps = new Set(uses.map((edge) => this.stepOf(this.head(edge))));
    for (const none of [null, this.stepOf(record)]) steps.delete(none);
    return uses.length > MOST_FAN || steps.size > MOST_STEPS;
  }

  name(record, uses) {
    const name = record.tensor && this.model.tensor(record.tensor).name;
    for (const edge of uses) {
      const user = this.head(edge);
      user.named.push(edge);
      user.names.set(edge, name ? short(name) : `#${(edge.home ?? record.id).slice(2)}`);
    }
  }

  // Whether a leaf is the data that the picture begins with: it stands before its user.
  isSource(leaf, into) {
    const tails = into.map(this.from);
    if (this.stepOf(this.head(into[0])) !== null || !tails.every((x) => x.isLeaf)) return false;
    const leaves = [...new Set(tails)].filter((x) => !x.isShared);
    if (leaves.some((x) => x.uses.length > 1)) return false;
    const plain = leaves.filter((x) => x.tensor && this.model.tensor(x.tensor).kind === "constant");
    return leaves.length === 1 || plain[0] === leaf;
  }
}
