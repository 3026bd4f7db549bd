"""Scenarios of ``relay sim`` in virtual time: when things happen, and how late bytes are."""

from __future__ import annotations

from random import Random

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream
from anyio.streams.stapled import StapledByteStream

from relay_anyio.simulator import Simulator
from relay_anyio.simulator.schedule import Schedule
from relay_anyio.simulator.weather import Weather, WeatheredStream
from relay_anyio.testing import Backend, run_in_virtual_time
from relay_proto.exchange import (
    Account,
    Caller,
    Exchange,
    ExchangeConfig,
    Fault,
    FaultKind,
    Happened,
    PlacedCall,
    Scheduled,
    SentText,
    TextMessage,
    What,
    Who,
)

CALL = PlacedCall(Caller("+1"), "+2")
TEXT = SentText(TextMessage("+1", "+2", "Hi"))
ENTRIES = (
    Scheduled(what=CALL, at=5.0),
    Scheduled(what=TEXT, at=1.0, every=2.0, times=3),
    Scheduled(what=Fault(FaultKind.CUT), at=2.0, every=10.0, times=None),
    Scheduled(what=Fault(FaultKind.REFUSE_UPGRADES, lasts=4.0), at=0.0, every=3.0, times=2),
)


def test_everything_happens_at_its_time_from_the_first_connection_on(backend: Backend) -> None:
    happened: list[tuple[float, What]] = []

    async def scenario() -> None:
        began_at = anyio.current_time() + 100.0

        def tell(one: Happened) -> None:
            if one.what in (What.CALLED, What.SENT_TEXT, What.FAULTED):
                happened.append((round(one.at - began_at, 3), one.what))

        exchange = Exchange(ExchangeConfig(accounts=(Account(project="p"),)), Random(1))
        schedule = Schedule(ENTRIES, tell)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(schedule.run, Simulator(exchange, None, tell))
            await anyio.sleep(100.0)
            for _ in range(2):
                now = anyio.current_time()
                schedule.observe(
                    Happened(now, "", Who.PROGRAM, What.SESSION_STARTED, {"session": "s"})
                )
                await anyio.sleep(10.0)
            tasks.cancel_scope.cancel()

    run_in_virtual_time(scenario, backend)
    faults = [at for at, what in happened if what is What.FAULTED]
    assert [at for at, what in happened if what is What.CALLED] == [5.0]
    assert [at for at, what in happened if what is What.SENT_TEXT] == [1.0, 3.0, 5.0]
    assert sorted(faults) == [0.0, 2.0, 4.0, 12.0]  # the second refusal waits for the first one


class Memory(ByteReceiveStream, ByteSendStream):
    """The other side of a byte stream: it has sent `waiting`, and keeps what comes."""

    def __init__(self, *waiting: bytes) -> None:
        self.waiting = list(waiting)
        self.received: list[bytes] = []
        self.closed = 0

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self.waiting:
            raise anyio.EndOfStream
        return self.waiting.pop(0)[:max_bytes]

    async def send(self, item: bytes) -> None:
        self.received.append(item)

    async def aclose(self) -> None:
        self.closed += 1


def test_bytes_are_late_for_a_while_and_lost_in_silence(backend: Backend) -> None:
    async def scenario() -> None:
        memory = Memory(b"one", b"two", b"three")
        weather = Weather()
        stream = WeatheredStream(StapledByteStream(memory, memory), weather)
        weather.delay(by=2.0, lasts=5.0)
        began_at = anyio.current_time()
        times: list[float] = []
        assert await stream.receive() == b"one"
        times.append(anyio.current_time() - began_at)
        for _ in range(3):
            await stream.send(b"out")
            times.append(anyio.current_time() - began_at)
        assert times == [2.0, 4.0, 6.0, 6.0]
        stream.silent = True
        await stream.send(b"lost")
        try:
            await stream.receive()
        except anyio.EndOfStream:
            pass
        else:
            raise AssertionError("two and three arrived in spite of the silence")
        assert memory.received == [b"out"] * 3
        assert stream.extra_attributes == {}
        await stream.send_eof()
        await stream.aclose()
        assert memory.closed > 1

    run_in_virtual_time(scenario, backend)
