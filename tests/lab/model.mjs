// Run by test_timeline_scripts.py, beside the modules of the page.
import { Model, contains, matches, troubled } from "./timeline-model.mjs";
const call = (id, more) => ({
  id, from: "+15550001111", to: "+15550002222", direction: "inbound", state: "ended", phone: null,
  started_at: 1, answered_at: 2, ended_at: 20, reason: "hangup", peer: null, actions: [], ...more,
});
const action = (id, start, end, more) => ({
  id, verb: "play", started_at: start, ended_at: end, outcome: "finished", words: "Hello", ...more,
});
const frame = (id, direction, kind, body, more) => ({
  id, at: id, program: "p1", direction, kind, method: "calling.play", call: "a", bytes: 1,
  body: JSON.stringify(body), ...more,
});
const event = (id, call, what, details, text) => ({ id, at: id, call, who: "caller", what, details, text });
const calls = [
  call("b", { direction: "outbound", from: "+15550002222", to: "+15550003000", peer: "a", started_at: 5 }),
  call("a", {
    peer: "b",
    actions: [
      action("record-1", 3, 15, { verb: "record" }),
      action("play-1", 4, 6),
      action("play-2", 6, 8, { outcome: "error" }),
      action("open-1", 9, null),
    ],
  }),
  call("c", { started_at: 9, from: "***(12)", answered_at: null }),
];
const events = [
  event(1, "", "session started", {}, "starts a session"),
  event(2, "a", "pressed", { digit: "7" }, "presses 7"),
  event(3, "a", "played", { text: "Hello" }, "plays Hello"),
  event(4, "", "session away", {}, "is away"),
  event(6, "", "session resumed", {}, "is back"),
];
const frames = [
  frame(10, "in", "request", { id: "x", method: "calling.play", params: { control_id: "play-1" } }),
  frame(11, "out", "event", { id: "x", method: "signalwire.event", params: { control_id: "play-1" } }),
  frame(12, "out", "response", { id: "x", result: {} }),
  frame(13, "in", "acknowledgement", { id: "x", result: {} }),
];
const store = {
  events, frames,
  eventsOf: (id) => events.filter((one) => one.call === id),
  state: { calls: new Map(calls.map((one) => [one.id, one])), phones: new Map(), programs: new Map([["p1", {}]]) },
};
const model = new Model(store);
const lanes = model.lanes();
const [lab, a, b, c] = lanes;
store.state.programs.set("p2", {}); // a program that the page learns of without an event
const [busy] = model.lanes();
store.state.programs.delete("p2");
store.state.phones.set("+15550001111", { name: "Ann" }); // a phone that comes after its call
const named = model.lanes()[1].title;
store.state.phones.clear();
model.lanes();
const pair = (id) => model.pairOf(model.frame(id))?.id ?? null;
console.log(JSON.stringify({
  order: lanes.map((lane) => [lane.id, lane.depth]),
  titles: lanes.map((lane) => lane.title),
  rows: a.bars.map((bar) => [bar.control, bar.row]),
  marks: a.marks.map((mark) => [mark.name, mark.label]),
  spans: lab.spans.map(({ state, start, end }) => [state, start, end]),
  spansOfSeveral: busy.spans.length,
  named,
  pairs: [10, 11, 12, 13].map(pair),
  ofAction: model.framesOfAction(a.bars.find((bar) => bar.control === "play-1")).map((one) => one.id),
  found: [...matches(model, a, "presses"), ...matches(model, a, "play-1")],
  nothing: [...matches(model, c, "presses")],
  troubled: [a, b, c].map(troubled),
  same: model.lanes()[1] === a,
}));
