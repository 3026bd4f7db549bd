"""Promise 15: whatever has a timeout is not too late, if its answer came in time.

Each program waits, and stands still until long after its timeout. What it waits for comes
meanwhile, before that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import anyio
import pytest
from anyio.abc import TaskGroup

import relay_anyio
import relay_sync
from relay_anyio.testing import (
    Answers,
    Caller,
    HangUp,
    Human,
    Wait,
    What,
    run_in_virtual_time,
)
from relay_anyio.testing import rehearsal as async_rehearsal
from relay_sync.testing import rehearsal as blocking_rehearsal

from .performing import RUNTIMES, Runtime, Steps, run, run_async

TIMEOUT: Final = 5.0
FROZEN: Final = 20.0
ANNA, OFFICE = "+15559", "+15550002222"
LINES: Final = {ANNA: Answers(after=2.0, nature=Human())}


class Late:
    """A program that waits for one thing."""

    def __init__(self, package: Any) -> None:
        self.client = package.RelayClient(project="project", token="token", contexts=["office"])
        self.blocks = package is relay_sync
        self.call: Any = None
        self.result: Any = None
        """What its wait has returned."""

    def drains(self, stage: Any) -> Steps:
        """The caller hangs up while it drains."""
        self.result = yield self.client.drain(TIMEOUT)

    def connects(self, stage: Any) -> Steps:
        """The session begins."""
        yield self.client.disconnect()
        yield self.client.connect(timeout=TIMEOUT)
        self.result = self.client.state.value

    def is_ready(self, stage: Any) -> Steps:
        """The session is resumed."""
        stage.cut()
        yield self.sleep(0.1)  # it has noticed
        yield self.client.wait_ready(TIMEOUT)
        self.result = self.client.state.value

    def joins(self, stage: Any) -> Steps:
        """Somebody answers."""
        device = {"type": "phone", "params": {"from_number": OFFICE, "to_number": ANNA}}
        event = yield self.call.connect_and_wait([[device]], timeout=TIMEOUT)
        self.result = event.connect_state

    def finds_out(self, stage: Any) -> Steps:
        """It turns out who has answered."""
        call = yield self.client.dial_phone(ANNA, OFFICE)
        found = yield call.wait_for_beep(TIMEOUT)
        self.result = found.who

    def leaves_a_block(self, stage: Any) -> Steps:
        """The call ends after it was hung up."""
        if self.blocks:
            with self.call:
                yield None
        else:
            yield self._leaves()
        self.result = self.call.ended

    async def _leaves(self) -> None:
        async with self.call:
            pass

    # The scene

    def scene(self, stage: Any, case: Case, in_background: Callable[[Steps], Any]) -> Steps:
        """Let the program wait, and freeze it when what it waits for is about to come."""
        wait, calls, moment = case
        if calls:
            stage.call(Caller(ANNA, (Wait(3.0 if wait is Late.drains else 60.0), HangUp())))
            yield stage.until(What.ANSWERED)
        waiting = in_background(wait(self, stage))
        yield moment(stage) if callable(moment) else self.sleep(moment)
        began = stage.now
        stage.freeze(FROZEN)
        assert stage.now > began + TIMEOUT
        yield waiting.wait()

    def serves(self, call: Any) -> Steps:
        """Answer a call, and keep it."""
        self.call = call
        yield call.answer()
        yield call.wait_for_ended()

    def sleep(self, seconds: float) -> Any:
        """Let virtual time pass."""
        return time.sleep(seconds) if self.blocks else anyio.sleep(seconds)


Case: TypeAlias = tuple[Callable[[Late, Any], Steps], bool, float | Callable[[Any], Any]]
"""A wait; whether somebody calls first; and when the program freezes."""
CASES: Final[dict[str, tuple[Case, object]]] = {
    "drain": ((Late.drains, True, 1.0), 0),
    "connect": (
        (Late.connects, False, lambda stage: stage.until(What.SESSION_STARTED, times=2)),
        "ready",
    ),
    "wait_ready": (
        (Late.is_ready, False, lambda stage: stage.until(What.SESSION_RESUMED)),
        "ready",
    ),
    "connect_and_wait": ((Late.joins, True, 1.0), "connected"),
    "wait_for_beep": ((Late.finds_out, False, 3.0), "human"),
    "block": ((Late.leaves_a_block, True, lambda stage: stage.until(What.ENDED)), True),
}
"""Each wait, and what it returns."""


def let_wait(runtime: Runtime, case: Case) -> object:
    """Let a program wait, and freeze it; return what its wait has returned."""
    if runtime == "threads":
        late = Late(relay_sync)

        def serve_blocking(call: relay_sync.Call) -> None:
            run(late.serves(call))

        late.client.on_call(serve_blocking)
        with blocking_rehearsal(late.client, lines=LINES) as stage:
            run(late.scene(stage, case, InThread))
        return late.result
    late = Late(relay_anyio)

    async def perform() -> None:
        async def serve(call: Any) -> None:
            await run_async(late.serves(call))

        late.client.on_call(serve)
        async with (
            async_rehearsal(late.client, lines=LINES) as stage,
            anyio.create_task_group() as tasks,
        ):
            await run_async(late.scene(stage, case, lambda steps: InTask(tasks, steps)))

    run_in_virtual_time(perform, runtime)
    return late.result


class InThread:
    """What runs in the background of a blocking program."""

    def __init__(self, steps: Steps) -> None:
        self._thread = threading.Thread(target=run, args=(steps,), name="waits")
        self._thread.start()

    def wait(self) -> None:
        """Wait until it is over."""
        self._thread.join()


class InTask:
    """What runs in the background of an async program."""

    def __init__(self, tasks: TaskGroup, steps: Steps) -> None:
        self._over = anyio.Event()
        tasks.start_soon(self._run, steps)

    async def _run(self, steps: Steps) -> None:
        await run_async(steps)
        self._over.set()

    def wait(self) -> Any:
        """Wait until it is over."""
        return self._over.wait()


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", CASES)
def test_what_came_in_time_is_not_too_late(name: str, runtime: Runtime) -> None:
    case, expected = CASES[name]
    assert let_wait(runtime, case) == expected
