"""Peers that do as they are told, well or badly: scripts over TLS, or over memory.

A script is a function of a `Peer`; the connection ends when it returns.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, ParamSpec, TypeAlias

import anyio
import trio
from anyio.abc import ByteStream, SocketAttribute, SocketStream, TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from anyio.streams.tls import TLSStream
from trio.testing import MockClock

from relay_anyio import RelayClient, Timing
from relay_proto.wire.websocket import (
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    UpgradeRequested,
    Wire,
    WireFailed,
)
from tests.adapters import support
from tests.adapters.support import PROJECT, TOKEN

P = ParamSpec("P")
Frame: TypeAlias = dict[str, Any]

A_DAY: Final = 86_400.0
GONE: Final = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


class Peer:
    """One accepted connection. What it says and when is the script's affair."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.wire = Wire(Role.SERVER)
        self.close_code = 0
        self._inbox: deque[Frame] = deque()
        self._count = 0
        self._writing = anyio.Lock()

    async def upgrade(self) -> None:
        """Let the client in."""
        await self.upgrade_requested()
        await self.send_bytes(self.wire.accept())

    async def upgrade_requested(self) -> None:
        """Wait for the request to upgrade, and leave it unanswered."""
        while True:
            for event in self.wire.receive(await self.stream.receive()):
                if isinstance(event, UpgradeRequested):
                    return

    async def receive(self) -> Frame:
        """The next frame, whatever it is.

        Raises:
            EndOfStream: the client has left.
        """
        while not self._inbox:
            for event in self.wire.receive(await self.stream.receive()):
                match event:
                    case TextReceived(data):
                        self._inbox.append(json.loads(data))
                    case BytesToSend(data):
                        await self.send_bytes(data)
                    case PeerClosed(code):
                        self.close_code = code
                        raise anyio.EndOfStream
                    case WireFailed(error):
                        raise error
                    case _:
                        raise AssertionError(event)
        return self._inbox.popleft()

    async def request(self, method: str) -> Frame:
        """The next request of this method; others before it are left unanswered."""
        while True:
            frame = await self.receive()
            if frame.get("method") == method:
                return frame

    async def gone(self) -> None:
        """Listen, without a word, until the client leaves."""
        with suppress(*GONE):
            while True:
                await self.receive()

    async def send(self, frame: object) -> None:
        """Say something, whatever it is."""
        await self.send_text(json.dumps(frame).encode())

    async def send_text(self, text: bytes) -> None:
        """Say what need not be JSON."""
        await self.send_bytes(self.wire.send_text(text))

    async def send_bytes(self, data: bytes) -> None:
        """Say what need not be WebSocket."""
        async with self._writing:
            await self.stream.send(data)

    async def reply(self, request: Frame, **result: Any) -> None:
        """Carry out a request."""
        given = {"code": "200", "message": "OK"} | result
        await self.send({"jsonrpc": "2.0", "id": request["id"], "result": given})

    async def refuse(self, request: Frame, code: int, message: str) -> None:
        """Refuse a request."""
        error = {"code": code, "message": message}
        await self.send({"jsonrpc": "2.0", "id": request["id"], "error": error})

    async def ask(self, method: str, **params: Any) -> str:
        """Send a request of the server's; returns its id."""
        self._count += 1
        identity = f"s-{self._count}"
        await self.send({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})
        return identity

    async def event(self, event_type: str, **params: Any) -> str:
        """Tell an event; returns its id."""
        return await self.ask("signalwire.event", event_type=event_type, params=params)

    async def welcome(self, protocol: str = "protocol-1", **result: Any) -> Frame:
        """Let the client in and accept its credentials; returns what it sent."""
        await self.upgrade()
        request = await self.request("signalwire.connect")
        await self.send(
            {"jsonrpc": "2.0", "id": request["id"], "result": {"protocol": protocol, **result}}
        )
        params: Frame = request["params"]
        return params

    async def offer_call(self, call_id: str = "call-1") -> None:
        """Offer an inbound call."""
        await self.event(
            "calling.call.receive",
            call_id=call_id,
            node_id="node-1",
            context="office",
            call_state="created",
            direction="inbound",
        )

    async def call_state(self, state: str, call_id: str = "call-1", **params: Any) -> None:
        """Tell how far a call has come."""
        named = {"call_id": call_id, "node_id": "node-1", "call_state": state}
        await self.event("calling.call.state", **named, **params)


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


async def obliging(peer: Peer) -> None:
    """Accept everything, and say nothing by itself."""
    await peer.welcome()
    await oblige(peer)


async def oblige(
    peer: Peer, hear: Callable[[tuple[str, Frame]], None] = lambda request: None
) -> None:
    """Carry out every request, until the client leaves; `hear` gets method and parameters."""
    with suppress(*GONE):
        while True:
            frame = await peer.receive()
            if "method" in frame:
                await peer.reply(frame)
                hear((frame["method"], frame["params"]))


@asynccontextmanager
async def serving_raw(handle: Callable[[SocketStream], Awaitable[None]]) -> AsyncGenerator[str]:
    """Accept TCP connections; yields the host to name to a client."""

    async def accept(stream: SocketStream) -> None:
        async with stream:
            with suppress(*GONE, ssl.SSLError):  # clients leave as they like
                await handle(stream)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, accept)
        yield f"localhost:{listener.extra(SocketAttribute.local_port)}"
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def serving(tls: ssl.SSLContext, *scripts: Script) -> AsyncGenerator[str]:
    """Serve over TLS: each connection meets the next script, the last one again and again."""
    numbers = itertools.count()

    async def handle(stream: SocketStream) -> None:
        script = scripts[min(next(numbers), len(scripts) - 1)]
        secured = await TLSStream.wrap(
            stream, server_side=True, ssl_context=tls, standard_compatible=False
        )
        await script(Peer(secured))

    async with serving_raw(handle) as host:
        yield host


def client_of(host: str, **arguments: Any) -> RelayClient:
    """A client of whoever is there."""
    given: dict[str, Any] = {"project": PROJECT, "token": TOKEN, "host": host}
    client: RelayClient = support.make(RelayClient, **(given | arguments))
    return client


class MemoryStream(ByteStream):
    """One end of a pipe that only a test can hold."""

    def __init__(
        self, send: MemoryObjectSendStream[bytes], receive: MemoryObjectReceiveStream[bytes]
    ) -> None:
        self._send = send
        self._receive = receive

    async def send(self, item: bytes) -> None:
        await self._send.send(item)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        data = await self._receive.receive()
        assert len(data) <= max_bytes, "these tests say little at a time"
        return data

    async def send_eof(self) -> None:
        await self._send.aclose()

    async def aclose(self) -> None:
        await self._send.aclose()
        await self._receive.aclose()


class InMemory:
    """A connector: the n-th connection meets the n-th script, the last one again and again.

    None is nobody: the connection is refused.
    """

    def __init__(self, tasks: TaskGroup, *scripts: Script | None) -> None:
        self._tasks = tasks
        self._scripts = scripts
        self.attempts: list[float] = []
        """When each connection was asked for."""

    async def __call__(self, host: str, port: int) -> ByteStream:
        script = self._scripts[min(len(self.attempts), len(self._scripts) - 1)]
        self.attempts.append(anyio.current_time())
        if script is None:
            raise ConnectionRefusedError
        to_server, from_client = anyio.create_memory_object_stream[bytes](math.inf)
        to_client, from_server = anyio.create_memory_object_stream[bytes](math.inf)
        self._tasks.start_soon(self._run, script, MemoryStream(to_client, from_client))
        return MemoryStream(to_server, from_server)

    async def _run(self, script: Script, stream: ByteStream) -> None:
        async with stream:
            with suppress(*GONE):
                await script(Peer(stream))


@asynccontextmanager
async def in_memory(*scripts: Script | None, **arguments: Any) -> AsyncGenerator[InMemoryClient]:
    """A client that meets the scripts in memory; it is disconnected at the end."""
    async with anyio.create_task_group() as tasks:
        connector = InMemory(tasks, *scripts)
        arguments.setdefault("timing", Timing())
        client = client_of("nowhere.test", connector=connector, **arguments)
        try:
            yield client, connector
        finally:
            with anyio.CancelScope(shield=True):
                await client.disconnect()
            tasks.cancel_scope.cancel()


InMemoryClient: TypeAlias = tuple[RelayClient, InMemory]


def in_virtual_time(
    test: Callable[P, Coroutine[Any, Any, None]],
) -> Callable[P, None]:
    """Run a test on trio, by a clock that jumps to whatever is due next."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def bounded() -> None:
            with anyio.fail_after(A_DAY):
                await test(*args, **kwargs)

        clock = MockClock(autojump_threshold=0)
        trio.run(bounded, clock=clock)  # pyright: ignore[reportUnknownMemberType]

    return run
