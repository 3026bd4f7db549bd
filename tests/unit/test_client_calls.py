"""Calls: how they are offered, move forward, are waited for, and end."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto import ClientCore, Limits
from relay_proto.api import commands as c
from relay_proto.errors import ClientClosedError
from relay_proto.outputs import (
    CallEnded,
    CallOffered,
    EventReceived,
    Ignored,
    OfferRefused,
    PeerViolation,
    Settled,
)
from relay_proto.records import CallRecord
from relay_proto.rpc import action_kinds as kinds
from relay_proto.transitions import CALL_ORDER, CallState
from tests.unit.client_peer import Peer

RECEIVE = "calling.call.receive"
NOT_TAKEN = "this client has no call handler"


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    peer.forget()
    return peer


class TestOffers:
    def test_a_call_has_the_fields_of_its_offer(self, peer: Peer) -> None:
        device = {"type": "phone", "params": {"from_number": "+1", "to_number": "+2"}}
        call = peer.offer("c-1", project_id="p", segment_id="s", tag="t", device=device)
        assert (call.call_id, call.node_id, call.project_id) == ("c-1", "n-1", "p")
        assert (call.context, call.tag, call.direction) == ("office", "t", "inbound")
        assert (call.device, call.state, call.segment_id) == (device, "created", "s")
        assert repr(call) == "<CallRecord c-1 created>"
        kinds = [type(output) for output in peer.outputs]
        assert kinds[1:] == [EventReceived, CallOffered]
        assert peer.last(EventReceived).call is call
        assert peer.core.active_calls == 1

    def test_what_an_offer_leaves_out_has_its_default(self, peer: Peer) -> None:
        peer.event(RECEIVE, call_id="c-1", protocol="signalwire_x")
        call = peer.last(CallOffered).call
        assert (call.state, call.direction, call.context) == ("created", "inbound", "signalwire_x")
        peer.state("c-1", "ringing", node_id="n-7", segment_id="s", device={"type": "sip"})
        assert (call.node_id, call.segment_id, call.device) == ("n-7", "s", {"type": "sip"})

    def test_what_many_calls_have_in_common_is_kept_once(self, peer: Peer) -> None:
        first = peer.offer("c-1", node_id="node-of-many-calls", segment_id="c-1")
        for number in range(2, 300):  # more than are remembered
            peer.event(RECEIVE, call_id=f"c-{number}", node_id=f"node-{number}")
        before, last = (
            peer.offer(call_id, node_id="node-of-many-calls") for call_id in ("c-300", "c-301")
        )
        assert first.node_id == last.node_id
        assert before.node_id is last.node_id
        assert first.segment_id is first.call_id
        assert peer.offer("c-302", node_id="n" * 300).node_id == "n" * 300

    def test_calls_of_contexts_that_nobody_takes_are_passed_back(self, peer: Peer) -> None:
        peer.core.accepted_contexts = frozenset({"sales"})
        peer.event(RECEIVE, call_id="c-1", node_id="n-1", context="office")
        assert peer.last(OfferRefused) == OfferRefused(
            "c-1", "this client has no call handler for the context 'office'"
        )
        assert peer.take("calling.pass")["params"] == {"node_id": "n-1", "call_id": "c-1"}
        peer.event(RECEIVE, call_id="c-2", context="sales")
        assert peer.last(CallOffered).call.call_id == "c-2"

    def test_a_second_offer_updates_the_call_and_is_not_offered(self, peer: Peer) -> None:
        call = peer.offer()
        peer.event(RECEIVE, call_id="c-1", call_state="ringing")
        assert call.state == "ringing"
        assert len(peer.all(CallOffered)) == 1
        assert peer.last(EventReceived).call is call
        assert peer.requests == [], "it is not passed back"

    @pytest.mark.parametrize(
        "body", [{}, {"call_id": ""}, {"call_id": "c-9", "call_state": "ended"}]
    )
    def test_a_call_without_an_id_or_an_ended_one_is_no_offer(
        self, peer: Peer, body: dict[str, Any]
    ) -> None:
        peer.event(RECEIVE, node_id="n-1", **body)
        assert len(peer.replies) == 1
        assert "offered a call" in peer.last(PeerViolation).reason
        assert peer.requests == []
        assert peer.all(CallOffered) == []
        assert peer.core.active_calls == 0

    def test_an_offer_cannot_end_a_call(self, peer: Peer) -> None:
        call = peer.offer()
        peer.event(RECEIVE, call_id="c-1", call_state="ended")
        assert not call.ended
        peer.state("c-1", "ended")
        assert peer.core.active_calls == 0

    def test_an_offer_above_the_limit_is_passed_back(self) -> None:
        peer = Peer(limits=Limits(active_calls=2))
        peer.connect()
        peer.offer("c-1")
        peer.offer("c-2")
        peer.forget()
        peer.event(RECEIVE, call_id="c-3", node_id="n-3")
        assert len(peer.replies) == 1, "acknowledged"
        assert peer.all(OfferRefused) == [
            OfferRefused(
                "c-3",
                "2 calls are up already, which is the limit (max_active_calls)",
                "too_many_calls",
            )
        ]
        passed = peer.take("calling.pass")
        assert passed["params"] == {"node_id": "n-3", "call_id": "c-3"}
        peer.refuse(passed, 404)
        assert peer.all(CallOffered) == []
        peer.state("c-1", "ended")
        peer.offer("c-3")

    def test_calls_that_were_adopted_count_too(self) -> None:
        peer = Peer(limits=Limits(active_calls=2))
        peer.connect()
        for number in range(3):
            peer.core.adopt(CallRecord(f"c-{number}", "n-1"))
        peer.event(RECEIVE, call_id="c-9", node_id="n-3")
        assert peer.last(OfferRefused).call_id == "c-9"

    def test_an_offer_behind_the_end_of_its_call_is_none(self, peer: Peer) -> None:
        peer.state("c-1", "ringing")
        peer.state("c-1", "ended")
        peer.event(RECEIVE, call_id="c-1", node_id="n-1")
        assert peer.last(Ignored).reason == "the offer of a call that has ended"
        peer.state("c-2", "ringing")
        assert peer.offer("c-2").state == "created"
        assert [output.call.call_id for output in peer.all(CallOffered)] == ["c-2"]
        assert peer.requests == []

    @pytest.mark.parametrize("spare", [-1, 0])
    def test_of_events_up_to_a_length_all_is_kept(self, spare: int) -> None:
        offer = {"call_id": "c-1", "node_id": "n-1", "context": "office"}
        peer = Peer(limits=Limits(kept_event_bytes=len(json.dumps(offer)) + spare))
        peer.connect()
        peer.event(RECEIVE, **offer)
        assert len(peer.all(OfferRefused)) == -spare
        assert len(peer.all(CallOffered)) == 1 + spare

    def test_a_core_takes_no_calls_until_it_is_told_to(self, peer: Peer) -> None:
        assert ClientCore(peer.core.config, random.Random(1)).accepting_calls is False

    def test_an_offer_to_a_client_that_drains_is_passed_back(self, peer: Peer) -> None:
        peer.core.drain(peer.now)
        peer.event(RECEIVE, call_id="c-1", node_id="n-1")
        assert peer.all(OfferRefused) == [
            OfferRefused("c-1", "this client is finishing its last calls", "draining")
        ]

    def test_an_offer_that_nobody_takes_is_passed_back(self, peer: Peer) -> None:
        peer.core.accepting_calls = False
        peer.event(RECEIVE, call_id="c-1", node_id="n-1")
        assert peer.all(OfferRefused) == [OfferRefused("c-1", NOT_TAKEN)]
        peer.reply(peer.take("calling.pass"))
        assert peer.core.active_calls == 0


class TestStates:
    def test_a_call_only_moves_forward(self, peer: Peer) -> None:
        call = peer.offer()
        seen: list[str] = []
        for state in ("answered", "ringing", "created", "unknown", "", "ending", "answered"):
            peer.state("c-1", state)
            seen.append(call.state)
        assert seen == ["answered"] * 5 + ["ending"] * 2
        assert len(peer.events()) == 8, "late states are still told"

    def test_the_end_leaves_no_trace(self, peer: Peer) -> None:
        call = peer.offer()
        peer.state("c-1", "answered", end_reason="not yet")
        before = call.end_reason
        peer.state("c-1", "ending", end_reason="hangup")
        peer.forget()
        peer.state("c-1", "ended", end_reason="busy")
        assert (before, call.end_reason) == ("", "busy")
        assert [type(output) for output in peer.outputs][1:] == [EventReceived, CallEnded]
        assert peer.core.active_calls == 0
        peer.state("c-1", "ended")
        assert peer.last(EventReceived).call is None
        assert len(peer.all(CallEnded)) == 1

    def test_a_call_that_was_passed_on_is_over_for_this_client(self, peer: Peer) -> None:
        call = peer.offer()
        passed = peer.execute_on(call, c.pass_())
        peer.reply(peer.take("calling.pass"))
        assert passed.result() == {"code": "200", "message": "OK"}
        assert peer.last(CallEnded).call is call
        assert call.end_reason == "passed"
        assert peer.core.active_calls == 0

    def test_a_state_fills_in_what_was_not_known(self, peer: Peer) -> None:
        call = peer.core.adopt(CallRecord("c-1", "n-1"))
        known = {
            "direction": "outbound",
            "device": {"type": "phone"},
            "context": "office",
            "segment_id": "s-1",
            "project_id": "p-1",
        }
        peer.state("c-1", "ringing", **{"node_id": "n-other", **known})
        peer.state("c-1", "answered", direction="inbound", context="sales")
        assert {name: getattr(call, name) for name in known} == known
        assert call.node_id == "n-1"

    @pytest.mark.parametrize("kind", ["state", "play", "connect"])
    @pytest.mark.parametrize("call_id", ["", "c-2"])
    def test_an_event_of_no_known_call_is_told_without_one(
        self, peer: Peer, kind: str, call_id: str
    ) -> None:
        peer.offer("c-1")
        peer.event(f"calling.call.{kind}", call_id=call_id, control_id="a-1")
        output = peer.last(EventReceived)
        assert output.event.event_type == f"calling.call.{kind}"
        assert (output.call, output.action) == (None, None)

    def test_a_bridge_names_its_peer(self, peer: Peer) -> None:
        call = peer.offer()
        other = {"call_id": "c-9", "node_id": "n-4"}
        peer.event("calling.call.connect", call_id="c-1", connect_state="connected", peer=other)
        assert call.peer == other
        peer.event("calling.call.connect", call_id="c-1", connect_state="disconnected", peer=other)
        assert call.peer == {}
        peer.state("c-1", "answered", peer=other)
        assert call.peer == other


class TestWaiting:
    @given(
        reported=st.lists(st.sampled_from([*CallState, "", "new"]), max_size=6),
        wanted=st.sampled_from([*CallState]),
    )
    def test_a_wait_ends_with_the_first_event_at_or_past_its_state(
        self, reported: list[str], wanted: CallState
    ) -> None:
        peer = Peer()
        peer.connect()
        call = peer.core.adopt(CallRecord("c-1", "n-1"))
        waiting = peer.core.wait_for(call, wanted, peer.now)
        expected = None
        for state in reported:
            peer.state("c-1", state)
            if CALL_ORDER.get(state, -1) >= CALL_ORDER[wanted]:
                expected = expected or peer.last(EventReceived).event
            assert waiting.settled is (expected is not None)
        if expected is not None:
            assert waiting.result() is expected
            late = peer.core.wait_for(call, wanted, peer.now)
            assert late.result() is call.last_state_event

    @pytest.mark.parametrize(
        ("wanted", "told"),
        [
            (CallState.RINGING, "ringing"),
            (CallState.RINGING, "answered"),
            (CallState.ANSWERED, "ended"),
            (CallState.ENDED, "ended"),
        ],
    )
    def test_the_first_state_at_or_past_the_wanted_one(
        self, peer: Peer, wanted: CallState, told: str
    ) -> None:
        call = peer.offer()
        waiting = peer.core.wait_for(call, wanted, peer.now)
        assert peer.core.wait_for(call, wanted, peer.now) is waiting, "all wait for one result"
        peer.state("c-1", "created")
        assert not waiting.settled
        peer.state("c-1", told)
        assert waiting.result() is peer.last(EventReceived).event
        assert [output.pending for output in peer.all(Settled)] == [waiting]
        assert call.waits == {}

    def test_others_wait_on(self, peer: Peer) -> None:
        call = peer.offer()
        waiting = [peer.core.wait_for(call, state, peer.now) for state in CallState]
        peer.pump()
        assert [pending.settled for pending in waiting] == [True, False, False, False, False]
        assert waiting[0].result().params["call_state"] == "created", "it was offered like that"
        peer.state("c-1", "answered")
        assert [pending.settled for pending in waiting] == [True, True, True, False, False]
        peer.cut()
        assert not waiting[4].settled

    def test_what_was_reached_is_there_at_once(self, peer: Peer) -> None:
        call = peer.offer()
        peer.state("c-1", "ended")
        event = peer.last(EventReceived).event
        for state in CallState:
            waiting = peer.core.wait_for(call, state, peer.now)
            assert waiting.result() is event

    def test_the_clients_own_end_wakes_them_too(self, peer: Peer) -> None:
        call = peer.offer()
        waiting = peer.core.wait_for(call, CallState.ENDED, peer.now)
        peer.close()
        event = waiting.result()
        assert (event.params["local"], event.params["end_reason"]) == (True, "error")


class TestKnownFromElsewhere:
    def test_an_adopted_call_is_followed(self, peer: Peer) -> None:
        mine = CallRecord("c-5", "n-1")
        assert peer.core.adopt(mine) is mine
        assert peer.core.adopt(CallRecord("c-5", "n-2")) is mine
        peer.state("c-5", "answered")
        assert mine.state == "answered"

    def test_an_attached_action_is_followed(self, peer: Peer) -> None:
        call = peer.offer()
        action = peer.core.attach(call, kinds.PLAY, "a-1")
        assert peer.core.attach(call, kinds.PLAY, "a-1") is action
        peer.event("calling.call.play", call_id="c-1", control_id="a-1", state="finished")
        assert action.done.result() is peer.last(EventReceived).event

    def test_an_action_of_an_ended_call_is_done(self, peer: Peer) -> None:
        call = peer.offer()
        peer.state("c-1", "ended")
        assert peer.core.attach(call, kinds.PLAY, "a-1").completed

    def test_a_closed_client_follows_nothing_more(self, peer: Peer) -> None:
        call = peer.offer()
        peer.close()
        with pytest.raises(ClientClosedError):
            peer.core.adopt(CallRecord("c-5", "n-1"))
        with pytest.raises(ClientClosedError):
            peer.core.attach(call, kinds.PLAY, "a-1")
