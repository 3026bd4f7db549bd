"""Scenarios of ``relay sim``: the schedule does what it says, at its times, to real clients."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import pytest

from relay_anyio import Call, Message, Timing
from relay_anyio.simulator.schedule import Schedule
from relay_proto.exchange import (
    Caller,
    Fault,
    FaultKind,
    HangUp,
    Happened,
    PlacedCall,
    Scheduled,
    SentText,
    TextMessage,
    What,
)
from relay_proto.outputs import Connected
from tests.adapters.support import CALLER, OFFICE, Heard, World

pytestmark = pytest.mark.anyio

ATTENTIVE: Final = Timing(
    retry_min_delay=0.01,
    retry_max_delay=0.05,
    ping_interval=0.1,
    ping_timeout=0.1,
    ping_retry_delay=0.02,
    ping_watchdog=0.3,
)
"""Finds a dead peer within a second."""


@asynccontextmanager
async def scheduled(world: World, *entries: Scheduled) -> AsyncGenerator[Heard[Happened]]:
    """Run a schedule, from the next connection on; yield the faults that it tells."""
    faults: Heard[Happened] = Heard()
    schedule = Schedule(entries, faults)
    world.observe(schedule.observe)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(schedule.run, world.simulator)
        yield faults
        tasks.cancel_scope.cancel()


async def test_calls_and_texts_come_at_their_times(world: World) -> None:
    calls: Heard[Call] = Heard()
    texts: Heard[Message] = Heard()
    client = world.client()
    client.on_call(calls)
    client.on_message(texts)
    entries = (
        Scheduled(
            what=PlacedCall(Caller(CALLER, (HangUp(),)), OFFICE), at=0.05, every=0.1, times=3
        ),
        Scheduled(
            what=SentText(TextMessage(CALLER, "+1999", "Hi"), "office"),
            at=0.0,
            every=0.02,
            times=None,
        ),
    )
    async with scheduled(world, *entries), client:
        for call in await calls.take(3):
            await call.answer()
            await call.wait_for_ended()
        assert [text.body for text in await texts.take(5)] == ["Hi"] * 5


@pytest.mark.parametrize(
    ("kind", "resumed"),
    [
        (FaultKind.CUT, True),
        (FaultKind.SILENCE, True),
        (FaultKind.GOODBYE, True),
        (FaultKind.RESTART, False),
        (FaultKind.FORGET_SESSIONS, False),
    ],
)
async def test_a_fault_is_a_reconnect(world: World, kind: FaultKind, resumed: bool) -> None:
    client = world.client(timing=ATTENTIVE)
    sessions: Heard[Connected] = Heard()
    client.on_connected(sessions)
    async with scheduled(world, Scheduled(what=Fault(kind), at=0.05)) as faults, client:
        assert await sessions.take(2) == [Connected(resumed=False), Connected(resumed=resumed)]
    assert [happened.text for happened in faults.all] == [f"exchange  simulates a fault: {kind}"]


async def test_connections_are_refused_for_a_while(world: World) -> None:
    client = world.client()
    sessions: Heard[Connected] = Heard()
    client.on_connected(sessions)
    entries = (
        Scheduled(what=Fault(FaultKind.REFUSE_UPGRADES, lasts=0.3), at=0.0),
        Scheduled(what=Fault(FaultKind.CUT), at=0.05),
    )
    async with scheduled(world, *entries) as faults, client:
        await sessions.take(2)
    [refuses, _] = faults.all
    [back] = world.all(What.SESSION_RESUMED)
    assert back.at - refuses.at >= 0.29


async def test_everything_is_late_for_a_while(world: World) -> None:
    client = world.client()
    entry = Scheduled(what=Fault(FaultKind.DELAY, lasts=60.0, by=0.1), at=0.0)
    async with scheduled(world, entry) as faults, client:
        await faults.next()
        before = anyio.current_time()
        await client.receive(["sales"])
        assert anyio.current_time() - before >= 0.19  # there and back
