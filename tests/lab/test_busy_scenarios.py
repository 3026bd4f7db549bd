"""Scenarios with more callers than there is time for, and clocks that jump."""

from __future__ import annotations

import random
import time

import trio
import trio.testing

from relay_anyio.simulator import Simulator
from relay_anyio.simulator.schedule import Schedule
from relay_proto.exchange import Exchange, ExchangeConfig, Happened, What, read_scenario
from tests.lab.harness import LabRunner


def test_the_lab_answers_and_can_be_stopped_while_thousands_call(lab: LabRunner) -> None:
    lab.post("/api/scenarios", {"callers": [{"at": 0, "every": 0.1}] * 3000})
    lab.until("/api/state", lambda state: state["counts"]["calls"] > 100)
    before = time.monotonic()
    for _ in range(10):
        lab.get("/api/programs")
    lab.send("DELETE", "/api/scenarios")
    assert time.monotonic() - before < 5
    assert lab.get("/api/scenarios") == {"scenarios": []}


def test_calls_that_a_freeze_has_held_up_do_not_come_in_a_burst() -> None:
    """As when a laptop wakes up in the morning."""
    calls: list[float] = []

    def tell(happened: Happened) -> None:
        if happened.what is What.CALLED:
            calls.append(trio.current_time() - began_at)

    exchange = Exchange(ExchangeConfig(accounts=()), random.Random(0))
    simulator = Simulator(exchange, None, tell)
    read = read_scenario({"callers": [{"at": 10, "every": 10, "times": 6}]})
    schedule = Schedule(read.schedule, tell)
    clock = trio.testing.MockClock()
    began_at = 0.0

    async def main() -> None:
        nonlocal began_at
        began_at = trio.current_time()
        schedule.begin()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(schedule.run, simulator)
            await trio.testing.wait_all_tasks_blocked()
            clock.jump(10)
            await trio.testing.wait_all_tasks_blocked()
            clock.jump(3600)
            await trio.testing.wait_all_tasks_blocked()
            clock.autojump_threshold = 0

    trio.run(main, clock=clock)
    assert calls == [10, 3610, 3610, 3620, 3630, 3640]
