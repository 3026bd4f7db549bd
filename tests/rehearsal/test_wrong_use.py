"""Wrong arguments are named, and a rehearsal ends whatever a handler does, on every runtime."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import anyio
import pytest
from hypothesis import strategies as st

import relay_anyio
import relay_anyio.testing
import relay_sync
import relay_sync.testing
from relay_anyio.testing import (
    Caller,
    CounterexampleError,
    HangUp,
    Hear,
    NoSilence,
    NotHeardWarning,
    RehearsalTimeoutError,
    Trouble,
)

RUNTIMES: Final = pytest.mark.parametrize("runtime", ["asyncio", "trio", "threads"])
ANNA: Final = "+15550001111"


async def hangs_up(call: relay_anyio.Call) -> None:
    await call.answer()
    await call.hangup()


def hangs_up_in_a_thread(call: relay_sync.Call) -> None:
    call.answer()
    call.hangup()


def rehearse(runtime: str, *scenes: Any, **options: Any) -> Any:
    if runtime == "threads":
        return relay_sync.testing.rehearse(hangs_up_in_a_thread, *scenes, **options)
    options = {"backend": runtime, **options}
    return relay_anyio.testing.rehearse(hangs_up, *scenes, **options)


def explore(runtime: str, program: Any = None, *scenes: Any, **options: Any) -> Any:
    options = {"runs": 3, "troubles": (), **options}
    if runtime == "threads":
        return relay_sync.testing.explore(program or hangs_up_in_a_thread, *scenes, **options)
    options = {"backend": runtime, **options}
    return relay_anyio.testing.explore(program or hangs_up, *scenes, **options)


WRONG: Final[list[tuple[dict[str, Any], str]]] = [
    ({"lines": 5}, "lines must be a dict such as "),
    ({"lines": {5: relay_anyio.testing.Busy()}}, "lines must have telephone numbers as keys"),
    ({"lines": {"+15559": 5}}, r"lines\['\+15559'\] must say what the line does"),
    ({"lines": [5]}, "lines must be a dict such as .* with no 5 in it"),
    ({"undeliverable": "+15559"}, "undeliverable must be a list of numbers, not one text"),
    ({"undeliverable": None}, "undeliverable must be a list of numbers, not None"),
    ({"timing": 5}, "timing must be a ExchangeTiming, not 5"),
    ({"may_raise": KeyError}, r"may_raise must be a list of classes: \[KeyError\]"),
    ({"may_raise": 5}, "may_raise must be a list of classes of exceptions"),
    ({"may_raise": ["KeyError"]}, "may_raise must be classes of exceptions, not 'KeyError'"),
    ({"within": "60"}, "within must be a number of seconds"),
    ({"within": 0}, "within must be more than 0 s"),
    ({"within": float("nan")}, "within must be 0 s or more"),
    ({"patience": -1}, "patience must be 0 s or more"),
    ({"seed": "1"}, "seed must be a whole number"),
]


@RUNTIMES
@pytest.mark.parametrize(("options", "words"), WRONG, ids=[words for _, words in WRONG])
def test_a_wrong_argument_is_named(runtime: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        rehearse(runtime, **options)
    if not {"lines", "undeliverable"} & options.keys():
        with pytest.raises((TypeError, ValueError), match=words):
            explore(runtime, **options)


WRONG_WISHES: Final[list[tuple[dict[str, Any], str]]] = [
    ({"promises": NoSilence(10)}, "promises must be a list, not one promise"),
    ({"promises": 5}, "promises must be a list, such as "),
    ({"promises": [NoSilence]}, "promises has the class NoSilence in it: call it first"),
    ({"promises": [lambda: None]}, "promises must be functions that take the story"),
    ({"caller": Caller(ANNA)}, "caller must be a strategy, not one Caller"),
    ({"caller": "Anna"}, "caller must be a strategy such as "),
    ({"message": 5}, "message must be a strategy such as "),
    ({"caller": st.just(5), "runs": 9}, "caller must draw a Caller, and has drawn 5"),
    ({"troubles": Trouble.CUT}, r"troubles must be a list: \[Trouble.CUT\]"),
    ({"troubles": None}, "troubles must be a list such as "),
    ({"troubles": ["cut"]}, "troubles must be some of Trouble.CUT"),
    ({"dials": None}, "dials must be a list of numbers"),
    ({"runs": 0}, "runs must be "),
]


@RUNTIMES
@pytest.mark.parametrize(("options", "words"), WRONG_WISHES, ids=[w for _, w in WRONG_WISHES])
def test_a_wrong_wish_is_named(runtime: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        explore(runtime, **options)


def test_a_backend_is_asyncio_or_trio() -> None:
    for backend, words in (("curio", "not 'curio'"), (5, "not 5")):
        with pytest.raises((TypeError, ValueError), match=f"'asyncio' or 'trio', {words}"):
            rehearse("asyncio", backend=backend)


def takes_two(one: object, two: object) -> None: ...


def returns_nothing(stage: object) -> None: ...


@pytest.mark.parametrize("module", [relay_anyio, relay_sync], ids=lambda module: module.__name__)
def test_what_is_no_program_is_told_what_to_do(module: Any) -> None:
    wrong: list[tuple[Any, str]] = [
        (module.RelayClient, "not its class: make one"),
        (5, "a program is a RelayClient, or a function that takes a Call"),
        (takes_two, "must be a RelayClient, or a function that takes one argument"),
    ]
    for program, words in wrong:
        with pytest.raises(TypeError, match=words):
            module.testing.rehearse(program)


def test_what_is_no_scene_is_told_what_to_do() -> None:
    async def coroutine(stage: Any) -> None: ...

    wrong: list[tuple[str, Any, str]] = [
        ("asyncio", Caller, "a scene is a Caller, such as"),
        ("trio", lambda: None, "must take one argument, the Stage"),
        ("asyncio", returns_nothing, "it has returned None, which cannot be awaited"),
        ("threads", coroutine, "leave out its async"),
        ("threads", functools.partial(coroutine), "leave out its async"),
    ]
    for runtime, scene, words in wrong:
        with pytest.raises(TypeError, match=words):
            rehearse(runtime, scene)


def test_a_scene_whose_arguments_nobody_knows_is_called() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        rehearse("threads", min)  # Python does not know its signature


def test_a_client_that_cannot_be_made_again_is_a_counterexample() -> None:
    made: list[relay_anyio.RelayClient] = []

    def new_client() -> relay_anyio.RelayClient:
        if made:
            raise LookupError("no more clients")
        made.append(relay_anyio.RelayClient("project", "token", contexts=["office"]))
        return made[0]

    with pytest.raises(CounterexampleError, match="no more clients") as caught:
        explore("asyncio", new_client)
    assert not caught.value.story


class OwnError(BaseException):
    """No `Exception`."""


async def raises_its_own(call: relay_anyio.Call) -> None:
    raise OwnError


async def skips(call: relay_anyio.Call) -> None:
    pytest.skip("not today")


def in_a_thread(handler: Callable[[Any], Any]) -> Callable[[relay_sync.Call], None]:
    def handle(call: relay_sync.Call) -> None:
        with suppress(StopIteration):
            handler(call).send(None)

    return handle


@RUNTIMES
@pytest.mark.parametrize(("handler", "said"), [(raises_its_own, "OwnError"), (skips, "Skipped(")])
def test_whatever_a_handler_raises_is_a_counterexample(
    runtime: str, handler: Any, said: str
) -> None:
    program = in_a_thread(handler) if runtime == "threads" else handler
    with pytest.raises(CounterexampleError) as caught:
        explore(runtime, program)
    assert f"the program raises {said}" in caught.value.what
    assert caught.value.story
    assert "rehearse(" in caught.value.test


async def waits(stage: Any) -> None:
    await anyio.sleep_forever()


def waits_in_a_thread(stage: Any) -> None:
    threading.Event().wait()


@RUNTIMES
def test_a_scene_that_is_stuck_is_named(runtime: str) -> None:
    scene = waits_in_a_thread if runtime == "threads" else waits
    with pytest.raises(CounterexampleError) as caught:
        explore(runtime, None, scene)
    assert f"\n  the scene {scene.__name__} waits at " in caught.value.what


def sleeps_forever(stage: object) -> Awaitable[None]:
    return anyio.sleep_forever()


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_scene_of_a_library_is_said_to_be_one(runtime: str) -> None:
    with pytest.raises(CounterexampleError, match="waits in a library"):
        explore(runtime, None, sleeps_forever)


async def computes(call: relay_anyio.Call) -> None:
    while True:
        pass


async def sleeps(call: relay_anyio.Call) -> None:
    time.sleep(600)  # noqa: ASYNC251 - a mistake of a program


async def catches_all(call: relay_anyio.Call) -> None:
    try:
        time.sleep(600)  # noqa: ASYNC251 - a mistake of a program
    except BaseException:  # noqa: BLE001 - another one
        await call.hangup()


@pytest.mark.parametrize("handler", [computes, sleeps, catches_all])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_handler_that_blocks_the_thread_is_named(handler: Any, backend: Any) -> None:
    with pytest.raises(RehearsalTimeoutError, match=r"blocked the event loop for 0\.3") as caught:
        relay_anyio.testing.rehearse(handler, Caller(ANNA), backend=backend, patience=0.3)
    [line] = caught.value.still_open
    assert line.endswith(f"in {handler.__name__}")


@pytest.mark.parametrize("is_virtual", [True, False], ids=["virtual time", "real time"])
@pytest.mark.parametrize("where", ["handler", "block"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_block_ends_when_something_blocks_the_thread(
    where: str, backend: Any, is_virtual: bool
) -> None:
    async def block() -> None:
        async with relay_anyio.testing.rehearsal(sleeps, patience=0.5) as stage:
            if where == "block":
                time.sleep(600)  # noqa: ASYNC251 - a mistake of a test
            await stage.over(stage.call(Caller(ANNA, patience=60.0)))

    run: Any = relay_anyio.testing.run_in_virtual_time if is_virtual else anyio.run
    with pytest.raises(RehearsalTimeoutError, match=r"blocked the event loop for 0\.5") as caught:
        run(block, backend=backend)
    [line] = caught.value.still_open
    assert line.endswith("in sleeps" if where == "handler" else "in block")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_block_after_one_that_was_blocked_is_as_good(backend: Any) -> None:
    async def hangs_up(call: relay_anyio.Call) -> None:
        await call.hangup()

    async def blocks() -> None:
        with pytest.raises(RehearsalTimeoutError):
            async with relay_anyio.testing.rehearsal(computes, patience=0.2) as stage:
                await stage.over(stage.call(Caller(ANNA)))
        async with relay_anyio.testing.rehearsal(hangs_up) as stage:
            await stage.over(stage.call(Caller(ANNA)))

    relay_anyio.testing.run_in_virtual_time(blocks, backend)


def test_a_block_in_which_a_task_never_waits_has_an_end() -> None:
    async def spins(call: relay_anyio.Call) -> None:
        while True:
            await anyio.lowlevel.checkpoint()

    async def block() -> None:
        async with relay_anyio.testing.rehearsal(spins) as stage:
            await stage.over(stage.call(Caller(ANNA, patience=60.0)))

    with pytest.raises(RehearsalTimeoutError, match="no time passes"):
        relay_anyio.testing.run_in_virtual_time(block)


def test_a_handler_that_computes_is_ended_in_any_thread() -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            relay_anyio.testing.rehearse(computes, Caller(ANNA), patience=0.3)
        except RehearsalTimeoutError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(errors) == 1


def test_explore_ends_when_a_handler_blocks() -> None:
    with pytest.raises(CounterexampleError, match="the program does not go on") as caught:
        explore("asyncio", sleeps, patience=0.2)
    assert "patience=0.2" in caught.value.test


@RUNTIMES
def test_words_that_had_not_come_when_the_program_hung_up_are_reported(runtime: str) -> None:
    caller = Caller(ANNA, (Hear("press 1"), HangUp()))
    with pytest.warns(NotHeardWarning, match="did not hear the words that they waited for"):
        rehearse_slowly(runtime, caller)


def rehearse_slowly(runtime: str, caller: Caller) -> None:
    async def handle(call: relay_anyio.Call) -> None:
        await call.answer()
        await anyio.sleep(5)
        await call.hangup()

    def handle_in_a_thread(call: relay_sync.Call) -> None:
        call.answer()
        time.sleep(5)
        call.hangup()

    if runtime == "threads":
        relay_sync.testing.rehearse(handle_in_a_thread, caller)
    else:
        backend: Any = runtime
        relay_anyio.testing.rehearse(handle, caller, backend=backend)
