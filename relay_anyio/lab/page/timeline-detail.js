// The panel of the timeline: what was chosen, its frames, and the answer to each frame.

import { h, icon, reconcile, setText, show } from "./dom.js";
import { LAB, text } from "./timeline-model.js";
import { took } from "./timeline-scale.js";
import * as words from "./words.js";

/** Seconds before and after something that happened, in which frames may be about it. */
const NEAR = 0.25;
const MOST_FRAMES = 100;
const LONGEST_STRING = 4000;
/** What is nested deeper is shown in one line. */
const DEEPEST = 40;

/** @param {{model: import("./timeline-model.js").Model, scale: import("./timeline-scale.js").Scale, close: () => void, choose: (key: string) => void, leave: () => void}} options */
export function makeDetail({ model, scale, close, choose, leave }) {
  const title = h("h2", { tabindex: -1 });
  const shut = h("button", { type: "button", class: "icon-button", "aria-label": "Close the details" }, icon("close"));
  shut.addEventListener("click", () => {
    close();
    leave(); // this button goes
  });
  const facts = h("dl", { class: "tl-facts" });
  const heading = h("h3", {});
  const none = h("p", { class: "hint" });
  const rows = h("div", {});
  const more = h("p", { class: "hint" });
  const frames = h("div", { class: "tl-frame-list" }, heading, none, rows, more);
  /** The frames that somebody has opened or closed, by id. */
  let opened = new Map();
  let factsShown = "";
  /** What is shown in place of one item, and what that was made of. */
  let from = { several: null, lane: null, frames: 0 };
  const element = h("section", { class: "tl-detail", "aria-label": "Details", hidden: true }, h("header", {}, title, shut), facts, frames);

  function setFacts(pairs) {
    const given = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
    const key = JSON.stringify(given.map(([name, value]) => [name, value.textContent ?? value]));
    if (key === factsShown) return; // so that a button in them keeps the focus
    factsShown = key;
    facts.replaceChildren(...given.map(([name, value]) => h("div", {}, h("dt", { text: name }), h("dd", {}, value))));
  }

  function setFrames(list, nothing, { title: text = list.length === 1 ? "Frame" : "Frames", open = list.length === 1 } = {}) {
    const shown = list.slice(0, MOST_FRAMES);
    show(heading, text !== "");
    setText(heading, text);
    show(none, shown.length === 0);
    setText(none, nothing);
    const make = (frame) => frameRow(frame, { model, scale, open: opened.get(frame.id) ?? open, toggled: (now) => opened.set(frame.id, now) });
    reconcile(rows, shown, (frame) => `${frame.id} ${model.pairOf(frame)?.id ?? ""}`, make);
    show(more, list.length > shown.length);
    setText(more, `${words.count(list.length - shown.length, "more frame")} not shown here.`);
  }

  const shows = {
    lane(lane) {
      const { call } = lane;
      setText(title, lane.title);
      if (!call) {
        setFacts([["Shows", "What is about no call: programs, texts and faults."]]);
        setFrames(model.framesOf(LAB), "There are no frames of it in view.");
        return;
      }
      setFacts([
        ["From", words.number(call.from)],
        ["To", words.number(call.to)],
        ["Direction", call.direction === "inbound" ? "to the program" : "from the program"],
        ["State", call.state === "ended" ? words.reason(call) : call.state],
        ["Began", scale.label(call.started_at)],
        ["Answered", call.answered_at === null ? "" : `${scale.label(call.answered_at)} (after ${took(call.answered_at - call.started_at)})`],
        ["Ended", call.ended_at === null ? "" : scale.label(call.ended_at)],
        ["Context", call.context ?? ""],
        ["Program", call.program ?? ""],
        ["Connected to", call.peer ? jump(`lane ${call.peer}`, "the other leg") : ""],
        ["Call id", h("code", { text: call.id })],
      ]);
      setFrames(model.framesOf(lane.id), NO_FRAMES);
    },
    action(bar) {
      setText(title, bar.name);
      setFacts([
        ["Words", bar.words],
        ["Outcome", bar.end === null ? "under way" : bar.outcome],
        ["Began", scale.label(bar.start)],
        ["Ended", bar.end === null ? "" : `${scale.label(bar.end)} (after ${took(bar.end - bar.start)})`],
        ["Call", jump(`lane ${bar.lane}`, "this call")],
        ["Control id", h("code", { text: bar.control })],
      ]);
      setFrames(model.framesOfAction(bar), NO_FRAMES);
    },
    marks(marks) {
      const [mark] = marks;
      if (marks.length > 1) {
        setText(title, words.count(marks.length, "event"));
        setFacts(marks.slice(0, 30).map((one) => [scale.label(one.at), one.words]));
      } else {
        setText(title, mark.words);
        setFacts([
          ["At", scale.label(mark.at)],
          ["Who", mark.event.who],
          ["What", mark.event.what],
          ...Object.entries(mark.event.details ?? {}),
          ["Call", mark.lane === LAB ? "" : jump(`lane ${mark.lane}`, "this call")],
        ]);
      }
      const near = new Set(marks.flatMap((one) => model.framesAround(one.lane, one.at, NEAR)));
      setFrames([...near], "No frames near it are kept.");
    },
    frames(list) {
      const [frame] = list;
      if (list.length > 1) {
        setText(title, words.count(list.length, "frame"));
        setFacts([]);
        setFrames(list, "");
        return;
      }
      const pair = model.pairOf(frame);
      setText(title, nameOf(frame));
      setFacts([
        ["At", scale.label(frame.at)],
        ["Direction", WAY[frame.direction]],
        ["Program", frame.program ?? ""],
        ["Size", words.count(frame.bytes, "byte")],
        ["Answer", pair ? `${took(Math.abs(pair.at - frame.at))} ${pair.at >= frame.at ? "later" : "before"}` : "none is kept"],
      ]);
      const both = pair ? [frame, pair].sort((a, b) => a.id - b.id) : [frame];
      setFrames(both, "", { title: "", open: true });
    },
  };

  function jump(key, label) {
    const button = h("button", { type: "button", class: "tl-jump", text: label });
    button.addEventListener("click", () => choose(key));
    return button;
  }

  return {
    element,
    /** Show an item, or `several` of its kind. The kind is "lane", "action", "marks" or "frames". */
    show({ kind, what }, several) {
      opened = new Map();
      factsShown = "";
      from = { several, lane: null, frames: 0 };
      reconcile(rows, [], () => "", () => null);
      shows[kind](several ?? what);
      show(element, true);
    },
    /** Show what has come of the item since: it may go on, and its frames come later than it. */
    follow(item) {
      if (!item?.lane) return;
      const size = model.framesOf(item.lane.id).length;
      if (item.lane === from.lane && size === from.frames) return;
      from = { ...from, lane: item.lane, frames: size };
      shows[item.kind](from.several ?? item.what);
    },
    hide: () => show(element, false),
    focus: () => title.focus(),
  };
}

const WAY = { in: "from the program", out: "to the program" };
const NO_FRAMES = "No frames of it are kept.";

const nameOf = (frame) => [frame.kind, frame.method].filter(Boolean).join(" ");

/** One frame, folded: its JSON is made when it is opened. */
function frameRow(frame, { model, scale, open, toggled }) {
  const pair = model.pairOf(frame);
  const summary = h(
    "summary",
    { "data-direction": frame.direction },
    h("span", { class: "tl-way", "aria-label": WAY[frame.direction], role: "img" }),
    h("span", { class: "tl-what" }, h("b", { text: frame.method || frame.kind }), h("span", { text: frame.method ? ` ${frame.kind}` : "" })),
    h("span", { class: "tl-when", text: scale.label(frame.at) }),
  );
  const body = h("div", { class: "tl-json" });
  const row = h("details", { class: "tl-frame-row", "data-bad": /error|malformed/.test(frame.kind) }, summary, body);
  const fill = () => {
    if (body.firstChild) return;
    const size = h("p", { class: "hint" }, `${words.count(frame.bytes, "byte")}${pair ? `; the answer took ${took(Math.abs(pair.at - frame.at))}` : ""}`);
    body.append(size, pretty(frame), copyButton(frame));
  };
  summary.addEventListener("click", () => toggled(!row.open));
  row.addEventListener("toggle", () => row.open && fill());
  if (open) {
    row.open = true;
    fill();
  }
  return row;
}

function copyButton(frame) {
  const button = h("button", { type: "button", class: "button small" }, icon("copy"), h("span", { text: "Copy" }));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(indented(frame));
      setText(button.lastChild, "Copied");
    } catch {
      setText(button.lastChild, "The browser does not allow it");
    }
  });
  return button;
}

function indented(frame) {
  try {
    return JSON.stringify(typeof frame.body === "string" ? JSON.parse(frame.body) : frame.body, null, 2);
  } catch {
    return text(frame);
  }
}

/** JSON with colours. Whatever is no JSON, because it was cut, is shown as it is. */
export function pretty(frame) {
  const box = h("pre", { tabindex: 0, role: "group", "aria-label": `JSON of ${nameOf(frame)}` });
  let value;
  try {
    value = typeof frame.body === "string" ? JSON.parse(frame.body) : frame.body;
  } catch {
    box.textContent = text(frame);
    return box;
  }
  write(box, value, "", 0);
  return box;
}

function write(box, value, indent, depth) {
  const inner = `${indent}  `;
  const nested = value !== null && typeof value === "object" && depth < DEEPEST;
  if (nested && Array.isArray(value) && value.length > 0) {
    box.append("[\n");
    value.forEach((item, index) => {
      box.append(inner);
      write(box, item, inner, depth + 1);
      box.append(index < value.length - 1 ? ",\n" : "\n");
    });
    box.append(`${indent}]`);
  } else if (nested && !Array.isArray(value) && Object.keys(value).length > 0) {
    box.append("{\n");
    const pairs = Object.entries(value);
    pairs.forEach(([key, item], index) => {
      box.append(inner, h("span", { class: "json-key", text: JSON.stringify(key) }), ": ");
      write(box, item, inner, depth + 1);
      box.append(index < pairs.length - 1 ? ",\n" : "\n");
    });
    box.append(`${indent}}`);
  } else {
    const kind = value === null ? "null" : typeof value;
    const written = JSON.stringify(value);
    const shown = written.length > LONGEST_STRING ? `${written.slice(0, LONGEST_STRING)}… (${written.length} characters)` : written;
    box.append(h("span", { class: `json-${kind}`, text: shown }));
  }
}
