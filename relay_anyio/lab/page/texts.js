// The view of the texts: one thread for each pair of a phone and another number.

import { h, icon, reconcile, setAttribute, setText, show } from "./dom.js";
import { lab } from "./lab.js";
import * as words from "./words.js";

const MOST_THREADS = 60;
const MOST_IN_THREAD = 150;
const BEHIND = 60;
/** Ids of texts that are kept; the page has fewer texts. */
const MOST_SEEN = 5000;

/** The other side of a text is the program's; "mine" is the side of the people of the lab. */
const mine = (text) => (text.direction === "inbound" ? text.from : text.to);
const theirs = (text) => (text.direction === "inbound" ? text.to : text.from);
const pair = (text) => `${mine(text)} ${theirs(text)}`;

/** Texts that have come from programs since the page was opened, and that nobody has looked at. */
export class Unread {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this._store = store;
    this._seen = new Set();
    store.on("state", ({ anew }) => {
      if (anew) this._seen = new Set(store.state.texts.keys());
    });
  }

  /** How many there are, by thread. @returns {Map<string, number>} */
  counts() {
    const counts = new Map();
    for (const text of this._store.state.texts.values()) {
      if (text.direction !== "outbound" || this._seen.has(text.id)) continue;
      counts.set(pair(text), (counts.get(pair(text)) ?? 0) + 1);
    }
    return counts;
  }

  /** Look at texts. @param {{id: string}[]} texts */
  look(texts) {
    for (const { id } of texts) this._seen.add(id);
    if (this._seen.size < MOST_SEEN) return;
    const { texts: known } = this._store.state;
    this._seen = new Set([...this._seen].filter((id) => known.has(id)));
  }

  get total() {
    return [...this.counts().values()].reduce((sum, count) => sum + count, 0);
  }
}

/**
 * @param {HTMLElement} element
 * @param {import("./store.js").Store} store
 * @param {{unread: Unread}} around
 */
export function mountTexts(element, store, { unread }) {
  let chosen = "";
  let writing = false;
  let visible = false;
  /** The text that is being sent, and to whom. */
  let sending = "";
  let fresh = new Map();

  const list = h("ul", { class: "threads" });
  const more = h("p", { class: "hint" });
  const begin = h("button", { type: "button", class: "button" }, icon("plus"), "New text");
  begin.addEventListener("click", () => {
    writing = true;
    chosen = "";
    render();
    (from.value ? to : from).focus();
  });
  const side = h("div", { class: "threads-side" }, begin, list, more);

  const back = h("button", { type: "button", class: "icon-button quiet back", "aria-label": "All threads" }, icon("back"));
  back.addEventListener("click", () => {
    chosen = "";
    writing = false;
    render();
    begin.focus(); // this button goes
  });
  const title = h("h2", {});
  const older = h("p", { class: "hint" });
  const lines = h("div", { class: "messages", role: "log", "aria-live": "polite", "aria-label": "Texts of this thread" });
  const scroll = h("div", { class: "messages-scroll", tabindex: 0, role: "group", "aria-label": "Thread" }, older, lines);
  const from = h("select", {});
  const to = h("input", { type: "tel", autocomplete: "off", spellcheck: "false", list: "numbers" });
  const pairRow = h(
    "div",
    { class: "pair" },
    h("label", { class: "field" }, h("span", { text: "From" }), from),
    h("label", { class: "field" }, h("span", { text: "To" }), to),
  );
  const body = h("textarea", { rows: 2, maxlength: 1600, placeholder: "Write a text", "aria-label": "Text" });
  const send = h("button", { type: "submit", class: "button primary" }, icon("send"), "Send");
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const composer = h("form", { class: "composer", on: { submit } }, pairRow, h("div", { class: "compose-row" }, body, send), trouble);
  const nothing = h("div", { class: "empty" });
  const thread = h("section", { class: "thread", "aria-label": "Thread" }, h("header", {}, back, title), scroll, composer);
  const layout = h("div", { class: "texts" }, side, thread, nothing);

  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      composer.requestSubmit();
    }
  });

  element.append(
    h("h1", { text: "Texts" }),
    h("p", { class: "lead", text: "Send a text to your program, and read what it sends." }),
    layout,
  );

  store.on("state", ({ anew }) => {
    if (anew) chosen = "";
  });

  async function submit(event) {
    event.preventDefault();
    const before = chosen;
    const text = body.value;
    const [phone, other] = chosen ? chosen.split(" ") : [from.value, words.address(to.value)];
    // Whoever presses twice means one text.
    const asked = `${phone} ${other} ${text}`;
    if (sending === asked || text.trim() === "") return;
    sending = asked;
    try {
      if (!phone) throw new Error("Add a phone first: texts come from its number.");
      if (!other) throw new Error("Say which number gets the text.");
      await lab.text(phone, other, text);
      // Somebody may have written on meanwhile, or have gone to another thread.
      if (body.value === text) body.value = "";
      show(trouble, false);
      if (chosen === before) {
        writing = false;
        chosen = `${phone} ${other}`;
        render();
        if (document.activeElement === document.body || element.contains(document.activeElement)) body.focus();
      }
    } catch (error) {
      setText(trouble, error.message);
      show(trouble, true);
    }
    if (sending === asked) sending = "";
  }

  function nameOf(number) {
    return store.state.phones.get(number)?.name || words.number(number);
  }

  function render() {
    const threads = new Map();
    for (const text of store.state.texts.values()) {
      const key = pair(text);
      const texts = threads.get(key) ?? [];
      texts.push(text);
      threads.delete(key);
      threads.set(key, texts); // the thread with the newest text is the last one
    }
    const newest = [...threads.entries()].reverse();
    const wide = matchMedia("(min-width: 761px)").matches;
    if (!chosen && !writing && newest.length > 0 && wide) chosen = newest[0][0];
    if (visible && chosen) unread.look(threads.get(chosen) ?? []);
    fresh = unread.counts();
    reconcile(list, newest.slice(0, MOST_THREADS), ([key]) => key, makeThread, updateThread);
    show(more, newest.length > MOST_THREADS);
    setText(more, `${words.count(newest.length - MOST_THREADS, "more thread")} not shown`);
    const open = chosen !== "" || writing;
    layout.classList.toggle("open", open);
    layout.classList.toggle("nothing", threads.size === 0);
    show(thread, open);
    renderNothing(open, threads.size);
    if (open) renderThread(threads.get(chosen) ?? []);
  }

  function renderNothing(open, count) {
    show(nothing, !open);
    if (open) return;
    const empty = count === 0;
    nothing.replaceChildren(
      icon("texts"),
      h("h2", { text: empty ? "No texts yet" : "Choose a thread" }),
      h("p", {
        text: empty
          ? "Press “New text” to send one to your program. Texts that it sends to any number appear here."
          : "Or press “New text” to begin another one.",
      }),
    );
  }

  function makeThread([key, _texts]) {
    const who = h("span", { class: "thread-who" });
    const when = h("span", { class: "thread-when" });
    const last = h("span", { class: "thread-last" });
    const fresh = h("span", { class: "badge" });
    const button = h("button", { type: "button", class: "thread-button" }, who, when, last, fresh);
    button.addEventListener("click", () => {
      chosen = key;
      writing = false;
      render();
      scroll.scrollTop = scroll.scrollHeight;
      if (button.getClientRects().length === 0) scroll.focus(); // in a narrow window, the list goes
    });
    return Object.assign(h("li", {}, button), { button, who, when, last, fresh });
  }

  function updateThread(row, [key, texts]) {
    const text = texts.at(-1);
    setText(row.who, `${nameOf(mine(text))} and ${words.number(theirs(text))}`);
    setText(row.when, words.clock(text.at));
    setText(row.last, text.body || words.count(text.media.length, "file"));
    show(row.fresh, fresh.has(key));
    setText(row.fresh, `${fresh.get(key)} new`);
    setAttribute(row.button, "aria-current", key === chosen ? "true" : null);
  }

  function renderThread(texts) {
    const [phone, other] = chosen.split(" ");
    setText(title, chosen ? `${nameOf(phone)} and ${words.number(other)}` : "New text");
    show(pairRow, writing);
    if (writing) renderPair();
    const following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < BEHIND;
    const shown = texts.slice(-MOST_IN_THREAD);
    show(older, texts.length > shown.length);
    setText(older, `${words.count(texts.length - shown.length, "older text")} not shown`);
    reconcile(lines, shown, (text) => `${chosen} ${text.id}`, makeText, updateText);
    if (following) scroll.scrollTop = scroll.scrollHeight;
  }

  function renderPair() {
    const phones = [...store.state.phones.values()];
    const option = (phone) =>
      h("option", { value: phone.number, text: `${phone.name || "Phone"}, ${words.number(phone.number)}` });
    reconcile(from, phones, (phone) => `${phone.number} ${phone.name}`, option);
    setAttribute(from, "disabled", phones.length === 0);
    if (to.value === "" && document.activeElement !== to) to.value = store.programNumber();
  }

  return {
    topics: ["texts", "phones", "numbers", "lab"],
    render,
    shown(now) {
      visible = now;
      if (now) scroll.scrollTop = scroll.scrollHeight;
    },
  };
}

function makeText(text) {
  const out = text.direction === "outbound";
  const state = h("span", { class: "message-state" });
  const bubble = h(
    "div",
    { class: "bubble" },
    h("span", { class: "sr", text: out ? "The program: " : "The phone: " }),
    h("span", { text: text.body }),
  );
  for (const url of text.media) bubble.append(media(url));
  return Object.assign(h("div", { class: out ? "message theirs" : "message own" }, bubble, state), { state });
}

/** The address of a file: a link if it is one of the web. Nothing is loaded by itself. */
function media(url) {
  if (!/^https?:\/\//i.test(url)) return h("span", { class: "media", text: url });
  return h("a", { class: "media", href: url, rel: "noreferrer noopener", target: "_blank", text: url });
}

function updateText(row, text) {
  setText(row.state, `${words.clock(text.at)} · ${text.state}`);
  row.state.dataset.state = text.state;
}
