// Words: how numbers, times and reasons are shown.

/** "+15550002222" as "+1 555 000 2222". Other addresses stay as they are. */
export function number(address) {
  const match = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(address ?? "");
  return match ? `+1 ${match[1]} ${match[2]} ${match[3]}` : address || "unknown";
}

/** What somebody typed, as an address: spaces, dots, dashes and brackets go. */
export function address(typed) {
  const text = typed.trim();
  return /^[+\d\s().*#-]+$/.test(text) ? text.replace(/[\s().-]/g, "") : text;
}

/** Seconds as "0:07" or "1:02:03". */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The time of day; with the day if it was another one. */
export function clock(at) {
  const date = new Date(at * 1000);
  const today = new Date().toDateString() === date.toDateString();
  return today ? CLOCK.format(date) : `${DAY.format(date)}, ${CLOCK.format(date)}`;
}

/** How long ago something was, in words. */
export function ago(seconds) {
  if (seconds < 5) return "just now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

/** "1 call", "2 calls". */
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}

const REASONS = {
  hangup: "The call has ended",
  cancel: "The call was taken back",
  busy: "Busy",
  noAnswer: "Nobody answered",
  decline: "Declined",
  declined: "Declined",
  error: "The call failed",
  abandoned: "The call was abandoned",
  max_duration: "The longest time for a call was over",
  not_found: "There is no such number",
  reset: "The lab was reset",
};

/** Why a call ended, in words. */
export function reason(call) {
  return REASONS[call.reason] ?? (call.reason ? `The call has ended: ${call.reason}` : REASONS.hangup);
}

/** What a number does, in words. */
export function does(number) {
  const text = number.words || number.does;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
