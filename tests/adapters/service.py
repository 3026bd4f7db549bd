"""The service of a test, for programs that block: their threads, and what they share."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import anyio.from_thread
import anyio.to_thread

from relay_proto.exchange import Happened, What
from relay_sync import RelayClient
from tests.adapters.support import PATIENCE, PROJECT, QUICK, TOKEN, World

T = TypeVar("T")


class Service:
    """The service of a test, for the threads of a program."""

    def __init__(self, world: World) -> None:
        self.world = world

    def client(self, **arguments: Any) -> RelayClient:
        given: dict[str, Any] = {"project": PROJECT, "token": TOKEN, "host": self.world.host}
        given |= {"contexts": ["office"], "timing": QUICK}
        return RelayClient(**(given | arguments))

    def place_call(self, *script: Any) -> str:
        return anyio.from_thread.run_sync(partial(self.world.place_call, *script))

    def until(self, what: What, *, times: int = 1, **details: str) -> Happened:
        return anyio.from_thread.run(partial(self.world.until, what, times=times, **details))

    def do(self, function: Callable[[], T]) -> T:
        return anyio.from_thread.run_sync(function)


async def in_a_program(world: World, body: Callable[[Service], None]) -> None:
    """Run `body` as a program would run: in a thread, which may block."""
    await anyio.to_thread.run_sync(body, Service(world), abandon_on_cancel=True)


def take(inbox: queue.Queue[T]) -> T:
    return inbox.get(timeout=PATIENCE)


_before: set[threading.Thread] = set()


def remember_threads() -> None:
    """Other tests may have left clients behind that nobody disconnected."""
    _before.clear()
    _before.update(threading.enumerate())


def threads_of_clients() -> list[str]:
    """The threads that clients of this test have."""
    started = [one for one in threading.enumerate() if one not in _before]
    return [one.name for one in started if one.name.startswith("relay_sync")]
