// What is visible of the document when some groups are open: nodes, edges and the boxes of open
// groups. Edges into a closed group are one per tensor, between two closed groups one in all.

import {labelOf, sizeOf, stats, thickness} from "./model.js";

const FAN_OUT = 4; // an intermediate result used by so many is drawn with tags, too
const LEAVES = ["leaf", "parameter", "constant"];

export class View {
  constructor(model, open) {
    Object.assign(this, {model, open, nodes: new Map(), edges: [], byTensor: new Map()});
    this.units = this.unitsIn(model.root, null); // operations and closed groups, as created
    this.users = new Map(); // of a tensor: the units that use it
    for (const unit of this.units) {
      this.nodes.set(unit.id, unit);
      for (const {tensor} of this.inputs(unit)) {
        this.users.set(tensor, (this.users.get(tensor) ?? new Set()).add(unit.id));
      }
    }
    for (const id of Object.keys(model.doc.tensors)) this.addTensor(id);
    for (const unit of this.units) this.addEdges(unit);
    this.mergeEdges();
    this.boxes = Object.entries(model.doc.groups)
      .filter(([id, group]) => id !== model.root && group.operations && !model.closed(id, open))
      .map(([id, group]) => ({id, parent: this.box(group.parent)}));
  }

  box = (group) => (group === this.model.root ? null : group);
  isLeaf = (id) => LEAVES.includes(this.model.tensor(id).kind);

  unitsIn(id, box) {
    const {model, open} = this, group = model.group(id);
    if (!group) return [{id, kind: "operation", box}];
    if (!group.operations && id !== model.root) return [];
    if (!open.has(id) || group.sealed) return [{id, kind: "group", box}];
    return group.parts.flatMap((part) => this.unitsIn(part, this.box(id)));
  }

  // The tensors that a unit uses: an operation once for each use, a closed group once for all.
  inputs({id, kind}) {
    const {model} = this;
    if (kind === "group") {
      return Object.keys(model.group(id).borders)
        .map((tensor) => ({tensor, key: `e-${id}-${tensor}`, arg: ""}));
    }
    const {inputs, args} = model.operation(id);
    return inputs.map((tensor, i) => ({tensor, key: `e-${id.slice(3)}-${i}`, arg: args[i]}))
      .filter(({tensor}) => model.tensor(tensor));
  }

  addTensor(id) {
    const {model} = this, {group, by, gradient} = model.tensor(id);
    const hidden = model.closed(group, this.open);
    if (hidden !== null) return this.byTensor.set(id, hidden);
    if (this.isLeaf(id) ? !this.users.has(id) && !model.doc.outputs.includes(id)
      : !this.nodes.has(by)) return null; // made out of focus
    this.nodes.set(id, {id, kind: "tensor", tensor: id, box: this.box(group)});
    if (by) {
      this.edges.push({key: `e-${by.slice(3)}-out`, tail: by, head: id, tensor: id, out: true,
        back: model.operation(by).step !== null && gradient !== null, label: "", thick: 1,
        contribution: null});
    }
    return this.byTensor.set(id, id);
  }

  addEdges(unit) {
    const {model} = this;
    for (const {tensor, key, arg} of this.inputs(unit)) {
      const {contribution, after, edges} = model.edgeInto(unit.id, tensor, key);
      const summary = model.summary(contribution);
      const flows = edges.some((edge) => edge in model.doc.contributions);
      this.edges.push({key, arg, tensor, tail: this.tail(unit, tensor), head: unit.id, out: false,
        back: summary !== null || flows, contribution, after, label: summary ? labelOf(summary) : "",
        thick: summary ? thickness(stats(summary).rms) : 1.2});
    }
  }

  // Where an edge starts: at the tensor's record, the closed group that makes it, or at a tag.
  tail(unit, tensor) {
    const origin = this.byTensor.get(tensor), [...users] = this.users.get(tensor);
    const few = !this.isLeaf(tensor) && users.length < FAN_OUT;
    if (origin !== undefined && (users[0] === unit.id || few)) return origin;
    const id = `${tensor}-u-${unit.id}`;
    this.nodes.set(id, this.nodes.get(id) ?? {id, kind: "tag", tensor, box: unit.box});
    return id;
  }

  // One edge for all tensors that pass between two closed groups.
  mergeEdges() {
    const {model} = this;
    const inner = this.edges.filter((e) => e.tail.startsWith("g-") && e.head.startsWith("g-"));
    const merged = [...Map.groupBy(inner, ({tail, head}) => `e-${tail}-${head}`)]
      .filter(([, edges]) => edges.length > 1);
    for (const [key, edges] of merged) {
      const all = edges.map((edge) => stats(model.summary(edge.contribution))).filter(Boolean);
      const norm = Math.hypot(...all.map((x) => x.norm));
      const size = all.reduce((sum, x) => sum + sizeOf(x.shape), 0);
      this.edges.push({...edges[0], key, merged: edges, back: edges.some((edge) => edge.back),
        contribution: null, label: `${edges.length} tensors`,
        thick: thickness(norm / Math.sqrt(Math.max(size, 1)))});
    }
    const gone = new Set(merged.flatMap(([, edges]) => edges));
    this.edges = this.edges.filter((edge) => !gone.has(edge));
  }
}
