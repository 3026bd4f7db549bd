// The view of the timeline: one lane per leg, live or of a recording.
//
// Names that tests and screen readers find things by: the table "Timeline" with a row for each leg,
// whose first cell is a button with the leg's number; buttons "Zoom in", "Zoom out", "Show all" and
// "Follow"; the field "Search the timeline"; the region "Details".

import { h, icon, setAttribute, setText, show } from "./dom.js";
import { makeDetail } from "./timeline-detail.js";
import { bindKeys } from "./timeline-keys.js";
import { drawLanes, heightOf } from "./timeline-lanes.js";
import { makeList } from "./timeline-list.js";
import { contains, endOf, keyOfFrame, LAB, matches, meets, Model, troubled } from "./timeline-model.js";
import { makeOverview } from "./timeline-overview.js";
import { saveAsRehearsal } from "./timeline-rehearsal.js";
import { Scale } from "./timeline-scale.js";
import * as words from "./words.js";

/** Milliseconds between two steps of a timeline that follows. */
const STEP = 100;
const NARROW = 720;
/** How many times longer than it takes to draw, nothing is drawn by itself. */
const REST = 6;
/** Pixels above and below the part in view that are drawn as well. */
const BEYOND = 200;
const CALLS = [
  ["all", "All calls"],
  ["up", "Calls that are up"],
  ["ended", "Calls that have ended"],
  ["trouble", "Calls with trouble"],
];

/** @param {HTMLElement} element @param {import("./store.js").Store} store */
export function mountTimeline(element, store) {
  const model = new Model(store);
  const scale = new Scale();
  const state = { follow: true, fitted: false, frames: true, list: false, calls: "all", program: "", search: "", chosen: "", focused: "", match: -1, atEnd: true };
  let placed = [];
  let lanes = [];
  let hits = { words: "", keys: null, order: [], calls: 0 };
  let timer = null;
  let scheduled = false;
  let lastNow = 0;
  let wanted = "";
  let drawnAt = 0;
  let cost = 0;
  let later = 0;
  let bottom = 0;

  // Elements

  const button = (label, shape, act) => {
    const made = h("button", { type: "button", class: "icon-button", "aria-label": label, title: label });
    made.append(typeof shape === "string" ? h("span", { class: "tl-sign", text: shape, "aria-hidden": "true" }) : shape);
    made.addEventListener("click", act);
    return made;
  };
  const search = h("input", { type: "search", placeholder: "Search words, numbers, frames", "aria-label": "Search the timeline", autocomplete: "off", spellcheck: "false" });
  const hitCount = h("span", { class: "tl-hits", role: "status" });
  const calls = h("select", { "aria-label": "Which calls" }, ...CALLS.map(([value, text]) => h("option", { value, text })));
  const programs = h("select", { "aria-label": "Which program", hidden: true });
  const framesBox = h("input", { type: "checkbox", id: "tl-frames" });
  framesBox.checked = state.frames;
  const follow = h("button", { type: "button", class: "button small tl-follow", "aria-pressed": "true", text: "Follow" });
  const asList = h("button", { type: "button", class: "button small", "aria-pressed": "false", text: "As a table" });
  const save = h("button", { type: "button", class: "button small", text: "Save as a rehearsal" });
  const tools = h(
    "div",
    { class: "tl-tools", role: "toolbar", "aria-label": "Timeline" },
    h("span", { class: "tl-search" }, search, hitCount),
    calls,
    programs,
    h("label", { class: "tl-check" }, framesBox, h("span", { text: "Frames" })),
    h("span", { class: "grow" }),
    h(
      "span",
      { class: "tl-zoom" },
      button("Zoom out", "−", () => zoom(1.6)),
      button("Zoom in", "+", () => zoom(1 / 1.6)),
      button("Show all", "⤢", fit),
    ),
    follow,
    asList,
    save,
  );
  const overview = makeOverview({ scale, moved: () => moved() });
  const ruler = h("div", { class: "tl-ruler", "aria-hidden": "true" });
  const corner = h("div", { class: "tl-corner" });
  const rows = h("div", { class: "tl-rows", role: "rowgroup" });
  const nowLine = h("div", { class: "tl-now", "aria-hidden": "true" });
  const empty = h("div", { class: "empty tl-empty" });
  const scroll = h("div", { class: "tl-scroll", role: "table", "aria-label": "Timeline", tabindex: 0 }, rows);
  const board = h("div", { class: "tl-board" }, h("div", { class: "tl-axis" }, corner, ruler), scroll, nowLine, empty);
  const list = makeList({ scale, choose });
  const detail = makeDetail({ model, scale, close: () => choose(""), choose, leave: () => (state.list ? list.element : scroll).focus({ preventScroll: true }) });
  const status = h("p", { class: "hint tl-status", role: "status" });
  const stage = h("div", { class: "tl-stage" }, board, list.element, detail.element);
  element.append(
    h("h1", { text: "Timeline" }),
    tools,
    overview.element,
    stage,
    status,
  );

  // What is shown

  // What has just come may be a little ahead of the clock of this machine.
  const now = () => (store.state.lab?.recording ? lastAt() : Math.max(store.now(), store.events.at(-1)?.at ?? 0));
  function lastAt() {
    return store.state.lab.recording.ended_at ?? store.events.at(-1)?.at ?? 0;
  }

  function extent(all, at) {
    let start = Infinity;
    let end = -Infinity;
    for (const lane of all) {
      start = Math.min(start, lane.start);
      end = Math.max(end, lane.id === LAB ? (lane.marks.at(-1)?.at ?? 0) : endOf(lane, at));
    }
    if (!store.state.lab?.recording) end = Math.max(end, at);
    return start < end ? { start, end } : { start: at - 60, end: at };
  }

  function passes(lane) {
    const { call } = lane;
    if (call === null) return state.calls === "all" && state.program === "";
    if (state.program && call.program !== state.program) return false;
    if (state.calls === "up") return call.state !== "ended";
    if (state.calls === "ended") return call.state === "ended";
    return state.calls !== "trouble" || troubled(lane) || (call.state === "ended" && call.answered_at === null);
  }

  function look(all) {
    const wanted = state.search.trim().toLowerCase();
    if (wanted === "") {
      hits = { words: "", keys: null, order: [], calls: 0 };
      return all;
    }
    const keys = new Set();
    const order = [];
    const kept = [];
    for (const lane of all) {
      const found = matches(model, lane, wanted);
      const own = lane.call && contains(wanted, lane.title, lane.about, lane.call.from, lane.call.to, lane.id, lane.call.context, lane.call.reason);
      if (!own && found.size === 0) continue;
      kept.push(lane);
      for (const key of found) {
        keys.add(key);
        order.push({ key, lane });
      }
      if (own && found.size === 0) order.push({ key: `lane ${lane.id}`, lane });
    }
    hits = { words: wanted, keys: keys.size > 0 ? keys : new Set(), order, calls: kept.filter((lane) => lane.call).length };
    return kept;
  }

  function draw() {
    scheduled = false;
    const began = performance.now();
    drawNow();
    drawnAt = performance.now();
    cost = drawnAt - began;
  }

  function drawNow() {
    if (element.hidden || store.state.lab === null) return;
    lastNow = now();
    const recording = store.state.lab.recording;
    scale.zero = recording ? recording.began_at : null;
    show(save, !recording);
    show(follow, !recording);
    const all = model.lanes();
    const range = extent(all, lastNow);
    scale.width = Math.max(50, state.list ? ruler.clientWidth : scroll.clientWidth - ruler.offsetLeft);
    if (!state.fitted && all.length > 0) {
      state.fitted = true;
      if (recording) scale.fit(range.start, range.end);
      else scale.span = Math.min(60, Math.max(30, range.end - range.start));
    }
    if (recording) state.follow = false;
    if (state.follow) scale.follow(lastNow);
    setAttribute(follow, "aria-pressed", String(state.follow));
    drawPrograms();
    const passing = all.filter(passes);
    const searched = look(passing);
    const inView = searched.filter((lane) => meets(lane.start, lane.id === LAB ? lastNow : endOf(lane, lastNow), scale.from, scale.to));
    setText(hitCount, hits.words === "" ? "" : hits.order.length === 0 ? "Nothing found" : `${words.count(hits.order.length, "match", "matches")}, ${words.count(hits.calls, "call")}`);
    show(board, !state.list);
    show(list.element, state.list);
    let left = 0;
    if (state.list) {
      list.draw(searched, { found: hits.keys, chosen: state.chosen, now: lastNow, follow: state.follow });
    } else {
      lanes = inView;
      left = drawBoard();
    }
    detail.follow(findItem(state.chosen, all));
    overview.draw(passing, range, lastNow, recording);
    show(overview.element, all.length > 0);
    drawEmpty(all, inView);
    drawStatus(all, passing, searched, inView, left);
    tick();
    if (wanted && all.some((lane) => `lane ${lane.id}` === wanted)) {
      const key = wanted;
      wanted = "";
      goTo(key);
    }
  }

  function drawBoard() {
    const narrow = board.clientWidth < NARROW;
    setAttribute(board, "data-narrow", narrow);
    let top = 0;
    placed = lanes.map((lane) => {
      const height = heightOf(lane, { frames: state.frames, narrow });
      const at = { lane, top, height };
      top += height;
      return at;
    });
    rows.style.height = `${top}px`;
    setAttribute(scroll, "aria-rowcount", lanes.length);
    if (state.follow && state.atEnd) {
      scroll.scrollTop = top;
      bottom = scroll.scrollTop;
    }
    const from = scroll.scrollTop - BEYOND;
    const to = scroll.scrollTop + scroll.clientHeight + BEYOND;
    const drawn = placed.filter((one) => one.top + one.height >= from && one.top <= to);
    if (!findItem(state.focused) && drawn.length > 0) state.focused = `lane ${drawn[0].lane.id}`;
    const focused = rows.contains(document.activeElement);
    const left = drawLanes(rows, drawn, {
      scale,
      model,
      now: lastNow,
      frames: state.frames,
      chosen: state.chosen,
      found: hits.keys,
      focused: state.focused,
      number: words.number,
      indexOf: (lane) => lanes.indexOf(lane) + 1,
    });
    for (const head of rows.querySelectorAll(".tl-head")) setAttribute(head, "tabindex", head.dataset.key === state.focused ? 0 : -1);
    if (!rows.querySelector('[tabindex="0"]')) rows.querySelector(".tl-head")?.setAttribute("tabindex", "0");
    // What had the focus may be out of view now. The keys go on to work.
    if (focused && !rows.contains(document.activeElement)) {
      (rows.querySelector('[tabindex="0"]') ?? scroll).focus({ preventScroll: true });
    }
    drawRuler();
    return left;
  }

  function drawRuler() {
    const ticks = scale.ticks();
    while (ruler.children.length < ticks.length) ruler.append(h("span", { class: "tl-tick" }));
    while (ruler.children.length > ticks.length) ruler.lastChild.remove();
    ticks.forEach((tick, index) => {
      const mark = ruler.children[index];
      mark.style.left = `${tick.x}px`;
      setText(mark, tick.text);
    });
    const offset = ruler.offsetLeft;
    board.style.setProperty("--tl-first", `${ticks[0]?.x ?? 0}px`);
    board.style.setProperty("--tl-step", `${ticks.length > 1 ? ticks[1].x - ticks[0].x : 10000}px`);
    const x = scale.x(lastNow);
    show(nowLine, !store.state.lab.recording && x >= 0 && x <= scale.width);
    nowLine.style.transform = `translateX(${offset + x}px)`;
    setText(corner, store.state.lab.recording ? "Calls of this recording" : "Calls");
  }

  function drawPrograms() {
    const known = [...store.state.programs.values()];
    show(programs, known.length > 1);
    const wanted = ["", ...known.map((program) => program.id)].join(" ");
    if (programs.dataset.known === wanted) return;
    programs.dataset.known = wanted;
    programs.replaceChildren(h("option", { value: "", text: "All programs" }), ...known.map((program) => h("option", { value: program.id, text: `${program.id} ${program.agent || "program"}` })));
    if (!known.some((program) => program.id === state.program)) state.program = "";
    programs.value = state.program;
  }

  function drawEmpty(all, inView) {
    const nothing = inView.length === 0 && !state.list;
    show(empty, nothing);
    if (!nothing) return;
    const why = all.length === 0 ? "Nothing has happened yet." : hits.words !== "" && hits.order.length === 0 ? "Nothing was found." : "Nothing happened in the time that is shown.";
    const what = all.length === 0 ? "Call your program, or let it call a phone: each call gets a lane here." : "";
    if (empty.dataset.why === why) return;
    empty.dataset.why = why;
    empty.replaceChildren(h("p", {}, h("b", { text: why })), what && h("p", { class: "hint", text: what }), ...(all.length > 0 ? [fitButton()] : []));
  }

  function fitButton() {
    const made = h("button", { type: "button", class: "button small", text: "Show all" });
    made.addEventListener("click", () => {
      search.value = state.search = "";
      calls.value = state.calls = "all";
      fit();
    });
    return made;
  }

  function drawStatus(all, passing, searched, inView, left) {
    const total = all.filter((lane) => lane.call).length;
    const here = (state.list ? searched : inView).filter((lane) => lane.call).length;
    const { recording } = store.state.lab;
    const parts = [here === total ? words.count(total, "call") : `${here} of ${words.count(total, "call")}`];
    const outside = searched.length - inView.length;
    if (!state.list && outside > 0) parts.push(`${outside} outside the time shown`);
    if (all.length > searched.length) parts.push(`${all.length - searched.length} do not fit the filter`);
    if (left > 0) parts.push(`${words.count(left, "item")} not drawn: zoom in`);
    const { forgotten } = store;
    const counts = store.state.counts;
    const gone = [
      [forgotten.calls + (counts.forgotten_calls ?? 0), "call"],
      [forgotten.events, "event"],
      [forgotten.frames, "frame"],
      [forgotten.dropped, "entry that came too fast", "entries that came too fast"],
    ].filter(([n]) => n > 0);
    if (gone.length > 0) parts.push(`no longer kept: ${gone.map(([n, one, many]) => words.count(n, one, many)).join(", ")}`);
    if (recording?.differences) parts.push(`${words.count(recording.differences, "line")} would be different with this version`);
    if (recording?.trouble) parts.push(recording.trouble);
    setText(status, `${parts.join(" · ")}.`);
  }

  // What is done

  /** Draw at the next frame of the screen. */
  function schedule() {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(draw);
  }

  /** Draw soon. The longer it takes, the rarer it is, so that hands are never kept waiting. */
  function refresh() {
    const wait = cost * REST - (performance.now() - drawnAt);
    if (wait <= 0) schedule();
    else if (!later) later = setTimeout(() => { later = 0; schedule(); }, wait);
  }

  /** Go on by itself while it follows, or while a call is up. */
  function tick() {
    clearTimeout(timer);
    if (element.hidden || document.hidden || store.state.lab?.recording) return;
    const up = lanes.some((lane) => lane.call && lane.end === null);
    if (up || state.follow) timer = setTimeout(schedule, up ? STEP : STEP * 5);
  }

  function moved() {
    state.follow = false;
    schedule();
  }

  function zoom(factor, x = null) {
    const at = x ?? (state.follow ? scale.x(lastNow) : scale.width / 2);
    scale.zoom(factor, at);
    schedule();
  }

  function fit() {
    const range = extent(model.lanes().filter(passes), now());
    scale.fit(range.start, range.end);
    moved();
  }

  function setFollow(on) {
    state.follow = on;
    state.atEnd = true;
    schedule();
  }

  function findItem(key, among = lanes) {
    if (key === "") return null;
    for (const lane of among) {
      if (key === `lane ${lane.id}`) return { kind: "lane", what: lane, lane, start: lane.start, end: endOf(lane, lastNow) };
      const bar = lane.bars.find((one) => one.key === key);
      if (bar) return { kind: "action", what: bar, lane, start: bar.start, end: bar.end ?? lastNow };
      const mark = lane.marks.find((one) => one.key === key);
      if (mark) return { kind: "marks", what: [mark], lane, start: mark.at, end: mark.at };
    }
    const frame = key.startsWith("frame ") ? model.frame(Number(key.slice(6))) : null;
    if (!frame) return null;
    const lane = among.find((one) => one.id === (frame.call || LAB));
    return { kind: "frames", what: [frame], lane, start: frame.at, end: frame.at };
  }

  /** Show something in the panel; `several` are the marks or frames that stand at one place. */
  function choose(key, several = null) {
    state.chosen = key;
    if (key === "") {
      detail.hide();
      setAttribute(stage, "data-detail", null);
      schedule();
      return;
    }
    lanes = model.lanes();
    const item = findItem(key);
    if (item === null) return;
    detail.show(item, several);
    setAttribute(stage, "data-detail", true);
    schedule();
    // The page keeps fewer frames than the lab.
    const call = item.lane?.call;
    if (call && store.forgotten.frames > 0) model.load(call.id).then((more) => more && schedule());
  }

  /** Choose something, and bring it into view. */
  function goTo(key) {
    lanes = model.lanes();
    const item = findItem(key);
    if (item === null) return;
    if (item.kind !== "lane") state.follow = false;
    const { lane } = item;
    if (lane?.call) {
      const end = endOf(lane, lastNow);
      if (scale.span > 8 * Math.max(end - lane.start, 1)) scale.fit(lane.start, end);
    }
    scale.reveal(item.start, item.end);
    choose(key);
    requestAnimationFrame(() => {
      const at = placed.find((one) => one.lane.id === item.lane?.id);
      if (at && (at.top < scroll.scrollTop || at.top + at.height > scroll.scrollTop + scroll.clientHeight)) {
        state.atEnd = false;
        scroll.scrollTop = at.top - 20;
        schedule();
      }
    });
  }

  search.addEventListener("input", () => {
    state.search = search.value;
    state.match = -1;
    schedule();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (hits.words !== search.value.trim().toLowerCase()) draw();
    if (hits.order.length === 0) return;
    state.match = (state.match + (event.shiftKey ? -1 : 1) + hits.order.length) % hits.order.length;
    goTo(hits.order[state.match].key);
    setText(hitCount, `${state.match + 1} of ${words.count(hits.order.length, "match", "matches")}`);
  });
  calls.addEventListener("change", () => {
    state.calls = calls.value;
    schedule();
  });
  programs.addEventListener("change", () => {
    state.program = programs.value;
    schedule();
  });
  framesBox.addEventListener("change", () => {
    state.frames = framesBox.checked;
    schedule();
  });
  follow.addEventListener("click", () => setFollow(!state.follow));
  asList.addEventListener("click", () => {
    state.list = !state.list;
    setAttribute(asList, "aria-pressed", String(state.list));
    schedule();
  });
  save.addEventListener("click", () => {
    const item = findItem(state.chosen);
    saveAsRehearsal(item?.lane?.call ?? null);
  });
  scroll.addEventListener("scroll", () => {
    // It grows while it follows: only somebody who scrolls up has left its end.
    if (scroll.scrollTop + scroll.clientHeight >= scroll.scrollHeight - 4) state.atEnd = true;
    else if (scroll.scrollTop < bottom - 4) state.atEnd = false;
    schedule();
  });
  bindKeys({ scroll, rows, ruler, scale, state, zoom, fit, moved, setFollow, choose, schedule, search, detail });
  new ResizeObserver(schedule).observe(stage);
  store.on("state", ({ anew }) => {
    if (!anew) return;
    model.forget();
    state.fitted = false;
    if (state.chosen !== "") choose("");
  });

  return {
    topics: ["lab", "link", "calls", "events", "frames", "phones", "programs"],
    render: refresh,
    /** Show one call, as an address such as "#timeline/CALL" asks. */
    open(call) {
      wanted = `lane ${call}`;
      schedule();
    },
    shown(visible) {
      if (!visible) clearTimeout(timer);
      else {
        store.followFrames();
        schedule();
      }
    },
  };
}
