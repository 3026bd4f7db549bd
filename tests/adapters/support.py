"""What these tests stand on: the service behind real sockets, and ways to wait for it.

`World` is a telephone network that behaves; peers that do not are in `peers`.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final, Generic, TypeVar

import anyio
import trustme

from relay_anyio import Call, RelayClient, SessionState, Timing
from relay_anyio.simulator import Simulator
from relay_anyio.simulator.files import Files
from relay_proto.api.shapes import Media, Phone
from relay_proto.exchange import (
    Account,
    Answers,
    Busy,
    Caller,
    Declines,
    Exchange,
    ExchangeConfig,
    ExchangeTiming,
    HangUp,
    Happened,
    Line,
    NoAnswer,
    Step,
    Unreachable,
    Wait,
    What,
)

T = TypeVar("T")

PATIENCE: Final = 90.0
"""Seconds after which a test has failed. Few take one, but a machine may be busy."""

PROJECT: Final = "project-7f3a"
TOKEN: Final = "PT-secret-9b1c"
OFFICE: Final = "+15550002222"
CALLER: Final = "+15550001111"

ANSWERING: Final = "+15550003000"
BUSY: Final = "+15550003001"
DECLINING: Final = "+15550003002"
SILENT: Final = "+15550003003"
"""Rings until somebody gives up."""
UNREACHABLE: Final = "+15550003004"
LEAVING: Final = "+15550003005"
"""Answers, and hangs up soon after."""

QUICK: Final = Timing(retry_min_delay=0.01, retry_max_delay=0.05, handler_grace=0.0)
"""Reconnects at once, and waits for no handlers; all else has the time of production."""
PATIENT: Final = replace(QUICK, handler_grace=3600.0)
"""Waits for the first handler, however busy the machine is."""

AT_ONCE: Final = ExchangeTiming(
    ring_delay=0.01, reaction=0.01, character=0.001, digit=0.01, text_step=0.1
)

LONG: Final[list[Media]] = [{"type": "silence", "params": {"duration": 3600}}]
"""A playback that only a stop, or the call's end, ends."""


def _construct(kind: type[T], *args: Any, **kwargs: Any) -> T:
    return kind(*args, **kwargs)


make: Callable[..., Any] = _construct
"""Makes a client, a handle or a message. A fixture lets it make those that run on threads."""


def tts(text: str) -> list[Media]:
    """A prompt."""
    return [{"type": "tts", "params": {"text": text}}]


def phone(number: str, **params: Any) -> Phone:
    """A device to dial."""
    everything: Any = {"to_number": number, "from_number": OFFICE, **params}
    return {"type": "phone", "params": everything}


def port_of(host: str) -> int:
    return int(host.rpartition(":")[2])


class Certificates:
    """An authority, and the server contexts that it vouches for."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A context for a server of these names; without any, for this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._ca.issue_cert(*(names or ("localhost", "127.0.0.1", "::1")))
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        return context


class Heard(Generic[T]):
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.all: list[T] = []
        self._more = anyio.Event()
        self._taken = 0

    def __call__(self, item: T) -> None:
        self.all.append(item)
        self._more.set()
        self._more = anyio.Event()

    async def next(self) -> T:
        """Wait for what has not been taken yet."""
        while len(self.all) <= self._taken:
            await self._more.wait()
        self._taken += 1
        return self.all[self._taken - 1]

    async def take(self, count: int) -> list[T]:
        """Wait for so many."""
        return [await self.next() for _ in range(count)]


class Network(Exchange):
    """An exchange that remembers which connections there were, and how much they brought."""

    def __init__(self, config: ExchangeConfig, random: Random) -> None:
        super().__init__(config, random)
        self.transports: list[int] = []
        self.received = 0

    def transport_opened(self, transport: int, now: float) -> None:
        self.transports.append(transport)
        super().transport_opened(transport, now)

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        self.received += len(data)
        super().receive_data(transport, data, now)


class World:
    """The service: who is called, who calls, and all that has happened."""

    def __init__(
        self, certificates: Certificates, config: ExchangeConfig, files: Files | None
    ) -> None:
        self.exchange = Network(config, Random(1))
        tls = certificates.server_context()
        hosts = config.server.hosts
        self.simulator = Simulator(self.exchange, tls, self._tell, files=files, hosts=hosts)
        self.host = ""
        self.happened: list[Happened] = []
        self._observers: list[Callable[[Happened], object]] = []
        self._changed = anyio.Event()

    def client(self, **arguments: Any) -> RelayClient:
        """A client of this service, not connected yet."""
        given: dict[str, Any] = {"project": PROJECT, "token": TOKEN, "host": self.host}
        given |= {"contexts": ["office"], "timing": QUICK}
        client: RelayClient = make(RelayClient, **(given | arguments))
        return client

    def place_call(self, *script: Step, to: str = OFFICE, patience: float = 3600.0) -> str:
        """Let somebody call; returns the call's id."""
        caller = Caller(CALLER, script, patience)
        return self.simulator.command(self.exchange.place_call, caller, to=to)

    def cut(self) -> None:
        """Cut all connections, without a word."""
        for transport in self.exchange.transports:
            self.simulator.command(self.exchange.drop, transport)

    def forget_sessions(self) -> None:
        """Lose all sessions and connections, as a crash would."""
        self.simulator.command(self.exchange.forget_sessions)

    def say_goodbye(self, *, restart: bool) -> None:
        """Ask everybody to reconnect."""
        for transport in self.exchange.transports:
            self.simulator.command(self.exchange.say_goodbye, transport, restart=restart)

    def all(self, what: What, *, call_id: str = "", **details: str) -> list[Happened]:
        """What has happened of this kind, with these details; to one call, if it is named."""
        wanted = details.items()
        found = [h for h in self.happened if h.what is what and wanted <= h.details.items()]
        return [h for h in found if call_id in ("", h.call_id)]

    async def until(
        self, what: What, *, times: int = 1, call_id: str = "", **details: str
    ) -> Happened:
        """Wait until it has happened so many times, from the beginning of the test."""
        while len(found := self.all(what, call_id=call_id, **details)) < times:
            await self._changed.wait()
        return found[times - 1]

    async def until_nobody_is_connected(self) -> None:
        """Wait until every session has lost its connection."""
        while self.connected:
            await self._changed.wait()

    @property
    def connected(self) -> int:
        """How many sessions have a connection."""
        started = len(self.all(What.SESSION_STARTED)) + len(self.all(What.SESSION_RESUMED))
        return started - len(self.all(What.SESSION_AWAY))

    def observe(self, observer: Callable[[Happened], object]) -> None:
        """Call `observer` with all that happens from now on."""
        self._observers.append(observer)

    def _tell(self, happened: Happened) -> None:
        self.happened.append(happened)
        for observer in self._observers:
            observer(happened)
        self._changed.set()
        self._changed = anyio.Event()


@asynccontextmanager
async def open_world(
    certificates: Certificates, *, keeping: Files | None = None, **changes: Any
) -> AsyncGenerator[World]:
    """Run the service, which may keep files; `changes` are to its `ExchangeConfig`."""
    given: dict[str, Any] = {
        "accounts": (Account(project=PROJECT, token=TOKEN, jwt_tokens=("jwt-secret-1",)),),
        "numbers": {OFFICE: "office"},
        "timing": AT_ONCE,
        "default_line": Answers(after=0.01),
        "lines": (
            Line(ANSWERING, Answers(after=0.01)),
            Line(BUSY, Busy()),
            Line(DECLINING, Declines(after=0.01)),
            Line(SILENT, NoAnswer()),
            Line(UNREACHABLE, Unreachable()),
            Line(LEAVING, Answers(after=0.01, script=(Wait(0.05), HangUp()))),
        ),
    }
    world = World(certificates, ExchangeConfig(**(given | changes)), keeping)
    async with anyio.create_task_group() as tasks:
        port: int = await tasks.start(world.simulator.serve)
        world.host = f"localhost:{port}"
        yield world
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def answered_call(world: World, client: RelayClient, *script: Step) -> AsyncGenerator[Call]:
    """Connect `client`, let somebody call it, and answer."""
    offered: Heard[Call] = Heard()
    client.on_call(offered)
    async with client:
        world.place_call(*script)
        call = await offered.next()
        await call.answer()
        await call.wait_for_answered()
        yield call


def state_of(client: RelayClient) -> SessionState:
    """Its state now; type checkers would believe that the property stays as it was."""
    return client.state


def engine_of(client: Any) -> Any:
    """What carries out its commands: programs have no use for it."""
    return client._engine_before_start()  # noqa: SLF001


def client_tasks() -> list[str]:
    """The background tasks of clients that are running."""
    names = (task.name or "" for task in anyio.get_running_tasks())
    return [name for name in names if "relay_anyio engine" in name or "_engine.Engine" in name]


async def no_client_task_is_left() -> None:
    """Wait until the last background task of a client has ended."""
    while client_tasks():
        await anyio.lowlevel.checkpoint()
