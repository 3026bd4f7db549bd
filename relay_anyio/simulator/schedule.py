"""The schedule of a scenario: calls, texts and faults, from the first connection on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Final, assert_never

import anyio

from relay_proto.exchange import (
    Fault,
    FaultKind,
    Happened,
    PlacedCall,
    Scheduled,
    SentText,
    What,
    Who,
)

from .server import Simulator

UNAVAILABLE: Final = 503


class Schedule:
    """Do what is scheduled, and `tell` of each fault before it happens."""

    def __init__(self, entries: Iterable[Scheduled], tell: Callable[[Happened], None]) -> None:
        self._entries = tuple(entries)
        self._tell = tell
        self._begun = anyio.Event()

    def observe(self, happened: Happened) -> None:
        """Notice that a program has connected."""
        if happened.what is What.SESSION_STARTED:
            self._begun.set()

    async def run(self, simulator: Simulator) -> None:
        """Do everything at its time, which begins when the first program connects."""
        await self._begun.wait()
        began_at = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for entry in self._entries:
                tasks.start_soon(self._repeat, simulator, entry, began_at + entry.at)

    async def _repeat(self, simulator: Simulator, entry: Scheduled, first_at: float) -> None:
        times = itertools.count() if entry.times is None else range(entry.times)
        for number in times:
            await anyio.sleep_until(first_at + number * entry.every)
            await self._perform(simulator, entry.what)

    async def _perform(self, simulator: Simulator, what: PlacedCall | SentText | Fault) -> None:
        exchange = simulator.exchange
        match what:
            case PlacedCall(caller, to, context):
                simulator.command(exchange.place_call, caller, to=to, context=context)
            case SentText(text, context):
                simulator.command(exchange.receive_text, text, context=context)
            case Fault():
                now = anyio.current_time()
                details = {"fault": what.kind.value}
                self._tell(Happened(now, "", Who.EXCHANGE, What.FAULTED, details))
                await self._fail(simulator, what)
            case _:
                assert_never(what)

    async def _fail(self, simulator: Simulator, fault: Fault) -> None:
        exchange = simulator.exchange
        match fault.kind:
            case FaultKind.CUT:
                simulator.cut()
            case FaultKind.SILENCE:
                simulator.fall_silent()
            case FaultKind.GOODBYE | FaultKind.RESTART:
                simulator.say_goodbye(restart=fault.kind is FaultKind.RESTART)
            case FaultKind.FORGET_SESSIONS:
                simulator.command(exchange.forget_sessions)
            case FaultKind.REFUSE_UPGRADES:
                exchange.refuse_upgrades(UNAVAILABLE, "out of order")
                await anyio.sleep(fault.lasts)
                exchange.refuse_upgrades(0)
            case FaultKind.DELAY:
                simulator.weather.delay(fault.by, fault.lasts)
            case _:
                assert_never(fault.kind)
