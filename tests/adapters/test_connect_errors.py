"""What `connect()` raises: in words that say what to look at, and nothing is left behind."""

from __future__ import annotations

import logging
import ssl
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trustme
from anyio.abc import SocketStream

from relay_anyio import (
    AuthenticationError,
    ConnectFailedError,
    Disconnected,
    RelayError,
    RemoteProtocolError,
    SessionState,
)
from tests.adapters.peers import Peer, client_of, obliging, serving, serving_raw
from tests.adapters.support import QUICK, TOKEN, Certificates, Heard, World, client_tasks

pytestmark = pytest.mark.anyio


async def failure_of(host: str, *, request_timeout: float = 10.0) -> RelayError:
    """What `connect()` raises there; that nothing is left, and no slot taken, is checked."""
    timing = replace(QUICK, request_timeout=request_timeout)
    client = client_of(host, timing=timing)
    with pytest.raises(RelayError):
        await client.connect()
    with pytest.raises(RelayError) as raised:  # again: the connection slot is free
        await client.connect()
    assert client.state is SessionState.DISCONNECTED
    assert client_tasks() == []
    assert TOKEN not in str(raised.value) + repr(raised.value)
    return raised.value


async def test_nothing_listens_there(free_host: str) -> None:
    error = await failure_of(free_host)
    assert isinstance(error, ConnectFailedError)
    assert isinstance(error, ConnectionError)
    assert error.code == -1
    assert error.host == free_host
    assert "nothing is listening there" in str(error)


async def test_the_name_cannot_be_resolved() -> None:
    error = await failure_of("no-such-host.invalid")
    assert isinstance(error, ConnectFailedError)
    assert "the name could not be resolved" in str(error)
    assert "no-such-host.invalid" in str(error)


async def test_the_certificate_is_nobodys() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = trustme.CA().issue_cert("localhost")
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    async with serving(context, obliging) as host:
        error = await failure_of(host)
    assert "certificate was refused" in str(error)
    assert "SIGNALWIRE_RELAY_CA_FILE can name the authority to trust" in str(error)


async def test_the_certificate_is_another_hosts(certificates: Certificates) -> None:
    async with serving(certificates.server_context("other.test"), obliging) as host:
        error = await failure_of(host)
    assert "certificate was refused" in str(error)
    assert "localhost" in str(error)
    assert "SIGNALWIRE_RELAY_CA_FILE" not in str(error), "it would not help"


async def test_the_additional_authority_is_not_believed_by_a_client_that_was_not_told(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNALWIRE_RELAY_CA_FILE")
    async with serving(certificates.server_context(), obliging) as host:
        error = await failure_of(host)
    assert "certificate was refused" in str(error)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
async def test_tls_before_1_2_is_refused(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = certificates.server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = version
    async with serving(context, obliging) as host:
        if version < ssl.TLSVersion.TLSv1_2:
            assert isinstance(await failure_of(host), ConnectFailedError)
        else:
            async with client_of(host):
                pass


async def garbage(stream: SocketStream) -> None:
    await stream.receive()
    await stream.send(b"220 mail.test ESMTP\r\n")
    await stream.receive()


async def hang_up(stream: SocketStream) -> None:
    await stream.receive()


async def reset(stream: SocketStream) -> None:
    """Closing with unread bytes makes the system reset the connection."""
    await stream.receive(1)


@pytest.mark.parametrize(
    ("misbehave", "words"),
    [(garbage, "TLS failed"), (hang_up, ""), (reset, "")],
)
async def test_the_server_does_not_speak_tls(
    misbehave: Callable[[SocketStream], Awaitable[None]], words: str
) -> None:
    async with serving_raw(misbehave) as host:
        error = await failure_of(host)
    assert isinstance(error, ConnectFailedError)
    assert words in str(error)
    assert "operation did not complete" not in str(error)
    assert error.reason


async def test_the_upgrade_is_refused_with_its_status_and_reason(
    certificates: Certificates,
) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.upgrade_requested()
        await peer.send_bytes(b"HTTP/1.1 503 Closed for repairs\r\nContent-Length: 0\r\n\r\n")
        await peer.gone()

    async with serving(certificates.server_context(), refuse) as host:
        error = await failure_of(host)
    assert isinstance(error, RemoteProtocolError)
    assert error.status == 503
    assert "503 Closed for repairs" in str(error)


async def test_a_busy_server_is_one_warning_and_is_left_alone_for_as_long_as_it_asks(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    caplog.set_level(logging.INFO, package)

    async def busy(peer: Peer) -> None:
        await peer.upgrade_requested()
        answer = b"HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"
        await peer.send_bytes(b"HTTP/1.1 100 Continue\r\n\r\n" + answer)
        await peer.gone()

    async with serving(certificates.server_context(), busy) as host:
        with pytest.raises(RemoteProtocolError) as raised:
            await client_of(host).connect()
        assert raised.value.retry_after == 60.0
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "503 Busy" in record.message
        assert "broke the protocol" not in record.message

    lost: Heard[Disconnected] = Heard()

    async def leave(peer: Peer) -> None:
        await peer.welcome()

    async with serving(certificates.server_context(), leave, busy) as host:
        client = client_of(host, timing=QUICK)
        client.on_disconnected(lost)
        async with client:
            await lost.next()
            while "trying again in 6" not in caplog.text:
                await anyio.lowlevel.checkpoint()


async def test_the_server_speaks_http_but_no_websocket(certificates: Certificates) -> None:
    async def page(peer: Peer) -> None:
        await peer.upgrade_requested()
        await peer.send_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    async with serving(certificates.server_context(), page) as host:
        error = await failure_of(host)
    assert "200" in str(error)


async def test_the_server_speaks_no_http(certificates: Certificates) -> None:
    async def babble(peer: Peer) -> None:
        await peer.upgrade_requested()
        await peer.send_bytes(b"\x00\x01\x02 what?\r\n\r\n")
        await peer.gone()

    async with serving(certificates.server_context(), babble) as host:
        assert str(await failure_of(host))


async def test_the_server_hangs_up_during_the_upgrade(certificates: Certificates) -> None:
    async def leave(peer: Peer) -> None:
        await peer.upgrade_requested()

    async with serving(certificates.server_context(), leave) as host:
        error = await failure_of(host)
    assert "the server closed the connection" in str(error)


async def test_the_server_hangs_up_instead_of_answering(certificates: Certificates) -> None:
    async def leave(peer: Peer) -> None:
        await peer.upgrade()
        await peer.request("signalwire.connect")

    async with serving(certificates.server_context(), leave) as host:
        error = await failure_of(host)
    assert isinstance(error, ConnectFailedError)


async def test_the_credentials_are_refused_in_the_servers_words(world: World) -> None:
    client = world.client(token="PT-another-one")
    with pytest.raises(AuthenticationError, match="authentication failed") as raised:
        await client.connect()
    assert raised.value.code == -32002
    assert client_tasks() == []
    async with world.client():
        pass


async def test_the_refusal_does_not_show_the_token(certificates: Certificates) -> None:
    async def tactless(peer: Peer) -> None:
        await peer.upgrade()
        request = await peer.request("signalwire.connect")
        await peer.refuse(request, -32002, f"wrong token {TOKEN}")
        await peer.gone()

    async with serving(certificates.server_context(), tactless) as host:
        error = await failure_of(host)  # which looks for the token
    assert isinstance(error, AuthenticationError)
    assert "wrong token" in str(error)


async def test_a_result_code_can_refuse_too(certificates: Certificates) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.upgrade()
        request = await peer.request("signalwire.connect")
        await peer.reply(request, code="402", message="Payment required")
        await peer.gone()

    async with serving(certificates.server_context(), refuse) as host:
        error = await failure_of(host)
    assert isinstance(error, AuthenticationError)
    assert (error.code, error.message) == (402, "Payment required")


async def test_no_reply_in_time(certificates: Certificates) -> None:
    async def ignore(peer: Peer) -> None:
        await peer.upgrade()
        await peer.gone()

    async with serving(certificates.server_context(), ignore) as host:
        error = await failure_of(host, request_timeout=0.05)
    assert isinstance(error, ConnectFailedError)
    assert "no reply" in str(error)


async def test_a_jwt_does_instead_of_project_and_token(world: World) -> None:
    async with world.client(project=None, token=None, jwt_token="jwt-secret-1") as client:
        assert client.state is SessionState.READY


# The file of additional roots


async def test_the_ca_file_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(tmp_path / "missing.pem"))
    error = await failure_of("localhost:1")
    assert isinstance(error, ConnectFailedError)
    assert "SIGNALWIRE_RELAY_CA_FILE" in str(error)
    assert "missing.pem" in str(error)
    assert "No such file" in str(error)


async def test_the_ca_file_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(tmp_path))  # a directory, even to root
    error = await failure_of("localhost:1")
    assert "SIGNALWIRE_RELAY_CA_FILE" in str(error)
    assert str(tmp_path) in str(error)


@pytest.mark.parametrize("content", [b"", b"not a certificate\n", b"\x00\xff"])
async def test_the_ca_file_holds_no_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "empty.pem"
    file.write_bytes(content)
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(file))
    error = await failure_of("localhost:1")
    assert "SIGNALWIRE_RELAY_CA_FILE" in str(error)
    assert "it holds no certificate" in str(error)


async def test_the_ca_file_is_read_when_connecting_not_before(
    world: World, monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    monkeypatch.delenv("SIGNALWIRE_RELAY_CA_FILE")
    client = world.client()
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(certificates.ca_file))
    async with client:
        assert client.state is SessionState.READY


# Connections of one process


async def test_one_client_of_a_process_may_be_connected(world: World) -> None:
    other = world.client()
    async with world.client() as client:
        with pytest.raises(RuntimeError, match="RELAY_MAX_CONNECTIONS"):
            await other.connect()
        assert client.state is SessionState.READY
    async with other:
        pass


async def test_the_environment_may_allow_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.client():
        monkeypatch.setenv("RELAY_MAX_CONNECTIONS", "2")  # it is read at connect time
        async with world.client():
            with pytest.raises(RuntimeError):
                await world.client().connect()


async def test_an_argument_may_allow_more(world: World) -> None:
    async with world.client():
        words = "1 other RelayClient is connected in this process, .* max_connections=2"
        with pytest.raises(RuntimeError, match=words):
            await world.client().connect()
        async with world.client(max_connections=2):
            pass


@pytest.mark.parametrize(("value", "kind"), [(0, ValueError), ("2", TypeError), (True, TypeError)])
async def test_a_number_of_connections_is_checked(
    world: World, value: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="max_connections"):
        world.client(max_connections=value)


@pytest.mark.parametrize("value", ["0", "-3", "many", ""])
async def test_a_bad_number_of_connections_means_one(
    world: World, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("RELAY_MAX_CONNECTIONS", value)
    async with world.client():
        with pytest.raises(RuntimeError):
            await world.client().connect()


async def test_a_client_that_reconnects_keeps_its_slot(world: World) -> None:
    async with world.client() as client:
        world.cut()
        while client.state is SessionState.READY:
            await anyio.lowlevel.checkpoint()
        with pytest.raises(RuntimeError):
            await world.client().connect()
