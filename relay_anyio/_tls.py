"""TLS over a socket of our own, which takes at once what can be written at once.

A stream of AnyIO's writes from a task, after a turn of the event loop, and returns one
TLS record at a time. Here the step that has bytes writes them itself, on any backend,
and a read takes whatever has arrived. What the socket does not take yet is kept for
the writer.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NoReturn, Self, TypeVar

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream

from relay_proto.adapter.errands import Outcome, errands
from relay_proto.adapter.network import Network, Route, SecureChannel
from relay_proto.adapter.sockets import (
    ATTEMPT_DELAY,
    READ_SIZE,
    Address,
    begin_to_connect,
    check_connected,
)

from ._background import running_loop

R = TypeVar("R")


class TLSStream(ByteStream):
    """A client's TLS connection over a non-blocking socket that it owns."""

    def __init__(self, sock: socket.socket, channel: SecureChannel) -> None:
        self._sock = sock
        self._channel = channel
        self._arrivals = running_loop().arrivals(sock, self._take_in)
        self._drained = False  # what has come in was decrypted
        self._ended: ssl.SSLError | None = None
        self._unsent = b""  # encrypted, and not yet taken by the socket

    @classmethod
    async def connect(cls, host: str, port: int, network: Network) -> Self:
        """Open a connection to `host`, with all handshakes, racing the addresses.

        Raises:
            OSError: no address was good for it; the causes say why.
        """
        route = await in_own_thread(
            partial(network.find_route, host, port), f"relay_anyio resolver of {host}"
        )
        winners: list[tuple[Address, Self]] = []
        errors: list[BaseException] = []
        try:
            await cls._race(route, winners, errors)
        except BaseException:
            for _, stream in winners:  # the caller was cancelled when it had all but succeeded
                await stream.aclose()
            raise
        if not winners:
            if len(errors) == 1:
                raise errors[0]
            cause = BaseExceptionGroup("every address failed", errors)
            raise OSError("All connection attempts failed") from cause
        for _, late in winners[1:]:
            await late.aclose()
        address, stream = winners[0]
        network.opened(address)
        return stream

    @classmethod
    async def _race(
        cls,
        route: Route,
        winners: list[tuple[Address, Self]],
        errors: list[BaseException],
    ) -> None:
        """Try one address after another, each beside those that are not done yet."""
        async with anyio.create_task_group() as tasks:

            async def attempt(address: Address, accepted: anyio.Event, over: anyio.Event) -> None:
                try:
                    stream = await cls._open(address, route, accepted)
                except OSError as error:
                    # What went wrong with an address that has accepted says more.
                    errors.insert(0 if accepted.is_set() else len(errors), error)
                else:
                    winners.append((address, stream))
                    tasks.cancel_scope.cancel()
                finally:
                    accepted.set()
                    over.set()

            for address in route.addresses:
                accepted, over = anyio.Event(), anyio.Event()
                tasks.start_soon(attempt, address, accepted, over)
                with anyio.move_on_after(ATTEMPT_DELAY):
                    await accepted.wait()
                if accepted.is_set():
                    with anyio.move_on_after(route.share):
                        await over.wait()
        # On asyncio, a group whose tasks have ended may not have heard that it is cancelled.
        await anyio.lowlevel.checkpoint_if_cancelled()

    @classmethod
    async def _open(cls, address: Address, route: Route, accepted: anyio.Event) -> Self:
        stream = await cls.begin(address, route)
        accepted.set()
        try:
            await stream.shake_hands()
        except BaseException:
            await stream.aclose()
            raise
        return stream

    @classmethod
    async def begin(cls, address: Address, route: Route) -> Self:
        """Connect to an address. The handshakes are still to be made.

        Raises:
            OSError: it does not accept, or there is no way to speak through the proxy.
        """
        channel = route.new_channel()
        try:
            sock = await _connect_to(address)
        except OSError as error:
            raise route.explain(error) from error
        try:
            return cls(sock, channel)
        except BaseException:
            sock.close()
            raise

    @property
    def tls(self) -> ssl.SSLObject:
        """What knows the version, the cipher and the certificates, after the handshake."""
        return self._channel.tls

    async def shake_hands(self) -> None:
        """Make all handshakes.

        Raises:
            OSError: one of them has failed.
        """
        while True:
            try:
                done = self._channel.shake_hands()
            except OSError:
                with suppress(OSError):
                    await self._flush()  # the alert that tells the peer why
                raise
            await self._flush()
            if done:
                return
            await self._arrivals.wait()

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
        """Wait for at least one byte, and return all that has arrived, even more than `max_bytes`.

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

    async def receive_all(self, received: Callable[[bytes], object]) -> NoReturn:
        """Hand all that arrives to `received`, until the stream ends.

        `received` may be called by the event loop, between two steps of this task.

        Raises:
            EndOfStream: the peer has closed, with or without a word.
        """

        def arrived() -> None:
            while not self._drained:
                if data := self._decrypt():
                    received(data)

        arrived()  # what has come with the end of the handshake
        await self._arrivals.each(arrived)

    async def send_eof(self) -> None:
        """End the TLS session: nothing can be sent any more."""
        raise NotImplementedError("a WebSocket says itself that it is over")

    async def aclose(self) -> None:
        """Close the socket; a read or write that waits for it ends."""
        if self._sock.fileno() >= 0:
            self._arrivals.close()
            anyio.notify_closing(self._sock)
            self._sock.close()

    def abandon(self) -> None:
        """Close the socket, and do nothing else: there is no event loop any more."""
        self._sock.close()

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
        self._drained = False  # even if nobody waits for it any more

    def _decrypt(self) -> bytes:
        """Return all whole records. If the stream has ended, the next call raises how."""
        data = b""
        if self._ended is None:
            data, self._ended = self._channel.decrypt()
            self._drained = self._ended is None
        if not data and self._ended is not None:
            if isinstance(self._ended, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
                raise anyio.EndOfStream from self._ended
            raise self._ended
        return data


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


async def in_own_thread(function: Callable[[], R], name: str) -> R:
    """Call what may block in a daemon thread. A caller that is cancelled leaves it behind.

    A worker thread of AnyIO's or of the event loop's would not do: the program waits for
    those before it ends, and there are few of them.

    Raises:
        ToldError: there are too many such threads.
    """
    loop = running_loop()
    waker = loop.waker()
    outcomes: list[Outcome[R]] = []

    def done(outcome: Outcome[R]) -> None:
        outcomes.append(outcome)
        with suppress(RuntimeError):  # the event loop has ended: nobody is there to care
            loop.post(partial(loop.wake, waker))

    errands.run(function, done, name)
    await waker
    return outcomes[0].get()
