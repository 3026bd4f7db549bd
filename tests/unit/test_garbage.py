"""What is over is freed at once: the core leaves no cycle for the collection of garbage.

An error that somebody has raised has a traceback, whose frames refer to it. That is Python's own.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import pytest

from relay_proto.api import commands as c
from relay_proto.errors import RelayError, RequestTimeoutError
from tests.unit.client_peer import DEVICES, Peer, decide, error_of, leg

MANY: Final = 150
"""More than the outdated deadlines that are kept."""


def answered(peer: Peer, _number: int) -> None:
    pending = peer.execute(c.execute("some.method", {"number": 1}))
    peer.reply(peer.take("some.method"))
    assert pending.result()["code"] == "200"


def refused(peer: Peer, _number: int) -> None:
    pending = peer.execute(c.execute("some.method", {}))
    peer.refuse(peer.take("some.method"), 400)
    error_of(pending, RelayError)


def not_answered(peer: Peer, _number: int) -> None:
    pending = peer.execute(c.execute("some.method", {}, timeout=1.0))
    peer.take("some.method")
    peer.advance(2.0)
    for ping in peer.take_all("signalwire.ping"):
        peer.reply(ping)
    error_of(pending, RequestTimeoutError)


def cancelled(peer: Peer, _number: int) -> None:
    pending = peer.execute(c.execute("some.method", {}))
    peer.cancel(pending)
    peer.reply(peer.take("some.method"))


def called(peer: Peer, number: int) -> None:
    call_id = f"c-{number}"
    call = peer.offer(call_id)
    peer.execute_on(call, c.answer())
    peer.reply(peer.take("calling.answer"))
    peer.state(call_id, "answered")
    playing = peer.execute_on(call, c.play([], control_id="a-1"))
    peer.reply(peer.take("calling.play"))
    told = {"call_id": call_id, "node_id": "n-1", "control_id": "a-1"}
    peer.event("calling.call.play", state="finished", **told)
    assert playing.result().done.settled
    peer.state(call_id, "ended", end_reason="hangup")
    assert call.ended


def dialed(peer: Peer, number: int) -> None:
    call_id = f"c-{number}"
    pending = peer.execute(c.dial(DEVICES, tag="t-1"))
    peer.reply(peer.take("calling.dial"))
    leg(peer, call_id, "answered", node_id="n-2")
    decide(peer, "answered", call_id)
    assert pending.result().call_id == call_id
    leg(peer, call_id, "ended", node_id="n-2", end_reason="hangup")


def sent(peer: Peer, number: int) -> None:
    to, sender = "+15550003333", "+15550001111"
    command = c.send_message(to_number=to, from_number=sender, context="office", body="Hello")
    pending = peer.execute(command)
    peer.reply(peer.take("messaging.send"), {"code": "200", "message_id": f"m-{number}"})
    delivered = {"message_id": f"m-{number}", "message_state": "delivered"}
    peer.event("messaging.state", context="office", direction="outbound", **delivered)
    assert pending.result().done.settled


@contextmanager
def not_collected() -> Generator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def objects() -> Counter[str]:
    """How many objects there are of each class of the core."""
    kinds: list[type[object]] = [type(one) for one in gc.get_objects()]
    # What Cython makes of a function has a class whose `__module__` is no text.
    return Counter(
        kind.__qualname__ for kind in kinds if str(kind.__module__).startswith("relay_proto")
    )


@pytest.mark.parametrize(
    "happen", [answered, refused, not_answered, cancelled, called, dialed, sent]
)
def test_what_is_over_leaves_no_cycle(happen: Callable[[Peer, int], None]) -> None:
    peer = Peer()
    peer.connect()
    happen(peer, 0)
    peer.forget()
    with not_collected():
        before = objects()
        for number in range(MANY):
            happen(peer, number + 1)
            peer.forget()
        more = objects() - before
    assert {name: count for name, count in more.items() if count >= MANY} == {}
