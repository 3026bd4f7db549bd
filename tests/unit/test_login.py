"""Credentials and contexts that are given to a core later than its configuration."""

from __future__ import annotations

import random
from typing import Any

import pytest

from relay_proto.api import commands
from relay_proto.client import ClientCore
from relay_proto.config import Credentials, Secret, resolve_config
from relay_proto.errors import LocalProtocolError
from relay_proto.outputs import ConnectFailed, FrameTraced
from relay_proto.recorder.replay import replay
from tests.unit.client_peer import CREDENTIALS, Peer
from tests.unit.test_recording import Recorded, all_same

LATER = Credentials(jwt_token=Secret("jwt-known-later"))
NEWER = Credentials(jwt_token=Secret("jwt-newer-still"))


def use(peer: Peer, credentials: Credentials, transport: int | None = None) -> None:
    number = peer.transport if transport is None else transport
    peer.core.use_credentials(number, credentials, peer.now)


def login(peer: Peer) -> Any:
    """What the client says of itself on the transport that opens."""
    peer.open()
    connect = peer.take_all("signalwire.connect")[-1]
    return connect["params"]["authentication"]


def test_nothing_is_sent_before_there_are_credentials() -> None:
    peer = Peer(credentials=None)
    peer.start()
    with pytest.raises(LocalProtocolError, match=r"call use_credentials\(\) before"):
        peer.core.transport_opened(peer.transport, peer.now)
    assert peer.written == []


def test_the_credentials_of_a_transport_count_for_it_alone() -> None:
    peer = Peer(credentials=None)
    peer.start(retry=True)
    use(peer, LATER)
    peer.cut()
    peer.await_transport()
    use(peer, NEWER, peer.transport - 1)  # they come too late
    with pytest.raises(LocalProtocolError):
        peer.core.transport_opened(peer.transport, peer.now)
    use(peer, NEWER)
    assert login(peer) == {"jwt_token": "jwt-newer-still"}


def test_the_credentials_of_the_configuration_come_back() -> None:
    peer = Peer()
    peer.start(retry=True)
    use(peer, LATER)
    assert login(peer) == {"jwt_token": "jwt-known-later"}
    peer.cut()
    peer.await_transport()
    assert login(peer) == CREDENTIALS.authentication()


def test_credentials_without_a_transport_are_ignored() -> None:
    peer = Peer()
    use(peer, LATER, 0)
    peer.start()
    assert login(peer) == CREDENTIALS.authentication()


def test_credentials_that_come_later_are_masked_too() -> None:
    peer = Peer(credentials=None, trace_frames=True)
    peer.start()
    use(peer, LATER)
    use(peer, LATER)
    assert login(peer) == {"jwt_token": "jwt-known-later"}
    peer.text('{"jsonrpc": "2.0", "id": "x", "method": "m", "params": {"a": "jwt-known-later"}}')
    assert len(peer.all(FrameTraced)) >= 2
    assert "jwt-known-later" not in "".join(traced.text for traced in peer.all(FrameTraced))


def test_contexts_are_replaced_from_the_next_session_on() -> None:
    peer = Peer(contexts=("office",))
    peer.connect()
    peer.core.use_contexts(["sales", "support"], peer.now)
    peer.cut()
    peer.await_transport()
    peer.open()
    connect = peer.take_all("signalwire.connect")[-1]
    assert connect["params"]["contexts"] == ["sales", "support"]
    assert peer.core.contexts == ("sales", "support")


def test_what_came_later_is_recorded_without_secrets_and_replays() -> None:
    peer = Recorded(credentials=None)
    peer.start()
    use(peer, LATER)
    peer.core.use_contexts(["sales"], peer.now)
    peer.open()
    peer.accept()
    assert peer.last_line("use_credentials")["credentials"] == {"jwt_token": "jwt_token"}
    assert "jwt-known-later" not in "".join(peer.lines)
    assert all_same(peer.steps())
    assert len(list(replay(peer.lines, random.Random))) == len(peer.lines)


def test_a_function_leaves_the_configuration_without_credentials() -> None:
    def never() -> str:
        raise AssertionError("nobody asks here")

    environ = {"SIGNALWIRE_PROJECT_ID": "p", "SIGNALWIRE_API_TOKEN": "t"}
    for config in (
        resolve_config(environ, token=never),
        resolve_config({}, jwt_token=never),
        resolve_config({}, project="p", token=never),
    ):
        assert config.credentials is None
        assert config.secrets() == ()
    with pytest.raises(ValueError, match="project is missing"):
        resolve_config({}, token=never)
    wrong: Any = never
    with pytest.raises(TypeError, match="project must be a str"):
        resolve_config({}, project=wrong, token="t")


def test_a_core_has_no_secrets_that_it_was_not_given() -> None:
    core = ClientCore(resolve_config({}, jwt_token=lambda: ""), random.Random(1))
    assert "0 secrets" in repr(core.scrubber)


def test_credentials_that_came_late_are_masked_in_the_words_of_the_service() -> None:
    peer = Peer(credentials=None)
    peer.start()
    use(peer, LATER)
    peer.open()
    (connect,) = peer.take_all("signalwire.connect")
    peer.refuse(connect, -32002, "we do not know jwt-known-later")
    words = str(peer.last(ConnectFailed).error)
    assert "we do not know" in words
    assert "known-later" not in words


def test_a_context_that_was_given_up_is_not_asked_for_again() -> None:
    peer = Peer(contexts=("office", "sales"))
    peer.connect()
    peer.execute(commands.unreceive(["sales"]))
    peer.reply(peer.take("signalwire.unreceive"))
    peer.cut()
    peer.await_transport()
    peer.open()
    assert peer.take_all("signalwire.connect")[-1]["params"]["contexts"] == ["office"]
