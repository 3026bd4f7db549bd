// Numbers that programs can dial: what each of them does, and how to change it.

import { h, reconcile, setText, show } from "./dom.js";
import { lab } from "./lab.js";
import * as words from "./words.js";

const MOST_NUMBERS = 100;
const BEHAVIOURS = [
  ["answers", "answers, and listens"],
  ["busy", "is busy"],
  ["no answer", "rings, and nobody answers"],
  ["declines", "declines the call"],
  ["machine", "is an answering machine"],
  ["voicemail full", "is a machine that is full"],
  ["fax", "is a fax machine"],
  ["unreachable", "does not exist"],
];

/** A table of numbers, and a form that sets what one of them does. */
export class NumbersPanel {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this._store = store;
    /** The numbers that this page has set; others may have been set elsewhere. */
    this._set = new Set();
    this._trying = false;
    store.on("state", ({ anew }) => anew && this._set.clear());
    this._rows = h("tbody", {});
    this._more = h("p", { class: "hint" });
    this._trouble = h("p", { class: "trouble", role: "alert", hidden: true });
    const head = (text) => h("th", { scope: "col", text });
    const last = h("th", { scope: "col" }, h("span", { class: "sr", text: "Change" }));
    this.element = h(
      "section",
      { class: "panel", "aria-label": "Numbers to dial" },
      h("h2", { text: "Numbers that your program can dial" }),
      h("p", {
        class: "hint",
        text: "The numbers of your phones ring on the page. Any other number that is not here answers, and listens.",
      }),
      h(
        "table",
        { class: "numbers" },
        h("thead", {}, h("tr", {}, head("Number"), head("What it does"), last)),
        this._rows,
      ),
      this._more,
      this._form(),
      this._trouble,
    );
  }

  _form() {
    const number = h("input", { type: "tel", autocomplete: "off", spellcheck: "false", required: true });
    const does = h("select", {}, ...BEHAVIOURS.map(([value, text]) => h("option", { value, text })));
    const submit = (event) => {
      event.preventDefault();
      const which = words.address(number.value);
      this._try(async () => {
        const typed = number.value;
        await lab.setNumber(which, does.value);
        this._set.add(which);
        if (number.value === typed) number.value = "";
        this._store.touch("numbers");
      });
    };
    return h(
      "form",
      { class: "number-form", "aria-label": "Set what a number does", on: { submit } },
      h("label", { class: "field" }, h("span", { text: "Number" }), number),
      h("label", { class: "field" }, h("span", { text: "What it does" }), does),
      h("button", { type: "submit", class: "button", text: "Set" }),
    );
  }

  update() {
    const numbers = [...this._store.state.numbers.values()];
    const shown = numbers.slice(0, MOST_NUMBERS);
    reconcile(this._rows, shown, (one) => one.number, (one) => this._makeRow(one), (row, one) => {
      setText(row.does, words.does(one));
      show(row.back, !one.builtin || this._set.has(one.number));
    });
    show(this._more, numbers.length > shown.length);
    setText(this._more, `${words.count(numbers.length - shown.length, "more number")} not shown`);
  }

  _makeRow({ number }) {
    const does = h("td", {});
    const back = h("button", { type: "button", class: "button small", text: "As before" });
    back.setAttribute("aria-label", `Let ${words.number(number)} do what it did before`);
    back.addEventListener("click", () =>
      this._try(async () => {
        await lab.putNumberBack(number);
        this._set.delete(number);
        this._store.touch("numbers");
      }),
    );
    const row = h("tr", {}, h("td", { class: "mono", text: words.number(number) }), does, h("td", {}, back));
    return Object.assign(row, { does, back });
  }

  /** Do something, unless it is under way: whoever presses twice means it once. */
  async _try(something) {
    if (this._trying) return;
    this._trying = true;
    try {
      await something();
      show(this._trouble, false);
    } catch (error) {
      setText(this._trouble, error.message);
      show(this._trouble, true);
    }
    this._trying = false;
  }
}
