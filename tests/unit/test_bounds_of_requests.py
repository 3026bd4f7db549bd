"""How many requests may wait, one more and one less, and what does not depend on that."""

from __future__ import annotations

from typing import Any, Final

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

PROGRAM: Final = 3
ROOM: Final = {"pending_requests": PROGRAM, "queued_requests": PROGRAM, "queued_bytes": 400}


@pytest.mark.parametrize(("writable", "name"), [(True, "pending_requests"), (False, "queued_")])
def test_what_a_program_has_filled_keeps_no_call_here(writable: bool, name: str) -> None:
    peer = Peer(limits=Limits(**ROOM))
    peer.connect()
    peer.core.accepting_calls = False
    if not writable:
        peer.ask("signalwire.disconnect")
    for number in range(PROGRAM):
        peer.execute(c.execute("what", {"n": number}))
    with pytest.raises(RequestQueueFullError, match=name):
        peer.execute(c.execute("more", {"n": 3}))
    peer.forget()
    for number in range(5):
        peer.event("calling.call.receive", call_id=f"c-{number}", node_id="n-1")
    if not writable:
        peer.cut()
        peer.reconnect(session_restored=True)
    passed = [frame["params"]["call_id"] for frame in peer.take_all("calling.pass")]
    assert passed == ["c-0", "c-1", "c-2", "c-3", "c-4"]
    assert peer.all(Dropped) == []
    with pytest.raises(RequestQueueFullError):
        peer.execute(c.execute("what", {"n": 4}))  # nor do they make room


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
