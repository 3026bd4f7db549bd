// How a program connects: the lines to copy, for each kind of SDK.

import { h, icon, reconcile, setAttribute, setText, show } from "./dom.js";
import { toast } from "./toasts.js";

const NAMES = {
  python: "Python",
  "python-2": "Python, signalwire 2",
  node: "Node",
  go: "Go",
  other: "Other",
};

/** A whole program, for whoever has none yet: that of docs/start/lab.md. */
const FIRST_PROGRAM = `from relay_sync import Call, RelayClient, collecting, digits

client = RelayClient(contexts=["office"])


@client.on_call
def hello(call: Call) -> None:
    with call:
        call.answer()
        chosen = "nothing"
        while not call.ended and chosen:
            menu = call.prompt_tts(
                "Good morning. Press any key.", collecting(digits=digits(1), initial_timeout=20.0)
            )
            menu.wait(timeout=60)
            chosen = menu.digits or ""
            if chosen and not call.ended:
                call.play_tts(f"You have pressed {chosen}.").wait()


if __name__ == "__main__":
    client.run()
`;

/** Lines to copy, with a tab for each kind of SDK. */
export class SetupLines {
  constructor(name) {
    this._kind = "";
    this._tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Kind of program" });
    this._lines = h("code", {});
    const block = h("pre", { tabindex: 0, "aria-label": "Lines for the shell" }, this._lines);
    this._panel = h("div", { class: "code", role: "tabpanel", id: `${name}-panel` }, block, copyButton(this._lines));
    this.element = h("div", { class: "setup" }, this._tabs, this._panel);
    this._name = name;
    this._tabs.addEventListener("keydown", (event) => this._keyDown(event));
  }

  /** @param {Record<string, string[]>} setup */
  update(setup) {
    this._setup = setup;
    const kinds = Object.keys(setup);
    if (!kinds.includes(this._kind)) this._kind = kinds[0] ?? "";
    const make = (kind) =>
      h("button", {
        type: "button",
        class: "tab",
        role: "tab",
        id: `${this._name}-${kind}`,
        "aria-controls": `${this._name}-panel`,
        text: NAMES[kind] ?? kind,
        data: { kind },
        on: { click: () => this._choose(kind) },
      });
    reconcile(this._tabs, kinds, (kind) => kind, make, (tab, kind) => {
      setAttribute(tab, "aria-selected", String(kind === this._kind));
      setAttribute(tab, "tabindex", kind === this._kind ? 0 : -1);
    });
    setAttribute(this._panel, "aria-labelledby", `${this._name}-${this._kind}`);
    setText(this._lines, (setup[this._kind] ?? []).join("\n"));
  }

  _choose(kind) {
    this._kind = kind;
    this.update(this._setup);
  }

  _keyDown(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    const tabs = [...this._tabs.children];
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    this._choose(next.dataset.kind);
    next.focus();
    event.preventDefault();
  }
}

function firstProgram() {
  const lines = h("code", { text: FIRST_PROGRAM });
  return h(
    "details",
    { class: "first-program" },
    h("summary", { text: "No program yet?" }),
    h("p", { class: "hint", text: "Save this as hello.py, and start it with: python hello.py" }),
    h("div", { class: "code" }, h("pre", { tabindex: 0, "aria-label": "A first program" }, lines), copyButton(lines)),
  );
}

function copyButton(source) {
  const label = h("span", { text: "Copy" });
  const button = h("button", { type: "button", class: "button small copy" }, icon("copy"), label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(`${source.textContent.trimEnd()}\n`);
      toast("Copied.");
    } catch {
      getSelection()?.selectAllChildren(source);
      toast("The browser does not let the page copy. The lines are selected: copy them with the keyboard.");
    }
  });
  return button;
}

/** What a newcomer sees first: it is there while no program is connected. */
export class ConnectPanel {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this._store = store;
    this._lines = new SetupLines("connect");
    const step = (title, text) => h("li", {}, h("strong", { text: title }), h("span", { text }));
    this.element = h(
      "section",
      { class: "connect", "aria-labelledby": "connect-title", hidden: true },
      h(
        "div",
        { class: "connect-words" },
        h("h2", { id: "connect-title", text: "Connect a program" }),
        h(
          "ol",
          { class: "steps" },
          step("Copy the lines", "into the shell in which your program runs. They lead it here, in place of the service."),
          step("Start your program", "as you always do. It may serve any context."),
          step("Call it", "from a phone below. Its green button dials the number that reaches your program."),
        ),
        h("p", { class: "waiting" }, h("span", { class: "pulse", "aria-hidden": "true" }), "Waiting for a program"),
      ),
      h("div", { class: "connect-lines" }, this._lines.element, firstProgram()),
    );
  }

  update() {
    const { lab, setup } = this._store.state;
    const wanted = lab !== null && this._store.connected().length === 0;
    show(this.element, wanted);
    if (wanted) this._lines.update(setup);
  }
}
