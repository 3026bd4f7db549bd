"""Closing: from every state within the bound, everything settled, and nothing behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relay_proto.api import commands as c
from relay_proto.api.commands import Command
from relay_proto.errors import ClientClosedError, LocalProtocolError
from relay_proto.outputs import (
    CallEnded,
    Closed,
    CloseTransport,
    Disconnected,
    EventReceived,
    SendData,
    Settled,
)
from relay_proto.pending import Pending
from relay_proto.rpc import action_kinds as kinds
from relay_proto.transitions import CallState, SessionState
from tests.unit.client_peer import DEVICES, Peer, error_of, starting


def disconnected(peer: Peer) -> None:
    assert peer.core.state is SessionState.DISCONNECTED


def connecting(peer: Peer) -> None:
    peer.start(retry=True)
    assert peer.core.state is SessionState.CONNECTING


def upgrading(peer: Peer) -> None:
    connecting(peer)
    peer.core.transport_opened(1, peer.now)
    peer.pump()


def authenticating(peer: Peer) -> None:
    connecting(peer)
    peer.open()
    assert peer.core.state is SessionState.AUTHENTICATING


def ready(peer: Peer) -> None:
    peer.connect()
    assert peer.core.state is SessionState.READY


def draining(peer: Peer) -> None:
    peer.connect()
    peer.ask("signalwire.disconnect")
    assert peer.core.state is SessionState.DRAINING


def waiting(peer: Peer) -> None:
    peer.connect()
    peer.cut()
    assert peer.core.state is SessionState.WAITING_TO_RECONNECT


def abandoned(peer: Peer) -> None:
    peer.start()
    peer.cut()
    assert peer.core.state is SessionState.DISCONNECTED


WITHOUT_HANDSHAKE = (disconnected, connecting, upgrading, waiting, abandoned)
WITH_HANDSHAKE = (authenticating, ready, draining)

State = Callable[[Peer], None]

ASK = c.execute("what", {})


class TestEveryState:
    @pytest.mark.parametrize("state", WITHOUT_HANDSHAKE)
    def test_without_a_websocket_it_is_over_at_once(self, state: State) -> None:
        peer = Peer()
        state(peer)
        queued = [] if peer.core.state is SessionState.DISCONNECTED else [peer.execute(ASK)]
        peer.close()
        self.check_over(peer)
        assert all(request.settled for request in queued)

    @pytest.mark.parametrize("state", [disconnected, abandoned])
    @pytest.mark.parametrize("command", [ASK, c.dial(DEVICES), c.receive(["more"])])
    def test_before_it_is_started_a_command_is_refused(
        self, state: State, command: Command[Any]
    ) -> None:
        peer = Peer()
        state(peer)
        with pytest.raises(ClientClosedError, match=r"connect\(\)"):
            peer.execute(command)
        peer.connect()
        assert peer.requests == []
        peer.execute(command)
        assert len(peer.requests) == 1, "it has left no trace"

    @pytest.mark.parametrize("state", WITH_HANDSHAKE)
    def test_with_one_it_is_over_when_the_server_has_closed_too(self, state: State) -> None:
        peer = Peer()
        state(peer)
        peer.close()
        assert peer.close_code == 1000
        assert peer.last(CloseTransport).flush
        self.check_over(peer)

    @pytest.mark.parametrize("state", WITH_HANDSHAKE)
    def test_with_one_it_is_over_when_the_server_does_not_answer(self, state: State) -> None:
        peer = Peer()
        peer.polite = False
        state(peer)
        peer.close()
        assert peer.core.state is SessionState.CLOSING
        assert peer.core.deadline() == peer.now + 3
        peer.close()
        peer.advance(3)
        assert not peer.last(CloseTransport).flush
        self.check_over(peer)

    @pytest.mark.parametrize("state", WITH_HANDSHAKE)
    @pytest.mark.parametrize("end", ["cut", "violation"])
    def test_with_one_it_is_over_when_the_transport_ends(self, state: State, end: str) -> None:
        peer = Peer()
        peer.polite = False
        state(peer)
        peer.close()
        if end == "cut":
            peer.cut()
            assert peer.all(CloseTransport) == [], "there is nothing left to close"
        else:
            peer.raw(b"\xff\xff")
        self.check_over(peer)

    @pytest.mark.parametrize("state", WITH_HANDSHAKE)
    def test_what_the_server_says_meanwhile_is_not_heard(self, state: State) -> None:
        peer = Peer()
        peer.polite = False
        state(peer)
        peer.close()
        peer.forget()
        for method in ("event", "ping", "disconnect"):  # on its way when the close arrived
            text = f'{{"id":"e-1","method":"signalwire.{method}"}}'.encode()
            peer.raw(b"\x81" + bytes([len(text)]) + text)
        assert peer.outputs == []
        assert peer.core.state is SessionState.CLOSING

    def check_over(self, peer: Peer) -> None:
        assert peer.outputs[-1] == Closed(None)
        assert peer.core.state is SessionState.CLOSED
        assert repr(peer.core) == "<ClientCore relay.example.com closed>"
        assert peer.core.deadline() is None
        assert peer.core.protocol == ""
        peer.forget()
        peer.close()
        peer.core.drain(peer.now)
        for number in range(3):
            peer.core.transport_opened(number, peer.now)
            peer.core.receive_data(number, b"\x81\x02{}", peer.now)
            peer.core.transport_closed(number, peer.now, "")
        peer.advance(1000)
        peer.pump()
        assert peer.outputs == []
        with pytest.raises(ClientClosedError):
            peer.execute(c.execute("what", {}))
        with pytest.raises(LocalProtocolError):
            peer.start()


class TestWhatIsUnderWay:
    def test_everything_that_is_waited_for_ends(self) -> None:
        peer = Peer()
        peer.connect()
        call = peer.offer()
        action = peer.execute_on(call, starting(kinds.RECORD))
        peer.reply(peer.take("calling.record"))
        ended = peer.core.wait_for(call, CallState.ENDED, peer.now)
        failing: list[Pending[Any]] = [
            peer.execute(c.execute("what", {})),
            peer.execute_on(call, c.answer()),
            peer.execute_on(call, starting(kinds.PLAY, "a-2")),
            peer.execute(c.dial(DEVICES)),
            peer.execute(c.send_message(to_number="+1", from_number="+2", body="Hi")),
        ]
        peer.close()
        for pending in failing:
            assert error_of(pending, ClientClosedError)
        event = ended.result()
        assert event.params["local"] is True
        assert action.result().done.result() is event
        assert call.ended
        assert peer.last(CallEnded).call is call
        settled = [output.pending for output in peer.all(Settled)]
        assert len(settled) == len(set(map(id, settled)))
        assert peer.core.active_calls == 0

    def test_a_start_that_waits_is_told(self) -> None:
        peer = Peer()
        started = peer.start(retry=True)
        peer.cut()
        peer.close()
        assert error_of(started, ClientClosedError)

    def test_what_nobody_asked_for_does_not_settle(self) -> None:
        peer = Peer()
        peer.close()
        assert peer.outputs == [Closed(None)]

    def test_the_legs_of_a_dial_are_hung_up_while_it_can(self) -> None:
        peer = Peer()
        peer.connect()
        dialled = peer.execute(c.dial(DEVICES, tag="t-1"))
        peer.state("c-7", "ringing", tag="t-1")
        peer.requests.clear()
        peer.close()
        assert error_of(dialled, ClientClosedError)
        assert peer.take("calling.end")["params"]["call_id"] == "c-7"

    def test_the_order_is_disconnected_settled_closed(self) -> None:
        peer = Peer()
        peer.connect()
        peer.offer()
        peer.execute(c.execute("what", {}))
        peer.forget()
        peer.close()
        assert peer.outputs[0] == Disconnected(None, None)
        assert [type(output) for output in peer.outputs[1:]] == [
            Settled,
            EventReceived,
            CallEnded,
            SendData,
            CloseTransport,
            Closed,
        ]

    def test_an_ended_call_can_be_asked_for_its_end(self) -> None:
        peer = Peer()
        peer.connect()
        call = peer.offer()
        peer.close()
        assert peer.core.wait_for(call, CallState.ENDED, peer.now).settled


def test_who_drains_takes_no_calls_whatever_becomes_of_the_handlers() -> None:
    peer = Peer()
    ready(peer)
    peer.core.drain(peer.now)
    peer.core.accepting_calls = True
    assert not peer.core.accepting_calls
