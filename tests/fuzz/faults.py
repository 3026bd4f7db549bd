"""Faults to plant in the code, each of which the corpus of a target has to find."""

# ruff: noqa: SLF001 - faults are planted in the midst of things
# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, TypeAlias

import msgspec
import pytest

from relay_proto.calls.calls import Calls
from relay_proto.client import ClientCore
from relay_proto.core import OutputQueue
from relay_proto.dispatch import Dispatch
from relay_proto.link import requests, session
from relay_proto.link.session import Session
from relay_proto.link.session_events import SessionEvent
from relay_proto.outputs import Connected, PeerViolation
from relay_proto.recorder import replay as replay_module
from relay_proto.rpc import event_base as event
from relay_proto.rpc import events, frames
from relay_proto.rpc.masking import Scrubber
from relay_proto.timers import Deadlines, Timer
from relay_proto.wire.long_path import LongPath
from relay_proto.wire.websocket import TextReceived, Wire, WireEvent, WireFailed, WireState
from tests.fuzz import recording

Patch: TypeAlias = pytest.MonkeyPatch


def raising(patch: Patch) -> None:
    def decode(data: bytes) -> frames.Frame:
        raise ValueError("planted")

    patch.setattr(session, "decode_server_frame", decode)


def repeating(patch: Patch) -> None:
    patch.setattr(session, "new_id", lambda random: "one and the same")
    patch.setattr(requests, "new_id", lambda random: "one and the same")


def settling_in_silence(patch: Patch) -> None:
    def resolve(self: OutputQueue, pending: Any, result: Any) -> None:
        if not pending.settled:
            pending.resolve(result)

    patch.setattr(OutputQueue, "resolve", resolve)


def never_settling(patch: Patch) -> None:
    patch.setattr(Dispatch, "lose_all", lambda self, error, now: None)


def still_due(patch: Patch) -> None:
    patch.setattr(ClientCore, "handle_timer", lambda self, now: None)


def never_closing(patch: Patch) -> None:
    patch.setattr(Session, "_finish", lambda self, error: None)


def talking_on(patch: Patch) -> None:
    clear_all = Deadlines[Any].clear_all

    def clear(self: Deadlines[Any]) -> None:
        clear_all(self)
        self.set(Timer.PING, 1e6)

    patch.setattr(Deadlines, "clear_all", clear)


def connecting_twice(patch: Patch) -> None:
    push = OutputQueue.push

    def twice(self: OutputQueue, output: Any) -> None:
        push(self, output)
        if isinstance(output, Connected):
            push(self, output)

    patch.setattr(OutputQueue, "push", twice)


def writing_early(patch: Patch) -> None:
    authenticate = Session._authenticate

    def early(self: Any, now: float) -> None:
        authenticate(self, now)
        self.send(frames.encode_request("early", "calling.play", {}))

    patch.setattr(Session, "_authenticate", early)


def telling_secrets(patch: Patch) -> None:
    def shown(self: Any, data: bytes) -> str:
        return data.decode(errors="replace")

    patch.setattr(Scrubber, "frame", shown)


def seeing_splits(patch: Patch) -> None:
    receive_data = Session.receive_data

    def receive(self: Any, transport: int, data: bytes, now: float) -> Iterator[SessionEvent]:
        if len(data) == 7:
            self._out.push(PeerViolation("seven bytes"))
        return receive_data(self, transport, data, now)

    patch.setattr(Session, "receive_data", receive)


def keeping_actions(patch: Patch) -> None:
    patch.setattr(Calls, "complete", lambda self, action, event: None)


def hearing_others(patch: Patch) -> None:
    def opened(self: Any, transport: int) -> None:
        if transport != self._transport:
            self._out.push(PeerViolation("another transport"))
        elif self._wire is not None:
            self._out.send(transport, self._wire.open())

    patch.setattr(Session, "transport_opened", opened)


def losing_bytes(patch: Patch) -> None:
    receive = Wire._receive_frames

    def lossy(self: Wire, data: bytes) -> list[WireEvent]:
        return receive(self, data[:-1] if len(data) > 1 else data)

    patch.setattr(Wire, "_receive_frames", lossy)


def without_limit(patch: Patch) -> None:
    receive = Wire._receive_frames

    def growing(self: Wire, data: bytes) -> list[WireEvent]:
        return [
            TextReceived(event.data * 1000) if isinstance(event, TextReceived) else event
            for event in receive(self, data)
        ]

    patch.setattr(Wire, "_receive_frames", growing)


def going_on_after_the_end(patch: Patch) -> None:
    def receive_eof(self: Wire) -> list[WireEvent]:
        self._state = WireState.OPEN
        return []

    patch.setattr(Wire, "receive_eof", receive_eof)


def raising_wire(patch: Patch) -> None:
    receive_head = LongPath.receive_head

    def raising(self: LongPath, head: bytes) -> list[WireEvent]:
        events = receive_head(self, head)
        if any(isinstance(event, WireFailed) for event in events):
            raise UnicodeError("planted")
        return events

    patch.setattr(LongPath, "receive_head", raising)


def quoting(patch: Patch) -> None:
    patch.setattr(frames, "_reason", str)


def without_mask(patch: Patch) -> None:
    patch.setattr(Scrubber, "text", lambda self, text: text)


def changing_ids(patch: Patch) -> None:
    def text_id(raw: bytes) -> str:
        return raw.decode(errors="replace")

    patch.setattr(frames, "_text_id", text_id)


def refusing_half_characters(patch: Patch) -> None:
    patch.setattr(frames, "_repaired", lambda data: None)


def losing_parameters(patch: Patch) -> None:
    build = event.build_event

    def empty(kind: Any, event_type: str, raw: msgspec.Raw, timestamp: float | None) -> Any:
        return build(kind, event_type, frames.EMPTY, timestamp)

    patch.setattr(events, "build_event", empty)


def telling_wrong_types(patch: Patch) -> None:
    patch.setattr(events, "_text", lambda values, key: values.get(key))


def refusing_events(patch: Patch) -> None:
    def refuse(kind: Any, body: Any) -> Any:
        raise msgspec.ValidationError("planted")

    patch.setattr(event, "_decode_leniently", refuse)


IN_THE_CLIENT: Final = (
    raising,
    repeating,
    settling_in_silence,
    never_settling,
    still_due,
    never_closing,
    talking_on,
    connecting_twice,
    writing_early,
    telling_secrets,
    seeing_splits,
    keeping_actions,
    hearing_others,
)
IN_A_WIRE: Final = (losing_bytes, without_limit, going_on_after_the_end, raising_wire)
IN_FRAMES: Final = (quoting, without_mask, changing_ids, refusing_half_characters)
IN_EVENTS: Final = (losing_parameters, telling_wrong_types, refusing_events)


def passing_over_lines(patch: Patch) -> None:
    """A line that cannot be played is left out, without a word."""
    original = replay_module.replay

    def replay(lines: Iterable[str], make_random: Any) -> Iterator[replay_module.Step]:
        with suppress(replay_module.RecordingError):
            yield from original(lines, make_random)

    patch.setattr(recording, "replay", replay)


PLANTED: Final[list[tuple[str, Callable[[Patch], None]]]] = [
    *(("client", fault) for fault in IN_THE_CLIENT),
    *((name, fault) for name in ("wire-client", "wire-server") for fault in IN_A_WIRE),
    *(("frames", fault) for fault in IN_FRAMES),
    *(("events", fault) for fault in IN_EVENTS),
    ("recording", passing_over_lines),
]
