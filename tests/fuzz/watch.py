"""The contract of a core, as an oracle: it drives one client and checks every output."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, Final

from relay_proto import ClientConfig, ClientCore, Limits
from relay_proto.adapter.narration import narrate
from relay_proto.link.ids import drawn_ids
from relay_proto.outputs import (
    CallEnded,
    CallOffered,
    Closed,
    CloseTransport,
    Connected,
    ConnectFailed,
    Disconnected,
    Dropped,
    EventReceived,
    FrameTraced,
    Ignored,
    MessageChanged,
    MessageReceived,
    OfferRefused,
    OpenTransport,
    Output,
    PeerViolation,
    SendData,
    Settled,
)
from relay_proto.pending import Pending
from relay_proto.records import CallRecord
from relay_proto.rpc.events import MessageReceiveEvent, MessageStateEvent
from relay_proto.transitions import SessionState
from relay_proto.wire.websocket import Role
from tests.fuzz.chance import Numbers
from tests.fuzz.far_end import FarEnd
from tests.property.wires import frame
from tests.unit.client_peer import CREDENTIALS, PROJECT, TOKEN

HOST: Final = "relay.example.com"
ACCEPT: Final = b"$ACCEPT"
SMALL: Final = Limits(
    active_calls=3,
    queued_requests=4,
    pending_requests=6,
    messages=2,
    early_messages=2,
    tags=2,
    event_ids=3,
    message_bytes=2048,
)
FOR_THE_LOG: Final = (
    Connected,
    ConnectFailed,
    Disconnected,
    Dropped,
    FrameTraced,
    Ignored,
    OfferRefused,
    PeerViolation,
)
CONFIGS: Final = {
    restricted: ClientConfig(
        credentials=CREDENTIALS,
        host=HOST,
        contexts=("office",),
        limits=SMALL if restricted else Limits(message_bytes=4096),
        trace_frames=restricted,
    )
    for restricted in (False, True)
}
UP: Final = (SessionState.READY, SessionState.DRAINING)


class Watch:
    """One client and the far end of its transports, in virtual time.

    A read reaches the client in so many `pieces`; the outputs are taken after each of
    them or, if that is `late`, after the last. The text of each output is kept only if
    somebody `compares` it.
    """

    def __init__(self, *, restricted: bool, pieces: int, late: bool, compares: bool) -> None:
        self.core = ClientCore(CONFIGS[restricted], Numbers(), make_ids=drawn_ids)
        self.core.accepting_calls = True
        self.now = 1000.0
        self.transport = 0
        """The number of the last transport; `_open` says whether it still is one."""
        self.connect_id: object = ""
        self.requests: list[Any] = []
        """Ids of what the client has asked on this transport, and nobody answered."""
        self.handed_out: list[Pending[Any]] = []
        """Whatever the program may wait for, settled or not."""
        self.calls: list[CallRecord] = []
        self.seen: list[str] = []
        """All outputs but what was sent, as text; empty texts if nobody compares them."""
        self.written: defaultdict[int, list[bytes]] = defaultdict(list)
        self._pieces = pieces
        self._late = late
        self._compares = compares
        self._far_end = FarEnd(HOST)
        self._open = self._requested = self._answered = False
        self._up = self._closed = self._authenticated = False
        self._settled: dict[int, Pending[Any]] = {}
        self._waiting: list[Pending[Any]] = []
        """What has not been said to be settled: few, so that each drain can look at all."""
        self._known: set[int] = set()
        self._ids: set[str] = set()

    # What happens to the client

    def start(self, *, retry: bool) -> None:
        self.expect(self.core.start(self.now, retry=retry))
        self.drain()

    def expect(self, pending: Pending[Any]) -> None:
        """This one has to settle, once."""
        if id(pending) not in self._known:
            self._known.add(id(pending))
            self.handed_out.append(pending)
            self._waiting.append(pending)

    def open(self, head: bytes | None = None) -> None:
        """Let the transport open, and answer the upgrade: with `head`, if there is one."""
        if not self._open or self._answered:
            return
        if not self._requested:
            self._requested = True
            self.core.transport_opened(self.transport, self.now)
            self.drain()
        self._answered = True
        accepted = self._far_end.accept()
        self.raw(accepted if head is None else head.replace(ACCEPT, _token(accepted)))

    def text(self, *texts: bytes) -> None:
        """Say something, in one read."""
        self.raw(b"".join(text_frame(text) for text in texts))

    def raw(self, data: bytes) -> None:
        """Hand bytes to the client, and what its answers make the server answer."""
        number = self.transport
        step = len(data) // self._pieces + 1
        for start in range(0, len(data), step):
            self.core.receive_data(number, data[start : start + step], self.now)
            if not self._late:
                self.drain()
        self.drain()
        if answers := self._far_end.take_answers():
            self.core.receive_data(number, answers, self.now)
            self.drain()

    def cut(self, reason: str) -> None:
        number, self._open = self.transport, False
        self.core.transport_closed(number, self.now, reason)
        self.drain()

    def disturb(self, other: int) -> None:
        """Input about another transport means nothing."""
        seen = len(self.seen)
        self.core.transport_opened(other, self.now)
        self.core.receive_data(other, text_frame(b"{}"), self.now)
        self.core.transport_closed(other, self.now, "it was another's")
        self.drain()
        assert len(self.seen) == seen, "input about another transport was heard"

    def advance(self, seconds: float) -> None:
        """Let time pass, and every timer fall due at its time."""
        until = self.now + seconds
        while (at := self.core.deadline()) is not None and at <= until:
            self.now = max(self.now, at)
            self._tick()
        self.now = until
        self._tick()

    def advance_to_deadline(self) -> None:
        at = self.core.deadline()
        if at is not None:
            self.now = max(self.now, at)
            self._tick()

    def finish(self, *, polite: bool) -> None:
        """Close, and look whether everything ends."""
        self.core.close(self.now)
        self.drain()
        answers = self._far_end.take_answers()
        if polite:
            self.core.receive_data(self.transport, answers, self.now)
            self.drain()
        self.advance(self.core.config.timing.close_timeout)
        assert self._closed, "it did not close in time"
        assert self.core.state is SessionState.CLOSED
        assert self.core.active_calls == 0
        assert not self._waiting, "somebody waits for ever"
        seen = len(self.seen)
        self.disturb(self.transport)
        self.advance(1000.0)
        self.core.close(self.now)
        self.drain()
        assert len(self.seen) == seen, "it was not silent behind its end"

    def _tick(self) -> None:
        self.core.handle_timer(self.now)
        deadline = self.core.deadline()
        assert deadline is None or deadline > self.now, "what was due was not done"
        self.drain()

    # What the client does

    def drain(self) -> None:
        """Take all outputs, and check them."""
        batch: list[Output] = []
        told = False
        while (output := self.core.next_output()) is not None:
            batch.append(output)
            if isinstance(output, Settled):
                told = True
            elif isinstance(output, Connected):
                # Requests are joined with answers that were sent before.
                self._authenticated = True
        for output in batch:
            self._check(output)
        assert self._up == (self.core.state in UP)
        if batch:
            assert self.core.active_calls <= 2000
        for pending in self._waiting:
            assert pending.settled == (id(pending) in self._settled), "settled, but not said so"
        if told:
            self._waiting = [pending for pending in self._waiting if not pending.settled]

    def _check(self, output: Output) -> None:
        assert not self._closed, f"{output} behind the last output"
        if isinstance(output, SendData):
            self._check_sent(output)
            return
        self.seen.append(str(output) if self._compares else "")
        match output:
            case OpenTransport(number):
                assert not self._open, "one transport at a time"
                assert number == self.transport + 1
                self._begin(number)
            case CloseTransport(number):
                assert self._open, "only what is open is closed"
                assert number == self.transport
                self._open = False
            case Settled(pending):
                assert pending.settled
                assert id(pending) not in self._settled, "a pending settles once"
                self._settled[id(pending)] = pending
                if isinstance(pending.error, AssertionError):
                    raise pending.error
            case Connected() | Disconnected():
                assert self._up is isinstance(output, Disconnected), "they alternate"
                self._up = not self._up
            case CallOffered(call):
                self.calls.append(call)
            case Closed():
                self._closed = True
                assert not self._up
                assert not self._open
                assert self.core.deadline() is None
            case _:
                self._check_report(output)
        if isinstance(output, FOR_THE_LOG):
            _, words = narrate(HOST, output)
            assert TOKEN not in words
            assert PROJECT not in words

    def _check_report(self, output: Output) -> None:
        match output:
            case EventReceived(event, call, action):
                assert isinstance(event.params, dict)
                if call is not None and call not in self.calls:
                    self.calls.append(call)
                assert action is None or action.call is call
            case CallEnded(call):
                assert call.ended
                assert not call.actions
                assert not call.waits
            case MessageReceived(message, event) | MessageChanged(message, event):
                assert isinstance(event, MessageReceiveEvent | MessageStateEvent)
                assert message.message_id == event.message_id
            case _:
                pass

    def _begin(self, number: int) -> None:
        self.transport = number
        self.requests.clear()
        self.connect_id = ""
        self._far_end = FarEnd(HOST)
        self._open, self._authenticated = True, False
        self._requested = self._answered = False

    def _check_sent(self, output: SendData) -> None:
        assert self._open, "nothing is sent without a transport"
        assert output.transport == self.transport
        for text in self._far_end.receive(output.data):
            self.written[self.transport].append(text)
            self._read(json.loads(text.decode()))

    def _read(self, sent: dict[str, Any]) -> None:
        assert sent["jsonrpc"] == "2.0"
        if "method" not in sent:
            return
        identity = sent["id"]
        assert identity not in self._ids, "no request is written twice"
        self._ids.add(identity)
        if sent["method"] == "signalwire.connect":
            self.connect_id = identity
        else:
            assert self._authenticated, f"{sent['method']} before the session"
            self.requests.append(identity)


def _token(accepted: bytes) -> bytes:
    """What the client's key asks the server to answer."""
    for line in accepted.splitlines():
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-accept":
            return value.strip()
    return b""


def text_frame(text: bytes) -> bytes:
    return frame(Role.CLIENT, 0x81, text)
