"""TLS over a socket of our own, which takes at once what can be written at once.

A stream of AnyIO's writes from a task, after a turn of the event loop, and returns one
TLS record at a time. Here the step that has bytes writes them itself, on any backend,
and a read takes whatever has arrived. What the socket does not take yet is kept for
the writer.

Source: Python's `ssl` (memory BIOs); RFC 8305 for the race of the addresses.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Final, Self

import anyio
from anyio.abc import ByteStream

from ._background import READ_SIZE, running_loop

HEAD_START: Final = 0.25
"""Seconds until the next address is tried, too."""


class TLSStream(ByteStream):
    """A client's TLS connection over a non-blocking socket that it owns."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._arrivals = running_loop().arrivals(sock, self._take_in)
        self._ended = False  # the peer will send no more
        self._drained = False  # what has come in was decrypted
        self._unsent = b""  # encrypted, and not yet taken by the socket

    @classmethod
    async def connect(cls, host: str, port: int, context: ssl.SSLContext) -> Self:
        """Open a connection, and shake hands.

        `context` says what is verified; renegotiation, a thing of TLS 1.2, is switched off.
        """
        context.options |= ssl.OP_NO_RENEGOTIATION  # so that writing never has to read
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
        self._tls.write(data)
        self._unsent += self._outgoing.read()
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
        """All that has arrived, of at least one byte; `max_bytes` is for each record.

        Raises:
            EndOfStream: the peer has closed, with or without a word.
        """
        while True:
            if self._drained:
                await self._next_arrival()
            data = self._decrypt(max_bytes)
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
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._next_arrival()
            except ssl.SSLError:
                await self._flush()  # the alert that tells the peer why
                raise
            else:
                await self._flush()
                return

    async def _flush(self) -> None:
        self._unsent += self._outgoing.read()
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
        if data:
            self._incoming.write(data)
            self._drained = False  # be it that nobody waits for it any more
        else:
            self._ended = True

    async def _next_arrival(self) -> None:
        if not self._ended:
            await self._arrivals.wait()
        if self._ended:
            raise anyio.EndOfStream

    def _decrypt(self, max_bytes: int) -> bytes:
        """Every whole record that is here; an error only when no record precedes it."""
        records: list[bytes] = []
        try:
            while record := self._tls.read(max_bytes):
                records.append(record)
            # The end: it comes again with the next read, and so does an error.
            self._drained = False
        except ssl.SSLWantReadError:
            self._drained = True
        except ssl.SSLZeroReturnError:
            self._drained = False
        except ssl.SSLError:
            self._drained = False
            if not records:
                raise
        if not self._drained and not records:
            raise anyio.EndOfStream
        return records[0] if len(records) == 1 else b"".join(records)


Address = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]


async def connect_socket(host: str, port: int) -> socket.socket:
    """A non-blocking socket, connected to the first of the host's addresses that answers.

    Raises:
        OSError: none did; its cause says why.
    """
    addresses = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    winners: list[socket.socket] = []
    errors: list[OSError] = []
    try:
        await _race(_alternating(addresses), winners, errors)
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
            with anyio.move_on_after(HEAD_START):
                await over.wait()


async def _connect_to(address: Address) -> socket.socket:
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.connect(where)
        except BlockingIOError:
            await anyio.wait_writable(sock)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, os.strerror(error)) from None
    except BaseException:
        anyio.notify_closing(sock)
        sock.close()
        raise
    return sock


def _alternating(addresses: Sequence[Address]) -> Iterable[Address]:
    """IPv6 and IPv4 in turn, so that one of them being broken costs one head start."""
    six = [address for address in addresses if address[0] is socket.AF_INET6]
    four = [address for address in addresses if address[0] is not socket.AF_INET6]
    for number in range(max(len(six), len(four))):
        yield from six[number : number + 1]
        yield from four[number : number + 1]
