"""The short path for text frames means what wsproto means, and a fault in it is found."""

from __future__ import annotations

import random
import struct
from contextlib import nullcontext
from operator import attrgetter
from typing import Final

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from relay_proto.wire import short_path as fastpath
from relay_proto.wire.long_path import LongPath
from relay_proto.wire.short_path import (
    LONGEST,
    SHORTEST_IN_TWO,
    TABULATED,
    Splitter,
    frame_lengths,
)
from relay_proto.wire.websocket import (
    BytesToSend,
    Role,
    TextReceived,
    Wire,
    WireEvent,
    WireFailed,
    WireState,
)
from tests.faults import seams
from tests.faults.registry import FAULTS, Fault, Law
from tests.faults.seams import Function
from tests.property.test_wire_laws import cuts, roles
from tests.property.wires import KEY, LIMIT, begun, comparable, feed, frame, reports, split, xor

texts: Final = st.one_of(
    st.text(max_size=40).map(str.encode),
    st.text("aé€😀", min_size=30, max_size=90).map(str.encode),
    st.integers(110, 140).map(lambda size: b"x" * size),
    st.integers(LIMIT - 2, LIMIT + 2).map(lambda size: b"x" * size),
    st.sampled_from(
        [b"\xed\xa0\x80", b"\xc3", b"\xe2\x82", b"\xff", b"\xc0\x80", b"\xf4\x90\x80\x80"]
    ),
    st.binary(max_size=150),
)
rarely: Final = st.integers(0, 14).map(lambda number: number == 0)


@st.composite
def frames(draw: st.DrawFn, role: Role) -> bytes:
    """A frame towards a wire of this role: half of them ordinary, and every rule broken."""
    payload = draw(texts)
    first = 0x81
    if draw(st.booleans()):
        first = draw(st.sampled_from([0x81, 0x01, 0x00, 0x80, 0x82, 0x02, 0x89, 0x8A, 0x88, 0x83]))
    if first & 0x0F == 8 and draw(st.booleans()):
        payload = struct.pack("!H", draw(st.sampled_from([1000, 1005, 3000, 999]))) + payload
    if first & 0x0F > 7 and not draw(rarely):
        payload = payload[:125]
    first |= draw(st.sampled_from([0x40, 0x20, 0x10])) if draw(rarely) else 0
    masked = (role is Role.SERVER) is not draw(rarely)
    size = len(payload) + (draw(st.integers(-3, 3)) if draw(rarely) else 0)
    shortest = 0 if size < 126 else 2
    form = draw(st.sampled_from([0, 2, 8])) if draw(rarely) else shortest
    bit = 0x80 if masked else 0
    match form:
        case 0:
            length = bytes([bit | max(0, min(size, 125))])
        case 2:
            length = struct.pack("!BH", bit | 126, max(0, size))
        case _:
            length = struct.pack("!BQ", bit | 127, max(0, size))
    return bytes([first]) + length + (KEY + xor(payload, KEY) if masked else payload)


def streams(role: Role) -> st.SearchStrategy[bytes]:
    """What may follow the upgrade; the last frame may be cut off."""
    whole = st.lists(frames(role), max_size=10).map(b"".join)
    return st.tuples(whole, st.integers(0, 40)).map(lambda pair: pair[0][: len(pair[0]) - pair[1]])


def all_through_wsproto(
    original: Function, self: Splitter, *, inside_message: bool
) -> tuple[list[bytes], bytes]:
    """What a wire does in place of the short path, to be compared with it."""
    return [], self.rest()


def opened(role: Role) -> Wire:
    wire, upgrade = begun(role)
    feed(wire, upgrade)
    return wire


def all_events(
    role: Role, chunks: list[bytes], *, short: bool, close: bool = False
) -> list[object]:
    """What a wire says to these chunks and to the end of the stream behind them."""
    with nullcontext() if short else seams.SPLIT.replaced(all_through_wsproto):
        wire = opened(role)
        if close:
            wire.close(1000)
        events = [event for chunk in chunks for event in wire.receive(chunk)]
        return comparable(role, events + wire.receive_eof())


def check_equal(role: Role, stream: bytes, at: list[int]) -> None:
    chunks = split(stream, at)
    expected = all_events(role, chunks, short=False)
    assert all_events(role, chunks, short=True) == expected


def test_a_continuation_of_nothing_is_one_however_long_the_last_message_was() -> None:
    for role in Role:
        stream = frame(role, 0x81, b"x" * LIMIT) + frame(role, 0x80, b"abc")
        check_equal(role, stream, [])
        _, failed = reports(opened(role), stream)[1:]
        assert isinstance(failed, WireFailed)
        assert "unexpected CONTINUATION" in str(failed.error)


@given(data=st.data(), role=roles, at=cuts)
@settings(max_examples=400)
def test_the_short_path_means_what_wsproto_means(
    data: st.DataObject, role: Role, at: list[int]
) -> None:
    check_equal(role, data.draw(streams(role)), at)


@given(data=st.data(), role=roles)
@settings(max_examples=60)
def test_byte_by_byte_too(data: st.DataObject, role: Role) -> None:
    stream = data.draw(streams(role))
    check_equal(role, stream, list(range(len(stream))))


@given(data=st.data(), role=roles, at=cuts, before=st.sampled_from([b"\x89\x00", b"\x01\x01a"]))
@settings(max_examples=100)
def test_it_is_equal_behind_our_own_close_frame(
    data: st.DataObject, role: Role, at: list[int], before: bytes
) -> None:
    chunks = split(before + data.draw(streams(role)), at)
    expected = all_events(role, chunks, short=False, close=True)
    assert all_events(role, chunks, short=True, close=True) == expected


borders: Final = st.sampled_from(
    [
        bytes(32 + place % 95 for place in range(border + more))
        for border in (SHORTEST_IN_TWO, TABULATED, LONGEST)
        for more in range(-4, 5)
    ]
)
"""Texts about as long as the shortest or longest ones that are sent in one of the ways."""


@given(role=roles, message=st.one_of(texts, borders))
@settings(max_examples=150)
@example(role=Role.CLIENT, message=b"")
def test_what_is_sent_is_what_wsproto_would_send(role: Role, message: bytes) -> None:
    if not fastpath.is_utf8(message):
        return
    plain, upgrade = begun(role)
    feed(plain, upgrade)
    short = keyed(role)
    sent = [wire.send_text(message) for wire in (plain, short)]
    unmasked = [without_key(data) for data in sent]
    assert unmasked[0] == unmasked[1]
    peer = Role.SERVER if role is Role.CLIENT else Role.CLIENT
    receiver = opened(peer)
    if len(message) <= LIMIT:
        assert reports(receiver, sent[1]) == [TextReceived(message)]


def keyed(role: Role) -> Wire:
    """An open wire whose masking keys are drawn from a source of its own."""
    server = Wire(Role.SERVER)
    client = Wire(Role.CLIENT, host="a", random=random.Random(1))
    reports(server, client.open())
    reports(client, server.accept())
    return client if role is Role.CLIENT else server


def without_key(data: bytes) -> bytes:
    lengths = frame_lengths(data)
    assert lengths is not None
    header, _ = lengths
    if not data[1] & 0x80:
        return data
    key = data[header - 4 : header]
    return data[: header - 4] + xor(data[header:], key)


def test_no_two_frames_have_the_same_key() -> None:
    client = keyed(Role.CLIENT)
    keys = [client.send_text(b"")[2:6] for _ in range(3 * fastpath.KEYS_AT_ONCE)]
    assert len(set(keys)) == len(keys)


def test_without_the_short_path_means_through_wsproto() -> None:
    """The reference is what it says: else both sides of the comparison were the same."""
    seen: list[bytes] = []

    def receive(original: Function, self: LongPath, data: bytes) -> list[WireEvent]:
        seen.append(data)
        return []

    with seams.LONG_PATH.replaced(receive):
        assert reports(opened(Role.CLIENT), b"\x81\x01a") == [TextReceived(b"a")]
        assert not seen
        with seams.SPLIT.replaced(all_through_wsproto):
            assert reports(opened(Role.CLIENT), b"\x81\x01a") == []
        assert seen == [b"\x81\x01a"]


@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if Law.SHORT_PATH in fault.laws],
    ids=attrgetter("name"),
)
def test_a_planted_fault_is_found(fault: Fault) -> None:
    @given(data=st.data(), role=roles, at=cuts)
    @settings(max_examples=4_000, database=None, phases=[Phase.generate], derandomize=True)
    def law(data: st.DataObject, role: Role, at: list[int]) -> None:
        check_equal(role, data.draw(streams(role)), at)

    with fault.planted(), pytest.raises(AssertionError):
        law()


def test_the_state_is_the_same_behind_a_violation() -> None:
    wire = opened(Role.CLIENT)
    answer, failed = reports(wire, b"\x81\x01a\xc1\x01a")[1:]
    assert isinstance(answer, BytesToSend)
    assert isinstance(failed, WireFailed)
    assert wire.state is WireState.FAILED
