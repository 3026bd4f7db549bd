"""Transports: one TLS byte stream each, with a reader and a buffered writer.

Bytes are written in the order in which they were given; giving them never waits.
What goes wrong is told in words that say which of the usual things it was.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import anyio
import anyio.lowlevel

from relay_proto.config import ENV_CA_FILE

from . import _ssl as ssl
from ._background import READ_SIZE, running_loop

if TYPE_CHECKING:
    from anyio.abc import ByteStream

    from ._tls import TLSStream

    Connector: TypeAlias = Callable[[str, int], Awaitable[ByteStream]]
else:  # `anyio.abc` is not loaded for the sake of a hint
    Connector = Callable[[str, int], Awaitable[Any]]
"""Opens a byte stream to a host and port: TLS over TCP, unless a test brings its own."""

STREAM_ERRORS: Final = (
    OSError,  # and with it ssl.SSLError
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,  # from a TLS stream also while sending, or in its handshake
)


async def connect_tls(host: str, port: int) -> ByteStream:
    """Open a verified TLS connection, racing the host's addresses.

    The roots are the system's and those in `SIGNALWIRE_RELAY_CA_FILE`.
    """
    from ._tls import TLSStream  # noqa: PLC0415 - ssl is loaded with the first connection

    return await TLSStream.connect(host, port, tls_context(os.environ))


def tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """TLS 1.2 or later, certificate and host name checked.

    Raises:
        CAFileError: the file that the environment names cannot be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    path = environ.get(ENV_CA_FILE)
    if path:
        try:
            context.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError) as error:
            raise CAFileError(path, error) from error
    return context


class CAFileError(OSError):
    """The file of additional roots is missing, unreadable or holds no certificate."""

    def __init__(self, path: str, error: OSError) -> None:
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        super().__init__(f"{ENV_CA_FILE} is {path!r}, which cannot be used: {why}")


def describe(error: BaseException) -> str:
    """Say in words which of the usual things went wrong with a connection."""
    import socket  # noqa: PLC0415 - like ssl

    for cause in _causes(error):
        match cause:
            case CAFileError():
                return str(cause)
            case anyio.EndOfStream() | ssl.SSLEOFError():
                return "the server closed the connection"
            case socket.gaierror():
                return f"the name could not be resolved ({cause.strerror})"
            case ssl.SSLCertVerificationError():
                return f"the server's certificate was refused ({cause.verify_message})"
            case ssl.SSLError():
                return f"TLS failed ({cause.reason or cause})"
            case ConnectionRefusedError():
                return "nothing is listening there (connection refused)"
            case ConnectionResetError():
                return "the connection was reset"
            case _:
                pass
    text = next((str(cause) for cause in _causes(error) if str(cause)), "")
    return text or type(error).__name__


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it came from, the innermost first."""
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo and len(found) < 100:
        current = todo.pop()
        # That TLS wanted to read more was no fault: the read then failed.
        if isinstance(current, (ssl.SSLWantReadError, ssl.SSLWantWriteError)):
            current = current.__cause__ or current.__context__
        if current is not None and current not in found:
            found.append(current)
            if isinstance(current, CAFileError):
                continue  # it says itself what it came from
            todo.append(current.__cause__ or current.__context__)
            if isinstance(current, BaseExceptionGroup):
                todo.extend(cast("BaseExceptionGroup[BaseException]", current).exceptions)
    return found[::-1]


class Transport:
    """One byte stream, from before it is open until after it is closed."""

    def __init__(self, *, flush_timeout: float, most_unsent: int) -> None:
        self._flush_timeout = flush_timeout
        self._most_unsent = most_unsent
        self._chunks: list[bytes] = []
        self._unsent = 0
        self._gathers = 0  # calls of `gather` that the writer has not dealt with
        self._direct: TLSStream | None = None  # where writing needs no task
        self._loop = running_loop()
        self._wake = self._loop.waker()
        self._closing = False
        self._reason = ""
        self._scope = anyio.CancelScope()

    def write(self, data: bytes) -> None:
        """Write bytes, or leave them for the writer. A peer that reads none of them is left."""
        if self._direct is not None and not self._unsent and not self._gathers:
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
        if not self._gathers:  # else the writer is awake
            self._wake.set()

    def gather(self) -> None:
        """Leave what follows to the writer, which has its turn soon: it will be a good deal."""
        self._gathers += 1
        self._wake.set()

    def close(self, *, flush: bool) -> None:
        """End the stream; with `flush`, after what was left for the writer, within a bound."""
        self._closing = True
        self._wake.set()
        if flush:
            self._scope.deadline = self._loop.time() + self._flush_timeout
        else:
            self._scope.cancel()

    async def run(
        self,
        connect: Callable[[], Awaitable[ByteStream]],
        opened: Callable[[], None],
        received: Callable[[bytes], None],
    ) -> str:
        """Open, read and write until the stream ends; return how it ended."""
        from ._tls import TLSStream  # noqa: PLC0415 - ssl is loaded with the first connection

        with self._scope:
            try:
                stream = await connect()
            except STREAM_ERRORS as error:
                return describe(error)
            if isinstance(stream, TLSStream):
                self._direct = stream
            try:
                opened()
                return await self._exchange(stream, received)
            finally:
                await anyio.aclose_forcefully(stream)
        return self._reason

    async def _exchange(self, stream: ByteStream, received: Callable[[bytes], None]) -> str:
        reason = ""
        async with anyio.create_task_group() as tasks:

            async def read() -> None:
                nonlocal reason
                reason = await self._read(stream, received)
                if not self._closing:
                    tasks.cancel_scope.cancel()

            tasks.start_soon(read)
            reason = await self._write(stream) or reason
            tasks.cancel_scope.cancel()
        return reason

    async def _read(self, stream: ByteStream, received: Callable[[bytes], None]) -> str:
        while True:
            try:
                data = await stream.receive(READ_SIZE)
            except STREAM_ERRORS as error:
                return describe(error)
            received(data)

    async def _write(self, stream: ByteStream) -> str:
        while True:
            await self._wake.wait()
            self._wake = self._loop.waker()
            if gathers := self._gathers:
                await anyio.lowlevel.checkpoint()  # after all who were woken with this task
                if gathers == self._gathers:
                    self._gathers = 0
                else:
                    self._wake.set()  # more were woken, who have not had their turn
            data, size = b"".join(self._chunks), self._unsent
            self._chunks.clear()
            try:
                if size:
                    await stream.send(data)
            except STREAM_ERRORS as error:
                return describe(error)
            self._unsent -= size
            if self._closing and not self._unsent:
                return ""
