"""Rehearsals: run a program's own handlers with simulated callers, without a network.

`rehearse` runs an unchanged client against an exchange in memory. Its clock jumps
from one event to the next, so a caller who thinks for minutes costs no real time::

    story = rehearse(client, Caller("+15550001111", (Hear("sales"), Press("1"))))
    assert "receives digit: 1" in story.text

Public: for tests of applications.
"""

from __future__ import annotations

import logging
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Generator,
)
from contextlib import asynccontextmanager, contextmanager
from random import Random
from typing import Any, Final, Literal, TypeAlias, TypeVar

import anyio
from anyio.abc import ByteStream, TaskGroup

from relay_proto.api.views import CallView
from relay_proto.config import Provider
from relay_proto.exchange import (
    Account,
    Answers,
    Behaviour,
    Busy,
    Caller,
    Declines,
    Exchange,
    ExchangeConfig,
    ExchangeOutput,
    ExchangeTiming,
    Fax,
    HangUp,
    Happened,
    Hear,
    Human,
    InTurn,
    Line,
    Machine,
    Nature,
    NoAnswer,
    OverTime,
    Press,
    Say,
    Step,
    TextMessage,
    Unclear,
    Unreachable,
    Wait,
    What,
    Who,
)
from relay_proto.records import CallRecord

from ._driver import Driver
from ._here import library_of_running_loop
from ._memory_links import Link
from ._scenery import Lines, check_program, check_scene, lines_of
from ._still_open import described_tasks, raised_at, where
from ._story import RehearsalTimeoutError, Story
from ._virtual import DeadlockError, Guard, VirtualLoop, run_in_virtual_time, virtual_time
from .call import Call
from .client import RelayClient

__all__ = [
    "Answers",
    "Backend",
    "Behaviour",
    "Busy",
    "Caller",
    "DeadlockError",
    "Declines",
    "ExchangeTiming",
    "Fax",
    "HangUp",
    "Happened",
    "Hear",
    "Human",
    "InTurn",
    "Line",
    "Machine",
    "Nature",
    "NoAnswer",
    "OverTime",
    "Press",
    "RehearsalTimeoutError",
    "Say",
    "Scene",
    "Stage",
    "Step",
    "Story",
    "TextMessage",
    "Unclear",
    "Unreachable",
    "VirtualLoop",
    "Wait",
    "What",
    "Who",
    "rehearsal",
    "rehearse",
    "run_in_virtual_time",
    "virtual_time",
]

R = TypeVar("R")

Backend: TypeAlias = Literal["asyncio", "trio"]
Handler: TypeAlias = Callable[[Call], Any]

NUMBER: Final = "+15550002222"
"""The number that callers call by default."""
CONTEXT: Final = "rehearsal"
"""The context of the client that `rehearse` makes around a single handler."""
RUNS_ALREADY: Final = (
    "rehearse() starts an event loop, but one of {library} runs here already: in an async test, "
    "use `async with rehearsal(client) as stage:`"
)
SOME_FILE: Final = b"the file of a rehearsal"
MOST_UNSENT: Final = 64 * 1024 * 1024
FLUSH_TIMEOUT: Final = 3.0
POLL_INTERVAL: Final = 0.1
"""Virtual seconds between two checks whether the handlers have returned."""


def rehearse(
    program: RelayClient | Handler,
    *scenes: Caller | Scene,
    lines: Lines = (),
    undeliverable: Collection[str] = (),
    timing: ExchangeTiming | None = None,
    within: float = 3600.0,
    backend: Backend = "asyncio",
    seed: int = 0,
) -> Story:
    """Run a client, or a single call handler, through scenes; return what happened.

    A scene is a `Caller`, who calls and stays until the call ends, or an async function
    that takes the `Stage`. Scenes run one after the other. The client disconnects when
    all calls have ended and all call handlers have returned. All times are virtual.

    Args:
        program: a `RelayClient` of `relay_anyio`, or a function that takes a `Call`.
        scenes: what happens, one after the other.
        lines: the numbers that the program can dial, such as ``{"+15559": Busy()}``, or as a
            list of `Line`. Any other number answers like a person.
        undeliverable: numbers to which no text can be delivered.
        timing: how long things take.
        within: virtual seconds after which the rehearsal has failed.
        backend: ``asyncio`` or ``trio``.
        seed: the ids of the exchange depend on it.

    Raises:
        RehearsalTimeoutError: the rehearsal takes longer than `within` seconds, or a
            task runs in a loop and never waits.
        RuntimeError: an event loop runs here already. Use `rehearsal` there.
        Exception: a handler or a scene raised it.
    """
    running = library_of_running_loop()
    if running is not None:
        raise RuntimeError(RUNS_ALREADY.format(library=running))
    for scene in scenes:
        check_scene(scene)
    guard = Guard()

    async def run() -> Story:
        async with rehearsal(
            program, lines=lines, undeliverable=undeliverable, timing=timing, seed=seed
        ) as stage:
            still_open: list[str] = []
            with anyio.move_on_after(within) as limit:
                guard.give_up = limit.cancel
                try:
                    for scene in scenes:
                        if isinstance(scene, Caller):
                            await stage.over(stage.call(scene))
                        else:
                            await scene(stage)
                    await stage.quiet()
                except anyio.get_cancelled_exc_class() as error:
                    still_open = _still_open(stage.client, error)
                    raise
            if limit.cancelled_caught:
                limit_passed = None if guard.spun else within
                raise RehearsalTimeoutError(limit_passed, stage.story, still_open)
        return stage.story

    return run_in_virtual_time(run, backend, guard)


@asynccontextmanager
async def rehearsal(
    program: RelayClient | Handler,
    *,
    lines: Lines = (),
    undeliverable: Collection[str] = (),
    timing: ExchangeTiming | None = None,
    seed: int = 0,
) -> AsyncGenerator[Stage]:
    """Connect a client to an exchange in memory, for tests that are async functions.

    At the end the client disconnects, and the first exception of a handler is raised.
    Run the test with the options of `virtual_time`. Otherwise it takes real time. For
    `lines` and `undeliverable` see `rehearse`.
    """
    check_program(program)
    client = program if isinstance(program, RelayClient) else _client_of(program)
    config = ExchangeConfig(
        accounts=(_account_of(client),),
        numbers={NUMBER: _context_of(client)},
        lines=lines_of(lines),
        undeliverable=frozenset(undeliverable),
        timing=timing or ExchangeTiming(),
    )
    failure: Exception | None = None
    with _raised_by_handlers() as raised:
        async with anyio.create_task_group() as tasks:
            stage = Stage(client, tasks, config, seed)
            with stage.connects():
                try:
                    await client.connect()
                    yield stage
                except Exception as error:  # noqa: BLE001 - raised below, outside the group
                    failure = error
                    if not isinstance(error, RehearsalTimeoutError):
                        # The scene may have failed because a handler did. Let it raise.
                        await anyio.sleep(POLL_INTERVAL)
                finally:
                    await client.disconnect()
            tasks.cancel_scope.cancel()
    if raised:  # comes first: it may be why the scene failed
        if failure is not None:
            raised[0].add_note(f"After this, the scene failed as well: {failure}")
        raise raised[0]
    if failure is not None:
        raise failure


class Stage:
    """The world around the client: people, lines, and a connection that can break."""

    def __init__(
        self,
        client: RelayClient,
        tasks: TaskGroup,
        config: ExchangeConfig,
        seed: int,
    ) -> None:
        self.client = client
        self.story = Story()
        """What has happened so far."""
        self.files: dict[str, bytes] = {}
        """What `download` gets from a URL; from any other URL, it gets `SOME_FILE`."""
        self._context = _context_of(client)
        self.exchange = Exchange(config, Random(seed))  # noqa: S311 - a seed must repeat it
        self._driver: Driver[ExchangeOutput] = Driver(self.exchange, self._on_output)
        self._tasks = tasks
        self._links: dict[int, Link] = {}
        self._changed = anyio.Event()
        tasks.start_soon(self._driver.run_timer)

    @property
    def now(self) -> float:
        """The current virtual time, in seconds."""
        return anyio.current_time()

    # People

    def call(self, caller: Caller, *, to: str = NUMBER, context: str = "") -> str:
        """Let somebody call; return the id of the call.

        Without `context`, the call goes to the client's first context.
        """
        place = self.exchange.place_call
        return self.do(place, caller, to=to, context=context or self._context)

    def text(self, message: TextMessage, *, context: str = "") -> str:
        """Let somebody send a text; return the id of the message."""
        return self.do(self.exchange.receive_text, message, context=context or self._context)

    async def until(self, what: What, *, times: int = 1, call_id: str = "") -> Happened:
        """Wait until something has happened `times` times, on one call or on all calls.

        What happened before counts, too.
        """
        while len(found := self.story.all(what, call_id=call_id)) < times:
            await self._changed.wait()
        return found[times - 1]

    async def over(self, call_id: str) -> None:
        """Wait until a call has ended."""
        await self.until(What.ENDED, call_id=call_id)

    async def quiet(self) -> None:
        """Wait until all calls have ended and all call handlers have returned."""
        engine = self.client._engine  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        while engine.core.active_calls or engine.delivery.handlers:  # noqa: ASYNC110 - no event says so
            await anyio.sleep(POLL_INTERVAL)

    # Trouble

    def cut(self) -> None:
        """Break the connection. The client reconnects by itself and resumes its session."""
        for link in self._links.values():
            link.cut()

    def silence(self) -> None:
        """Lose everything that both sides send from now on. Neither side is told."""
        for link in self._links.values():
            link.silent = True

    def restart(self) -> None:
        """Restart the server, which then remembers no session and no call."""
        self.do(self.exchange.forget_sessions)

    def say_goodbye(self, *, restart: bool = False) -> None:
        """Ask the client to reconnect, as the service does before a deployment.

        With `restart`, the server forgets the session, so the client starts a new one.
        """
        for number in self._links:
            self.do(self.exchange.say_goodbye, number, restart=restart)

    def do(self, function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Call a method of `exchange`, with the virtual time as `now`; return its result."""
        result = function(*args, now=self.now, **kwargs)
        self._driver.step()
        return result

    # How it works

    @contextmanager
    def connects(self) -> Generator[None]:
        """Have the client connect to this stage instead of the network."""
        client = self.client
        # Private, because programs do not need to change the connector of a client.
        before = client._connector  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        client._connector = self._connect  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        # A function would ask somebody in the real network, and take real time for it.
        functions = client.token, client.jwt_token
        client.token, client.jwt_token = map(_known, functions)
        client._file_source = lambda url: self.files.get(url, SOME_FILE)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        try:
            yield
        finally:
            client._connector = before  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            client.token, client.jwt_token = functions
            client._file_source = None  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            for link in self._links.values():
                link.close()

    async def _connect(self, host: str, port: int) -> ByteStream:
        del host, port
        number = len(self._links) + 1
        link = self._links[number] = Link()
        transport = self._driver.new_transport(
            number, flush_timeout=FLUSH_TIMEOUT, most_unsent=MOST_UNSENT
        )
        self._tasks.start_soon(self._driver.run_transport, number, transport, link.accept)
        return link.near

    def _on_output(self, output: ExchangeOutput) -> None:
        if isinstance(output, Happened):
            self.story.append(output)
            self._changed.set()
            self._changed = anyio.Event()


def _known(credential: str | Provider) -> str:
    """Stand for a credential that a function returns."""
    return "rehearsed" if callable(credential) else credential


Scene: TypeAlias = Callable[[Stage], Awaitable[None]]
"""An async function that acts on a `Stage`."""


def _account_of(client: RelayClient) -> Account:
    return Account(
        project=client.project,
        token=_known(client.token),
        jwt_tokens=(_known(client.jwt_token),) if client.jwt_token else (),
    )


def _context_of(client: RelayClient) -> str:
    """Return the context in which callers call by default."""
    return client.contexts[0] if client.contexts else CONTEXT


def _client_of(handler: Handler) -> RelayClient:
    client = RelayClient(project=CONTEXT, token=CONTEXT, contexts=[CONTEXT])
    client.on_call(handler)
    return client


def _still_open(client: RelayClient, error: BaseException) -> list[str]:
    """Say which calls are up, and where the program waits; `error` has ended the scene."""
    engine = client._current  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    records = () if engine is None else engine.core.live_calls
    waiting = [raised_at("the scene", error)]
    waiting += [where(task.name or "a task", task.coro) for task in anyio.get_running_tasks()]
    return [*map(_described, records), *described_tasks(waiting)]


def _described(record: CallRecord) -> str:
    call = _Seen(record)
    inbound = call.direction == "inbound"
    party = f"from {call.from_number}" if inbound else f"to {call.to_number}"
    return f"call {call.call_id} {party} is {call.state}"


class _Seen(CallView):
    """A call that has no handle of its own."""

    def __init__(self, record: CallRecord) -> None:
        self._record = record


@contextmanager
def _raised_by_handlers() -> Generator[list[BaseException]]:
    """Collect the exceptions of handlers, which the client only logs."""
    raised: list[BaseException] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1] is not None:
                raised.append(record.exc_info[1])

    listener = Listener(logging.ERROR)
    logger = logging.getLogger("relay_anyio")
    logger.addHandler(listener)
    try:
        yield raised
    finally:
        logger.removeHandler(listener)
