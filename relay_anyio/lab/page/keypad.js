// The keypad: twelve keys, one stop for the Tab key, arrows between them.

import { h } from "./dom.js";

const KEYS = [
  ["1", ""], ["2", "abc"], ["3", "def"],
  ["4", "ghi"], ["5", "jkl"], ["6", "mno"],
  ["7", "pqrs"], ["8", "tuv"], ["9", "wxyz"],
  ["*", ""], ["0", "+"], ["#", ""],
];
const NAMES = { "*": "star", "#": "pound" };
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -3, ArrowDown: 3 };
const LIT = 140;

/** @param {(key: string) => void} press */
export function keypad(press) {
  const keys = KEYS.map(([key, letters], index) =>
    h(
      "button",
      {
        type: "button",
        class: "key",
        tabindex: index === 0 ? 0 : -1,
        "aria-label": NAMES[key] ? `${key} ${NAMES[key]}` : key,
        data: { key },
        on: { click: () => press(key) },
      },
      h("span", { class: "key-digit", text: key }),
      h("span", { class: "key-letters", text: letters }),
    ),
  );
  const element = h("div", { class: "keypad", role: "group", "aria-label": "Keypad" }, ...keys);

  function focus(index) {
    for (const [other, key] of keys.entries()) key.tabIndex = other === index ? 0 : -1;
    keys[index].focus();
  }

  element.addEventListener("keydown", (event) => {
    const index = keys.indexOf(document.activeElement);
    const step = STEPS[event.key];
    if (index < 0 || step === undefined) return;
    const wanted = index + step;
    const sameRow = Math.abs(step) === 3 || Math.floor(wanted / 3) === Math.floor(index / 3);
    if (wanted >= 0 && wanted < keys.length && sameRow) focus(wanted);
    event.preventDefault();
  });
  element.addEventListener("focusin", (event) => {
    const index = keys.indexOf(event.target);
    for (const [other, key] of keys.entries()) key.tabIndex = other === index ? 0 : -1;
  });

  return {
    element,
    /** Whether this is a key, so that the keyboard may press it. */
    has: (key) => KEYS.some(([other]) => other === key),
    /** Show that a key was pressed on the keyboard. */
    light(key) {
      const button = keys.find((one) => one.dataset.key === key);
      button?.classList.add("lit");
      setTimeout(() => button?.classList.remove("lit"), LIT);
    },
  };
}
