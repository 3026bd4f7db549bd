"""The legs of dials: nobody is left ringing, and what a lost session does to them."""

from __future__ import annotations

import pytest

from relay_proto import Limits
from relay_proto.api import commands as c
from relay_proto.errors import (
    ConnectionLostError,
    DialFailedError,
    DialTimeoutError,
    LocalProtocolError,
    RequestTimeoutError,
)
from relay_proto.outputs import Dropped
from relay_proto.records import CallRecord
from tests.unit.client_peer import DEVICES, Peer, decide, dial, ends, error_of, leg

END = "calling.end"


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    peer.forget()
    return peer


class TestNobodyIsLeftRinging:
    def test_a_timeout_hangs_up_every_leg_by_its_state(self, peer: Peer) -> None:
        dial(peer, dial_timeout=3)
        leg(peer, "c-1", "ringing")
        leg(peer, "c-2", "answered", node_id="n-2")
        leg(peer, "c-3", "ringing")
        leg(peer, "c-3", "ended")
        leg(peer, "c-4", "ended")
        peer.advance(3)
        requests = {one["params"]["call_id"]: one["params"] for one in peer.take_all(END)}
        assert requests == {
            "c-1": {"node_id": "n-1", "call_id": "c-1", "reason": "cancel"},
            "c-2": {"node_id": "n-2", "call_id": "c-2", "reason": "hangup"},
        }

    @pytest.mark.parametrize("how", ["cancel", "failed"])
    def test_so_do_a_cancel_and_a_failure(self, peer: Peer, how: str) -> None:
        dialled = dial(peer)
        leg(peer, "c-1", "ringing")
        if how == "cancel":
            peer.cancel(dialled)
            assert error_of(dialled, LocalProtocolError)
            peer.cancel(dialled)
        else:
            decide(peer, "failed")
        assert ends(peer) == [("c-1", "cancel")]
        leg(peer, "c-2", "created")
        assert ends(peer) == [("c-2", "cancel")], "legs that show up later"
        decide(peer, "answered", "c-3")
        assert ends(peer) == [("c-3", "hangup")], "and one that answers all the same"

    def test_a_winner_that_nobody_takes_is_hung_up(self, peer: Peer) -> None:
        dialled = dial(peer)
        decide(peer, "answered", "c-7")
        peer.cancel(dialled)
        assert ends(peer) == [("c-7", "hangup")]
        peer.cancel(dialled)
        assert ends(peer) == [], "it is being done"
        ended = dial(peer)
        decide(peer, "answered", "c-8")
        leg(peer, "c-8", "ended")
        peer.cancel(ended)
        failed = dial(peer)
        decide(peer, "failed")
        peer.cancel(failed)
        assert ends(peer) == []

    def test_a_queued_dial_that_is_cancelled_is_never_written(self) -> None:
        peer = Peer.waiting()
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.cancel(dialled)
        assert dialled.settled
        peer.connect()
        assert peer.requests == []

    def test_a_dial_that_is_refused_while_it_rings_is_hung_up(self, peer: Peer) -> None:
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        request = peer.take("calling.dial")
        leg(peer, "c-1", "ringing")
        peer.refuse(request, 500)
        assert dialled.error is not None
        assert ends(peer) == [("c-1", "cancel")]

    def test_each_leg_is_hung_up_once_per_need(self, peer: Peer) -> None:
        peer.cancel(dial(peer))
        leg(peer, "c-1", "ringing")
        (request,) = peer.take_all(END)
        leg(peer, "c-1", "ringing")
        decide(peer, "answered", "c-1")
        assert ends(peer) == [], "it is being done"
        peer.reply(request)
        leg(peer, "c-1", "ending")
        leg(peer, "c-1", "ended")
        assert ends(peer) == [], "it was done"
        leg(peer, "c-2", "ringing")
        (request,) = peer.take_all(END)
        peer.reply(request)
        leg(peer, "c-2", "answered")
        assert ends(peer) == [("c-2", "hangup")], "it was not"

    def test_the_losers_are_the_servers_unless_they_answer(self, peer: Peer) -> None:
        dialled = dial(peer)
        for call_id in ("c-1", "c-2", "c-3"):
            leg(peer, call_id, "ringing")
        leg(peer, "c-3", "answered")
        decide(peer, "answered", "c-1")
        assert dialled.result().call_id == "c-1"
        assert ends(peer) == [("c-3", "hangup")], "two have answered"
        leg(peer, "c-2", "ending")
        leg(peer, "c-1", "answered")
        assert ends(peer) == []
        leg(peer, "c-2", "answered")
        peer.state("c-4", "answered", tag="t-1")
        assert ends(peer) == [("c-2", "hangup"), ("c-4", "hangup")]
        assert not dialled.result().ended

    def test_a_dial_event_without_a_state_hangs_up_nobody(self, peer: Peer) -> None:
        peer.cancel(dial(peer))
        decide(peer, "", "c-1")
        assert ends(peer) == []

    def test_a_leg_without_a_state_has_not_answered(self, peer: Peer) -> None:
        dialled = dial(peer)
        leg(peer, "c-1", "")
        decide(peer, "answered")
        assert not dialled.settled
        leg(peer, "c-2", "answered")
        decide(peer, "answered")
        assert dialled.result().call_id == "c-2"
        assert ends(peer) == []

    def test_a_leg_that_is_gone_has_ended(self, peer: Peer) -> None:
        dialled = dial(peer)
        leg(peer, "c-1", "ringing")
        peer.cancel(dialled)
        assert peer.core.active_calls == 1
        peer.refuse(peer.take(END), 404)
        assert peer.core.active_calls == 0
        leg(peer, "c-9", "ringing")
        peer.refuse(peer.take(END), 410)

    def test_a_leg_that_the_server_will_not_end_is_reported(self, peer: Peer) -> None:
        dialled = dial(peer)
        leg(peer, "c-1", "ringing")
        peer.cancel(dialled)
        peer.refuse(peer.take(END), 409, "not now")
        reason = "the leg c-1 could not be hung up: RELAY error 409: not now"
        assert peer.last(Dropped).reason == reason

    def test_a_server_that_does_not_answer_is_asked_three_times(self, peer: Peer) -> None:
        peer.cancel(dial(peer))
        leg(peer, "c-1", "ringing")
        for session in (1, 2):
            for _ in range(3):
                assert ends(peer) == [("c-1", "cancel")]
                peer.advance(10)
                peer.ask("signalwire.ping")
            assert ends(peer) == []
            reasons = [output.reason for output in peer.all(Dropped)]
            assert len(reasons) == session
            assert "could not be hung up: calling.end: no answer" in reasons[-1]
            peer.cut()
            peer.reconnect()
        assert ends(peer) == [("c-1", "cancel")], "the next session asks again"

    def test_a_leg_that_ended_by_itself_is_not_asked_again(self, peer: Peer) -> None:
        peer.cancel(dial(peer))
        leg(peer, "c-1", "ringing")
        assert ends(peer) == [("c-1", "cancel")]
        leg(peer, "c-1", "ended")
        peer.advance(10)
        assert ends(peer) == []

    def test_a_leg_that_has_ended_does_not_come_back(self, peer: Peer) -> None:
        dial(peer)
        leg(peer, "c-1", "ringing")
        leg(peer, "c-1", "ended")
        leg(peer, "c-1", "ringing")
        assert peer.core.active_calls == 0
        decide(peer, "failed")
        assert ends(peer) == []

    def test_legs_of_an_older_dial_do_not_join_one_of_the_same_tag(self, peer: Peer) -> None:
        dialled = dial(peer)
        leg(peer, "c-1", "ringing")
        peer.cancel(dialled)
        assert ends(peer) == [("c-1", "cancel")]
        again = peer.execute(c.dial(DEVICES, tag="t-1"))
        leg(peer, "c-1", "answered")
        leg(peer, "c-1", "ended")
        peer.advance(10)
        assert error_of(again, RequestTimeoutError), "no event of its own has acknowledged it"
        assert ends(peer) == []

    def test_growth_has_bounds(self) -> None:
        peer = Peer(limits=Limits(tags=2, active_calls=3))
        peer.connect()
        for tag in ("t-0", "t-1", "t-2"):
            peer.cancel(dial(peer, tag))
        for tag in ("t-0", "t-1", "t-2"):
            peer.state(f"of-{tag}", "ringing", tag=tag)
        assert ends(peer) == [("of-t-1", "cancel"), ("of-t-2", "cancel")], "t-0 was forgotten"
        peer.state("c-9", "ringing", tag="t-2")
        reason = "the leg of-t-1 could not be hung up: too many wait for it"
        assert peer.last(Dropped).reason == reason
        peer.requests.clear()
        waiting = dial(peer, "t-5")
        for number in range(5):
            peer.state(f"leg-{number}", "ringing", tag="t-5")
        assert peer.core.active_calls == 3
        assert peer.last(Dropped).reason == "dial t-5 has too many legs to follow leg-4"
        assert not waiting.settled

    @pytest.mark.parametrize(("length", "usable"), [(1, True), (1024, True), (1025, False)])
    def test_an_id_has_a_longest_length(self, peer: Peer, length: int, usable: bool) -> None:
        call_id, node_id = "c" * length, "n" * length
        peer.cancel(dial(peer))
        leg(peer, call_id, "ringing")
        leg(peer, "c-1", "ringing", node_id=node_id)
        assert len(ends(peer)) == 2 * usable, "nobody wants these"
        dialled = dial(peer, "t-2")
        peer.state(f"C{call_id[1:]}", "ringing", tag="t-2")
        peer.state("c-2", "ringing", tag="t-2", node_id=node_id)
        assert peer.core.active_calls == 2 * usable
        call = {"call_id": f"w{call_id[1:]}", "node_id": "n-1"}
        peer.event("calling.call.dial", tag="t-2", dial_state="answered", call=call)
        assert dialled.settled is usable

    def test_so_many_calls_wait_for_their_hang_up(self) -> None:
        peer = Peer(limits=Limits(tags=3, active_calls=5))
        peer.connect()
        calls = [peer.core.adopt(CallRecord(f"c-{number}", "n-1")) for number in range(9)]
        for call in calls[:-1]:
            peer.core.hang_up(call, peer.now)
        peer.pump()
        assert ends(peer) == [(call.call_id, "hangup") for call in calls[:-1]]
        assert peer.all(Dropped) == []
        peer.core.hang_up(calls[-1], peer.now)
        peer.pump()
        assert "the leg c-0 could not be hung up" in peer.last(Dropped).reason

    def test_a_leg_is_not_followed_when_more_calls_are_up_than_allowed(self) -> None:
        peer = Peer(limits=Limits(active_calls=3, dials=5))
        peer.connect()
        dial(peer)
        for number in range(7):
            peer.core.adopt(CallRecord(f"c-{number}", "n-1"))
        leg(peer, "leg-1", "ringing")
        assert peer.core.active_calls == 8
        peer.core.adopt(CallRecord("c-8", "n-1"))
        leg(peer, "leg-2", "ringing")
        assert peer.core.active_calls == 9
        assert peer.last(Dropped).reason == "dial t-1 has too many legs to follow leg-2"

    def test_no_answer_of_one_that_was_dropped_matters(self) -> None:
        peer = Peer(limits=Limits(tags=1))
        peer.connect()
        peer.cancel(dial(peer))
        leg(peer, "c-1", "ringing")
        leg(peer, "c-2", "ringing")
        assert len(ends(peer)) == 2
        peer.advance(10)
        assert ends(peer) == [("c-2", "cancel")], "nobody asks for c-1 again"


class TestTheSessionIsLost:
    def test_a_dial_that_was_not_acknowledged_fails(self, peer: Peer) -> None:
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.cut()
        assert error_of(dialled, ConnectionLostError).maybe_delivered
        peer.reconnect()
        peer.requests.clear()
        leg(peer, "c-7", "ringing")
        assert ends(peer) == [("c-7", "cancel")], "its tag is remembered"

    def test_a_dial_that_was_acknowledged_goes_on_with_the_session(self, peer: Peer) -> None:
        dialled = dial(peer)
        leg(peer, "c-7", "ringing")
        peer.cut()
        peer.reconnect()
        decide(peer, "answered", "c-7")
        assert dialled.result().call_id == "c-7"

    def test_it_fails_with_the_session_and_its_legs_are_hung_up_once(self, peer: Peer) -> None:
        dialled = dial(peer)
        leg(peer, "c-7", "ringing")
        peer.cut()
        peer.reconnect(session_restored=False)
        assert error_of(dialled, ConnectionLostError).maybe_delivered
        assert ends(peer) == [("c-7", "cancel")]
        assert peer.core.active_calls == 0

    def test_a_dial_that_was_not_written_has_the_new_session(self, peer: Peer) -> None:
        peer.cut()
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.reconnect(session_restored=False)
        peer.reply(peer.take("calling.dial"))
        decide(peer, "answered", "c-7")
        assert dialled.result().call_id == "c-7"

    def test_a_dial_that_is_decided_before_it_is_written_is_not_written(self, peer: Peer) -> None:
        peer.ask("signalwire.disconnect")
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        decide(peer, "failed", reason="an older dial of this tag")
        assert error_of(dialled, DialFailedError)
        peer.hang_up()
        peer.reconnect()
        assert peer.take_all("calling.dial") == []

    def test_time_runs_on_without_a_session(self, peer: Peer) -> None:
        dialled = dial(peer, dial_timeout=1)
        leg(peer, "c-7", "ringing")
        peer.cut()
        peer.advance(1)
        assert error_of(dialled, DialTimeoutError)
        assert ends(peer) == []
        peer.reconnect()
        assert ends(peer) == [("c-7", "cancel")], "as soon as there is a session"

    def test_what_was_asked_on_a_lost_session_is_asked_on_the_next(self, peer: Peer) -> None:
        peer.cancel(dial(peer))
        leg(peer, "c-7", "ringing")
        for _ in range(4):
            assert ends(peer) == [("c-7", "cancel")]
            peer.cut()
            peer.reconnect()
        peer.reply(peer.take(END))
        peer.cut()
        peer.reconnect()
        assert ends(peer) == [], "it has ended"

    def test_a_leg_that_shows_up_while_draining_waits_for_the_session(self, peer: Peer) -> None:
        peer.cancel(dial(peer))
        peer.ask("signalwire.disconnect")
        leg(peer, "c-7", "ringing")
        leg(peer, "c-8", "ringing")
        leg(peer, "c-8", "ended")
        assert ends(peer) == []
        peer.hang_up()
        peer.reconnect()
        assert ends(peer) == [("c-7", "cancel")]
