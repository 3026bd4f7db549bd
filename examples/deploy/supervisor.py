"""A supervisor of your own: worker processes that are watched, and replaced one after the other.

`relay run` does this, and more. Begin with this one if your processes have other work as well.
Needs: SIGNALWIRE_PROJECT_ID, SIGNALWIRE_API_TOKEN and SIGNALWIRE_SPACE, the host of your space; and
a module with a client, such as ivr.py.
Run: python deploy/supervisor.py ivr:client 4
     SIGTERM lets the calls finish and ends all workers; SIGHUP replaces them.
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import importlib
import logging
import multiprocessing
import queue
import signal
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from types import FrameType

START_TIMEOUT = 60.0
MOST_DELAY = 30.0
STABLE = 60.0
"""Seconds after which a worker counts as one that works."""
LOOK = 0.2

log = logging.getLogger("supervisor")
processes = multiprocessing.get_context("spawn")  # a fresh interpreter: nothing is inherited


def work(target: str, ready: Event) -> None:
    """Run one client in this process. SIGTERM lets its calls finish, and ends it."""
    name, _, attribute = target.partition(":")
    client = getattr(importlib.import_module(name), attribute)

    def tell(_connected: object) -> None:
        ready.set()

    client.on_connected(tell)
    client.run()


class Worker:
    """One process. It is ready when its client has a session."""

    def __init__(self, target: str) -> None:
        self.ready = processes.Event()
        self.process = processes.Process(target=work, args=(target, self.ready))
        self.process.start()
        self.started_at = time.monotonic()

    @property
    def age(self) -> float:
        return time.monotonic() - self.started_at


class Supervisor:
    def __init__(self, target: str, count: int) -> None:
        self.signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.stopping = False
        self.target = target
        self.count = count
        self.delay = 0.5
        self.start_again_at: list[float] = []
        self.workers: list[Worker] = []

    def take_signal(self, number: int, _frame: FrameType | None) -> None:
        self.stopping = self.stopping or number != signal.SIGHUP
        self.signals.put(number)

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.take_signal)
        self.workers = [Worker(self.target) for _ in range(self.count)]
        while not self.stopping:
            self.watch()
            try:
                self.signals.get(timeout=LOOK)
            except queue.Empty:
                continue
            if not self.stopping:
                self.replace_all()
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join()

    def watch(self) -> None:
        """Start workers again that have crashed, after a delay that grows."""
        for worker in [one for one in self.workers if not one.process.is_alive()]:
            self.workers.remove(worker)
            self.delay = 1.0 if worker.age > STABLE else min(2 * self.delay, MOST_DELAY)
            code = worker.process.exitcode
            log.warning("a worker has ended (%s): another starts in %g s", code, self.delay)
            self.start_again_at.append(time.monotonic() + self.delay)
        for due in [at for at in self.start_again_at if at <= time.monotonic()]:
            self.start_again_at.remove(due)
            self.workers.append(Worker(self.target))

    def replace_all(self) -> None:
        """When a new worker is ready, an old one takes no more calls, and ends with its last."""
        for old in list(self.workers):
            new = Worker(self.target)
            self.workers.append(new)
            while not self.stopping and not new.ready.wait(LOOK):
                if not new.process.is_alive() or new.age > START_TIMEOUT:
                    log.error("the new worker does not get ready: the old ones stay")
                    new.process.kill()
                    self.workers.remove(new)
                    return
            if self.stopping:
                return
            self.workers.remove(old)
            old.process.terminate()
            while old.process.is_alive():
                old.process.join(LOOK)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.path.insert(0, str(Path.cwd()))
    Supervisor(sys.argv[1], int(sys.argv[2])).run()
