"""Transports: one TLS byte stream each, with a reader and a buffered writer.

Bytes are written in the order in which they were given; giving them never waits.

Public: `Connector`, for applications that pass a `connector` of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeAlias

import anyio
from anyio.abc import ByteStream, SocketAttribute

from relay_proto.adapter import connection_errors
from relay_proto.adapter.forks import lead_nowhere
from relay_proto.adapter.guard import contains, end_of_program, without
from relay_proto.adapter.network import Network
from relay_proto.adapter.sockets import READ_SIZE

from ._background import running_loop
from ._gathering import Gathering
from ._here import is_cancelled, outlive_cancellation, outlives
from ._tls import TLSStream

Connector: TypeAlias = Callable[[str, int], Awaitable[ByteStream]]
"""Opens a byte stream to a host and port: TLS over TCP, unless a test brings its own."""

STREAM_ERRORS: Final = (
    OSError,  # and with it ssl.SSLError
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,  # from a TLS stream also while sending, or in its handshake
)

CANCELLED_BY_OTHERS: Final = "was cancelled, and not by the client"

describe: Final = partial(connection_errors.describe, ends=(anyio.EndOfStream,))


def connector_of(network: Network) -> Connector:
    """A connector that opens verified TLS connections."""

    async def connect(host: str, port: int) -> ByteStream:
        return await TLSStream.connect(host, port, network)

    return connect


def failure_words(error: BaseException) -> str:
    """Say in words how a stream has failed, whatever it has raised.

    It may be the application's, and raise anything. What ends the program is no failure
    of the stream, nor is a cancellation, unless the task is not cancelled: it is raised again.
    """
    cancelled = anyio.get_cancelled_exc_class()
    if end_of_program(error) is not None or (contains(error, cancelled) and is_cancelled()):
        raise error
    if without(error, (cancelled,)) is None:
        return f"it {CANCELLED_BY_OTHERS}"
    return describe(error)


class Transport:
    """One byte stream, from before it is open until after it is closed."""

    def __init__(self, gathering: Gathering, *, flush_timeout: float, most_unsent: int) -> None:
        self._gathering = gathering
        self._flush_timeout = flush_timeout
        self._most_unsent = most_unsent
        self._chunks: list[bytes] = []
        self._unsent = 0
        self._direct: TLSStream | None = None  # where writing needs no task
        self._foreign: ByteStream | None = None  # what a connector has opened
        self._loop = running_loop()
        self._wake = self._loop.waker()
        if gathering.active:  # it began when there was no transport, or another
            self._loop.wake(self._wake)
        self._closing = False
        self._reason = ""
        self._scope = anyio.CancelScope()

    def write(self, data: bytes) -> None:
        """Write bytes, or leave them for the writer. Give up a peer that does not read them."""
        if self._direct is not None and not self._unsent and not self._gathering.active:
            try:
                if self._direct.send_at_once(data):
                    return
            except STREAM_ERRORS:
                self._chunks.append(data)  # the writer finds the same, and says what it was
        else:
            self._chunks.append(data)
        self._unsent += len(data)
        if self._unsent > self._most_unsent:
            self._reason = f"the server has not read {self._unsent} bytes"
            self._scope.cancel()
        if not self._gathering.active:  # else the writer is awake
            self._loop.wake(self._wake)

    def wake_writer(self) -> None:
        """Let the writer take what was left for it, once those that were woken had their turn."""
        self._loop.wake(self._wake)

    def close(self, *, flush: bool) -> None:
        """End the stream; with `flush`, after what was left for the writer, within a bound."""
        self._closing = True
        self._loop.wake(self._wake)
        if flush:
            self._scope.deadline = self._loop.time() + self._flush_timeout
        else:
            self._scope.cancel()

    def abandon(self) -> None:
        """Give back the socket, without a word to the peer or to the event loop."""
        if self._direct is not None:
            self._direct.abandon()
        elif self._foreign is not None:
            sock: Any = self._foreign.extra(SocketAttribute.raw_socket, None)
            if sock is not None and sock.fileno() >= 0:
                lead_nowhere(sock.fileno())

    async def run(
        self,
        connect: Callable[[], Awaitable[ByteStream]],
        opened: Callable[[], None],
        received: Callable[[bytes], None],
    ) -> str:
        """Open, read and write until the stream ends; return how it ended."""
        try:
            await self._run(connect, opened, received)
        except BaseException as error:
            # Out here no scope of the stream counts: it ends, and the client does not.
            if not outlives(error):
                raise
            self._reason = self._reason or f"it {CANCELLED_BY_OTHERS}"
        return self._reason

    async def _run(
        self,
        connect: Callable[[], Awaitable[ByteStream]],
        opened: Callable[[], None],
        received: Callable[[bytes], None],
    ) -> None:
        with self._scope:
            try:
                stream: object = await connect()
            except BaseException as error:  # noqa: BLE001 - see `failure_words`
                self._reason = failure_words(error)
                return
            if not isinstance(stream, ByteStream):  # pyright: ignore[reportUnnecessaryIsInstance]
                kind = type(stream).__name__
                self._reason = f"the connector has returned a {kind}, not a ByteStream"
                return
            if isinstance(stream, TLSStream):
                self._direct = stream
            else:
                self._foreign = stream
            try:
                opened()
                await self._exchange(stream, received)
            finally:
                try:
                    await anyio.aclose_forcefully(stream)
                except BaseException as error:  # noqa: BLE001 - see `failure_words`
                    failure_words(error)

    async def _exchange(self, stream: ByteStream, received: Callable[[bytes], None]) -> None:
        async with anyio.create_task_group() as tasks:

            async def read() -> None:
                self._reason = await self._read(stream, received)
                if not self._closing:
                    tasks.cancel_scope.cancel()

            tasks.start_soon(read)
            self._reason = await self._write(stream) or self._reason
            tasks.cancel_scope.cancel()

    async def _read(self, stream: ByteStream, received: Callable[[bytes], None]) -> str:
        failed: list[BaseException] = []

        def hand_over(data: bytes) -> None:
            try:
                received(data)
            except BaseException as error:
                failed.append(error)
                raise

        while True:
            try:
                if self._direct is not None:
                    await self._direct.receive_all(hand_over)
                hand_over(await stream.receive(READ_SIZE))
            except BaseException as error:
                if failed:  # it is not the stream that has failed
                    raise
                if not outlives(error):
                    return failure_words(error)

    async def _write(self, stream: ByteStream) -> str:
        while True:
            with self._gathering.writer_idle():
                await self._wait_for_turn()
            if is_cancelled():
                await outlive_cancellation()
            data, size = b"".join(self._chunks), self._unsent
            self._chunks.clear()
            try:
                if size:
                    await stream.send(data)
            except BaseException as error:  # noqa: BLE001 - see `failure_words`
                outlives(error)  # but the stream does not: nobody knows how much has left
                return failure_words(error)
            self._unsent -= size
            if self._closing and not self._unsent:
                return ""

    async def _wait_for_turn(self) -> None:
        try:
            await self._wake
            if self._gathering.active:
                await self._gathering.wait()
        except BaseException as error:
            if not outlives(error):
                raise
        self._wake = self._loop.waker()
        if self._gathering.active:
            self._loop.wake(self._wake)
