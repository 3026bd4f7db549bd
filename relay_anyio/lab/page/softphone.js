// One softphone: a card that dials, rings, talks and remembers its last calls.

import { CallPanel } from "./call-panel.js";
import { isRinging, otherSide } from "./calls.js";
import { h, icon, reconcile, setAttribute, setText, show } from "./dom.js";
import { keypad } from "./keypad.js";
import { lab } from "./lab.js";
import * as words from "./words.js";

const MOST_RECENT = 4;
const MOST_OTHERS = 3;

/** @typedef {import("./store.js").Call} Call */

export class Softphone {
  /**
   * @param {import("./store.js").Store} store
   * @param {{number: string, name: string}} phone
   */
  constructor(store, phone) {
    this._store = store;
    this.number = phone.number;
    this.name = phone.name || words.number(phone.number);
    /** The call that is shown; empty for the dial pad. */
    this._shown = "";
    /** The call that was shown last. */
    this._opened = "";
    /** Whether the lab is asked to place a call, or to take this phone away. */
    this._asking = false;
    /** The call that the lab has placed, until it is known; and the state that did not have it. */
    this._placed = { id: "", before: null };
    this._seen = new Set(store.callsOf(phone.number).map((call) => call.id));
    this._panel = new CallPanel(store, this, {
      again: (number) => this._again(number),
      close: () => this._close(),
    });
    this.element = this._build();
    this.element.addEventListener("keydown", (event) => this._keyDown(event));
  }

  _build() {
    this._status = h("span", { class: "chip" });
    this._trouble = h("p", { class: "trouble", role: "alert", hidden: true });
    this._others = h("ul", { class: "other-calls", "aria-label": `Other calls of ${this.name}` });
    this._moreCalls = h("p", { class: "hint", hidden: true });
    this._dialer = this._buildDialer();
    this._remove = h(
      "button",
      {
        type: "button",
        class: "icon-button quiet",
        "aria-label": `Remove the phone of ${this.name}`,
        on: { click: () => this._once(() => lab.removePhone(this.number)) },
      },
      icon("close"),
    );
    return h(
      "section",
      {
        class: "phone",
        tabindex: -1,
        "aria-label": `Phone of ${this.name}`,
        data: { number: this.number },
      },
      h(
        "header",
        { class: "phone-head" },
        h("span", { class: "avatar", "aria-hidden": "true", text: initial(this.name) }),
        h(
          "div",
          { class: "phone-who" },
          h("h2", { text: this.name }),
          h("p", { class: "phone-number", text: words.number(this.number) }),
        ),
        this._status,
        this._remove,
      ),
      this._others,
      this._moreCalls,
      this._dialer,
      this._panel.element,
      this._trouble,
    );
  }

  _buildDialer() {
    this._to = h("input", {
      class: "dial-number",
      type: "tel",
      autocomplete: "off",
      spellcheck: "false",
      list: "numbers",
      placeholder: "Number",
      "aria-label": "Number to call",
      on: { input: () => this._showWhom() },
    });
    this._keys = keypad((key) => this._type(key));
    const erase = h(
      "button",
      {
        type: "button",
        class: "icon-button quiet",
        "aria-label": "Erase the last digit",
        on: { click: () => this._erase() },
      },
      icon("erase"),
    );
    this._call = h("button", { type: "submit", class: "button call" }, icon("phone"), h("span"));
    this._recent = h("ul", { class: "recent-list" });
    this._noRecent = h("p", { class: "hint", text: "Calls of this phone appear here." });
    this._hidden = h("p", { class: "hint" });
    return h(
      "div",
      { class: "dialer" },
      h(
        "form",
        {
          class: "dial-form",
          on: {
            submit: (event) => {
              event.preventDefault();
              this._dial(words.address(this._to.value));
            },
          },
        },
        h("div", { class: "dial-row" }, this._to, erase),
        this._keys.element,
        this._call,
      ),
      h(
        "div",
        { class: "recent" },
        h("h3", { text: "Recent" }),
        this._noRecent,
        this._recent,
        this._hidden,
      ),
    );
  }

  /** Show what is so now. The focus stays in this phone if it was here. */
  update() {
    const focused = this.element.contains(document.activeElement);
    this._update();
    const now = document.activeElement;
    const lost = !this.element.contains(now) || now?.getClientRects().length === 0;
    if (focused && lost) {
      (this._dialer.hidden ? this._panel.usual : this._usualFocus()).focus({ preventScroll: true });
    }
  }

  /** The number to call; but with a finger, that would bring up the keyboard of the screen. */
  _usualFocus() {
    return matchMedia("(pointer: coarse)").matches ? this.element : this._to;
  }

  _update() {
    const calls = this._store.callsOf(this.number);
    const up = calls.filter((call) => call.state !== "ended");
    const fresh = up.find((call) => !this._seen.has(call.id));
    this._seen = new Set(calls.map((call) => call.id));
    let shown = calls.find((call) => call.id === this._shown);
    if (fresh && (!shown || shown.state === "ended")) shown = fresh;
    const placed = calls.find((call) => call.id === this._placed.id);
    if (placed) {
      // It may have ended already; or it was shown before the lab's answer, and closed by hand.
      if ((!shown || shown.state === "ended") && this._opened !== placed.id) shown = placed;
      this._placed = { id: "", before: null };
    }
    shown ??= up[0];
    this._shown = shown?.id ?? "";
    if (shown && shown.id !== this._opened) this.say(""); // what went wrong before is over
    this._opened = this._shown || this._opened;
    const ringing = up.some(isRinging);
    this.element.classList.toggle("ringing", ringing);
    this.element.classList.toggle("talking", up.some((call) => call.state === "answered"));
    setAttribute(this._remove, "disabled", up.length > 0);
    setAttribute(this._remove, "title", up.length > 0 ? "Hang up first" : "Remove this phone");
    this._updateStatus(up, ringing);
    this._updateOthers(up.filter((call) => call.id !== this._shown));
    show(this._dialer, !shown);
    show(this._panel.element, Boolean(shown));
    if (shown) this._panel.update(shown);
    else this._updateDialer(calls);
  }

  /** Move on what depends on the time alone. */
  tick() {
    const call = this._store.state.calls.get(this._shown);
    if (call) this._panel.tick(call);
  }

  _updateStatus(up, ringing) {
    const talking = up.some((call) => call.state === "answered");
    const status = ringing ? "Ringing" : talking ? "In a call" : up.length > 0 ? "Calling" : "Ready";
    setText(this._status, status);
    setAttribute(this._status, "data-kind", { Ringing: "ring", Ready: "quiet" }[status] ?? "on");
  }

  _updateOthers(calls) {
    show(this._others, calls.length > 0);
    const make = (call) => {
      const what = h("span");
      const button = h("button", { type: "button", class: "button small", text: "Show" });
      button.addEventListener("click", () => {
        this._shown = call.id;
        this.update();
      });
      return Object.assign(h("li", {}, what, button), { what });
    };
    const listed = calls.slice(0, MOST_OTHERS);
    show(this._moreCalls, calls.length > listed.length);
    setText(this._moreCalls, `${words.count(calls.length - listed.length, "more call")} not shown`);
    reconcile(this._others, listed, (call) => call.id, make, (row, call) => {
      const state = isRinging(call) ? "is calling" : "is on the line";
      setText(row.what, `${words.number(otherSide(call))} ${state}`);
    });
  }

  _updateDialer(calls) {
    const usual = this._store.programNumber();
    setAttribute(this._to, "placeholder", `Number, or ${words.number(usual)}`);
    this._showWhom();
    const recent = calls.slice(0, MOST_RECENT);
    show(this._noRecent, recent.length === 0);
    show(this._hidden, calls.length > recent.length);
    setText(this._hidden, `${words.count(calls.length - recent.length, "older call")} not shown`);
    reconcile(this._recent, recent, (call) => call.id, (call) => this._makeRecent(call), updateRecent);
  }

  _makeRecent(call) {
    const other = otherSide(call);
    const made = call.direction === "inbound";
    const missed = !made && !call.answered_at;
    const what = h("span", { class: "hint" });
    const name = `${made ? "Call again" : "Call back"} ${words.number(other)}`;
    const look = h(
      "button",
      { type: "button", class: "recent-call", "aria-label": `Show the call with ${words.number(other)}` },
      icon(missed ? "missed" : made ? "call-out" : "call-in"),
      h("span", { class: "recent-who" }, h("span", { text: words.number(other) }), what),
    );
    look.addEventListener("click", () => {
      this._shown = call.id;
      this.update();
    });
    const again = h(
      "button",
      { type: "button", class: "icon-button", "aria-label": name, title: name },
      icon("phone"),
    );
    again.addEventListener("click", () => this._dial(other));
    return Object.assign(h("li", {}, look, again), { what });
  }

  /** Without a number, the button calls the number that reaches the program. */
  _showWhom() {
    setText(this._call.lastChild, this._to.value === "" ? "Call your program" : "Call");
  }

  _type(key) {
    this._to.value += key;
    this._showWhom();
  }

  _erase() {
    this._to.value = this._to.value.slice(0, -1);
    this._showWhom();
  }

  _dial(number) {
    const to = number || this._store.programNumber();
    const typed = this._to.value;
    return this._once(async () => {
      const before = this._store.state;
      const call = await lab.call(this.number, to);
      if (this._to.value === typed) this._to.value = "";
      // What the lab tells of the call comes by the stream, earlier or later than this answer.
      this._placed = { id: call.id, before };
      this._store.touch("calls");
    });
  }

  _again(number) {
    if (this._dial(number)) this._shown = "";
  }

  _close() {
    this._shown = "";
    this.update();
  }

  /** Do something, unless it is under way: whoever presses twice means it once. */
  _once(something) {
    const { id, before } = this._placed;
    if (this._asking || (id && before === this._store.state)) return false;
    this._asking = true;
    this.try(something).finally(() => (this._asking = false));
    return true;
  }

  /** Do something; say what was wrong if it fails. */
  async try(something) {
    try {
      await something();
      this.say("");
    } catch (error) {
      this.say(error.message);
    }
  }

  say(trouble) {
    setText(this._trouble, trouble);
    show(this._trouble, trouble !== "");
  }

  /** Keys of the keyboard, wherever the focus is in this phone, except in a text. */
  _keyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
    const shown = this._store.state.calls.get(this._shown);
    const key = event.key;
    if (shown && this._panel.keyDown(shown, key)) {
      event.preventDefault();
    } else if (!shown && this._keys.has(key)) {
      this._type(key);
      this._keys.light(key);
      event.preventDefault();
    } else if (!shown && key === "Backspace") {
      this._erase();
    }
  }
}

function updateRecent(row, call) {
  const at = words.clock(call.started_at);
  const length = call.answered_at ? words.duration((call.ended_at ?? 0) - call.answered_at) : "";
  const missed = call.direction === "outbound" && !call.answered_at;
  const what = length || (missed ? "Missed" : words.reason(call));
  setText(row.what, call.state === "ended" ? `${at} · ${what}` : `${at} · on the line`);
}

function initial(name) {
  return (/[\p{L}\p{N}]/u.exec(name)?.[0] ?? "#").toUpperCase();
}
