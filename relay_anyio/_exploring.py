"""Exploring: a program of tasks, in many situations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import anyio

from relay_proto.adapter.exploring import Exploration, Given, Wishes, strike
from relay_proto.adapter.exploring import explore as explore_with
from relay_proto.adapter.exploring_source import Reproduction, name_of
from relay_proto.adapter.rehearsal_arguments import (
    OF_EXPLORATIONS,
    check_arguments,
    check_program,
    check_scene_awaits,
)
from relay_proto.adapter.stories import Story
from relay_proto.adapter.story_promises import PROMISES, Promise
from relay_proto.exchange import Caller, ExchangeTiming, TextMessage
from relay_proto.testing.situations import Situation, Trouble

from ._rehearsing import Backend, Handler, Scene, Stage, check_can_begin, rehearse
from .client import RelayClient

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def explore(
    program: RelayClient | Handler | Callable[[], RelayClient],
    *scenes: Scene,
    runs: int = 300,
    promises: Sequence[Promise] = PROMISES,
    caller: SearchStrategy[Caller] | bool | None = None,
    message: SearchStrategy[TextMessage] | bool | None = None,
    troubles: Collection[Trouble] = tuple(Trouble),
    dials: Collection[str] = (),
    may_raise: Collection[type[BaseException]] = (),
    timing: ExchangeTiming | None = None,
    within: float = 3600.0,
    backend: Backend = "asyncio",
    patience: float = 5.0,
    seed: int = 0,
) -> Exploration:
    """Rehearse a program in many situations; if one goes wrong, raise the shortest one.

    People call at any instant, press, say, wait and hang up; texts come in; the connection
    breaks. First it listens to what the program says, so people press what a menu names. A
    run goes wrong if a handler or a scene raises, if the program hangs, or if the story
    breaks a promise. What goes wrong is made shorter, and is shown as a test to paste.
    It needs the extra ``hypothesis``.

    Args:
        program: a client; a function that takes a `Call`; or a function that takes nothing
            and returns a new client for each run, for programs that remember something.
        scenes: what goes on in each run at the same time, such as a function that dials.
        runs: how many situations are tried.
        promises: functions that assert something of each story.
        caller: who calls, as a strategy. True stands for anybody, False for nobody. By default,
            people call if the program takes calls.
        message: the same for texts that come in.
        troubles: what goes wrong with the connection; ``()`` for nothing.
        dials: numbers that the program dials or writes to, which then do whatever lines do.
        may_raise: classes of exceptions that handlers may raise, such as `RelayError`.
        timing: how long things take.
        within: virtual seconds after which a run has failed.
        backend: ``asyncio`` or ``trio``.
        patience: real seconds for which a function may block the event loop.
        seed: another one tries other situations.

    Raises:
        CounterexampleError: something goes wrong. It is an `AssertionError`.
        PromiseFailedError: a promise has failed itself.
        ImportError: hypothesis is missing.
    """
    check_program(program, "relay_anyio", "relay_sync", may_take_nothing=True)
    check_can_begin(scenes)
    check_arguments(
        OF_EXPLORATIONS,
        runs=runs,
        promises=promises,
        caller=caller,
        message=message,
        troubles=troubles,
        dials=dials,
        may_raise=may_raise,
        timing=timing,
        within=within,
        backend=backend,
        patience=patience,
        seed=seed,
    )

    def run(given: RelayClient | Handler, situation: Situation) -> Story:
        return rehearse(
            given,
            *_scenes(situation, scenes),
            lines=dict(situation.lines),
            undeliverable=situation.undeliverable,
            timing=timing,
            may_raise=may_raise,
            within=within,
            backend=backend,
            patience=patience,
            seed=seed,
        )

    given = Given(program, RelayClient)
    wishes = Wishes(
        runs=runs,
        seed=seed,
        promises=promises,
        caller=given.takes_calls if caller is None else caller,
        message=given.takes_messages if message is None else message,
        troubles=troubles,
        dials=dials,
    )
    reproduction = Reproduction(
        package="relay_anyio",
        program=program,
        makes_client=given.makes_client,
        scenes=scenes,
        seed=seed,
        within=within,
        timing=timing,
        may_raise=may_raise,
        patience=patience,
        backend=backend,
    )
    return explore_with(lambda one: run(given.new(), one), wishes, reproduction)


def _scenes(situation: Situation, scenes: Sequence[Scene]) -> Sequence[Scene]:
    """Return the one scene in which everything happens, if anything does."""
    if not (situation.parts or scenes):
        return ()

    async def what_happens(stage: Stage) -> None:
        async with anyio.create_task_group() as tasks:
            for scene in scenes:
                tasks.start_soon(_run_scene, scene, stage, name=f"the scene {name_of(scene)}")
            await _carry_out(situation, stage)

    async def only_parts(stage: Stage) -> None:
        await _carry_out(situation, stage)

    return (what_happens if scenes else only_parts,)


async def _run_scene(scene: Scene, stage: Stage) -> None:
    await check_scene_awaits(scene, scene(stage))


async def _carry_out(situation: Situation, stage: Stage) -> None:
    calls: list[str] = []
    for part in situation.parts:
        if part.after:
            await anyio.sleep(part.after)
        match part.what:
            case Caller() as caller:
                calls.append(stage.call(caller))
            case TextMessage() as text:
                stage.text(text)
            case trouble:
                strike(stage, trouble, part.when)
    for call_id in calls:
        await stage.over(call_id)
