"""Connecting: the connect frame, and what its replies mean."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto import Credentials, Secret
from relay_proto.api import commands as c
from relay_proto.errors import (
    AuthenticationError,
    ClientClosedError,
    ConnectFailedError,
    LocalProtocolError,
    RemoteProtocolError,
)
from relay_proto.outputs import (
    CallEnded,
    Closed,
    CloseTransport,
    Connected,
    ConnectFailed,
    Ignored,
    PeerViolation,
)
from relay_proto.transitions import SessionState
from tests.unit.client_peer import PROJECT, PROTOCOL, TOKEN, Peer, error_of

AUTHENTICATION = {"project": PROJECT, "token": TOKEN}


class TestConnectFrame:
    def test_a_fresh_connect_says_exactly_this(self) -> None:
        frame = Peer().connect()
        assert frame == {
            "id": frame["id"],
            "method": "signalwire.connect",
            "params": {
                "version": {"major": 2, "minor": 0, "revision": 0},
                "agent": "test/1",
                "event_acks": True,
                "authentication": AUTHENTICATION,
                "contexts": ["office"],
            },
        }
        assert [len(part) for part in frame["id"].split("-")] == [8, 4, 4, 4, 12]
        assert frame["id"][14] == "4"
        assert frame["id"][19] in "89ab"

    def test_contexts_are_left_out_when_there_are_none(self) -> None:
        assert "contexts" not in Peer(contexts=()).connect()["params"]

    def test_a_jwt_stands_alone(self) -> None:
        credentials = Credentials(Secret(PROJECT), Secret(TOKEN), Secret("jwt-1234"))
        frame = Peer(credentials=credentials).connect()
        assert frame["params"]["authentication"] == {"jwt_token": "jwt-1234"}

    def test_a_resume_offers_the_protocol_and_the_authorization_state(self) -> None:
        peer = Peer()
        peer.connect()
        peer.event("signalwire.authorization.state", authorization_state="b64:b64")
        assert peer.events() == [], "a secret is not reported"
        peer.cut()
        params = peer.reconnect()["params"]
        assert params["protocol"] == PROTOCOL
        assert params["authorization_state"] == "b64:b64"
        assert params["authentication"] == AUTHENTICATION

    def test_an_authorization_state_goes_with_a_protocol_only(self) -> None:
        peer = Peer()
        peer.connect(protocol=None)
        peer.event("signalwire.authorization.state", authorization_state="b64:b64")
        peer.cut()
        assert not {"protocol", "authorization_state"} & peer.reconnect()["params"].keys()


class TestBeforeTheReply:
    def test_nothing_is_asked_before_the_reply_and_all_in_order_behind_it(self) -> None:
        peer = Peer()
        peer.start()
        peer.execute(c.execute("first", {}))
        peer.execute(c.execute("second", {}))
        peer.open()
        peer.execute(c.execute("third", {}))
        assert [frame["method"] for frame in peer.written] == ["signalwire.connect"]
        peer.accept()
        peer.execute(c.execute("fourth", {}))
        methods = [frame["method"] for frame in peer.requests]
        assert methods == ["first", "second", "third", "fourth"]

    def test_the_server_is_answered_before_its_reply(self) -> None:
        peer = Peer()
        peer.start()
        peer.open()
        peer.ask("signalwire.ping", {"timestamp": 1.5})
        peer.ask("what")
        peer.offer("c-1")
        peer.core.accepting_calls = False
        peer.event("calling.call.receive", call_id="c-2", node_id="n-1")
        error = {"code": -32601, "message": "Method not found"}
        assert peer.replies == [
            {"id": "s-1", "result": {"timestamp": 1.5}},
            {"id": "s-2", "error": error},
            {"id": "s-3", "result": {}},
            {"id": "s-4", "result": {}},
        ]
        peer.accept()
        assert peer.take("calling.pass")["params"] == {"node_id": "n-1", "call_id": "c-2"}

    def test_the_reply_and_what_follows_it_may_come_in_one_read(self) -> None:
        peer = Peer()
        peer.start()
        peer.open()
        connect = peer.take("signalwire.connect")
        reply = {"id": connect["id"], "result": {"protocol": PROTOCOL}}
        peer.feed(reply, peer.told("calling.conference", name="k"))
        assert peer.core.state is SessionState.READY
        assert [type(event).__name__ for event in peer.events()] == ["ConferenceEvent"]


class TestAccepted:
    @pytest.mark.parametrize("code", [None, "200", 201, "299"])
    def test_a_result_without_a_code_or_with_a_2xx_opens_the_session(self, code: Any) -> None:
        peer = Peer()
        peer.connect(code=code)
        assert peer.core.state is SessionState.READY
        assert peer.core.protocol == PROTOCOL
        assert peer.all(Connected) == [Connected(resumed=False)]

    def test_a_repeated_reply_is_ignored(self) -> None:
        peer = Peer()
        connect = peer.connect()
        peer.reply(connect, {"protocol": "another"})
        assert peer.core.protocol == PROTOCOL
        assert peer.all(Ignored)

    @pytest.mark.parametrize("body", [{"result": {}}, {"error": {"code": -32002}}])
    def test_a_reply_with_an_empty_id_is_no_reply_to_connect(self, body: dict[str, Any]) -> None:
        peer = Peer()
        peer.connect()
        peer.feed({"id": "", **body})
        assert peer.core.state is SessionState.READY
        assert peer.all(Ignored)

    def test_start_is_called_once(self) -> None:
        peer = Peer()
        peer.connect()
        with pytest.raises(LocalProtocolError, match="this one is ready"):
            peer.start()


class TestRefused:
    @pytest.mark.parametrize(
        ("answer", "code", "message"),
        [
            ({"error": {"code": -32002, "message": "Unauthorized"}}, -32002, "Unauthorized"),
            ({"error": {}}, -1, "Unknown error"),
            ({"result": {"code": "401", "message": "who?"}}, 401, "who?"),
            ({"result": {"code": 503, "message": 7}}, 503, "refused"),
        ],
    )
    def test_the_first_refusal_fails_the_start_and_leaves_nothing(
        self, answer: dict[str, Any], code: int, message: str
    ) -> None:
        peer = Peer()
        started = peer.start()
        waiting = peer.execute(c.execute("what", {}))
        peer.open()
        peer.feed({"id": peer.take("signalwire.connect")["id"], **answer})
        error = error_of(started, AuthenticationError)
        assert (error.code, error.message) == (code, message)
        assert peer.all(ConnectFailed) == [ConnectFailed(error, 1, None)]
        assert peer.core.state is SessionState.DISCONNECTED
        assert peer.core.deadline() is None
        assert peer.close_code == 1000
        assert error_of(waiting, AuthenticationError) is error
        peer.connect()

    def test_three_refusals_in_a_row_are_final(self) -> None:
        peer = Peer()
        started = peer.start(retry=True)
        waiting = peer.execute(c.execute("what", {}))
        for _ in range(3):
            peer.refuse(peer.reopen(), -32002, f"bad token {TOKEN}")
        error = error_of(started, AuthenticationError)
        assert error_of(waiting, AuthenticationError) is error
        assert error.message == "bad token ***", "its own credentials are masked"
        attempts = [
            (output.attempt, output.retry_delay is None) for output in peer.all(ConnectFailed)
        ]
        assert attempts == [(1, False), (2, False), (3, True)]
        assert peer.outputs[-1] == Closed(error)
        assert peer.core.state is SessionState.CLOSED
        assert peer.transport == 0
        with pytest.raises(ClientClosedError):
            peer.execute(c.execute("what", {}))

    def test_timeouts_are_never_counted(self) -> None:
        peer = Peer()
        peer.start(retry=True)
        for outcome in ("refuse", "silence", "cut", "silence", "refuse", "http", "cut"):
            match outcome:
                case "refuse":
                    peer.refuse(peer.reopen(), -32002)
                case "silence":
                    peer.open()
                    peer.advance(10)
                case "http":
                    peer.core.transport_opened(peer.transport, peer.now)
                    peer.pump()
                    peer.raw(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                case _:
                    peer.cut("no such host")
            assert peer.core.state is SessionState.WAITING_TO_RECONNECT, outcome
            peer.requests.clear()
            peer.await_transport()
        peer.refuse(peer.reopen(), -32002)
        assert peer.core.state is SessionState.CLOSED

    def test_refused_credentials_end_a_client_that_had_a_session(self) -> None:
        peer = Peer()
        peer.connect(protocol=None)
        call = peer.offer()
        peer.cut()
        for code in (401, 403, -32002):
            peer.refuse(peer.reopen(), code)
        assert isinstance(peer.last(Closed).error, AuthenticationError)
        assert peer.last(CallEnded).call is call

    def test_other_errors_after_a_session_are_retried_without_limit(self) -> None:
        peer = Peer()
        peer.connect()
        peer.cut()
        for _ in range(10):
            peer.refuse(peer.reopen(), -32000, "overloaded")
        assert peer.reconnect()["params"]["protocol"] == PROTOCOL

    def test_a_session_forgives_earlier_refusals(self) -> None:
        peer = Peer()
        peer.start(retry=True)
        for _ in range(2):
            for _ in range(2):
                peer.refuse(peer.reopen(), -32002)
            peer.reconnect(protocol=None)
            peer.cut()

    @pytest.mark.parametrize("result", [None, [], "yes", 5])
    def test_a_result_that_is_no_object_ends_the_transport(self, result: Any) -> None:
        peer = Peer()
        started = peer.start()
        peer.open()
        peer.reply(peer.take("signalwire.connect"), result)
        assert "no object" in str(error_of(started, RemoteProtocolError))
        assert "no object" in peer.last(PeerViolation).reason


class TestNoAnswer:
    def test_a_transport_that_does_not_open_is_given_up(self) -> None:
        peer = Peer()
        started = peer.start()
        peer.advance(15)
        error = error_of(started, ConnectFailedError)
        assert str(error) == "cannot connect to relay.example.com: no connection within 15 s"
        assert peer.last(CloseTransport) == CloseTransport(1, flush=False)
        assert peer.core.state is SessionState.DISCONNECTED

    def test_an_upgrade_that_is_not_answered_is_given_up(self) -> None:
        peer = Peer()
        started = peer.start()
        peer.core.transport_opened(1, peer.now)
        peer.advance(14.9)
        assert not started.settled
        peer.advance(0.1)
        assert started.settled

    def test_a_connect_that_is_not_answered_is_given_up(self) -> None:
        peer = Peer()
        started = peer.start()
        peer.advance(5)
        peer.open()
        peer.advance(9.9)
        assert not started.settled
        peer.advance(0.1)
        assert "no reply to signalwire.connect in 10 s" in str(
            error_of(started, ConnectFailedError)
        )

    @pytest.mark.parametrize(
        ("reason", "words"),
        [("certificate has expired", "certificate has expired"), ("", "the server closed it")],
    )
    def test_a_transport_that_fails_says_why(self, reason: str, words: str) -> None:
        peer = Peer()
        started = peer.start()
        peer.cut(reason)
        error = error_of(started, ConnectFailedError)
        assert (error.host, error.reason) == ("relay.example.com", words)
        assert peer.core.state is SessionState.DISCONNECTED

    def test_a_refused_upgrade_says_why_without_credentials(self) -> None:
        peer = Peer()
        started = peer.start()
        peer.core.transport_opened(1, peer.now)
        peer.pump()
        peer.raw(f"HTTP/1.1 403 not {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode())
        error = error_of(started, RemoteProtocolError)
        assert error.status == 403
        assert error.message == "the server refused the WebSocket: 403 not ***"
        assert error.retry_after is None
        assert not peer.all(PeerViolation), "it is a refusal, and no violation"

    @pytest.mark.parametrize(
        ("status", "wish", "heard"),
        [
            (503, "40", 40.0),
            (429, "7", 7.0),
            (503, "4000", 300.0),
            (502, "40", 0.0),
            (503, "x", 0.0),
        ],
    )
    def test_a_server_that_wants_to_be_left_alone_is(
        self, status: int, wish: str, heard: float
    ) -> None:
        peer = Peer()
        peer.start(retry=True)
        peer.core.transport_opened(1, peer.now)
        peer.pump()
        head = f"HTTP/1.1 {status} Busy\r\nRetry-After: {wish}\r\nContent-Length: 0\r\n\r\n"
        peer.raw(head.encode())
        delay = peer.last(ConnectFailed).retry_delay
        assert delay is not None
        assert heard + 1.0 <= delay <= heard + 3.0, "the usual delay keeps the clients apart"
        error = peer.last(ConnectFailed).error
        assert isinstance(error, RemoteProtocolError)
        assert (error.retry_after is None) == (heard == 0.0)
        peer.advance(delay)
        peer.cut("no more")
        again = peer.last(ConnectFailed).retry_delay
        assert again is not None
        assert again <= 9.0, "the wish counts once"

    @pytest.mark.parametrize("wish", ["301", "4000"])
    def test_a_longer_wish_than_five_minutes_counts_as_five(self, wish: str) -> None:
        delays: list[float | None] = []
        for one in ("300", wish):
            peer = Peer()
            peer.start(retry=True)
            peer.core.transport_opened(1, peer.now)
            peer.pump()
            head = f"HTTP/1.1 503 Busy\r\nRetry-After: {one}\r\nContent-Length: 0\r\n\r\n"
            peer.raw(head.encode())
            delays.append(peer.last(ConnectFailed).retry_delay)
        assert delays[0] == delays[1]

    def test_a_server_that_speaks_first_is_refused(self) -> None:
        peer = Peer()
        started = peer.start()
        peer.raw(b"hello")
        assert "before the client asked" in str(error_of(started, RemoteProtocolError))
