"""Performing: an evening on one of the three runtimes, with the real adapter in virtual time.

The program is written once, as generators: each yields what has to be awaited on asyncio and
trio. In blocking programs, that is the result already.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, NoReturn, TypeAlias

import anyio
import anyio.lowlevel

import relay_anyio
import relay_sync
from relay_anyio.testing import (
    Answers,
    Caller,
    HangUp,
    Line,
    Story,
    TextMessage,
    UnansweredWarning,
    Wait,
    run_in_virtual_time,
)
from relay_anyio.testing import rehearsal as async_rehearsal
from relay_proto.config import Timing
from relay_sync.testing import rehearsal as blocking_rehearsal

from .elsewhere import told_elsewhere
from .evenings import Does, Evening, Failure, Freeze, Misuse, Piece, Visit, Way

Runtime: TypeAlias = Literal["asyncio", "trio", "threads"]
RUNTIMES: Final[tuple[Runtime, ...]] = ("asyncio", "trio", "threads")
Steps: TypeAlias = Generator[Any, Any, None]

PLAY: Final = "calling.call.play"
TTS: Final = [{"type": "tts", "params": {"text": "Good evening, and hello."}}]
COLLECT: Final = {"digits": {"max": 1}, "initial_timeout": 2.0}
OFFICE, ANNA, WRITER = "+15550002222", "+15559", "+15550007777"
TIMING: Final = Timing(retry_min_delay=1.0, retry_max_delay=1.0)
"""The delay before a new attempt has no jitter, so evenings can be compared by their times."""
LATEST: Final = 6.0
"""Seconds that the program waits for what comes after two."""


class FromProgramError(Exception):
    """What a function of the program raises."""


class OfItsOwn(BaseException):
    """A class that nobody else knows."""


def to_raise(way: Way) -> BaseException:
    """Make what a function raises."""
    makers: dict[Way, Callable[[], BaseException]] = {
        Way.EXCEPTION: lambda: FromProgramError("planned"),
        Way.OF_ITS_OWN: lambda: OfItsOwn("planned"),
        Way.GENERATOR_EXIT: GeneratorExit,
        Way.CANCELLED: asyncio.CancelledError,
        Way.GROUP: lambda: BaseExceptionGroup("planned", [FromProgramError(), OfItsOwn()]),
        Way.SYSTEM_EXIT: lambda: SystemExit(7),
        Way.INTERRUPT: KeyboardInterrupt,
        Way.GROUP_WITH_EXIT: lambda: BaseExceptionGroup("planned", [SystemExit(7), OfItsOwn()]),
    }
    return makers[way]()


@dataclass
class Performance:
    """What was seen of an evening."""

    evening: Evening
    runtime: Runtime
    story: Story = field(default_factory=Story)
    records: list[logging.LogRecord] = field(default_factory=list[logging.LogRecord])
    """What the client has logged."""
    events: list[Any] = field(default_factory=list[Any])
    """What the listener of every event has heard."""
    error: BaseException | None = None
    """What the program or its rehearsal ended with."""
    calls: dict[int, Any] = field(default_factory=dict[int, Any])
    """The calls that the program has got, by the number of the visit."""
    texts: int = 0
    """How many texts the program has got."""
    failed_at: float | None = None
    """When the failure happened, if it did."""
    failed_on: str = ""
    """On which call."""
    raised: BaseException | None = None
    """What it raised."""
    told: list[str] = field(default_factory=list[str])
    """What the program was told where the client does not belong."""
    dialed_at: float = 0.0
    frozen_at: float = 0.0
    thawed_at: float = 0.0
    dial: str = ""
    """How the dial of a freeze ended."""

    @property
    def sent(self) -> list[str]:
        """The frames that the client has sent, without their ids."""
        lines = [one.getMessage() for one in self.records if one.levelno == logging.DEBUG]
        return [line.partition('"method":')[2][:40] for line in lines if line.startswith("> ")]


class Log(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.DEBUG)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


class Program:
    """The program of an evening, and the scene around it."""

    def __init__(self, performance: Performance) -> None:
        self.seen = performance
        self.evening = performance.evening
        self.blocks = performance.runtime == "threads"
        package: Any = relay_sync if self.blocks else relay_anyio
        self.client = package.RelayClient(
            project="project", token="token", contexts=["office"], timing=TIMING
        )
        self._counts: dict[tuple[Piece, int], int] = {}
        self._visits: dict[str, int] = {}
        """The number of each visit, by the id of its call."""
        self.tasks: Any = None
        self._placed: list[str] = []
        self._now: Callable[[], float] = lambda: 0.0
        client = self.client
        client.on_call(self._runner(self._serve))
        client.on_message(self._runner(self._answer_text))
        client.on_event(self._function(Piece.EVERY_EVENT, self.seen.events.append))
        client.on(PLAY, self._function(Piece.LISTENER))
        client.on_connected(self._function(Piece.CONNECTED))
        client.on_disconnected(self._function(Piece.DISCONNECTED))

    # Functions of the application

    def _runner(self, steps: Callable[[Any], Steps]) -> Callable[[Any], Any]:
        if self.blocks:
            return lambda item: run(steps(item))

        async def handle(item: Any) -> None:
            await run_async(steps(item))

        return handle

    def _function(
        self, piece: Piece, before: Callable[[Any], object] = bool
    ) -> Callable[[Any], Any]:
        def hear(item: Any) -> Any:
            before(item)
            return self._come_to(piece, getattr(item, "call_id", ""))

        return hear

    def _come_to(self, piece: Piece, call_id: str = "") -> Any:
        """Raise, if the failure is here. What this returns has to be awaited, if anything."""
        failure = self.evening.trouble
        if not isinstance(failure, Failure) or failure.piece is not piece:
            return None
        about = self._visits.get(call_id, -1)
        if call_id and about != failure.call % len(self.evening.visits):
            return None
        nth = self._counts[piece, about] = self._counts.get((piece, about), 0) + 1
        if nth != failure.nth + 1 or self.seen.failed_at is not None:
            return None
        if failure.later and not self.blocks and piece is not Piece.PREDICATE:
            return self._fail_later(failure, call_id)
        return self._fail(failure, call_id)

    async def _fail_later(self, failure: Failure, call_id: str) -> None:
        await anyio.lowlevel.checkpoint()
        self._fail(failure, call_id)

    def _fail(self, failure: Failure, call_id: str) -> NoReturn:
        self.seen.failed_at, self.seen.failed_on = self._now(), call_id
        self.seen.raised = to_raise(failure.way)
        raise self.seen.raised

    def _serve(self, call: Any) -> Steps:
        number = int(call.from_number[-2:])
        self.seen.calls[number], self._visits[call.call_id] = call, number
        call.on(PLAY, self._function(Piece.CALL_LISTENER))
        yield call.answer()
        for does in self.evening.visits[number].does:
            yield self._come_to(Piece.HANDLER, call.call_id)
            yield from self._step(call, does)
        yield self._come_to(Piece.HANDLER, call.call_id)
        yield call.hangup()

    def _step(self, call: Any, does: Does) -> Steps:
        match does:
            case Does.SAY:
                completed = self._function(Piece.COMPLETED)
                action = yield call.play(TTS, on_completed=completed)
                yield action.wait(LATEST)
            case Does.ASK:
                action = yield call.play_and_collect(TTS, COLLECT)
                yield action.wait(2 * LATEST)
            case Does.EXPECT:
                yield call.play(TTS)
                yield call.wait_for(PLAY, self._is_finished, timeout=LATEST)
            case _:
                yield self.sleep(1.5)

    def _is_finished(self, event: Any) -> bool:
        self._come_to(Piece.PREDICATE, event.call_id)
        return bool(event.params["state"] == "finished")

    def _answer_text(self, message: Any) -> Steps:
        self.seen.texts += 1
        yield self._come_to(Piece.TEXT)
        sent = yield self.client.send_message(to_number=WRITER, from_number=OFFICE, body="Yes")
        sent.on(self._function(Piece.TEXT_LISTENER))
        yield sent.wait(LATEST)

    def sleep(self, seconds: float) -> Any:
        """Let virtual time pass."""
        return time.sleep(seconds) if self.blocks else anyio.sleep(seconds)

    # The scene

    def scene(self, stage: Any) -> Steps:
        """What befalls the program."""
        self._now = lambda: stage.now
        self.seen.story = stage.story
        acts: list[tuple[float, Callable[[Any], Steps]]] = [
            (visit.at, partial(self._visit, number, visit))
            for number, visit in enumerate(self.evening.visits)
        ]
        if self.evening.cut_at is not None:
            acts.append((self.evening.cut_at, self._cut))
        if self.evening.text_at is not None:
            acts.append((self.evening.text_at, self._write))
        match self.evening.trouble:
            case Misuse(at) as misuse:
                acts.append((at, partial(self._misuse, misuse)))
            case Freeze(at) as freeze:
                acts.append((at, partial(self._freeze, freeze)))
            case _:
                pass
        began = stage.now
        for at, act in sorted(acts, key=lambda one: one[0]):
            # A little later than what other timers are set for: it does not matter how much.
            yield self.sleep(max(0.0, began + at + 0.003 - stage.now))
            yield from act(stage)
        for call_id in self._placed:
            yield stage.over(call_id)
        yield self.sleep(3.0)

    def _visit(self, number: int, visit: Visit, stage: Any) -> Steps:
        script = (Wait(visit.stays), HangUp())
        caller = Caller(f"+155500010{number:02}", script, patience=visit.stays)
        self._placed.append(stage.call(caller))
        yield None

    def _cut(self, stage: Any) -> Steps:
        stage.cut()
        yield None

    def _write(self, stage: Any) -> Steps:
        stage.text(TextMessage(WRITER, OFFICE, body="Are you there?"))
        yield None

    def _misuse(self, misuse: Misuse, stage: Any) -> Steps:
        call = next(reversed(self.seen.calls.values()), None)
        told_elsewhere(self.client, call, misuse, self.seen.runtime, self.seen.told.append)
        yield None

    def _freeze(self, freeze: Freeze, stage: Any) -> Steps:
        self.seen.dialed_at = stage.now
        dialing = self._dialing(freeze)
        if freeze.after:
            yield self.sleep(freeze.after)
        self.seen.frozen_at = stage.now
        stage.freeze(freeze.seconds)
        self.seen.thawed_at = stage.now
        yield dialing.wait()

    def _dialing(self, freeze: Freeze) -> Any:
        dial = self._dial(freeze)
        if self.blocks:
            thread = threading.Thread(target=lambda: run(dial), name="dials")
            thread.start()
            return _Thread(thread)
        over = anyio.Event()

        async def do() -> None:
            try:
                await run_async(dial)
            finally:
                over.set()

        self.tasks.start_soon(do)
        return over

    def _dial(self, freeze: Freeze) -> Steps:
        try:
            call = yield self.client.dial_phone(ANNA, OFFICE, dial_timeout=freeze.patience)
            self.seen.dial = "answered"
            yield call.hangup()
        except TimeoutError as error:
            self.seen.dial = type(error).__name__


class _Thread:
    def __init__(self, thread: Any) -> None:
        self._thread = thread

    def wait(self) -> None:
        self._thread.join()


def run(steps: Steps) -> None:
    """Run a generator whose steps are done when it yields."""
    for _ in iterate(steps):
        pass


def iterate(steps: Steps) -> Generator[None]:
    """Give each thing that a generator yields back to it."""
    value = None
    while True:
        try:
            value = steps.send(value)
        except StopIteration:
            return
        yield


async def run_async(steps: Steps) -> None:
    """Run a generator, and await what it yields if that can be awaited."""
    send: Callable[[], Any] = partial(steps.send, None)
    while True:
        try:
            got = send()
        except StopIteration:
            return
        try:
            value = await got if inspect.isawaitable(got) else got
        except BaseException as error:  # noqa: BLE001 - the generator gets it
            send = partial(steps.throw, error)
        else:
            send = partial(steps.send, value)


def perform(evening: Evening, runtime: Runtime) -> Performance:
    """Let an evening pass."""
    seen = Performance(evening, runtime)
    name = "relay_sync" if runtime == "threads" else "relay_anyio"
    with logged(name, seen.records), warnings.catch_warnings():
        warnings.simplefilter("ignore", UnansweredWarning)  # a freeze may outlast a caller
        try:
            if runtime == "threads":
                _perform_blocking(seen)
            else:
                run_in_virtual_time(partial(_perform_async, seen), runtime)
        except BaseException as error:  # noqa: BLE001 - it is judged later, of whatever class
            seen.error = error
    return seen


LINES: Final = [Line(ANNA, Answers(after=2.0))]
SETTINGS: Final[dict[str, Any]] = {
    "lines": LINES,
    "may_raise": (BaseException,),
    "within": 600.0,
}


def _perform_blocking(seen: Performance) -> None:
    program = Program(seen)
    with blocking_rehearsal(program.client, **SETTINGS) as stage:
        run(program.scene(stage))
        stage.quiet()


async def _perform_async(seen: Performance) -> None:
    program = Program(seen)
    async with (
        async_rehearsal(program.client, **SETTINGS) as stage,
        anyio.create_task_group() as program.tasks,
        program.client,
    ):
        await run_async(program.scene(stage))
        await stage.quiet()


@contextmanager
def logged(name: str, records: list[logging.LogRecord]) -> Generator[None]:
    """Keep what a client logs, and do nothing else with it."""
    logger, handler = logging.getLogger(name), Log(records)
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
