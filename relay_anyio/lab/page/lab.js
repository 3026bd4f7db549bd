// The lab's HTTP API. docs/lab.md describes it.

/** Milliseconds in which the lab answers, or it hangs. */
const PATIENCE = 30_000;

/** An answer of the lab that says what was wrong and what to do. */
export class LabError extends Error {
  /**
   * @param {string} words
   * @param {number} status 0 if the lab was not reached
   */
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

/**
 * Ask the lab for something, or tell it to do something.
 *
 * @param {"GET" | "POST" | "PUT" | "DELETE"} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>} the JSON of the answer
 * @throws {LabError}
 */
export async function ask(method, path, body) {
  /** @type {RequestInit & {headers: Record<string, string>}} */
  const request = {
    method,
    headers: { accept: "application/json" },
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE),
  };
  if (method !== "GET") {
    request.headers["content-type"] = "application/json";
    request.body = JSON.stringify(body ?? {});
  }
  let response;
  let value;
  try {
    response = await fetch(path, request);
    value = await response.json();
  } catch {
    // An answer that breaks off is none. A refusal without words is still one.
    if (!response || response.ok) throw new LabError("The lab does not answer. Is it still running?", 0);
  }
  if (!response.ok) {
    const words = value?.error ?? `the lab answered with status ${response.status}`;
    throw new LabError(sentence(words), response.status);
  }
  return value;
}

/** The API's words begin in the middle of a line; the page's begin one. */
function sentence(words) {
  const end = /[.!?]$/.test(words) ? "" : ".";
  return words.charAt(0).toUpperCase() + words.slice(1) + end;
}

const of = (id) => `/api/calls/${encodeURIComponent(id)}`;

export const lab = {
  state: () => ask("GET", "/api/state"),
  events: (limit) => ask("GET", `/api/events?limit=${limit}`),
  framesOf: (call) => ask("GET", `/api/frames?limit=2000&call=${encodeURIComponent(call)}`),
  frames: (limit) => ask("GET", `/api/frames?limit=${limit}`),
  addPhone: (number, name) => ask("POST", "/api/phones", { number, name }),
  removePhone: (number) => ask("DELETE", `/api/phones/${encodeURIComponent(number)}`),
  call: (from, to) => ask("POST", "/api/calls", { from, to, live: true }),
  answer: (id) => ask("POST", `${of(id)}/answer`),
  decline: (id) => ask("POST", `${of(id)}/decline`),
  hangUp: (id) => ask("POST", `${of(id)}/hangup`),
  press: (id, digits) => ask("POST", `${of(id)}/press`, { digits }),
  say: (id, text) => ask("POST", `${of(id)}/say`, { text }),
  setNumber: (number, does) => ask("PUT", `/api/numbers/${encodeURIComponent(number)}`, { does }),
  putNumberBack: (number) => ask("DELETE", `/api/numbers/${encodeURIComponent(number)}`),
  text: (from, to, body) => ask("POST", "/api/texts", { from, to, body }),
  fault: (fault) => ask("POST", "/api/faults", fault),
  reset: () => ask("POST", "/api/reset"),
};
