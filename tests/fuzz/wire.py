"""Fuzzed bytes into a `Wire`: nothing raises, no split matters, and the end is the end."""

from __future__ import annotations

from typing import Final

from relay_proto.wire.websocket import (
    PeerClosed,
    Role,
    TextReceived,
    WireEvent,
    WireFailed,
)
from tests.fuzz.source import Source
from tests.property.wires import LIMIT, begun, comparable, exhaust, feed, frame, one_by_one, split

ACCEPT: Final = b"$ACCEPT"
"""Stands, in a fuzzed head, for what the client's random key asks the server to answer."""
FIRST: Final = bytes(
    (0x81, 0x01, 0x80, 0x00, 0x88, 0x89, 0x8A, 0x82, 0x02, 0xC1, 0x91, 0x83, 0x08, 0x8B, 0xA1, 0xFF)
)
"""How frames begin: in order, and from 0xC1 on not."""


def client(data: bytes) -> None:
    """A client's wire."""
    _run(Role.CLIENT, data)


def server(data: bytes) -> None:
    """A server's wire."""
    _run(Role.SERVER, data)


def _run(role: Role, data: bytes) -> None:
    source = Source(data)
    header = source.byte()
    fuzzed_head, closes, bytewise = header & 1, header & 6 == 6, header & 8
    head = source.take(source.byte() + source.byte()) if fuzzed_head else None
    stream, cuts = _stream(role, source)
    expected, events = _receive(role, head, stream, [], closes=closes)
    _check(events)
    at = range(len(head or b"") + len(stream)) if bytewise else cuts
    pieces, _ = _receive(role, head, stream, at, closes=closes)
    assert pieces == expected, "a split changed what was received"


def _stream(role: Role, source: Source) -> tuple[bytes, list[int]]:
    """What follows the upgrade, and where to cut it."""
    stream, cuts = b"", list[int]()
    while source:
        kind = source.byte()
        if kind < 16:
            stream += source.blob()
        elif kind < 24:
            cuts.append(max(0, len(stream) - source.byte()))
        else:
            stream += frame(role, FIRST[kind % 16], source.blob(), wrong_mask=kind >= 250)
    return stream, cuts


def _receive(
    role: Role, head: bytes | None, stream: bytes, cuts: list[int] | range, *, closes: bool
) -> tuple[list[object], list[WireEvent]]:
    wire, upgrade = begun(role)
    first = upgrade if head is None else head.replace(ACCEPT, _accept_token(role, upgrade))
    before = list[WireEvent]()
    if head is None:
        before, first = feed(wire, first), b""
        assert not closes or wire.close(1000)
    events, states = list[WireEvent](), list[object]()
    for chunk in split(first + stream, cuts):
        for event in one_by_one(wire, chunk):
            events.append(event)
            states.append(wire.state)  # what it is while its owner acts on the event
    events = [*before, *events, *wire.receive_eof()]
    exhaust(wire)
    return comparable(role, events) + states, events


def _accept_token(role: Role, upgrade: bytes) -> bytes:
    if role is Role.SERVER:
        return b""
    lines = upgrade.lower().splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith(b"sec-websocket-accept"))
    return upgrade.splitlines()[number].partition(b":")[2].strip()


def _check(events: list[WireEvent]) -> None:
    ends = [event for event in events if isinstance(event, PeerClosed | WireFailed)]
    assert ends == events[-1:], "the end comes once, and last"
    for event in events:
        if isinstance(event, TextReceived):
            repaired = event.data.decode(errors="replace").encode()
            assert event.data == repaired, "a text is UTF-8"
            assert len(event.data) <= LIMIT
    assert all(len(str(end)) < 2000 for end in ends), "the peer's words are bounded"
