"""Rehearsals: `rehearse`, `rehearsal` and the stage, for `relay_anyio.testing`."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Generator,
    Iterable,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, Literal, TypeAlias

import anyio
from anyio.abc import ByteStream, TaskGroup

from relay_proto.adapter.guard import WAIT_IS_OVER, contains, without
from relay_proto.adapter.rehearsal_arguments import (
    OF_REHEARSALS,
    check_arguments,
    check_program,
    check_scene_awaits,
    check_scenes,
)
from relay_proto.adapter.scenery import (
    CONTEXT,
    POLL_INTERVAL,
    Lines,
    configure,
    context_of,
)
from relay_proto.adapter.stages import StageBase, is_outcome, raise_first, still_open
from relay_proto.adapter.stories import (
    RehearsalTimeoutError,
    Story,
    warn_of_misses,
)
from relay_proto.exchange import (
    Caller,
    ExchangeConfig,
    ExchangeOutput,
    ExchangeTiming,
    Happened,
    What,
    Who,
)

from ._background import running_loop
from ._driver import Driver
from ._here import library_of_running_loop
from ._memory_links import Link
from ._patience import Patience
from ._still_open import described_tasks, where
from ._virtual import (
    Guard,
    forget_failures,
    guard_of_running_loop,
    jump,
    run_in_virtual_time,
    take_failures,
)
from .call import Call
from .client import RelayClient

Backend: TypeAlias = Literal["asyncio", "trio"]
Handler: TypeAlias = Callable[[Call], Any]

RUNS_ALREADY: Final = (
    "this starts an event loop, but one of {library} runs here already: in an async test, "
    "use `async with rehearsal(client) as stage:`"
)
MOST_UNSENT: Final = 64 * 1024 * 1024
FLUSH_TIMEOUT: Final = 3.0
BLOCKED: Final = (
    "something has blocked the event loop for {:g} real seconds, so nothing else could go on"
)


def rehearse(
    program: RelayClient | Handler,
    *scenes: Caller | Scene,
    lines: Lines = (),
    undeliverable: Collection[str] = (),
    timing: ExchangeTiming | None = None,
    may_raise: Collection[type[BaseException]] = (),
    within: float = 3600.0,
    backend: Backend = "asyncio",
    patience: float = 5.0,
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
        may_raise: classes of exceptions that handlers may raise, such as
            `ConnectionLostError`. As in production, their calls are then hung up.
        within: virtual seconds after which the rehearsal has failed.
        backend: ``asyncio`` or ``trio``.
        patience: real seconds for which a function may block the event loop, as
            `time.sleep` does, before it is interrupted, and the rehearsal has failed.
        seed: the ids of the exchange depend on it.

    Raises:
        RehearsalTimeoutError: the rehearsal takes longer than `within` seconds, a task
            runs in a loop and never waits, or something blocks the event loop.
        RuntimeError: an event loop runs here already. Use `rehearsal` there.
        Exception: a handler or a scene raised it.
    """
    check_can_begin(scenes)
    check_arguments(OF_REHEARSALS, backend=backend, patience=patience)
    guard = Guard()
    stages: list[Stage] = []
    story = Story()

    async def run() -> Story:
        async with _rehearsal(
            program, lines, undeliverable, timing, may_raise, within, seed, guard
        ) as stage:
            stages.append(stage)
            for scene in scenes:
                if isinstance(scene, Caller):
                    await stage.over(stage.call(scene))
                else:
                    await check_scene_awaits(scene, scene(stage))
            await stage.quiet()
        return stage.story

    try:
        with Patience(guard, patience, None).watching():
            story = run_in_virtual_time(run, backend, guard)
    except BaseException as error:
        if not guard.blocked_at or contains(error, KeyboardInterrupt):
            raise
    _check_not_blocked(guard, stages, within, patience)
    warn_of_misses(story)
    return story


def check_can_begin(scenes: Iterable[object]) -> None:
    """Refuse what cannot be rehearsed here.

    Raises:
        RuntimeError: an event loop runs here already.
        TypeError: a scene is none.
    """
    running = library_of_running_loop()
    if running is not None:
        raise RuntimeError(RUNS_ALREADY.format(library=running))
    check_scenes(scenes, awaited=True)


@asynccontextmanager
async def rehearsal(
    program: RelayClient | Handler,
    *,
    lines: Lines = (),
    undeliverable: Collection[str] = (),
    timing: ExchangeTiming | None = None,
    may_raise: Collection[type[BaseException]] = (),
    within: float = 3600.0,
    patience: float = 5.0,
    seed: int = 0,
) -> AsyncGenerator[Stage]:
    """Connect a client to an exchange in memory, for tests that are async functions.

    At the end the client disconnects, and the first exception of a handler is raised.
    Run the test with the options of `virtual_time`. Otherwise it takes real time. Use one at
    a time in an event loop: of two, only the later one is watched. For the other arguments
    see `rehearse`.

    Raises:
        RehearsalTimeoutError: the block takes longer than `within` seconds, a task runs in a
            loop and never waits, or something blocks the event loop.
    """
    check_arguments(OF_REHEARSALS, patience=patience)
    guard, post = guard_of_running_loop(), None
    if guard is None:  # its time is real
        guard, post = Guard(), running_loop().post
    stages: list[Stage] = []
    guard.forget()
    forget_failures()  # of an earlier rehearsal in this event loop, and of the test itself
    try:
        try:
            with Patience(guard, patience, post).watching():
                async with _rehearsal(
                    program, lines, undeliverable, timing, may_raise, within, seed, guard
                ) as stage:
                    stages.append(stage)
                    yield stage
        except BaseException as error:
            if not guard.blocked_at or contains(error, KeyboardInterrupt):
                raise
        _check_not_blocked(guard, stages, within, patience)
    finally:
        guard.forget()
    warn_of_misses(stages[0].story, stages[0]._warn)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def _check_not_blocked(
    guard: Guard, stages: Sequence[Stage], within: float, patience: float
) -> None:
    """Raise if something has blocked the event loop."""
    if guard.blocked_at:
        told = stages[0].story if stages else Story()
        if guard.still_open:
            raise RehearsalTimeoutError(None if guard.spun else within, told, guard.still_open)
        blocks = [f"the event loop is blocked at {guard.blocked_at}"]
        raise RehearsalTimeoutError(None, told, blocks, why=BLOCKED.format(patience))


@asynccontextmanager
async def _rehearsal(
    program: RelayClient | Handler,
    lines: Lines,
    undeliverable: Collection[str],
    timing: ExchangeTiming | None,
    may_raise: Collection[type[BaseException]],
    within: float,
    seed: int,
    guard: Guard,
) -> AsyncGenerator[Stage]:
    check_program(program, "relay_anyio", "relay_sync", may_take_nothing=False)
    check_arguments(
        OF_REHEARSALS,
        lines=lines,
        undeliverable=undeliverable,
        timing=timing,
        may_raise=may_raise,
        within=within,
        seed=seed,
    )
    client = program if isinstance(program, RelayClient) else _client_of(program)
    config = configure(client, lines, undeliverable, timing)
    raised: list[BaseException] = []
    failure: BaseException | None = None
    cancelled = anyio.get_cancelled_exc_class()
    async with anyio.create_task_group() as tasks:
        stage = Stage(client, tasks, config, seed, may_raise)
        raised = stage._raised  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        with stage.connects():
            try:
                await client.connect()
                async with _limited(stage, within, guard):
                    yield stage
            except BaseException as error:
                if any(contains(error, kind) for kind in (cancelled, GeneratorExit)):
                    raise
                failure = error
                # Even if the block is cancelled from outside as well, the failure is raised.
                tasks.cancel_scope.shield = True
                if is_outcome(error) and not isinstance(error, RehearsalTimeoutError):
                    # The scene may have failed because a handler did. Let it raise.
                    with suppress(cancelled):  # one may be on its way in spite of the shield
                        await anyio.sleep(POLL_INTERVAL)
            finally:
                await client.disconnect()
            stage._end()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        tasks.cancel_scope.cancel()
    raise_first(raised, failure)


@asynccontextmanager
async def _limited(stage: Stage, within: float, guard: Guard) -> AsyncGenerator[None]:
    """Give a scene up that takes more than `within` seconds, or in which no time passes."""
    scene = anyio.get_current_task().id

    def give_up() -> None:
        guard.still_open = _still_open(stage, scene)  # before all that waits is cancelled
        limit.cancel()

    async def watch() -> None:
        with watching:
            await anyio.sleep(within)
            give_up()

    limit, watching = anyio.CancelScope(), anyio.CancelScope()
    guard.give_up = give_up
    stage._tasks.start_soon(watch)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    try:
        with limit:
            yield
    finally:
        watching.cancel()
    if limit.cancelled_caught:
        passed = None if guard.spun else within
        raise RehearsalTimeoutError(passed, stage.story, guard.still_open) from None


class Stage(StageBase[Link]):
    """The world around the client: people, lines, and a connection that can break."""

    def __init__(
        self,
        client: RelayClient,
        tasks: TaskGroup,
        config: ExchangeConfig,
        seed: int,
        may_raise: Collection[type[BaseException]] = (),
    ) -> None:
        super().__init__(config, seed, may_raise)
        self.client = client
        self._driver: Driver[ExchangeOutput] = Driver(self.exchange, self._on_output)
        self._tasks = tasks
        self._changed = anyio.Event()
        tasks.start_soon(self._driver.run_timer)

    @property
    def now(self) -> float:
        """The current virtual time, in seconds."""
        return anyio.current_time()

    async def until(
        self, what: What, *, times: int = 1, call_id: str = "", who: Who | None = None
    ) -> Happened:
        """Wait until something has happened `times` times, on one call or on all calls.

        What happened before counts, too. `who` says who did it. Without it, a text is one
        that the program has sent, and all else may be anybody's.
        """
        with self._awaiting(what, times, call_id, who):
            while (found := self._found(what, times, call_id, who)) is None:
                await self._changed.wait()
            return found

    async def over(self, call_id: str) -> None:
        """Wait until a call has ended."""
        await self.until(What.ENDED, call_id=call_id)

    async def quiet(self) -> None:
        """Wait until all calls have ended and all handlers and listeners have returned."""
        is_first = True  # what has just happened is on its way to the program
        while is_first or self._is_busy():
            is_first = False
            await anyio.sleep(POLL_INTERVAL)

    # How it works

    def _is_busy(self) -> bool:
        engine = self.client._current  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return engine is not None and bool(engine.core.active_calls or engine.runs_application)

    def _end(self) -> None:
        """Take in what tasks have raised that the program has started by itself."""
        for error in take_failures():
            failure = without(error, WAIT_IS_OVER)
            if failure is not None:
                self._failed(failure)

    @contextmanager
    def connects(self) -> Generator[None]:
        """Have the client connect to this stage instead of the network."""
        with self._leading(self.client, self._connect):
            try:
                yield
            finally:
                for link in self._links.values():
                    link.close()

    @property
    def _default_context(self) -> str:
        return context_of(self.client)

    def _jump(self, seconds: float) -> None:
        jump(seconds)

    def _step(self) -> None:
        self._driver.step()

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
        super()._on_output(output)
        if isinstance(output, Happened):
            self._changed.set()
            self._changed = anyio.Event()


Scene: TypeAlias = Callable[[Stage], Awaitable[None]]
"""An async function that acts on a `Stage`."""


def _client_of(handler: Handler) -> RelayClient:
    client = RelayClient(project=CONTEXT, token=CONTEXT, contexts=[CONTEXT])
    client.on_call(handler)
    return client


def _still_open(stage: Stage, scene: int) -> list[str]:
    """Say which calls are up, and where the program waits, in the scene and elsewhere."""
    tasks = sorted(anyio.get_running_tasks(), key=lambda task: task.id != scene)
    names = ["the scene" if task.id == scene else task.name or "a task" for task in tasks]
    places = described_tasks(map(where, names, [task.coro for task in tasks]))
    return still_open(stage, [stage.client], places)
