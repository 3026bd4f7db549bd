"""Laws of `Wire`: round trip, any chunking, no exception, the limit, the latch."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay_proto.errors import RemoteProtocolError
from relay_proto.wire.websocket import (
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    Wire,
    WireEvent,
    WireFailed,
    WireState,
)
from tests.property.wires import (
    LIMIT,
    begun,
    comparable,
    exhaust,
    feed,
    frame,
    one_by_one,
    opened,
    reports,
    split,
)

roles: Final = st.sampled_from(Role)
opcodes: Final = st.sampled_from([0, 0, 1, 1, 1, 2, 8, 9, 10, 3, 11])
texts: Final = st.text(max_size=40).map(str.encode)
payloads: Final = st.one_of(texts, texts, st.binary(max_size=150), st.just(b"x" * 200))
codes: Final = st.sampled_from([999, 1000, 1001, 1005, 1006, 1009, 1016, 3000, 4999, 5000])
cuts: Final = st.lists(st.integers(0, 600), max_size=12)

HEADS: Final = [
    "GET / HTTP/1.1",
    "HEAD / HTTP/1.1",
    "GET / HTTP/1.0",
    "HTTP/1.1 101 Switching Protocols",
    "HTTP/1.1 404 Not here",
    "HTTP/1.1 100 Go on",
    "SSH-2.0-x",
    "",
]
HEADERS: Final = [
    "Host: a",
    "Host: xn--99999",
    "Host: \xff",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Connection: \xff",
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Version: 8",
    "Sec-WebSocket-Protocol: \xff",
    "Content-Length: 3",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    " folded",
    "no header",
]
UPGRADE: Final = [HEADERS[index] for index in (0, 3, 4, 6, 7)]


@st.composite
def frames(draw: st.DrawFn, role: Role) -> bytes:
    """One frame: mostly in order, now and then not."""
    opcode = draw(opcodes)
    payload = draw(payloads)
    if opcode == 8:
        payload = draw(st.sampled_from([b"", b"\x03", struct.pack("!H", draw(codes)) + payload]))
    rarely = st.integers(0, 19).map(lambda number: number == 0)
    fin = 0x80 if draw(st.booleans()) or opcode > 2 else 0
    reserved = 0x40 if draw(rarely) else 0
    return frame(role, fin | reserved | opcode, payload, wrong_mask=draw(rarely))


def streams(role: Role) -> st.SearchStrategy[bytes]:
    """What may follow the upgrade, towards a wire of this role."""
    pieces = st.lists(frames(role), max_size=8).map(b"".join)
    return st.tuples(pieces, st.one_of(st.just(b""), st.binary(max_size=20))).map(b"".join)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """What may come in place of an upgrade."""
    base = draw(st.sampled_from([UPGRADE, []]))
    lines = draw(st.permutations([*base, *draw(st.lists(st.sampled_from(HEADERS), max_size=3))]))
    end = draw(st.sampled_from(["\r\n\r\n", "\n\n", "\r\n"]))
    newline = draw(st.sampled_from(["\r\n", "\n"]))
    return (newline.join([draw(st.sampled_from(HEADS)), *lines]) + end).encode("latin-1")


@given(messages=st.lists(texts, max_size=8), role=roles, at=cuts)
@settings(max_examples=100)
def test_messages_arrive_as_they_were_sent_in_any_chunking(
    messages: list[bytes], role: Role, at: list[int]
) -> None:
    sender = opened(role)
    receiver = opened(Role.SERVER if role is Role.CLIENT else Role.CLIENT)
    data = b"".join(sender.send_text(message) for message in messages)
    received = [event for chunk in split(data, at) for event in receiver.receive(chunk)]
    assert received == [TextReceived(message) for message in messages]


@given(data=st.data(), role=roles, at=cuts, leaves=st.none() | st.integers(0, 8))
@settings(max_examples=200)
def test_chunking_changes_nothing(
    data: st.DataObject, role: Role, at: list[int], leaves: int | None
) -> None:
    tail = data.draw(streams(role))
    events, states = told(role, tail, [], leaves)
    for cut_at in (at, range(600)):
        others, their_states = told(role, tail, cut_at, leaves)
        assert comparable(role, others) == comparable(role, events)
        assert their_states == states


def told(
    role: Role, tail: bytes, at: Sequence[int], leaves: int | None
) -> tuple[list[WireEvent], list[WireState]]:
    """The reports of a wire, and its state while its owner acts on each of them.

    The owner closes at the report with the number `leaves`.
    """
    wire, upgrade = begun(role)
    events: list[WireEvent] = []
    states: list[WireState] = []
    for chunk in split(upgrade + tail, at):
        for event in one_by_one(wire, chunk):
            events.append(event)
            states.append(wire.state)
            if len(events) == leaves:
                wire.close()
    return events + wire.receive_eof(), [*states, wire.state]


@given(role=roles, head=heads(), tail=st.binary(max_size=40), at=cuts)
@settings(max_examples=200)
@example(role=Role.SERVER, head=b"\r\nGET / HTTP/1.1\r\n\r\n", tail=b"", at=[])
@example(role=Role.CLIENT, head=b"\n", tail=b"\nHTTP/1.1 101 x\n\n", at=[1])
def test_chunking_of_a_head_changes_nothing(
    role: Role, head: bytes, tail: bytes, at: list[int]
) -> None:
    whole, _ = begun(role)
    expected = feed(whole, head + tail) + whole.receive_eof()
    wire, _ = begun(role)
    events = [event for chunk in split(head + tail, at) for event in feed(wire, chunk)]
    assert comparable(role, events + wire.receive_eof()) == comparable(role, expected)


def prepare(role: Role, state: WireState) -> Wire:
    """A wire of this role in this state, or in the nearest one that its role has."""
    match state:
        case WireState.NEW:
            return Wire(role, host="a", max_message_bytes=LIMIT)
        case WireState.UPGRADING:
            return begun(role)[0]
        case WireState.REQUESTED:
            wire, upgrade = begun(role)
            reports(wire, upgrade)
            return wire
        case WireState.CLOSED:
            wire = opened(role)
            wire.receive_eof()
            return wire
        case WireState.CLOSING:
            wire = opened(role)
            wire.close()
            return wire
        case _:
            return opened(role)


@given(
    role=roles,
    state=st.sampled_from(WireState),
    chunks=st.lists(st.one_of(st.binary(max_size=60), heads()), max_size=5),
)
@settings(max_examples=200)
def test_no_bytes_in_any_state_raise(role: Role, state: WireState, chunks: list[bytes]) -> None:
    wire = prepare(role, state)
    for chunk in chunks:
        feed(wire, chunk)
    exhaust(wire)


@given(data=st.data(), role=roles)
@settings(max_examples=150)
def test_no_frames_raise_and_the_first_end_is_the_last_event(
    data: st.DataObject, role: Role
) -> None:
    wire = opened(role)
    events: list[WireEvent] = []
    for chunk in data.draw(st.lists(streams(role), max_size=4)):
        ended = wire.state in {WireState.CLOSED, WireState.FAILED}
        received = reports(wire, chunk)
        assert not (ended and received)
        events += received
    events += wire.receive_eof()
    ends = [event for event in events if isinstance(event, PeerClosed | WireFailed)]
    assert ends == events[-1:]
    exhaust(wire)


@given(
    role=roles,
    opcode=st.sampled_from([1, 2]),
    sizes=st.lists(st.integers(0, 120), min_size=1, max_size=8),
    at=cuts,
)
@settings(max_examples=200)
@example(role=Role.SERVER, opcode=1, sizes=[100, 100, 100], at=[107, 108, 109])
@example(role=Role.SERVER, opcode=2, sizes=[100, 100, 101], at=list(range(600)))
def test_limit_holds_exactly(role: Role, opcode: int, sizes: list[int], at: list[int]) -> None:
    wire = opened(role)
    last = len(sizes) - 1
    message = b"".join(
        frame(role, (0x80 if n == last else 0) | (opcode if n == 0 else 0), b"x" * size)
        for n, size in enumerate(sizes)
    )
    events = [event for chunk in split(message, at) for event in wire.receive(chunk)]
    if sum(sizes) <= LIMIT:
        assert len(events) == 1
        assert wire.state is WireState.OPEN
    else:
        answer, failed = events
        assert isinstance(answer, BytesToSend)
        assert isinstance(failed, WireFailed)
        assert isinstance(failed.error, RemoteProtocolError)
        assert f"{LIMIT} bytes" in str(failed.error)
