"""The process of a Celery worker: its client, its pace, and the task that calls one person.

Run: celery -A campaign.worker worker --pool threads --concurrency 50

A client belongs to the process that started it: with the pool ``prefork`` each child has one,
with the pool ``threads`` there is one for all its threads.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown, worker_shutdown

from relay_pace import SharedPace
from relay_sync import RelayClient

from .calling import reach
from .database import Database
from .settings import Settings

SETTINGS = Settings()
app = Celery("campaign", broker=SETTINGS.redis)
app.conf.update(
    task_ignore_result=True,  # results are in the database
    task_acks_late=True,  # what a killed worker had comes back; the database knows what it means
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,  # nobody waits in a worker while another one is idle
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 3600},
)


class Caller:
    """What one process has: a client, the database, and the attempts that are under way."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.database = Database(SETTINGS)
        pace = SharedPace(
            SETTINGS.redis,
            dials_per_second=SETTINGS.dials_per_second,
            dials_at_once=SETTINGS.dials_at_once,
            name="campaign",
        )
        self.client = RelayClient(shared_pace=pace)
        self._under_way: set[int] = set()
        self._stopped = threading.Event()
        self._heart = threading.Thread(target=self._renew, name="campaign leases", daemon=True)

    def start(self) -> None:
        """Connect, and begin to say that this process is there."""
        self._heart.start()
        self.client.connect(retry=True, timeout=300)

    def stop(self) -> None:
        """Disconnect. Celery has let all tasks finish."""
        self.client.disconnect()
        self._stopped.set()
        self._heart.join()
        self.database.close()

    def call(self, person_id: int) -> None:
        """Call a person, if nobody else does, and it is the time to."""
        claim = self.database.claim(person_id, self.name)
        if claim is None:
            return
        self._under_way.add(claim.attempt)
        try:
            reach(self.client, self.database, claim)
        finally:  # what has not been written down by now, the conductor finds by its lease
            self._under_way.discard(claim.attempt)

    def _renew(self) -> None:
        while not self._stopped.wait(SETTINGS.lease / 4):
            if attempts := tuple(self._under_way):
                self.database.renew(attempts)


_caller: Caller | None = None
_lock = threading.Lock()


def caller() -> Caller:
    """Return what this process has; the first one who asks starts it."""
    global _caller  # noqa: PLW0603 - it belongs to the process
    with _lock:
        if _caller is None:
            starting = Caller()
            starting.start()
            _caller = starting
        return _caller


@worker_process_init.connect
def start(**_: Any) -> None:
    """Begin, in each child of the pool ``prefork``."""
    caller()


@worker_process_shutdown.connect
@worker_shutdown.connect
def stop(**_: Any) -> None:
    """End in order, in a child or in the worker itself."""
    if _caller is not None:
        _caller.stop()


@app.task(name="campaign.call")
def call(person_id: int) -> None:
    """Call one person. It does no harm to ask for the same person twice."""
    caller().call(person_id)
