"""Recorded: a recording of the flight recorder, in the shapes in which the lab shows itself.

A recording has the frames of one client, masked, and what its core has made of them. The
calls and what happened on them are read from the frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from relay_proto import __version__
from relay_proto.display import one_line
from relay_proto.exchange import Happened, What, Who
from relay_proto.recorder.replay import Step
from relay_proto.rpc.frames import JSONObject

from .calls import CallTable
from .frames import Conversation
from .journal import Journal
from .recorded_events import happened_in, object_or_empty
from .shapes import Event, Faults, Frame, LabState, ProgramState, RecordingState, State

MOST_EVENTS: Final = 10_000
MOST_FRAMES: Final = 10_000
MOST_BYTES: Final = 32 * 1024 * 1024
LONGEST_FRAME: Final = 20_000
BETWEEN: Final = 1.0
"""Seconds between two runs of a client in one file, whose clocks have nothing in common."""
OUTPUTS: Final = {
    "disconnected": "loses the connection",
    "connect failed": "cannot connect",
    "offer refused": "refuses a call",
    "peer violation": "sees the service break the protocol",
    "ignored": "ignores something",
    "dropped": "drops something",
}
"""What the core of a client says, as a sentence about the program."""


class Recorded:
    """Everything that a recording shows. It is filled by `read`, and does not change then."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: Journal[Event] = Journal(most=MOST_EVENTS, most_bytes=MOST_BYTES)
        self.frames: Journal[Frame] = Journal(most=MOST_FRAMES, most_bytes=MOST_BYTES)
        self.calls = CallTable(
            lambda _: None, lambda _: None, lambda _: self._program.id, lambda _: None
        )
        self.programs: list[ProgramState] = []
        self.lines = 0
        self.differences = 0
        self.trouble = ""
        """Why the rest of the recording could not be read."""
        self._program = ProgramState(id="p1", since=0.0)
        self._conversation = Conversation()
        self.last_id = 0
        self._began_at: float | None = None
        self._now = 0.0
        self._offset = 0.0
        self._calls_of: dict[int, str] = {}
        """The call of each command that waits for something."""

    def read(self, steps: Iterable[Step]) -> None:
        """Take all lines of a recording."""
        for step in steps:
            self._take(step)

    def tell_left_out(self, words: str) -> None:
        """Show in the timeline what of the recording is not in it."""
        self._note("", Who.EXCHANGE, "left out", words)

    def state(self) -> State:
        """Return everything but events and frames at once."""
        began_at = self._began_at or 0.0
        return State(
            lab=LabState(
                version=__version__,
                started_at=began_at,
                now=self._now,
                url="",
                space=self._program.agent,
                project="",
                recording=RecordingState(
                    name=self.name,
                    began_at=began_at,
                    ended_at=self._now,
                    lines=self.lines,
                    differences=self.differences,
                    trouble=self.trouble,
                ),
            ),
            setup={},
            phones=[],
            calls=list(self.calls),
            texts=[],
            programs=self.programs,
            numbers=[],
            faults=Faults(),
            last_id=self.last_id,
            counts={"forgotten_calls": self.calls.forgotten},
        )

    def _take(self, step: Step) -> None:
        line = step.line
        self.lines += 1
        if step.left_out:
            self.tell_left_out(step.left_out)
        if "recording" in line:
            self._begin(line["config"])
            return
        if "at" in line:
            self._move_to(line["at"])
        call = _first(line.get("on"))
        if "pending" in line and call:
            self._calls_of[line["pending"]] = call
        for output in line.get("out", ()):
            self._take_output(output)
        if "raises" in line:
            what = object_or_empty(line.get("command")).get("method", line.get("do", "an input"))
            self._note(call, Who.PROGRAM, "failed", f"cannot do {what}: {line['raises']}")
        if not step.same:
            self.differences += 1
            words = f"line {step.number} is different with this version: see relay replay"
            self._note("", Who.EXCHANGE, "differs", words)

    def _begin(self, config: Mapping[str, Any]) -> None:
        agent = one_line(f"{config['agent']}, a client of {config['host']}")
        number = len(self.programs) + 1
        self._program = ProgramState(
            id=f"p{number}",
            agent=agent,
            since=self._now,
            contexts=config["contexts"],
            connected=False,
        )
        self.programs.append(self._program)
        self._conversation = Conversation()
        self._calls_of.clear()

    def _move_to(self, at: float) -> None:
        if self._began_at is None:
            self._began_at = at
        if at + self._offset < self._now:
            self._offset = self._now + BETWEEN - at
        self._now = at + self._offset

    def _take_output(self, output: list[Any]) -> None:
        match output:
            case ["frame", sign, str(text)]:
                self._take_frame(text, received=sign == ">")
            case ["connected", resumed]:
                what, words = ("resumed", "resumes its") if resumed else ("started", "starts a")
                self._note("", Who.PROGRAM, f"session {what}", f"{words} session")
            case ["settled", number, "error", str(words)]:
                self._note(self._calls_of.get(number, ""), Who.PROGRAM, "failed", f"fails: {words}")
            case ["disconnected", None, *_]:
                self._note("", Who.PROGRAM, "session away", "closes the connection")
            case [str(name), *rest] if name in OUTPUTS:
                said = [str(part) for part in rest if isinstance(part, str) and part]
                delay = rest[-1] if name in ("disconnected", "connect failed") else None
                if isinstance(delay, float):
                    said.append(f"tries again in {delay:.1f} s")
                what = "session away" if name == "disconnected" else name
                self._note("", Who.PROGRAM, what, ": ".join([OUTPUTS[name], *said]))
            case _:
                pass  # what the frames show as well

    def _take_frame(self, text: str, *, received: bool) -> None:
        data = text.encode("utf-8", "replace")
        facts = self._conversation.read(data, self._now, received=received)
        number = self._new_id()
        body = text
        if len(text) > LONGEST_FRAME:
            body = f"{text[:LONGEST_FRAME]}… ({len(text)} characters)"
        frame = Frame(
            id=number,
            at=self._now,
            program=self._program.id,
            direction="in" if received else "out",
            kind=facts.kind,
            method=facts.method,
            call=facts.call,
            bytes=len(data),
            body=body,
        )
        self.frames.add(number, frame, len(data))
        if facts.kind == "event":
            for happened in happened_in(facts, self._now):
                self._observe(happened)
        elif facts.kind == "error" and not received:
            words = f"refuses {facts.method}: {_refusal(facts.result)}"
            self._note(facts.call, Who.EXCHANGE, "refused", words)
        if facts.call:
            self.calls.take_frame(facts, self._now, received=received)

    def _observe(self, happened: Happened) -> None:
        known = self.calls.get(happened.call_id)
        if happened.call_id and (known is None or known.state != "ended"):
            if known is None and happened.what not in (What.CALLED, What.DIALED):
                return  # it began before the recording
            self.calls.observe(happened, self._now)
            call = self.calls.get(happened.call_id)
            if call is not None:
                call.program = self._program.id
                if happened.what is What.ANSWERED and call.state == "ringing":
                    call.state = "answered"
                if happened.what is What.CONNECTED:
                    call.peer = happened.details.get("peer") or call.peer
        details = {key: value for key, value in happened.details.items() if value}
        what = happened.what.value
        self._note(happened.call_id, happened.who, what, happened.sentence, details)

    def _note(
        self, call: str, who: Who, what: str, words: str, details: dict[str, str] | None = None
    ) -> None:
        number = self._new_id()
        event = Event(
            id=number,
            at=self._now,
            call=call,
            who=who.value,
            what=what,
            details=details or {},
            text=words,
        )
        self.events.add(number, event, len(words))

    def _new_id(self) -> int:
        self.last_id += 1
        return self.last_id


def _refusal(result: JSONObject) -> str:
    return one_line(f"{result.get('code', '')} {result.get('message', '')}".strip() or "an error")


def _first(on: object) -> str:
    return str(cast("list[object]", on)[0]) if isinstance(on, list) and on else ""
