// The timeline as a table: what happened, line by line. For screen readers, and to read in order.

import { h, reconcile, setAttribute, setText } from "./dom.js";
import { LAB } from "./timeline-model.js";
import { took } from "./timeline-scale.js";
import { count } from "./words.js";

/** The most lines that are there at once, the newest ones. */
const MOST_LINES = 300;

/** @param {{scale: import("./timeline-scale.js").Scale, choose: (key: string) => void}} options */
export function makeList({ scale, choose }) {
  const body = h("tbody", {});
  const left = h("p", { class: "hint" });
  const table = h(
    "table",
    { class: "tl-table" },
    h("caption", { class: "sr", text: "What happened, the oldest line first" }),
    h("thead", {}, h("tr", {}, ...["Time", "Call", "Who", "What"].map((text) => h("th", { scope: "col", text })))),
    body,
  );
  const element = h("div", { class: "tl-list", tabindex: 0, role: "region", "aria-label": "What happened" }, left, table);
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-key]");
    if (button) choose(button.dataset.key);
  });

  function draw(lanes, { found, chosen, now, follow }) {
    const lines = lanes.flatMap((lane) => linesOf(lane, now)).filter((line) => found === null || found.has(line.key));
    lines.sort((a, b) => a.at - b.at);
    const shown = lines.slice(-MOST_LINES);
    const dropped = lines.length - shown.length;
    setText(left, dropped > 0 ? `${count(dropped, "older line")} not shown: search, or choose one call.` : lines.length === 0 ? "Nothing has happened here." : "");
    reconcile(
      body,
      shown,
      (line) => line.key,
      (line) => {
        const row = h("tr", {}, h("td", { class: "tl-time" }), h("td", {}), h("td", { class: "tl-who" }), h("td", {}, h("button", { type: "button", class: "tl-line", "data-key": line.key })));
        return row;
      },
      (row, line) => {
        const [time, call, who, what] = row.children;
        setText(time, scale.label(line.at));
        setText(call, line.title);
        setText(who, line.who);
        setText(what.firstChild, line.words);
        setAttribute(row, "data-trouble", line.trouble);
        setAttribute(row, "aria-selected", chosen === line.key ? "true" : null);
      },
    );
    if (follow) element.scrollTop = element.scrollHeight;
  }

  return { element, draw };
}

function linesOf(lane, now) {
  const title = lane.id === LAB ? "" : lane.title;
  const marks = lane.marks.map((mark) => ({
    key: mark.key,
    at: mark.at,
    title,
    who: mark.event.who,
    words: mark.event.text,
    trouble: mark.shape === "trouble",
  }));
  const bars = lane.bars.map((bar) => ({
    key: bar.key,
    at: bar.start,
    title,
    who: "program",
    words: `${bar.name}${bar.words ? `: ${bar.words}` : ""}, ${bar.end === null ? "under way" : `${bar.outcome || "over"} after ${took(bar.end - bar.start)}`}`,
    trouble: bar.bad,
  }));
  return [...marks, ...bars];
}
