// The switches of this browser: theme, sound, voice, microphone. And the keys, in words.

import { h, icon, setAttribute } from "./dom.js";
import { change, onChange, setting } from "./settings.js";
import { canListen, canReadAloud } from "./speech.js";

const THEMES = [
  { id: "system", name: "like the system", shape: "system" },
  { id: "light", name: "light", shape: "sun" },
  { id: "dark", name: "dark", shape: "moon" },
];
const KEYS = [
  ["0 – 9 * #", "presses a key, or types the number to call"],
  ["A, D", "answers, declines"],
  ["H", "hangs up"],
  ["S", "goes to the words to say"],
  ["Arrows", "move between the keys of a keypad"],
  ["Enter", "calls, says or sends what was typed"],
];

/** Make the button that goes from one theme to the next. */
export function themeButton(button) {
  const update = () => {
    const theme = setting("theme");
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = String(theme);
    const { name, shape } = THEMES.find((one) => one.id === theme) ?? THEMES[0];
    setAttribute(button, "aria-label", `Theme: ${name}`);
    setAttribute(button, "title", `Theme: ${name}`);
    button.replaceChildren(icon(shape));
  };
  button.addEventListener("click", () => {
    const index = THEMES.findIndex((one) => one.id === setting("theme"));
    change("theme", THEMES[(index + 1) % THEMES.length].id);
  });
  onChange(update);
  update();
}

let dialog = null;

export function openSettings() {
  dialog ??= build();
  dialog.showModal();
}

function build() {
  const element = h(
    "dialog",
    { class: "dialog settings", "aria-labelledby": "settings-title" },
    h("h2", { id: "settings-title", text: "Settings" }),
    h("p", { class: "hint", text: "This browser remembers them." }),
    toggle("sound", "Ring", "A quiet ring when a program calls a phone.", true),
    toggle("readAloud", "Read aloud", "The browser’s voice reads what phones hear.", canReadAloud),
    toggle(
      "microphone",
      "Microphone",
      "Say things with your own voice. The maker of the browser may get the sound to turn it into text.",
      canListen,
    ),
    h("h3", { text: "Keys, while a phone has the focus" }),
    h(
      "dl",
      { class: "keys" },
      ...KEYS.map(([keys, what]) => h("div", {}, h("dt", { text: keys }), h("dd", { text: what }))),
    ),
    h("form", { method: "dialog", class: "dialog-row" }, h("button", { class: "button primary", text: "Done" })),
  );
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  return element;
}

function toggle(name, title, text, possible) {
  const words = possible ? text : "This browser cannot do it.";
  const input = h("input", { type: "checkbox", role: "switch", disabled: !possible, "aria-describedby": `about-${name}` });
  input.checked = possible && Boolean(setting(name));
  input.addEventListener("change", () => change(name, input.checked));
  return h(
    "div",
    { class: "switch" },
    h("label", {}, input, h("span", { text: title })),
    h("p", { class: "hint", id: `about-${name}`, text: words }),
  );
}
