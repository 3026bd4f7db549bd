"""The seed of a rehearsal, what handlers may raise in it, and the faults in its story."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

import anyio
import pytest

import relay_anyio.testing
import relay_sync.testing
from relay_anyio import RelayError
from relay_anyio.testing import Caller, Story, What, Who

ANNA: Final = "+15550001111"
Runtime: TypeAlias = Literal["asyncio", "trio", "threads"]
FAULTS: Final[dict[str, Callable[[Any], None]]] = {
    "cut": lambda stage: stage.cut(),
    "silence": lambda stage: stage.silence(),
    "goodbye": lambda stage: stage.say_goodbye(),
    "restart": lambda stage: stage.say_goodbye(restart=True),
    "forget sessions": lambda stage: stage.restart(),
}


@pytest.fixture(params=["asyncio", "trio", "threads"], name="runtime")
def runtime_by_name(request: pytest.FixtureRequest) -> Runtime:
    runtime: Runtime = request.param
    return runtime


async def plays(call: relay_anyio.Call) -> None:
    await call.answer()
    await anyio.sleep(5)
    await call.play_tts("Hello")
    await anyio.sleep(5)
    await call.hangup()


def plays_in_a_thread(call: relay_sync.Call) -> None:
    call.answer()
    time.sleep(5)
    call.play_tts("Hello")
    time.sleep(5)
    call.hangup()


def story_of(runtime: Runtime, fault: Callable[[Any], None], *, at: float, **options: Any) -> Story:
    """Rehearse a call, with a fault so many seconds after it has begun."""
    if runtime == "threads":

        def scene(stage: relay_sync.testing.Stage) -> None:
            call_id = stage.call(Caller(ANNA))
            time.sleep(at)
            fault(stage)
            stage.over(call_id)

        return relay_sync.testing.rehearse(plays_in_a_thread, scene, **options)

    async def async_scene(stage: relay_anyio.testing.Stage) -> None:
        call_id = stage.call(Caller(ANNA))
        await anyio.sleep(at)
        fault(stage)
        await stage.over(call_id)

    return relay_anyio.testing.rehearse(plays, async_scene, backend=runtime, **options)


def test_a_seed_repeats_when_the_client_connects_again(runtime: Runtime) -> None:
    fault = FAULTS["cut"]
    first, again, other = (
        story_of(runtime, fault, at=3, seed=seed, may_raise=[RelayError]) for seed in (7, 7, 8)
    )
    assert first.all(What.SESSION_RESUMED)
    assert first.text == again.text
    resumed = {story.all(What.SESSION_RESUMED)[0].at for story in (first, other)}
    assert len(resumed) == 2  # the delay before it is random


class FullError(Exception):
    """What a handler raises here."""


def refuses_to_go_on(runtime: Runtime, **options: Any) -> Story:
    """Rehearse a handler that fails after it has answered."""
    if runtime == "threads":

        def fails_in_a_thread(call: relay_sync.Call) -> None:
            call.answer()
            raise FullError

        return relay_sync.testing.rehearse(fails_in_a_thread, Caller(ANNA), **options)

    async def fails(call: relay_anyio.Call) -> None:
        await call.answer()
        raise FullError

    return relay_anyio.testing.rehearse(fails, Caller(ANNA), backend=runtime, **options)


def test_what_a_handler_may_raise_is_not_raised(runtime: Runtime) -> None:
    with pytest.raises(FullError):
        refuses_to_go_on(runtime)
    story = refuses_to_go_on(runtime, may_raise=[LookupError, FullError])
    [end] = story.all(What.ENDED)
    assert end.who is Who.PROGRAM  # hung up, as in production
    with pytest.raises(FullError):
        refuses_to_go_on(runtime, may_raise=[LookupError])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_in_the_story(runtime: Runtime, fault: str) -> None:
    story = story_of(runtime, FAULTS[fault], at=3, may_raise=[RelayError])
    [told] = story.all(What.FAULTED)
    assert told.text == f"exchange  simulates a fault: {fault}"
    assert told.at == pytest.approx(3)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_who_tries_again_what_is_refused_at_once_lets_others_run(
    monkeypatch: pytest.MonkeyPatch, backend: Literal["asyncio", "trio"]
) -> None:
    monkeypatch.setattr("relay_anyio._virtual.MOST_PASSES", 1000)

    async def insists(call: relay_anyio.Call) -> None:
        await call.answer()
        while True:
            try:
                await call.play_tts("Hello")
            except RelayError:
                continue

    leaves = Caller(ANNA, (relay_anyio.testing.Wait(0.4), relay_anyio.testing.HangUp()))
    with pytest.raises(relay_anyio.testing.RehearsalTimeoutError, match="runs in a loop"):
        relay_anyio.testing.rehearse(
            insists, leaves, backend=backend, may_raise=[RelayError], within=100
        )
