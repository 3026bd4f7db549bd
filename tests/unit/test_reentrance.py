"""Garbage may be collected at any line, and its `__del__` may enter what is under way again."""

from __future__ import annotations

import inspect
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
from relay_proto.adapter.turns import Turns
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


def test_what_garbage_adds_in_any_moment_waits_for_no_other_turn() -> None:
    def add_at(moment: int) -> tuple[list[str], int]:
        """Add an item, and another in that moment. Return what has begun, and the moments."""
        begun: list[str] = []
        left = moment

        def begin(item: str) -> bool:
            begun.append(item)
            return True

        def trace(frame: FrameType, event: str, _argument: Any) -> Any:
            nonlocal left
            frame.f_trace_opcodes = True
            left -= event == "opcode"
            if not left:
                assert turns.add("of the garbage", 1)  # in here, nothing is traced
                left -= 1
            return trace

        turns = Turns(2, Bound(10, 1000), begin)
        tracing = sys.gettrace()
        frame = inspect.currentframe()
        assert frame is not None
        frame.f_trace_opcodes = True  # Python 3.12 looks for such a frame before it traces steps
        sys.settrace(trace)
        try:
            assert turns.add("first", 1)
        finally:
            sys.settrace(tracing)
        return begun, moment - left

    moments = add_at(-1)[1]
    assert moments > 100
    for moment in range(1, moments):
        begun, _ = add_at(moment)
        assert sorted(begun) == ["first", "of the garbage"], moment


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
