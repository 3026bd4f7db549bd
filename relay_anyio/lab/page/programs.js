// The view of the programs: who is connected, how to connect, and what programs can dial.

import { SetupLines } from "./connect.js";
import { h, icon, reconcile, setText, show } from "./dom.js";
import { NumbersPanel } from "./numbers.js";
import * as words from "./words.js";

const MOST_PROGRAMS = 50;
const TICK = 1000;

/** @param {HTMLElement} element @param {import("./store.js").Store} store */
export function mountPrograms(element, store) {
  const list = h("ul", { class: "programs" });
  const more = h("p", { class: "hint" });
  const nothing = h(
    "div",
    { class: "empty" },
    icon("programs"),
    h("h2", { text: "No program is connected" }),
    h("p", { text: "Copy the lines below into the shell in which your program runs, and start it." }),
  );
  const setup = new SetupLines("programs");
  const numbers = new NumbersPanel(store);
  element.append(
    h("h1", { text: "Programs" }),
    h("p", { class: "lead", text: "The programs that are connected to this lab, and how they are." }),
    nothing,
    list,
    more,
    h("section", { class: "panel", "aria-label": "Connect a program" }, h("h2", { text: "Connect a program" }), setup.element),
    numbers.element,
  );

  function render() {
    const programs = [...store.state.programs.values()].sort((one, other) => Number(other.connected) - Number(one.connected));
    show(nothing, programs.length === 0);
    const shown = programs.slice(0, MOST_PROGRAMS);
    reconcile(list, shown, (program) => program.id, makeProgram, (row, program) => updateProgram(row, program, store));
    show(more, programs.length > shown.length);
    setText(more, `${words.count(programs.length - shown.length, "more program")} not shown`);
    setup.update(store.state.setup);
    numbers.update();
  }

  let timer = 0;
  return {
    topics: ["programs", "numbers", "lab"],
    render,
    shown(visible) {
      clearInterval(timer);
      if (visible) timer = setInterval(render, TICK);
    },
  };
}

const FACTS = ["Contexts", "Calls", "Latency", "Last ping", "Here since", "Acknowledges", "Session"];

function makeProgram() {
  const name = h("h2", {});
  const state = h("span", { class: "chip" });
  const warning = h("p", { class: "notice" });
  const facts = FACTS.map((fact) => h("dd", {}));
  const table = h("dl", { class: "facts" });
  for (const [index, fact] of FACTS.entries()) {
    table.append(h("div", {}, h("dt", { text: fact }), facts[index]));
  }
  const element = h("li", { class: "program" }, h("header", {}, name, state), warning, table);
  return Object.assign(element, { parts: { name, state, warning, facts } });
}

function updateProgram(row, program, store) {
  const { name, state, warning, facts } = row.parts;
  const now = store.now();
  setText(name, program.agent || "A program that does not say its name");
  setText(state, program.connected ? "Connected" : "Away");
  state.dataset.kind = program.connected ? "on" : "quiet";
  const contexts = program.contexts.join(", ");
  show(warning, program.connected && contexts === "");
  setText(warning, "It serves no context, so that no call and no text reaches it. Give the client a context.");
  const texts = [
    contexts || "none",
    program.calls === 0 ? "none now" : `${program.calls} up`,
    program.latency === null ? "not known yet" : milliseconds(program.latency),
    program.last_ping_at === null ? "none yet" : words.ago(now - program.last_ping_at),
    words.clock(program.since),
    program.acknowledges ? "every event" : "nothing, so that nothing is sent to it twice",
    program.session,
  ];
  for (const [index, text] of texts.entries()) setText(facts[index], text);
}

function milliseconds(seconds) {
  const value = seconds * 1000;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
