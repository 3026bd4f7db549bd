"""Losing a session and coming back: delays, old transports, and what survives."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto import Limits
from relay_proto.api import commands as c
from relay_proto.errors import ConnectionLostError, RequestTimeoutError
from relay_proto.outputs import (
    CallEnded,
    Closed,
    Connected,
    ConnectFailed,
    Disconnected,
    EventReceived,
    Ignored,
    MessageChanged,
    OpenTransport,
    Settled,
)
from relay_proto.pending import Pending
from relay_proto.rpc import action_kinds as kinds
from relay_proto.rpc.events import CallStateEvent
from relay_proto.transitions import CallState, SessionState
from tests.unit.client_peer import Peer, error_of, starting


def delays(seed: int, count: int, *, upgrade: bool = False) -> list[float]:
    """The delays before that many attempts, all in vain."""
    peer = Peer(seed=seed)
    peer.start(retry=True)
    found: list[float] = []
    for _ in range(count):
        if upgrade:
            peer.open()
        peer.cut()
        found.append(peer.advance_to_deadline())
    return found


class TestDelays:
    def test_the_first_is_between_1_and_3_seconds(self) -> None:
        first = [delays(seed, 1)[0] for seed in range(200)]
        assert 1 <= min(first) < 1.1
        assert 2.9 < max(first) <= 3

    def test_each_is_at_most_three_times_the_one_before(self) -> None:
        both = [delays(seed, 2) for seed in range(200)]
        assert 2.9 < max(second / first for first, second in both) <= 3

    def test_they_grow_up_to_30_seconds(self) -> None:
        many = [delay for seed in range(40) for delay in delays(seed, 12)]
        assert min(many) >= 1
        assert max(many) == pytest.approx(30)

    def test_clients_that_lost_the_same_server_do_not_return_in_step(self) -> None:
        assert len({delays(seed, 1)[0] for seed in range(20)}) == 20

    def test_an_open_transport_does_not_start_the_sequence_again(self) -> None:
        assert max(delays(seed, 6, upgrade=True)[-1] for seed in range(20)) > 3

    def test_an_authenticated_session_does(self) -> None:
        for seed in range(20):
            peer = Peer(seed=seed)
            peer.start(retry=True)
            for _ in range(6):
                peer.cut()
                peer.advance_to_deadline()
            peer.reconnect()
            peer.cut()
            assert 1 <= peer.advance_to_deadline() <= 3

    def test_a_close_interrupts_one_at_once(self) -> None:
        peer = Peer()
        peer.connect()
        peer.cut()
        peer.close()
        assert peer.outputs[-1] == Closed(None)
        assert peer.core.state is SessionState.CLOSED

    def test_attempts_are_counted_from_the_last_session(self) -> None:
        peer = Peer()
        started = peer.start(retry=True)
        for _ in range(2):
            peer.cut()
            peer.await_transport()
        peer.reconnect()
        assert started.result() is None
        peer.cut()
        peer.await_transport()
        peer.cut()
        assert [output.attempt for output in peer.all(ConnectFailed)] == [1, 2, 1]
        ups = [output for output in peer.outputs if isinstance(output, Connected | Disconnected)]
        assert [type(output) for output in ups] == [Connected, Disconnected]


class TestOldTransports:
    def test_what_is_said_about_another_transport_is_ignored(self) -> None:
        peer = Peer()
        peer.connect()
        peer.cut()
        core, now = peer.core, peer.now
        for number in (0, 1, 2):  # the last one is not even opening
            core.transport_opened(number, now)
            core.receive_data(number, b"\x81\x02{}", now)
            core.transport_closed(number, now, "late")
        assert core.next_output() is None
        peer.reconnect()
        peer.forget()
        for number in (0, 1, 3):
            core.transport_opened(number, now)
            core.receive_data(number, b"\xff\xff", now)
            core.transport_closed(number, now, "late")
        assert core.next_output() is None
        assert core.state is SessionState.READY

    def test_each_transport_has_the_next_number(self) -> None:
        peer = Peer()
        peer.connect()
        for number in (2, 3, 4):
            peer.cut()
            peer.reconnect()
            assert peer.last(OpenTransport) == OpenTransport(number)


class TestRequests:
    def test_what_was_written_fails_at_once_and_is_not_written_again(self) -> None:
        peer = Peer()
        peer.connect()
        asked = peer.execute(c.execute("asked", {}))
        peer.cut("reset by peer")
        error = error_of(asked, ConnectionLostError)
        assert error.maybe_delivered
        assert error.reason == "reset by peer"
        request = peer.requests.pop()
        peer.reconnect()
        assert peer.requests == []
        peer.reply(request)
        assert peer.last(Ignored).reason == "a reply to a request that is not waiting"

    def test_what_was_not_written_survives_failed_reconnects_in_order(self) -> None:
        peer = Peer()
        peer.connect()
        peer.cut()
        waiting = [peer.execute(c.execute(f"m{i}", {})) for i in range(3)]
        peer.await_transport()
        peer.cut()
        waiting.append(peer.execute(c.execute("m3", {})))
        peer.refuse(peer.reopen(), -32000)
        peer.reopen()
        peer.cut()
        assert not any(pending.settled for pending in waiting)
        peer.reconnect()
        assert [frame["method"] for frame in peer.requests] == ["m0", "m1", "m2", "m3"]

    def test_what_is_never_written_fails_after_60_seconds(self) -> None:
        peer = Peer()
        peer.connect()
        peer.cut()
        waiting = peer.execute(c.execute("what", {}, timeout=1))
        for _ in range(20):
            if peer.now + 31 > 1060:
                break
            peer.advance_to_deadline()
        peer.advance(1059.9 - peer.now)
        assert not waiting.settled
        peer.advance(0.1)
        error = error_of(waiting, RequestTimeoutError)
        assert (error.sent, error.seconds) == (False, 60)
        peer.requests.clear()
        peer.await_transport()
        peer.cut()
        peer.reconnect()
        assert peer.requests == []

    def test_a_reply_has_its_time_from_when_the_request_was_written(self) -> None:
        peer = Peer.waiting()
        waiting = peer.execute(c.execute("what", {}))
        peer.advance(30)
        peer.connect()
        peer.advance(9.9)
        assert not waiting.settled
        peer.advance(0.1)
        assert error_of(waiting, RequestTimeoutError).sent


class TestContexts:
    def test_the_current_set_is_restored(self) -> None:
        peer = Peer(contexts=("office", "home"))
        peer.connect()
        for command in (c.receive(["sales", "office"]), c.unreceive(["home", "never"])):
            done = peer.execute(command)
            peer.reply(peer.requests.pop())
            assert done.result() == {"code": "200", "message": "OK"}
        assert peer.core.contexts == ("office", "sales")
        assert peer.core.config.contexts == ("office", "home")
        peer.cut()
        assert peer.reconnect()["params"]["contexts"] == ["office", "sales"]

    def test_what_was_refused_or_lost_changes_nothing(self) -> None:
        peer = Peer()
        peer.connect()
        peer.execute(c.receive(["sales"]))
        peer.reply(peer.take("signalwire.receive"), {"code": "402", "message": "pay"})
        peer.execute(c.unreceive(["office"]))
        peer.cut()
        assert peer.core.contexts == ("office",)

    def test_a_drained_client_subscribes_to_none(self) -> None:
        peer = Peer()
        peer.connect()
        peer.core.drain(peer.now)
        peer.pump()
        assert peer.take("signalwire.unreceive")["params"] == {"contexts": ["office"]}
        assert not peer.core.accepting_calls
        peer.cut()
        assert "contexts" not in peer.reconnect()["params"]
        peer.core.drain(peer.now)
        assert peer.core.next_output() is None

    def test_a_client_may_be_drained_without_a_session(self) -> None:
        peer = Peer()
        peer.core.drain(peer.now)
        assert peer.core.next_output() is None
        assert "contexts" not in peer.connect()["params"]
        assert peer.requests == [], "there is nothing to unsubscribe from"


class TestEvents:
    def test_a_redelivered_event_is_acknowledged_where_it_came_and_heard_once(self) -> None:
        peer = Peer()
        peer.connect()
        peer.event("calling.conference", event_id="e-1")
        peer.cut()
        peer.reconnect()
        peer.event("calling.conference", event_id="e-1")
        assert [reply["id"] for reply in peer.replies] == ["e-1", "e-1"]
        assert len(peer.events()) == 1
        assert peer.last(Ignored).reason == "an event that came before"

    def test_a_new_session_may_use_the_old_ids(self) -> None:
        peer = Peer()
        peer.connect()
        peer.event("calling.conference", event_id="e-1")
        peer.cut()
        peer.reconnect(session_restored=False)
        peer.event("calling.conference", event_id="e-1")
        assert len(peer.events()) == 2

    def test_only_the_latest_ids_are_remembered(self) -> None:
        peer = Peer(limits=Limits(event_ids=2))
        peer.connect()
        for identity in ("e-1", "e-2", "e-3", "e-2", "e-1"):
            peer.event("calling.conference", event_id=identity)
        assert len(peer.events()) == 4, "e-1 was forgotten, e-2 was not"


class TestWhatIsAlive:
    def test_a_resumed_session_has_its_calls_actions_and_messages(self) -> None:
        peer = Peer()
        peer.connect()
        call = peer.offer()
        action = peer.execute_on(call, starting(kinds.PLAY))
        peer.reply(peer.take("calling.play"))
        sent = peer.execute(c.send_message(to_number="+1", from_number="+2", body="Hi"))
        peer.reply(peer.take("messaging.send"), {"message_id": "m-1"})
        peer.cut()
        peer.reconnect()
        done: list[Pending[Any]] = [action.result().done, sent.result().done]
        assert not any(pending.settled for pending in done)
        peer.state("c-1", "answered")
        peer.event("calling.call.play", call_id="c-1", control_id="a-1", state="finished")
        peer.event("messaging.state", message_id="m-1", message_state="delivered")
        assert call.state == "answered"
        assert all(pending.settled for pending in done)

    def test_a_lost_session_ends_its_calls_but_keeps_its_messages(self) -> None:
        peer = Peer()
        peer.connect()
        call = peer.offer()
        ended = peer.core.wait_for(call, CallState.ENDED, peer.now)
        played = peer.execute_on(call, starting(kinds.PLAY, "a-1"))
        recorded = peer.execute_on(call, starting(kinds.RECORD, "a-2"))
        for request in tuple(peer.requests):
            peer.reply(request)
        sent = peer.execute(c.send_message(to_number="+1", from_number="+2", body="Hi"))
        peer.reply(peer.take_all("messaging.send")[0], {"message_id": "m-1"})
        peer.cut()
        assert not call.ended
        peer.forget()
        peer.reconnect(session_restored=False)
        event = peer.last(EventReceived).event
        assert isinstance(event, CallStateEvent)
        assert (event.call_state, event.end_reason, event.local) == ("ended", "error", True)
        assert event.params["local"] is True
        assert call.end_reason == "error"
        for pending in (ended, played.result().done, recorded.result().done):
            assert pending.result() is event, "also what might have been reported late"
        assert peer.last(CallEnded).call is call
        assert peer.core.active_calls == 0
        peer.event("messaging.state", message_id="m-1", message_state="delivered")
        assert peer.last(MessageChanged).message is sent.result()

    def test_an_event_before_the_reply_of_a_resume_counts(self) -> None:
        peer = Peer()
        peer.connect()
        call = peer.offer()
        peer.cut()
        connect = peer.reopen()
        peer.state("c-1", "answered")
        assert call.state == "answered"
        peer.reply(connect, {"session_restored": True})
        assert not call.ended

    def test_settled_comes_behind_connected(self) -> None:
        peer = Peer()
        peer.connect()
        kinds_of = [type(output) for output in peer.outputs]
        assert kinds_of.index(Connected) < kinds_of.index(Settled)
