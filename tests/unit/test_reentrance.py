"""Garbage may be collected at any line, and its `__del__` may enter what is under way again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from relay_proto.adapter.backlog import Bound
from relay_proto.adapter.errands import Errands
from relay_proto.adapter.slots import Slots
from relay_sync._threads import Strand, Threads

PATIENCE = 30.0


class Connection:
    alive = True


def errand() -> Callable[[], object]:
    errands = Errands(1_000)
    return lambda: errands.run(int, lambda _outcome: None, "errand")


def slot() -> Callable[[], object]:
    slots = Slots()

    def take_one() -> None:
        connection = Connection()
        slots.take(connection, {}, 1_000)
        slots.give_back(connection)

    return take_one


@pytest.mark.parametrize("make", [errand, slot])
def test_whatever_garbage_does_nobody_waits_for_ever(
    make: Callable[[], Callable[[], object]],
) -> None:
    act = make()
    failures: list[BaseException] = []

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            act()  # in here, nothing is traced
        return trace

    def run() -> None:
        sys.settrace(trace)
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - it is shown below
            failures.append(error)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert failures == []


def test_what_the_line_about_a_missing_thread_posts_has_a_thread_or_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[str] = []
    start = threading.Thread.start
    refused: list[str] = []

    def refuse_first(self: threading.Thread) -> None:
        if not refused:
            refused.append(self.name)
            raise RuntimeError("can't start new thread")
        start(self)

    def failed(_name: str, _error: BaseException) -> None:
        assert strand.post(lambda: ran.append("posted by the line"))

    bound = Bound(10, 1000)
    threads = Threads("listener", 1, bound, failed)
    strand = Strand(threads, bound)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_first)
        assert not strand.post(lambda: ran.append("first"))
        assert strand.post(lambda: ran.append("last"))
    threads.close()
    assert threads.join(time.monotonic() + 20) == []
    assert ran == ["posted by the line", "last"]
