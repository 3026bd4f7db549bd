"""Replay: a recording, run through a fresh core, line by line.

A scripted wire tells the fresh core what the WebSocket made of the bytes at that
time. Everything above the wire is the code that is installed now. A line is the
`same` if the fresh core does what the recorded core did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from ..link.ids import combined_ids, drawn_ids
from ..outputs import CallOffered, EventReceived, Output, Settled
from ..pending import Pending
from ..records import ActionRecord, CallRecord
from ..rpc.frames import JSONObject, decode_any
from ..transitions import CallState
from ..values.chance import Chance
from ..wire.client_wire import ClientWire
from ..wire.reports import PeerClosed, WireEvent, WireFailed
from ..wire.websocket import Role
from .lines import LONGEST_LINE, check_line, read_line
from .notation import (
    COMBINED_IDS,
    VERSION,
    read_command,
    read_config,
    read_credentials,
    read_kind,
    read_wire_event,
)
from .recording import RecordingCore

MakeRandom: TypeAlias = Callable[[int], Chance]

COMPARED: Final = ("out", "raises", "pending", "state")
"""The parts of a line that say what a core did."""


class RecordingError(ValueError):
    """A line of a recording cannot be read; the message says which, and why."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number} of the recording: {why}")
        self.number = number


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a recording, and what the fresh core wrote in its place."""

    number: int
    """The number of the line, from 1."""
    line: JSONObject
    replayed: JSONObject = field(default_factory=JSONObject)
    """The line of the fresh core; empty for a first line, which asks nothing of it."""
    left_out: str = ""
    """What was left out before this line, in words."""

    @property
    def same(self) -> bool:
        """Whether the fresh core did what the recorded core did."""
        return not self.replayed or all(
            self.line.get(name) == self.replayed.get(name) for name in COMPARED
        )


def replay(lines: Iterable[str], make_random: MakeRandom) -> Iterator[Step]:
    """Run a recording through a fresh core. `make_random` is called with its seed.

    What stands before the first beginning is left out, because the older part of a
    recording rotates away. So is half a line in front of a later beginning. The step of
    the beginning says so.

    Raises:
        RecordingError: there is no beginning, or no recorder has written this line, or the
            fresh core has come too far from the recorded one to play it. The steps before
            it are valid.
    """
    player: _Player | None = None
    before = 0
    unplayed: RecordingError | None = None
    for number, text in enumerate(lines, 1):
        if len(text) > LONGEST_LINE:
            raise RecordingError(number, f"it is longer than {LONGEST_LINE} characters")
        try:
            line, lost = read_line(text)
        except ValueError as error:
            refused = RecordingError(number, str(error))
            if player is not None:
                raise refused from None
            before, unplayed = before + 1, unplayed or refused
            continue
        if player is None and "recording" not in line:
            why = "the beginning is missing: it may have rotated away"
            before, unplayed = before + 1, unplayed or RecordingError(number, why)
            continue
        try:
            check_line(line)
            if player is None or "recording" in line:
                player = _Player(line, make_random)
                step = Step(number, line, left_out=_left_out(before, number, lost))
                before = 0
            else:
                step = Step(number, player.masked(line), player.play(line))
        except Exception as error:  # there may be anything in the file
            raise RecordingError(number, f"it cannot be played: {error!r}") from error
        yield step
    if player is None and unplayed is not None:
        raise unplayed


def _left_out(before: int, number: int, lost: int) -> str:
    """Say what is left out before a beginning: lines, and characters of its own line."""
    said: list[str] = []
    if before:
        lines = "1 line" if before == 1 else f"{before} lines"
        said.append(f"{lines} before the first beginning {_were(before)} left out")
    if lost:
        characters = "character" if lost == 1 else f"{lost} characters"
        said.append(
            f"the first {characters} of line {number} {_were(lost)} left out: a line that was "
            "not written to its end, before a new recording began"
        )
    return "; ".join(said)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


class _Player:
    """A fresh core, and the records by the names that they have in the recording."""

    def __init__(self, header: Mapping[str, Any], make_random: MakeRandom) -> None:
        if header["recording"] != VERSION:
            raise ValueError(
                f"it is in format {header['recording']!r}, but this version reads {VERSION}"
            )
        self._written_line: JSONObject = {}
        self._failures: list[BaseException] = []
        self._wire_events: list[WireEvent] = []
        self._calls: dict[str, CallRecord] = {}
        self._actions: dict[tuple[str, str], ActionRecord] = {}
        self._pendings: dict[int, Pending[Any]] = {}
        seed: int = header["seed"]
        self._core = RecordingCore(
            read_config(header["config"]),
            make_random(seed),
            self._write,
            seed=seed,
            on_failure=self._failures.append,
            make_wire=self._make_wire,
            make_ids=combined_ids if header.get("ids") == COMBINED_IDS else drawn_ids,
        )

    def play(self, line: Mapping[str, Any]) -> JSONObject:
        """Repeat the input or command of `line`; return the line that the fresh core writes."""
        self._written_line = {}
        self._wire_events[:] = map(read_wire_event, line.get("wire", ()))
        try:
            result = self._do(line)
        except Exception:
            if "raises" not in self._written_line:
                raise
            result = None
        if self._failures:
            raise self._failures[0]
        self._name(result)
        while (output := self._core.next_output()) is not None:
            self._name_records(output)
        return self._written_line

    def masked(self, line: Mapping[str, Any]) -> JSONObject:
        """Return `line` with all masked that the fresh core masks, even if it is older."""
        return self._core.masked_again(line)

    def _do(self, line: Mapping[str, Any]) -> object:
        """Give the core an input or a command; return what it returns."""
        core = self._core
        match line.get("in") or line["do"]:
            case "opened":
                core.transport_opened(line["transport"], line["at"])
            case "data":
                core.receive_data(line["transport"], bytes(line["bytes"]), line["at"])
            case "closed":
                core.transport_closed(line["transport"], line["at"], line["reason"])
            case "timer":
                core.handle_timer(line["at"])
            case "start":
                return core.start(line["at"], retry=line["retry"])
            case "wait_ready":
                return core.wait_ready(line["at"])
            case "close":
                core.close(line["at"])
            case "drain":
                core.drain(line["at"])
            case "accept":
                contexts = line["contexts"]
                core.accepted_contexts = None if contexts is None else frozenset(contexts)
                core.accepting_calls = line["calls"]
                core.accepting_texts = line.get("texts", True)
                core.note_acceptance()
            case what:
                return self._do_with_records(what, line)
        return None

    def _do_with_records(self, what: str, line: Mapping[str, Any]) -> object:
        core = self._core
        match what:
            case "use_credentials":
                credentials = read_credentials(line["credentials"])
                assert credentials is not None, "a core is given some, or nothing"
                core.use_credentials(line["transport"], credentials, line["at"])
                return None
            case "use_contexts":
                core.use_contexts(line["contexts"], line["at"])
                return None
            case "execute" if "on" in line:
                command = read_command(line["command"])
                return core.execute_on(self._target(line["on"]), command, line["at"])
            case "execute":
                return core.execute(read_command(line["command"]), line["at"])
            case "cancel":
                core.cancel(self._pendings[line["what"]], line["at"])
                return None
            case "wait_for":
                call = self._calls[line["on"][0]]
                return core.wait_for(call, CallState(line["state_wanted"]), line["at"])
            case "hang_up" | "pass_back":
                leave = core.hang_up if what == "hang_up" else core.pass_back
                leave(self._calls[line["on"][0]], line["at"])
                return None
            case "adopt":
                return core.adopt(CallRecord(**line["call"]))
            case "attach":
                call_id, control_id = line["on"]
                return core.attach(self._calls[call_id], read_kind(line["kind"]), control_id)
            case _:
                raise ValueError(f"unknown input or command {what!r}")

    def _target(self, on: list[str]) -> CallRecord | ActionRecord:
        return self._calls[on[0]] if len(on) == 1 else self._actions[on[0], on[1]]

    def _name_records(self, output: Output) -> None:
        match output:
            case CallOffered(call) | EventReceived(_, CallRecord() as call):
                self._name(call)
            case Settled(pending) if pending.error is None:
                self._name(pending.result())
            case _:
                pass

    def _name(self, result: object) -> None:
        """Keep a record, or a `Pending`, to which later lines may refer."""
        match result:
            case Pending():
                self._pendings[self._written_line["pending"]] = result
            case CallRecord():
                self._calls[result.call_id] = result
            case ActionRecord():
                self._actions[result.call.call_id, result.control_id] = result
            case _:
                pass

    def _write(self, text: str) -> None:
        self._written_line = cast("JSONObject", decode_any(text.encode()))

    def _make_wire(
        self, role: Role, *, host: str, max_message_bytes: int, random: Chance | None
    ) -> ClientWire:
        del role, host, max_message_bytes, random  # a recording contains no bytes
        return _ScriptedWire(self._wire_events)


class _ScriptedWire:
    """A wire that reports what the recorded wire reported, and sends placeholders."""

    def __init__(self, events: list[WireEvent]) -> None:
        """`receive` takes its reports from `events`, and empties it."""
        self._events = events
        self._over = False

    def open(self) -> bytes:
        return b"."

    def receive(self, data: bytes) -> Iterator[WireEvent]:
        del data
        events = self._events.copy()
        self._events.clear()
        for event in events:
            self._over = self._over or isinstance(event, (PeerClosed, WireFailed))
            yield event

    def send_text(self, message: bytes) -> bytes:
        del message
        return b"" if self._over else b"."

    def close(self, code: int = 1000, reason: str = "") -> bytes:
        del code, reason
        over, self._over = self._over, True
        return b"" if over else b"."
