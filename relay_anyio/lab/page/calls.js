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
