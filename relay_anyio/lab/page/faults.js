// The view of the faults: what goes wrong on a network, on purpose.

import { h, icon, reconcile, setText, show } from "./dom.js";
import { lab, LabError } from "./lab.js";
import { toast } from "./toasts.js";
import * as words from "./words.js";

/** `takes` are the numbers of a fault, with their first values, in seconds. */
const FAULTS = [
  {
    do: "cut", name: "Cut the connections", act: "Cut",
    text: "All connections break, without notice. Programs should come back within seconds, with their calls.",
  },
  {
    do: "silence", name: "Fall silent", act: "Silence",
    text: "Connections stay open, but nothing arrives any more. Programs should notice, leave, and come back.",
  },
  {
    do: "goodbye", name: "Say goodbye", act: "Say goodbye",
    text: "The lab asks programs to reconnect. They keep their sessions and their calls.",
  },
  {
    do: "restart", name: "Restart the service", act: "Restart",
    text: "The lab asks programs to reconnect, and ends their sessions. Their calls are lost to them.",
  },
  {
    do: "forget sessions", name: "Crash the service", act: "Crash",
    text: "All sessions and connections are lost at once. Programs should start afresh by themselves.",
  },
  {
    do: "refuse upgrades", name: "Refuse new connections", act: "Refuse", takes: { lasts: 10 },
    text: "Whoever connects is refused for a while. Programs should wait longer after each attempt.",
  },
  {
    do: "delay", name: "Slow down", act: "Slow down", takes: { by: 2, lasts: 10 },
    text: "Everything arrives late for a while, in both directions.",
  },
];
const LABELS = { lasts: "for", by: "late by" };
const MOST_DONE = 8;

/** @param {HTMLElement} element @param {import("./store.js").Store} store */
export function mountFaults(element, store) {
  const cards = FAULTS.map((fault) => card(fault));
  const done = h("ol", { class: "done" });
  const nothing = h("p", { class: "hint", text: "Nothing has gone wrong yet." });
  const active = h("p", { class: "notice", role: "status", hidden: true });
  element.append(
    h("h1", { text: "Faults" }),
    h("p", {
      class: "lead",
      text: "Break the network on purpose, during a call, and see what your program does. Each button acts on all programs.",
    }),
    active,
    h("ul", { class: "faults" }, ...cards),
    h("section", { class: "panel", "aria-label": "What has gone wrong" }, h("h2", { text: "What has gone wrong" }), nothing, done),
    resetPanel(),
  );

  function render() {
    const { upgrades_refused: refused, delay } = store.state.faults;
    const now = [refused && "New connections are refused.", delay && `Everything is ${delay} s late.`].filter(Boolean);
    show(active, now.length > 0);
    setText(active, now.join(" "));
    const faulted = store.events.filter((event) => event.what === "faulted");
    show(nothing, faulted.length === 0);
    const line = (event) => h("li", {}, h("time", { text: words.clock(event.at) }), h("span", { text: event.text }));
    reconcile(done, faulted.slice(-MOST_DONE).reverse(), (event) => String(event.id), line);
  }

  return { topics: ["faults", "events"], render };
}

function card(fault) {
  const inputs = Object.entries(fault.takes ?? {}).map(([name, value]) => {
    const input = h("input", { type: "number", min: 0.1, max: 3600, step: "any", required: true, name });
    input.value = String(value);
    return input;
  });
  const submit = async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(inputs.map((input) => [input.name, input.valueAsNumber]));
    try {
      await lab.fault({ do: fault.do, ...values });
      toast(`Done: ${fault.name.toLowerCase()}.`);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      toast(error.message);
    }
  };
  const fields = inputs.map((input) =>
    h("label", { class: "seconds" }, h("span", { text: LABELS[input.name] }), input, h("span", { text: "s" })),
  );
  const id = `fault-${fault.do.replace(" ", "-")}`;
  return h(
    "li",
    {},
    h(
      "form",
      { class: "fault", on: { submit } },
      h("div", {}, h("h2", { text: fault.name }), h("p", { id, text: fault.text })),
      h(
        "div",
        { class: "fault-row" },
        h(
          "button",
          { type: "submit", class: "button", "aria-label": fault.name, "aria-describedby": id },
          icon("faults"),
          fault.act,
        ),
        ...fields,
      ),
    ),
  );
}

function resetPanel() {
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "reset-title" },
    h("h2", { id: "reset-title", text: "Reset the lab?" }),
    h("p", {
      text: "All calls end. The phones, the texts and the journal are forgotten. Programs stay connected.",
    }),
    h(
      "form",
      { method: "dialog", class: "dialog-row" },
      h("button", { class: "button", value: "", text: "Keep everything" }),
      h("button", { class: "button end", value: "reset", text: "Reset" }),
    ),
  );
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "reset") return;
    try {
      await lab.reset();
      toast("The lab is as it was at the start.");
    } catch (error) {
      toast(error.message);
    }
  });
  const open = h("button", { type: "button", class: "button", text: "Reset the lab…" });
  open.addEventListener("click", () => {
    dialog.returnValue = "";
    dialog.showModal();
  });
  return h(
    "section",
    { class: "panel", "aria-label": "Reset" },
    h("h2", { text: "Start again" }),
    h("p", { class: "hint", text: "End all calls, and forget phones, texts and what has happened." }),
    open,
    dialog,
  );
}
