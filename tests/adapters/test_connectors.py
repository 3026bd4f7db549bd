"""Connectors of the application's own: whatever they raise, return or do is a failed attempt."""

from __future__ import annotations

import asyncio
import queue
import socket
import ssl
import sys
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

import relay_sync
from relay_anyio import Connected, ConnectFailedError, Disconnected, RelayClient
from tests.adapters.service import Service, in_a_program, take
from tests.adapters.support import TOKEN, Certificates, Heard, World, port_of

pytestmark = pytest.mark.anyio


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


class Cancelling:
    """Ways to raise a cancellation that is not the client's; the words say which one."""

    async def raises_cancelled(self) -> None:
        raise asyncio.CancelledError

    async def raises_a_group(self) -> None:
        raise BaseExceptionGroup("several", [asyncio.CancelledError()])

    async def awaits_a_cancelled_task(self) -> None:
        task = asyncio.ensure_future(asyncio.sleep(0))
        task.cancel()
        await task

    async def cancels_itself(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)


@pytest.mark.parametrize("way", [name for name in vars(Cancelling) if not name.startswith("_")])
@pytest.mark.parametrize("place", ["connector", "provider"])
@pytest.mark.parametrize("runtime", ["asyncio"], indirect=True)
async def test_a_cancellation_that_is_not_the_clients_is_a_failed_attempt(
    world: World, certificates: Certificates, way: str, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Only asyncio lets anybody raise one."""
    fails = True

    async def may_fail() -> None:
        if fails:
            await getattr(Cancelling(), way)()

    async def connect(host: str, port: int) -> ByteStream:
        if place == "connector":
            await may_fail()
        return await secured(world, certificates)

    async def token() -> str:
        if place == "provider":
            await may_fail()
        return TOKEN

    client = world.client(connector=connect, token=token)
    with pytest.raises(ConnectFailedError, match="cancelled, and not by the client"):
        await client.connect()
    fails = False
    connected: Heard[Connected] = Heard()
    client.on_connected(connected)
    async with client:
        await connected.next()
        fails = True
        caplog.clear()
        world.cut()
        while "attempt 1 to connect" not in caplog.text:
            await anyio.lowlevel.checkpoint()
        fails = False
        await connected.next()
    assert "bug" not in caplog.text


@pytest.mark.parametrize("runtime", ["asyncio"], indirect=True)
async def test_a_stream_that_raises_a_cancellation_is_a_lost_connection(
    world: World, certificates: Certificates
) -> None:
    class Odd(ByteStream):
        def __init__(self, stream: ByteStream) -> None:
            self.stream = stream
            self.fails = False

        async def receive(self, max_bytes: int = 65_536) -> bytes:
            data = await self.stream.receive(max_bytes)
            if self.fails:
                raise asyncio.CancelledError
            return data

        async def send(self, item: bytes) -> None:
            await self.stream.send(item)

        async def send_eof(self) -> None:
            raise NotImplementedError

        async def aclose(self) -> None:
            await self.stream.aclose()

    streams: list[Odd] = []

    async def connect(host: str, port: int) -> ByteStream:
        streams.append(Odd(await secured(world, certificates)))
        return streams[-1]

    lost: Heard[Disconnected] = Heard()
    client = world.client(connector=connect)
    client.on_disconnected(lost)
    async with client:
        streams[0].fails = True
        world.say_goodbye(restart=False)
        assert "cancelled, and not by the client" in str((await lost.next()).error)


@pytest.mark.parametrize("place", ["connector", "provider"])
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_connector_can_end_the_program(
    world: World, certificates: Certificates, runtime: str, place: str, at_once: bool
) -> None:
    exits = at_once

    def may_exit(where: str) -> None:
        if exits and where == place:
            sys.exit(3)

    async def connect(host: str, port: int) -> ByteStream:
        may_exit("connector")
        return await secured(world, certificates)

    def blocking_connect(host: str, port: int) -> socket.socket:
        may_exit("connector")
        return blocking_secured(world, certificates)

    def token() -> str:
        may_exit("provider")
        return TOKEN

    def body(service: Service) -> None:
        nonlocal exits
        with service.client(connector=blocking_connect, token=token) as client:
            exits = True
            service.do(world.cut)
            for _ in client.calls():
                pass  # there is none, and the client ends

    async def serve() -> None:
        nonlocal exits
        if runtime == "threads":
            await in_a_program(world, body)
            return
        async with world.client(connector=connect, token=token):
            exits = True
            world.cut()
            await anyio.sleep_forever()

    with pytest.raises(SystemExit) as ended:
        await serve()
    assert ended.value.code == 3


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
