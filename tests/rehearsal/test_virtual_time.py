"""The asyncio event loop in virtual time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio
import pytest

from relay_anyio.testing import Backend, DeadlockError, VirtualLoop, run_in_virtual_time

T = TypeVar("T")


class Impatient(VirtualLoop):
    patience = 0.01


def run(task: Coroutine[Any, Any, T], loop: type[VirtualLoop] = VirtualLoop) -> T:
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(task)


def test_a_day_passes_at_once(backend: Backend) -> None:
    async def sleep() -> float:
        began = anyio.current_time()
        await anyio.sleep(86_400.0)
        return anyio.current_time() - began

    assert run_in_virtual_time(sleep, backend) == pytest.approx(86_400.0)


def test_timers_go_off_in_order() -> None:
    async def race() -> list[float]:
        done: list[float] = []

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds)
            done.append(seconds)

        await asyncio.gather(*map(sleep, (3.0, 0.1, 2.0, 1e6, 0.0)))
        return done

    assert run(race()) == [0.0, 0.1, 2.0, 3.0, 1e6]


def test_a_deadlock_is_an_error() -> None:
    async def wait() -> None:
        other = asyncio.create_task(asyncio.Event().wait(), name="the other one")
        await asyncio.Event().wait()
        await other

    with pytest.raises(DeadlockError, match="the other one") as caught:
        run(wait(), Impatient)
    assert len(caught.value.tasks) == 2


def test_a_thread_is_waited_for() -> None:
    async def ask() -> str:
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    assert run(ask()).startswith("asyncio")
