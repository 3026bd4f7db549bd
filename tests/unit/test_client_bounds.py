"""Bounds: what the peer or the application can make grow has a limit, in count and in bytes."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections import deque
from typing import Any, cast

import pytest

from relay_proto import Limits
from relay_proto.api import commands as c
from relay_proto.errors import RemoteProtocolError, RequestQueueFullError
from relay_proto.outputs import (
    Dropped,
    EventReceived,
    Ignored,
    MessageChanged,
    OfferRefused,
    PeerViolation,
)
from relay_proto.rpc import action_kinds as kinds
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import decode_event, event_of
from relay_proto.rpc.frames import EventFrame, RequestFrame, decode_server_frame
from relay_proto.transitions import CallState
from tests.unit.client_peer import DEVICES, Peer, decide, dial, ends, error_of, leg, starting

LONG = "x" * 100_000


def connected(**limits: Any) -> Peer:
    peer = Peer(limits=Limits(**limits))
    peer.connect()
    return peer


def is_full(caught: pytest.ExceptionInfo[RequestQueueFullError], name: str, limit: int) -> bool:
    error = caught.value
    return (error.name, error.limit) == (name, limit) and f"Limits.{name}" in str(error)


def test_requests_that_wait_are_bounded_in_bytes() -> None:
    peer = Peer.waiting(limits=Limits(queued_bytes=250_000))
    first = peer.execute(c.execute("what", {"text": LONG}))
    peer.execute(c.execute("what", {"text": LONG}))
    with pytest.raises(RequestQueueFullError) as caught:
        peer.execute(c.execute("what", {"text": LONG}))
    assert is_full(caught, "queued_bytes", 250_000)
    peer.cancel(first)
    peer.execute(c.execute("what", {"text": LONG}))
    peer.connect()
    assert len(peer.take_all("what")) == 2
    peer.execute(c.execute("what", {"text": LONG * 3}))  # with a session nothing waits


def test_dials_are_bounded() -> None:
    peer = connected(dials=2)
    dials = [peer.execute(c.dial(DEVICES, tag=tag)) for tag in ("t-1", "t-2")]
    for request in peer.take_all("calling.dial"):
        peer.reply(request)
    with pytest.raises(RequestQueueFullError) as caught:
        peer.execute(c.dial(DEVICES, tag="t-3"))
    assert is_full(caught, "dials", 2)
    peer.cancel(dials[0])
    peer.execute(c.dial(DEVICES, tag="t-3"))


def test_the_actions_of_a_call_are_bounded() -> None:
    peer = connected(actions_per_call=2)
    call = peer.offer()
    for control_id in ("a-1", "a-2"):
        peer.execute_on(call, starting(kinds.PLAY, control_id))
    with pytest.raises(RequestQueueFullError) as caught:
        peer.execute_on(call, starting(kinds.PLAY, "a-3"))
    assert is_full(caught, "actions_per_call", 2)
    assert len(call.actions) == 2
    peer.execute_on(peer.offer("c-2"), starting(kinds.PLAY, "a-9"))


def test_contexts_are_bounded() -> None:
    peer = connected(contexts=3)  # one of them is "office"
    peer.execute(c.receive(["sales", "support"]))
    peer.reply(peer.take("signalwire.receive"))
    with pytest.raises(RequestQueueFullError) as caught:
        peer.execute(c.receive(["sales", "more"]))
    assert is_full(caught, "contexts", 3)
    peer.execute(c.receive(["sales"]))
    assert sorted(peer.core.contexts) == ["office", "sales", "support"]


def test_an_offer_that_is_too_long_is_passed_back() -> None:
    peer = connected()
    peer.event("calling.call.receive", call_id="c-1", node_id="n-1", device={"type": LONG})
    assert "too much data" in peer.last(OfferRefused).reason
    assert peer.last(OfferRefused).cause == "too_much_data"
    assert peer.take("calling.pass")["params"]["call_id"] == "c-1"
    assert peer.core.active_calls == 0


def test_of_a_long_event_a_call_keeps_the_state_alone() -> None:
    peer = connected()
    call = peer.offer()
    before = call.device
    peer.event("calling.call.state", call_id="c-1", call_state="answered", peer={"x": LONG})
    peer.event("calling.call.connect", call_id="c-1", connect_state="connected", peer={"x": LONG})
    assert peer.last(EventReceived).event.params["peer"] == {"x": LONG}, "listeners hear it whole"
    assert (call.state, call.device, call.peer) == ("answered", before, {})
    answered = peer.core.wait_for(call, CallState.ANSWERED, peer.now).result()
    peer.pump()
    assert answered.params == {"call_id": "c-1", "call_state": "answered"}
    peer.event("calling.call.state", call_id="c-1", call_state="ended", end_reason=LONG)
    assert (call.ended, call.end_reason) == (True, "")


def test_reports_of_unknown_messages_are_bounded_in_bytes() -> None:
    peer = connected(early_bytes=250_000)
    for number in range(3):
        peer.event("messaging.state", message_id=f"m-{number}", message_state="sent", body=LONG)
    assert "m-0" in peer.last(Ignored).reason
    peer.execute(c.send_message(to_number="+15550002222", from_number="+15550001111", body="x"))
    peer.reply(peer.take("messaging.send"), {"code": "200", "message_id": "m-2"})
    assert peer.last(MessageChanged).message.state == "sent"
    assert peer.last(MessageChanged).message.body == "x", "of a long report the state is kept"


def test_a_report_about_a_message_with_a_long_id_is_not_kept() -> None:
    peer = connected()
    before = _size_of_all(peer.core)
    peer.event("messaging.state", message_id=LONG, message_state="sent")
    assert "long id" in peer.last(Ignored).reason
    assert _size_of_all(peer.core) - before < len(LONG)


def test_a_message_with_a_long_id_is_not_followed() -> None:
    peer = connected()
    sending = c.send_message(to_number="+15550002222", from_number="+15550001111", body="x")
    sent = peer.execute(sending)
    peer.reply(peer.take("messaging.send"), {"code": "200", "message_id": LONG})
    error_of(sent.result().done, RemoteProtocolError)


@pytest.mark.parametrize("more", [{"device": {"type": LONG}}, {"node_id": LONG[:2000]}])
def test_legs_with_long_values_are_not_followed(more: dict[str, Any]) -> None:
    peer = connected()
    dialing = peer.execute(c.dial(DEVICES, tag="t-1"))
    leg(peer, "leg-1", "ringing", **more)
    assert "too long" in peer.last(Dropped).reason
    assert peer.core.active_calls == 0
    peer.cancel(dialing)


def test_legs_of_decided_dials_are_bounded() -> None:
    peer = connected(active_calls=3, dials=5)
    for number in range(10):  # and the server never tells their end
        pending = peer.execute(c.dial(DEVICES, tag=f"t-{number}"))
        peer.state(f"leg-{number}", "ringing", tag=f"t-{number}")
        peer.cancel(pending)
    assert peer.core.active_calls == 8
    assert peer.last(Dropped).reason == "dial t-9 has too many legs to follow leg-9"


def test_an_answer_with_a_long_id_decides_no_dial() -> None:
    peer = connected()
    pending = dial(peer)
    decide(peer, "answered", LONG)
    assert "without an id" in peer.last(PeerViolation).reason
    assert not pending.settled
    decide(peer, "answered", "leg-1", extra=LONG)
    assert pending.result().device == {}, "of a long event, the id alone is kept"


def test_a_stray_leg_with_a_long_id_is_not_remembered() -> None:
    peer = connected()
    pending = dial(peer)
    peer.cancel(pending)
    before = _size_of_all(peer.core)
    leg(peer, LONG, "ringing")
    assert _size_of_all(peer.core) - before < len(LONG)
    assert ends(peer) == []


def test_an_authorization_state_that_is_too_long_is_not_kept() -> None:
    peer = connected()
    before = _size_of_all(peer.core)
    peer.event("signalwire.authorization.state", authorization_state=LONG)
    assert "too long" in peer.last(PeerViolation).reason
    assert _size_of_all(peer.core) - before < len(LONG)


@pytest.mark.parametrize("usual", [True, False])
def test_an_event_does_not_keep_the_rest_of_its_message(usual: bool) -> None:
    """A short body points into the message that it came in, and would keep all of it alive."""
    number, kept = 20, list[RelayEvent | None]()
    tracemalloc.start()
    try:
        for _ in range(number):
            params = {"event_type": "calling.call.custom", "params": {"call_id": "c-9"}}
            request: dict[str, Any] = {"id": LONG if usual else 1, "method": "signalwire.event"}
            request["params"] = params if usual else {"x": LONG, **params}
            unusual: dict[str, Any] = {} if usual else {"error": None}
            frame = decode_server_frame(json.dumps({**request, **unusual}).encode())
            if isinstance(frame, EventFrame):
                kept.append(event_of(frame))
            elif isinstance(frame, RequestFrame):
                kept.append(decode_event(frame.params))
            del frame
        assert tracemalloc.get_traced_memory()[0] < number * len(LONG) / 2
    finally:
        tracemalloc.stop()
    assert [event.params for event in kept if event] == [{"call_id": "c-9"}] * number


def test_long_ids_of_events_are_not_kept() -> None:
    peer = connected(event_ids=1000)
    before = _size_of_all(peer.core)
    for number in range(20):
        peer.event("calling.call.state", event_id=f"{number:06d}{LONG}", call_id="c-9")
    assert _size_of_all(peer.core) - before < len(LONG)
    heard = len(peer.events())
    peer.event("calling.call.state", event_id=f"{19:06d}{LONG}", call_id="c-9")
    assert len(peer.events()) == heard, "a repetition is known by its long id, too"


def _size_of_all(thing: object) -> int:
    """The bytes of everything that can be reached from `thing` within the core."""
    total, seen, todo = 0, set[int](), [thing]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        match one:
            case dict():
                todo += [*one.keys(), *one.values()]
            case list() | tuple() | set() | frozenset():
                todo += [*one]
            case _ if hasattr(one, "__dict__") and type(one).__module__.startswith("relay_proto"):
                todo += [*vars(one).values()]
            case deque():
                todo += [*cast("deque[object]", one)]
            case _:
                pass
    return total


def test_exactly_so_many_ids_of_events_are_remembered() -> None:
    peer = connected(event_ids=300)
    for number in range(301):
        peer.event("calling.conference", event_id=f"e-{number}")
    peer.event("calling.conference", event_id="e-1")
    assert len(peer.events()) == 301, "the last 300 are known"
    peer.event("calling.conference", event_id="e-0")
    assert len(peer.events()) == 302, "the oldest one is forgotten"
