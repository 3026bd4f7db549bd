"""The server: sockets, with TLS or without, around an `Exchange`, driven like the client's core."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar, assert_never

import anyio
from anyio.abc import (
    ByteStream,
    Listener,
    SocketAttribute,
    SocketStream,
    TaskGroup,
    TaskStatus,
)
from anyio.streams.stapled import MultiListener

from relay_proto.adapter.sockets import EXHAUSTED, PAUSE, not_a_name
from relay_proto.exchange import (
    Exchange,
    ExchangeOutput,
    Fault,
    FaultKind,
    FileMade,
    FrameSeen,
    Happened,
    Heard,
)

from .._driver import Driver
from .fetching import Fetching
from .files import Files
from .handshakes import Handshakes
from .weather import Weather, WeatheredStream

R = TypeVar("R")

HANDSHAKE_TIMEOUT: Final = 15.0
FETCH_TIMEOUT: Final = 600.0
MOST_FETCHES: Final = 64
"""Files that are fetched at the same time. Others wait."""
UNAVAILABLE: Final = 503
FLUSH_TIMEOUT: Final = 3.0
MOST_UNSENT: Final = 64 * 1024 * 1024


class Simulator:
    """Serve an exchange over TLS; without it if there is no context.

    `tell` is called with everything that happens in the exchange. `handshakes` says what
    is wrong with TLS handshakes that fail. `watch` is called with frames, and with what
    people hear, if the exchange is observed.
    With `files`, clients can fetch the files of the exchange from the same port, by the names
    in `hosts`.
    """

    def __init__(
        self,
        exchange: Exchange,
        tls: ssl.SSLContext | None,
        tell: Callable[[Happened], None],
        handshakes: Handshakes | None = None,
        watch: Callable[[FrameSeen | Heard], None] = lambda _seen: None,
        *,
        files: Files | None = None,
        hosts: Collection[str] | None = None,
    ) -> None:
        self.exchange = exchange
        self._tls = tls
        self._tell = tell
        self._watch = watch
        self.files = files
        self._fetching = None if files is None else Fetching(files, hosts)
        self._fetches = anyio.CapacityLimiter(MOST_FETCHES)
        self._driver: Driver[ExchangeOutput] = Driver(exchange, self._handle)
        self._handshakes = self._driver.timers = handshakes or Handshakes(exchange)
        self._numbers = itertools.count(1)
        self._connections: dict[int, WeatheredStream | None] = {}
        """The streams by the numbers of their connections; None before the handshake."""
        self.weather = Weather()
        self.disturbed: Callable[[], None] = lambda: None
        """Is called when a fault begins or ends that lasts."""
        self._refusals = 0

    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until cancelled. A task group's ``start()`` returns the port.

        Raises:
            OSError: the port is in use, or this process may not use it, or `host` is no address
                of this machine.
        """
        async with (
            await _listen(host, port) as listener,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(self._driver.run_timer)
            task_status.started(listener.extra(SocketAttribute.local_port))
            for one in listener.listeners:
                tasks.start_soon(self._listen_at, one, tasks)
            await anyio.sleep_forever()

    async def _listen_at(self, listener: Listener[SocketStream], tasks: TaskGroup) -> None:
        while True:
            try:
                await listener.serve(self._accept, tasks)
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                await anyio.sleep(PAUSE)

    def command(self, function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Call a method of the exchange with the time as ``now``; perform its outputs."""
        try:
            return function(*args, now=anyio.current_time(), **kwargs)
        finally:
            self._driver.step()

    def cut(self) -> None:
        """Drop all connections, as a network may. The clients get no notice."""
        for number in tuple(self._connections):
            self.command(self.exchange.drop, number)

    def fall_silent(self) -> None:
        """Let nothing arrive any more on the connections of now. Nobody is told."""
        for stream in self._connections.values():
            if stream is not None:
                stream.silent = True

    @property
    def is_silent(self) -> bool:
        """Whether nothing arrives any more on some connection."""
        return any(stream is not None and stream.silent for stream in self._connections.values())

    def say_goodbye(self, *, restart: bool) -> None:
        """Ask all clients to reconnect; with `restart`, their sessions end."""
        for number in tuple(self._connections):
            self.command(self.exchange.say_goodbye, number, restart=restart)

    @property
    def refuses_upgrades(self) -> bool:
        """Whether new connections are refused."""
        return self._refusals > 0

    async def fail(self, fault: Fault) -> None:
        """Let something go wrong, and wait until it is over."""
        match fault.kind:
            case FaultKind.CUT:
                self.cut()
            case FaultKind.SILENCE:
                self.fall_silent()
                self.disturbed()
            case FaultKind.GOODBYE | FaultKind.RESTART:
                self.say_goodbye(restart=fault.kind is FaultKind.RESTART)
            case FaultKind.FORGET_SESSIONS:
                self.command(self.exchange.forget_sessions)
            case FaultKind.REFUSE_UPGRADES:
                await self._refuse_upgrades(fault.lasts)
            case FaultKind.DELAY:
                self.weather.delay(fault.by, fault.lasts)
                self.disturbed()
                await anyio.sleep(fault.lasts)
                self.disturbed()
            case _:
                assert_never(fault.kind)

    async def _refuse_upgrades(self, lasts: float) -> None:
        self._refusals += 1
        self.exchange.refuse_upgrades(UNAVAILABLE, "out of order")
        self.disturbed()
        try:
            await anyio.sleep(lasts)
        finally:
            self._refusals -= 1
            if not self._refusals:
                self.exchange.refuse_upgrades(0)
            self.disturbed()

    def _handle(self, output: ExchangeOutput) -> None:
        if isinstance(output, Happened):
            self._tell(output)
        elif isinstance(output, FrameSeen | Heard):
            self._watch(output)
        elif isinstance(output, FileMade) and self.files is not None:
            self.files.keep(output)

    async def _accept(self, stream: SocketStream) -> None:
        number = next(self._numbers)
        transport = self._driver.new_transport(
            number, flush_timeout=FLUSH_TIMEOUT, most_unsent=MOST_UNSENT
        )
        self._connections[number] = None

        async def connect() -> ByteStream:
            secured = stream if self._tls is None else await self._secure(stream, self._tls)
            weathered = WeatheredStream(secured, self.weather)
            self._connections[number] = weathered
            return (
                weathered if self._fetching is None else await self._sort(weathered, self._fetching)
            )

        try:
            await self._driver.run_transport(number, transport, connect)
        finally:
            del self._connections[number]

    async def _sort(self, stream: ByteStream, fetching: Fetching) -> ByteStream:
        """Return a stream for the exchange. Who wants a file gets it, and a stream that ends."""
        try:
            with anyio.fail_after(HANDSHAKE_TIMEOUT):
                unread, wants_file = await fetching.look(stream)
            if wants_file:
                with anyio.fail_after(FETCH_TIMEOUT):
                    async with self._fetches:
                        await fetching.serve(unread)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
        return unread

    async def _secure(self, stream: SocketStream, tls: ssl.SSLContext) -> ByteStream:
        try:
            with anyio.fail_after(HANDSHAKE_TIMEOUT):
                return await self._handshakes.secure(stream, tls)
        except BaseException:
            self._driver.look_at_deadline()
            await anyio.aclose_forcefully(stream)
            raise


async def _listen(host: str, port: int) -> MultiListener[SocketStream]:
    try:
        return await anyio.create_tcp_listener(local_host=host, local_port=port)
    except UnicodeError:
        raise not_a_name() from None
