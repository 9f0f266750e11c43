// What is visible of the document when some groups are open: nodes, edges and the boxes of open
// groups. Edges into a closed group are one per tensor, between two closed groups one in all.

import {labelOf, stats, thickness} from "./model.js";

const FAN_OUT = 4; // an intermediate result used by so many is drawn with tags, too

export function visible(model, open) {
  const {doc} = model;
  const view = {nodes: new Map(), edges: [], boxes: [], byTensor: new Map(), units: []};
  addUnits(model, open, view);
  const users = usersOf(model, view);
  addTensors(model, open, view, users);
  for (const unit of view.units) addEdges(model, view, unit, users);
  merge(model, view);
  view.boxes = Object.keys(doc.groups)
    .filter((id) => id !== model.root && isOpenBox(model, open, id))
    .map((id) => ({id, parent: boxOf(model, doc.groups[id].parent)}));
  return view;
}

function boxOf(model, group) {
  return group === model.root ? null : group;
}

function isOpenBox(model, open, id) {
  return model.closed(id, open) === null && model.group(id).operations > 0;
}

// Operations and closed groups, in order of creation.
function addUnits(model, open, view) {
  const units = [];
  const walk = (group) => {
    for (const part of model.group(group).parts) {
      if (!part.startsWith("g-")) units.push({id: part, kind: "operation", box: group});
      else if (model.group(part).operations === 0) continue;
      else if (open.has(part) && !model.group(part).sealed) walk(part);
      else units.push({id: part, kind: "group", box: group});
    }
  };
  if (open.has(model.root) && !model.group(model.root).sealed) walk(model.root);
  else units.push({id: model.root, kind: "group", box: null});
  for (const unit of units) {
    unit.box = boxOf(model, unit.box);
    view.nodes.set(unit.id, unit);
    view.units.push(unit);
  }
}

// The tensors that a visible operation or closed group uses, once for each use or for all of them.
function inputs(model, unit) {
  if (unit.kind === "group") {
    return Object.keys(model.group(unit.id).borders).map((tensor) => ({
      tensor, key: `e-${unit.id}-${tensor}`, arg: "",
    }));
  }
  const op = model.operation(unit.id);
  return op.inputs
    .map((tensor, i) => ({tensor, key: `e-${unit.id.slice(3)}-${i}`, arg: op.args[i]}))
    .filter(({tensor}) => model.tensor(tensor));
}

function usersOf(model, view) {
  const users = new Map();
  for (const unit of view.units) {
    for (const {tensor} of inputs(model, unit)) {
      if (!users.has(tensor)) users.set(tensor, []);
      const some = users.get(tensor);
      if (!some.includes(unit.id)) some.push(unit.id);
    }
  }
  return users;
}

function isLeaf(tensor) {
  return tensor.kind === "leaf" || tensor.kind === "parameter" || tensor.kind === "constant";
}

function addTensors(model, open, view, users) {
  for (const [id, tensor] of Object.entries(model.doc.tensors)) {
    const hidden = model.closed(tensor.group, open);
    if (hidden !== null) {
      view.byTensor.set(id, hidden);
    } else if (!isLeaf(tensor) || users.has(id) || model.doc.outputs.includes(id)) {
      if (!isLeaf(tensor) && !view.nodes.has(tensor.by)) continue; // made out of focus
      const box = boxOf(model, tensor.group);
      view.nodes.set(id, {id, kind: "tensor", tensor: id, box});
      view.byTensor.set(id, id);
      if (tensor.by) {
        const key = `e-${tensor.by.slice(3)}-out`;
        const back = model.operation(tensor.by).step !== null && tensor.gradient !== null;
        view.edges.push({key, tail: tensor.by, head: id, tensor: id, out: true, back, label: "",
          thick: 1, contribution: null});
      }
    }
  }
}

function addEdges(model, view, unit, users) {
  for (const {tensor, key, arg} of inputs(model, unit)) {
    const x = model.edgeInto(unit.id, tensor, key);
    const summary = model.summary(x.contribution);
    const flows = x.edges.some((edge) => edge in model.doc.contributions);
    view.edges.push({
      key, arg, tensor, tail: tailOf(model, view, unit, tensor, users), head: unit.id, out: false,
      back: summary !== null || flows, contribution: x.contribution, after: x.after,
      label: summary ? labelOf(summary) : "", thick: summary ? thickness(stats(summary).rms) : 1.2,
    });
  }
}

// Where an edge starts: at the tensor's record, the closed group that makes it, or at a tag.
function tailOf(model, view, unit, tensor, users) {
  const home = view.byTensor.get(tensor), some = users.get(tensor);
  const first = some[0] === unit.id;
  if (home !== undefined && (first || (!isLeaf(model.tensor(tensor)) && some.length < FAN_OUT))) {
    return home;
  }
  const id = `${tensor}-u-${unit.id}`;
  if (!view.nodes.has(id)) view.nodes.set(id, {id, kind: "tag", tensor, box: unit.box, home});
  return id;
}

// One edge for all tensors that pass between two closed groups.
function merge(model, view) {
  const pairs = new Map();
  for (const edge of view.edges) {
    if (!edge.tail.startsWith("g-") || !edge.head.startsWith("g-")) continue;
    const pair = `${edge.tail} ${edge.head}`;
    if (!pairs.has(pair)) pairs.set(pair, []);
    pairs.get(pair).push(edge);
  }
  const gone = new Set();
  for (const edges of pairs.values()) {
    if (edges.length === 1) continue;
    edges.forEach((edge) => gone.add(edge));
    const [first] = edges, flowing = edges.filter((edge) => edge.contribution !== null);
    const all = flowing.map((edge) => stats(model.summary(edge.contribution)));
    const norm = Math.hypot(...all.map((x) => x.norm));
    const size = all.reduce((sum, x) => sum + x.shape.reduce((a, b) => a * b, 1), 0);
    const merged = {...first, key: `e-${first.tail}-${first.head}`, merged: edges,
      back: edges.some((edge) => edge.back), contribution: null, label: `${edges.length} tensors`,
      thick: thickness(norm / Math.sqrt(Math.max(size, 1)))};
    view.edges.push(merged);
  }
  if (gone.size) view.edges = view.edges.filter((edge) => !gone.has(edge));
}

// Operations and closed groups in the order of the backward or the forward pass.
export function passOf(model, view, backward) {
  const steps = (unit) =>
    unit.kind === "group" ? model.group(unit.id).steps?.[0] ?? null : model.operation(unit.id).step;
  if (!backward) return view.units.slice();
  return view.units.filter((unit) => steps(unit) !== null).sort((a, b) => steps(a) - steps(b));
}
