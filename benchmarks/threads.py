"""The script for `relay_sync`: the same load as in `benchmarks.script`, from threads.

    python -m benchmarks.threads MODE HOST SIZE

The last printed line is the result, as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Final

from benchmarks.script import PROMPT, QUICK, Figures, Load, Meter
from benchmarks.traffic import NODE, PLAY, call_id
from relay_sync import Call, RelayClient

THREADS: Final = 32
PATIENCE: Final = 60.0


class Counter:
    """Sets `done` when many threads have called it the expected number of times."""

    def __init__(self) -> None:
        self.count = self.wanted = 0
        self.done = threading.Event()
        self.lock = threading.Lock()

    def expect(self, count: int) -> None:
        self.count, self.wanted, self.done = 0, count, threading.Event()

    def __call__(self, _event: object = None) -> None:
        with self.lock:
            self.count += 1
            if self.count == self.wanted:
                self.done.set()

    def wait(self) -> None:
        if not self.done.wait(PATIENCE):
            raise TimeoutError(f"{self.count} of {self.wanted}")


class Script:
    def __init__(self, client: RelayClient, load: Load) -> None:
        self.client = client
        self.load = load
        self.calls = 0
        self.offered = Counter()
        self.heard = Counter()
        self.take: Callable[[Call], None] = self.listen
        client.on_call(self.handle)

    def handle(self, call: Call) -> None:
        self.take(call)

    def listen(self, call: Call) -> None:
        call.on(PLAY, self.heard)
        self.offered()

    def keep_nothing(self, call: Call) -> None:
        self.offered()

    def keep_busy(self, call: Call) -> None:
        """Add a listener and a playback. A waiting thread would not measure the call."""
        call.on(PLAY, self.heard)
        call.play(PROMPT)
        self.offered()

    def offer(self, calls: int) -> None:
        self.offered.expect(calls - self.calls)
        params = {"first": self.calls, "count": calls - self.calls}
        self.calls = calls
        self.client.execute("bench.offer", params)
        self.offered.wait()

    def stream(self, count: int, *, window: int = 256, chunk: int = 1) -> Meter:
        self.heard.expect(count)
        params = {"count": count, "calls": self.calls, "window": window, "chunk": chunk}
        with Meter() as meter:
            self.client.execute("bench.stream", params)
            meter.wall = time.perf_counter()
            self.heard.wait()
        return meter

    def request(self, count: int, in_flight: int) -> Meter:
        params = {"node_id": NODE, "call_id": call_id(1), "volume": -4.0}
        finished: list[threading.Thread] = []

        def work() -> None:
            for _ in range(count // in_flight):
                self.client.execute("bench.request", params)
            finished.append(threading.current_thread())

        threads = [threading.Thread(target=work, daemon=True) for _ in range(in_flight)]
        with Meter() as meter:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
        if len(finished) < in_flight:  # a thread that failed has printed its traceback
            raise RuntimeError(f"{in_flight - len(finished)} of {in_flight} threads did not finish")
        return meter

    def speed(self) -> Figures:
        load, figures = self.load, Figures()
        self.offer(100)
        self.stream(load.events // 4)
        events = self.stream(load.events)
        figures["event_cpu_us"] = events.cpu / load.events * 1e6
        figures["events_per_s"] = load.events / events.wall
        joined = self.stream(load.events, chunk=16)
        figures["joined_event_cpu_us"] = joined.cpu / load.events * 1e6
        single = self.stream(load.single, window=1, chunk=1)
        figures["single_event_cpu_us"] = single.cpu / load.single * 1e6
        self.request(load.requests // 4, THREADS)
        requests = self.request(load.requests, THREADS)
        figures["request_cpu_us"] = requests.cpu / load.requests * 1e6
        figures["requests_per_s"] = load.requests / requests.wall
        sequential = self.request(load.sequential, 1)
        figures["sequential_ms"] = sequential.wall / load.sequential * 1e3
        figures["sequential_cpu_us"] = sequential.cpu / load.sequential * 1e6
        self.offer(load.many)
        self.stream(load.events // 4)
        many = self.stream(load.events)
        figures["many_event_cpu_us"] = many.cpu / load.events * 1e6
        figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return figures

    def memory(self) -> Figures:
        kept = self.load.kept
        self.offer(100)
        self.stream(3_000)
        before = self.traced()
        self.take = self.keep_nothing
        self.offer(100 + kept)
        between = self.traced()
        self.take = self.keep_busy
        self.offer(100 + 2 * kept)
        after = self.traced()
        return {
            "idle_call_bytes": (between - before) / kept,
            "busy_call_bytes": (after - between) / kept,
        }

    @staticmethod
    def traced() -> int:
        time.sleep(0.2)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]


def main(mode: str, host: str, size: str) -> None:
    if mode == "memory":
        tracemalloc.start()
    client = RelayClient(
        project="bench", token="bench", host=host, contexts=["bench"], max_active_calls=20_000
    )
    script = Script(client, QUICK if size == "quick" else Load())
    client.connect()
    figures = script.memory() if mode == "memory" else script.speed()
    print(json.dumps(figures), flush=True)
    os._exit(0)  # do not wait for the threads that still run


if __name__ == "__main__":
    main(*sys.argv[1:])
