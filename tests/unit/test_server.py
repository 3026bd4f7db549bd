"""`ServerCore` against the client's side of the wire, in virtual time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay_proto.errors import ConnectionLostError, LocalProtocolError, RelayError
from relay_proto.outputs import CloseTransport, PeerViolation, SendData, Settled
from relay_proto.server import (
    ConnectionEnded,
    FramePassed,
    RequestReceived,
    ServerConfig,
    ServerCore,
    ServerOutput,
    ServerState,
)
from relay_proto.wire.websocket import (
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    Wire,
    WireEvent,
    WireFailed,
)
from tests.property.wires import reports, whole_frames

QUIET = ServerConfig(ping_interval=0)


class Peer:
    """A client's wire, connected to a `ServerCore` by a stream without delay."""

    def __init__(self, config: ServerConfig | None = None) -> None:
        self.core = ServerCore(7, config)
        self.wire = Wire(Role.CLIENT, host="sim.test")
        self.outputs: list[ServerOutput] = []
        self.frames: list[dict[str, Any]] = []
        self.wire_events: list[WireEvent] = []
        self.now = 0.0

    def open(self) -> Peer:
        self.core.transport_opened(7, self.now)
        self.write(self.wire.open())
        return self

    def write(self, data: bytes) -> None:
        self.core.receive_data(7, data, self.now)
        self.drain()

    def send(self, *frames: object) -> None:
        self.write(b"".join(self.text(frame) for frame in frames))

    def text(self, frame: object) -> bytes:
        return self.wire.send_text(
            frame if isinstance(frame, bytes) else json.dumps(frame).encode()
        )

    def acknowledge(self, identity: object) -> None:
        self.send({"jsonrpc": "2.0", "id": identity, "result": {}})

    def drain(self) -> None:
        while (output := self.core.next_output()) is not None:
            if isinstance(output, SendData):
                self.read(output)
            else:
                self.outputs.append(output)

    def read(self, output: SendData) -> None:
        assert output.transport == 7
        for event in self.wire.receive(output.data):
            match event:
                case TextReceived(data):
                    self.frames.append(json.loads(data))
                case BytesToSend(data):
                    self.write(data)
                case _:
                    self.wire_events.append(event)

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while (deadline := self.core.deadline()) is not None and deadline <= until:
            self.now = deadline
            self.core.handle_timer(deadline)
            self.drain()
        self.now = until

    def reason(self) -> str:
        """Why it ended; nothing may come behind that."""
        ended = self.outputs[-1]
        assert isinstance(ended, ConnectionEnded)
        assert self.core.state is ServerState.ENDED
        assert self.core.deadline() is None
        return ended.reason

    def closed(self) -> list[bool]:
        """How the transport was closed: with or without a flush."""
        return [output.flush for output in self.outputs if isinstance(output, CloseTransport)]

    def last_method(self) -> tuple[str, object]:
        frame = self.frames[-1]
        return frame["method"], frame["params"]


def test_a_request_comes_out_raw_and_its_reply_echoes_the_id() -> None:
    peer = Peer(QUIET).open()
    peer.send({"jsonrpc": "2.0", "id": 5, "method": "calling.answer", "params": {"call_id": "c"}})
    [received] = peer.outputs
    assert isinstance(received, RequestReceived)
    assert (received.id, received.method) == (b"5", "calling.answer")
    assert json.loads(bytes(received.params)) == {"call_id": "c"}
    peer.core.reply(received.id, {"code": "200"})
    peer.core.refuse(b'"x"', -32601, "Method not found")
    peer.drain()
    assert peer.frames == [
        {"jsonrpc": "2.0", "id": 5, "result": {"code": "200"}},
        {"jsonrpc": "2.0", "id": "x", "error": {"code": -32601, "message": "Method not found"}},
    ]


def test_all_replies_of_one_read_leave_in_one_write() -> None:
    core = ServerCore(1, QUIET)
    wire = Wire(Role.CLIENT, host="sim.test")
    core.transport_opened(1, 0.0)
    core.receive_data(1, wire.open(), 0.0)
    accepted = core.next_output()
    assert isinstance(accepted, SendData)
    reports(wire, accepted.data)
    requests = [b'{"id":%d,"method":"m"}' % number for number in range(3)]
    core.receive_data(1, b"".join(map(wire.send_text, requests)), 0.0)
    received = [core.next_output() for _ in requests]
    for output in received:
        assert isinstance(output, RequestReceived)
        core.reply(output.id, {})
    assert isinstance(core.next_output(), SendData)
    assert core.next_output() is None


def test_messages_behind_the_request_to_upgrade_are_read() -> None:
    plain, eager = Peer(QUIET).open(), Peer(QUIET)
    frame = plain.text({"id": 1, "method": "m"})
    eager.core.transport_opened(7, 0.0)
    eager.write(eager.wire.open() + frame)
    assert [type(output) for output in eager.outputs] == [RequestReceived]


def test_an_upgrade_can_be_refused() -> None:
    peer = Peer(ServerConfig(refuse_status=503, refuse_reason="maintenance")).open()
    [failed] = peer.wire_events
    assert isinstance(failed, WireFailed)
    assert failed.error.status == 503
    assert peer.closed() == [True]
    assert peer.reason() == "the WebSocket was refused with status 503"


@pytest.mark.parametrize(
    ("status", "allowed"), [(399, False), (400, True), (599, True), (600, False)]
)
def test_a_status_that_no_server_sends_is_misuse(status: int, allowed: bool) -> None:
    if allowed:
        assert ServerConfig(refuse_status=status).refuse_status == status
    else:
        with pytest.raises(ValueError, match="400 to 599"):
            ServerConfig(refuse_status=status)


def test_what_is_not_configured_has_its_default() -> None:
    assert ServerConfig() == ServerConfig(
        refuse_status=0,
        refuse_reason="",
        hosts=None,
        upgrade_timeout=15.0,
        ping_interval=10.0,
        ping_failures=3,
        goodbye_timeout=5.0,
        close_timeout=3.0,
        message_bytes=10 * 1024 * 1024,
        unacknowledged=1000,
        reports_frames=False,
        answers_pings=True,
    )


def test_an_upgrade_must_come_in_time() -> None:
    peer = Peer()
    peer.core.transport_opened(7, 0.0)
    peer.pass_time(14.9)
    assert peer.outputs == []
    peer.pass_time(0.1)
    assert peer.closed() == [False]
    assert "did not ask for a WebSocket within 15 s" in peer.reason()


def test_what_is_no_upgrade_ends_the_connection() -> None:
    peer = Peer()
    peer.core.transport_opened(7, 0.0)
    peer.write(b"\x00" * 20 + b"\r\n\r\n")
    violation, _, _ = peer.outputs
    assert isinstance(violation, PeerViolation)
    assert peer.closed() == [True]


@pytest.mark.parametrize("method", ["opened", "data", "closed"])
def test_other_transports_are_ignored(method: str) -> None:
    peer = Peer()
    if method == "opened":
        peer.core.transport_opened(8, 0.0)
    elif method == "data":
        peer.open().core.receive_data(8, b"\x00", 0.0)
    else:
        peer.core.transport_closed(8, 0.0, "gone")
    peer.drain()
    assert peer.outputs == []


def test_data_before_the_transport_is_open_is_ignored() -> None:
    peer = Peer()
    peer.write(peer.wire.open())
    assert peer.outputs == []
    assert peer.frames == []
    peer.core.transport_opened(7, 0.0)
    peer.core.transport_opened(7, 0.0)
    assert peer.core.state is ServerState.UPGRADING


@pytest.mark.parametrize(
    ("params", "result"),
    [
        ({"timestamp": 3.5, "payload": "p"}, {"timestamp": 3.5, "payload": "p"}),
        ({"timestamp": 3.5}, {"timestamp": 3.5}),
        ({}, {"timestamp": 0.0}),
        ([], {"timestamp": 0.0}),
        (None, {"timestamp": 0.0}),
    ],
)
def test_the_peers_ping_is_echoed(params: object, result: object) -> None:
    peer = Peer(QUIET).open()
    peer.send({"id": "p", "method": "signalwire.ping", "params": params})
    assert peer.frames == [{"jsonrpc": "2.0", "id": "p", "result": result}]
    assert peer.outputs == []


def test_an_event_settles_when_it_is_acknowledged() -> None:
    peer = Peer(QUIET).open()
    first = peer.core.send_event({"event_type": "a"}, identity="e-1")
    second = peer.core.send_event({"event_type": "b"})
    peer.drain()
    assert [frame["params"]["event_type"] for frame in peer.frames] == ["a", "b"]
    peer.acknowledge("e-1")
    assert peer.outputs == [Settled(first)]
    assert first.result() is None
    assert not second.settled
    assert [frame["id"] for frame in peer.frames] == ["e-1", "s-1"]
    peer.acknowledge("e-1")
    peer.acknowledge("unknown")
    assert peer.outputs == [Settled(first)]


def test_a_reply_that_nobody_waits_for_is_ignored() -> None:
    peer = Peer(QUIET).open()
    peer.acknowledge("")
    peer.acknowledge("nobody")
    assert peer.core.state is ServerState.OPEN


def test_pings_can_be_left_to_the_owner() -> None:
    peer = Peer(ServerConfig(ping_interval=0, answers_pings=False)).open()
    peer.send({"jsonrpc": "2.0", "id": "p", "method": "signalwire.ping", "params": {}})
    assert peer.frames == []
    (asked,) = (output for output in peer.outputs if isinstance(output, RequestReceived))
    assert (asked.id, asked.method) == (b'"p"', "signalwire.ping")


def test_a_text_is_sent_as_it_is() -> None:
    peer = Peer(QUIET).open()
    peer.core.send_text(b"{not JSON")
    output = peer.core.next_output()
    assert isinstance(output, SendData)
    assert TextReceived(b"{not JSON") in reports(peer.wire, output.data)
    with pytest.raises(LocalProtocolError, match="UTF-8"):
        peer.core.send_text(b"\xff")


def test_an_event_can_be_refused_by_the_peer() -> None:
    peer = Peer(QUIET).open()
    pending = peer.core.send_event({}, identity="e-1")
    peer.send({"id": "e-1", "error": {"code": -32601, "message": "what?"}})
    assert isinstance(pending.error, RelayError)
    assert (pending.error.code, pending.error.message) == (-32601, "what?")


def test_two_events_of_one_id_are_misuse() -> None:
    peer = Peer(QUIET).open()
    peer.core.send_event({}, identity="e-1")
    with pytest.raises(LocalProtocolError, match="e-1"):
        peer.core.send_event({}, identity="e-1")


def test_events_fail_with_the_connection() -> None:
    peer = Peer(QUIET).open()
    sent = peer.core.send_event({})
    peer.drain()
    peer.core.transport_closed(7, 0.0, "cable cut")
    peer.drain()
    late = peer.core.send_event({})
    peer.drain()
    assert isinstance(sent.error, ConnectionLostError)
    assert sent.error.maybe_delivered
    assert isinstance(late.error, ConnectionLostError)
    assert late.error.reason == "the connection is ended, not open"
    assert not late.error.maybe_delivered
    ended = ConnectionEnded("cable cut")
    assert peer.outputs == [Settled(sent), ended, Settled(late)]


def test_a_peer_that_acknowledges_nothing_is_left() -> None:
    peer = Peer(ServerConfig(ping_interval=0, unacknowledged=2)).open()
    pending = [peer.core.send_event({}) for _ in range(2)]
    peer.drain()
    assert peer.outputs == []
    pending.append(peer.core.send_event({}))
    peer.drain()
    assert all(isinstance(event.error, ConnectionLostError) for event in pending)
    assert peer.closed() == [False]
    assert "3 events were not acknowledged" in peer.reason()


def test_a_silent_peer_is_left_after_some_pings() -> None:
    peer = Peer(ServerConfig(ping_interval=10, ping_failures=3)).open()
    peer.pass_time(30)
    assert [frame["method"] for frame in peer.frames] == ["signalwire.ping"] * 3
    assert peer.frames[0]["params"] == {"timestamp": 10.0}
    peer.pass_time(9.9)
    assert peer.outputs == []
    peer.pass_time(0.1)
    assert peer.closed() == [False]
    assert "did not answer 3 pings" in peer.reason()


def test_whatever_the_peer_sends_is_a_sign_of_life() -> None:
    peer = Peer().open()
    for _ in range(10):
        peer.pass_time(25)
        peer.send({"id": 1, "method": "m"})
    assert peer.core.state is ServerState.OPEN


def test_a_ping_can_be_sent_at_any_time() -> None:
    peer = Peer(QUIET).open()
    peer.core.ping(4.0)
    peer.drain()
    assert peer.last_method() == ("signalwire.ping", {"timestamp": 4.0})
    peer.acknowledge(peer.frames[-1]["id"])
    assert peer.outputs == []


def test_a_goodbye_closes_when_it_is_acknowledged() -> None:
    peer = Peer(QUIET).open()
    peer.core.say_goodbye(0.0, restart=True)
    peer.drain()
    assert peer.last_method() == ("signalwire.disconnect", {"restart": True})
    peer.acknowledge(peer.frames[-1]["id"])
    assert peer.closed() == [True]
    assert peer.wire_events[-1] == PeerClosed(1000, "")
    assert peer.reason() == "the client closed the connection with code 1000"


def test_a_goodbye_closes_in_the_end_without_an_acknowledgement() -> None:
    peer = Peer(QUIET).open()
    peer.core.say_goodbye(0.0, restart=False)
    peer.drain()
    peer.pass_time(4.9)
    assert peer.outputs == []
    peer.pass_time(0.1)
    assert peer.reason() == "the client closed the connection with code 1000"


@pytest.mark.parametrize("code", [1000, 1001, 1002, 4000])
@pytest.mark.parametrize("asked", [None, "goodbye", "careless goodbye", "close"])
def test_a_client_has_left_if_it_closes_of_its_own_accord(code: int, asked: str | None) -> None:
    peer = Peer(QUIET).open()
    closing = peer.wire.close(code, "")
    if asked == "close":
        peer.core.close(0.0)
    elif asked is not None:
        peer.core.say_goodbye(0.0, restart=False, stay=asked.startswith("careless"))
    peer.core.receive_data(7, closing, 0.0)
    peer.drain()
    left = asked is None and code in (1000, 1001)
    reason = f"the client closed the connection with code {code}"
    assert peer.outputs[-1] == ConnectionEnded(reason, left)


def test_whoever_ends_before_a_handshake_has_not_left() -> None:
    for ended in ("aborted", "cable cut"):
        peer = Peer(QUIET).open()
        peer.core.abort() if ended == "aborted" else peer.core.transport_closed(7, 0.0, ended)
        peer.drain()
        assert peer.outputs[-1] == ConnectionEnded(ended, left=False)


def test_each_frame_is_reported_if_the_owner_wants_it() -> None:
    peer = Peer(ServerConfig(ping_interval=0, reports_frames=True)).open()
    peer.core.send_text(b'["sent"]')
    peer.send(b"received")
    assert [output for output in peer.outputs if isinstance(output, FramePassed)] == [
        FramePassed(b'["sent"]', received=False),
        FramePassed(b"received", received=True),
    ]
    quiet = Peer(QUIET).open()
    quiet.core.send_text(b'["sent"]')
    quiet.send(b"received")
    assert [type(output) for output in quiet.outputs] == [PeerViolation]


def test_a_careless_goodbye_never_closes() -> None:
    peer = Peer(QUIET).open()
    peer.core.say_goodbye(0.0, restart=False, stay=True)
    peer.drain()
    peer.acknowledge(peer.frames[-1]["id"])
    assert peer.core.deadline() is None
    assert peer.core.state is ServerState.OPEN


def test_closing_waits_for_the_peer_and_reads_no_frames() -> None:
    peer = Peer(QUIET).open()
    request = peer.text({"id": 1, "method": "m"})
    pending = peer.core.send_event({})
    peer.core.close(0.0)
    peer.core.close(0.0)
    peer.core.say_goodbye(0.0, restart=False)
    peer.core.reply(b"1", {})
    peer.core.receive_data(7, request, 0.0)
    assert peer.core.state is ServerState.CLOSING
    assert peer.core.deadline() == 3.0
    peer.core.handle_timer(3.0)
    outputs: list[ServerOutput] = []
    while (output := peer.core.next_output()) is not None:
        outputs.append(output)
    assert isinstance(outputs[0], SendData)
    assert outputs[1:] == [
        CloseTransport(7, flush=True),
        Settled(pending),
        ConnectionEnded("the client did not close its side"),
    ]
    assert pending.settled


@pytest.mark.parametrize("opened", [False, True])
def test_closing_before_the_upgrade_aborts(opened: bool) -> None:
    peer = Peer()
    if opened:
        peer.core.transport_opened(7, 0.0)
    peer.core.close(0.0)
    peer.drain()
    assert peer.closed() == [False]
    assert peer.reason() == "aborted"


def test_nothing_follows_the_end() -> None:
    peer = Peer(QUIET).open()
    peer.core.abort("for a test")
    peer.drain()
    assert peer.reason() == "for a test"
    peer.outputs.clear()
    peer.core.abort()
    peer.core.close(0.0)
    peer.core.ping(0.0)
    peer.core.transport_closed(7, 0.0, "late")
    peer.send({"id": 1, "method": "m"})
    peer.core.handle_timer(100.0)
    peer.drain()
    assert peer.outputs == []


def test_the_peer_may_close() -> None:
    peer = Peer(QUIET).open()
    peer.write(peer.wire.close(1001, "leaving") + b"")
    assert peer.closed() == [True]
    assert peer.reason() == "the client closed the connection with code 1001"
    assert peer.wire_events[-1] == PeerClosed(1001, "leaving")


@pytest.mark.parametrize("data", [b"not json", b"[]", b'{"id":{},"method":"m"}', b"{}", b'"x"'])
def test_what_is_no_frame_is_reported_and_survived(data: bytes) -> None:
    peer = Peer(QUIET).open()
    peer.send(data, {"id": 1, "method": "m"})
    violation, request = peer.outputs
    assert isinstance(violation, PeerViolation)
    assert f"{len(data)} bytes" in violation.reason
    assert isinstance(request, RequestReceived)


def test_a_binary_message_is_reported_and_survived() -> None:
    peer = Peer(QUIET).open()
    peer.write(b"\x82\x83\x00\x00\x00\x00abc")
    assert peer.outputs == [PeerViolation("a binary message of 3 bytes was ignored")]


def test_a_broken_frame_ends_the_connection() -> None:
    peer = Peer(QUIET).open()
    pending = peer.core.send_event({})
    peer.write(b"\xff\xff\xff\xff")
    violation, *rest = peer.outputs
    assert isinstance(violation, PeerViolation)
    assert rest == [
        CloseTransport(7, flush=True),
        Settled(pending),
        ConnectionEnded(violation.reason),
    ]


def test_a_websocket_ping_is_answered() -> None:
    peer = Peer(QUIET).open()
    peer.core.receive_data(7, b"\x89\x81\x00\x00\x00\x00x", 0.0)
    assert peer.core.next_output() == SendData(7, b"\x8a\x01x")


def test_a_goodbye_is_acknowledged_and_the_connection_closed_in_one_read() -> None:
    peer = Peer(QUIET).open()
    peer.core.say_goodbye(0.0, restart=False)
    peer.drain()
    acknowledgement = peer.text({"id": peer.frames[-1]["id"], "result": {}})
    peer.write(acknowledgement + peer.wire.close(1001))
    assert peer.reason() == "the client closed the connection with code 1001"


REQUEST: dict[str, Any] = {"id": 5, "method": "calling.answer", "params": {}}
REPLY = b'{"jsonrpc":"2.0","id":5,"result":{}}'
VIOLATION = b"\xc1\x80\0\0\0\0"


@pytest.mark.parametrize("closes", [True, False])
def test_a_request_can_be_answered_although_its_read_ends_the_connection(closes: bool) -> None:
    peer = Peer(QUIET).open()
    request = peer.text(REQUEST)
    peer.core.receive_data(7, request + (peer.wire.close() if closes else VIOLATION), 0.0)
    received = peer.core.next_output()
    assert isinstance(received, RequestReceived)
    peer.core.reply(received.id, {})
    outputs = [peer.core.next_output() for _ in range(2 if closes else 3)]
    written, *_ = [output.data for output in outputs if isinstance(output, SendData)]
    assert whole_frames(written)[0] == (0x81, REPLY)
    peer.drain()
    assert peer.core.state is ServerState.ENDED


def test_no_request_is_answered_behind_a_close_of_the_server() -> None:
    peer = Peer(QUIET).open()
    peer.core.receive_data(7, peer.text(REQUEST) + b"\x89\x80\0\0\0\0", 0.0)
    assert isinstance(peer.core.next_output(), RequestReceived)
    peer.core.close(0.0)
    output = peer.core.next_output()
    assert isinstance(output, SendData)
    assert [first for first, _ in whole_frames(output.data)] == [0x88]
    assert peer.core.next_output() is None


@pytest.mark.parametrize("last", ["closed", "timer", "data"])
def test_an_owner_that_does_not_take_outputs_holds_nothing_up(last: str) -> None:
    peer = Peer(QUIET).open()
    requests = peer.text(REQUEST) * 2
    peer.core.receive_data(7, requests + peer.wire.close(), 0.0)
    match last:
        case "closed":
            peer.core.transport_closed(7, 1.0, "reset")
        case "timer":
            peer.core.handle_timer(1.0)
        case _:
            peer.core.receive_data(7, b"more", 1.0)
    assert peer.core.state is ServerState.ENDED
    peer.drain()
    assert [type(output) for output in peer.outputs[:2]] == [RequestReceived] * 2
    assert peer.reason() == "the client closed the connection with code 1000"


# Who may connect

LOCAL = ServerConfig(ping_interval=0, hosts=frozenset({"localhost", "127.0.0.1", "::1"}))


def ask(peer: Peer, host: str, origin: str | None) -> None:
    """Ask for the WebSocket by another name, or from a page."""
    header = b"" if origin is None else b"Origin: " + origin.encode() + b"\r\n"
    asked = peer.wire.open().replace(b"Host: sim.test\r\n", b"Host: " + host.encode() + b"\r\n")
    assert host.encode() in asked
    peer.core.transport_opened(7, peer.now)
    peer.write(asked.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n"))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8443", "127.0.0.1:8443", "[::1]:8443"])
@pytest.mark.parametrize("origin", [None, "https://localhost:8443", "http://127.0.0.1"])
def test_a_client_on_this_machine_is_accepted(host: str, origin: str | None) -> None:
    peer = Peer(LOCAL)
    ask(peer, host, origin)
    assert peer.core.state is ServerState.OPEN


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example", None),
        ("localhost.evil.example:8443", None),
        ("localhost", "https://evil.example"),
        ("localhost", "https://localhost.evil.example"),
        ("localhost", "null"),
        ("localhost", "https://[::2]:80"),
    ],
)
def test_a_foreign_name_or_page_is_refused(host: str, origin: str | None) -> None:
    peer = Peer(LOCAL)
    ask(peer, host, origin)
    assert peer.reason() == "the WebSocket was refused with status 403"
    everyone = Peer(ServerConfig(ping_interval=0))
    ask(everyone, host, origin)
    assert everyone.core.state is ServerState.OPEN


def test_two_pages_are_nobody_s_page() -> None:
    peer = Peer(LOCAL)
    ask(peer, "localhost", "https://localhost\r\nOrigin: https://evil.example")
    assert peer.core.state is ServerState.ENDED
