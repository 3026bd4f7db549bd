// The view of the softphones, and of the calls that are on none of them.

import { order } from "./calls.js";
import { ConnectPanel } from "./connect.js";
import { h, icon, reconcile, setAttribute, setText, show } from "./dom.js";
import { lab } from "./lab.js";
import { keptPhones, onChange } from "./settings.js";
import { Softphone } from "./softphone.js";
import { toast } from "./toasts.js";
import * as words from "./words.js";

const NAMES = ["Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jo"];
const FIRST_NUMBER = 15551230001;
const MOST_PHONES = 24;
const MOST_OTHER_CALLS = 20;
const TICK = 100;

/** @param {HTMLElement} element @param {import("./store.js").Store} store */
export function mountPhones(element, store) {
  const connect = new ConnectPanel(store);
  const grid = h("div", { class: "phones" });
  const hidden = h("p", { class: "hint" });
  const form = addForm(store);
  const other = otherCalls(store);
  const numbers = h("datalist", { id: "numbers" });
  element.append(
    h("h1", { text: "Phones" }),
    h("p", {
      class: "lead",
      text: "Pick up a phone, call your program, and hear what it says. Calls that it makes to these numbers ring here.",
    }),
    connect.element,
    h("div", { class: "phones-and-form" }, grid, form.element),
    hidden,
    other.element,
    numbers,
  );

  function render() {
    connect.update();
    const phones = [...store.state.phones.values()];
    const make = (phone) => {
      const softphone = new Softphone(store, phone);
      return Object.assign(softphone.element, { softphone });
    };
    const shown = phones.slice(0, MOST_PHONES);
    const focused = grid.contains(document.activeElement);
    reconcile(grid, shown, (phone) => `${phone.number} ${phone.name}`, make, (one) => one.softphone.update());
    show(hidden, phones.length > shown.length);
    setText(hidden, `${words.count(phones.length - shown.length, "more phone")} not shown`);
    form.update(phones);
    // The phone that had the focus may be gone.
    if (focused && !grid.contains(document.activeElement)) form.focus();
    other.update();
    const served = [...store.state.numbers.values()].filter((one) => one.context).slice(0, 100);
    const option = (one) => h("option", { value: one.number, label: one.words });
    reconcile(numbers, served, (one) => `${one.number} ${one.words}`, option);
  }

  onChange(render);
  let timer = 0;
  return {
    topics: ["phones", "calls", "events", "programs", "numbers", "lab"],
    render,
    /** Times and spoken words move on while the view can be seen. */
    shown(visible) {
      clearInterval(timer);
      if (visible) {
        timer = setInterval(() => {
          for (const one of grid.children) one["softphone"].tick();
          other.tick();
        }, TICK);
      }
    },
  };
}

function addForm(store) {
  const name = h("input", { type: "text", autocomplete: "off", maxlength: 40, required: true });
  const number = h("input", { type: "tel", autocomplete: "off", spellcheck: "false", required: true });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const title = h("h2", {});
  const back = h("button", { type: "button", class: "button", hidden: true });
  back.addEventListener("click", async () => {
    name.focus(); // this button goes
    for (const phone of keptPhones()) {
      await lab.addPhone(phone.number, phone.name).catch((error) => toast(error.message));
    }
  });
  /** The fields that somebody has written in. In the others, the page proposes something. */
  const written = new Set();
  /** The number that the lab has added, until the stream brings its phone. */
  let added = "";
  /** What the lab is asked to add. */
  let adding = "";
  const submit = async (event) => {
    event.preventDefault();
    const asked = `${number.value} ${name.value}`;
    if (adding === asked) return;
    adding = asked;
    const given = [name, number].map((field) => ({ field, value: field.value }));
    try {
      added = (await lab.addPhone(words.address(number.value), name.value.trim())).number;
      // Somebody may have written on meanwhile.
      for (const { field, value } of given) if (field.value === value) written.delete(field);
      propose();
      show(trouble, false);
    } catch (error) {
      setText(trouble, error.message);
      show(trouble, true);
    }
    if (adding === asked) adding = "";
  };

  function propose() {
    const { phones } = store.state;
    if (phones.has(added)) added = "";
    const taken = new Set([...phones.values()].map((phone) => phone.name));
    const free = NAMES.find((one) => !taken.has(one)) ?? `Phone ${phones.size + 1}`;
    let next = FIRST_NUMBER;
    while (phones.has(`+${next}`) || added === `+${next}`) next += 1;
    for (const [field, value] of [[name, free], [number, `+${next}`]]) {
      if (!written.has(field) && field.value !== value) field.value = value;
    }
  }
  const element = h(
    "form",
    { class: "add-phone", "aria-label": "Add a phone", on: { submit, input: (event) => written.add(event.target) } },
    title,
    h("label", { class: "field" }, h("span", { text: "Name" }), name),
    h("label", { class: "field" }, h("span", { text: "Number" }), number),
    h("button", { type: "submit", class: "button primary" }, icon("plus"), "Add the phone"),
    back,
    trouble,
  );
  return {
    element,
    focus: () => name.focus({ preventScroll: true }),
    update(phones) {
      setText(title, phones.length === 0 ? "Add your first phone" : "Add a phone");
      element.classList.toggle("first", phones.length === 0);
      const kept = phones.length === 0 ? keptPhones() : [];
      show(back, kept.length > 0);
      setText(back, `Bring back ${listed(kept.map((phone) => phone.name || words.number(phone.number)))}`);
      propose();
    },
  };
}

/** "Ann, Ben and 3 more". @param {string[]} names */
function listed(names) {
  if (names.length < 2) return names.join("");
  const last = names.length > 3 ? `${names.length - 2} more` : names.at(-1);
  return `${names.slice(0, names.length > 3 ? 2 : -1).join(", ")} and ${last}`;
}

/** Calls with people of a script, or between programs: one line each. */
function otherCalls(store) {
  const list = h("ul", { class: "call-list" });
  const hidden = h("p", { class: "hint" });
  const title = h("h2", { text: "Other calls" });
  const element = h("section", { class: "others", "aria-label": "Other calls" }, title, list, hidden);
  let shown = [];

  const make = (call) => {
    const state = h("span", { class: "chip" });
    const last = h("span", { class: "call-last" });
    const time = h("span", { class: "call-time" });
    const end = h("button", { type: "button", class: "button small", text: "Hang up" });
    end.addEventListener("click", () => {
      const now = store.state.calls.get(call.id);
      order(now, now?.can.includes("hangup") ? lab.hangUp : lab.decline).catch((error) => toast(error.message));
    });
    const who = h("span", { class: "call-pair" }, `${words.number(call.from)} → ${words.number(call.to)}`);
    return Object.assign(h("li", {}, who, state, time, last, end), { state, last, time, end });
  };
  const update = (row, call) => {
    setText(row.state, { ringing: "Ringing", answered: "In a call", ended: "Ended" }[call.state]);
    row.state.dataset.kind = call.state === "answered" ? "on" : "quiet";
    setText(row.last, call.hears.at(-1)?.text ?? "");
    setText(row.time, words.duration(store.now() - (call.answered_at ?? call.started_at)));
    // Somebody may have removed the phone that rings.
    const ends = call.can.includes("hangup") ? "Hang up" : "Decline";
    show(row.end, call.can.includes("hangup") || call.can.includes("decline"));
    setText(row.end, ends);
    setAttribute(row.end, "aria-label", `${ends} the call from ${call.from} to ${call.to}`);
  };
  const tick = () => reconcile(list, shown, (call) => call.id, make, update);

  return {
    element,
    tick,
    update() {
      const up = [];
      for (const call of store.state.calls.values()) {
        if (call.state !== "ended" && !store.state.phones.has(call.phone ?? "")) up.push(call);
      }
      shown = up.slice(-MOST_OTHER_CALLS).reverse();
      show(element, up.length > 0);
      setText(title, `Other calls (${up.length})`);
      show(hidden, up.length > shown.length);
      setText(hidden, `${words.count(up.length - shown.length, "more call")} not shown`);
      tick();
    },
  };
}
