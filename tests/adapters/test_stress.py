"""Much at once through one blocking client, and nothing left of it afterwards."""

from __future__ import annotations

import gc
import queue
import threading
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from relay_proto.api.shapes import Collect, Media
from relay_proto.exchange import Hear, Press
from relay_sync import Call, CollectEvent, RelayClient
from tests.adapters.support import (
    OFFICE,
    PATIENCE,
    PROJECT,
    QUICK,
    TOKEN,
    World,
    engine_of,
)

pytestmark = pytest.mark.anyio

CALLS: Final = 200
THREADS: Final = 32
MENU: Final[list[Media]] = [{"type": "tts", "params": {"text": "Press a digit"}}]
ONE_DIGIT: Final[Collect] = {"digits": {"max": 1}, "initial_timeout": 60.0}
A_FEW_BYTES: Final = 256 * 1024
"""What may remain of a round, such as ids of ended calls. 200 calls take three times as much."""


@pytest.fixture
def runtime() -> str:
    return "threads"


class Round:
    """Two hundred callers press a digit, all at once; then threads hang up on all of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.digits: Counter[str] = Counter()
        self.most_threads = 0
        self._collected: queue.Queue[Call] = queue.Queue()

    def run(self) -> None:
        client = RelayClient(
            PROJECT, TOKEN, host=self.world.host, contexts=["office"], timing=QUICK
        )
        client.on_call(self._take)
        with client:
            for _ in range(CALLS):
                anyio.from_thread.run_sync(
                    partial(self.world.place_call, Hear("digit"), Press("7"), to=OFFICE)
                )
            calls = [self._collected.get(timeout=PATIENCE) for _ in range(CALLS)]
            self.most_threads = threading.active_count()
            assert engine_of(client).core.active_calls == CALLS
            with ThreadPoolExecutor(THREADS) as pool:
                for done in [pool.submit(self._finish, call) for call in calls]:
                    done.result(PATIENCE)
            assert engine_of(client).core.active_calls == 0
            assert {call.state for call in calls} == {"ended"}

    def _take(self, call: Call) -> None:
        call.answer()
        event = call.play_and_collect(MENU, ONE_DIGIT).wait(PATIENCE)
        assert isinstance(event, CollectEvent)
        self.digits[event.digits] += 1
        self._collected.put(call)
        call.wait_for_ended(PATIENCE)

    def _finish(self, call: Call) -> None:
        call.user_event(event="done")
        call.play([{"type": "silence", "params": {"duration": 0.01}}]).wait(PATIENCE)
        call.hangup()
        call.wait_for_ended(PATIENCE)


def memory_of_the_client() -> int:
    gc.collect()
    snapshot = tracemalloc.take_snapshot()
    ours = [tracemalloc.Filter(inclusive=True, filename_pattern="*/relay_sync/*")]
    core = [
        tracemalloc.Filter(inclusive=True, filename_pattern=f"*/relay_proto/{name}.py")
        for name in ("client", "calls/*", "dispatch", "link/*", "pending", "core", "timers")
    ]
    return sum(trace.size for trace in snapshot.filter_traces(ours + core).traces)


async def test_two_hundred_calls_and_thirty_two_threads_leave_nothing_behind(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def body() -> None:
        Round(world).run()  # the first fills caches
        before = memory_of_the_client(), threading.active_count()
        measured = Round(world)
        measured.run()
        after = memory_of_the_client(), threading.active_count()
        assert measured.digits == {"7": CALLS}
        assert measured.most_threads > CALLS
        assert after[1] <= before[1]  # those of earlier tests may have ended meanwhile
        assert after[0] - before[0] < A_FEW_BYTES
        with capsys.disabled():
            print(
                f"\n{CALLS} calls at once, {THREADS} threads: all complete; threads {before[1]} → "
                f"{measured.most_threads} → {after[1]}; bytes {before[0]} → {after[0]}"
            )

    tracemalloc.start()
    try:
        await anyio.to_thread.run_sync(body, abandon_on_cancel=True)
    finally:
        tracemalloc.stop()
