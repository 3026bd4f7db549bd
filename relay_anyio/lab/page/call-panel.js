// What a phone shows during a call: who it is, what is heard, keys, words to say, and the end.

import { isRinging, order, otherSide } from "./calls.js";
import { h, icon, setAttribute, setText, show } from "./dom.js";
import { keypad } from "./keypad.js";
import { lab } from "./lab.js";
import { setting } from "./settings.js";
import { canListen, listen } from "./speech.js";
import { Transcript } from "./transcript.js";
import * as words from "./words.js";

/** @typedef {import("./store.js").Call} Call */

export class CallPanel {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./softphone.js").Softphone} phone
   * @param {{again: (number: string) => void, close: () => void}} then
   */
  constructor(store, phone, then) {
    this._store = store;
    this._phone = phone;
    this._then = then;
    this._id = "";
    this._stopListening = null;
    this._digits = "";
    this._pressing = false;
    /** Whether words moved on when they were shown last. */
    this._spoke = false;
    this._transcript = new Transcript(store, phone.name);
    this._keys = keypad((key) => this._press(key));
    this.element = this._build();
  }

  _build() {
    this._other = h("p", { class: "call-other" });
    this._state = h("p", { class: "call-state", role: "status" });
    this._time = h("span", { class: "call-time", role: "timer", "aria-label": "Length of the call" });
    this._answer = this._button("call", "phone", "Answer", lab.answer);
    this._decline = this._button("end", "hang-up", "Decline", lab.decline);
    this._ring = h(
      "div",
      { class: "ring" },
      h("span", { class: "ring-mark", "aria-hidden": "true" }, icon("phone")),
      h("div", { class: "ring-buttons" }, this._decline, this._answer),
    );
    this._hangUp = this._button("end", "hang-up", "Hang up", lab.hangUp);
    this._again = h("button", { type: "button", class: "button call" });
    this._again.append(icon("phone"), h("span", { text: "Call again" }));
    this._again.addEventListener("click", () => this._then.again(this._number));
    const close = h("button", { type: "button", class: "button", text: "Close" });
    close.addEventListener("click", () => this._then.close());
    this._look = h("a", { class: "look", text: "See it in the timeline" });
    this._after = h("div", { class: "after" }, close, this._again, this._look);
    this._sayForm = this._buildSay();
    return h(
      "div",
      { class: "in-call", hidden: true },
      h("div", { class: "call-head" }, h("div", {}, this._other, this._state), this._time),
      this._ring,
      this._transcript.element,
      this._keys.element,
      this._sayForm,
      this._hangUp,
      this._after,
    );
  }

  _button(kind, shape, text, act) {
    const button = h("button", { type: "button", class: `button ${kind}` }, icon(shape), text);
    const call = () => this._store.state.calls.get(this._id);
    button.addEventListener("click", () => this._phone.try(() => order(call(), act)));
    return button;
  }

  _buildSay() {
    this._words = h("input", {
      type: "text",
      autocomplete: "off",
      placeholder: "Say something",
      "aria-label": "Words to say",
      maxlength: 2000,
    });
    this._microphone = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Speak into the microphone",
        "aria-pressed": "false",
        on: { click: () => this._speak() },
      },
      icon("mic"),
    );
    const say = h("button", { type: "submit", class: "button", text: "Say" });
    const submit = (event) => {
      event.preventDefault();
      const text = this._words.value.trim();
      if (text === "") return;
      this._words.value = "";
      this._phone.try(() => lab.say(this._id, text));
    };
    return h("form", { class: "say", on: { submit } }, this._words, this._microphone, say);
  }

  /** @param {Call} call */
  update(call) {
    if (this._id !== call.id) {
      this._id = call.id;
      this._digits = "";
      this._stopListening?.();
    }
    this._number = otherSide(call);
    setAttribute(this._look, "href", `#timeline/${encodeURIComponent(call.id)}`);
    setText(this._other, words.number(this._number));
    const ringing = isRinging(call);
    const ended = call.state === "ended";
    const can = (act) => call.can.includes(act);
    const talking = call.state === "answered";
    this.element.classList.toggle("is-ringing", ringing);
    show(this._ring, ringing);
    show(this._transcript.element, !ringing);
    show(this._keys.element, talking);
    show(this._sayForm, talking);
    show(this._hangUp, !ringing && !ended);
    show(this._after, ended);
    show(this._microphone, canListen && setting("microphone"));
    setAttribute(this._hangUp, "disabled", !can("hangup"));
    for (const part of [this._words, this._sayForm.lastChild]) {
      setAttribute(part, "disabled", !can("say"));
    }
    setText(this._again.lastChild, call.direction === "inbound" ? "Call again" : "Call back");
    setText(this._state, this._stateOf(call, ringing));
    const nothing = {
      ringing: "Nobody has answered yet.",
      answered: "Nothing to hear yet.",
      ended: "Nothing was said in this call.",
    };
    this._nothing = nothing[call.state];
    this._showTime(call);
    this._transcript.update(call, this._nothing);
    this._spoke = true;
  }

  /** Where the focus goes when what had it is gone. */
  get usual() {
    if (!this._ring.hidden) return this._answer;
    return this._after.hidden ? this._transcript.element : this._after.firstElementChild;
  }

  /** Move on the time, and the words that are being spoken. @param {Call} call */
  tick(call) {
    if (call.state === "ended") return;
    this._showTime(call);
    // Once more at the end: a browser that is busy, or a hidden page, comes late.
    const speaking = this._transcript.speaking(call);
    if (speaking || this._spoke) this._transcript.update(call, this._nothing);
    this._spoke = speaking;
  }

  _showTime(call) {
    show(this._time, Boolean(call.answered_at));
    if (call.answered_at) {
      setText(this._time, words.duration((call.ended_at ?? this._store.now()) - call.answered_at));
    }
  }

  _stateOf(call, ringing) {
    if (ringing) return "is calling";
    if (call.state === "ringing") return "Calling…";
    if (call.state === "answered") return "Connected";
    const end = this._store.eventsOf(call.id).findLast((event) => event.what === "ended");
    if (call.reason === "hangup" && end?.who === "program") return "The program hung up";
    if (call.reason === "hangup" && end?.who === "caller") return "You hung up";
    return words.reason(call);
  }

  /** Press a key. Keys that follow quickly go together, so that they arrive in order. */
  async _press(key) {
    this._digits += key;
    if (this._pressing) return;
    this._pressing = true;
    while (this._digits !== "") {
      const digits = this._digits;
      this._digits = "";
      await this._phone.try(() => lab.press(this._id, digits));
    }
    this._pressing = false;
  }

  /** Take a key of the keyboard. @returns {boolean} whether it meant something */
  keyDown(call, key) {
    if (isRinging(call)) {
      if (key === "a") this._answer.click();
      else if (key === "d") this._decline.click();
      else return false;
      return true;
    }
    if (call.state === "ended") return false;
    if (key === "h") {
      this._hangUp.click();
    } else if (call.state === "answered" && this._keys.has(key)) {
      this._press(key);
      this._keys.light(key);
    } else if (call.state === "answered" && key === "s") {
      this._words.focus();
    } else {
      return false;
    }
    return true;
  }

  // The microphone

  _speak() {
    if (this._stopListening) {
      this._stopListening();
      return;
    }
    const id = this._id;
    const done = (trouble) => {
      this._stopListening = null;
      setAttribute(this._microphone, "aria-pressed", "false");
      if (trouble) this._phone.say(trouble);
    };
    const heard = (text, final) => {
      this._words.value = final ? "" : text;
      if (final) this._phone.try(() => lab.say(id, text));
    };
    this._stopListening = listen({ heard, ended: done });
    setAttribute(this._microphone, "aria-pressed", "true");
  }
}
