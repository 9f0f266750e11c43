// What the wheel, the mouse and fingers do to the picture.

import {set} from "./dom.js";

const CLICK = 4; // pixels; what goes farther is a drag

export function wheel(viewport) {
  set(viewport.element, {onwheel: (event) => {
    event.preventDefault();
    const {left, top} = viewport.element.getBoundingClientRect();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    if (event.shiftKey && !event.ctrlKey) return viewport.pan(-(event.deltaX || event.deltaY) * unit, 0);
    const speed = event.ctrlKey ? 0.01 : 0.0016; // ctrl is what a pinch on a touchpad sends
    return viewport.zoom(Math.exp(-event.deltaY * unit * speed), event.clientX - left, event.clientY - top);
  }});
}

// One pointer moves the picture, two zoom it; after either, `viewport.dragged` holds.
export function pointers(viewport) {
  const {element} = viewport, down = new Map(); // by pointer, where it is
  const release = ({pointerId}) => {
    down.delete(pointerId);
    if (!down.size) element.classList.remove("panning");
  };
  set(element, {
    onpointerdown({button, target, pointerId, clientX: x, clientY: y}) {
      if (button > 1 || target.closest("#map, button")) return;
      down.set(pointerId, {x, y});
      viewport.dragged = down.size > 1;
    },
    onpointermove({pointerId, clientX: x, clientY: y}) {
      const last = down.get(pointerId);
      if (!last || (!viewport.dragged && Math.hypot(x - last.x, y - last.y) < CLICK)) return;
      if (!viewport.dragged) element.setPointerCapture(pointerId);
      viewport.dragged = true;
      element.classList.add("panning");
      const before = middle(down);
      down.set(pointerId, {x, y});
      const after = middle(down), {left, top} = element.getBoundingClientRect();
      viewport.pan(after.x - before.x, after.y - before.y);
      if (down.size > 1) viewport.zoom(after.distance / before.distance, after.x - left, after.y - top);
    },
    onpointerup: release,
    onpointercancel: release,
  });
}

// The middle of the pointers, and how far two are apart.
function middle(down) {
  const [a, b = a] = down.values();
  return {x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.hypot(a.x - b.x, a.y - b.y) || 1};
}

// On the small map, the pointer says where to look.
export function mapPointer(viewport) {
  const {map} = viewport;
  const look = (event) => {
    const {left, top} = map.firstElementChild.getBoundingClientRect(), {extent} = viewport.drawing;
    const [across, down] = viewport.scale();
    viewport.centre(extent.x + (event.clientX - left) / across, extent.y + (event.clientY - top) / down, false);
  };
  set(map, {
    onpointerdown(event) {
      map.setPointerCapture(event.pointerId);
      look(event);
    },
    onpointermove: (event) => event.buttons && look(event),
  });
}
