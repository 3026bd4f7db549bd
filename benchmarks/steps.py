"""Measure where the core's time for one event goes: ``python -m benchmarks.steps``.

Each step runs alone, with the result of the step before it. The rest of the whole time is
spent between the steps. The result is the best of many rounds, because other work on the
machine only makes a step slower.
"""

# ruff: noqa: SLF001 - it calls the private parts of the core
# pyright: reportPrivateUsage=false

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Final

from benchmarks.core_alone import NOW, Bench
from relay_proto.calls.recent import Recent
from relay_proto.rpc.events import event_of
from relay_proto.rpc.frames import EventFrame, decode_server_frame, encode_acknowledgement
from relay_proto.wire.websocket import TextReceived

EVENTS: Final = 1_600
TOGETHER: Final = 16
ROUNDS: Final = 60


class Steps:
    """The steps of `EVENTS` events, `TOGETHER` in a read, on a core with 100 calls."""

    def __init__(self) -> None:
        self.bench = Bench(100)
        self.core = self.bench.core
        self.session = self.core._session
        self.reads = self.bench.plays(EVENTS, 100, TOGETHER)
        wire = self.session._wire
        assert wire is not None, "there is a session"
        self.wire = wire
        self.texts = [
            event.data
            for data in self.reads
            for event in wire.receive(data)
            if isinstance(event, TextReceived)
        ]
        decoded = [decode_server_frame(text) for text in self.texts]
        self.frames = [frame for frame in decoded if isinstance(frame, EventFrame)]
        self.events = [event_of(frame) for frame in self.frames]
        self.acknowledgements = [encode_acknowledgement(frame.id) for frame in self.frames]
        self.numbers = itertools.count(1)
        self.seen: Recent[bytes] = Recent(self.core.config.limits.event_ids)

    def drain(self) -> None:
        while self.core.next_output() is not None:
            pass

    def whole(self) -> None:
        for data in self.reads:
            self.core.receive_data(self.bench.transport, data, NOW)
            self.drain()
            self.core.deadline()

    def fresh(self) -> None:
        """Make new events, outside the measured time."""
        self.reads = self.bench.plays(EVENTS, 100, TOGETHER)

    def split(self) -> None:
        for data in self.reads:
            self.wire.receive(data)

    def decode(self) -> None:
        for text in self.texts:
            decode_server_frame(text)

    def frame_acknowledgements(self) -> None:
        for text in self.acknowledgements:
            self.wire.send_text(text)

    def remember(self) -> None:
        for number in itertools.islice(self.numbers, EVENTS):
            self.seen.add(b"%d" % number)

    def make_events(self) -> None:
        for frame in self.frames:
            event_of(frame)

    def route(self) -> None:
        for event in self.events:
            self.core._route(event, NOW)
            self.core.next_output()


def seconds(step: Callable[[], None]) -> float:
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


def main() -> None:
    steps = Steps()
    taken: dict[str, tuple[Callable[[], None], list[float]]] = {
        "whole": (steps.whole, []),
        "split the bytes into messages (`Wire.receive`)": (steps.split, []),
        "decode the envelope and the event type (`decode_server_frame`)": (steps.decode, []),
        "frame the acknowledgement (`Wire.send_text`)": (steps.frame_acknowledgements, []),
        "check whether the id was seen before": (steps.remember, []),
        "make the typed event (`event_of`)": (steps.make_events, []),
        "find the call, queue the output and take it (`_route`, `next_output`)": (steps.route, []),
    }
    for _ in range(ROUNDS):
        steps.fresh()
        for step, times in taken.values():
            times.append(seconds(step))
    steps_us = {name: min(times) / EVENTS * 1e6 for name, (_, times) in taken.items()}
    whole = steps_us.pop("whole")
    steps_us["everything between these steps"] = whole - sum(steps_us.values())
    print("| step | µs | share |\n|---|---:|---:|")
    for name, figure in steps_us.items():
        print(f"| {name} | {figure:.2f} | {figure / whole:.0%} |")
    print(f"| one event of {TOGETHER} in a read | {whole:.2f} | |")


if __name__ == "__main__":
    main()
