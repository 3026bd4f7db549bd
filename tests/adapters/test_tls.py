"""The TLS stream that writes at once what it can, and reads all that is there."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream
from anyio.streams.tls import TLSListener

from relay_anyio._gathering import SEVERAL, Gathering
from relay_anyio._tls import TLSStream
from relay_anyio.transport import Transport
from relay_proto.adapter.connection_errors import describe
from relay_proto.adapter.network import Network
from tests.adapters.support import PATIENCE, Certificates, Heard

pytestmark = pytest.mark.anyio

HOST = "localhost"


@asynccontextmanager
async def serving(
    certificates: Certificates,
) -> AsyncGenerator[tuple[int, Heard[ByteStream]]]:
    """A server whose connections stay open until this is over."""
    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1")
    listener = TLSListener(
        tcp,
        certificates.server_context(),
        standard_compatible=False,
    )
    accepted: Heard[ByteStream] = Heard()

    async def keep(stream: ByteStream) -> None:
        accepted(stream)
        try:
            await anyio.sleep_forever()
        finally:
            await anyio.aclose_forcefully(stream)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, keep)
        port = tcp.extra(anyio.abc.SocketAttribute.local_port)
        yield port, accepted
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def connected(
    certificates: Certificates,
) -> AsyncGenerator[tuple[TLSStream, ByteStream]]:
    network = Network(PATIENCE)
    async with (
        serving(certificates) as (port, accepted),
        await TLSStream.connect(HOST, port, network) as stream,
    ):
        yield stream, await accepted.next()


async def test_a_read_takes_all_records_that_have_arrived(certificates: Certificates) -> None:
    async with connected(certificates) as (stream, server):
        for number in range(10):
            await server.send(b"%d," % number)
        received = await stream.receive()
        reads = 1
        while not received.endswith(b"9,"):
            received += await stream.receive()
            reads += 1
        assert received == b"0,1,2,3,4,5,6,7,8,9,"
        assert reads < 10


async def test_what_is_small_is_written_at_once(certificates: Certificates) -> None:
    async with connected(certificates) as (stream, server):
        assert stream.send_at_once(b"hello")
        assert await server.receive() == b"hello"


async def test_what_the_socket_does_not_take_is_written_first_later(
    certificates: Certificates,
) -> None:
    size = 20_000_000
    async with connected(certificates) as (stream, server), anyio.create_task_group() as tasks:
        assert not stream.send_at_once(b"a" * size)
        assert not stream.send_at_once(b"b")
        tasks.start_soon(stream.send, b"c")
        received = bytearray()
        while len(received) < size + 2:
            received += await server.receive()
        assert received[:size].count(b"a") == size
        assert received[size:] == b"bc"


def gather(gathering: Gathering) -> None:
    """As a step that wakes several tasks."""
    gathering.begin_step()
    for _ in range(SEVERAL):
        gathering.count_woken()


def transport_of_its_own() -> tuple[Gathering, Transport]:
    def wake_writers() -> None:
        transport.wake_writer()

    gathering = Gathering(wake_writers, lambda: None)
    transport = Transport(gathering, flush_timeout=20, most_unsent=100_000_000)
    return gathering, transport


async def test_a_transport_keeps_the_order_when_the_socket_is_full(
    certificates: Certificates,
) -> None:
    network = Network(PATIENCE)
    gathering, transport = transport_of_its_own()
    size = 5_000_000
    async with serving(certificates) as (port, accepted), anyio.create_task_group() as tasks:

        def opened() -> None:
            for letter in (b"a", b"b", b"c"):
                transport.write(letter * size)
            gather(gathering)
            transport.write(b"d")
            transport.close(flush=True)

        async def run() -> None:
            reason = await transport.run(
                lambda: TLSStream.connect(HOST, port, network), opened, lambda _: None
            )
            assert reason == ""

        tasks.start_soon(run)
        server = await accepted.next()
        received = bytearray()
        while len(received) < 3 * size + 1:
            received += await server.receive()
        assert bytes(received) == b"a" * size + b"b" * size + b"c" * size + b"d"


async def test_tasks_that_are_woken_later_write_together_too(
    certificates: Certificates, anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if anyio_backend != "asyncio":
        pytest.skip("trio shuffles the turns of its tasks")
    network = Network(PATIENCE)
    gathering, transport = transport_of_its_own()
    right, sent, is_open = TLSStream.send_at_once, list[bytes](), anyio.Event()

    def send_at_once(self: TLSStream, data: bytes) -> bool:
        sent.append(data)
        return right(self, data)

    monkeypatch.setattr(TLSStream, "send_at_once", send_at_once)
    async with serving(certificates) as (port, accepted), anyio.create_task_group() as tasks:

        async def run() -> None:
            connect = partial(TLSStream.connect, HOST, port, network)
            await transport.run(connect, is_open.set, lambda _: None)

        tasks.start_soon(run)
        server = await accepted.next()
        await is_open.wait()
        await anyio.wait_all_tasks_blocked()
        gather(gathering)
        await anyio.lowlevel.checkpoint()  # the writer now waits for those who were woken
        gather(gathering)
        await anyio.lowlevel.checkpoint()  # it has had its turn
        transport.write(b"a")
        transport.write(b"b")
        assert await server.receive() == b"ab"
        transport.close(flush=True)
    assert sent == [b"ab"]


async def test_what_was_begun_without_a_transport_ends_with_the_next(
    certificates: Certificates,
) -> None:
    network = Network(PATIENCE)
    gathering = Gathering(lambda: None, lambda: None)
    gather(gathering)
    transport = Transport(gathering, flush_timeout=20, most_unsent=100_000_000)
    async with serving(certificates) as (port, accepted), anyio.create_task_group() as tasks:

        async def run() -> None:
            connect = partial(TLSStream.connect, HOST, port, network)
            await transport.run(connect, lambda: transport.write(b"a"), lambda _: None)

        tasks.start_soon(run)
        server = await accepted.next()
        with anyio.fail_after(PATIENCE):
            assert await server.receive() == b"a"
        assert not gathering.active
        transport.close(flush=True)


async def test_a_cancelled_reader_leaves_what_came_to_the_next(
    certificates: Certificates, anyio_backend: str
) -> None:
    if anyio_backend != "asyncio":
        pytest.skip("on trio nothing is taken but by the reader itself")
    async with connected(certificates) as (stream, server):
        reader = asyncio.create_task(stream.receive())
        await anyio.wait_all_tasks_blocked()
        arrivals: Any = stream._arrivals  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        take_in = arrivals._take  # noqa: SLF001

        def take(data: bytes) -> None:
            take_in(data)
            asyncio.get_running_loop().call_soon(reader.cancel)  # before it has its turn

        arrivals._take = take  # noqa: SLF001
        await server.send(b"hello")
        with pytest.raises(asyncio.CancelledError):
            await reader
        with anyio.fail_after(PATIENCE):
            assert await stream.receive() == b"hello"


async def test_a_peer_that_goes_is_the_end_of_the_stream(certificates: Certificates) -> None:
    async with connected(certificates) as (stream, server):
        await server.send(b"bye")
        await anyio.aclose_forcefully(server)
        assert await stream.receive() == b"bye"
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()


async def test_a_stream_is_closed_under_its_reader(certificates: Certificates) -> None:
    async with connected(certificates) as (stream, _), anyio.create_task_group() as tasks:

        async def read() -> None:
            with pytest.raises(anyio.ClosedResourceError):
                await stream.receive()

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        await stream.aclose()
        await stream.aclose()


async def test_a_certificate_of_another_host_is_refused(certificates: Certificates) -> None:
    network = Network(PATIENCE)
    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1")
    listener = TLSListener(
        tcp,
        certificates.server_context("elsewhere.example"),
    )

    async def drop(stream: ByteStream) -> None:
        await stream.aclose()

    async def serve() -> None:
        async with listener:
            await listener.serve(drop)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        port = tcp.extra(anyio.abc.SocketAttribute.local_port)
        with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
            await TLSStream.connect(HOST, port, network)
        tasks.cancel_scope.cancel()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let every name have these addresses."""
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    found = [(*tcp, ("127.0.0.1", port)) for port in ports]

    def getaddrinfo(*_: object, **__: object) -> list[object]:
        return [*found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


async def test_no_address_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    resolve_to(monkeypatch, port, port)
    with pytest.raises(OSError, match="All connection attempts failed") as caught:
        await TLSStream.connect(HOST, port, Network(PATIENCE))
    assert "nothing is listening there" in describe(caught.value)


async def test_an_address_that_does_not_answer_gets_a_rival(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(certificates) as (port, _):
        with (
            socket.create_server(("127.0.0.1", 0), backlog=0) as full,
            contextlib.ExitStack() as waiting,
        ):
            for _ in range(4):  # nobody accepts these, so the next one hears nothing
                one = waiting.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            resolve_to(monkeypatch, full.getsockname()[1], port)
            async with await TLSStream.connect(HOST, port, Network(PATIENCE)) as stream:
                assert stream.send_at_once(b"hello")


@pytest.mark.parametrize("turns", range(0, 60, 4))
async def test_whoever_is_cancelled_while_it_connects_leaves_no_socket(
    certificates: Certificates, turns: int
) -> None:
    """A socket that is left behind is a warning, and so an error."""
    network = Network(PATIENCE)
    async with serving(certificates) as (port, _), anyio.create_task_group() as tasks:

        async def connect() -> None:
            async with await TLSStream.connect(HOST, port, network):
                await anyio.sleep_forever()

        tasks.start_soon(connect)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    gc.collect()


@pytest.mark.parametrize("turns", range(12))
async def test_whoever_is_cancelled_while_an_address_accepts_is_cancelled(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    """In one of these turns, all tasks of the race have ended before its group has heard of it."""
    begun = anyio.Event()

    async def accepted_soon(_: object) -> None:
        begun.set()
        for _ in range(4):
            await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(anyio, "wait_writable", accepted_soon)
    outcomes: list[object] = []
    async with serving(certificates) as (port, _), anyio.create_task_group() as tasks:

        async def connect() -> None:
            try:
                outcomes.append(await TLSStream.connect(HOST, port, Network(PATIENCE)))
            except BaseException as error:
                outcomes.append(error)
                raise

        tasks.start_soon(connect)
        await begun.wait()
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    (outcome,) = outcomes
    if isinstance(outcome, TLSStream):  # it was faster
        await outcome.aclose()
    else:
        assert isinstance(outcome, anyio.get_cancelled_exc_class())
