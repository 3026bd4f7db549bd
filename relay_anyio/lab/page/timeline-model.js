// The model of the timeline: lanes made of calls, events and frames, and what is found in them.
//
// A lane is one leg, or the lab itself for what is about no call. Its items are bars (actions),
// marks (what happened) and frames. Items are made once for each state of their call.

import { lab } from "./lab.js";
import { number } from "./words.js";

export const LAB = "lab";
/** How long an instant is for the question of what is in view, in seconds. */
const INSTANT = 0.001;
/** Calls whose frames stay after they were asked for again. */
const MOST_LOADED = 20;

/**
 * @typedef {{key: string, kind: "action", start: number, end: number|null, row: number,
 *   name: string, words: string, outcome: string, lane: string, control: string}} Bar
 * @typedef {{key: string, kind: "mark", at: number, shape: string, name: string, words: string,
 *   lane: string, event: any}} Mark
 * @typedef {{id: string, call: any, title: string, about: string, start: number, end: number|null,
 *   bars: Bar[], rows: number, marks: Mark[], depth: number}} Lane
 */

/** What a mark looks like, by what happened. Everything else is a plain one. */
const SHAPES = {
  pressed: "key",
  "sent digits": "key",
  said: "speech",
  beeped: "beep",
  called: "state",
  offered: "state",
  rang: "state",
  answered: "state",
  dialed: "state",
  connected: "state",
  disconnected: "state",
  transferred: "state",
  passed: "state",
  withdrawn: "state",
  ended: "state",
  collected: "result",
  detected: "result",
  missed: "trouble",
  unserved: "trouble",
  "heard nothing": "trouble",
  "connect failed": "trouble",
  "dial failed": "trouble",
  refused: "trouble",
  tolerated: "trouble",
  violated: "trouble",
  faulted: "trouble",
  "JWT expired": "trouble",
  "session away": "trouble",
  "session forgotten": "trouble",
  failed: "trouble",
  differs: "trouble",
  "left out": "trouble",
  "offer refused": "trouble",
  "peer violation": "trouble",
  "session started": "state",
  "session resumed": "state",
  "sent text": "text",
  "text moved": "text",
};
/** What a bar shows already. */
const SHOWN_AS_BARS = new Set(["played", "play ended", "listened", "started", "finished"]);

export class Model {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this._store = store;
    /** @type {WeakMap<object, {events: number, lane: Lane}>} */
    this._lanes = new WeakMap();
    this._lab = { count: -1, last: -1, single: false, lane: null };
    this._frames = { last: -1, size: -1, all: [], byCall: new Map(), byExchange: null };
    /** Frames that the page no longer kept and has asked for again, by call. */
    this._loaded = new Map();
  }

  /** Ask the lab for the frames of a call. @returns {Promise<boolean>} whether there are more now */
  async load(call) {
    const known = this._loaded.get(call);
    const found = await lab.framesOf(call).catch(() => null);
    if (found === null || found.frames.length === (known?.length ?? 0)) return false;
    this._loaded.delete(call);
    this._loaded.set(call, found.frames);
    if (this._loaded.size > MOST_LOADED) this._loaded.delete(this._loaded.keys().next().value);
    this._frames.size = -1;
    return true;
  }

  /** Forget the frames of a lab that is no more. */
  forget() {
    this._loaded.clear();
    this._frames.size = -1;
  }

  /** All lanes, the oldest first; a leg that belongs to another one comes right behind it. */
  lanes() {
    const { calls } = this._store.state;
    const first = [];
    const behind = new Map();
    for (const call of calls.values()) {
      const owner = calls.get(call.peer ?? "");
      const depends = owner && (owner.started_at < call.started_at || (owner.started_at === call.started_at && owner.direction === "inbound" && call.direction === "outbound"));
      if (!depends) first.push(call);
      else if (behind.has(owner.id)) behind.get(owner.id).push(call);
      else behind.set(owner.id, [call]);
    }
    first.sort((a, b) => a.started_at - b.started_at);
    const lanes = [];
    const add = (call, depth) => {
      const lane = this._laneOf(call);
      lane.depth = depth;
      lanes.push(lane);
      for (const leg of behind.get(call.id) ?? []) add(leg, Math.min(depth + 1, 3));
    };
    for (const call of first) add(call, 0);
    const lab = this._laneOfLab();
    return lab.marks.length > 0 ? [lab, ...lanes] : lanes;
  }

  /** The frames of a lane, oldest first. */
  framesOf(lane) {
    this._indexFrames();
    return this._frames.byCall.get(lane === LAB ? "" : lane) ?? [];
  }

  /** The frames of an action, oldest first: those with its control id, and their answers. */
  framesOfAction(bar) {
    const own = this.framesOf(bar.lane).filter((frame) => text(frame).includes(bar.control));
    const found = new Set(own);
    for (const frame of own) {
      const other = this.pairOf(frame);
      if (other) found.add(other);
    }
    return [...found].sort((a, b) => a.id - b.id);
  }

  /** The frames of a call around a time, oldest first. */
  framesAround(lane, at, seconds) {
    return this.framesOf(lane).filter((frame) => Math.abs(frame.at - at) <= seconds);
  }

  /** The request of a response, the acknowledgement of an event, and so on. */
  pairOf(frame) {
    this._indexFrames();
    if (this._frames.byExchange === null) {
      this._frames.byExchange = new Map();
      for (const one of this._frames.all) push(this._frames.byExchange, exchangeOf(one), one);
    }
    const pair = this._frames.byExchange.get(exchangeOf(frame)) ?? [];
    return pair.find((other) => other !== frame) ?? null;
  }

  frame(id) {
    const loaded = [...this._loaded.values()].flat();
    return [...this._store.frames, ...loaded].find((frame) => frame.id === id) ?? null;
  }

  _laneOf(call) {
    const events = this._store.eventsOf(call.id);
    const newest = events.at(-1)?.id ?? 0;
    const kept = this._lanes.get(call);
    if (kept && kept.events === newest) {
      kept.lane.title = titleOf(call, this._store); // a phone may have another name now
      return kept.lane;
    }
    const bars = packed(call.actions.map((action) => barOf(action, call)));
    const lane = {
      id: call.id,
      call,
      title: titleOf(call, this._store),
      about: `${number(call.from)} to ${number(call.to)}`,
      start: call.started_at,
      end: call.ended_at,
      bars,
      rows: bars.reduce((most, bar) => Math.max(most, bar.row + 1), 0),
      marks: events.filter((event) => !SHOWN_AS_BARS.has(event.what)).map((event) => markOf(event, call.id)),
      depth: 0,
    };
    this._lanes.set(call, { events: newest, lane });
    return lane;
  }

  _laneOfLab() {
    const { events } = this._store;
    const last = events.at(-1)?.id ?? 0;
    const single = this._store.state.programs.size === 1;
    if (this._lab.last !== last || this._lab.count !== events.length || this._lab.single !== single) {
      const marks = events.filter((event) => !event.call).map((event) => markOf(event, LAB));
      const start = marks[0]?.at ?? 0;
      const spans = single ? connections(marks) : [];
      const lane = { id: LAB, call: null, title: "Programs, texts and faults", about: "", start, end: null, bars: [], rows: 0, marks, spans, depth: 0 };
      this._lab = { last, count: events.length, single, lane };
    }
    return this._lab.lane;
  }

  _indexFrames() {
    const { frames } = this._store;
    const last = frames.at(-1)?.id ?? 0;
    if (this._frames.last === last && this._frames.size === frames.length) return;
    const byCall = new Map();
    const loaded = [...this._loaded.values()].flat();
    const kept = new Set(loaded.length > 0 ? frames.map((frame) => frame.id) : []);
    const all = [...loaded.filter((frame) => !kept.has(frame.id)), ...frames];
    for (const frame of all) push(byCall, frame.call || "", frame);
    this._frames = { last, size: frames.length, all, byCall, byExchange: null };
  }
}

/** The text of a frame: JSON, or its beginning if it is long. */
export function text(frame) {
  return typeof frame.body === "string" ? frame.body : JSON.stringify(frame.body);
}

/** When a lane ends, for what is still up: now. */
export function endOf(lane, now) {
  return lane.end ?? Math.max(now, lane.start);
}

/** Whether words, in lower case, occur in something. */
export function contains(words, ...texts) {
  return texts.some((one) => String(one ?? "").toLowerCase().includes(words));
}

/** The items of a lane in which `words` occur: their keys. @returns {Set<string>} */
export function matches(model, lane, words) {
  const found = new Set();
  for (const bar of lane.bars) {
    if (contains(words, bar.name, bar.words, bar.outcome)) found.add(bar.key);
  }
  for (const mark of lane.marks) {
    if (contains(words, mark.name, mark.words)) found.add(mark.key);
  }
  for (const frame of model.framesOf(lane.id)) {
    if (contains(words, frame.method, text(frame))) found.add(keyOfFrame(frame));
  }
  return found;
}

/** Whether something went wrong on a call. */
export function troubled(lane) {
  return lane.marks.some((mark) => mark.shape === "trouble") || lane.bars.some((bar) => bar.bad);
}

export const keyOfFrame = (frame) => `frame ${frame.id}`;

/** Whether two times have anything in common. */
export function meets(start, end, from, to) {
  return start <= to && Math.max(end, start + INSTANT) >= from;
}

function titleOf(call, store) {
  const side = call.direction === "inbound" ? call.from : call.to;
  if (/^\*\*\*|^$/.test(side)) return `Call ${call.id.slice(0, 8)}`;
  const name = store.state.phones.get(side)?.name;
  return name ? `${name} · ${number(side)}` : number(side);
}

function barOf(action, call) {
  const outcome = action.outcome ?? "";
  return {
    key: `action ${call.id} ${action.id}`,
    kind: "action",
    start: action.started_at,
    end: action.ended_at,
    row: 0,
    name: action.verb.replaceAll("_", " "),
    words: (action.words ?? "").replace(/^plays (?=“)/, ""),
    outcome,
    bad: /fail|error|refused|no_input|no_match|no input|no match/i.test(outcome),
    lane: call.id,
    control: action.id,
  };
}

function markOf(event, lane) {
  return {
    key: `event ${event.id}`,
    kind: "mark",
    at: event.at,
    shape: SHAPES[event.what] ?? "plain",
    name: event.what,
    words: `${event.who} ${event.text}`,
    label: labelOf(event),
    lane,
    event,
  };
}

/** What a mark says inside: the key, or the words. */
function labelOf({ what, details }) {
  if (what === "pressed") return details.digit;
  if (what === "sent digits") return details.digits;
  if (what === "said") return `“${details.text}”`;
  if (what === "sent text") return `“${details.text}”`;
  if (what === "faulted") return details.fault;
  return "";
}

/** When the one program was connected, and when it had lost its connection. */
function connections(marks) {
  const spans = [];
  let open = null;
  for (const { at, name } of marks) {
    const state = { "session started": "answered", "session resumed": "answered", "session away": "gap" }[name];
    if (!state || open?.state === state) continue;
    if (open) open.end = at;
    open = { key: `${state} ${at}`, state, start: at, end: null };
    spans.push(open);
  }
  // The end of the last connection is no gap: nothing follows.
  if (open?.state === "gap") spans.pop();
  return spans;
}

/** Put bars that overlap into different rows, each into the first one that is free. */
function packed(bars) {
  const freeAt = [];
  for (const bar of bars) {
    let row = freeAt.findIndex((at) => at <= bar.start);
    if (row < 0) row = freeAt.length;
    freeAt[row] = bar.end ?? Infinity;
    bar.row = row;
  }
  return bars;
}

/** What a request and its response have in common: the program, the id and who asked. */
function exchangeOf(frame) {
  const asks = frame.direction === "in" ? "program" : "lab";
  const other = frame.direction === "in" ? "lab" : "program";
  const asker = /^(request|event)$/.test(frame.kind) || (frame.kind === "ping" && isRequest(frame)) ? asks : other;
  return `${frame.program} ${idOf(frame)} ${asker}`;
}

const isRequest = (frame) => /"method"\s*:/.test(text(frame));

function idOf(frame) {
  if (frame.exchange === undefined) {
    const found = /"id"\s*:\s*("(?:[^"\\]|\\.)*"|[0-9]+)/.exec(envelope(frame));
    frame.exchange = found?.[1] ?? `none ${frame.id}`;
  }
  return frame.exchange;
}

/** The id is near the beginning of a frame, or, if others have written it, at its end. */
function envelope(frame) {
  try {
    const value = typeof frame.body === "string" ? JSON.parse(frame.body) : frame.body;
    return JSON.stringify({ id: value.id });
  } catch {
    return text(frame);
  }
}

function push(map, key, value) {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
