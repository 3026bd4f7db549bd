// The overview: all calls of the lab in one strip, and which part of it is in view.

import { h } from "./dom.js";
import { endOf } from "./timeline-model.js";

const REDRAW = 400;

/** @param {{scale: import("./timeline-scale.js").Scale, moved: () => void}} options */
export function makeOverview({ scale, moved }) {
  const canvas = h("canvas", {});
  const glass = h("div", { class: "tl-glass" });
  // It is a second way to do what buttons and keys do, so it says nothing to a screen reader.
  const element = h("div", { class: "tl-overview", "aria-hidden": "true" }, canvas, glass);
  const range = { start: 0, end: 1 };
  let drawnAt = 0;
  let dragging = false;

  const at = (event) => {
    const box = element.getBoundingClientRect();
    return range.start + ((event.clientX - box.left) / box.width) * (range.end - range.start);
  };
  const move = (event) => {
    scale.from = at(event) - scale.span / 2;
    moved();
  };
  element.addEventListener("pointerdown", (event) => {
    dragging = true;
    element.setPointerCapture(event.pointerId);
    move(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (dragging) move(event);
  });
  for (const over of ["pointerup", "pointercancel"]) {
    element.addEventListener(over, () => {
      dragging = false;
    });
  }

  function draw(lanes, extent, now, force) {
    Object.assign(range, extent);
    const width = element.clientWidth;
    const toX = (time) => ((time - range.start) / (range.end - range.start)) * width;
    const left = Math.max(0, Math.min(width - 4, toX(scale.from)));
    const right = Math.min(width, Math.max(left + 4, toX(scale.to)));
    glass.style.transform = `translateX(${left}px)`;
    glass.style.width = `${right - left}px`;
    if (!force && performance.now() - drawnAt < REDRAW) return;
    drawnAt = performance.now();
    const ratio = devicePixelRatio || 1;
    const height = element.clientHeight;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(element);
    const colors = { answered: style.color, ringing: style.outlineColor, failed: style.accentColor };
    const thick = Math.max(1, Math.min(4, (height - 8) / Math.max(1, lanes.length)));
    lanes.forEach((lane, index) => {
      if (!lane.call) return;
      const { started_at: start, answered_at: answered } = lane.call;
      const y = 4 + (index / Math.max(1, lanes.length)) * (height - 8);
      const line = (from, to, color) => {
        context.fillStyle = color;
        context.fillRect(toX(from), y, Math.max(1.5, toX(to) - toX(from)), thick);
      };
      const end = endOf(lane, now);
      if (answered === null) line(start, end, lane.end === null ? colors.ringing : colors.failed);
      else {
        line(start, answered, colors.ringing);
        line(answered, end, colors.answered);
      }
    });
  }

  return { element, draw };
}
