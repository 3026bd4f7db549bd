"""Dials: who answered, and how they fail."""

from __future__ import annotations

import pytest

from relay_proto.api import commands as c
from relay_proto.errors import (
    DialFailedError,
    DialTimeoutError,
    RelayError,
    RequestTimeoutError,
)
from relay_proto.outputs import EventReceived, PeerViolation, Settled
from tests.unit.client_peer import DEVICES, TOKEN, Peer, decide, dial, ends, error_of, leg


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    peer.forget()
    return peer


class TestAnswered:
    def test_the_reply_only_acknowledges_and_events_decide(self, peer: Peer) -> None:
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        request = peer.take("calling.dial")
        assert request["params"] == {"tag": "t-1", "devices": DEVICES}
        peer.reply(request, {"code": "200", "message": "Dialing"})
        decide(peer, "dialing")
        leg(peer, "c-7", "created", node_id="n-2")
        leg(peer, "c-7", "answered")
        assert not dialled.settled
        decide(peer, "answered", "c-7")
        call = dialled.result()
        assert (call.call_id, call.node_id, call.tag) == ("c-7", "n-2", "t-1")
        assert (call.state, call.direction) == ("answered", "outbound")
        output = peer.last(EventReceived)
        assert output.call is call
        assert output.event.params["dial_state"] == "answered"
        assert peer.core.active_calls == 1
        peer.advance(120)
        assert peer.take_all("calling.end") == []

    def test_a_tag_is_made_where_none_is_given(self, peer: Peer) -> None:
        for _ in range(2):
            peer.execute(c.dial(DEVICES))
        first, second = (request["params"]["tag"] for request in peer.requests)
        assert first != second
        assert len(first) == 36

    def test_events_may_overtake_the_reply(self, peer: Peer) -> None:
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        leg(peer, "c-7", "answered")
        decide(peer, "answered", "c-7")
        assert dialled.result().call_id == "c-7"
        peer.reply(peer.take("calling.dial"))
        assert dialled.result().call_id == "c-7"

    @pytest.mark.parametrize("fate", ["refused", "timed out", "lost"])
    def test_what_becomes_of_the_reply_behind_the_events_changes_nothing(
        self, peer: Peer, fate: str
    ) -> None:
        decided = peer.execute(c.dial(DEVICES, tag="t-1"))
        decide(peer, "answered", "c-7")
        waiting = peer.execute(c.dial(DEVICES, tag="t-2"))
        peer.event("calling.call.dial", tag="t-2", dial_state="dialing")
        requests = peer.take_all("calling.dial")
        match fate:
            case "refused":
                peer.refuse(requests[0], 500)
            case "timed out":
                peer.advance(10)
            case _:
                peer.cut()
        assert decided.result().call_id == "c-7"
        assert not waiting.settled
        assert ends(peer) == []

    def test_the_winner_may_first_be_seen_in_the_dial_event(self, peer: Peer) -> None:
        dialled = dial(peer)
        decide(peer, "answered", "c-7")
        call = dialled.result()
        assert (call.state, call.node_id, call.device) == ("answered", "n-2", {"type": "phone"})
        peer.state("c-7", "ended")
        assert call.ended

    def test_a_node_or_device_may_be_missing(self, peer: Peer) -> None:
        dialled = dial(peer)
        call = {"call_id": "c-7", "device": "?"}
        peer.event("calling.call.dial", tag="t-1", node_id="n-9", dial_state="answered", call=call)
        assert (dialled.result().node_id, dialled.result().device) == ("n-9", {})

    def test_an_answer_without_an_id_means_the_leg_that_answered(self, peer: Peer) -> None:
        dialled = dial(peer)
        leg(peer, "c-7", "ringing")
        decide(peer, "answered")
        assert peer.last(PeerViolation).reason == "dial t-1 was answered by a call without an id"
        assert not dialled.settled
        leg(peer, "c-7", "answered")
        decide(peer, "answered")
        assert dialled.result().call_id == "c-7"

    def test_a_winner_may_have_ended_already(self, peer: Peer) -> None:
        dialled = dial(peer)
        leg(peer, "c-7", "answered")
        leg(peer, "c-7", "ended")
        decide(peer, "answered", "c-7")
        assert dialled.result().ended
        assert peer.core.active_calls == 0

    def test_a_dial_event_of_no_dial_belongs_to_its_call(self, peer: Peer) -> None:
        call = peer.offer("c-5")
        decide(peer, "answered", "c-5")
        assert peer.last(EventReceived).call is call
        decide(peer, "failed")
        assert peer.last(EventReceived).call is None
        assert ends(peer) == []


class TestFailed:
    def test_with_the_servers_reason(self, peer: Peer) -> None:
        dialled = dial(peer)
        decide(peer, "failed", reason=f"no route for {TOKEN}")
        error = error_of(dialled, DialFailedError)
        assert str(error) == "dial t-1 failed: no route for ***"
        assert (error.tag, error.code) == ("t-1", -1)
        assert isinstance(error, RelayError)
        kinds = [type(output) for output in peer.outputs[-2:]]
        assert kinds == [EventReceived, Settled]

    def test_when_the_request_is_refused(self, peer: Peer) -> None:
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.reply(peer.take("calling.dial"), {"code": "404", "message": "no such route"})
        assert error_of(dialled, RelayError).code == 404
        leg(peer, "c-7", "ringing")
        assert ends(peer) == [("c-7", "cancel")]

    def test_when_the_request_is_not_answered(self, peer: Peer) -> None:
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.advance(10)
        assert error_of(dialled, RequestTimeoutError).sent
        leg(peer, "c-7", "created")
        assert ends(peer) == [("c-7", "cancel")]

    def test_when_nobody_answers_in_time(self, peer: Peer) -> None:
        dialled = dial(peer)
        silence = 119.9
        while silence > 0:
            peer.advance(min(silence, 20))
            peer.ask("signalwire.ping")
            silence -= 20
        assert not dialled.settled
        peer.advance(0.2)
        error = error_of(dialled, DialTimeoutError)
        assert (error.tag, error.seconds) == ("t-1", 120)
        assert isinstance(error, RelayError)
        assert isinstance(error, TimeoutError)

    def test_the_time_runs_from_when_the_dial_is_written(self) -> None:
        peer = Peer.waiting()
        dialled = peer.execute(c.dial(DEVICES, tag="t-1", dial_timeout=5))
        peer.advance(20)
        peer.connect()
        peer.advance(4.9)
        assert not dialled.settled
        peer.advance(0.1)
        assert error_of(dialled, DialTimeoutError).seconds == 5

    def test_a_tag_that_is_pending_is_refused(self, peer: Peer) -> None:
        first = peer.execute(c.dial(DEVICES, tag="t-1"))
        with pytest.raises(ValueError, match="'t-1' is in use"):
            peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.take("calling.dial")
        decide(peer, "failed")
        assert first.settled
        again = dial(peer)
        decide(peer, "answered", "c-7")
        assert again.result().call_id == "c-7"
