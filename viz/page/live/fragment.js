// What was changed, in the address of the page: a link shows the same again.

const LONGEST = 6000; // characters

// What is other than at the start: {set: {id: {index: number}}, and the options that are chosen}.
export function changes(live) {
  const {blocked, frozen, held, swapped} = live.options, set = {};
  for (const [id, start] of live.start) {
    const {data} = live.tensors[id].value;
    const other = Object.fromEntries([...data.keys()].filter((k) => data[k] !== start[k]).map((k) => [k, data[k]]));
    if (Object.keys(other).length) set[id] = other;
  }
  const out = {set, blocked: [...blocked], frozen: [...frozen], held: [...held], swapped: [...swapped]};
  return Object.fromEntries(Object.entries(out).filter(([, x]) => (x.length ?? Object.keys(x).length)));
}

// Makes the changes on a live program as it is at the start; what it does not know is left out.
export function apply(live, {set = {}, blocked = [], frozen = [], held = [], swapped = []}) {
  for (const [id, other] of Object.entries(set)) {
    if (!live.leaves.has(id)) continue;
    for (const [k, x] of Object.entries(other)) if (k in live.tensors[id].value.data) live.set(id, k, Number(x));
  }
  for (const [id, name] of swapped) {
    if (live.program.operations[id] && live.choices(id).includes(name)) live.swap(id, name);
  }
  blocked.filter((key) => live.edges[key]).forEach((key) => live.block(key));
  frozen.filter((id) => live.tensors[id]).forEach((id) => live.freeze(id));
  live.runForward();
  held.filter((id) => live.tensors[id]).forEach((id) => live.hold(id));
  return live.run();
}

export function remember(state) {
  const words = new URLSearchParams(location.hash.slice(1));
  if (Object.keys(state).length) words.set("live", JSON.stringify(state));
  else words.delete("live");
  const text = words.toString();
  if (text.length > LONGEST) return false; // a link so long is of no use
  try {
    history.replaceState(history.state, "", text ? `#${text}` : location.pathname + location.search);
  } catch { // in a notebook's frame a page has no address
    return false;
  }
  return true;
}

export function remembered() {
  try {
    const found = JSON.parse(new URLSearchParams(location.hash.slice(1)).get("live"));
    return found && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}
