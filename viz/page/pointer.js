// What the wheel, the mouse and fingers do to the picture.

export function wheel(viewport) {
  viewport.stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const {left, top} = viewport.stage.getBoundingClientRect();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    if (event.shiftKey && !event.ctrlKey) {
      viewport.pan(-(event.deltaX || event.deltaY) * unit, 0);
      return;
    }
    const speed = event.ctrlKey ? 0.01 : 0.0016; // ctrl is what a pinch on a touchpad sends
    viewport.zoom(Math.exp(-event.deltaY * unit * speed), event.clientX - left, event.clientY - top);
  }, {passive: false});
}

// One pointer moves the picture, two zoom it. A click without a way is not taken.
export function pointers(viewport) {
  const {stage} = viewport, down = new Map(); // by pointer, where it is
  let far = false; // whether it went so far that it is no click
  stage.addEventListener("pointerdown", (event) => {
    if (event.button > 1 || event.target.closest("#map, button")) return;
    down.set(event.pointerId, {x: event.clientX, y: event.clientY});
    far = down.size > 1;
    viewport.dragged = far;
  });
  stage.addEventListener("pointermove", (event) => {
    const was = down.get(event.pointerId);
    if (!was) return;
    const now = {x: event.clientX, y: event.clientY};
    if (!far && Math.hypot(now.x - was.x, now.y - was.y) < 4) return;
    if (!far) stage.setPointerCapture(event.pointerId);
    far = viewport.dragged = true; // the click that follows is none
    stage.classList.add("panning");
    const before = spread(down);
    down.set(event.pointerId, now);
    const after = spread(down), {left, top} = stage.getBoundingClientRect();
    viewport.pan(after.x - before.x, after.y - before.y);
    if (down.size > 1) viewport.zoom(after.wide / before.wide, after.x - left, after.y - top);
  });
  const release = (event) => {
    down.delete(event.pointerId);
    if (!down.size) stage.classList.remove("panning");
  };
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
}

// The middle of the pointers, and how far two are apart.
function spread(down) {
  const all = [...down.values()], mean = (key) => all.reduce((sum, p) => sum + p[key], 0) / all.length;
  const wide = all.length > 1 ? Math.hypot(all[0].x - all[1].x, all[0].y - all[1].y) || 1 : 1;
  return {x: mean("x"), y: mean("y"), wide};
}

// On the small map, the pointer says where to look.
export function onMap(viewport) {
  const {map} = viewport;
  const look = (event) => {
    const {left, top} = map.getBoundingClientRect(), {extent} = viewport.drawing;
    const [across, down] = viewport.scale();
    viewport.centre(extent.x + (event.clientX - left) / across, extent.y + (event.clientY - top) / down, false);
  };
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    look(event);
  });
  map.addEventListener("pointermove", (event) => event.buttons && look(event));
}
