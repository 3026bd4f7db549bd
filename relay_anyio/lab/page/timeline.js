// The view of the timeline.

import { h } from "./dom.js";

/** @param {HTMLElement} element @param {import("./store.js").Store} store */
export function mountTimeline(element, store) {
  element.append(h("h1", { text: "Timeline" }));
  return { topics: ["events"], render: () => store.events.length };
}
