"""The networks of others: corporate roots, dead addresses, lookups that hang."""

from __future__ import annotations

import hashlib
import queue
import re
import signal
import socket
import ssl
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trustme
from anyio.abc import SocketStream

from relay_anyio import Connected, ConnectFailedError, SessionState
from tests.adapters.peers import Peer, client_of, obliging, serving, serving_raw
from tests.adapters.programs import program
from tests.adapters.support import (
    PATIENCE,
    QUICK,
    Certificates,
    Heard,
    World,
    client_tasks,
    port_of,
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


def certificate_of(host: str) -> str:
    return ssl.get_server_certificate(("localhost", port_of(host)))


async def test_a_context_may_pin_the_servers_certificate(world: World) -> None:
    """As `docs/networks.md` says."""
    pinned = await anyio.to_thread.run_sync(certificate_of, world.host)
    for flags, accepted in ((ssl.VERIFY_X509_PARTIAL_CHAIN, True), (0, False)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=pinned)
        context.verify_flags |= flags
        client = world.client(ssl_context=context)
        if accepted:
            async with client:
                assert client.state is SessionState.READY
        else:
            with pytest.raises(ConnectFailedError, match="certificate was refused"):
                await client.connect()


async def test_a_context_may_pin_a_fingerprint(world: World, certificates: Certificates) -> None:
    """As `docs/networks.md` says: with the class that it shows."""
    source = Path(__file__).parents[2].joinpath("docs/networks.md").read_text()
    names: dict[str, Any] = {"hashlib": hashlib, "ssl": ssl, "FINGERPRINTS": set()}
    shown = re.search(r"^class Pinned.*?(?=^context)", source, re.MULTILINE | re.DOTALL)
    assert shown is not None
    exec(shown[0], names)
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    context.sslobject_class = names["Pinned"]
    with pytest.raises(ConnectFailedError, match=r"refused \(.*not the one that is pinned"):
        await world.client(ssl_context=context).connect()
    pem = await anyio.to_thread.run_sync(certificate_of, world.host)
    names["FINGERPRINTS"].add(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest())
    async with world.client(ssl_context=context) as client:
        assert client.state is SessionState.READY


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
