"""The hand-over alone: 32 threads that each ask one I/O thread, and wait for its answer.

    python -m benchmarks.hand_over MODE HOST SIZE

There is no network, no protocol and no work, only the two ways that each request of a blocking
client has to go: to the thread that owns the connection, and back. It goes them as `relay_sync`
does, by a queue for the orders, a bell for a thread that sleeps, and a queue of its own for each
answer. So it is the floor for requests from threads. The last printed line is the result, as JSON.
"""

from __future__ import annotations

import json
import queue
import selectors
import socket
import sys
import threading
from collections import deque
from typing import Final

from benchmarks.script import QUICK, Figures, Load, Meter
from benchmarks.threads import THREADS

LONGEST_SLEEP: Final = 1.0


class IOThread:
    """Answers whatever is posted, at once, and sleeps in a selector in between."""

    def __init__(self) -> None:
        self._posted: deque[queue.SimpleQueue[None]] = deque()
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._sleeping = False
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self) -> None:
        answer: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._posted.append(answer)
        if self._sleeping:
            self._bell.send(b"\0")
        answer.get()  # as `relay_sync` waits; with a timeout, Python looks at the clock

    def _run(self) -> None:
        while True:  # until the process ends: this is a daemon thread
            self._sleeping = True
            ready = self._selector.select(0 if self._posted else LONGEST_SLEEP)
            self._sleeping = False
            if ready:
                self._ear.recv(4096)
            for _ in range(len(self._posted)):
                self._posted.popleft().put(None)


def speed(load: Load) -> Figures:
    thread = IOThread()
    each = load.requests // THREADS

    def work() -> None:
        for _ in range(each):
            thread.ask()

    workers = [threading.Thread(target=work) for _ in range(THREADS)]
    with Meter() as meter:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    count = each * THREADS
    return {"request_cpu_us": meter.cpu / count * 1e6, "requests_per_s": count / meter.wall}


def main(mode: str, _host: str, size: str) -> None:
    figures = speed(QUICK if size == "quick" else Load()) if mode == "speed" else {}
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
