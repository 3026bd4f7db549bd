"""Replay: a recording, run through a fresh core, line by line.

What the WebSocket once made of bytes is played to the core by a wire that has no
bytes; all above it is the core of today. A line is `same` if that core says and
does what the recorded one did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from ..api.commands import Command, Purpose
from ..config import ClientConfig, Credentials, Limits, Secret, Timing
from ..errors import RemoteProtocolError
from ..outputs import CallOffered, EventReceived, Output, Settled
from ..pending import Pending
from ..records import ActionRecord, CallRecord
from ..rpc.action_kinds import custom_kind
from ..rpc.frames import JSONObject, decode_any, is_object
from ..rpc.masking import MASK
from ..transitions import CallState
from ..wire.websocket import (
    BinaryIgnored,
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    Upgraded,
    Wire,
    WireEvent,
    WireFailed,
)
from .recording import CREDENTIALS, KINDS, MARKED, MARKERS, VERSION, RecordingCore, Tap

if TYPE_CHECKING:
    import random

MakeRandom: TypeAlias = "Callable[[int], random.Random]"

COMPARED: Final = ("out", "raises", "pending", "state")
"""What of a line must come out again."""


class RecordingError(ValueError):
    """A recording cannot be read: the message says which line, and why."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number} of the recording: {why}")
        self.number = number


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a recording, and what came of it when it was run again."""

    number: int
    """Of the line, from 1."""
    line: JSONObject
    replayed: JSONObject = field(default_factory=JSONObject)
    """The line that the fresh core has written; empty where there was nothing to run."""

    @property
    def same(self) -> bool:
        """Whether the fresh core did the same."""
        return not self.replayed or all(
            self.line.get(name) == self.replayed.get(name) for name in COMPARED
        )


def replay(lines: Iterable[str], make_random: MakeRandom) -> Iterator[Step]:
    """Run a recording through a fresh core; `make_random` makes its chance of a seed.

    Raises:
        RecordingError: a line is not what a recorder writes. The steps before it are good.
    """
    player: _Player | None = None
    for number, text in enumerate(lines, 1):
        line = decode_any(text.encode())
        if not is_object(line):
            raise RecordingError(number, "it is not a JSON object")
        if player is None and "recording" not in line:
            raise RecordingError(number, "the beginning is missing: it may have rotated away")
        try:
            if player is None or "recording" in line:
                player = _Player(line, make_random)
                step = Step(number, line)
            else:
                step = Step(number, line, player.play(line))
        except Exception as error:  # the file is anybody's: nothing in it is taken for granted
            raise RecordingError(number, f"it cannot be played: {error!r}") from error
        yield step


class _Player:
    """One fresh core, and what of it the recording has named so far."""

    def __init__(self, header: Mapping[str, Any], make_random: MakeRandom) -> None:
        if header["recording"] != VERSION:
            raise ValueError(f"it is in format {header['recording']!r}, this reads {VERSION}")
        self._script = _Script()
        self._written_line: JSONObject = {}
        seed: int = header["seed"]
        config = _config(header["config"])
        self._core = RecordingCore(
            config, make_random(seed), self._write, seed=seed, tap=self._script
        )
        self._calls: dict[str, CallRecord] = {}
        self._actions: dict[tuple[str, str], ActionRecord] = {}
        self._pendings: dict[int, Pending[Any]] = {}

    def play(self, line: Mapping[str, Any]) -> JSONObject:
        """Do what `line` says was done; returns what the core has written down."""
        self._written_line = {}
        self._script.coming = [_wire_event(event) for event in line.get("wire", ())]
        try:
            result = self._do(line)
        except Exception:
            if "raises" not in self._written_line:
                raise
        else:
            self._name(result)
        while (output := self._core.next_output()) is not None:
            self._hear(output)
        return self._written_line

    def _do(self, line: Mapping[str, Any]) -> object:
        """Give the core an input, or a command; returns what the core does."""
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
            case "close":
                core.close(line["at"])
            case "drain":
                core.drain(line["at"])
            case "accept":
                contexts = line["contexts"]
                core.accepting_calls = line["calls"]
                core.accepted_contexts = None if contexts is None else frozenset(contexts)
                core.note_acceptance()
            case what:
                return self._do_with_records(what, line)
        return None

    def _do_with_records(self, what: str, line: Mapping[str, Any]) -> object:
        core = self._core
        match what:
            case "execute" if "on" in line:
                return core.execute_on(self._target(line["on"]), _command(line), line["at"])
            case "execute":
                return core.execute(_command(line), line["at"])
            case "cancel":
                core.cancel(self._pendings[line["what"]], line["at"])
                return None
            case "wait_for":
                call = self._calls[line["on"][0]]
                return core.wait_for(call, CallState(line["state_wanted"]), line["at"])
            case "adopt":
                return core.adopt(CallRecord(**line["call"]))
            case "attach":
                call_id, control_id = line["on"]
                return core.attach(self._calls[call_id], _kind(line["kind"]), control_id)
            case _:
                raise ValueError(f"nothing is known of {what!r}")

    def _target(self, on: list[str]) -> CallRecord | ActionRecord:
        return self._calls[on[0]] if len(on) == 1 else self._actions[on[0], on[1]]

    def _name(self, result: object) -> None:
        match result:
            case Pending():
                self._pendings[self._written_line["pending"]] = result
            case CallRecord():
                self._calls[result.call_id] = result
            case ActionRecord():
                self._actions[result.call.call_id, result.control_id] = result
            case _:
                pass

    def _hear(self, output: Output) -> None:
        match output:
            case CallOffered(call) | EventReceived(_, CallRecord() as call):
                self._name(call)
            case Settled(pending) if pending.error is None:
                self._name(pending.result())
            case _:
                pass

    def _write(self, text: str) -> None:
        self._written_line = cast("JSONObject", decode_any(text.encode()))


class _Script(Tap):
    """Plays what a wire has once said."""

    def __init__(self) -> None:
        super().__init__()
        self.coming: list[WireEvent] = []

    def make(self, role: Role, *, host: str, max_message_bytes: int, random: random.Random) -> Wire:
        del random  # what has no bytes has no masks
        return _ScriptedWire(self, role, host=host, max_message_bytes=max_message_bytes)

    def take(self) -> list[WireEvent]:
        events, self.coming = self.coming, []
        self.heard.extend(events)
        return events


class _ScriptedWire(Wire):
    """A wire without bytes: what it should send is one, until its peer has gone."""

    def __init__(self, script: _Script, role: Role, *, host: str, max_message_bytes: int) -> None:
        super().__init__(role, host=host, max_message_bytes=max_message_bytes)
        self._script = script
        self._over = False

    def open(self) -> bytes:
        return b"."

    def receive(self, data: bytes) -> list[WireEvent]:
        del data
        events = self._script.take()
        self._over = self._over or any(isinstance(e, (PeerClosed, WireFailed)) for e in events)
        return events

    def send_text(self, message: bytes) -> bytes:
        del message
        return b"" if self._over else b"."

    def close(self, code: int = 1000, reason: str = "") -> bytes:
        del code, reason
        over, self._over = self._over, True
        return b"" if over else b"."


def _wire_event(described: list[Any]) -> WireEvent:
    match described:
        case ["text", str(text)]:
            return TextReceived(text.encode())
        case ["garbage", int(size)]:
            return TextReceived(b"?" * size)
        case ["binary", int(size)]:
            return BinaryIgnored(size)
        case ["answer", int(size)]:
            return BytesToSend(bytes(size))
        case ["closed", int(code), str(reason)]:
            return PeerClosed(code, reason)
        case ["failed", str(reason), int(status)]:
            return WireFailed(RemoteProtocolError(reason, status=status))
        case ["upgraded"]:
            return Upgraded()
        case _:
            raise ValueError(f"a wire says nothing like {described!r}")


def _command(line: Mapping[str, Any]) -> Command[Any]:
    told: Mapping[str, Any] = line["command"]
    return Command(
        told["method"],
        _with_markers(told["params"]),
        Purpose(told["purpose"]),
        timeout=told["timeout"],
        kind=None if told["kind"] is None else _kind(told["kind"]),
        ends_call=told["ends_call"],
        callback=_callback if told["callback"] else None,
    )


def _callback() -> None:
    """Stands for a function of the program's: the core only carries it."""


def _kind(told: Any) -> Any:
    if isinstance(told, str):
        return KINDS[told]
    return custom_kind(told["event_type"], tuple(told["states"]))


def _with_markers(value: Any) -> Any:
    if is_object(value):
        if MARKED in value:
            return MARKERS[cast("str", value[MARKED])]
        return {key: _with_markers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_markers(item) for item in cast("list[object]", value)]
    return value


def _config(told: Mapping[str, Any]) -> ClientConfig:
    there = {name: Secret(MASK) for name in CREDENTIALS if name in told["credentials"]}
    absent = {name: Secret("") for name in CREDENTIALS}
    return ClientConfig(
        credentials=Credentials(**(absent | there)),
        host=told["host"],
        contexts=tuple(told["contexts"]),
        agent=told["agent"],
        timing=Timing(**told["timing"]),
        limits=Limits(**told["limits"]),
    )
