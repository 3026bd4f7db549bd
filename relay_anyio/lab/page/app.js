// The page of the phone lab: its views, what stands around them, and what rings.
//
// Names that tests and screen readers find things by: the views are headings "Phones", "Texts",
// "Timeline", "Programs" and "Faults", with links of the same names. A phone is a region "Phone of
// NAME", with the buttons "Call", "Answer", "Decline" and "Hang up", the fields "Number to call" and
// "Words to say", a group "Keypad" with a button for each key, and a log "What NAME hears".

import { isRinging, order, otherSide, unheard } from "./calls.js";
import { h, icon, reconcile, setAttribute, setText, show } from "./dom.js";
import { mountFaults } from "./faults.js";
import { lab } from "./lab.js";
import { mountPhones } from "./phones.js";
import { mountPrograms } from "./programs.js";
import { openSettings, themeButton } from "./preferences.js";
import { keepPhones } from "./settings.js";
import { ring } from "./sound.js";
import { beQuiet, readAloud } from "./speech.js";
import { Store } from "./store.js";
import { mountTexts, Unread } from "./texts.js";
import { mountTimeline } from "./timeline.js";
import { toast } from "./toasts.js";
import * as words from "./words.js";

const VIEWS = [
  { id: "phones", name: "Phones", shape: "phone", mount: mountPhones },
  { id: "texts", name: "Texts", shape: "texts", mount: mountTexts },
  { id: "timeline", name: "Timeline", shape: "timeline", mount: mountTimeline },
  { id: "programs", name: "Programs", shape: "programs", mount: mountPrograms },
  { id: "faults", name: "Faults", shape: "faults", mount: mountFaults },
];
const MOST_RINGING = 3;

const store = new Store();
const unread = new Unread(store);
const main = document.getElementById("main");
const views = VIEWS.map((view) => startView(view));
let current = views[0];

/** Make the view and its link. It is mounted when it is first shown. */
function startView({ id, name, shape, mount }) {
  const element = h("section", { class: `view view-${id}`, id: `view-${id}`, hidden: true });
  const badge = h("span", { class: "nav-badge", hidden: true });
  const link = h("a", { href: `#${id}` }, icon(shape), h("span", { text: name }), badge);
  document.getElementById("nav").append(h("li", {}, link));
  main.append(element);
  return { id, name, element, link, badge, mount, view: null };
}

/** Show the view that an address such as "timeline/CALL" names; the view gets the rest of it. */
function open(address) {
  const [id, ...rest] = address.split("/");
  const wanted = store.state.lab?.recording ? "timeline" : id;
  const next = views.find((view) => view.id === wanted) ?? views[0];
  const first = next.view === null;
  if (first) {
    next.view = next.mount(next.element, store, { unread }) ?? {};
    if (next.view.topics) {
      store.subscribe(next.view.topics, () => {
        if (next === current) next.view.render();
      });
    }
  }
  if (next !== current) current.view?.shown?.(false);
  current = next;
  for (const view of views) {
    show(view.element, view === next);
    setAttribute(view.link, "aria-current", view === next ? "page" : null);
  }
  next.view.shown?.(true);
  next.view.render?.();
  if (rest.length > 0) next.view.open?.(decodeURIComponent(rest.join("/")));
  showAround();
}

window.addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (id === "main") return;
  open(id);
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
});

// What stands around the views

const linkElement = document.getElementById("link");
const ringingBar = document.getElementById("ringing-bar");

function showAround() {
  const { lab: about } = store.state;
  setText(document.getElementById("space"), about?.space ?? "");
  const programs = store.connected().length;
  const { recording } = about ?? {};
  const state = {
    loading: "Loading",
    lost: "No connection to the lab",
    resting: "Another page shows the lab",
    recording: `Recording ${recording?.name}`,
  }[store.link];
  const waiting = store.link === "live" && programs === 0;
  setAttribute(linkElement, "data-link", waiting ? "waiting" : store.link);
  setAttribute(linkElement, "title", store.trouble || null);
  if (store.link === "live") {
    const count = waiting ? "No program" : words.count(programs, "program");
    // It is read aloud when it changes.
    if (linkElement.textContent !== `${count} connected`) {
      linkElement.replaceChildren(count, h("span", { class: "wide", text: " connected" }));
    }
  } else {
    setText(linkElement, state);
  }
  const ringing = ringingCalls();
  showRinging(ringing);
  showBadges(ringing.length);
  ring(ringing.length > 0);
  const name = store.state.phones.get(ringing[0]?.phone)?.name;
  document.title = name ? `${name}’s phone rings · Phone lab` : `${current.name} · Phone lab`;
}

function ringingCalls() {
  const calls = [];
  if (store.link === "resting") return calls;
  for (const phone of store.state.phones.values()) {
    for (const call of store.callsOf(phone.number)) if (isRinging(call)) calls.push(call);
  }
  return calls;
}

function showRinging(calls) {
  const shown = current.id === "phones" ? [] : calls.slice(0, MOST_RINGING);
  show(ringingBar, shown.length > 0);
  const make = (call) => {
    const name = store.state.phones.get(call.phone)?.name || words.number(call.phone);
    const act = (text, kind, what) => {
      const button = h("button", { type: "button", class: `button ${kind}`, text });
      button.addEventListener("click", () => {
        order(store.state.calls.get(call.id), what).catch((error) => toast(error.message));
        if (text === "Answer") location.hash = "#phones";
      });
      return button;
    };
    return h(
      "div",
      { class: "ringing-call" },
      icon("phone"),
      h("p", {}, h("strong", { text: name }), ` is called by ${words.number(otherSide(call))}`),
      act("Decline", "end", lab.decline),
      act("Answer", "call", lab.answer),
    );
  };
  reconcile(ringingBar, shown, (call) => call.id, make);
}

function showBadges(ringing) {
  const badges = { phones: [ringing, "ringing"], texts: [unread.total, "new"] };
  for (const view of views) {
    const [count, what] = badges[view.id] ?? [0, ""];
    show(view.badge, count > 0 && view !== current);
    setText(view.badge, `${count} ${what}`);
  }
}

/** A recording has a timeline, and nothing else. */
store.subscribe(["lab"], () => {
  const recording = Boolean(store.state.lab?.recording);
  for (const view of views) show(view.link.parentElement, !recording || view.id === "timeline");
  if (recording && current.id !== "timeline") open("timeline");
});

let wasLive = false;
store.subscribe(["link"], () => {
  if (wasLive && store.link === "lost") toast(`${store.trouble} The page tries again by itself.`);
  wasLive = store.link === "live";
});
store.subscribe(["link", "lab", "programs", "calls", "phones", "texts"], showAround);

// Phones that come back

/** At once, whatever is shown: the lab may be reset before anything is drawn. */
function rememberPhones() {
  const phones = [...store.state.phones.values()];
  if (phones.length > 0) keepPhones(phones);
}
store.on("phone", rememberPhones);
store.on("state", rememberPhones);

// Words in passing

/** Whether each program was connected when it was last heard of. */
const greeted = new Map();
store.on("program", (program) => {
  const known = greeted.get(program.id);
  if (program.gone) greeted.delete(program.id);
  else greeted.set(program.id, program.connected);
  const name = program.agent || "A program";
  if (program.connected && !known) toast(`${name} is connected.`);
  if (!program.connected && known) toast(`${name} is away.`);
});
store.on("state", () => {
  greeted.clear();
  for (const program of store.state.programs.values()) greeted.set(program.id, program.connected);
});

/** What was read aloud last in each call that is up. What is in the first state is not read. */
const spoken = new Map();
store.on("call", (call) => {
  if (call.state === "ended") {
    if (spoken.delete(call.id)) beQuiet();
  } else if (call.phone) {
    for (const hear of unheard(call, spoken.get(call.id))) readAloud(hear.text);
    spoken.set(call.id, call.hears.at(-1));
  }
});
store.on("state", () => {
  spoken.clear();
  for (const call of store.state.calls.values()) if (call.state !== "ended") spoken.set(call.id, call.hears.at(-1));
});

// Start

themeButton(document.getElementById("theme-button"));
const settingsButton = document.getElementById("settings-button");
settingsButton.append(icon("settings"));
settingsButton.addEventListener("click", openSettings);
store.start();
open(location.hash.slice(1));
