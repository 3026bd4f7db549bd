"""`Wire`, one point at a time. Peers are other wires, or bytes made by hand."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from typing import Final

import pytest
from wsproto.frame_protocol import LOCAL_ONLY_CLOSE_REASONS, CloseReason

from relay_proto.errors import LocalProtocolError, RemoteProtocolError
from relay_proto.wire.reports import MAX_QUOTED
from relay_proto.wire.websocket import (
    CLOSE_CODES,
    MAX_HEAD_BYTES,
    BinaryIgnored,
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    Upgraded,
    UpgradeRequested,
    Wire,
    WireEvent,
    WireFailed,
    WireState,
)
from tests.property.wires import reports

HOST: Final = "relay.example"
LIMIT: Final = 1000
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
BOTH: Final = pytest.mark.parametrize("role", list(Role))
LONGEST_NAME: Final = ".".join(["a" * 63] * 3 + ["b" * 61])

REQUEST: Final = {
    "Host": HOST,
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    "Sec-WebSocket-Version": "13",
}


def request(line: str = "GET / HTTP/1.1", **changes: str) -> bytes:
    """A request to upgrade; a header that is changed to nothing is left out."""
    headers = REQUEST | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = False
) -> bytes:
    mask = 0x80 if masked else 0
    match len(payload):
        case size if size < 126:
            length = bytes([mask | size])
        case size if size < 65536:
            length = struct.pack("!BH", mask | 126, size)
        case size:
            length = struct.pack("!BQ", mask | 127, size)
    key = bytes(4) if masked else b""  # a mask of zeros leaves the payload as it is
    return bytes([fin << 7 | reserved | opcode]) + length + key + payload


def link(role: Role = Role.CLIENT, *, limit: int = LIMIT) -> tuple[Wire, Wire]:
    """An open wire of this role, and its peer."""
    client = Wire(Role.CLIENT, host=HOST, max_message_bytes=limit)
    server = Wire(Role.SERVER, max_message_bytes=limit)
    assert reports(server, client.open()) == [UpgradeRequested(HOST, "/")]
    assert reports(client, server.accept()) == [Upgraded()]
    return (client, server) if role is Role.CLIENT else (server, client)


def frames_for(role: Role) -> Callable[..., bytes]:
    """`frame`, masked as a wire of this role expects it."""

    def make(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0) -> bytes:
        return frame(opcode, payload, fin=fin, reserved=reserved, masked=role is Role.SERVER)

    return make


def asking() -> Wire:
    """A client whose request is on its way."""
    client = Wire(Role.CLIENT, host=HOST)
    assert client.open()
    return client


def failure(events: list[WireEvent]) -> RemoteProtocolError:
    """The error of a wire that had nothing else to say."""
    (event,) = events
    assert isinstance(event, WireFailed)
    return event.error


def refusal(events: list[WireEvent]) -> tuple[bytes, RemoteProtocolError]:
    """The bytes that a wire wants to send before it gives up, and why it does."""
    answer, failed = events
    assert isinstance(answer, BytesToSend)
    assert isinstance(failed, WireFailed)
    return answer.data, failed.error


def closed_with(wire: Wire, peer: Wire, data: bytes) -> int:
    """The code of the close frame by which `wire` answers a violation."""
    answer, _ = refusal(reports(wire, data))
    assert wire.state is WireState.FAILED
    closed = reports(peer, answer)[-1]
    assert isinstance(closed, PeerClosed)
    return closed.code


# The upgrade


def test_both_sides_open() -> None:
    client, server = link()
    assert (client.state, server.state) == (WireState.OPEN, WireState.OPEN)


def test_request_asks_for_the_root_and_offers_no_extension() -> None:
    line, *headers = Wire(Role.CLIENT, host=HOST).open().decode().split("\r\n")
    assert line == "GET / HTTP/1.1"
    assert headers[0] == f"Host: {HOST}"
    assert not [header for header in headers if "extensions" in header.lower()]


def test_two_requests_have_different_keys() -> None:
    assert Wire(Role.CLIENT, host=HOST).open() != Wire(Role.CLIENT, host=HOST).open()


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("localhost:8443", "localhost:8443"),
        ("[::1]:8443", "[::1]:8443"),
        ("[fe80::1]", "[fe80::1]"),
        ("Relay.Example.", "Relay.Example."),
        (LONGEST_NAME, LONGEST_NAME),
        (f"{LONGEST_NAME}:8443", f"{LONGEST_NAME}:8443"),
        ("a" * 63 + ":65535", "a" * 63 + ":65535"),
        ("bücher.example:8443", "xn--bcher-kva.example:8443"),
    ],
)
def test_host_is_sent_as_given(host: str, sent: str) -> None:
    head = Wire(Role.CLIENT, host=host).open()
    assert f"\r\nHost: {sent}\r\n".encode() in head
    assert head.count(b"Host:") == 1


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "a\0", "ü" * 100, "\ud800"])
def test_host_that_cannot_stand_in_a_header_is_misuse(host: str) -> None:
    with pytest.raises(LocalProtocolError, match="Host header"):
        Wire(Role.CLIENT, host=host)


def test_server_hears_host_and_target() -> None:
    server = Wire(Role.SERVER)
    asked = request("GET /api/relay?x=1 HTTP/1.1", Host="localhost:8443")
    assert reports(server, asked) == [UpgradeRequested("localhost:8443", "/api/relay?x=1")]
    assert server.state is WireState.REQUESTED


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        (b"HTTP/1.1 503 The cat sat on it", 503, "503 The cat sat on it"),
        (b"HTTP/1.1 401", 401, "401"),
        (b"HTTP/1.1 200 OK", 200, "200 OK"),
        (b"HTTP/1.1 302 Found", 302, "302 Found"),
        (b"HTTP/1.1 404 \xc3\xa9\xff\x1b[31m", 404, "404 é\ufffd\ufffd[31m"),
        (b"HTTP/1.0 403 No", 403, "403 No"),
    ],
)
def test_any_other_answer_is_reported_in_the_servers_words(
    line: bytes, status: int, words: str
) -> None:
    client = asking()
    error = failure(reports(client, line + b"\r\nServer: x\r\n\r\n"))
    assert error.status == status
    assert str(error) == f"the server refused the WebSocket: {words}"
    assert client.state is WireState.FAILED


@pytest.mark.parametrize("cut", [0, 10, 23, 25, 40])
def test_interim_answers_are_skipped(cut: int) -> None:
    client, server = asking(), Wire(Role.SERVER)
    reports(server, request())
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    answer = interim + b"HTTP/1.1 503 Busy\r\nRetry-After: 9\r\n\r\n"
    events = reports(client, answer[:cut]) + reports(client, answer[cut:])
    assert failure(events).status == 503
    assert failure(events).retry_after == 9.0


def test_the_answer_that_follows_interim_ones_may_accept() -> None:
    client, server = Wire(Role.CLIENT, host=HOST), Wire(Role.SERVER)
    reports(server, client.open())
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" + server.accept()
    assert reports(client, answer) == [Upgraded()]


def test_refusal_is_reported_before_its_body_has_come() -> None:
    client = asking()
    error = failure(reports(client, b"HTTP/1.1 429 Slow\r\nContent-Length: 10\r\n\r\nhel"))
    assert error.status == 429
    assert reports(client, b"lo, wo") == []
    assert reports(client, b"r") == []
    assert client.receive_eof() == []


def test_servers_words_are_bounded() -> None:
    error = failure(reports(asking(), b"HTTP/1.1 500 " + b"a" * 10_000 + b"\r\n\r\n"))
    assert str(error) == "the server refused the WebSocket: " + ("500 " + "a" * 10_000)[:MAX_QUOTED]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: x"),
        (b"\r\nUpgrade: ", b"\r\nUpgrade: x"),
        (b"Connection: Upgrade", b"Connection: close"),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: message-limit\r\n\r\n"),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: \x1b[31m\r\n\r\n"),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: \xff\r\n\r\n"),
        (b"\r\n\r\n", b"\r\nno header\r\n\r\n"),
        (b"HTTP/1.1", b"SSH-2.0-x"),
        (b"HTTP/1.1", b"\r\n\r\nHTTP/1.1"),
    ],
)
def test_upgrade_that_is_none_fails(old: bytes, new: bytes) -> None:
    client, server = Wire(Role.CLIENT, host=HOST), Wire(Role.SERVER)
    reports(server, client.open())
    answer = server.accept()
    assert old in answer
    error = failure(reports(client, answer.replace(old, new, 1)))
    assert error.status == 0
    assert str(error).startswith("the WebSocket upgrade failed: ")
    assert str(error).isprintable()


def test_messages_right_behind_the_upgrade_are_read() -> None:
    client, server = Wire(Role.CLIENT, host=HOST), Wire(Role.SERVER)
    reports(server, client.open())
    data = server.accept() + server.send_text(b"one") + server.send_text(b"two")
    assert reports(client, data) == [Upgraded(), TextReceived(b"one"), TextReceived(b"two")]


def test_head_may_come_byte_by_byte() -> None:
    client, server = Wire(Role.CLIENT, host=HOST), Wire(Role.SERVER)
    asked = [event for byte in client.open() for event in server.receive(bytes([byte]))]
    assert asked == [UpgradeRequested(HOST, "/")]
    assert [e for byte in server.accept() for e in client.receive(bytes([byte]))] == [Upgraded()]


def test_server_that_speaks_first_fails() -> None:
    client = Wire(Role.CLIENT, host=HOST)
    assert reports(client, b"") == []
    assert "before the client asked" in str(failure(reports(client, b"HTTP/1.1 101 x\r\n\r\n")))
    assert client.open() == b""


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("POST / HTTP/1.1"), 400),
        (request("HEAD / HTTP/1.1"), 400),
        (request("CONNECT a:1 HTTP/1.1"), 400),
        (request("GET /\xff HTTP/1.1"), 400),
        (request(Host=""), 400),
        (request("GET / HTTP/1.0", Host=""), 400),
        (request(Host="\xff"), 400),
        (request(Host="xn--99999"), 400),
        (request(Upgrade="h2c"), 400),
        (request(Connection="\xff"), 400),
        (request(Connection="close"), 400),
        (request(Sec_WebSocket_Key=""), 400),
        (request(Sec_WebSocket_Version="12"), 426),
        (request(Sec_WebSocket_Extensions="\xff"), 400),
        (request(Content_Length="x"), 400),
        (b"\x16\x03\x01\x02\n\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\n\n", 400),
    ],
)
def test_server_refuses_what_is_no_request_to_upgrade(asked: bytes, status: int) -> None:
    server = Wire(Role.SERVER)
    answer, error = refusal(reports(server, asked))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert failure(reports(asking(), answer)).status == status
    assert str(error).startswith("the WebSocket upgrade failed: ")
    assert server.state is WireState.FAILED


@pytest.mark.parametrize("extra", [{"Content_Length": "5"}, {"Expect": "100-continue"}])
@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "GET / HTTP/1.0"])
def test_odd_requests_can_still_be_answered(line: str, extra: dict[str, str]) -> None:
    admits, refuses = Wire(Role.SERVER), Wire(Role.SERVER)
    for server in (admits, refuses):
        assert reports(server, request(line, **extra)) == [UpgradeRequested(HOST, "/")]
    assert admits.accept().startswith(b"HTTP/1.1 101 ")
    assert refuses.refuse(403, "no").startswith(b"HTTP/1.1 403 ")


def test_head_may_be_as_long_as_the_limit() -> None:
    padding = "x" * (MAX_HEAD_BYTES - len(request(Cookie="x")) + 1)
    asked = request(Cookie=padding)
    assert len(asked) == MAX_HEAD_BYTES
    assert reports(Wire(Role.SERVER), asked) == [UpgradeRequested(HOST, "/")]
    answer, _ = refusal(reports(Wire(Role.SERVER), request(Cookie=padding + "x")))
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("step", [1000, 100_000])
def test_server_refuses_a_longer_head(step: int) -> None:
    server, asked = Wire(Role.SERVER), request(Cookie="x" * 50_000)
    chunks = [asked[start : start + step] for start in range(0, len(asked), step)]
    answer, error = refusal([event for chunk in chunks for event in server.receive(chunk)])
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert str(MAX_HEAD_BYTES) in str(error)


def test_client_gives_up_on_an_endless_head() -> None:
    client = asking()
    assert reports(client, b"HTTP/1.1 101 x\r\n") == []
    assert reports(client, b"X: y\r\n" * 1000) == []
    assert str(MAX_HEAD_BYTES) in str(failure(reports(client, b"X: y\r\n" * 2000)))


def test_server_refuses_in_its_own_words() -> None:
    server = Wire(Role.SERVER)
    client = Wire(Role.CLIENT, host=HOST)
    reports(server, client.open())
    answer = server.refuse(403, "not födåy \ud800")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body.decode() == "not födåy ?"
    assert b"Content-Type: text/plain; charset=utf-8" in head
    assert b"Content-Length: 13" in head
    assert failure(reports(client, answer)).status == 403
    assert server.state is WireState.CLOSED
    assert reports(server, b"anything") == server.receive_eof() == []
    assert server.accept() == server.refuse(403, "again") == b""


@pytest.mark.parametrize("status", [0, 101, 204, 304, 600])
def test_only_an_error_status_refuses(status: int) -> None:
    server = Wire(Role.SERVER)
    reports(server, request())
    with pytest.raises(LocalProtocolError, match="400 to 599"):
        server.refuse(status, "no")
    assert server.refuse(503, "but this will do")


def test_messages_behind_the_request_are_read_once_it_is_accepted() -> None:
    server = Wire(Role.SERVER)
    early = frame(TEXT, b"one", masked=True), frame(TEXT, b"two", masked=True)
    assert reports(server, request() + early[0]) == [UpgradeRequested(HOST, "/")]
    assert reports(server, early[1]) == []
    assert server.accept()
    assert reports(server, b"") == [TextReceived(b"one"), TextReceived(b"two")]


def test_messages_behind_the_request_are_not_lost_at_the_end_of_file() -> None:
    server = Wire(Role.SERVER)
    reports(server, request() + frame(TEXT, b"one", masked=True))
    server.accept()
    assert server.receive_eof()[0] == TextReceived(b"one")


def test_what_comes_behind_the_request_is_bounded() -> None:
    server = Wire(Role.SERVER, max_message_bytes=LIMIT)
    reports(server, request())
    assert reports(server, bytes(LIMIT + MAX_HEAD_BYTES)) == []
    answer, _ = refusal(reports(server, b"x"))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert server.accept() == b""


# Messages


@BOTH
@pytest.mark.parametrize("message", [b"", b"hello", "häß€𐍈".encode(), b"x" * 200, b"x" * 70_000])
def test_a_text_crosses(role: Role, message: bytes) -> None:
    wire, peer = link(role, limit=100_000)
    assert reports(wire, peer.send_text(message)) == [TextReceived(message)]


def test_only_the_client_masks() -> None:
    client, server = link()
    assert b"secret" not in client.send_text(b"secret")
    assert server.send_text(b"secret") == frame(TEXT, b"secret")


def test_received_text_is_not_shown() -> None:
    assert "token" not in repr(TextReceived(b"token"))


@BOTH
def test_fragments_are_joined_across_a_character(role: Role) -> None:
    wire, _ = link(role)
    make = frames_for(role)
    euro = "€".encode()
    data = (
        make(TEXT, b"", fin=False)
        + make(CONTINUATION, euro[:1], fin=False)
        + make(CONTINUATION, b"", fin=False)
        + make(CONTINUATION, euro[1:] + b"!")
        + make(TEXT, b"next")
    )
    assert reports(wire, data) == [TextReceived("€!".encode()), TextReceived(b"next")]


@BOTH
def test_control_frames_may_come_between_fragments(role: Role) -> None:
    wire, peer = link(role)
    make = frames_for(role)
    data = make(TEXT, b"a", fin=False) + make(PING, b"p") + make(PONG) + make(CONTINUATION, b"b")
    pong, text = reports(wire, data)
    assert text == TextReceived(b"ab")
    assert isinstance(pong, BytesToSend)
    assert reports(peer, pong.data) == []


def test_ping_is_answered_with_its_payload() -> None:
    client, server = link()
    assert reports(server, frame(PING, b"abc", masked=True)) == [BytesToSend(frame(PONG, b"abc"))]
    (pong,) = reports(client, frame(PING, b"x" * 125))
    assert isinstance(pong, BytesToSend)
    assert (pong.data[0], pong.data[1], len(pong.data)) == (0x80 | PONG, 0x80 | 125, 131)


@BOTH
def test_pong_means_nothing(role: Role) -> None:
    wire, _ = link(role)
    assert reports(wire, frames_for(role)(PONG, b"unasked")) == []


@BOTH
def test_binary_message_is_counted_and_dropped(role: Role) -> None:
    wire, _ = link(role)
    make = frames_for(role)
    assert reports(wire, make(BINARY, b"\xff" * 7)) == [BinaryIgnored(7)]
    assert reports(wire, make(BINARY, b"\xff" * 7, fin=False) + make(PONG)) == []
    last = make(CONTINUATION, b"\xff" * 4)
    assert reports(wire, last[:-2]) == []
    assert reports(wire, last[-2:]) == [BinaryIgnored(11)]
    assert reports(wire, make(BINARY)) == [BinaryIgnored(0)]


@BOTH
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_message_may_be_as_long_as_the_limit(role: Role, opcode: int) -> None:
    wire, peer = link(role)
    make = frames_for(role)
    full = make(opcode, b"x" * LIMIT)
    halves = make(opcode, b"x" * 500, fin=False) + make(PING) + make(CONTINUATION, b"x" * 500)
    assert len(reports(wire, full + halves + full)) == 4
    assert wire.state is WireState.OPEN
    assert closed_with(wire, peer, make(opcode, b"x" * (LIMIT + 1))) == 1009


@BOTH
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_limit_holds_for_the_sum_of_fragments(role: Role, opcode: int) -> None:
    wire, peer = link(role)
    make = frames_for(role)
    for byte in make(opcode, b"x" * 600, fin=False) + make(CONTINUATION, b"x" * 400, fin=False):
        assert reports(wire, bytes([byte])) == []
    assert closed_with(wire, peer, make(CONTINUATION, b"x")) == 1009


def test_limit_counts_bytes_not_characters() -> None:
    wire, peer = link()
    assert closed_with(wire, peer, frame(TEXT, "€".encode() * 334)) == 1009


@BOTH
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_huge_message_fails_when_it_is_announced(role: Role, opcode: int) -> None:
    wire, peer = link(role)
    mask = 0x80 if role is Role.SERVER else 0
    assert closed_with(wire, peer, struct.pack("!BBQ", 0x80 | opcode, mask | 127, 1 << 40)) == 1009


def test_error_names_the_limit() -> None:
    wire, _ = link()
    _, error = refusal(reports(wire, frame(TEXT, b"x" * 1001)))
    assert "1000 bytes" in str(error)


@pytest.mark.parametrize("fragments", [1, 1000])
def test_long_binary_message_is_not_kept(fragments: int) -> None:
    size, count = 8 * 1024 * 1024, 0
    wire, _ = link(limit=size)
    first = frame(BINARY, bytes(size // fragments), fin=False)
    other = frame(CONTINUATION, bytes(size // fragments), fin=False)
    tracemalloc.start()
    try:
        for part in (first, *[other] * (fragments - 1)):
            for start in range(0, len(part), 65536):
                count += len(reports(wire, part[start : start + 65536]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 0
    assert peak < 1024 * 1024
    assert reports(wire, frame(CONTINUATION)) == [BinaryIgnored(size // fragments * fragments)]


def test_large_frame_in_one_read() -> None:
    wire, _ = link(limit=4 * 1024 * 1024)
    message = b"x" * (4 * 1024 * 1024)
    assert reports(wire, frame(TEXT, message) + frame(TEXT, b"y")) == [
        TextReceived(message),
        TextReceived(b"y"),
    ]


def test_many_tiny_fragments_are_one_message() -> None:
    wire, _ = link(limit=20_000)
    data = frame(TEXT, fin=False) + frame(CONTINUATION, b"x", fin=False) * 20_000
    assert reports(wire, data) == []
    assert reports(wire, frame(CONTINUATION)) == [TextReceived(b"x" * 20_000)]


# Violations


@BOTH
@pytest.mark.parametrize(
    ("code", "name", "data"),
    [
        (1002, "first reserved bit", (TEXT, b"", True, 0x40)),
        (1002, "second reserved bit", (TEXT, b"", True, 0x20)),
        (1002, "third reserved bit", (PING, b"", True, 0x10)),
        (1002, "unknown data opcode", (0x3, b"", True, 0)),
        (1002, "unknown control opcode", (0xB, b"", True, 0)),
        (1002, "fragment of a ping", (PING, b"", False, 0)),
        (1002, "ping too long", (PING, bytes(126), True, 0)),
        (1002, "continuation of nothing", (CONTINUATION, b"x", True, 0)),
        (1002, "close with half a code", (CLOSE, b"\x03", True, 0)),
        (1002, "close with code 999", (CLOSE, struct.pack("!H", 999), True, 0)),
        (1002, "close with code 1006", (CLOSE, struct.pack("!H", 1006), True, 0)),
        (1002, "close with code 2999", (CLOSE, struct.pack("!H", 2999), True, 0)),
        (1007, "close for a reason not UTF-8", (CLOSE, b"\x03\xe8\xff", True, 0)),
        (1007, "text not UTF-8", (TEXT, b"a\xff", True, 0)),
        (1007, "text that ends within a character", (TEXT, b"\xe2\x82", True, 0)),
        (1007, "text with a surrogate", (TEXT, b"\xed\xa0\x80", False, 0)),
    ],
)
def test_violation_is_answered_with_its_code(
    role: Role, code: int, name: str, data: tuple[int, bytes, bool, int]
) -> None:
    wire, peer = link(role)
    opcode, payload, fin, reserved = data
    bad = frames_for(role)(opcode, payload, fin=fin, reserved=reserved)
    assert closed_with(wire, peer, bad) == code, name


@BOTH
def test_wrong_mask_is_a_violation(role: Role) -> None:
    wire, peer = link(role)
    assert closed_with(wire, peer, frame(TEXT, b"x", masked=role is Role.CLIENT)) == 1002


def test_new_message_within_another_is_a_violation() -> None:
    wire, peer = link()
    assert reports(wire, frame(TEXT, b"a", fin=False)) == []
    assert closed_with(wire, peer, frame(TEXT, b"b")) == 1002


@pytest.mark.parametrize("length", [b"\x7e\x00\x05", b"\x7f" + bytes(7) + b"\x05", b"\x7f\xff"])
def test_length_in_a_needless_form_is_a_violation(length: bytes) -> None:
    wire, peer = link()
    assert closed_with(wire, peer, b"\x81" + length.ljust(9, b"\x00")) == 1002


def test_what_came_before_a_violation_is_reported() -> None:
    wire, _ = link()
    first, *rest = reports(wire, frame(TEXT, b"good") + frame(0x3) + frame(TEXT, b"late"))
    assert first == TextReceived(b"good")
    assert "opcode" in str(refusal(rest)[1])


@BOTH
def test_first_failure_is_the_last_event(role: Role) -> None:
    wire, peer = link(role)
    assert reports(wire, frames_for(role)(0x3))
    assert reports(wire, peer.send_text(b"late")) == []
    assert reports(wire, peer.close()) == []
    assert wire.receive_eof() == []
    assert wire.send_text(b"x") == wire.close() == b""
    assert wire.state is WireState.FAILED


def test_violation_behind_our_close_is_not_answered() -> None:
    wire, _ = link()
    wire.close()
    assert "opcode" in str(failure(reports(wire, frame(0x3))))


# The closing handshake


@BOTH
def test_our_close_is_answered(role: Role) -> None:
    wire, peer = link(role)
    request_to_close = wire.close(4000, "enough")
    assert wire.state is WireState.CLOSING
    answer, closed = reports(peer, request_to_close)
    assert closed == PeerClosed(4000, "enough")
    assert isinstance(answer, BytesToSend)
    assert reports(wire, answer.data) == [PeerClosed(4000, "enough")]
    assert wire.state is peer.state is WireState.CLOSED


@BOTH
def test_close_without_a_code_is_1005(role: Role) -> None:
    wire, peer = link(role)
    answer, closed = reports(wire, frames_for(role)(CLOSE))
    assert closed == PeerClosed(1005, "")
    assert isinstance(answer, BytesToSend)
    peer.close()
    assert reports(peer, answer.data) == [PeerClosed(1005, "")]


def test_both_may_close_at_once() -> None:
    client, server = link()
    from_client, from_server = client.close(1001), server.close(1000)
    assert reports(client, from_server) == [PeerClosed(1000, "")]
    assert reports(server, from_client) == [PeerClosed(1001, "")]


@BOTH
def test_what_comes_behind_a_close_is_ignored(role: Role) -> None:
    wire, _ = link(role)
    make = frames_for(role)
    assert len(reports(wire, make(CLOSE) + make(TEXT, b"late") + b"\xff")) == 2
    assert reports(wire, make(TEXT, b"later")) == []
    assert wire.receive_eof() == []


def test_messages_still_arrive_behind_our_close_but_pings_are_not_answered() -> None:
    wire, _ = link()
    wire.close()
    assert reports(wire, frame(PING) + frame(TEXT, b"late")) == [TextReceived(b"late")]


def test_second_close_says_nothing() -> None:
    wire, _ = link()
    assert wire.close()
    assert wire.close() == b""


def test_close_before_the_upgrade_says_nothing() -> None:
    for wire in (Wire(Role.CLIENT, host=HOST), asking(), Wire(Role.SERVER)):
        before = wire.state
        assert wire.close() == b""
        assert wire.state is before


@pytest.mark.parametrize("code", [0, -1, 999, 1004, 1005, 1006, 1015, 2999, 5000, 70_000])
def test_code_that_may_not_be_sent_is_misuse(code: int) -> None:
    wire, _ = link()
    with pytest.raises(LocalProtocolError, match=str(code)):
        wire.close(code)
    assert wire.state is WireState.OPEN


def test_long_reason_is_cut_between_characters() -> None:
    wire, peer = link()
    closed = reports(peer, wire.close(1000, "€" * 50))[-1]
    assert closed == PeerClosed(1000, "€" * 41)


def test_reason_that_is_not_unicode_is_sent_all_the_same() -> None:
    wire, peer = link()
    assert reports(peer, wire.close(1000, "a\ud800"))[-1] == PeerClosed(1000, "a?")


def test_answers_to_a_peer_that_has_left_in_the_same_read_say_nothing() -> None:
    wire, peer = link()
    text, _, closed = reports(wire, peer.send_text(b"question") + peer.close(1001))
    assert (text, closed) == (TextReceived(b"question"), PeerClosed(1001, ""))
    assert wire.send_text(b"answer") == b""


# The end of file


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 101 Switch"])
def test_end_of_file_during_the_upgrade_is_a_failure(begun: bytes) -> None:
    for wire in (asking(), Wire(Role.SERVER)):
        assert reports(wire, begun) == []
        assert "during the upgrade" in str(failure(wire.receive_eof()))
        assert wire.receive_eof() == []


def test_end_of_file_before_the_request_is_a_failure() -> None:
    client = Wire(Role.CLIENT, host=HOST)
    assert "during the upgrade" in str(failure(client.receive_eof()))


def test_end_of_file_before_the_answer_is_a_failure() -> None:
    server = Wire(Role.SERVER)
    reports(server, request())
    assert "during the upgrade" in str(failure(server.receive_eof()))
    assert server.accept() == server.refuse(403, "too late") == b""


@BOTH
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("cut", [0, 2])
def test_end_of_file_within_a_message_is_a_failure(role: Role, opcode: int, cut: int) -> None:
    wire, _ = link(role)
    data = frames_for(role)(opcode, b"abcd", fin=cut > 0)
    assert reports(wire, data[: len(data) - cut]) == []
    assert "middle of a message" in str(failure(wire.receive_eof()))


@BOTH
def test_end_of_file_between_messages_is_an_abnormal_close(role: Role) -> None:
    wire, peer = link(role)
    reports(wire, peer.send_text(b"one"))
    (closed,) = wire.receive_eof()
    assert isinstance(closed, PeerClosed)
    assert closed.code == 1006
    assert wire.state is WireState.CLOSED
    assert wire.receive_eof() == reports(wire, b"x") == []


def test_end_of_file_instead_of_an_answer_to_our_close() -> None:
    wire, _ = link()
    wire.close()
    reports(wire, frame(TEXT, b"half", fin=False))
    assert [type(event) for event in wire.receive_eof()] == [PeerClosed]


# Misuse


@pytest.mark.parametrize("action", ["open", "accept", "refuse", "send"])
@pytest.mark.parametrize("state", ["new", "upgrading", "requested", "open", "closing"])
def test_methods_out_of_turn_raise_at_once(state: str, action: str) -> None:
    requested, (opened, _), (closing, _) = Wire(Role.SERVER), link(), link(Role.SERVER)
    reports(requested, request())
    closing.close()
    wires = [Wire(Role.CLIENT, host=HOST), asking(), requested, opened, closing]
    wire = {wire.state.value: wire for wire in wires}[state]
    actions: dict[str, Callable[[], bytes]] = {
        "open": wire.open,
        "accept": wire.accept,
        "refuse": lambda: wire.refuse(403, "no"),
        "send": lambda: wire.send_text(b"x"),
    }
    in_turn = {("new", "open"), ("requested", "accept"), ("requested", "refuse"), ("open", "send")}
    if (state, action) in in_turn:
        assert actions[action]()
    else:
        with pytest.raises(LocalProtocolError, match=f"cannot {action}: .* is {state}"):
            actions[action]()
        assert wire.state.value == state


def test_message_that_is_not_utf8_is_misuse() -> None:
    wire, peer = link()
    with pytest.raises(LocalProtocolError, match="UTF-8"):
        wire.send_text(b"\xff")
    assert reports(peer, wire.send_text(b"fine")) == [TextReceived(b"fine")]


def test_the_codes_that_may_be_sent_are_those_of_wsproto() -> None:
    assert frozenset(CloseReason) - frozenset(LOCAL_ONLY_CLOSE_REASONS) == CLOSE_CODES
