// Calls: what a view asks of one.

/** @typedef {import("./store.js").Call} Call */

/** Whether a program calls this phone, and nobody has answered yet. @param {Call} call */
export function isRinging(call) {
  return call.state === "ringing" && call.can.includes("answer");
}

/** The number at the other end of this phone's call. @param {Call} call */
export function otherSide(call) {
  return call.direction === "inbound" ? call.to : call.from;
}

/** What is heard in a call after `last`, which was heard before. @param {Call} call */
export function unheard(call, last) {
  if (!last) return call.hears;
  const index = call.hears.findLastIndex(({ at, text }) => at === last.at && text === last.text);
  return call.hears.slice(index + 1).filter(({ at }) => at >= last.at);
}

/** The status of an answer about a call that has moved on, or was forgotten. */
const PASSED = new Set([404, 409]);
/** Calls, as they were when somebody has given an order. @type {WeakSet<Call>} */
const ordered = new WeakSet();

/**
 * Answer, decline or end a call. Whoever presses twice means it once: nothing more is done until
 * the call has changed, or it has failed.
 *
 * @param {Call | undefined} call as the store has it now
 * @param {(id: string) => Promise<any>} act
 */
export async function order(call, act) {
  if (!call || ordered.has(call)) return;
  ordered.add(call);
  try {
    await act(call.id);
  } catch (error) {
    ordered.delete(call);
    // Somebody else was faster, or the call was over: the stream says what has become of it.
    if (!PASSED.has(error.status)) throw error;
  }
}
