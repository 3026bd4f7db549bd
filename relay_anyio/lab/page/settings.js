// Settings: what this browser remembers. All of them are off, or the system's, at first.

const DEFAULTS = { theme: "system", sound: false, readAloud: false, microphone: false };
const listeners = new Set();
const values = { ...DEFAULTS };

for (const name of Object.keys(DEFAULTS)) {
  try {
    const kept = localStorage.getItem(`lab.${name}`);
    if (kept !== null) values[name] = typeof DEFAULTS[name] === "boolean" ? kept === "true" : kept;
  } catch {
    break; // without storage everything is as at first
  }
}

/** @param {"theme" | "sound" | "readAloud" | "microphone"} name */
export function setting(name) {
  return values[name];
}

export function change(name, value) {
  values[name] = value;
  try {
    localStorage.setItem(`lab.${name}`, String(value));
  } catch {
    // It is forgotten when the page is closed.
  }
  for (const listener of listeners) listener(name);
}

const MOST_KEPT = 24;

/** The phones that were on this page last; the lab itself forgets them when it ends. */
export function keptPhones() {
  try {
    const kept = JSON.parse(localStorage.getItem("lab.phones") ?? "[]");
    return kept.filter((one) => typeof one?.number === "string" && typeof one.name === "string");
  } catch {
    return [];
  }
}

/** @param {{number: string, name: string}[]} phones */
export function keepPhones(phones) {
  const kept = JSON.stringify(phones.slice(0, MOST_KEPT).map(({ number, name }) => ({ number, name })));
  try {
    if (localStorage.getItem("lab.phones") !== kept) localStorage.setItem("lab.phones", kept);
  } catch {
    // Then they are added by hand again.
  }
}

/** Call `listener` with the name of each setting that changes. */
export function onChange(listener) {
  listeners.add(listener);
}
