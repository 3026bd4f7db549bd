// Toasts: short words in a corner, which go away by themselves. A screen reader reads them.

import { h } from "./dom.js";

const STAYS = 6000;
const MOST = 3;

export function toast(text) {
  const box = document.getElementById("toasts");
  const element = h("p", { class: "toast", text });
  box.append(element);
  while (box.children.length > MOST) box.firstElementChild.remove();
  setTimeout(() => element.remove(), STAYS);
}
