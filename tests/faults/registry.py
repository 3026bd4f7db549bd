"""The registry of faults: each is what a tired programmer might write.

A fault is a function that takes the place of a seam. Its docstring says what is wrong.
The decorator says who has to notice: a check of the simulation, the corpus of a fuzz
target, or a law. The tests of each plant its faults, one at a time.
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakSet

import msgspec

from relay_proto.calls.calls import Calls
from relay_proto.calls.farewells import Farewells, Legs
from relay_proto.calls.recent import Recent
from relay_proto.calls.subjects import ActionVerb
from relay_proto.client import ClientCore
from relay_proto.constants import (
    EVENT_CALL_STATE,
    METHOD_SIGNALWIRE_CONNECT,
    METHOD_SIGNALWIRE_PING,
)
from relay_proto.core import OutputQueue
from relay_proto.dispatch import Dispatch
from relay_proto.link.backoff import Backoff
from relay_proto.link.liveness import Liveness, Verdict
from relay_proto.link.requests import Request, Requests
from relay_proto.link.resume import Resume
from relay_proto.link.session import Session
from relay_proto.link.session_events import Unusual
from relay_proto.outputs import CallOffered, Closed, Connected, Disconnected, Output, Settled
from relay_proto.pending import Pending
from relay_proto.recorder.replay import MakeRandom, RecordingError, Step
from relay_proto.records import ActionRecord, CallRecord, Leg
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.frames import (
    EMPTY,
    ErrorFrame,
    EventFrame,
    Frame,
    MalformedFrame,
    decode_object,
    encode_json,
    encode_request,
)
from relay_proto.rpc.masking import Scrubber
from relay_proto.timers import Deadlines, Timer
from relay_proto.transitions import RequestState
from relay_proto.wire.long_path import LongPath
from relay_proto.wire.short_path import Splitter
from relay_proto.wire.size_limit import MessageLimit
from relay_proto.wire.websocket import Wire, WireEvent, WireFailed, WireState
from tests.faults import seams
from tests.faults.seams import Function, Seam


class Law(enum.Enum):
    """A law of the property tests that has to notice faults."""

    SHORT_PATH = "the short path gives what wsproto gives"
    SERVER_FRAME = "one decoding gives what two decodings give"


LATE: Final = 1e9
"""A time that no test comes to."""


class PlantedError(Exception):
    """What a fault raises where nothing must be raised."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, and who has to notice it."""

    name: str
    sentence: str
    seam: Seam
    act: Function
    checks: tuple[str, ...]
    """Checks of `relay_proto.testing`: each fails in one of the first worlds."""
    targets: tuple[str, ...]
    """Fuzz targets: each fails on some input of its corpus."""
    laws: tuple[Law, ...]
    """Laws of the property tests: each fails on some example."""

    def __str__(self) -> str:
        return f"{self.sentence} It is planted where {self.seam.what}: {self.seam}."

    def planted(self) -> AbstractContextManager[None]:
        """The core has this fault until the block ends."""
        return self.seam.replaced(self.act)


_faults: Final[list[Fault]] = []


def fault(
    seam: Seam, *, checks: Sequence[str] = (), targets: Sequence[str] = (), laws: Sequence[Law] = ()
) -> Callable[[Function], Fault]:
    """Make a fault of a function, which gets what it replaces as its first argument."""

    def register(act: Function) -> Fault:
        who = (tuple(checks), tuple(targets), tuple(laws))
        made = Fault(act.__name__, inspect.getdoc(act) or "", seam, act, *who)
        _faults.append(made)
        return made

    return register


# What the session writes


@fault(seams.SEND, checks=["everything is acknowledged"])
def forget_an_acknowledgement_after_a_resume(
    original: Function, self: Session, data: bytes
) -> None:
    """The first event after a resume is not acknowledged."""
    if _is_connect(data):
        _resuming.discard(self)
        if b'"protocol"' in data:
            _resuming.add(self)
    elif self in _resuming and _is_acknowledgement(data):
        _resuming.discard(self)
        return
    original(self, data)


_resuming: Final = WeakSet[Session]()


@fault(seams.SEND, checks=["acknowledged where it came"])
def acknowledge_twice(original: Function, self: Session, data: bytes) -> None:
    """Every event is acknowledged twice."""
    original(self, data)
    if _is_acknowledgement(data):
        original(self, data)


@fault(seams.SEND, checks=["a core keeps to the protocol"])
def send_empty_pings(original: Function, self: Session, data: bytes) -> None:
    """Every ping is an empty message."""
    original(self, b"" if METHOD_SIGNALWIRE_PING.encode() in data else data)


@fault(seams.SEND, checks=["nothing is sent early"], targets=["client"])
def write_before_the_session(original: Function, self: Session, data: bytes) -> None:
    """A request leaves right behind the credentials."""
    original(self, data)
    if _is_connect(data):
        original(self, encode_request("early", "calling.play", {}))


def _is_connect(data: bytes) -> bool:
    return METHOD_SIGNALWIRE_CONNECT.encode() in data


def _is_acknowledgement(data: bytes) -> bool:
    return data.endswith(b'"result":{}}')


# The link


@fault(seams.SESSION_TIMER, checks=["Closed within the close timeout"], targets=["client"])
def wait_for_the_last_close_frame(
    original: Callable[..., Unusual | None], self: Session, timer: Timer, now: float
) -> Unusual | None:
    """A server that does not finish the closing handshake is waited for without end."""
    return None if timer is Timer.CLOSE else original(self, timer, now)


@fault(seams.SESSION_TIMER, checks=["a core comes back"])
def never_retry(
    original: Callable[..., Unusual | None], self: Session, timer: Timer, now: float
) -> Unusual | None:
    """When the delay is over, nothing is tried."""
    return None if timer is Timer.RETRY else original(self, timer, now)


@fault(seams.TRANSPORT_CLOSED, targets=["client"])
def confuse_transports(
    original: Callable[..., Unusual | None], self: Session, transport: int, now: float, reason: str
) -> Unusual | None:
    """The end of a transport also ends every transport with a lower number."""
    ends = (original(self, number, now, reason) for number in range(1, transport + 1))
    return next((end for end in ends if end is not None), None)


@fault(seams.NEXT_DELAY, checks=["a crowd does not stampede"])
def wait_too_long(original: Callable[..., float | None], self: Backoff) -> float | None:
    """The delay before the next attempt is ten times too long."""
    delay = original(self)
    return None if delay is None else 10 * delay


@fault(seams.COUNT_REFUSAL, checks=["refused credentials end it"])
def try_refused_credentials_for_ever(original: Function, self: Backoff, code: int) -> bool:
    """No number of refusals is too many."""
    return False


@fault(seams.REMEMBER_STATE, checks=["a resumed session is the same session"])
def forget_the_authorization_state(
    original: Function, self: Resume, authorization_state: str
) -> None:
    """The authorization state is not kept, so it is not sent with a resume."""


@fault(seams.PROBE, checks=["a silent peer is a dead peer"])
def trust_a_silent_peer(original: Function, self: Liveness, now: float) -> Verdict:
    """No ping is ever sent."""
    return Verdict.WAIT


@fault(seams.HEARD, checks=["a peer that talks is not left"])
def ignore_the_peer(original: Function, self: Liveness) -> None:
    """What the peer sends does not count as a sign of life."""


# Requests


@fault(seams.CHECK_ROOM, checks=["growth has a bound"])
def queue_without_limit(
    original: Function,
    self: Requests,
    method: str,
    size: int,
    *,
    writable: bool,
) -> None:
    """There is always room for one more request."""


@fault(seams.LOSE_SENT, checks=["nothing is sent twice"], targets=["client"])
def send_again_after_a_cut(original: Function, self: Requests) -> list[Request]:
    """A request whose answer is lost goes back into the queue."""
    for request in original(self):
        request.frame = encode_request(request.id, request.method, {})
        request.state = RequestState.QUEUED
        self.enqueue(request, LATE)
    return []


@fault(seams.LOSE_QUEUED, checks=["a closed core leaves no memory"])
def keep_the_queue(original: Callable[..., list[Request]], self: Requests) -> list[Request]:
    """What was never sent stays in the queue of a closed core."""
    lost = original(self)
    for request in lost:
        self.enqueue(request, LATE)
    return lost


@fault(seams.SAY_FAREWELL, checks=["nobody is left ringing"])
def leave_the_loser_of_a_dial(
    original: Function, self: Dispatch, legs: Sequence[Leg], now: float
) -> None:
    """A leg that has answered, and that nobody wants, is not hung up."""
    original(self, [leg for leg in legs if leg.reason != "hangup"], now)


# Outputs and time


@fault(seams.RESOLVE, checks=["every wait ends"], targets=["client"])
def settle_in_silence(
    original: Function, self: OutputQueue, pending: Pending[Any], result: Any
) -> None:
    """A wait ends with a result, but nobody is told."""
    if not pending.settled:
        pending.resolve(result)


@fault(seams.RESOLVE, checks=["every Pending settles once"], targets=["client"])
def settle_twice(original: Function, self: OutputQueue, pending: Pending[Any], result: Any) -> None:
    """A result is reported twice."""
    original(self, pending, result)
    self.push(Settled(pending))


@fault(seams.PUSH, checks=["Connected and Disconnected alternate"], targets=["client"])
def connect_twice(original: Function, self: OutputQueue, output: Output) -> None:
    """Every session is reported twice."""
    original(self, output)
    if isinstance(output, Connected):
        original(self, output)


@fault(seams.PUSH, checks=["Closed when asked to"], targets=["client"])
def give_up_a_lost_session(original: Function, self: OutputQueue, output: Output) -> None:
    """When a session is lost, the core reports that it is closed."""
    original(self, output)
    if isinstance(output, Disconnected) and output.error is not None:
        original(self, Closed(None))


@fault(seams.PUSH, checks=["an offered call is taken or passed back"])
def forget_an_offer(original: Function, self: OutputQueue, output: Output) -> None:
    """A call that is offered becomes known, but no program hears of it."""
    if not isinstance(output, CallOffered):
        original(self, output)


@fault(seams.PASS_BACK, checks=["a call that is passed back leaves"])
def keep_what_is_refused(original: Function, self: Farewells, calls: Iterable[object]) -> Legs:
    """A call that nobody takes is not passed back."""
    return ()


@fault(seams.BEGIN_FAREWELLS, checks=["a call that is passed back leaves"])
def forget_what_is_passed_back(original: Callable[[Farewells], Legs], self: Farewells) -> Legs:
    """A call whose passing back was lost with the connection is not passed back again."""
    return [leg for leg in original(self) if leg.reason]


@fault(seams.NEEDLESS, checks=["nothing is asked of an ended call"])
def ask_what_nobody_needs(original: Function, self: ActionVerb) -> bool:
    """An action that has waited for a session is started on a call that is over by then."""
    return False


@fault(seams.CLOSE, checks=["at most one transport"], targets=["client"])
def leave_a_transport_open(
    original: Function, self: OutputQueue, transport: int, *, flush: bool
) -> None:
    """A transport that is left is not closed."""


@fault(seams.HANDLE_TIMER, checks=["after handle_timer(t), deadline() > t"], targets=["client"])
def do_nothing_in_time(original: Function, self: ClientCore, now: float) -> None:
    """What is due is not done."""


@fault(seams.RECEIVE_DATA, checks=["an answer that waited is not too late"])
def judge_before_reading(
    original: Function, self: ClientCore, transport: int, data: bytes, now: float
) -> None:
    """Deadlines are judged before what has waited in the socket is read."""
    deadline = self.deadline()
    if deadline is not None and deadline <= now:
        self.handle_timer(now)
    original(self, transport, data, now)


@fault(seams.POP_DUE, checks=["a needless handle_timer does nothing"])
def wind_up_a_timer(original: Function, self: Deadlines[Any], now: float) -> Any:
    """Whenever the core is told the time, the next ping is put off."""
    due = original(self, now)
    if due is None and Timer.PING in self:
        self.set(Timer.PING, now + 1.0)
    return due


@fault(seams.CLEAR_ALL, checks=["silence after Closed"], targets=["client"])
def keep_a_deadline(original: Function, self: Deadlines[Any]) -> None:
    """A core that closes with a session keeps a deadline."""
    had_a_session = Timer.PING in self
    original(self)
    if had_a_session:
        self.set(Timer.RETRY, LATE)


# Calls and events


@fault(seams.FIRST_TIME, checks=["nothing is heard twice"])
def forget_what_came(original: Function, self: Recent[Any], key: Any) -> bool:
    """An event that comes again is taken for a new one."""
    original(self, key)
    return True


@fault(seams.FORWARD, checks=["calls only move forward"])
def move_back(original: Function, order: Mapping[str, int], state: str, reported: str) -> str:
    """The last reported state counts, not the latest one."""
    return reported or state


@fault(seams.UPDATE, checks=["an ended call wakes its waiters"], targets=["client"])
def let_waiters_sleep(
    original: Function, self: Calls, call: CallRecord, event: RelayEvent, state: str
) -> None:
    """A call that reaches a state does not wake those who wait for it."""
    waits, call.waits = call.waits, {}
    original(self, call, event, state)
    call.waits = waits


@fault(seams.COMPLETE, checks=["an ended call completes its actions"], targets=["client"])
def leave_actions_open(
    original: Function, self: Calls, action: ActionRecord, event: RelayEvent
) -> None:
    """The end of a call does not complete its actions."""
    if event.event_type != EVENT_CALL_STATE:
        original(self, action, event)


@fault(
    seams.END_ALL,
    checks=["a lost session ends its calls", "an ended call leaves no memory"],
    targets=["client"],
)
def keep_lost_calls(original: Function, self: Calls, now: float) -> None:
    """The calls of a lost session go on."""


@fault(seams.BUILD_EVENT, targets=["events"])
def lose_the_body(
    original: Callable[..., RelayEvent],
    kind: type[RelayEvent],
    event_type: str,
    raw: msgspec.Raw,
    timestamp: float | None,
) -> RelayEvent:
    """The body of an event is lost."""
    return original(kind, event_type, EMPTY, timestamp)


@fault(seams.BUILD_EVENT, targets=["events"])
def trust_the_type_of_an_id(
    original: Callable[..., RelayEvent],
    kind: type[RelayEvent],
    event_type: str,
    raw: msgspec.Raw,
    timestamp: float | None,
) -> RelayEvent:
    """The call id of an event is kept as it comes, even if it is not a text."""
    event = original(kind, event_type, raw, timestamp)
    msgspec.structs.force_setattr(event, "call_id", decode_object(raw).get("call_id", ""))
    return event


# Frames


@fault(
    seams.DECODE_SERVER_FRAME,
    checks=["the exchange keeps to the protocol"],
    laws=[Law.SERVER_FRAME],
)
def misread_refusals(
    original: Callable[..., Frame | EventFrame], data: bytes
) -> Frame | EventFrame:
    """A refusal is taken for a message that is no frame."""
    frame = original(data)
    if isinstance(frame, ErrorFrame):
        return MalformedFrame(reason="it has no result", size=len(data))
    return frame


@fault(seams.DECODE_SERVER_FRAME, laws=[Law.SERVER_FRAME])
def forget_the_time(original: Callable[..., Frame | EventFrame], data: bytes) -> Frame | EventFrame:
    """The time of an event is lost."""
    frame = original(data)
    if isinstance(frame, EventFrame):
        return msgspec.structs.replace(frame, timestamp=None)
    return frame


@fault(seams.DECODE_FRAME, targets=["frames"])
def quote_the_peer(original: Callable[..., Frame], data: bytes) -> Frame:
    """The reason why a message is no frame repeats the message."""
    frame = original(data)
    if isinstance(frame, MalformedFrame):
        return msgspec.structs.replace(frame, reason=data.decode(errors="replace"))
    return frame


@fault(seams.DECODE_FRAME, targets=["frames"])
def refuse_half_characters(original: Callable[..., Frame], data: bytes) -> Frame:
    """A message that contains half a character is refused."""
    if re.search(rb"\\ud[89a-f]", data):
        return MalformedFrame(reason="it is not JSON", size=len(data))
    return original(data)


@fault(seams.ENCODE_REPLY, targets=["frames"])
def change_an_id(original: Callable[..., bytes], identity: bytes, result: object) -> bytes:
    """A reply repeats the id of its request as a text, whatever it was."""
    return original(encode_json(identity.decode()), result)


@fault(seams.SHOW_FRAME, checks=["secrets stay secret"], targets=["client", "frames"])
def show_secrets(original: Function, self: Scrubber, data: bytes) -> str:
    """A frame is shown without a mask."""
    return data.decode(errors="replace")


# The WebSocket


@fault(seams.WIRE_RECEIVE, targets=["client", "wire-client", "wire-server"])
def lose_bytes(
    original: Callable[..., Iterable[WireEvent]], self: Wire, data: bytes
) -> Iterable[WireEvent]:
    """After the upgrade, the last byte of every read is lost."""
    lossy = self.state is WireState.OPEN and len(data) > 1
    return original(self, data[:-1] if lossy else data)


@fault(seams.WIRE_RECEIVE, targets=["client", "wire-client", "wire-server"])
def read_ahead(
    original: Callable[..., Iterable[WireEvent]], self: Wire, data: bytes
) -> Iterable[WireEvent]:
    """The connection may have ended while the texts before its end are handled."""
    return [*original(self, data)]


@fault(seams.WIRE_END, targets=["wire-client", "wire-server"])
def miss_the_end(original: Function, self: Wire) -> list[WireEvent]:
    """The end of the byte stream is not reported."""
    return []


@fault(seams.RECEIVE_HEAD, targets=["client", "wire-client", "wire-server"])
def raise_in_the_upgrade(
    original: Callable[..., list[WireEvent]], self: LongPath, head: bytes
) -> list[WireEvent]:
    """A head that breaks the protocol raises."""
    events = original(self, head)
    if any(isinstance(event, WireFailed) for event in events):
        raise PlantedError
    return events


@fault(seams.MESSAGE_LIMIT, targets=["wire-client", "wire-server"])
def receive_without_limit(
    original: Function, self: MessageLimit, proto: Any, opcode: Any, rsv: Any, payload_length: int
) -> Any:
    """A message may be of any length."""
    return original(self, proto, opcode, rsv, 0)


@fault(seams.CHECK_UTF8, targets=["wire-client", "wire-server"], laws=[Law.SHORT_PATH])
def accept_any_text(original: Function, text: bytes) -> bool:
    """A text that is not UTF-8 is accepted."""
    return True


@fault(seams.SPLIT, laws=[Law.SHORT_PATH])
def interrupt_a_message(
    original: Callable[..., tuple[list[WireEvent], bytes]], self: Splitter, *, inside_message: bool
) -> tuple[list[WireEvent], bytes]:
    """A text in the middle of another message is accepted."""
    return original(self, inside_message=False)


# Recordings


@fault(seams.REPLAY, targets=["recording"])
def skip_bad_lines(
    original: Function, lines: Iterable[str], make_random: MakeRandom
) -> Iterator[Step]:
    """A line that cannot be replayed ends the replay without a word."""
    with suppress(RecordingError):
        yield from original(lines, make_random)


FAULTS: Final = tuple(_faults)
"""All of them."""
