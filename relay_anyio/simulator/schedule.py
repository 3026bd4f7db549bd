"""The schedule of a scenario: calls, texts and faults, from the first connection on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import assert_never

import anyio

from relay_proto.exchange import (
    Fault,
    Happened,
    PlacedCall,
    Scheduled,
    SentText,
    What,
    Who,
)

from .server import Simulator


class Schedule:
    """Do what is scheduled, and `tell` of each fault before it happens."""

    def __init__(self, entries: Iterable[Scheduled], tell: Callable[[Happened], None]) -> None:
        self._entries = tuple(entries)
        self._tell = tell
        self._begun = anyio.Event()
        self._turn = anyio.Lock()
        """Who calls or texts takes turns, so that others come in between, however many."""

    def begin(self) -> None:
        """Begin without waiting for a program."""
        self._begun.set()

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
        at = first_at
        for _ in itertools.count() if entry.times is None else range(entry.times):
            await anyio.sleep_until(at)
            await self._perform(simulator, entry.what)
            # After a freeze, one more follows at once, and not a burst of all that are late.
            at = max(at + entry.every, anyio.current_time())

    async def _perform(self, simulator: Simulator, what: PlacedCall | SentText | Fault) -> None:
        exchange = simulator.exchange
        match what:
            case PlacedCall(caller, to, context):
                async with self._turn:
                    simulator.command(exchange.place_call, caller, to=to, context=context)
            case SentText(text, context):
                async with self._turn:
                    simulator.command(exchange.receive_text, text, context=context)
            case Fault():
                self._tell(faulted(what))
                await simulator.fail(what)
            case _:
                assert_never(what)


def faulted(fault: Fault) -> Happened:
    """Return what the journal says of a fault."""
    details = {"fault": fault.kind.value}
    return Happened(anyio.current_time(), "", Who.EXCHANGE, What.FAULTED, details)
