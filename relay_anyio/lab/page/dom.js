// Elements: made, changed and kept in order. Text only ever becomes text, never HTML.

/**
 * Make an element. `on` has listeners, `data` data attributes, `text` its text; all other
 * properties are attributes. `null`, `undefined` and `false` leave an attribute out.
 *
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    } else if (name === "text") {
      element.textContent = value;
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else {
      setAttribute(element, name, value);
    }
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** Set an attribute, or take it away; touch the element only if something changes. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Set the text of an element; touch it only if something changes. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show an element, or hide it. */
export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

/**
 * Make the children of `parent` those of `items`, in this order. Elements are kept by key, so
 * that focus, scrolling and selections survive.
 *
 * @template T
 * @param {Element} parent
 * @param {Iterable<T>} items
 * @param {(item: T) => string} key
 * @param {(item: T) => any} make
 * @param {(element: any, item: T) => void} [update]
 */
export function reconcile(parent, items, key, make, update = () => {}) {
  const kept = parent["keyed"] ?? (parent["keyed"] = new Map());
  const wanted = new Set();
  let next = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    wanted.add(id);
    let element = kept.get(id);
    if (element === undefined) {
      element = make(item);
      kept.set(id, element);
    }
    update(element, item);
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
  for (const [id, element] of kept) {
    if (!wanted.has(id)) {
      element.remove();
      kept.delete(id);
    }
  }
}

const SHAPES = {
  phone: "M7 3.500h2.500l1.500 4-2 1.500a11 11 0 0 0 6 6l1.500-2 4 1.500V17a3.500 3.500 0 0 1-3.500 3.500A13.500 13.500 0 0 1 3.500 7 3.500 3.500 0 0 1 7 3.500Z",
  "hang-up": "M2.500 14.500c5-6 14-6 19 0l-2.200 2.600-4-1.600v-2.700a12 12 0 0 0-6.600 0v2.700l-4 1.600Z",
  texts: "M4 5h16v11H11l-4.500 4v-4H4ZM8 9h8M8 12.500h5",
  timeline: "M3 6h9M7 12h10M13 18h8M3 3v18",
  programs: "M3.500 5h17v14h-17ZM7 10l2.500 2L7 14M12.500 14.500H17",
  faults: "M13 2.500 5 13.500h5.500L10 21.500l8-11.500h-5.500Z",
  settings: "M4 7h9M18 7h2M4 17h2M11 17h9M15.500 4.500v5M8.500 14.500v5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z",
  system: "M3.500 4.500h17v11.500h-17ZM8.500 20h7M12 16v4",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  copy: "M9 9h11v11H9ZM15 9V4H4v11h5",
  check: "M5 12.500l4.500 4.500L19 7",
  send: "M4 12 20 5l-5 15-3.500-6.500ZM11.500 13.500 20 5",
  back: "M15 5l-7 7 7 7",
  mic: "M12 3.500a3 3 0 0 0-3 3V12a3 3 0 0 0 6 0V6.500a3 3 0 0 0-3-3ZM5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3",
  erase: "M9 5h12v14H9l-6-7ZM12.500 9.500l5 5M17.500 9.500l-5 5",
  "call-in": "M18 6 8 16M8 9v7h7",
  "call-out": "M6 18 16 8M9 8h7v7",
  "missed": "M4 7l8 8 8-8M4 7v5M4 7h5",
  more: "M12 5.500v.1M12 12v.1M12 18.500v.1",
};

/** Make an icon. It says nothing to a screen reader: what it stands for has words beside it. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}
