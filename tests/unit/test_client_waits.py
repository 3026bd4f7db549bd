"""Waiting for a session, and hanging up calls so that it is certain."""

from __future__ import annotations

import pytest

from relay_proto import Limits
from relay_proto.api import joins
from relay_proto.api.commands import Purpose
from relay_proto.api.views import CallView
from relay_proto.errors import AuthenticationError, ClientClosedError, RelayError
from relay_proto.outputs import Dropped, Settled
from relay_proto.pending import Pending
from relay_proto.records import CallRecord
from relay_proto.transitions import SessionState
from relay_proto.values.literals import CallStateText
from tests.unit.client_peer import DEVICES, Peer, ends, error_of

END = "calling.end"


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    return peer


def is_settled(pending: Pending[None]) -> bool:
    """Type checkers would believe that the property stays as it was."""
    return pending.settled


def hang_up(peer: Peer, call: CallRecord) -> None:
    peer.core.hang_up(call, peer.now)
    peer.pump()


class TestWaitReady:
    def test_with_a_session_it_settles_at_once(self, peer: Peer) -> None:
        assert peer.core.wait_ready(peer.now).settled

    def test_it_settles_with_the_first_session(self) -> None:
        peer = Peer.waiting()
        ready = peer.core.wait_ready(peer.now)
        assert peer.core.wait_ready(peer.now) is ready, "all who wait share it"
        peer.cut()
        assert not is_settled(ready), "a failed attempt is not the last one"
        peer.connect()
        assert is_settled(ready)
        assert ready.error is None
        assert [output.pending for output in peer.all(Settled)].count(ready) == 1

    def test_it_settles_with_each_session(self, peer: Peer) -> None:
        for _ in range(2):
            peer.cut()
            ready = peer.core.wait_ready(peer.now)
            assert not is_settled(ready)
            peer.reconnect()
            assert ready.error is None
            assert is_settled(ready)

    def test_a_server_that_says_goodbye_is_not_ready(self, peer: Peer) -> None:
        peer.ask("signalwire.disconnect")
        assert peer.core.state is SessionState.DRAINING
        ready = peer.core.wait_ready(peer.now)
        assert not is_settled(ready)
        peer.cut()
        peer.reconnect()
        assert is_settled(ready)

    def test_it_fails_with_the_client(self) -> None:
        peer = Peer.waiting()
        ready = peer.core.wait_ready(peer.now)
        peer.close()
        assert error_of(ready, ClientClosedError)

    def test_it_fails_with_what_ends_the_client(self) -> None:
        peer = Peer(limits=Limits(auth_attempts=1))
        peer.start(retry=True)
        ready = peer.core.wait_ready(peer.now)
        peer.open()
        peer.refuse(peer.take_all("signalwire.connect")[-1], -32002, "bad token")
        assert error_of(ready, AuthenticationError)

    def test_nobody_waits_for_a_client_that_is_closed_or_not_started(self, peer: Peer) -> None:
        with pytest.raises(ClientClosedError):
            Peer().core.wait_ready(0.0)
        peer.close()
        with pytest.raises(ClientClosedError):
            peer.core.wait_ready(peer.now)


class TestHangUp:
    def test_it_is_asked_once(self, peer: Peer) -> None:
        call = peer.offer()
        hang_up(peer, call)
        hang_up(peer, call)
        assert ends(peer) == [("c-1", "hangup")]
        peer.state("c-1", "ended", end_reason="hangup")
        assert (call.ended, call.end_reason) == (True, "hangup")
        hang_up(peer, call)
        assert ends(peer) == []

    @pytest.mark.parametrize(
        ("state", "reason"),
        [
            ("ringing", "cancel"),
            ("answered", "hangup"),
            ("ending", "hangup"),
        ],
    )
    def test_the_reason_is_that_of_its_state(
        self, peer: Peer, state: CallStateText, reason: str
    ) -> None:
        call = CallRecord("c-1", "n-1", direction="outbound", state=state)
        hang_up(peer, peer.core.adopt(call))
        assert ends(peer) == [("c-1", reason)]

    def test_without_a_session_the_next_one_is_asked(self, peer: Peer) -> None:
        call = peer.offer()
        peer.cut()
        hang_up(peer, call)
        assert ends(peer) == []
        peer.reconnect(session_restored=True)
        assert ends(peer) == [("c-1", "hangup")]

    def test_this_goes_for_a_client_that_does_not_wait_as_well(self) -> None:
        peer = Peer(while_reconnecting="fail")
        peer.connect()
        call = peer.offer()
        peer.cut()
        hang_up(peer, call)
        peer.reconnect(session_restored=True)
        assert ends(peer) == [("c-1", "hangup")]

    def test_what_was_lost_with_its_session_is_asked_again(self, peer: Peer) -> None:
        call = peer.offer()
        hang_up(peer, call)
        assert ends(peer) == [("c-1", "hangup")]
        peer.cut()
        peer.reconnect(session_restored=False)
        assert call.ended, "as far as this client knows"
        assert ends(peer) == [("c-1", "hangup")]

    def test_a_call_that_is_gone_has_ended(self, peer: Peer) -> None:
        call = peer.offer()
        hang_up(peer, call)
        peer.refuse(peer.take(END), 404)
        assert call.ended

    def test_a_call_that_the_server_will_not_end_is_reported(self, peer: Peer) -> None:
        hang_up(peer, peer.offer())
        peer.refuse(peer.take(END), 409)
        assert "c-1 could not be hung up" in peer.last(Dropped).reason

    def test_so_many_wait_as_may_be_up(self) -> None:
        peer = Peer(limits=Limits(tags=1, active_calls=2))
        peer.connect()
        calls = [peer.offer("c-1"), peer.offer("c-2")]
        peer.cut()
        for call in calls:
            hang_up(peer, call)
        assert not peer.all(Dropped)
        peer.reconnect(session_restored=True)
        assert ends(peer) == [("c-1", "hangup"), ("c-2", "hangup")]

    def test_a_closed_client_hangs_up_nobody(self, peer: Peer) -> None:
        call = peer.offer()
        peer.close()
        hang_up(peer, call)
        assert ends(peer) == []


class Call(CallView):
    def __init__(self, record: CallRecord) -> None:
        self._record = record


class TestBridge:
    @pytest.mark.parametrize("code", [404, 409])
    def test_a_refusal_is_an_error_and_ends_neither_call(self, peer: Peer, code: int) -> None:
        near, far = peer.offer("c-1"), peer.offer("c-2")
        command = joins.bridge(Call(far)).command
        assert command.purpose is Purpose.JOIN
        asked = peer.execute_on(near, command)
        request = peer.take("calling.connect")
        assert request["params"] == {
            "node_id": "n-1",
            "call_id": "c-1",
            "devices": [[{"type": "call", "params": {"node_id": "n-1", "call_id": "c-2"}}]],
        }
        peer.refuse(request, code)
        error = asked.error
        assert isinstance(error, RelayError)
        assert error.code == code
        assert not near.ended
        assert not far.ended

    def test_of_a_call_that_is_over_nothing_is_asked(self, peer: Peer) -> None:
        near, far = peer.offer("c-1"), peer.offer("c-2")
        peer.state("c-1", "ended")
        assert peer.execute_on(near, joins.bridge(Call(far)).command).result() == {}
        assert peer.requests == []

    def test_the_other_one_must_be_a_call(self) -> None:
        with pytest.raises(TypeError, match="other must be a Call, not 'c-2'"):
            joins.bridge("c-2")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    def test_what_is_given_is_checked(self) -> None:
        with pytest.raises(TypeError, match="timeout must be"):
            joins.connect_and_wait(DEVICES, timeout="5")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
