"""Calls that nobody wants here: the server hears of them, whatever happens to the connection."""

from __future__ import annotations

import pytest

from relay_proto import Limits
from relay_proto.api import commands as c
from relay_proto.outputs import CallOffered, Dropped, Ignored, OfferRefused
from tests.unit.client_peer import DEVICES, Frame, Peer


def passes(peer: Peer) -> list[str]:
    return [frame["params"]["call_id"] for frame in peer.take_all("calling.pass")]


def ends(peer: Peer) -> list[str]:
    return [frame["params"]["call_id"] for frame in peer.take_all("calling.end")]


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    return peer


@pytest.fixture
def refusing(peer: Peer) -> Peer:
    """It has refused one offer, and asked the service to take the call back."""
    peer.core.accepting_calls = False
    offer(peer)
    assert passes(peer) == ["c-1"]
    return peer


def offer(peer: Peer, event_id: str = "e-1") -> None:
    body = {"call_id": "c-1", "node_id": "n-1", "call_state": "created", "context": "office"}
    peer.event("calling.call.receive", event_id=event_id, **body)


class TestPassedBack:
    @pytest.mark.parametrize("restored", [True, False])
    def test_the_next_session_is_asked_again(self, refusing: Peer, restored: bool) -> None:
        refusing.cut()
        refusing.reconnect(session_restored=restored)
        assert passes(refusing) == ["c-1"]

    def test_an_offer_that_comes_again_changes_nothing(self, refusing: Peer) -> None:
        refusing.cut()
        refusing.reconnect(session_restored=True)
        offer(refusing)  # its acknowledgement was lost, too
        assert passes(refusing) == ["c-1"]
        assert refusing.last(Ignored).reason == "an event that came before"

    def test_an_offer_that_ends_between_two_sessions_is_passed_back(self, peer: Peer) -> None:
        peer.core.accepting_calls = False
        peer.ask("signalwire.disconnect")
        offer(peer)
        assert passes(peer) == []
        peer.cut()
        peer.reconnect(session_restored=True)
        assert passes(peer) == ["c-1"]

    def test_what_is_answered_is_done(self, peer: Peer) -> None:
        peer.core.accepting_calls = False
        offer(peer)
        peer.reply(peer.take("calling.pass"))
        peer.cut()
        peer.reconnect(session_restored=True)
        assert passes(peer) == []

    def test_an_answer_that_does_not_come_is_asked_for_again(self, refusing: Peer) -> None:
        refusing.advance(11.0)
        assert passes(refusing) == ["c-1"]
        refusing.advance(11.0)
        assert passes(refusing) == ["c-1"]
        refusing.advance(30.0)
        assert passes(refusing) == []
        assert refusing.last(Dropped).reason.startswith("call c-1 could not be passed back: ")

    def test_an_offer_made_anew_is_decided_anew(self, refusing: Peer) -> None:
        offer(refusing, "e-2")
        assert passes(refusing) == ["c-1"], "the service has it again"
        refusing.core.accepting_calls = True
        offer(refusing, "e-3")
        assert refusing.last(CallOffered).call.call_id == "c-1"
        refusing.cut()
        refusing.reconnect(session_restored=True)
        assert passes(refusing) == [], "it is taken now"

    def test_a_late_answer_does_not_end_a_call_that_is_offered_anew(self, peer: Peer) -> None:
        peer.core.accepting_calls = False
        offer(peer)
        passed = peer.take("calling.pass")
        peer.core.accepting_calls = True
        offer(peer, "e-2")
        peer.reply(passed)
        assert peer.last(CallOffered).call.state == "created"
        assert peer.core.active_calls == 1

    def test_the_servers_refusal_is_reported(self, peer: Peer) -> None:
        peer.core.accepting_calls = False
        offer(peer)
        peer.refuse(peer.take("calling.pass"), 500, "not now")
        assert (
            peer.last(Dropped).reason
            == "call c-1 could not be passed back: RELAY error 500: not now"
        )
        peer.cut()
        peer.reconnect(session_restored=True)
        assert passes(peer) == []

    def test_one_that_nobody_has_heard_of_goes_back_when_the_client_ends(self, peer: Peer) -> None:
        told = peer.told("calling.call.receive", call_id="c-1", node_id="n-1", context="office")
        peer.core.receive_data(peer.transport, peer.encoded(told), peer.now)
        peer.core.close(peer.now)
        peer.pump()
        assert passes(peer) == ["c-1"]


class TestByTheAdapter:
    @pytest.mark.parametrize(
        ("answer", "reason"),
        [({"result": {"code": "200"}}, "passed"), ({"error": {"code": 404}}, "error")],
    )
    def test_the_call_ends_when_the_service_has_answered(
        self, peer: Peer, answer: Frame, reason: str
    ) -> None:
        call = peer.offer()
        peer.core.pass_back(call, peer.now)
        peer.pump()
        assert not peer.take_all("calling.pass")[0]["params"].keys() - {"node_id", "call_id"}
        peer.cut()
        peer.reconnect(session_restored=True)
        asked = peer.take("calling.pass")
        assert not call.ended
        peer.feed({"id": asked["id"], **answer})
        assert (call.state, call.end_reason) == ("ended", reason)
        assert peer.core.active_calls == 0

    def test_one_that_is_over_stays_so(self, peer: Peer) -> None:
        call = peer.offer()
        peer.state("c-1", "ended")
        peer.core.pass_back(call, peer.now)
        peer.pump()
        assert passes(peer) == []

    def test_its_end_is_answer_enough(self, peer: Peer) -> None:
        call = peer.offer()
        peer.core.pass_back(call, peer.now)
        peer.pump()
        assert passes(peer) == ["c-1"]
        peer.state("c-1", "ended")
        assert call.ended
        peer.cut()
        peer.reconnect(session_restored=True)
        assert passes(peer) == []


def test_many_of_one_kind_let_none_of_another_be_forgotten() -> None:
    peer = Peer(limits=Limits(tags=1, active_calls=3))
    peer.connect()
    calls = [peer.offer(f"c-{number}") for number in range(3)]
    for call in calls:
        peer.core.hang_up(call, peer.now)
    peer.pump()
    peer.core.accepting_calls = False
    for number in range(3):
        peer.event("calling.call.receive", call_id=f"o-{number}", node_id="n-1")
    assert [refused.call_id for refused in peer.all(OfferRefused)] == ["o-0", "o-1", "o-2"]
    peer.cancel(peer.execute(c.dial(DEVICES, tag="t-1")))
    for number in range(2):
        peer.state(f"s-{number}", "ringing", tag="t-1")
    reasons = [dropped.reason for dropped in peer.all(Dropped)]
    assert reasons == ["the leg s-0 could not be hung up: too many wait for it"]
    peer.forget()
    peer.cut()
    peer.reconnect(session_restored=True)
    assert ends(peer) == ["s-1", "c-0", "c-1", "c-2"]
    assert passes(peer) == ["o-0", "o-1", "o-2"]
