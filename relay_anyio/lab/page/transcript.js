// The transcript of a call: what is heard, word by word as it is spoken, and what was done.

import { h, reconcile, setText, show } from "./dom.js";
import * as words from "./words.js";

const MOST_LINES = 120;
/** How many pixels from the end somebody may scroll and still follow. */
const BEHIND = 40;

/** Seconds by which clocks and answers may be late. */
const SLACK = 0.3;
/** What becomes a line of its own, beside what is heard. */
const NOTES = new Set([
  "answered", "beeped", "missed", "sent digits", "connected", "disconnected", "connect failed",
  "transferred", "started", "finished", "entered", "left", "unserved", "passed", "refused",
  "withdrawn",
]);

/** @typedef {import("./store.js").Call} Call */

export class Transcript {
  /**
   * @param {import("./store.js").Store} store
   * @param {string} whose the name of the phone
   */
  constructor(store, whose) {
    this._store = store;
    this._whose = whose;
    this._lines = h("div", {
      class: "transcript-lines",
      role: "log",
      "aria-live": "polite",
      "aria-relevant": "additions",
      "aria-label": `What ${whose} hears`,
    });
    this._older = h("p", { class: "transcript-older" });
    this._empty = h("p", { class: "transcript-empty" });
    this.element = h(
      "div",
      { class: "transcript", tabindex: 0, role: "group", "aria-label": "Conversation" },
      this._older,
      this._empty,
      this._lines,
    );
    this._call = "";
  }

  /** @param {Call} call @param {string} nothing what to say while there is nothing */
  update(call, nothing) {
    if (this._call !== call.id) {
      this._call = call.id;
      reconcile(this._lines, [], () => "", () => null);
    }
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    const following = scrollHeight - scrollTop - clientHeight < BEHIND;
    const lines = this._linesOf(call);
    const shown = lines.slice(-MOST_LINES);
    const older = lines.length - shown.length;
    show(this._older, older > 0);
    if (older > 0) setText(this._older, `${words.count(older, "older line")} not shown`);
    show(this._empty, lines.length === 0);
    setText(this._empty, nothing);
    reconcile(this._lines, shown, (line) => line.key, makeLine, (element, line) => {
      updateLine(element, line, call.ended_at === null ? this._store.now() : Infinity);
    });
    if (following) this.element.scrollTop = this.element.scrollHeight;
  }

  /** Whether words move on now. @param {Call} call */
  speaking(call) {
    const last = call.hears.at(-1);
    return last !== undefined && this._store.now() < last.at + last.seconds + SLACK;
  }

  _linesOf(call) {
    const events = this._store.eventsOf(call.id);
    const lines = call.hears.map((hear, index) => {
      const { at, text, seconds } = hear;
      const again = call.hears[index - 1]?.at === at ? ` ${index}` : "";
      return { key: `heard ${at}${again}`, kind: "heard", at, text, seconds, until: endOf(hear, call, events) };
    });
    let pressed = null;
    for (const event of events) {
      const at = event.at;
      if (event.who === "caller" && event.what === "pressed") {
        if (pressed === null) {
          pressed = { key: `event ${event.id}`, kind: "pressed", at, text: "" };
          lines.push(pressed);
        }
        pressed.text += event.details.digit;
        continue;
      }
      pressed = null;
      if (event.who === "caller" && event.what === "said") {
        lines.push({ key: `event ${event.id}`, kind: "said", at, text: event.details.text });
      } else if (NOTES.has(event.what)) {
        const text = `${this._who(event)} ${event.text}`;
        lines.push({ key: `event ${event.id}`, kind: "note", at, text });
      }
    }
    for (const action of call.actions) {
      const file = action.outcome === "no_input" ? "" : fileOf(action.url);
      if (file) lines.push({ key: `file ${action.id}`, kind: "file", at: action.ended_at ?? Infinity, file });
    }
    return lines.sort((one, other) => one.at - other.at);
  }

  _who(event) {
    return { program: "The program", exchange: "The lab" }[event.who] ?? this._whose;
  }
}

/** When somebody stopped hearing something, if that was before its end. */
function endOf({ at, seconds }, call, events) {
  const end = at + seconds;
  const inside = (moment) => moment > at && moment < end - SLACK;
  if (call.ended_at !== null && inside(call.ended_at)) return call.ended_at;
  return events.find((event) => event.what === "play ended" && inside(event.at))?.at ?? end;
}

/** Where the lab serves a file that a program has the URL of; empty if it is not the lab's. */
function fileOf(url) {
  const match = /\/files\/([\w.-]+)$/.exec(url ?? "");
  return match ? `/api/files/${match[1]}` : "";
}

function makeLine(line) {
  if (line.kind === "note") return h("div", { class: "line note" }, h("span", { text: line.text }));
  if (line.kind === "file") return makeFile(line.file);
  if (line.kind === "heard") {
    const spoken = h("span", { class: "spoken" });
    const coming = h("span", { class: "coming" });
    // A screen reader gets the whole text at once. Words that come one by one would interrupt it.
    const element = h(
      "div",
      { class: "line heard" },
      h("span", { class: "sr", text: `Heard: ${line.text}` }),
      h("p", { class: "bubble", "aria-hidden": "true" }, spoken, coming),
    );
    Object.assign(element, { spoken, coming, words: line.text.split(/(?<=\s)/), count: -1 });
    return element;
  }
  const label = line.kind === "said" ? "Said: " : "Pressed: ";
  const text = h("span", { text: line.text });
  const bubble = h("p", { class: "bubble" }, h("span", { class: "sr", text: label }), text);
  return Object.assign(h("div", { class: `line own ${line.kind}` }, bubble), { own: text });
}

/** A recording, to be played; or a fax, to be opened. */
function makeFile(file) {
  const name = file.slice(file.lastIndexOf("/") + 1);
  const link = h("a", { href: file, download: name, text: "Save the file" });
  const element = h("div", { class: "line file" });
  if (/\.(wav|mp3)$/.test(name)) {
    element.append(h("audio", { controls: true, preload: "none", src: file, "aria-label": "Recording" }));
  }
  element.append(link);
  return element;
}

/** Move the words of what is being spoken; add digits to those that were pressed. */
function updateLine(element, line, now) {
  if (line.kind === "pressed") setText(element.own, [...line.text].join(" "));
  if (line.kind !== "heard") return;
  const part = line.seconds > 0 ? (Math.min(now, line.until) - line.at) / line.seconds : 1;
  const count = Math.ceil(Math.min(1, Math.max(0, part)) * element.words.length);
  element.classList.toggle("cut-off", line.until < line.at + line.seconds && now > line.until - SLACK);
  if (count === element.count) return;
  element.count = count;
  setText(element.spoken, element.words.slice(0, count).join(""));
  setText(element.coming, element.words.slice(count).join(""));
}
