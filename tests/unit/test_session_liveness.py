"""Pings both ways, the server's goodbye, and what else can end a transport."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.api import commands as c
from relay_proto.config import Limits, Timing
from relay_proto.errors import ConnectionLostError, RemoteProtocolError, RequestTimeoutError
from relay_proto.outputs import (
    CallEnded,
    CloseTransport,
    Connected,
    ConnectFailed,
    Disconnected,
    FrameTraced,
    Ignored,
    PeerViolation,
)
from relay_proto.transitions import SessionState
from tests.unit.client_peer import PROTOCOL, TOKEN, Frame, Peer, error_of

PING = "signalwire.ping"


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.connect()
    peer.forget()
    return peer


class TestServerPings:
    @pytest.mark.parametrize(
        ("params", "echo"),
        [
            ({"timestamp": 1700000000.25}, {"timestamp": 1700000000.25}),
            ({"timestamp": 1, "payload": "x", "more": 2}, {"timestamp": 1, "payload": "x"}),
            ({"timestamp": None}, {"timestamp": None}),
            ({}, {}),
            (None, {}),
            ([1, 2], {}),
        ],
    )
    def test_a_ping_is_echoed(self, peer: Peer, params: Any, echo: Frame) -> None:
        peer.feed(peer.asked(PING, params))
        assert peer.replies == [{"id": "s-1", "result": echo}]

    @pytest.mark.parametrize("before", [True, False])
    def test_without_a_session_a_ping_is_answered_and_no_more(
        self, peer: Peer, before: bool
    ) -> None:
        if before:
            peer = Peer.waiting()
            peer.open()
        else:
            peer.ask("signalwire.disconnect")
        peer.forget()
        deadline = peer.core.deadline()
        peer.advance(1)
        identity = peer.ask(PING)
        assert peer.replies == [{"id": identity, "result": {}}]
        assert peer.core.deadline() == deadline
        peer.advance(3)
        assert peer.requests == []

    def test_an_id_is_echoed_unchanged(self, peer: Peer) -> None:
        peer.text('{"id": 7, "method": "signalwire.ping"}')
        peer.text('{"id": "\\u00e9", "method": "signalwire.ping"}')
        assert [reply["id"] for reply in peer.replies] == [7, "é"]

    @pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
    def test_a_payload_of_any_depth_does_no_harm(
        self, peer: Peer, opening: str, closing: str
    ) -> None:
        for depth in (200, 100_000):
            nest = f"{opening * depth}1{closing * depth}"
            peer.text(f'{{"id": {depth}, "method": "{PING}", "params": {{"payload": {nest}}}}}')
        (reply,) = peer.replies
        assert (reply["id"], [*reply["result"]]) == (200, ["payload"])
        assert len(peer.all(PeerViolation)) == 1


class TestProbing:
    def test_it_pings_every_30_seconds(self, peer: Peer) -> None:
        peer.advance(29.9)
        assert peer.requests == []
        for _ in range(3):
            peer.advance(0.1)
            ping = peer.take(PING)
            assert ping["params"] == {}
            peer.reply(ping, {})
            peer.advance(29.9)
            assert peer.requests == []

    def test_a_reply_to_its_own_ping_does_not_surface(self, peer: Peer) -> None:
        peer.advance(30)
        peer.reply(peer.take(PING), {"timestamp": 1})
        peer.advance(30)
        peer.refuse(peer.take(PING), -32601)
        assert peer.all(Ignored) == []
        assert peer.core.state is SessionState.READY

    def test_it_probes_when_the_servers_pings_stop_for_15_seconds(self, peer: Peer) -> None:
        peer.ask(PING)
        peer.advance(10)
        peer.ask(PING)
        peer.advance(14.9)
        assert peer.requests == []
        peer.advance(0.1)
        peer.reply(peer.take(PING), {})
        peer.advance(4)
        assert peer.requests == [], "one probe, until the server pings again"
        peer.advance(1)
        assert peer.take(PING), "the regular one"

    def test_without_a_ping_of_the_servers_nothing_watches(self, peer: Peer) -> None:
        peer.event("calling.conference")
        peer.advance(29)
        assert peer.requests == []

    def test_a_probe_under_way_is_not_doubled(self, peer: Peer) -> None:
        peer.advance(20)
        peer.ask(PING)
        peer.advance(10)
        assert peer.take(PING), "the regular one"
        peer.advance(5)
        assert peer.requests == [], "the watchdog has nothing to add"

    def test_three_failures_in_a_row_end_the_transport(self, peer: Peer) -> None:
        peer.advance(30)
        assert peer.take(PING)
        for delay in (2, 4):
            peer.advance(10 + delay - 0.1)
            assert peer.requests == []
            peer.advance(0.1)
            assert peer.take(PING), f"another ping {delay} s after the failure"
        peer.advance(9.9)
        assert peer.all(CloseTransport) == []
        peer.advance(0.1)
        assert peer.all(CloseTransport) == [CloseTransport(1, flush=False)]
        error = peer.last(Disconnected).error
        assert isinstance(error, ConnectionLostError)
        assert error.reason == "3 pings in a row were not answered"
        peer.reconnect()

    def test_after_a_sign_of_life_three_may_fail_again(self, peer: Peer) -> None:
        peer.advance(30)
        assert peer.take(PING)
        peer.advance(10 + 2)
        assert peer.take(PING)
        peer.event("calling.conference")
        peer.advance(60 - 42)
        assert peer.take(PING)
        for delay in (2, 4):
            peer.advance(10 + delay)
            assert peer.take(PING), f"another ping {delay} s after the failure"
        peer.advance(9.9)
        assert peer.all(CloseTransport) == []
        peer.advance(0.1)
        assert peer.all(CloseTransport) == [CloseTransport(1, flush=False)]

    def test_the_delay_between_pings_stops_growing(self) -> None:
        timing = Timing(ping_interval=1000.0, ping_retry_delay=1.0)
        peer = Peer(timing=timing, limits=Limits(ping_failures=20))
        peer.connect()
        peer.forget()
        peer.advance(1000)
        assert peer.take(PING)
        for failures in range(1, 20):
            delay = 2 ** min(failures - 1, 16)
            peer.advance(10 + delay - 0.5)
            assert peer.requests == [], failures
            peer.advance(0.5)
            assert peer.take(PING), failures

    @pytest.mark.parametrize("sign", ["event", "late reply", "ping", "malformed", "error"])
    @pytest.mark.parametrize("after", [5, 11, 23])
    def test_any_frame_clears_the_failures(self, peer: Peer, sign: str, after: float) -> None:
        peer.advance(30)
        ping = peer.requests[0]
        peer.advance(after)
        match sign:
            case "event":
                peer.event("calling.conference")
            case "late reply":
                peer.reply({"id": "whatever"})
            case "ping":
                peer.ask(PING)
            case "malformed":
                peer.text("]")
            case _:
                peer.refuse(ping, -32601)
        peer.forget()
        peer.advance(30)
        assert peer.take_all(PING)
        assert peer.core.state is SessionState.READY

    def test_a_message_that_is_still_arriving_is_a_sign_of_life(self, peer: Peer) -> None:
        event = peer.encoded(peer.told("calling.conference", text="x" * 1000))
        peer.advance(30)
        for part in range(0, len(event), 300):
            peer.advance(9)
            peer.raw(event[part : part + 300])
        assert len(peer.events()) == 1
        assert peer.all(CloseTransport) == []
        assert peer.core.state is SessionState.READY

    def test_a_binary_message_is_no_frame(self, peer: Peer) -> None:
        peer.raw(b"\x82\x03abc")
        assert peer.last(PeerViolation).reason == "a binary message of 3 bytes was ignored"
        assert peer.core.state is SessionState.READY


class TestOneSlowRequest:
    def test_a_timeout_is_its_own_and_probes(self, peer: Peer) -> None:
        slow = peer.execute(c.execute("slow", {}))
        peer.advance(1)
        other = peer.execute(c.execute("other", {}))
        call = peer.offer()
        request = peer.requests[0]
        peer.advance(9)
        error = error_of(slow, RequestTimeoutError)
        assert (error.sent, error.seconds, error.method) == (True, 10, "slow")
        assert not other.settled
        assert len(peer.take_all(PING)) == 1
        peer.advance(1)
        assert error_of(other, RequestTimeoutError)
        assert peer.take_all(PING) == [], "the probe is under way"
        peer.reply(request, {"code": "200"})
        assert peer.last(Ignored).reason == "a reply to a request that is not waiting"
        assert not call.ended
        assert peer.core.state is SessionState.READY


class TestGoodbye:
    def test_it_answers_drains_and_resumes(self, peer: Peer) -> None:
        asked = peer.execute(c.execute("asked", {}))
        call = peer.offer()
        request = peer.take("asked")
        identity = peer.ask("signalwire.disconnect", {"restart": False})
        assert peer.replies[-1] == {"id": identity, "result": {}}
        assert peer.core.state is SessionState.DRAINING
        later = peer.execute(c.execute("later", {}))
        peer.event("calling.conference")
        assert peer.requests == [], "only replies are written"
        assert len(peer.replies) == 3
        peer.reply(request)
        assert asked.result()
        peer.hang_up()
        delay = peer.last(Disconnected).retry_delay
        assert delay is not None
        assert 1 <= delay <= 3
        assert peer.reconnect()["params"]["protocol"] == PROTOCOL
        assert peer.last(Connected).resumed
        peer.reply(peer.take("later"))
        assert later.result()
        assert not call.ended

    def test_with_restart_the_session_is_over(self, peer: Peer) -> None:
        peer.event("signalwire.authorization.state", authorization_state="b64:b64")
        call = peer.offer()
        peer.ask("signalwire.disconnect", {"restart": True})
        peer.cut()
        assert not call.ended
        assert not {"protocol", "authorization_state"} & peer.reconnect()["params"].keys()
        assert peer.last(CallEnded).call is call

    @pytest.mark.parametrize("restart", [None, "true", 1])
    def test_only_true_is_a_restart(self, peer: Peer, restart: object) -> None:
        peer.ask("signalwire.disconnect", {"restart": restart})
        peer.cut()
        assert "protocol" in peer.reconnect()["params"]

    def test_a_server_that_never_closes_is_left_after_5_seconds(self, peer: Peer) -> None:
        peer.ask(PING)
        asked = peer.execute(c.execute("asked", {}))
        peer.advance(9)
        peer.ask("signalwire.disconnect")
        peer.advance(4.9)
        assert error_of(asked, RequestTimeoutError)
        assert peer.take("asked"), "no probe while draining"
        assert peer.all(CloseTransport) == []
        peer.advance(0.1)
        assert peer.last(CloseTransport) == CloseTransport(1, flush=True)
        assert peer.close_code == 1000
        error = peer.last(Disconnected).error
        assert isinstance(error, ConnectionLostError)
        assert error.reason == "the server asked for a reconnect"
        peer.reconnect()

    def test_a_second_goodbye_changes_no_deadline(self, peer: Peer) -> None:
        peer.ask("signalwire.disconnect")
        peer.advance(3)
        peer.ask("signalwire.disconnect", {"restart": True})
        assert len(peer.replies) == 2
        assert peer.last(Ignored).reason == "the server said goodbye again"
        peer.ask(PING)
        peer.advance(2)
        assert len(peer.all(CloseTransport)) == 1
        assert "protocol" not in peer.reconnect()["params"]

    def test_before_the_session_it_is_a_failed_attempt(self) -> None:
        peer = Peer()
        peer.start(retry=True)
        peer.open()
        peer.ask("signalwire.disconnect")
        assert peer.replies == [{"id": "s-1", "result": {}}]
        failed = peer.last(ConnectFailed)
        assert failed.attempt == 1
        assert "the server asked for a reconnect" in str(failed.error)
        peer.reconnect()

    def test_what_comes_behind_the_end_of_a_transport_is_not_heard(self) -> None:
        peer = Peer()
        peer.start(retry=True)
        peer.open()
        peer.feed(peer.asked("signalwire.disconnect", {}), peer.told("calling.conference"))
        assert len(peer.replies) == 1
        assert peer.events() == []


class TestTheEndOfATransport:
    @pytest.mark.parametrize(
        ("code", "reason", "words"),
        [
            (1001, "", "the server closed it (1001)"),
            (4000, f"away with {TOKEN}", "the server closed it (4000 away with ***)"),
        ],
    )
    def test_a_close_is_answered(self, peer: Peer, code: int, reason: str, words: str) -> None:
        lost = peer.execute(c.execute("asked", {}))
        peer.hang_up(code, reason)
        assert peer.close_code == code
        error = peer.last(Disconnected).error
        assert isinstance(error, ConnectionLostError)
        assert error.reason == words
        assert error_of(lost, ConnectionLostError).reason == words
        assert peer.last(CloseTransport).flush
        peer.reconnect()

    @pytest.mark.parametrize("closes", [True, False])
    def test_what_its_last_read_tells_is_acknowledged(self, peer: Peer, closes: bool) -> None:
        event = peer.encoded(peer.told("calling.conference", event_id="e-1"))
        peer.raw(event + (peer.ended() if closes else b"\xff\xff"))
        assert peer.replies == [{"id": "e-1", "result": {}}]
        assert [type(event).__name__ for event in peer.events()] == ["ConferenceEvent"]
        assert peer.last(CloseTransport).flush

    def test_a_session_that_begins_and_ends_in_one_read_writes_what_has_waited(self) -> None:
        peer = Peer.waiting()
        lost = peer.execute(c.execute("asked", {}))
        peer.open()
        connect = peer.take("signalwire.connect")
        peer.raw(peer.encoded({"id": connect["id"], "result": {}}) + peer.ended())
        assert peer.take("asked")
        assert error_of(lost, ConnectionLostError).maybe_delivered

    def test_a_violation_is_reported_with_the_loss(self, peer: Peer) -> None:
        lost = peer.execute(c.execute("asked", {}))
        peer.raw(b"\xff\xff")
        error = peer.last(Disconnected).error
        assert isinstance(error, RemoteProtocolError)
        assert peer.last(PeerViolation).reason == error.message
        lost_error = error_of(lost, ConnectionLostError)
        assert lost_error.maybe_delivered
        assert lost_error.reason == error.message
        assert peer.last(CloseTransport).flush
        peer.reconnect()

    def test_an_oversized_message_ends_the_transport(self, peer: Peer) -> None:
        peer.raw(b"\x81\x7f" + (10 * 1024 * 1024 + 1).to_bytes(8, "big"))
        assert "longer than 10485760 bytes" in peer.last(PeerViolation).reason
        assert peer.core.state is SessionState.WAITING_TO_RECONNECT

    def test_a_ping_of_the_websocket_is_answered(self, peer: Peer) -> None:
        peer.raw(b"\x89\x02hi")
        assert peer.core.state is SessionState.READY


class TestTraces:
    def test_frames_are_traced_masked_in_both_directions(self) -> None:
        peer = Peer(trace_frames=True)
        peer.connect()
        sent, received = peer.all(FrameTraced)
        assert sent.sent
        assert '"authentication":{"project":"***","token":"***"}' in sent.text
        assert not received.sent
        assert PROTOCOL in received.text
        peer.text("garbage")
        assert peer.last(FrameTraced).text == "(7 bytes that are not JSON)"

    def test_nothing_is_traced_unless_asked_for(self, peer: Peer) -> None:
        peer.ask(PING)
        assert peer.all(FrameTraced) == []
