"""Pace: dials and texts that wait for their turn, so many a second, so many at once."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto import Limits, Timing
from relay_proto.api import commands as c
from relay_proto.errors import (
    ClientClosedError,
    ConnectionLostError,
    RelayError,
    RequestQueueFullError,
    RequestTimeoutError,
)
from relay_proto.pending import Pending
from relay_proto.records import CallRecord
from tests.unit.client_peer import DEVICES, Frame, Peer, decide, error_of


def peer_with(timing: Timing | None = None, **limits: Any) -> Peer:
    peer = Peer(limits=Limits(**limits), timing=timing)
    peer.connect()
    peer.forget()
    return peer


def dial(peer: Peer, to: str, *, by: str = "+15550001111") -> Pending[CallRecord]:
    return peer.execute(c.dial_phone(f"+1555000{to}", by))


def dialed(peer: Peer) -> list[str]:
    """The last digits of the numbers that the client has dialed since this was asked."""
    frames = peer.take_all("calling.dial")
    return [frame["params"]["devices"][0][0]["params"]["to_number"][-4:] for frame in frames]


def text(peer: Peer, body: str, context: str | None = None) -> Pending[Any]:
    message = c.send_message(
        to_number="+15550009999", from_number="+15550001111", body=body, context=context
    )
    return peer.execute(message)


def texts(peer: Peer) -> list[Frame]:
    return [frame["params"] for frame in peer.take_all("messaging.send")]


def fail(peer: Peer, frame: Frame) -> None:
    """Let the server say that nobody could be reached."""
    peer.event("calling.call.dial", tag=frame["params"]["tag"], dial_state="failed")


def test_dials_leave_evenly() -> None:
    peer = peer_with(dials_per_second=2)
    for to in ("0001", "0002", "0003"):
        dial(peer, to)
    assert dialed(peer) == ["0001"]
    peer.advance(0.4)
    assert dialed(peer) == []
    peer.advance(0.2)
    assert dialed(peer) == ["0002"]
    peer.advance(0.5)
    assert dialed(peer) == ["0003"]


def test_after_a_pause_there_is_no_burst() -> None:
    peer = peer_with(dials_per_second=1)
    dial(peer, "0001")
    peer.advance(20.0)
    dial(peer, "0002")
    dial(peer, "0003")
    assert dialed(peer) == ["0001", "0002"]
    peer.advance(1.0)
    assert dialed(peer) == ["0003"]


def test_without_limits_nothing_waits() -> None:
    peer = peer_with(queued_bytes=1)  # so that none may wait
    dial(peer, "0001")
    dial(peer, "0002")
    text(peer, "one")
    text(peer, "two")
    assert dialed(peer) == ["0001", "0002"]
    assert len(texts(peer)) == 2


def test_a_dial_that_is_decided_makes_room_for_the_next() -> None:
    peer = peer_with(dials_at_once=2)
    dials = [dial(peer, to) for to in ("0001", "0002", "0003", "0004")]
    first, second = peer.take_all("calling.dial")
    peer.reply(second)
    assert dialed(peer) == [], "acknowledged is not decided"
    fail(peer, second)
    assert dials[1].settled
    assert dialed(peer) == ["0003"]
    peer.refuse(first, "500")
    assert dialed(peer) == ["0004"]


def test_the_next_dial_begins_before_the_rest_of_the_read_is_acted_on() -> None:
    peer = peer_with(dials_at_once=1)
    dial(peer, "0001")
    dial(peer, "0002")
    first = peer.take("calling.dial")
    failed = peer.told("calling.call.dial", tag=first["params"]["tag"], dial_state="failed")
    peer.feed(failed, peer.asked("signalwire.disconnect", {}))
    assert dialed(peer) == ["0002"]


def test_a_dial_that_times_out_makes_room_for_the_next() -> None:
    peer = peer_with(Timing(dial_timeout=30.0), dials_at_once=1)
    dial(peer, "0001")
    dial(peer, "0002")
    peer.reply(peer.take("calling.dial"))
    peer.advance(29.0)
    assert dialed(peer) == []
    peer.advance(1.0)
    assert dialed(peer) == ["0002"]


def test_a_dial_that_is_cancelled_makes_room_for_the_next() -> None:
    peer = peer_with(dials_at_once=1)
    first, _ = dial(peer, "0001"), dial(peer, "0002")
    assert dialed(peer) == ["0001"]
    peer.cancel(first)
    assert dialed(peer) == ["0002"]


def test_a_dial_whose_turn_has_not_come_can_be_cancelled() -> None:
    peer = peer_with(dials_per_second=1)
    dial(peer, "0001")
    waiting, last = dial(peer, "0002"), dial(peer, "0003", by="+15550002222")
    same = dial(peer, "0004")
    peer.cancel(waiting)
    peer.cancel(same)
    peer.advance(1.0)
    assert dialed(peer) == ["0001", "0003"]
    assert not last.settled
    peer.advance(5.0)
    assert dialed(peer) == []


def test_a_dial_that_is_decided_before_its_turn_takes_no_turn() -> None:
    peer = peer_with(dials_per_second=1)
    dial(peer, "0001")
    decided = peer.execute(c.dial(DEVICES, tag="t-1"))  # a tag of an earlier dial
    dial(peer, "0003")
    decide(peer, "answered", "c-7")
    assert decided.result().call_id == "c-7"
    peer.cancel(decided)
    assert [frame["params"]["call_id"] for frame in peer.take_all("calling.end")] == ["c-7"]
    peer.advance(1.0)
    assert dialed(peer) == ["0001", "0003"]
    assert peer.core.queued_requests == 0


def test_those_who_dial_from_other_numbers_take_turns() -> None:
    peer = peer_with(dials_per_second=1)
    for to in ("0001", "0002", "0003", "0004"):
        dial(peer, to, by="+15550001111")
    dial(peer, "0009", by="+15550002222")
    peer.advance(4.0)
    assert dialed(peer) == ["0001", "0002", "0009", "0003", "0004"]


def test_a_dial_by_sip_waits_for_its_turn_too() -> None:
    peer = peer_with(dials_per_second=1)
    dial(peer, "0001")
    peer.execute(c.dial_sip("sip:bob@example.com", "sip:ann@example.com"))
    assert len(peer.take_all("calling.dial")) == 1
    peer.advance(1.0)
    assert len(peer.take_all("calling.dial")) == 1


def test_texts_of_all_contexts_take_turns() -> None:
    peer = peer_with(texts_per_second=10)
    for body in ("1", "2", "3"):
        text(peer, body, context="sales")
    text(peer, "4", context="support")
    text(peer, "5")
    peer.advance(0.45)
    sent = texts(peer)
    assert [one["body"] for one in sent] == ["1", "2", "4", "5", "3"]
    assert sent[3]["context"], "the session's own context, which is known when it is sent"


def test_turns_wait_for_the_next_session() -> None:
    peer = peer_with(dials_per_second=1)
    dial(peer, "0001")
    dial(peer, "0002")
    dial(peer, "0003")
    assert dialed(peer) == ["0001"]
    peer.cut()
    peer.advance(0.9)
    assert peer.core.deadline() is not None
    peer.reconnect()
    assert dialed(peer) == ["0002"]
    peer.advance(1.0)
    assert dialed(peer) == ["0003"]


def test_a_turn_that_comes_while_there_is_no_session_is_not_lost() -> None:
    peer = peer_with(texts_per_second=1)
    text(peer, "1")
    text(peer, "2")
    peer.cut()
    peer.advance(120.0)
    peer.await_transport()
    peer.reconnect()
    assert [one["body"] for one in texts(peer)] == ["1", "2"]


def test_requests_without_a_pace_do_not_wait_for_the_others() -> None:
    peer = Peer.waiting(limits=Limits(dials_per_second=1))
    dial(peer, "0001")
    dial(peer, "0002")
    peer.execute(c.execute("what", {}))
    peer.connect()
    assert peer.take_all("what")
    assert dialed(peer) == ["0001"]


def test_a_dial_whose_turn_does_not_come_in_time_fails_without_being_sent() -> None:
    peer = peer_with(Timing(pace_timeout=30.0), dials_per_second=0.01)
    dial(peer, "0001")
    late = dial(peer, "0002")
    peer.advance(30.0)
    error = error_of(late, RequestTimeoutError)
    assert not error.sent
    assert str(error) == ("calling.dial: not sent within 30 s, because its turn did not come")
    peer.advance(200.0)
    assert dialed(peer) == ["0001"]


def test_as_many_wait_for_their_turn_as_may_wait_for_a_session() -> None:
    peer = peer_with(dials_per_second=1, queued_requests=2)
    for to in ("0001", "0002", "0003"):
        dial(peer, to)
    with pytest.raises(RequestQueueFullError, match="queued_requests"):
        dial(peer, "0004")
    peer.execute(c.execute("what", {}))
    assert peer.take_all("what"), "there is room for everything else"


def test_who_fails_fast_waits_for_a_turn_but_not_for_a_session() -> None:
    peer = Peer(limits=Limits(dials_per_second=1), while_reconnecting="fail")
    peer.connect()
    dial(peer, "0001")
    dial(peer, "0002")
    peer.cut()
    with pytest.raises(ConnectionLostError):
        dial(peer, "0003")


def test_those_who_wait_for_their_turn_hear_of_the_end() -> None:
    peer = peer_with(dials_per_second=1)
    dial(peer, "0001")
    waiting = dial(peer, "0002")
    peer.close()
    assert error_of(waiting, ClientClosedError)


def test_a_lost_session_decides_the_dials_that_were_sent() -> None:
    peer = peer_with(dials_at_once=1)
    first, _ = dial(peer, "0001"), dial(peer, "0002")
    peer.reply(peer.take("calling.dial"))
    peer.cut()
    peer.reconnect(session_restored=False)
    assert error_of(first, RelayError)
    assert dialed(peer) == ["0002"]


@pytest.mark.parametrize("name", ["dials_per_second", "texts_per_second"])
def test_a_rate_may_be_a_fraction(name: str) -> None:
    values: dict[str, Any] = {name: 0.5}
    assert getattr(Limits(**values), name) == 0.5
    values[name] = 0
    with pytest.raises(ValueError, match=r"at least 0\.001"):
        Limits(**values)
    values[name] = "5"
    with pytest.raises(TypeError, match="must be a number"):
        Limits(**values)


def test_how_many_at_once_is_a_whole_number() -> None:
    with pytest.raises(TypeError, match="whole number"):
        Limits(dials_at_once=1.5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="at least 1"):
        Limits(dials_at_once=0)
