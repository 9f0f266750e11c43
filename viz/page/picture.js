// What is visible of the document when some groups are open: nodes, edges and the open groups, in
// order of creation, as `viz.model.build` makes them of a trace.

import {grouped} from "./model.js";

const MANY = 4; // edges from a closed group to one operation, from which on they are drawn as one
const PLAIN = ["chain", "stretch"]; // groups that stand for want of a better have no frame
const LEAVES = ["leaf", "parameter", "constant"];

export class Picture {
  constructor(model, open) {
    Object.assign(this, {model, open, nodes: new Map(), edges: new Map(), groups: [],
      keyOf: new Map(), // by the key of a use, the edge that shows it
      closedIn: new Map(), // by group, the closed one that it is or is in
      tagCounts: new Map()});
    this.addNodes();
    this.addElsewhere();
    for (const id of model.doc.outputs) if (model.tensor(id).kind === "constant") this.addTensor(id);
    this.merge();
    this.addTerms();
    this.addGroups();
  }

  isLeaf = (id) => LEAVES.includes(this.model.tensor(id).kind);

  // The outermost group around a group (or itself) that is not open, or null.
  closed(group) {
    const {closedIn} = this;
    if (!closedIn.has(group)) {
      const {parent, operations, sealed} = this.model.group(group);
      const own = operations && group !== this.model.root && (!this.open.has(group) || sealed);
      closedIn.set(group, (parent === null ? null : this.closed(parent)) ?? (own ? group : null));
    }
    return closedIn.get(group);
  }

  // The innermost frame that an open group is drawn as, or stands in; null for none.
  boxed(group) {
    const {model} = this;
    for (let id = group; id !== null; id = model.group(id).parent) {
      const {kind, parent, operations} = model.group(id);
      const repeat = kind === "step" ? parent && model.group(parent) : model.group(id);
      // equal layers are no steps of time: what is in them stands in what is around them
      const isAlike = repeat?.kind === "repeat" && !repeat.shared;
      if (parent !== null && !PLAIN.includes(kind) && !isAlike && operations) return id;
    }
    return null;
  }

  addNodes() {
    const {model} = this;
    const sealed = model.sealed.map((id) => [model.group(id).first, id])
      .filter(([first]) => first !== null).sort(([a], [b]) => a - b);
    const addSealed = (before) => {
      while (sealed.length && sealed[0][0] <= before) this.addSealed(sealed.shift()[1]);
    };
    for (const [id, x] of Object.entries(model.doc.tensors)) {
      if (x.by) {
        addSealed(model.operation(x.by).order);
        this.addComputed(x.by);
      } else if (this.isLeaf(id) && x.kind !== "constant" && x.shown && this.closed(x.group) === null) {
        this.addTensor(id);
      }
    }
    addSealed(Infinity);
  }

  addTensor(id) {
    if (this.nodes.has(id)) return;
    this.nodes.set(id, {id, kind: "tensor", box: this.boxed(this.model.tensor(id).group)});
  }

  // An operation with its result, or the closed group that it is in, and what goes in.
  addComputed(op) {
    const {model} = this, {group, inputs, args, output} = model.operation(op), closed = this.closed(group);
    if (closed !== null) this.addClosed(closed);
    else this.nodes.set(op, {id: op, kind: "operation", box: this.boxed(group)});
    inputs.forEach((tensor, i) => {
      const x = model.tensor(tensor), key = `e-${op.slice(3)}-${i}`;
      if (!x || (closed !== null && this.closed(x.group) === closed)) return;
      if (x.kind === "constant") this.addTensor(tensor);
      if (closed !== null) this.addBorder(tensor, closed);
      else this.addUse(key, tensor, op, i, args[i]);
    });
    if (closed !== null) return;
    this.addTensor(output);
    this.edges.set(`e-${op.slice(3)}-out`, {id: `e-${op.slice(3)}-out`, tail: op, head: output,
      home: output, out: true, merged: []});
  }

  addClosed(id) {
    if (this.nodes.has(id)) return;
    this.nodes.set(id, {id, kind: "group", box: this.boxed(this.model.group(id).parent)});
  }

  // A group whose operations are not in the document, or the closed one that it is in.
  addSealed(sealed) {
    const id = this.closed(sealed);
    this.addClosed(id);
    for (const tensor of Object.keys(this.model.group(id).borders)) {
      if (this.model.tensor(tensor).kind === "constant") this.addTensor(tensor);
      this.addBorder(tensor, id);
    }
  }

  addUse(key, tensor, op, index, arg) {
    this.keyOf.set(key, key);
    this.addEdge({id: key, tail: this.tail(tensor, op), head: op, home: tensor, index, arg});
  }

  addEdge(edge) {
    this.edges.set(edge.id, {...edge, merged: []});
    this.renew(this.edges.get(edge.id));
  }

  // Gives an edge the numbers that the document has now.
  renew(edge) {
    if (edge.out) return;
    for (const one of edge.merged) this.renew(one);
    const {contribution, running, share, norms} = this.model.edgeInto(edge.head, edge.home, edge.id);
    Object.assign(edge, {contribution, running, share, norms});
  }

  // The edge over a closed group's border, once for all its uses of a tensor.
  addBorder(tensor, group) {
    const id = `e-${group}-${tensor}`, border = this.model.group(group).borders[tensor];
    if (this.edges.has(id)) return;
    for (const key of border.edges) this.keyOf.set(key, id);
    this.addEdge({id, tail: this.tail(tensor, group), head: group, home: tensor, index: null, arg: ""});
  }

  // Where an edge starts: at what shows the tensor, or at a tag of it where nothing does.
  tail(tensor, head) {
    const x = this.model.tensor(tensor);
    if (x.shown) return this.isLeaf(tensor) ? tensor : this.closed(x.group) ?? tensor;
    const known = this.tagCounts.get(tensor) ?? new Map(), found = known.get(head);
    const id = found ?? `${tensor}-u${known.size + 2}`;
    this.tagCounts.set(tensor, known.set(head, id));
    const box = this.boxed(this.model.operation(head)?.group ?? this.model.group(head).parent);
    if (!found) this.nodes.set(id, {id, kind: "tag", tensor, box});
    return id;
  }

  // A node for the uses of another one that are not in focus.
  addElsewhere() {
    const {model} = this;
    for (const [tensor, {elsewhere, shown, kind}] of Object.entries(model.doc.tensors)) {
      if (!elsewhere || !shown || kind === "constant") continue;
      const tail = this.tail(tensor), key = `e-more-${tensor}`, id = `${tensor}-more`;
      if (!this.nodes.has(tail)) continue;
      this.nodes.set(id, {id, kind: "more", tensor, uses: elsewhere, box: null});
      this.keyOf.set(key, key);
      this.addEdge({id: key, tail, head: id, home: tensor, index: null, arg: ""});
    }
  }

  // One edge for those that lead from a closed group to another, or many of them to an operation.
  merge() {
    const inner = [...this.edges.values()].filter(({tail}) => tail.startsWith("g-"));
    const instead = new Map(), gone = new Map();
    for (const [id, some] of grouped(inner, ({tail, head}) => `e-${tail}-${head}`)) {
      if (some.length === 1 || (some[0].head.startsWith("op-") && some.length < MANY)) continue;
      const {tail, head} = some[0];
      for (const edge of some) gone.set(edge.id, id);
      instead.set(some[0].id, {id, tail, head, home: null, index: null, arg: "", contribution: null,
        running: null, share: null, norms: [], merged: some});
    }
    if (!gone.size) return;
    const kept = [...this.edges.values()].filter(({id}) => instead.has(id) || !gone.has(id))
      .map((edge) => instead.get(edge.id) ?? edge);
    this.edges = new Map(kept.map((edge) => [edge.id, edge]));
    for (const [key, edge] of this.keyOf) this.keyOf.set(key, gone.get(edge) ?? edge);
  }

  // What the gradient of each tensor that is seen is the sum of: "seed", edges, "inside".
  addTerms() {
    const {model} = this;
    const give = (node, tensor, inside) => {
      const {seed, contributions} = model.tensor(tensor), edges = new Set();
      node.hidden = false;
      for (const key of contributions) {
        const edge = this.keyOf.get(key);
        if (edge !== undefined) edges.add(edge);
        else if (inside === null) node.hidden = true;
      }
      node.terms = [...(seed === null ? [] : ["seed"]), ...edges, ...(inside === null ? [] : ["inside"])];
    };
    for (const node of this.nodes.values()) {
      if (node.kind === "tensor") give(node, node.id, null);
      const group = node.kind === "group" ? model.group(node.id) : null;
      if (!group?.outputs.length || model.mainOf(node.id) !== group.outputs[0]) continue;
      give(node, group.outputs[0], group.inside[group.outputs[0]] ?? null);
    }
  }

  // The open groups that are drawn around something, the outer before the inner.
  addGroups() {
    const {model} = this, holding = new Set();
    for (const {box} of this.nodes.values()) for (const id of model.ancestry.get(box) ?? []) holding.add(id);
    for (const [id, {parent}] of Object.entries(model.doc.groups)) {
      if (parent === null || !holding.has(id) || !this.open.has(id) || this.boxed(id) !== id) continue;
      this.groups.push({id, box: this.boxed(parent)});
    }
  }
}
