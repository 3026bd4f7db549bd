"""Rehearsals that must not pass: exceptions that no log shows, and people whom nobody answers."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, Literal

import anyio
import pytest

import relay_anyio
import relay_anyio.testing
import relay_sync
import relay_sync.testing
from relay_anyio.testing import (
    Answers,
    Backend,
    Caller,
    HangUp,
    Hear,
    Line,
    NotHeardWarning,
    Press,
    Story,
    TextMessage,
    UnansweredWarning,
    Wait,
    What,
    Who,
)

ANNA, OFFICE, AGENT = "+15550001111", "+15550002222", "+15550003000"


async def fails(argument: object) -> None:
    await anyio.sleep(3)
    raise ZeroDivisionError(argument)


async def plays(call: relay_anyio.Call) -> None:
    await call.answer()
    await (await call.play_tts("Hi", on_completed=fails)).wait()
    await call.hangup()


async def plays_well(call: relay_anyio.Call) -> None:
    await call.answer()
    await call.hangup()


FAILURES: Final[dict[str, Callable[[relay_anyio.RelayClient], object]]] = {
    "a call handler": lambda client: client.on_call(fails),
    "a text handler": lambda client: client.on_message(fails),
    "a hook": lambda client: client.on_connected(fails),
    "a listener": lambda client: (client.on_call(plays_well), client.on_event(fails)),
    "a callback": lambda client: client.on_call(plays),
}


@pytest.mark.parametrize("what", FAILURES)
def test_what_a_function_raises_is_raised_without_any_log(
    client: relay_anyio.RelayClient, what: str, backend: Backend
) -> None:
    FAILURES[what](client)

    async def scene(stage: relay_anyio.testing.Stage) -> None:
        if what == "a text handler":
            stage.text(TextMessage(ANNA, OFFICE, "Hello"))
        elif what != "a hook":
            stage.call(Caller(ANNA, patience=5.0))

    logging.disable()
    try:
        with pytest.raises(ZeroDivisionError):
            relay_anyio.testing.rehearse(client, scene, backend=backend)
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("how", ["it is dropped", "it is kept", "a callback"])
def test_what_a_task_raises_that_nobody_awaits_is_raised(how: str) -> None:
    kept: list[asyncio.Task[None]] = []

    async def forgets(call: relay_anyio.Call) -> None:
        if how == "a callback":
            asyncio.get_running_loop().call_later(2, divmod, 1, 0)
        else:
            task = asyncio.create_task(fails(call))
            if how == "it is kept":
                kept.append(task)
            del task
        await call.answer()
        await anyio.sleep(5)
        await call.hangup()

    with pytest.raises(ZeroDivisionError):
        relay_anyio.testing.rehearse(forgets, Caller(ANNA))
    relay_anyio.testing.rehearse(
        forgets, Caller(ANNA), may_raise=[ZeroDivisionError]
    )  # nothing is left of the one before


def test_what_a_task_raises_is_its_awaiters() -> None:
    kept: list[asyncio.Task[object]] = []

    async def awaits(call: relay_anyio.Call) -> None:
        task = asyncio.create_task(fails(call))
        waits_for_the_end = asyncio.create_task(call.wait_for("calling.call.refer"))
        kept.append(waits_for_the_end)  # raises CallEndedError: it has not failed
        await call.answer()
        await anyio.sleep(5)
        with pytest.raises(ZeroDivisionError):
            await task
        await call.hangup()

    relay_anyio.testing.rehearse(awaits, Caller(ANNA))


def test_what_a_task_of_the_test_raises_is_for_the_test() -> None:
    async def greet(call: relay_anyio.Call) -> None:
        await call.answer()
        await call.hangup()

    async def in_a_block() -> None:
        before = asyncio.create_task(fails(None))
        asyncio.get_running_loop().call_soon(divmod, 1, 0)
        await anyio.sleep(5)
        async with relay_anyio.testing.rehearsal(greet) as stage:
            within = asyncio.create_task(fails(None))
            await stage.over(stage.call(Caller(ANNA)))
            await anyio.sleep(5)
        for task in (before, within):
            assert getattr(task, "_log_traceback", False), "asyncio would say nothing of it"
            with pytest.raises(ZeroDivisionError):
                await task

    relay_anyio.testing.run_in_virtual_time(in_a_block)


def test_of_the_tasks_that_raise_the_first_one_counts() -> None:
    kept: list[asyncio.Task[None]] = []

    async def fail(number: int) -> None:
        raise ValueError(number)

    async def forgets(call: relay_anyio.Call) -> None:
        kept.extend(asyncio.create_task(fail(number)) for number in range(100))
        await call.answer()
        await call.hangup()

    with pytest.raises(ValueError, match=r"^0$"):
        relay_anyio.testing.rehearse(forgets, Caller(ANNA))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("how", ["an error", "an outcome", "in a group"])
def test_a_failure_is_not_lost_when_the_block_is_cancelled(how: str, backend: Backend) -> None:
    async def waits() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            if how == "an outcome":
                pytest.fail("in the scene")
            raise LookupError("in the scene")

    async def in_a_block() -> None:
        with anyio.move_on_after(5):
            async with relay_anyio.testing.rehearsal(fails):
                if how != "in a group":
                    await waits()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(waits)
                    await anyio.sleep_forever()

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group or not
        relay_anyio.testing.run_in_virtual_time(in_a_block, backend)
    assert "in the scene" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_block_that_is_cancelled_ends(backend: Backend) -> None:
    async def in_a_block() -> bool:
        with anyio.move_on_after(5) as limit:
            async with relay_anyio.testing.rehearsal(fails), anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.sleep_forever)
                await anyio.sleep_forever()
        return limit.cancelled_caught

    assert relay_anyio.testing.run_in_virtual_time(in_a_block, backend)


Runtime = Literal["asyncio", "trio", "threads"]
Scene = Callable[[Any], None]
RUNTIMES: Final[tuple[Runtime, ...]] = ("asyncio", "trio", "threads")


def rehearsed(runtime: Runtime, handler: str, scene: Caller | Scene, **options: Any) -> Story:
    """Rehearse a handler that does one thing, for a caller or with a scene that does not wait."""
    if runtime == "threads":

        def handle(call: relay_sync.Call) -> None:
            getattr(call, handler)()

        return relay_sync.testing.rehearse(handle, scene, **options)

    async def async_handle(call: relay_anyio.Call) -> None:
        await getattr(call, handler)()

    async def async_scene(stage: relay_anyio.testing.Stage) -> None:
        assert callable(scene)
        scene(stage)

    there = scene if isinstance(scene, Caller) else async_scene
    return relay_anyio.testing.rehearse(async_handle, there, backend=runtime, **options)


def with_outcome(runtime: Runtime, outcome: Callable[[str], object], *, fail: bool) -> None:
    """Rehearse a scene that ends with an outcome of pytest, and a handler that may fail."""

    def handle(call: Any) -> None:
        if fail:
            raise ZeroDivisionError

    async def async_handle(call: Any) -> None:
        handle(call)

    def scene(stage: relay_sync.testing.Stage) -> None:
        stage.call(Caller(ANNA))
        time.sleep(1)
        outcome("in the scene")

    async def async_scene(stage: relay_anyio.testing.Stage) -> None:
        stage.call(Caller(ANNA))
        await anyio.sleep(1)
        outcome("in the scene")

    if runtime == "threads":
        relay_sync.testing.rehearse(handle, scene)
    else:
        relay_anyio.testing.rehearse(async_handle, async_scene, backend=runtime)


OUTCOMES: Final[dict[str, Callable[[str], object]]] = {
    "fail": pytest.fail,
    "skip": pytest.skip,
    "xfail": pytest.xfail,
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_of_pytest_is_that_of_the_test(runtime: Runtime, outcome: str) -> None:
    kind: Any = {
        "fail": pytest.fail.Exception,
        "skip": pytest.skip.Exception,
        "xfail": pytest.xfail.Exception,
    }[outcome]
    with pytest.raises(kind, match="in the scene"):
        with_outcome(runtime, OUTCOMES[outcome], fail=False)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_outcome_of_pytest_does_not_hide_what_a_handler_raised(runtime: Runtime) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        with_outcome(runtime, pytest.fail, fail=True)
    assert "the scene failed as well: in the scene" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_who_ends_the_program_in_a_scene_is_not_held_up(
    runtime: Runtime, end: type[BaseException]
) -> None:
    def leave(words: str) -> None:
        raise end(words)

    with pytest.raises(end, match="in the scene"):
        with_outcome(runtime, leave, fail=True)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_call_that_nobody_answers_is_reported(runtime: Runtime) -> None:
    patient = Caller(ANNA, patience=20.0)
    with pytest.warns(UnansweredWarning, match="nobody answered a call .* ends the call") as told:
        rehearsed(runtime, "wait_for_ended", patient)
    assert told[0].filename == __file__


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_caller_who_waits_for_words_that_never_come_is_reported(runtime: Runtime) -> None:
    caller = Caller(ANNA, (Hear("press 1", timeout=3.0), Press("1")))
    with pytest.warns(NotHeardWarning, match="does not hear “press 1” in time") as told:
        rehearsed(runtime, "answer", caller)
    assert told[0].filename == __file__
    (story,) = str(told[0].message).split("\n", 1)[1:]
    lines = [line[:1] + line[11:] for line in story.split("\n")]
    assert lines == [
        f"   caller    calls {OFFICE} from {ANNA}",
        "   exchange  offers the call to the context rehearsal",
        "   program   answers",
        ">  caller    does not hear “press 1” in time",
        "   caller    ends the call: hangup",
    ]


def call_elsewhere(stage: Any) -> None:
    stage.call(Caller(ANNA), context="elsewhere")
    stage.text(TextMessage(ANNA, OFFICE, "Hello"), context="elsewhere")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_is_missed_in_a_block_is_reported_as_well(runtime: Runtime) -> None:
    def nobody(_: object) -> None: ...

    async def in_a_block() -> None:
        async with relay_anyio.testing.rehearsal(nobody) as stage:
            await stage.over(stage.call(Caller(ANNA, patience=20.0)))

    def rehearse_it() -> None:
        if runtime == "threads":
            with relay_sync.testing.rehearsal(nobody) as stage:
                stage.over(stage.call(Caller(ANNA, patience=20.0)))
        else:
            relay_anyio.testing.run_in_virtual_time(in_a_block, runtime)

    with pytest.warns(UnansweredWarning) as told:
        rehearse_it()
    assert [one.filename for one in told] == [__file__]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_who_reaches_no_program_is_reported(runtime: Runtime) -> None:
    with pytest.warns(UnansweredWarning) as told:
        rehearsed(runtime, "answer", call_elsewhere)
    words = [str(one.message) for one in told]
    assert ["nobody answered a call" in one for one in words] == [True, False]
    assert all("reaches no program" in one for one in words)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_call_that_the_program_passes_back_is_no_reason_to_warn(runtime: Runtime) -> None:
    assert rehearsed(runtime, "pass_", Caller(ANNA)).all(What.PASSED)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_call_that_the_program_refuses_is_no_reason_to_warn(runtime: Runtime) -> None:
    assert rehearsed(runtime, "hangup", Caller(ANNA)).all(What.ENDED)[0].who is Who.PROGRAM


def test_the_text_that_came_in_is_not_the_answer(
    client: relay_anyio.RelayClient, backend: Backend
) -> None:
    @client.on_message
    async def answer(message: relay_anyio.Message) -> None:
        await anyio.sleep(5)
        await message.reply("Yes.")

    async def ask(stage: relay_anyio.testing.Stage) -> None:
        stage.text(TextMessage(ANNA, OFFICE, "Are you open?"))
        came = await stage.until(What.SENT_TEXT, who=Who.CALLER)
        went = await stage.until(What.SENT_TEXT)
        assert (came.details["text"], went.details["text"]) == ("Are you open?", "Yes.")
        assert went.at == pytest.approx(5.0)

    relay_anyio.testing.rehearse(client, ask, backend=backend)


def test_the_text_that_came_in_is_not_the_answer_on_threads() -> None:
    client = relay_sync.RelayClient("project", "token", contexts=["office"])

    @client.on_message
    def answer(message: relay_sync.Message) -> None:
        message.reply("Yes.")

    def ask(stage: relay_sync.testing.Stage) -> None:
        stage.text(TextMessage(ANNA, OFFICE, "Are you open?"))
        assert stage.until(What.SENT_TEXT).details["text"] == "Yes."

    relay_sync.testing.rehearse(client, ask)


async def menu(call: relay_anyio.Call) -> None:
    await call.answer()
    await (await call.play_tts("Press one, please.")).wait()
    await call.wait_for_ended()


@pytest.mark.parametrize("late", [0.0, 0.5])
def test_a_person_listens_to_the_end(late: float) -> None:
    for whole in (False, True):
        script = (Wait(late), Hear("press one", whole=whole), Press("1"), HangUp())
        story = relay_anyio.testing.rehearse(menu, Caller(ANNA, script))
        (begun, *_), (pressed, *_) = story.all(What.PLAYED), story.all(What.PRESSED)
        assert (pressed.at - begun.at > 18 * 0.07) == whole


def test_the_story_of_one_call_is_told_apart(client: relay_anyio.RelayClient) -> None:
    async def dial(stage: relay_anyio.testing.Stage) -> None:
        for number in (ANNA, AGENT):
            call = await stage.client.dial_phone(number, OFFICE)
            await call.hangup()

    lines = [Line(number, Answers()) for number in (ANNA, AGENT)]
    story = relay_anyio.testing.rehearse(client, dial, lines=lines)
    (ended,) = story.about(AGENT).all(What.ENDED)
    assert ended is story.all(What.ENDED)[1]
    assert len(story.about(ANNA)) == len(story.about(AGENT))
    assert not story.about(OFFICE)
