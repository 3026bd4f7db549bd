"""The script that every async client runs, in a new process each time.

    python -m benchmarks.script MODULE BACKEND MODE HOST SIZE

MODULE has a `RelayClient`. The last printed line is the result, as JSON. Times are the
CPU time of this process (user and system), and wall clock time.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import resource
import statistics
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import anyio

from benchmarks.traffic import NODE, PLAY, call_id

Figures = dict[str, float]

PROMPT: Final[Any] = [{"type": "tts", "params": {"text": "Please hold the line."}}]
PATIENCE: Final = 60.0


@dataclass(frozen=True)
class Load:
    """How much to do of each. The defaults are enough for stable figures."""

    events: int = 20_000
    single: int = 3_000
    requests: int = 8_000
    sequential: int = 1_500
    crowd_seconds: float = 2.0
    crowd: int = 1_000
    many: int = 10_000
    kept: int = 1_000


QUICK: Final = Load(4_000, 600, 2_000, 300, 1.0, 300, 2_000, 300)


class Meter:
    """Measures the CPU and wall clock time of a block."""

    def __enter__(self) -> Self:
        gc.collect()
        self.cpu, self.wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *exc: object) -> None:
        self.cpu, self.wall = time.process_time() - self.cpu, time.perf_counter() - self.wall


class Counter:
    """Sets `done` when it was called the expected number of times."""

    def __init__(self) -> None:
        self.count = self.wanted = 0
        self.done = anyio.Event()

    def expect(self, count: int) -> None:
        self.count, self.wanted, self.done = 0, count, anyio.Event()

    def __call__(self, _event: object = None) -> None:
        self.count += 1
        if self.count == self.wanted:
            self.done.set()


class Script:
    def __init__(self, client: Any, load: Load) -> None:
        self.client = client
        self.load = load
        self.calls = 0
        self.offered = Counter()
        self.heard = Counter()
        self.observed: list[int] = []
        self.take: Callable[[Any], Awaitable[None]] = self.listen
        client.on_call(self.handle)

    async def handle(self, call: Any) -> None:
        await self.take(call)

    async def listen(self, call: Any) -> None:
        """Add one listener to the call: a plain function."""
        call.on(PLAY, self.observe if call.call_id == call_id(0) else self.heard)
        self.offered()

    def observe(self, event: Any) -> None:
        self.observed.append(time.monotonic_ns())
        self.heard(event)

    async def offer(self, calls: int) -> None:
        """Let the server offer calls, until there are `calls` of them."""
        self.offered.expect(calls - self.calls)
        params = {"first": self.calls, "count": calls - self.calls}
        self.calls = calls
        await self.client.execute("bench.offer", params)
        await self.offered.done.wait()

    async def stream(self, count: int, *, window: int = 256, chunk: int = 1) -> Meter:
        """Receive `count` events."""
        self.heard.expect(count)
        params = {"count": count, "calls": self.calls, "window": window, "chunk": chunk}
        with Meter() as meter:
            await self.client.execute("bench.stream", params)
            # The server replies when it has encoded all events. The clock starts now.
            meter.wall = time.perf_counter()
            await self.heard.done.wait()
        return meter

    async def request(self, count: int, in_flight: int) -> Meter:
        """Send requests with short replies, `in_flight` of them at a time."""
        params = {"node_id": NODE, "call_id": call_id(1), "volume": -4.0}

        async def work() -> None:
            for _ in range(count // in_flight):
                await self.client.execute("bench.request", params)

        with Meter() as meter:
            async with anyio.create_task_group() as tasks:
                for _ in range(in_flight):
                    tasks.start_soon(work)
        return meter

    async def crowd(self) -> Figures:
        """Measure how late the events of one call are while many other calls have events."""
        load = self.load
        seconds, rate, observed = load.crowd_seconds, 4_000, int(200 * load.crowd_seconds)
        self.observed.clear()
        self.heard.expect(int(seconds * rate) + observed)
        params = {"seconds": seconds, "rate": rate, "calls": self.calls, "observed": observed}
        await self.client.execute("bench.crowd", params)
        await self.heard.done.wait()
        # Call 0 is also one of the crowd, so not all of its events are observed ones.
        sent = (await self.client.execute("bench.sent", {}))["times"]
        late = [(at - when) / 1e6 for when, at in zip(sent, self.matched(sent), strict=True)]
        cuts = statistics.quantiles(late, n=100)
        return {"latency_p50_ms": cuts[49], "latency_p99_ms": cuts[98]}

    def matched(self, sent: list[int]) -> list[int]:
        """Return when each observed event was received. Events arrive in order."""
        heard, found, position = self.observed, list[int](), 0
        for when in sent:
            while heard[position] < when:
                position += 1
            found.append(heard[position])
            position += 1
        return found

    async def speed(self) -> Figures:
        load, figures = self.load, Figures()
        await self.offer(100)
        await self.stream(load.events // 4)
        events = await self.stream(load.events)
        figures["event_cpu_us"] = events.cpu / load.events * 1e6
        figures["events_per_s"] = load.events / events.wall
        joined = await self.stream(load.events, chunk=16)
        figures["joined_event_cpu_us"] = joined.cpu / load.events * 1e6
        single = await self.stream(load.single, window=1, chunk=1)
        figures["single_event_cpu_us"] = single.cpu / load.single * 1e6
        await self.request(load.requests // 4, 64)
        requests = await self.request(load.requests, 64)
        figures["request_cpu_us"] = requests.cpu / load.requests * 1e6
        figures["requests_per_s"] = load.requests / requests.wall
        sequential = await self.request(load.sequential, 1)
        figures["sequential_ms"] = sequential.wall / load.sequential * 1e3
        figures["sequential_cpu_us"] = sequential.cpu / load.sequential * 1e6
        await self.offer(load.crowd)
        figures |= await self.crowd()
        await self.offer(load.many)
        await self.stream(load.events // 4)
        many = await self.stream(load.events)
        figures["many_event_cpu_us"] = many.cpu / load.events * 1e6
        figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return figures

    async def memory(self) -> Figures:
        """Measure the bytes that one more call takes: an idle one, and a busy one."""
        load = self.load
        await self.offer(100)
        await self.stream(3_000)  # to fill bounded tables and caches
        before = await self.traced()
        self.take = self.keep_nothing
        await self.offer(100 + load.kept)
        between = await self.traced()
        figures = {"idle_call_bytes": (between - before) / load.kept}
        if hasattr(self.client, "dial"):  # the floor has no verbs
            self.take = self.keep_busy
            await self.offer(100 + 2 * load.kept)
            figures["busy_call_bytes"] = (await self.traced() - between) / load.kept
        return figures

    async def keep_nothing(self, call: Any) -> None:
        self.offered()

    async def keep_busy(self, call: Any) -> None:
        """A listener, a playback, and a task that waits for the end of the call."""
        call.on(PLAY, self.heard)
        await call.play(PROMPT)
        self.offered()
        await call.wait_for_ended()

    async def traced(self) -> int:
        await anyio.sleep(0.2)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]


async def run(module: str, mode: str, host: str, load: Load) -> Figures:
    client = importlib.import_module(module).RelayClient(
        project="bench", token="bench", host=host, contexts=["bench"], max_active_calls=20_000
    )
    script = Script(client, load)
    with anyio.fail_after(PATIENCE):
        await client.connect()
        figures = await (script.memory() if mode == "memory" else script.speed())
    with anyio.move_on_after(2):
        await client.disconnect()
    return figures


def main(module: str, backend: str, mode: str, host: str, size: str) -> None:
    load = QUICK if size == "quick" else Load()
    if mode == "memory":
        tracemalloc.start()
    function = functools.partial(run, module, mode, host, load)
    if backend == "uvloop":
        result = anyio.run(function, backend_options={"use_uvloop": True})
    else:
        result = anyio.run(function, backend=backend)
    print(json.dumps(result), flush=True)
    os._exit(0)  # do not wait for the thousands of handlers that still run


if __name__ == "__main__":
    main(*sys.argv[1:])
