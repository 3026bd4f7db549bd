"""A client without sockets, and a server that says by hand what a test wants said.

`Peer` joins a `ClientCore` to the server's side of a `Wire` in virtual time. What
the client does is recorded; what must hold at all times is checked on the way.
"""

from __future__ import annotations

import itertools
import json
import random
import weakref
from collections.abc import Callable
from typing import Any, Final, TypeVar

from relay_proto import ClientConfig, ClientCore, Credentials, Limits, Secret, Timing
from relay_proto.api import commands as c
from relay_proto.api.commands import Command, Purpose
from relay_proto.api.shapes import Device
from relay_proto.client_interface import ClientInterface
from relay_proto.config import WhileReconnecting
from relay_proto.outputs import (
    CallOffered,
    Closed,
    CloseTransport,
    Connected,
    Disconnected,
    EventReceived,
    OpenTransport,
    Output,
    SendData,
    Settled,
)
from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc.action_kinds import ActionKind
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.transitions import SessionState
from relay_proto.wire.websocket import (
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    UpgradeRequested,
    Wire,
)

Frame = dict[str, Any]
R = TypeVar("R")
O = TypeVar("O", bound=Output)  # noqa: E741 - a kind of output

PROJECT: Final = "project-1234"
TOKEN: Final = "token-secret-5678"
CREDENTIALS: Final = Credentials(project=Secret(PROJECT), token=Secret(TOKEN))
PROTOCOL: Final = "signalwire_ab12_v2"
SUCCESS: Final[Frame] = {"code": "200", "message": "OK"}
DEVICES: Final[list[list[Device]]] = [
    [{"type": "phone", "params": {"to_number": "+15550003333", "from_number": "+15550001111"}}]
]
UP: Final = (SessionState.READY, SessionState.DRAINING)


class Peer:
    """One client, its transports, and the server at their other end."""

    def __init__(
        self,
        *,
        contexts: tuple[str, ...] = ("office",),
        credentials: Credentials | None = CREDENTIALS,
        timing: Timing | None = None,
        limits: Limits | None = None,
        trace_frames: bool = False,
        show_personal_data: bool = False,
        while_reconnecting: WhileReconnecting = "queue",
        seed: int = 1,
        make_core: Callable[[ClientConfig, random.Random], ClientInterface] = ClientCore,
    ) -> None:
        config = ClientConfig(
            credentials=credentials,
            host="relay.example.com",
            contexts=contexts,
            agent="test/1",
            timing=timing or Timing(),
            limits=limits or Limits(),
            trace_frames=trace_frames,
            show_personal_data=show_personal_data,
            while_reconnecting=while_reconnecting,
        )
        self.core = make_core(config, random.Random(seed))
        self.core.accepting_calls = True
        self.now = 1000.0
        self.transport = 0
        """The number of the transport that is open or opening, or 0."""
        self.polite = True
        """Whether the server answers a close."""
        self.outputs: list[Output] = []
        self.requests: list[Frame] = []
        """What the client asked, on any transport, and nobody took yet."""
        self.replies: list[Frame] = []
        self.written: list[Frame] = []
        """All frames of the client's, on any transport."""
        self.close_code = 0
        self._wire = Wire(Role.SERVER)
        self._connect_id: object = None
        self._authenticated = False
        self._up = False
        self._closed = False
        self._written: set[str] = set()
        self._settled = weakref.WeakSet[Pending[Any]]()
        self._ids = itertools.count(1)

    # The client

    def start(self, *, retry: bool = False) -> Pending[None]:
        started = self.core.start(self.now, retry=retry)
        self.pump()
        return started

    @classmethod
    def waiting(cls, **config: Any) -> Peer:
        """One that is started, and waits for its first session."""
        peer = cls(**config)
        peer.start(retry=True)
        return peer

    def execute(self, command: Command[R]) -> Pending[R]:
        pending = self.core.execute(command, self.now)
        self.pump()
        return pending

    def execute_on(self, target: CallRecord | ActionRecord, command: Command[R]) -> Pending[R]:
        pending = self.core.execute_on(target, command, self.now)
        self.pump()
        return pending

    def cancel(self, pending: Pending[Any]) -> None:
        self.core.cancel(pending, self.now)
        self.pump()

    def close(self) -> None:
        self.core.close(self.now)
        self.pump()

    def advance(self, seconds: float) -> None:
        """Let time pass, and every timer fall due at its time."""
        until = self.now + seconds
        while (at := self.core.deadline()) is not None and at <= until:
            self.now = max(self.now, at)
            self.tick()
        self.now = until

    def advance_to_deadline(self) -> float:
        """Let time pass up to the next deadline; how long that took."""
        at = self.core.deadline()
        assert at is not None
        delay = at - self.now
        self.now = at
        self.tick()
        return delay

    def tick(self) -> None:
        self.core.handle_timer(self.now)
        deadline = self.core.deadline()
        assert deadline is None or deadline > self.now, "what was due is done"
        self.pump()

    # The server's side of a connection

    def open(self) -> None:
        """Open the transport that the client asked for, and let it upgrade."""
        self.raw(self.accepted())

    def accepted(self) -> bytes:
        """Open the transport; the answer to the upgrade, to be handed to the client now."""
        self.core.transport_opened(self.transport, self.now)
        self.pump()
        return self._wire.accept()

    def accept(self, **result: Any) -> Frame:
        """Let the client authenticate; returns its connect frame."""
        frame = self.take_all("signalwire.connect")[-1]
        self.reply(frame, {"protocol": PROTOCOL, **result})
        return frame

    def connect(self, **result: Any) -> Frame:
        """Bring the client to a session, started or not; returns its connect frame."""
        if self.core.state is SessionState.DISCONNECTED:
            self.start()
        if not self.transport:
            self.await_transport()
        self.open()
        return self.accept(**result)

    def reopen(self) -> Frame:
        """Wait for the next transport, and open it; returns the connect frame."""
        self.await_transport()
        self.open()
        return self.take_all("signalwire.connect")[-1]

    def await_transport(self) -> None:
        """Wait for the next attempt to connect."""
        while self.transport == 0:
            self.advance_to_deadline()

    def reconnect(self, **result: Any) -> Frame:
        """Let the next attempt to connect succeed; returns its connect frame."""
        frame = self.reopen()
        self.reply(frame, {"protocol": PROTOCOL, **result})
        return frame

    def cut(self, reason: str = "reset by peer") -> None:
        """Lose the connection, or fail to open it."""
        number, self.transport = self.transport, 0
        self.core.transport_closed(number, self.now, reason)
        self.pump()

    def hang_up(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket from the server's side."""
        self.raw(self._wire.close(code, reason))

    def raw(self, data: bytes) -> None:
        """Hand bytes to the client, in one read."""
        self.core.receive_data(self.transport, data, self.now)
        self.pump()

    def text(self, *texts: str | bytes) -> None:
        """Send text messages, in one read."""
        raw = (text.encode() if isinstance(text, str) else text for text in texts)
        self.raw(b"".join(self._wire.send_text(data) for data in raw))

    def feed(self, *frames: Frame) -> None:
        """Send frames, in one read."""
        self.raw(self.encoded(*frames))

    def encoded(self, *frames: Frame) -> bytes:
        """Frames as bytes, to be handed to the client now."""
        for frame in frames:
            if frame.get("id") == self._connect_id and "result" in frame:
                self._authenticated = True
        texts = (json.dumps({"jsonrpc": "2.0", **frame}) for frame in frames)
        return b"".join(self._wire.send_text(text.encode()) for text in texts)

    def expect(self, connect: Frame) -> None:
        """Take for granted that the client will ask this in the read that answers it."""
        self._connect_id = connect["id"]

    def ended(self) -> bytes:
        """A close frame, to be handed to the client now."""
        return self._wire.close(1000, "so long")

    def reply(self, request: Frame, result: Any = SUCCESS) -> None:
        self.feed({"id": request["id"], "result": result})

    def refuse(self, request: Frame, code: Any, message: str = "no") -> None:
        self.feed({"id": request["id"], "error": {"code": code, "message": message}})

    def ask(self, method: str, params: Any = None) -> str:
        """Send a request of the server's; returns its id."""
        frame = self.asked(method, {} if params is None else params)
        self.feed(frame)
        return str(frame["id"])

    def asked(self, method: str, params: Any) -> Frame:
        return {"id": f"s-{next(self._ids)}", "method": method, "params": params}

    def told(self, event_type: str, *, event_id: str = "", **body: Any) -> Frame:
        """The frame of an event, to be fed with others in one read."""
        frame = self.asked("signalwire.event", {"event_type": event_type, "params": body})
        return {**frame, "id": event_id or frame["id"]}

    def event(self, event_type: str, *, event_id: str = "", **body: Any) -> None:
        self.feed(self.told(event_type, event_id=event_id, **body))

    def state(self, call_id: str, state: str, **body: Any) -> None:
        """Tell a call's state."""
        body = {"call_id": call_id, "node_id": "n-1", "call_state": state, **body}
        self.event("calling.call.state", **body)

    def offer(self, call_id: str = "c-1", **body: Any) -> CallRecord:
        """Offer a call, which the client takes; returns its record."""
        body = {"call_id": call_id, "node_id": "n-1", "call_state": "created", **body}
        self.event("calling.call.receive", context="office", direction="inbound", **body)
        return self.all(CallOffered)[-1].call

    def take(self, method: str) -> Frame:
        """The one request that the client has sent since the last."""
        assert [frame["method"] for frame in self.requests] == [method]
        return self.requests.pop()

    def take_all(self, method: str) -> list[Frame]:
        """All requests of this method."""
        taken = [frame for frame in self.requests if frame["method"] == method]
        self.requests = [frame for frame in self.requests if frame["method"] != method]
        return taken

    # What happened

    def all(self, kind: type[O]) -> list[O]:
        """The outputs of one kind, in order."""
        return [output for output in self.outputs if isinstance(output, kind)]

    def last(self, kind: type[O]) -> O:
        return self.all(kind)[-1]

    def events(self) -> list[RelayEvent]:
        """The events that reached the program."""
        return [output.event for output in self.all(EventReceived)]

    def forget(self) -> None:
        """Look at what follows only."""
        self.outputs.clear()
        self.requests.clear()
        self.replies.clear()

    def pump(self) -> None:
        """Take all outputs of the client, and let the server see its bytes."""
        while (output := self.core.next_output()) is not None:
            self.outputs.append(output)
            assert not self._closed, f"{output} behind the last output"
            match output:
                case OpenTransport(number):
                    assert self.transport == 0, "one transport at a time"
                    self.transport = number
                    self._wire = Wire(Role.SERVER)
                    self._connect_id = None
                    self._authenticated = False
                case CloseTransport(number):
                    assert number == self.transport, "only what is open is closed"
                    self.transport = 0
                case SendData(number, data):
                    assert number == self.transport, "nothing is sent to another transport"
                    self._hear(data)
                case Settled(pending):
                    assert pending.settled
                    assert pending not in self._settled, "a pending settles once"
                    self._settled.add(pending)
                case Connected() | Disconnected():
                    assert self._up is isinstance(output, Disconnected), "they alternate"
                    self._up = not self._up
                case Closed():
                    self._closed = True
                    assert not self._up
                    assert self.transport == 0
                    assert self.core.deadline() is None
                case _:
                    pass
        assert self._up == (self.core.state in UP)

    def _hear(self, data: bytes) -> None:
        for event in self._wire.receive(data):
            match event:
                case TextReceived(text):
                    self._read(json.loads(text))
                case BytesToSend(answer) if self.polite:
                    self.core.receive_data(self.transport, answer, self.now)
                case PeerClosed(code):
                    self.close_code = code
                case UpgradeRequested(host=host):
                    assert host == "relay.example.com"
                case _:
                    assert isinstance(event, BytesToSend), event

    def _read(self, frame: Frame) -> None:
        assert frame.pop("jsonrpc") == "2.0"
        self.written.append(frame)
        if "method" not in frame:
            self.replies.append(frame)
            return
        assert isinstance(frame["id"], str)
        assert frame["id"] not in self._written, "no request is written twice"
        self._written.add(frame["id"])
        if frame["method"] == "signalwire.connect":
            self._connect_id = frame["id"]
        else:
            assert self._authenticated, f"{frame['method']} before the session"
        self.requests.append(frame)


def error_of(pending: Pending[Any], kind: type[BaseException]) -> Any:
    """The error of a kind with which a `Pending` has settled."""
    assert pending.settled, "it still waits"
    assert isinstance(pending.error, kind), pending.error
    return pending.error


def starting(kind: ActionKind, control_id: str = "a-1") -> Command[ActionRecord]:
    """The command that starts an action of this kind."""
    params = {"control_id": control_id}
    return Command(kind.method, params, Purpose.START, kind=kind, ends_call=True)


def dial(peer: Peer, tag: str = "t-1", **more: Any) -> Pending[CallRecord]:
    """Dial; the server acknowledges."""
    dialled = peer.execute(c.dial(DEVICES, tag=tag, **more))
    peer.reply(peer.take("calling.dial"), {"code": "200", "message": "Dialing"})
    return dialled


def leg(peer: Peer, call_id: str, state: str, **body: Any) -> None:
    peer.state(call_id, state, tag="t-1", direction="outbound", **body)


def decide(peer: Peer, state: str, call_id: str = "", **body: Any) -> None:
    call = {"call_id": call_id, "node_id": "n-2", "device": {"type": "phone"}} if call_id else {}
    peer.event("calling.call.dial", node_id="n-9", tag="t-1", dial_state=state, call=call, **body)


def ends(peer: Peer) -> list[tuple[str, str]]:
    """Which legs the client has ended since the last look, and why."""
    params = [request["params"] for request in peer.take_all("calling.end")]
    return [(one["call_id"], one["reason"]) for one in params]
