"""Measure what observation costs: before it existed, off, and on.

python -m benchmarks.observing [--before TREE] [--off TREE] [--rounds N]

A TREE is a checkout of another commit, such as the one before `relay_otel`::

    git worktree add /tmp/before 8fc8733
    git worktree add /tmp/off 8d0be43
    python -m benchmarks.observing --before /tmp/before --off /tmp/off

Each has a process of its own, and they take turns in random order, some 50 ms each. A figure
is the median of the ratios of all rounds, so what else the machine does counts for both sides.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

CALLS: Final = 12
"""Calls of one rehearsal: each is answered, hears a prompt, and is hung up."""
EVENTS: Final = 4_000
HERE: Final = Path(__file__).resolve()


# The workers


def make_calls(*, observed: bool) -> Callable[[], float]:
    """Return a function that measures the CPU seconds of a call, the simulated network included."""
    from relay_anyio import Call, RelayClient
    from relay_anyio.testing import Caller, Stage, rehearse

    client = RelayClient(project="p-1", token="PT-secret", contexts=["office"])
    if observed:
        observe(client)

    @client.on_call
    async def greet(call: Call) -> None:
        await call.answer()
        await (await call.play_tts("Hello")).wait()
        await call.hangup()

    async def scene(stage: Stage) -> None:
        ids = [stage.call(Caller(f"+1555000{number:04}")) for number in range(CALLS)]
        for call_id in ids:
            await stage.over(call_id)

    def once() -> float:
        began = time.process_time()
        rehearse(client, scene)
        return (time.process_time() - began) / CALLS

    return once


def make_events(*, observed: bool) -> Callable[[], float]:
    """Return a function that measures the CPU seconds of an event, in the core alone."""
    from benchmarks.core_alone import NOW, Bench

    bench = Bench(100)
    core: Any = bench.core
    if observed:
        from relay_proto.observing.observed import ObservedCore

        core = ObservedCore(core, observer().observe(core), random.Random(1))

    def once() -> float:
        reads = bench.plays(EVENTS, 100, 1)
        began = time.process_time()
        for data in reads:
            core.receive_data(bench.transport, data, NOW)
            while core.next_output() is not None:
                pass
            core.deadline()
        return (time.process_time() - began) / EVENTS

    return once


def observer() -> Any:
    """What an application has: spans that are made and given to a processor, and metrics."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    from relay_otel._providers import OpenTelemetry

    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SpanProcessor())  # which exports nothing: that is not ours
    return OpenTelemetry(tracers, MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False))


def observe(client: Any) -> None:
    client.observer = observer()


MAKERS: Final = {"call": make_calls, "event": make_events}


def work(what: str, mode: str) -> None:
    """Measure once for each line of the input."""
    once = MAKERS[what](observed=mode == "on")
    once()
    gc.collect()
    gc.freeze()
    for _ in sys.stdin:
        print(once(), flush=True)
        gc.collect()


# Who lets them work


class Worker:
    """A process that measures with the code of one tree."""

    def __init__(self, what: str, mode: str, tree: Path) -> None:
        # -P: the folder of this file has modules of common names.
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(HERE), "--worker", what, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
        )

    def once(self) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def compare(what: str, trees: dict[str, Path], rounds: int) -> None:
    """Let all modes take turns, and print the ratios."""
    workers = {mode: Worker(what, mode, tree) for mode, tree in trees.items()}
    taken: dict[str, list[float]] = {mode: [] for mode in workers}
    order = [*workers]
    for _ in range(rounds):
        random.shuffle(order)
        for mode in order:
            taken[mode].append(workers[mode].once())
    for worker in workers.values():
        worker.close()
    for mode, times in taken.items():
        print(f"{what}, {mode}: {statistics.median(times) * 1e6:.1f} us of CPU")
    for above, below in (("off", "before"), ("on", "off")):
        if below in taken:
            ratios = [one / other for one, other in zip(taken[above], taken[below], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(f"{what}, {above} / {below}: {middle:.3f} (quartiles {low:.3f} to {high:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", nargs=2)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--off", type=Path, default=HERE.parents[1])
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    if given.worker is not None:
        work(*given.worker)
        return
    trees = {"off": given.off.resolve(), "on": given.off.resolve()}
    if given.before is not None:
        trees = {"before": given.before.resolve(), **trees}
    for what in MAKERS:
        compare(what, trees, given.rounds)


if __name__ == "__main__":
    main()
