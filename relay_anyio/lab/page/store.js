// The store: what the page knows of the lab, kept current by the lab's stream of events.
//
// A view reads `store.state` and the methods below, and calls `store.subscribe(topics, listener)`.
// The listener runs at most once for each frame of the screen, however much has happened.
// `store.on(kind, listener)` hears each event of the stream at once, and each whole state.

import { lab } from "./lab.js";

export const MOST_EVENTS = 5000;
export const MOST_FRAMES = 2000;
export const MOST_ENDED_CALLS = 300;
export const MOST_TEXTS = 2000;
/** The number that the API calls as well if none is given. Programs of any context serve it. */
const USUAL_NUMBER = "+15550002222";
const MOST_EVENTS_OF_A_CALL = 200;
/** A recording does not grow, so more of it may stay. */
const MOST_OF_A_RECORDING = 10000;
const FIRST_RETRY = 500;
const LONGEST_RETRY = 8000;

/**
 * @typedef {"lab"|"link"|"phones"|"calls"|"texts"|"programs"|"numbers"|"faults"|"events"|"frames"} Topic
 * @typedef {{id: string, from: string, to: string, direction: "inbound"|"outbound",
 *   state: "ringing"|"answered"|"ended", phone: string|null, program: string|null, live: boolean,
 *   started_at: number, answered_at: number|null, ended_at: number|null, reason: string|null,
 *   peer: string|null, actions: Action[], hears: Hear[], can: string[]}} Call
 * @typedef {{id: string, verb: string, started_at: number, ended_at: number|null,
 *   outcome: string|null, words: string}} Action
 * @typedef {{at: number, text: string, seconds: number}} Hear
 * @typedef {{id: number, at: number, call: string, who: string, what: string,
 *   details: Record<string, string>, text: string}} LabEvent
 */

export class Store {
  constructor() {
    /** @type {"loading"|"live"|"lost"|"resting"|"recording"} */
    this.link = "loading";
    /** Why there is no link, in words. */
    this.trouble = "";
    this.state = emptyState();
    /** @type {LabEvent[]} The newest events, oldest first. */
    this.events = [];
    /** The newest frames, oldest first. Empty until `followFrames()`. */
    this.frames = [];
    /** What the page no longer keeps, or never got. */
    this.forgotten = { events: 0, frames: 0, calls: 0, texts: 0, dropped: 0 };
    /** @type {Map<string, LabEvent[]>} */
    this._eventsOf = new Map();
    /** @type {Map<string, Set<string>>} */
    this._callsOf = new Map();
    /** What makes the time of this page, which nobody sets, the time of the lab. */
    this._clockOffset = performance.timeOrigin / 1000;
    /** Whether the next state is that of a lab that was reset. */
    this._anew = false;
    this._withFrames = false;
    /** @type {Promise<void>} */
    this._framesThere = Promise.resolve();
    this._listeners = new Set();
    this._hearers = new Map();
    this._changed = new Set();
    this._scheduled = false;
    this._retry = FIRST_RETRY;
    this._source = null;
    this._generation = 0;
  }

  /** Load the state, and follow the stream from there on. */
  start() {
    const pages = new BroadcastChannel("lab");
    pages.onmessage = () => this._rest();
    document.addEventListener("visibilitychange", () => {
      this._publish(); // a frame that a hidden page waits for does not come
      if (document.hidden) return;
      pages.postMessage("seen");
      if (this.link === "resting") this._resync();
    });
    if (!document.hidden) pages.postMessage("seen");
    this._resync();
  }

  /**
   * Let a hidden page be without a stream while another page of this lab is looked at. A browser
   * has six connections to one lab: with six streams, nothing could be asked any more.
   */
  _rest() {
    if (!document.hidden || this.link === "recording") return;
    this._generation += 1;
    this._source?.close();
    clearTimeout(this._timer);
    this._setLink("resting", "");
  }

  /**
   * Call `listener` after a change of one of the topics, at most once for each frame of the screen.
   *
   * @param {Topic[]} topics
   * @param {(changed: Set<Topic>) => void} listener
   * @returns {() => void} ends the subscription
   */
  subscribe(topics, listener) {
    const entry = { topics, listener };
    this._listeners.add(entry);
    return () => this._listeners.delete(entry);
  }

  /**
   * Call `listener` with each event of the stream of this kind: "happened", "call", "phone",
   * "text", "program", "number", "faults", "frame", "dropped". And with "state" after each whole
   * state of the lab: `{anew}` says whether it has nothing to do with what was before.
   *
   * @param {string} kind
   * @param {(value: any) => void} listener
   */
  on(kind, listener) {
    const hearers = this._hearers.get(kind) ?? [];
    this._hearers.set(kind, [...hearers, listener]);
  }

  /** The time by the lab's clock, in seconds. */
  now() {
    return performance.now() / 1000 + this._clockOffset;
  }

  /**
   * Ask for frames as well. They are many: only a view that shows them calls this.
   *
   * @returns {Promise<void>} settles when those of the past are there
   */
  followFrames() {
    if (!this._withFrames) {
      this._withFrames = true;
      if (this.state.lab !== null) this._framesThere = this._loadFrames();
      else if (this._generation > 0) this._framesThere = this._resync();
    }
    return this._framesThere;
  }

  /** The events of a call, oldest first. @returns {LabEvent[]} */
  eventsOf(call) {
    return this._eventsOf.get(call) ?? [];
  }

  /** The calls of a phone, newest first. @returns {Call[]} */
  callsOf(phone) {
    const ids = [...(this._callsOf.get(phone) ?? [])];
    return ids.reverse().flatMap((id) => this.state.calls.get(id) ?? []);
  }

  /** A number that reaches a program. */
  programNumber() {
    for (const number of this.state.numbers.values()) {
      if (number.context) return number.number;
    }
    return USUAL_NUMBER;
  }

  /** The programs that are connected. */
  connected() {
    return [...this.state.programs.values()].filter((program) => program.connected);
  }

  // The stream

  /** Load the frames of the past. They are many: the stream goes on meanwhile. */
  async _loadFrames() {
    const most = this.state.lab.recording ? MOST_OF_A_RECORDING : MOST_FRAMES;
    await this._resync(await lab.frames(most).catch(() => null));
  }

  /** @param {any} [loaded] the frames, if they were loaded before */
  async _resync(loaded = null) {
    const withFrames = this._withFrames;
    const generation = ++this._generation;
    this._source?.close();
    clearTimeout(this._timer);
    try {
      const asked = performance.now();
      const state = await lab.state();
      const offset = state.lab.now - (asked + performance.now()) / 2000;
      const most = state.lab.recording ? MOST_OF_A_RECORDING : 0;
      const [past, frames] = await Promise.all([
        lab.events(most || MOST_EVENTS),
        loaded ?? (withFrames ? lab.frames(most || MOST_FRAMES) : null),
      ]);
      if (generation !== this._generation) return;
      this._clockOffset = offset;
      this._take(state, past, frames);
      // Nothing more happens in a recording.
      if (state.lab.recording) this._setLink("recording", "");
      else this._open(state.last_id, generation, loaded?.last_id);
    } catch (error) {
      if (generation === this._generation) this._lose(error.message);
    }
  }

  _open(known, generation, after = known) {
    const frames = this._withFrames ? "&frames=1" : "";
    const source = new EventSource(`/api/stream?after=${Math.min(after, known)}${frames}`);
    this._source = source;
    source.onopen = () => {
      this._retry = FIRST_RETRY;
      this._setLink("live", "");
    };
    // The browser would continue by itself, but then nobody sees whether the lab is a new one.
    source.onerror = () => {
      source.close();
      if (generation === this._generation) this._lose("The connection to the lab was lost.");
    };
    for (const kind of Object.keys(APPLY)) {
      source.addEventListener(kind, (event) => {
        if (generation !== this._generation) return;
        // What came between the frames and the state is known, apart from frames.
        if (!ALWAYS.has(kind) && Number(event.lastEventId) <= known) return;
        const value = JSON.parse(event.data);
        APPLY[kind](this, value);
        this._tell(kind, value);
      });
    }
  }

  _tell(kind, value) {
    for (const listener of this._hearers.get(kind) ?? []) listener(value);
  }

  _lose(words) {
    this._setLink("lost", words);
    this._timer = setTimeout(() => this._resync(), this._retry);
    this._retry = Math.min(LONGEST_RETRY, this._retry * 2);
  }

  _setLink(link, trouble) {
    this.link = link;
    this.trouble = trouble;
    this.touch("link");
  }

  _take(state, past, frames) {
    const anew = this._anew || this.state.lab?.started_at !== state.lab.started_at;
    this._anew = false;
    if (anew) Object.assign(this.forgotten, { calls: 0, texts: 0, dropped: 0 });
    this.state = emptyState();
    this._callsOf.clear();
    this._eventsOf.clear();
    this.events = [];
    for (const [name, key] of LISTS) {
      for (const item of state[name]) this.state[name].set(item[key], item);
    }
    Object.assign(this.state, { lab: state.lab, setup: state.setup, faults: state.faults });
    this.state.counts = state.counts ?? {};
    for (const call of state.calls) this._indexCall(call);
    this.forgotten.events = past.forgotten ?? 0;
    // What is newer comes by the stream.
    for (const event of past.events) if (event.id <= state.last_id) this._addEvent(event);
    if (frames !== null) {
      // What is newer comes by the stream.
      const last = Math.min(frames.last_id, state.last_id);
      this.frames = frames.frames.filter((frame) => frame.id <= last);
      this.forgotten.frames = frames.forgotten ?? 0;
    }
    this._tell("state", { anew });
    this.touch(...TOPICS);
  }

  _indexCall(call) {
    if (!call.phone) return;
    const ids = this._callsOf.get(call.phone) ?? new Set();
    ids.add(call.id);
    this._callsOf.set(call.phone, ids);
  }

  _addEvent(event) {
    this.events.push(event);
    const most = this.state.lab?.recording ? MOST_OF_A_RECORDING : MOST_EVENTS;
    if (this.events.length > most * 1.1) {
      const gone = this.events.splice(0, this.events.length - most);
      this.forgotten.events += gone.length;
    }
    if (!event.call) return;
    const events = this._eventsOf.get(event.call) ?? [];
    events.push(event);
    if (events.length > MOST_EVENTS_OF_A_CALL && !this.state.lab?.recording) events.shift();
    this._eventsOf.set(event.call, events);
  }

  _forgetCalls() {
    const surplus = this.state.calls.size - MOST_ENDED_CALLS;
    if (surplus < MOST_ENDED_CALLS / 10) return;
    let left = surplus;
    for (const call of this.state.calls.values()) {
      if (left === 0) break;
      if (call.state !== "ended") continue;
      this.state.calls.delete(call.id);
      this._eventsOf.delete(call.id);
      this._callsOf.get(call.phone ?? "")?.delete(call.id);
      this.forgotten.calls += 1;
      left -= 1;
    }
  }

  // Changes

  /** Say that something has changed. @param {...Topic} topics */
  touch(...topics) {
    for (const topic of topics) this._changed.add(topic);
    if (this._scheduled) return;
    this._scheduled = true;
    // A page in the background gets no frames, but its title and its sound go on.
    if (document.hidden) setTimeout(() => this._publish(), 250);
    else requestAnimationFrame(() => this._publish());
  }

  _publish() {
    if (!this._scheduled) return;
    this._scheduled = false;
    const changed = this._changed;
    this._changed = new Set();
    for (const { topics, listener } of this._listeners) {
      if (!topics.some((topic) => changed.has(topic))) continue;
      try {
        listener(changed);
      } catch (error) {
        console.error("A view of the lab failed.", error);
      }
    }
  }
}

const TOPICS = /** @type {Topic[]} */ (
  "lab link phones calls texts programs numbers faults events frames".split(" ")
);

/** The lists of the state, and what each item is known by. */
const LISTS = [
  ["phones", "number"],
  ["calls", "id"],
  ["texts", "id"],
  ["programs", "id"],
  ["numbers", "number"],
];

function emptyState() {
  return {
    lab: null,
    setup: {},
    /** @type {Map<string, any>} */ phones: new Map(),
    /** @type {Map<string, Call>} */ calls: new Map(),
    /** @type {Map<string, any>} */ texts: new Map(),
    /** @type {Map<string, any>} */ programs: new Map(),
    /** @type {Map<string, any>} */ numbers: new Map(),
    faults: {},
    counts: {},
  };
}

/** What no state of the lab has in it. */
const ALWAYS = new Set(["frame", "dropped", "reset"]);

/** What each kind of event changes. What is `removed` or `gone` is in no list any more. */
const APPLY = {
  happened(store, event) {
    store._addEvent(event);
    store.touch("events");
  },
  call(store, call) {
    store.state.calls.set(call.id, call);
    store._indexCall(call);
    store._forgetCalls();
    store.touch("calls");
  },
  phone: (store, phone) => setItem(store, "phones", phone.number, phone),
  program: (store, program) => setItem(store, "programs", program.id, program),
  number: (store, number) => setItem(store, "numbers", number.number, number),
  text(store, text) {
    setItem(store, "texts", text.id, text);
    if (store.state.texts.size > MOST_TEXTS) {
      store.state.texts.delete(store.state.texts.keys().next().value);
      store.forgotten.texts += 1;
    }
  },
  faults(store, faults) {
    store.state.faults = faults;
    store.touch("faults");
  },
  frame(store, frame) {
    store.frames.push(frame);
    if (store.frames.length > MOST_FRAMES * 1.1) {
      store.forgotten.frames += store.frames.splice(0, store.frames.length - MOST_FRAMES).length;
    }
    store.touch("frames");
  },
  dropped(store, { dropped }) {
    store.forgotten.dropped += dropped;
    store._resync();
  },
  reset(store) {
    store._anew = true;
    store._resync();
  },
};

function setItem(store, list, key, item) {
  if (item.removed || item.gone) store.state[list].delete(key);
  else store.state[list].set(key, item);
  store.touch(list);
}
