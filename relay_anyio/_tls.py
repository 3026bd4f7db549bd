"""TLS over a socket of our own, which takes at once what can be written at once.

A stream of AnyIO's writes from a task, after a turn of the event loop, and returns one
TLS record at a time. Here the step that has bytes writes them itself, on any backend,
and a read takes whatever has arrived. What the socket does not take yet is kept for
the writer.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Self

import anyio
from anyio.abc import ByteStream

from relay_proto.adapter.sockets import (
    ATTEMPT_DELAY,
    READ_SIZE,
    Address,
    begin_to_connect,
    check_connected,
    interleaved,
)
from relay_proto.adapter.tls import TLSChannel

from ._background import running_loop


class TLSStream(ByteStream):
    """A client's TLS connection over a non-blocking socket that it owns."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._sock = sock
        self._channel = TLSChannel(context, host)
        self._arrivals = running_loop().arrivals(sock, self._take_in)
        self._drained = False  # what has come in was decrypted
        self._ended: ssl.SSLError | None = None
        self._unsent = b""  # encrypted, and not yet taken by the socket

    @classmethod
    async def connect(cls, host: str, port: int, context: ssl.SSLContext) -> Self:
        """Open a connection, and shake hands. `context` says what is verified."""
        stream = cls(await connect_socket(host, port), context, host)
        try:
            await stream._shake_hands()
        except BaseException:
            await stream.aclose()
            raise
        return stream

    def send_at_once(self, data: bytes) -> bool:
        """Write without waiting; false if a part is left, which `send` writes first.

        Raises:
            OSError: the connection is broken.
        """
        self._channel.encrypt(data)
        self._unsent += self._channel.outgoing()
        self._push()
        return not self._unsent

    async def send(self, item: bytes) -> None:
        """Write what was left before, and then `item`."""
        done = self.send_at_once(item) if item else not self._unsent
        while not done:
            await anyio.wait_writable(self._sock)
            self._push()
            done = not self._unsent

    async def receive(self, max_bytes: int = READ_SIZE) -> bytes:
        """All that has arrived, of at least one byte, be it more than `max_bytes`.

        Raises:
            EndOfStream: the peer has closed, with or without a word.
        """
        del max_bytes
        while True:
            if self._drained:
                await self._arrivals.wait()
            data = self._decrypt()
            if data:
                return data

    async def send_eof(self) -> None:
        """End the TLS session: nothing can be sent any more."""
        raise NotImplementedError("a WebSocket says itself that it is over")

    async def aclose(self) -> None:
        """Close the socket; a read or write that waits for it ends."""
        if self._sock.fileno() >= 0:
            self._arrivals.close()
            anyio.notify_closing(self._sock)
            self._sock.close()

    async def _shake_hands(self) -> None:
        while True:
            try:
                done = self._channel.shake_hands()
            except ssl.SSLError:
                with suppress(OSError):
                    await self._flush()  # the alert that tells the peer why
                raise
            await self._flush()
            if done:
                return
            await self._arrivals.wait()

    async def _flush(self) -> None:
        self._unsent += self._channel.outgoing()
        self._push()
        await self.send(b"")

    def _push(self) -> None:
        if self._unsent:
            try:
                sent = self._sock.send(self._unsent)
            except BlockingIOError:
                return
            self._unsent = self._unsent[sent:]

    def _take_in(self, data: bytes) -> None:
        self._channel.feed(data)
        self._drained = False  # be it that nobody waits for it any more

    def _decrypt(self) -> bytes:
        """Every whole record that is here; what has ended it is raised by the next call."""
        data = b""
        if self._ended is None:
            data, self._ended = self._channel.decrypt()
            self._drained = self._ended is None
        if not data and self._ended is not None:
            if isinstance(self._ended, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
                raise anyio.EndOfStream from self._ended
            raise self._ended
        return data


async def connect_socket(host: str, port: int) -> socket.socket:
    """A non-blocking socket, connected to the first of the host's addresses that answers.

    Raises:
        OSError: none did; its cause says why.
    """
    addresses = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    winners: list[socket.socket] = []
    errors: list[OSError] = []
    try:
        await _race(interleaved(addresses), winners, errors)
    except BaseException:
        for sock in winners:  # the caller was cancelled when it had all but succeeded
            sock.close()
        raise
    if not winners:
        cause = errors[0] if len(errors) == 1 else ExceptionGroup("every address failed", errors)
        raise OSError("All connection attempts failed") from cause
    for late in winners[1:]:
        late.close()
    return winners[0]


async def _race(
    addresses: Iterable[Address], winners: list[socket.socket], errors: list[OSError]
) -> None:
    async with anyio.create_task_group() as tasks:

        async def attempt(address: Address, over: anyio.Event) -> None:
            try:
                connected = await _connect_to(address)
            except OSError as error:
                errors.append(error)
            else:
                winners.append(connected)
                tasks.cancel_scope.cancel()
            finally:
                over.set()

        for address in addresses:
            over = anyio.Event()
            tasks.start_soon(attempt, address, over)
            with anyio.move_on_after(ATTEMPT_DELAY):
                await over.wait()


async def _connect_to(address: Address) -> socket.socket:
    sock = begin_to_connect(address)
    try:
        await anyio.wait_writable(sock)
        check_connected(sock)
    except BaseException:
        anyio.notify_closing(sock)
        sock.close()
        raise
    return sock
