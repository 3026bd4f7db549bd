// The lanes of the timeline, as elements. Only those in view are there: the others are a height.

import { h, icon, reconcile, setAttribute, setText, show } from "./dom.js";
import { endOf, keyOfFrame, LAB, meets } from "./timeline-model.js";
import { took } from "./timeline-scale.js";
import { duration, reason } from "./words.js";

/** The most items of one lane that are drawn. */
const MOST_ITEMS = 160;
const MOST_ROWS = 5;
/** Heights in pixels; timeline.css has the same. */
const PADDING = 8;
const STATES = 9;
const MARKS = 26;
const BAR = 25;
const FRAMES = 17;
const SMALLEST = 58;
const HEAD_ABOVE = 34;
/** Marks nearer than this are one. */
const CLUSTER = 9;
const FRAME_CLUSTER = 6;
const LONGEST_LABEL = 220;
/** The least room for words. Without it, what was said is a dot. */
const LEAST_ROOM = 46;
/** The width of a bar in which its verb has room beside its words. Its colour says it as well. */
const ROOM_FOR_BOTH = 130;
/** Which of several marks says most. */
const RANK = ["trouble", "key", "speech", "text", "beep", "result", "plain", "state"];

/** The height of a lane. `narrow` puts its head above its track. */
export function heightOf(lane, { frames, narrow }) {
  const rows = Math.min(lane.rows, MOST_ROWS) * BAR;
  const track = 2 * PADDING + (hasStates(lane) ? STATES : 0) + MARKS + rows + (frames ? FRAMES : 0);
  return narrow ? track + HEAD_ABOVE : Math.max(SMALLEST, track);
}

/**
 * Draw these lanes. `placed` has each lane with its `top` and `height`.
 *
 * @param {HTMLElement} parent
 * @param {{lane: import("./timeline-model.js").Lane, top: number, height: number}[]} placed
 * @param {object} view the scale, the model, what is chosen, found and shown
 * @returns {number} how many items were left out
 */
export function drawLanes(parent, placed, view) {
  let left = 0;
  reconcile(
    parent,
    placed,
    ({ lane }) => lane.id,
    () => newLane(),
    (element, { lane, top, height }) => {
      left += drawLane(element, lane, top, height, view);
    },
  );
  return left;
}

const hasStates = (lane) => lane.call !== null || lane.spans.length > 0;

function newLane() {
  const title = h("span", { class: "tl-title" });
  const shape = h("span", { class: "tl-shape" });
  const about = h("span", { class: "tl-about" });
  const state = h("span", { class: "tl-chip" });
  const open = h("button", { type: "button", class: "tl-head", tabindex: -1 }, shape, h("span", { class: "tl-names" }, title, about), state);
  const head = h("div", { role: "rowheader", class: "tl-side" }, open);
  const states = h("div", { class: "tl-states", "aria-hidden": "true" });
  const marks = h("div", { class: "tl-marks" });
  const bars = h("div", { class: "tl-bars" });
  const frames = h("div", { class: "tl-frames" });
  const track = h("div", { role: "cell", class: "tl-track" }, states, marks, bars, frames);
  const element = h("div", { role: "row", class: "tl-lane" }, head, track);
  element.parts = { title, shape, about, state, open, states, marks, bars, frames, track };
  return element;
}

function drawLane(element, lane, top, height, view) {
  const { parts } = element;
  element.style.transform = `translateY(${top}px)`;
  element.style.height = `${height}px`;
  setAttribute(element, "aria-rowindex", view.indexOf(lane));
  setAttribute(element, "data-depth", lane.depth);
  setAttribute(element, "data-lane", lane.id === LAB ? "lab" : "call");
  drawHead(parts, lane, view);
  const items = itemsInView(lane, view);
  show(parts.states, hasStates(lane));
  drawStates(parts.states, lane, view);
  drawMarks(parts.marks, items.marks, view);
  drawBars(parts.bars, items.bars, view);
  show(parts.frames, view.frames);
  if (view.frames) drawFrames(parts.frames, items.frames, view);
  return items.left;
}

function drawHead({ title, shape, about, state, open }, lane, view) {
  const { call } = lane;
  setText(title, lane.title);
  const direction = call === null ? "settings" : call.direction === "inbound" ? "call-in" : "call-out";
  if (shape.dataset.shape !== direction) {
    shape.dataset.shape = direction;
    shape.replaceChildren(icon(direction));
  }
  const way = call === null ? "" : call.direction === "inbound" ? `calls ${view.number(call.to)}` : "called by the program";
  setText(about, lane.depth > 0 ? "for the call above" : way);
  show(about, way !== "");
  const words = call === null ? "" : stateOf(call, view.now);
  setText(state, words);
  show(state, words !== "");
  setAttribute(state, "data-state", call?.state === "ended" && call.answered_at === null ? "failed" : call?.state);
  setAttribute(open, "data-key", `lane ${lane.id}`);
  setAttribute(open, "aria-pressed", view.chosen === `lane ${lane.id}` ? "true" : null);
  setAttribute(open, "aria-label", `${lane.title}, ${way}, ${words}`.replace(/(, )+$/, ""));
}

/** The state of a call, in a few words. */
export function stateOf(call, now) {
  if (call.state === "ringing") return `rings ${duration(now - call.started_at)}`;
  if (call.state === "answered") return duration(now - (call.answered_at ?? call.started_at));
  if (call.answered_at !== null) return duration(call.ended_at - call.answered_at);
  return reason(call);
}

function itemsInView(lane, { scale, now, model, frames }) {
  const inView = (start, end) => meets(start, end, scale.from, scale.to);
  const bars = lane.bars.filter((bar) => inView(bar.start, bar.end ?? now));
  const marks = lane.marks.filter((mark) => inView(mark.at, mark.at));
  const ticks = frames ? model.framesOf(lane.id).filter((frame) => inView(frame.at, frame.at)) : [];
  const shownBars = bars.filter((bar) => bar.row < MOST_ROWS).slice(-MOST_ITEMS);
  return { bars: shownBars, marks, frames: ticks, left: bars.length - shownBars.length };
}

function drawStates(parent, lane, { scale, now }) {
  const spans = (lane.spans ?? []).map((span) => ({ ...span, end: span.end ?? now }));
  if (lane.call) {
    const { started_at: start, answered_at: answered } = lane.call;
    const end = endOf(lane, now);
    spans.push({ key: "ringing", state: "ringing", start, end: answered ?? end });
    if (answered !== null) spans.push({ key: "answered", state: "answered", start: answered, end });
    if (lane.end !== null) spans.push({ key: "ended", state: "ended", start: end, end });
  }
  reconcile(
    parent,
    spans,
    (span) => span.key,
    (span) => h("span", { class: "tl-span", "data-state": span.state }),
    (element, span) => place(element, clamp(scale.x(span.start), scale), clamp(scale.x(span.end), scale)),
  );
}

function drawBars(parent, bars, view) {
  const { scale, now } = view;
  reconcile(
    parent,
    bars,
    (bar) => bar.key,
    (bar) => {
      const name = h("b", {});
      const words = h("span", {});
      const element = h("button", { type: "button", class: "tl-bar", tabindex: -1, "data-key": bar.key }, name, words);
      element.parts = { name, words };
      return element;
    },
    (element, bar) => {
      const from = clamp(scale.x(bar.start), scale);
      const to = Math.max(from + 3, clamp(scale.x(bar.end ?? now), scale));
      place(element, from, to);
      element.style.top = `${bar.row * BAR}px`;
      setText(element.parts.name, bar.name);
      const said = [bar.words, bar.end === null || isPlain(bar) ? "" : `→ ${bar.outcome}`].filter(Boolean).join(" ");
      setText(element.parts.words, said);
      setAttribute(element, "data-verb", family(bar.name));
      setAttribute(element, "data-small", to - from < 30);
      setAttribute(element, "data-words", bar.words !== "" && to - from < ROOM_FOR_BOTH);
      setAttribute(element, "data-bad", bar.bad);
      setAttribute(element, "data-open", bar.end === null);
      const how = bar.end === null ? "under way" : bar.outcome || "over";
      const about = `${bar.name}${bar.words ? `: ${bar.words}` : ""}, ${how}, ${took((bar.end ?? now) - bar.start)}`;
      setAttribute(element, "title", about);
      setAttribute(element, "aria-label", `${about}, at ${scale.label(bar.start)}`);
      dress(element, bar.key, view);
    },
  );
}

const isPlain = (bar) => bar.outcome === "" || bar.outcome === "finished";

function family(verb) {
  if (/^play$|ringtone|silence/.test(verb)) return "play";
  if (/collect|detect|transcri|prompt/.test(verb)) return "listen";
  if (/record|stream|tap|fax/.test(verb)) return "record";
  return "other";
}

function drawMarks(parent, marks, view) {
  const { scale } = view;
  const clusters = [];
  for (const mark of marks) {
    const x = scale.x(mark.at);
    const last = clusters.at(-1);
    if (last && x - last.x < CLUSTER) last.marks.push(mark);
    else clusters.push({ x, marks: [mark] });
  }
  reconcile(
    parent,
    clusters,
    (cluster) => cluster.marks[0].key,
    (cluster) => h("button", { type: "button", class: "tl-mark", tabindex: -1, "data-key": cluster.marks[0].key }),
    (element, cluster) => {
      const { marks: all, x } = cluster;
      const room = (clusters[clusters.indexOf(cluster) + 1]?.x ?? Infinity) - x - 2;
      // Several marks at one place look like the one that says most.
      const main = all.reduce((best, one) => (RANK.indexOf(one.shape) < RANK.indexOf(best.shape) ? one : best));
      const label = main.label && room >= Math.min(LEAST_ROOM, 14 + main.label.length * 7) ? main.label : "";
      element.style.left = `${x}px`;
      element.style.maxWidth = label ? `${Math.min(room, LONGEST_LABEL)}px` : "";
      setAttribute(element, "data-shape", main.shape);
      setAttribute(element, "data-many", all.length > 1);
      setAttribute(element, "data-small", label === "");
      setText(element, label);
      const words = all.slice(0, 8).map((one) => one.words).join("; ");
      setAttribute(element, "title", words);
      setAttribute(element, "aria-label", `${words}, at ${scale.label(all[0].at)}`);
      element.marks = all;
      dress(element, all.map((one) => one.key), view);
    },
  );
}

function drawFrames(parent, frames, view) {
  const { scale } = view;
  const clusters = [];
  for (const frame of frames) {
    const x = scale.x(frame.at);
    const last = clusters.at(-1);
    if (last && x - last.x < FRAME_CLUSTER) last.frames.push(frame);
    else clusters.push({ x, frames: [frame] });
  }
  reconcile(
    parent,
    clusters,
    (cluster) => keyOfFrame(cluster.frames[0]),
    (cluster) => h("button", { type: "button", class: "tl-frame", tabindex: -1, "data-key": keyOfFrame(cluster.frames[0]) }),
    (element, { x, frames: [first, ...more] }) => {
      const all = [first, ...more];
      element.style.left = `${x}px`;
      const directions = new Set(all.map((frame) => frame.direction));
      setAttribute(element, "data-direction", directions.size > 1 ? "both" : first.direction);
      setAttribute(element, "data-bad", all.some((frame) => /error|malformed/.test(frame.kind)));
      const words = more.length > 0 ? `${all.length} frames: ${first.kind} ${first.method} and ${more.length} more` : `${first.kind} ${first.method}, ${first.direction === "in" ? "from" : "to"} the program`;
      setAttribute(element, "title", words);
      setAttribute(element, "aria-label", `${words}, at ${scale.label(first.at)}`);
      element.frames = all;
      dress(element, all.map(keyOfFrame), view);
    },
  );
}

/** Show whether an item is chosen, found, or not what was looked for. */
function dress(element, keys, { chosen, found, focused }) {
  const own = Array.isArray(keys) ? keys : [keys];
  setAttribute(element, "aria-pressed", own.includes(chosen) ? "true" : null);
  setAttribute(element, "data-found", found === null ? null : own.some((key) => found.has(key)) ? "yes" : "no");
  setAttribute(element, "tabindex", own.includes(focused) ? 0 : -1);
}

function place(element, from, to) {
  element.style.left = `${from}px`;
  element.style.width = `${Math.max(0, to - from)}px`;
}

/** Browsers draw nothing for elements that are too far away, or too wide. */
function clamp(x, scale) {
  return Math.min(scale.width + 40, Math.max(-40, x));
}
