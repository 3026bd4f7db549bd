"""What a rehearsal says that does not end: which calls are up, and where the program waits."""

from __future__ import annotations

import asyncio
import inspect
import select
import socket
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from pathlib import Path
from threading import Event
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest

import relay_sync
import relay_sync.testing
from relay_anyio import Call, RelayClient
from relay_anyio._still_open import MOST_TASKS, REAL_TIME, described_tasks, where
from relay_anyio.testing import (
    Answers,
    Backend,
    Caller,
    DeadlockError,
    Line,
    RehearsalTimeoutError,
    Stage,
    VirtualLoop,
    What,
    Who,
    rehearsal,
    rehearse,
    run_in_virtual_time,
)

ANNA, OFFICE, AGENT = "+15550001111", "+15550002222", "+15550003000"
HERE = Path(__file__).name


def unfinished(program: Any, scene: Any, backend: Backend, **more: Any) -> tuple[str, ...]:
    """Rehearse what does not end, and return what is said about it."""
    with pytest.raises(RehearsalTimeoutError) as caught:
        rehearse(program, scene, within=60.0, backend=backend, **more)
    assert all(f"\n  {line}" in str(caught.value) for line in caught.value.still_open)
    assert "\nThis happened until then" in str(caught.value)
    assert ("goes on until somebody hangs up" in str(caught.value)) is any(
        line.endswith("is answered") for line in caught.value.still_open
    )
    return caught.value.still_open


def line_of(function: Callable[..., object], words: str) -> str:
    """Return the place of a line of a function here, as it is shown."""
    code = function.__code__
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    (found,) = [
        number
        for number, line in enumerate(source, start=1)
        if number > code.co_firstlineno and words in line
    ][:1]
    return f"{HERE}:{found}, in {function.__name__}"


async def forgetful(call: Call) -> None:
    await call.answer()


def test_a_call_that_nobody_hangs_up_is_named(backend: Backend) -> None:
    (call,) = unfinished(forgetful, Caller(ANNA), backend)
    assert call.startswith("call ")
    assert call.endswith(f" from {ANNA} is answered")


async def waits(call: Call) -> None:
    await call.answer()
    await call.wait_for("calling.call.play")


def test_a_handler_that_waits_is_shown_with_its_line(backend: Backend) -> None:
    _, handler = unfinished(waits, Caller(ANNA), backend)
    assert handler.startswith("handler of call ")
    assert handler.endswith(line_of(waits, "wait_for("))


async def waits_in_vain(stage: Stage) -> None:
    await stage.client.dial_phone(AGENT, OFFICE)
    await stage.until(What.DETECTED)


def test_a_scene_that_waits_is_shown_with_its_line(client: RelayClient, backend: Backend) -> None:
    lines = [Line(AGENT, Answers())]
    call, awaited, scene = unfinished(client, waits_in_vain, backend, lines=lines)
    assert awaited == "until(What.DETECTED): it has happened 0 of 1 times"
    assert f" to {AGENT} is answered" in call
    assert scene.startswith("the scene waits at ")
    assert scene.endswith(line_of(waits_in_vain, "until("))


async def leaves(stage: Stage) -> None:
    await stage.client.disconnect()
    await anyio.sleep_forever()


def test_a_scene_that_has_disconnected_has_no_calls(client: RelayClient, backend: Backend) -> None:
    (scene,) = unfinished(client, leaves, backend)
    assert scene.endswith(line_of(leaves, "sleep_forever("))


IN_A_THREAD: Final[dict[str, Any]] = {
    "asyncio": asyncio.to_thread,
    "AnyIO": anyio.to_thread.run_sync,
}


@pytest.mark.parametrize("way", IN_A_THREAD)
def test_a_thread_that_is_waited_for_is_named(way: str, backend: Backend) -> None:
    if backend == "trio" and way == "asyncio":
        pytest.skip("trio cannot wait for this thread")
    in_a_thread: Callable[[Callable[[], object]], Awaitable[object]] = IN_A_THREAD[way]
    go_on = Event()

    async def slow(call: Call) -> None:
        await call.answer()
        await in_a_thread(go_on.wait)

    async def scene(stage: Stage) -> None:
        stage.call(Caller(ANNA))
        try:
            await anyio.sleep_forever()
        finally:
            go_on.set()

    _, _, handler, advice = unfinished(slow, scene, backend)
    assert "waits for a thread at" in handler
    assert handler.endswith(line_of(slow, "in_a_thread("))
    assert advice == REAL_TIME


def test_a_socket_that_is_waited_for_is_named(backend: Backend) -> None:
    near, far = socket.socketpair()

    async def reads(call: Call) -> None:
        await call.answer()
        await anyio.wait_readable(near)

    with near, far:
        _, handler, advice = unfinished(reads, Caller(ANNA), backend)
    assert "waits for a socket at" in handler
    assert advice == REAL_TIME


def test_a_deadlock_says_where() -> None:
    class Impatient(VirtualLoop):
        patience = 0.01

    async def stuck() -> None:
        await asyncio.Event().wait()

    with (
        asyncio.Runner(loop_factory=Impatient) as runner,
        pytest.raises(DeadlockError, match=r"wait forever: (Task-\d+)\n  \1 waits at ") as caught,
    ):
        runner.run(stuck())
    assert str(caught.value).endswith(line_of(stuck, "wait("))


# Places


@types.coroutine
def forever() -> Generator[None]:
    yield


def installed(function: str, awaited: Callable[[], Awaitable[object]]) -> Any:
    """Make a function that awaits, in a package that was installed."""
    names = {"__name__": "somewhere", "awaited": awaited}
    source = f"async def {function}():\n    await awaited()\n"
    exec(compile(source, "/lib/site-packages/somewhere.py", "exec"), names)
    return names[function]


def pause() -> Awaitable[object]:
    return asyncio.sleep(0)


def place_of(coroutine: Coroutine[Any, Any, object]) -> str:
    """Let a coroutine run until it waits, and return where."""
    coroutine.send(None)
    found = where("this", coroutine)
    coroutine.close()
    assert where("this", coroutine) is None, "one that has ended waits nowhere"
    assert found is not None
    return str(found)


def test_the_line_of_the_program_comes_before_those_of_what_it_has_installed() -> None:
    async def own() -> None:
        await installed("get", pause)()

    assert place_of(own()).endswith(line_of(own, "await installed("))
    assert place_of(installed("serve", own)()).endswith(line_of(own, "await installed("))


def test_a_program_that_is_installed_has_lines_too() -> None:
    outer = installed("outer", installed("inner", pause))
    assert place_of(outer()) == "this waits at /lib/site-packages/somewhere.py:2, in inner"


def test_a_generator_that_awaits_is_looked_into() -> None:
    assert place_of(by_generator()).endswith(line_of(forever, "yield"))


async def by_generator() -> None:
    await forever()


def test_only_so_many_tasks_are_shown() -> None:
    coroutine = by_generator()
    coroutine.send(None)
    shown = described_tasks(where(f"task {number}", coroutine) for number in range(MOST_TASKS + 3))
    coroutine.close()
    assert len(shown) == MOST_TASKS + 1
    assert shown[-1] == "and 3 more tasks"
    assert described_tasks([None]) == []


def test_a_ring_of_coroutines_has_an_end() -> None:
    ring: Any = types.SimpleNamespace(cr_frame=inspect.currentframe())
    ring.cr_await = ring
    assert where("this", ring) is not None


async def plays_once(call: Call) -> None:
    await call.answer()
    await (await call.play_tts("Hello")).wait()
    await call.hangup()


async def waits_for_more(stage: Stage) -> None:
    stage.call(Caller("+15550001111"))
    await stage.until(What.PLAYED, times=3, who=Who.PROGRAM)


def test_what_a_scene_waits_for_is_named(backend: Backend) -> None:
    still_open = unfinished(plays_once, waits_for_more, backend)
    line = "until(What.PLAYED, times=3, who=Who.PROGRAM): it has happened 1 of 3 times"
    assert still_open[0] == line
    assert still_open[1].startswith("the scene waits at ")


def test_a_block_has_an_end_as_well(client: RelayClient, backend: Backend) -> None:
    async def wait_in_vain() -> None:
        async with rehearsal(client, within=100.0) as stage:
            await stage.until(What.BEEPED)

    with pytest.raises(RehearsalTimeoutError) as raised:
        run_in_virtual_time(wait_in_vain, backend)
    assert raised.value.within == 100.0
    assert raised.value.still_open[0] == "until(What.BEEPED): it has happened 0 of 1 times"


def debugger(seconds: float) -> Any:
    """Make a function of a debugger that waits in real time for somebody who types."""
    names = {"__name__": "pdb", "select": select.select}
    source = f"def wait():\n    select([], [], [], {seconds})\n"
    exec(compile(source, "/lib/pdb.py", "exec"), names)
    return names["wait"]


@pytest.mark.parametrize("runtime", ["asyncio", "trio", "threads"])
def test_who_debugs_a_handler_may_take_the_time_for_it(runtime: Any) -> None:
    set_trace = debugger(1.0)

    def handle(call: relay_sync.Call) -> None:
        call.answer()
        set_trace()
        call.hangup()

    async def async_handle(call: Call) -> None:
        await call.answer()
        set_trace()
        await call.hangup()

    caller = Caller("+15550001111")
    if runtime == "threads":
        story = relay_sync.testing.rehearse(handle, caller, patience=0.3)
    else:
        story = rehearse(async_handle, caller, patience=0.3, backend=runtime)
    assert story.all(What.ENDED)[0].who is Who.PROGRAM
