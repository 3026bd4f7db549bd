// The scale of the timeline: which time is where, and the ticks above it.

const FINEST = 0.002;
/** The most seconds in view: a week. */
const WIDEST = 7 * 86400;
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];
const TICK_WIDTH = 92;
/** The share of the width that is kept free before now. */
const AHEAD = 0.06;

export class Scale {
  constructor() {
    this.from = 0;
    this.span = 60;
    this.width = 800;
    /** Times are shown from here on, instead of the time of day, if it is a number. */
    this.zero = null;
  }

  get to() {
    return this.from + this.span;
  }

  x(at) {
    return ((at - this.from) / this.span) * this.width;
  }

  at(x) {
    return this.from + (x / this.width) * this.span;
  }

  seconds(pixels) {
    return (pixels / this.width) * this.span;
  }

  /** Zoom; the time at `x` stays where it is. */
  zoom(factor, x) {
    const at = this.at(x);
    this.span = Math.min(WIDEST, Math.max(FINEST, this.span * factor));
    this.from = at - (x / this.width) * this.span;
  }

  pan(seconds) {
    this.from += seconds;
  }

  /** Show all from `start` to `end`, and a little more. */
  fit(start, end) {
    const span = Math.max(end - start, 1);
    this.span = Math.min(WIDEST, span * (1 + 2 * AHEAD));
    this.from = start - span * AHEAD;
  }

  /** Let `now` be near the right edge. */
  follow(now) {
    this.from = now - this.span * (1 - AHEAD);
  }

  /** Bring a time into view, if it is not there. */
  reveal(start, end = start) {
    const margin = this.span * 0.1;
    if (start >= this.from && start <= this.to - margin) return;
    this.from = end - start > this.span * 0.8 ? start - margin : (start + end) / 2 - this.span / 2;
  }

  /** The ticks in view: where they are, and what they say. */
  ticks() {
    const most = Math.max(1, this.width / TICK_WIDTH);
    const step = STEPS.find((one) => this.span / one <= most) ?? STEPS.at(-1);
    const zero = this.zero ?? localMidnight(this.from);
    const first = Math.ceil((this.from - zero) / step);
    const last = Math.floor((this.to - zero) / step);
    const ticks = [];
    for (let index = first; index <= last; index += 1) {
      const at = zero + index * step;
      ticks.push({ at, x: this.x(at), text: this.label(at, step) });
    }
    return ticks;
  }

  /** A time in words, as exact as `step` asks. */
  label(at, step = 0.001) {
    const places = step >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step)));
    return this.zero === null ? timeOfDay(at, places) : elapsed(at - this.zero, places);
  }
}

function localMidnight(at) {
  const date = new Date(at * 1000);
  date.setHours(0, 0, 0, 0);
  return date.getTime() / 1000;
}

function timeOfDay(at, places) {
  const rounded = Math.round(at * 1000) / 1000;
  const date = new Date(Math.floor(rounded) * 1000);
  const two = (value) => String(value).padStart(2, "0");
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return places === 0 ? clock : clock + fraction(rounded, places);
}

/** Seconds since the beginning: "2.5 s", "1:02.5", "1:00:00". */
export function elapsed(seconds, places = 3) {
  const sign = seconds < -0.0005 ? "−" : "";
  const rounded = Math.round(Math.abs(seconds) * 1000) / 1000;
  if (rounded < 60) return `${sign}${rounded.toFixed(places)} s`;
  const whole = Math.floor(rounded);
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const clock = hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  return sign + clock + (places ? fraction(rounded, places) : "");
}

/** How long something took, in words that fit. */
export function took(seconds) {
  if (seconds < 0.0005) return "under 1 ms";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return elapsed(seconds, 0);
}

function fraction(seconds, places) {
  const thousandths = Math.round((seconds - Math.floor(seconds)) * 1000);
  return `.${String(Math.min(999, thousandths)).padStart(3, "0").slice(0, places)}`;
}
