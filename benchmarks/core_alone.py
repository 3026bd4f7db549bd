"""Measure the core alone, without sockets and tasks: bytes in, bytes and events out.

python -m benchmarks.core_alone quick|full
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks import traffic
from relay_proto import ClientCore, resolve_config
from relay_proto.api import commands
from relay_proto.outputs import OpenTransport, Output, SendData
from relay_proto.pending import Pending
from relay_proto.wire.websocket import Role, TextReceived, UpgradeRequested, Wire

NOW: Final = 1.0
PARAMS: Final = {"node_id": traffic.NODE, "call_id": traffic.call_id(1), "volume": -4.0}


class Bench:
    """A client's core with a session and some calls."""

    def __init__(self, calls: int) -> None:
        config = resolve_config(
            {}, project="p", token="t", host="h", contexts=["bench"], max_active_calls=20_000
        )
        self.core = ClientCore(config, random.Random(1))
        self.core.accepting_calls = True
        self.server = Wire(Role.SERVER)
        self.number = 0
        self.core.start(NOW)
        self.transport = next(
            output.transport for output in self.drain() if isinstance(output, OpenTransport)
        )
        self.core.transport_opened(self.transport, NOW)
        self.exchange()  # the upgrade
        self.exchange()  # signalwire.connect
        for call in range(calls):
            self.number += 1
            self.core.receive_data(self.transport, traffic.offer(self.number, call), NOW)
            self.drain()

    def drain(self) -> list[Output]:
        outputs: list[Output] = []
        while (output := self.core.next_output()) is not None:
            outputs.append(output)
        return outputs

    def receive(self, data: bytes) -> None:
        """Take bytes as an adapter does: read, perform, and look at the deadline."""
        self.core.receive_data(self.transport, data, NOW)
        self.drain()
        self.core.deadline()

    def exchange(self) -> None:
        """Let the server answer what the core sends."""
        for output in self.drain():
            if isinstance(output, SendData):
                for event in self.server.receive(output.data):
                    answer = b""
                    if isinstance(event, UpgradeRequested):
                        answer = self.server.accept()
                    elif isinstance(event, TextReceived):
                        answer = traffic.reply(self.id_in(event.data), {"protocol": "p"})
                    self.core.receive_data(self.transport, answer, NOW)

    @staticmethod
    def id_in(message: bytes) -> bytes:
        return str(json.loads(message)["id"]).encode()

    def plays(self, count: int, calls: int, together: int) -> list[bytes]:
        first = self.number + 1
        self.number += count
        frames = traffic.plays(first, count, calls)
        return [b"".join(frames[n : n + together]) for n in range(0, count, together)]


def events(calls: int, count: int, together: int) -> Callable[[], float]:
    """Return a function that measures the seconds to decode, acknowledge and report an event."""
    bench = Bench(calls)
    core, transport = bench.core, bench.transport

    def once() -> float:
        reads = bench.plays(count, calls, together)
        begin = time.process_time()
        for data in reads:
            core.receive_data(transport, data, NOW)
            while core.next_output() is not None:
                pass
            core.deadline()
        return (time.process_time() - begin) / count

    return once


def requests(count: int) -> Callable[[], float]:
    """Return a function that measures the seconds for a command and its reply."""
    bench = Bench(1)
    core, server, transport = bench.core, bench.server, bench.transport

    def once() -> float:
        total = 0.0
        for _ in range(count):
            begin = time.process_time()
            pending = core.execute(commands.execute("bench.request", PARAMS), NOW)
            output = core.next_output()
            total += time.process_time() - begin
            assert isinstance(output, SendData)
            (event,) = server.receive(output.data)
            assert isinstance(event, TextReceived)
            reply = traffic.reply(bench.id_in(event.data), {"code": "200"})
            begin = time.process_time()
            core.receive_data(transport, reply, NOW)
            while core.next_output() is not None:
                pass
            core.deadline()
            total += time.process_time() - begin
            assert pending.settled
        return total / count

    return once


def requests_together(count: int, together: int) -> Callable[[], float]:
    """Return a function that measures the same if the server answers `together` at a time.

    The clock does not run while it does, so fewer of its stops are part of the figure.
    """
    bench = Bench(1)
    core, server = bench.core, bench.server

    def answer(outputs: list[Output]) -> list[bytes]:
        frames = b"".join(output.data for output in outputs if isinstance(output, SendData))
        texts = [event.data for event in server.receive(frames) if isinstance(event, TextReceived)]
        return [traffic.reply(bench.id_in(text), {"code": "200"}) for text in texts]

    def once() -> float:
        total = 0.0
        for _ in range(count // together):
            outputs: list[Output] = []
            pending: Pending[Any] = Pending()
            begin = time.process_time()
            for _ in range(together):
                pending = core.execute(commands.execute("bench.request", PARAMS), NOW)
                outputs += bench.drain()
                core.deadline()
            total += time.process_time() - begin
            replies = answer(outputs)
            assert len(replies) == together
            begin = time.process_time()
            for reply in replies:
                bench.receive(reply)
            total += time.process_time() - begin
            assert pending.settled
        return total / (count // together * together)

    return once


def measure(size: str) -> dict[str, float]:
    """Measure each several times, in turns, so that a disturbance affects all of them."""
    quick = size == "quick"
    count, many, rounds = (2_000, 2_000, 5) if quick else (10_000, 10_000, 9)
    subjects = {
        "core_event_us": events(100, count, 1),
        "core_event_in_16_us": events(100, count, 16),
        "core_event_many_us": events(many, count, 1),
        "core_request_us": requests(count // 4),
        "core_request_of_64_us": requests_together(count // 4, 64),
    }
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, once in subjects.items():
            gc.collect()
            taken[name].append(once() * 1e6)
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
