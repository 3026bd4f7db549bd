"""The networks of others: corporate roots, dead addresses, lookups that hang, odd connectors."""

from __future__ import annotations

import queue
import signal
import socket
import ssl
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trustme
from anyio.abc import ByteStream, SocketStream
from anyio.streams.tls import TLSStream

import relay_sync
from relay_anyio import Connected, ConnectFailedError, Disconnected, RelayClient, SessionState
from tests.adapters.peers import Peer, client_of, obliging, serving, serving_raw
from tests.adapters.programs import program
from tests.adapters.service import Service, in_a_program, take
from tests.adapters.support import (
    PATIENCE,
    QUICK,
    Certificates,
    Heard,
    World,
    client_tasks,
)

pytestmark = pytest.mark.anyio


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType]
    return context


def server_of(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert("localhost")
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    return context


# What is verified


async def test_a_context_may_believe_another_root() -> None:
    authority = trustme.CA()
    async with serving(server_of(authority), obliging) as host:
        with pytest.raises(ConnectFailedError, match="certificate was refused"):
            await client_of(host).connect()
        async with client_of(host, ssl_context=trusting(authority)) as client:
            assert client.state is SessionState.READY


async def test_a_context_believes_nothing_that_it_was_not_told(world: World) -> None:
    client = world.client(ssl_context=trusting(trustme.CA()))
    with pytest.raises(ConnectFailedError, match="certificate was refused"):
        await client.connect()


async def test_a_context_may_have_a_certificate_of_the_clients() -> None:
    authority = trustme.CA()
    tls = server_of(authority)
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)  # pyright: ignore[reportUnknownMemberType]
    bare, known = trusting(authority), trusting(authority)
    certificate = authority.issue_cert("client.test")
    certificate.configure_cert(known)  # pyright: ignore[reportUnknownMemberType]
    async with serving(tls, obliging) as host:
        with pytest.raises(ConnectFailedError):
            await client_of(host, ssl_context=bare).connect()
        async with client_of(host, ssl_context=known) as client:
            assert client.state is SessionState.READY


# Addresses


@contextmanager
def addresses(monkeypatch: pytest.MonkeyPatch, *ports: int) -> Generator[None]:
    """Let names have these addresses while the client looks them up."""
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    found = [(*tcp, ("127.0.0.1", port)) for port in ports]

    def getaddrinfo(*_: object, **__: object) -> list[object]:
        return [*found]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


class Silent:
    """Accepts connections, and says nothing on them."""

    def __init__(self) -> None:
        self.met: Heard[None] = Heard()

    async def __call__(self, stream: SocketStream) -> None:
        self.met(None)
        while True:
            await stream.receive()


def port_of(host: str) -> int:
    return int(host.rpartition(":")[2])


async def test_an_address_that_never_finishes_its_handshake_gets_a_rival(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Silent()
    connected: Heard[Connected] = Heard()
    async with serving_raw(silent) as dead:
        with addresses(monkeypatch, port_of(dead), port_of(world.host)):
            client = world.client(timing=replace(QUICK, connect_timeout=3.0))
            client.on_connected(connected)
            async with client:
                await connected.next()
                assert len(silent.met.all) == 1
                world.cut()
                await connected.next()
                # The address that worked is tried first: the dead one is not met again.
                assert len(silent.met.all) == 1


async def test_an_address_that_only_shakes_hands_is_tried_last(
    world: World, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mute(peer: Peer) -> None:
        await peer.upgrade_requested()
        await peer.gone()

    async with serving(certificates.server_context(), mute) as dead:
        with addresses(monkeypatch, port_of(dead), port_of(world.host)):
            client = world.client(timing=replace(QUICK, connect_timeout=0.5))
            connected: Heard[Connected] = Heard()
            client.on_connected(connected)
            with pytest.raises(ConnectFailedError, match="no connection within"):
                await client.connect()
            async with client:
                await connected.next()


# Lookups


class Lookups:
    """Looks names up when it is allowed to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()
        self.go_on = threading.Event()
        right = socket.getaddrinfo

        def getaddrinfo(*arguments: Any, **named: Any) -> Any:
            self.begun.put(threading.current_thread())
            assert self.go_on.wait(PATIENCE)
            return right(*arguments, **named)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lookups]:
    lookups = Lookups(monkeypatch)
    yield lookups
    lookups.go_on.set()
    while not lookups.begun.empty():
        lookups.begun.get().join()


async def begun(lookups: Lookups) -> threading.Thread:
    while lookups.begun.empty():
        await anyio.lowlevel.checkpoint()
    return lookups.begun.get()


async def test_disconnect_does_not_wait_for_a_lookup(lookups: Lookups) -> None:
    client = client_of("localhost:1")
    threads: list[threading.Thread] = []
    async with anyio.create_task_group() as tasks:

        async def connect() -> None:
            with pytest.raises(Exception, match="disconnected"):
                await client.connect()

        tasks.start_soon(connect)
        threads.append(await begun(lookups))
        await client.disconnect()
    (thread,) = threads
    assert thread.is_alive()
    assert thread.daemon
    assert client_tasks() == []
    lookups.go_on.set()
    thread.join()


async def test_a_lookup_that_hangs_is_a_failed_attempt(lookups: Lookups) -> None:
    client = client_of("localhost:1", timing=replace(QUICK, connect_timeout=0.05))
    with pytest.raises(ConnectFailedError, match=r"no connection within 0\.05 s"):
        await client.connect()
    lookups.go_on.set()
    (await begun(lookups)).join()


@pytest.mark.async_only("threads have no worker threads of a program's")
async def test_a_lookup_occupies_no_worker_thread(lookups: Lookups) -> None:
    client = client_of("localhost:1", timing=replace(QUICK, connect_timeout=0.05))
    with pytest.raises(ConnectFailedError):
        await client.connect()
    thread = await begun(lookups)
    assert thread.is_alive()
    assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    assert "relay_anyio resolver" in thread.name


STUCK = """
import socket, sys, threading
from {package} import RelayClient
stuck = threading.Event()

def getaddrinfo(*_, **__):
    print("looking")
    stuck.wait()

socket.getaddrinfo = getaddrinfo
RelayClient(host="nowhere.test").run({argument})
print("over")
"""


@pytest.mark.parametrize(
    ("package", "argument"),
    [("relay_anyio", "backend='asyncio'"), ("relay_anyio", "backend='trio'"), ("relay_sync", "")],
)
async def test_ctrl_c_does_not_wait_for_a_lookup(
    world: World, package: str, argument: str, runtime: str
) -> None:
    if runtime != "asyncio":
        pytest.skip("the program chooses its runtime itself")
    async with program(world, STUCK.format(package=package, argument=argument)) as running:
        await running.says("looking")
        running.send(signal.SIGINT)
        with anyio.fail_after(10):
            await running.says("over")
            assert await running.end() == 0


# Connectors


class OddError(BaseException):
    """Of a class that nobody knows."""


ODD = [
    ValueError("no such proxy"),
    RuntimeError("can't start new thread"),
    UnicodeError("label too long"),
    OddError("odd"),
    ExceptionGroup("several", [KeyError("one"), OSError("two")]),
    BaseExceptionGroup("several", [OddError("one")]),
]


async def secured(world: World, certificates: Certificates) -> ByteStream:
    tcp = await anyio.connect_tcp("localhost", port_of(world.host))
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    return await TLSStream.wrap(
        tcp, hostname="localhost", ssl_context=context, standard_compatible=False
    )


def blocking_secured(world: World, certificates: Certificates) -> ssl.SSLSocket:
    tcp = socket.create_connection(("localhost", port_of(world.host)))
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    return context.wrap_socket(tcp, server_hostname="localhost")


@pytest.mark.async_only("of the other kind of connectors there is a test below")
@pytest.mark.parametrize("error", ODD, ids=repr)
async def test_whatever_a_connector_raises_is_a_failed_attempt(
    world: World,
    certificates: Certificates,
    error: BaseException,
    caplog: pytest.LogCaptureFixture,
) -> None:
    planned: list[BaseException] = [error]

    async def connect(host: str, port: int) -> ByteStream:
        if planned:
            raise planned.pop()
        return await secured(world, certificates)

    client = world.client(connector=connect)
    with pytest.raises(ConnectFailedError) as raised:
        await client.connect()
    words = raised.value.reason
    assert any(word in words for word in ("proxy", "thread", "label", "odd", "one", "two"))
    connected: Heard[Connected] = Heard()
    client.on_connected(connected)
    async with client:
        await connected.next()
        planned.append(error)
        world.cut()
        await connected.next()
    assert words in caplog.text
    assert "bug" not in caplog.text


@pytest.mark.parametrize("error", ODD, ids=repr)
async def test_whatever_a_blocking_connector_raises_is_a_failed_attempt(
    world: World,
    certificates: Certificates,
    error: BaseException,
    caplog: pytest.LogCaptureFixture,
    runtime: str,
) -> None:
    if runtime != "threads":
        pytest.skip("these have connectors of the other kind")
    planned: list[BaseException] = [error]

    def connect(host: str, port: int) -> socket.socket:
        if planned:
            raise planned.pop()
        return blocking_secured(world, certificates)

    def body(service: Service) -> None:
        client = service.client(connector=connect)
        with pytest.raises(ConnectFailedError):
            client.connect()
        connected: queue.Queue[Connected] = queue.Queue()
        client.on_connected(connected.put)
        with client:
            take(connected)
            planned.append(error)
            service.do(world.cut)
            take(connected)
            # An SSLSocket reads more than it is asked for, and wakes no selector for it.
            for size in (1, 5_000, 70_000, 200_000):
                reply = client.execute("signalwire.ping", {"payload": "x" * size})
                assert reply["payload"] == "x" * size

    await in_a_program(world, body)
    assert "bug" not in caplog.text


async def test_a_connector_that_returns_something_else_is_told(runtime: str) -> None:
    if runtime == "threads":

        def connect(host: str, port: int) -> Any:
            return None

        client = relay_sync.RelayClient("p", "t", connector=connect)
        with pytest.raises(ConnectFailedError, match="has returned a NoneType, not a socket"):
            await anyio.to_thread.run_sync(client.connect)
    else:

        async def connect_async(host: str, port: int) -> Any:
            return None

        with pytest.raises(ConnectFailedError, match="has returned a NoneType, not a ByteStream"):
            await RelayClient("p", "t", connector=connect_async).connect()


@pytest.mark.async_only("a socket has no such methods")
async def test_a_stream_that_fails_in_an_odd_way_is_a_lost_connection(
    world: World, certificates: Certificates
) -> None:
    class Odd(ByteStream):
        def __init__(self, stream: ByteStream) -> None:
            self.stream = stream
            self.fails = False

        async def receive(self, max_bytes: int = 65_536) -> bytes:
            data = await self.stream.receive(max_bytes)
            if self.fails:
                raise OddError("odd")
            return data

        async def send(self, item: bytes) -> None:
            await self.stream.send(item)

        async def send_eof(self) -> None:
            raise NotImplementedError

        async def aclose(self) -> None:
            await self.stream.aclose()
            raise OddError("even here")

    streams: list[Odd] = []

    async def connect(host: str, port: int) -> ByteStream:
        streams.append(Odd(await secured(world, certificates)))
        return streams[-1]

    lost: Heard[Disconnected] = Heard()
    connected: Heard[Connected] = Heard()
    client = world.client(connector=connect)
    client.on_connected(connected)
    client.on_disconnected(lost)
    async with client:
        await connected.next()
        streams[0].fails = True
        world.say_goodbye(restart=False)
        error = (await lost.next()).error
        assert error is not None
        assert "odd" in str(error)
        await connected.next()
