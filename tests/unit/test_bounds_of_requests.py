"""How many requests may wait, one more and one less: a client's own have more room."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay_proto import Limits
from relay_proto.api import commands as c
from relay_proto.errors import RequestQueueFullError
from relay_proto.outputs import Dropped
from relay_proto.pending import Pending
from relay_proto.rpc.frames import encode_request
from tests.unit.client_peer import Peer

PROGRAM, OWN = 3, 5
"""Such that no other operation on the two numbers makes what their sum is."""


def passed(peer: Peer, count: int) -> int:
    """Offer so many calls, which nobody takes; how many are not passed back."""
    peer.forget()
    for number in range(count):
        peer.event("calling.call.receive", call_id=f"c-{number}", node_id="n-1")
    return len(peer.all(Dropped))


@pytest.mark.parametrize(
    ("name", "writable"), [("pending_requests", True), ("queued_requests", False)]
)
def test_a_clients_own_requests_have_so_much_more_room(name: str, writable: bool) -> None:
    limits = {name: PROGRAM, "active_calls": OWN}
    peer = Peer(limits=Limits(**limits))
    peer.connect()
    peer.core.accepting_calls = False
    if not writable:
        peer.ask("signalwire.disconnect")
    for number in range(PROGRAM):
        peer.execute(c.execute("what", {"n": number}))
    with pytest.raises(RequestQueueFullError) as caught:
        peer.execute(c.execute("more", {}))
    assert (caught.value.name, caught.value.limit) == (name, PROGRAM)
    assert passed(peer, OWN) == 0
    assert passed(peer, 1) == 1
    with pytest.raises(RequestQueueFullError):
        peer.execute(c.execute("what", {}))  # nor is there room when the limit is passed


def size(text: str) -> int:
    """The bytes of the request that asks for this."""
    return len(encode_request("0" * 36, "what", {"text": text}))


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 60), max_size=8),
    st.lists(st.integers(0, 7), max_size=3),
    st.integers(-1, 1),
)
def test_a_queue_takes_exactly_so_many_bytes(
    lengths: list[int], cancelled: list[int], spare: int
) -> None:
    limit = sum(size("x" * length) for length in lengths[:4]) + spare
    limits = Limits(queued_bytes=max(1, limit))
    peer = Peer.waiting(limits=limits)
    waiting: dict[int, Pending[Any]] = {}
    for number, length in enumerate(lengths):
        room = sum(size("x" * lengths[one]) for one in waiting)
        command = c.execute("what", {"text": "x" * length})
        if room + size("x" * length) <= limits.queued_bytes:
            waiting[number] = peer.execute(command)
        else:
            with pytest.raises(RequestQueueFullError, match="queued_bytes"):
                peer.execute(command)
        for one in cancelled:
            if one + 1 == number and one in waiting:
                peer.cancel(waiting.pop(one))
    peer.connect()
    assert len(peer.requests) == len(waiting)
    assert peer.core.queued_requests == 0
