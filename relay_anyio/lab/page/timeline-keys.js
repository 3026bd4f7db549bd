// What mouse, touch and keyboard do on the lanes of the timeline.

const ZOOM = 1.6;
/** The share of the width that one arrow key moves. */
const PAN = 0.2;
/** Pixels after which a press is a drag, not a click. */
const DRAG = 4;

export function bindKeys({ scroll, rows, ruler, scale, state, zoom, fit, moved, setFollow, choose, schedule, search, detail }) {
  const xOf = (event) => event.clientX - ruler.getBoundingClientRect().left;

  scroll.addEventListener(
    "wheel",
    (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        zoom(Math.exp(event.deltaY * 0.004), xOf(event));
        if (!state.follow) schedule();
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        scale.pan(scale.seconds(event.deltaX || event.deltaY));
        moved();
      }
    },
    { passive: false },
  );

  // One finger or the mouse pans, two fingers zoom.
  const fingers = new Map();
  let dragged = 0;
  scroll.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.offsetX > scroll.clientWidth) return;
    fingers.set(event.pointerId, event.clientX);
    if (fingers.size === 1) dragged = 0;
  });
  scroll.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    const by = event.clientX - fingers.get(event.pointerId);
    fingers.set(event.pointerId, event.clientX);
    dragged += Math.abs(by);
    if (dragged < DRAG) return;
    if (!scroll.hasPointerCapture(event.pointerId)) scroll.setPointerCapture(event.pointerId);
    if (fingers.size === 2) {
      const [a, b] = fingers.values();
      const gap = Math.max(20, Math.abs(a - b));
      zoom(Math.max(20, Math.abs(before[0] - before[1])) / gap, (a + b) / 2 - ruler.getBoundingClientRect().left);
    } else if (fingers.size === 1) {
      scale.pan(-scale.seconds(by));
      moved();
    }
  });
  for (const over of ["pointerup", "pointercancel"]) {
    scroll.addEventListener(over, (event) => fingers.delete(event.pointerId));
  }

  scroll.addEventListener("click", (event) => {
    if (dragged >= DRAG) return;
    const item = event.target.closest("[data-key]");
    if (!item) return;
    state.focused = item.dataset.key;
    choose(item.dataset.key, item.marks ?? item.frames ?? null);
  });

  scroll.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(event.shiftKey);
  });

  const KEYS = {
    ArrowLeft: (shift) => (shift ? pan(-PAN) : step(-1)),
    ArrowRight: (shift) => (shift ? pan(PAN) : step(1)),
    ArrowUp: () => lane(-1),
    ArrowDown: () => lane(1),
    Home: () => edge(0),
    End: () => edge(-1),
    PageUp: () => pan(-0.9),
    PageDown: () => pan(0.9),
    "+": () => zoomAt(1 / ZOOM),
    "=": () => zoomAt(1 / ZOOM),
    "-": () => zoomAt(ZOOM),
    0: fit,
    f: () => setFollow(!state.follow),
    "/": () => search.focus(),
    Escape: () => choose(""),
    Enter: open,
    " ": open,
  };

  function pan(share) {
    scale.pan(scale.span * share);
    moved();
  }

  /** Zoom; what has the focus stays where it is. */
  function zoomAt(factor) {
    const item = current();
    if (!item || item.classList.contains("tl-head")) zoom(factor);
    else {
      zoom(factor, Math.max(0, order(item)));
      moved();
    }
  }

  const current = () => rows.querySelector(`[tabindex="0"]`);
  /** The items of a lane in the order of time, its head first. */
  const itemsOf = (row) =>
    [...row.querySelectorAll("[data-key]")].sort((a, b) => order(a) - order(b));
  const order = (item) => (item.classList.contains("tl-head") ? -1e9 : parseFloat(item.style.left) || 0);

  function focus(item) {
    if (!item) return;
    state.focused = item.dataset.key;
    for (const other of rows.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    item.tabIndex = 0;
    item.focus({ preventScroll: true });
    item.closest(".tl-lane").scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const item = current();
    if (!item) return;
    const items = itemsOf(item.closest(".tl-lane"));
    focus(items[items.indexOf(item) + by]);
  }

  function edge(index) {
    const item = current();
    if (item) focus(itemsOf(item.closest(".tl-lane")).at(index));
  }

  function lane(by) {
    const item = current();
    if (!item) return;
    const all = [...rows.children].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex);
    const next = all[all.indexOf(item.closest(".tl-lane")) + by];
    if (!next) return;
    const items = itemsOf(next);
    focus(items.reduce((best, one) => (Math.abs(order(one) - order(item)) < Math.abs(order(best) - order(item)) ? one : best), items[0]));
  }

  function open() {
    const item = current();
    if (!item) return;
    choose(item.dataset.key, item.marks ?? item.frames ?? null);
    requestAnimationFrame(() => detail.focus());
  }
}
