"""Resuming a session, and that no credential shows."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.api import commands as c
from relay_proto.errors import (
    RelayError,
)
from relay_proto.outputs import (
    Connected,
    OpenTransport,
    SendData,
)
from relay_proto.transitions import SessionState
from tests.unit.client_peer import PROJECT, TOKEN, Peer, error_of

AUTHENTICATION = {"project": PROJECT, "token": TOKEN}


class TestResume:
    @pytest.mark.parametrize("code", [-32002, -32003, -32602])
    def test_refused_resume_data_is_followed_by_a_fresh_connect_on_the_spot(
        self, code: int
    ) -> None:
        peer = Peer()
        peer.connect()
        peer.event("signalwire.authorization.state", authorization_state="b64:b64")
        call = peer.offer()
        peer.cut()
        peer.advance(3)
        peer.open()
        refused = peer.take("signalwire.connect")
        peer.refuse(refused, code)
        fresh = peer.take("signalwire.connect")
        assert not {"protocol", "authorization_state"} & fresh["params"].keys()
        assert peer.core.state is SessionState.AUTHENTICATING
        assert len(peer.all(OpenTransport)) == 2, "it is the same transport"
        peer.feed({"id": refused["id"], "result": {"protocol": "late"}})
        assert peer.core.state is SessionState.AUTHENTICATING
        peer.reply(fresh, {"protocol": "new"})
        assert peer.last(Connected) == Connected(resumed=False)
        assert call.ended

    def test_a_restored_session_that_is_not_named_again_keeps_its_name(self) -> None:
        peer = Peer()
        peer.connect()
        name = peer.core.protocol
        peer.cut()
        peer.reply(peer.reopen(), {"session_restored": True})
        assert peer.last(Connected) == Connected(resumed=True)
        assert peer.core.protocol == name

    def test_refused_resume_data_is_not_counted(self) -> None:
        peer = Peer()
        peer.connect()
        for _ in range(4):
            peer.cut()
            peer.refuse(peer.reopen(), -32002)
            peer.refuse(peer.take("signalwire.connect"), -32000)
            peer.reconnect()
        assert peer.core.state is SessionState.READY

    @pytest.mark.parametrize("code", [-32002, -32602])
    def test_credentials_that_are_refused_do_not_end_the_session(self, code: int) -> None:
        peer = Peer()
        name = peer.connect()["params"].get("protocol", peer.core.protocol)
        peer.event("signalwire.authorization.state", authorization_state="b64:b64")
        call = peer.offer()
        for _ in range(2):
            peer.cut()
            peer.refuse(peer.reopen(), code)
            peer.refuse(peer.take("signalwire.connect"), -32002, "the JWT has expired")
        again = peer.reopen()
        assert again["params"]["protocol"] == name
        assert again["params"]["authorization_state"] == "b64:b64"
        peer.reply(again, {"session_restored": True})
        assert peer.last(Connected) == Connected(resumed=True)
        assert not call.ended

    @pytest.mark.parametrize("code", [-32700, -32004, -32000])
    def test_a_refusal_for_another_reason_ends_the_transport_but_not_the_session(
        self, code: int
    ) -> None:
        peer = Peer()
        peer.connect()
        peer.cut()
        offered = peer.reopen()
        peer.refuse(offered, code)
        assert peer.core.state is SessionState.WAITING_TO_RECONNECT
        assert peer.reopen()["params"]["protocol"] == offered["params"]["protocol"]

    def test_a_clear_refusal_of_the_session_is_final(self) -> None:
        peer = Peer()
        peer.connect()
        peer.cut()
        peer.refuse(peer.reopen(), -32003)
        peer.refuse(peer.take("signalwire.connect"), -32002)
        assert "protocol" not in peer.reopen()["params"]

    @pytest.mark.parametrize("code", [-32002, -32003, -32602])
    def test_the_session_that_follows_a_refused_one_is_the_one_to_resume(self, code: int) -> None:
        peer = Peer()
        peer.connect()
        peer.event("signalwire.authorization.state", authorization_state="old")
        peer.cut()
        peer.refuse(peer.reopen(), code)
        peer.reply(peer.take("signalwire.connect"), {"protocol": "new"})
        peer.cut()
        again = peer.reopen()
        assert again["params"]["protocol"] == "new"
        assert "authorization_state" not in again["params"]

    @pytest.mark.parametrize(
        ("result", "resumed"),
        [
            ({"session_restored": True}, True),
            ({"session_restored": True, "protocol": "another"}, True),
            ({"session_restored": False}, False),
            ({}, True),
            ({"session_restored": "yes"}, True),
            ({"protocol": "another"}, False),
            ({"protocol": None}, False),
        ],
    )
    def test_whether_a_session_was_resumed(self, result: dict[str, Any], resumed: bool) -> None:
        peer = Peer()
        peer.connect()
        call = peer.offer()
        peer.cut()
        peer.reconnect(**result)
        assert peer.last(Connected) == Connected(resumed)
        assert call.ended is not resumed

    def test_an_authorization_state_goes_with_its_session(self) -> None:
        peer = Peer()
        peer.connect()
        peer.event("signalwire.authorization.state", authorization_state="old")
        peer.cut()
        peer.reconnect(session_restored=False)
        peer.cut()
        assert "authorization_state" not in peer.reconnect()["params"]

    @pytest.mark.parametrize("state", ["a new one", "the new one"])
    def test_the_authorization_state_of_the_new_session_may_come_before_its_reply(
        self, state: str
    ) -> None:
        peer = Peer()
        peer.connect()
        peer.event("signalwire.authorization.state", authorization_state="old")
        peer.cut()
        peer.advance(3)
        peer.open()
        peer.event("signalwire.authorization.state", authorization_state=state)
        peer.accept(session_restored=False)
        peer.cut()
        assert peer.reconnect()["params"]["authorization_state"] == state


class TestSecrets:
    def test_nothing_shows_a_credential(self) -> None:
        peer = Peer(trace_frames=True)
        peer.connect()
        call = peer.offer()
        peer.event("signalwire.authorization.state", authorization_state="resume-secret")
        asked = peer.execute(c.execute("what", {"password": "pass-secret"}))
        peer.refuse(peer.take("what"), 500, f"{PROJECT}:{TOKEN} may not")
        error = error_of(asked, RelayError)
        assert str(error) == "RELAY error 500: ***:*** may not"
        peer.hang_up(4000, f"bye {TOKEN}")
        peer.reconnect()
        peer.refuse({"id": "unknown"}, 500, TOKEN)
        peer.close()
        shown = [str(output) for output in peer.outputs if not isinstance(output, SendData)]
        shown += [repr(item) for item in (peer.core, peer.core.config, call, asked, error)]
        for secret in (PROJECT, TOKEN, "resume-secret", "pass-secret"):
            assert secret not in "\n".join(shown)
        assert any("'***'" in text or '"***"' in text for text in shown), "frames were traced"
