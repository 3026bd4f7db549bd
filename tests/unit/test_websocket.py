"""`Wire`: where exactly its limits are, and what is the default of what."""

from __future__ import annotations

import struct
from typing import Final

import pytest

from relay_proto.errors import LocalProtocolError
from relay_proto.wire.websocket import (
    BytesToSend,
    PeerClosed,
    Role,
    Upgraded,
    UpgradeRequested,
    Wire,
    WireEvent,
    WireFailed,
)
from tests.property.wires import reports

REQUEST: Final = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LONGEST_HEAD: Final = 16 * 1024
MEBIBYTE: Final = 1024 * 1024


def asking() -> tuple[Wire, bytes]:
    """A client whose request is on its way, and the answer that accepts it."""
    client, server = Wire(Role.CLIENT, host="a"), Wire(Role.SERVER)
    reports(server, client.open())
    return client, server.accept()


def opened(limit: int) -> Wire:
    client = Wire(Role.CLIENT, host="a", max_message_bytes=limit)
    server = Wire(Role.SERVER)
    reports(server, client.open())
    assert reports(client, server.accept()) == [Upgraded()]
    return client


def error(events: list[WireEvent]) -> str:
    """Why a wire has failed."""
    assert isinstance(events[-1], WireFailed)
    return str(events[-1].error)


def padded(head: bytes, size: int) -> bytes:
    """A head with one more field, which makes it as long as this."""
    return head[:-2] + b"X: " + b"x" * (size - len(head) - 5) + b"\r\n\r\n"


# Heads


@pytest.mark.parametrize("before", [b"", INTERIM])
def test_an_answer_may_be_as_long_as_the_limit(before: bytes) -> None:
    for size, fits in ((LONGEST_HEAD, True), (LONGEST_HEAD + 1, False)):
        for cut in (0, 1):
            client, answer = asking()
            head = padded(answer, size)
            assert len(head) == size
            events = reports(client, before + head[: size - cut])
            if fits:
                assert events + reports(client, head[size - cut :]) == [Upgraded()]
            elif cut:
                assert events == []
                assert "longer than" in error(reports(client, head[size - cut :]))
            else:
                assert "longer than" in error(events)


def test_a_head_without_an_end_fails_one_byte_behind_the_limit() -> None:
    for wire in (asking()[0], Wire(Role.SERVER)):
        assert reports(wire, b"x" * LONGEST_HEAD) == []
        assert "longer than" in error(reports(wire, b"x"))


@pytest.mark.parametrize("end", [b"\n\n", b"\n\r\n"])
def test_an_empty_head_fails_at_once(end: bytes) -> None:
    for wire, before in ((asking()[0], b""), (asking()[0], INTERIM), (Wire(Role.SERVER), b"")):
        assert "upgrade failed" in error(reports(wire, before + end))
    for begun in (b"", b"x", b"xx", b"xxx", b"xxxx"):
        server = Wire(Role.SERVER)
        assert reports(server, begun + end[:-1]) == []
        assert "upgrade failed" in error(reports(server, end[-1:]))


@pytest.mark.parametrize("end", [b"\n\n", b"\n\r\n"])
def test_the_end_of_a_head_is_found_however_it_is_split(end: bytes) -> None:
    request = REQUEST.replace(b"\r\n", b"\n")[:-2]
    for cut in range(len(end) + 1):
        server = Wire(Role.SERVER)
        events = reports(server, request + end[:cut]) + reports(server, end[cut:])
        assert events == [UpgradeRequested("a", "/")]


def test_only_a_busy_server_says_when_to_come_again() -> None:
    for status in (400, 428, 429, 430, 502, 503, 504, 599):
        events = reports(asking()[0], b"HTTP/1.1 %d x\r\nRetry-After: 7\r\n\r\n" % status)
        assert isinstance(events[-1], WireFailed)
        assert events[-1].error.status == status
        assert events[-1].error.retry_after == (7.0 if status in (429, 503) else None)


# Messages


def test_a_limit_of_nothing_lets_empty_messages_and_pings_pass() -> None:
    wire = opened(0)
    assert [type(event) for event in wire.receive(b"\x89\x01a\x82\x00")][:1] == [BytesToSend]
    assert "longer than 0 bytes" in error(reports(wire, b"\x82\x01"))


@pytest.mark.parametrize("before", [b"", b"\x02\x01a\x80\x01b"])
def test_a_continuation_of_nothing_is_one_up_to_the_limit(before: bytes) -> None:
    for size in (0, 99, 100, 101):
        wire = opened(100)
        words = error(reports(wire, before + b"\x80" + bytes([size]) + b"x" * size))
        assert ("longer than 100 bytes" if size > 100 else "CONTINUATION") in words


def test_a_message_may_have_ten_mebibytes() -> None:
    for size, fits in ((10 * MEBIBYTE, True), (10 * MEBIBYTE + 1, False)):
        client, answer = asking()
        events = reports(client, answer + b"\x82\x7f" + struct.pack(">Q", size))
        assert (events == [Upgraded()]) is fits


# Misuse, and defaults


def test_the_codes_with_which_a_program_may_close() -> None:
    allowed = {*range(1000, 1004), *range(1007, 1014), *range(3000, 5000)}
    wire = Wire(Role.SERVER)  # it is not open, so `close` says nothing
    near = (*range(990, 1030), *range(2990, 3010), *range(4990, 5010))
    for code in (-1000, 0, *near, 2**31):
        if code in allowed:
            assert wire.close(code) == b""
        else:
            with pytest.raises(LocalProtocolError, match=f"with code {code}:"):
                wire.close(code)


def test_the_statuses_with_which_a_server_may_refuse() -> None:
    server = Wire(Role.SERVER)
    reports(server, REQUEST)
    for status in (-400, 0, 101, 200, 399, 600, 4000):
        with pytest.raises(LocalProtocolError, match=f"status {status}:"):
            server.refuse(status, "no")
    for status in (400, 599):
        server = Wire(Role.SERVER)
        reports(server, REQUEST)
        assert server.refuse(status, "no").startswith(b"HTTP/1.1 %d " % status)


def test_a_close_without_arguments_is_a_normal_one() -> None:
    client, server = Wire(Role.CLIENT, host="a"), Wire(Role.SERVER)
    reports(server, client.open())
    reports(client, server.accept())
    assert reports(client, server.close())[-1] == PeerClosed(1000, "")
