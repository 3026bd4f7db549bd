"""Garbage may be collected at any line, and its `__del__` may enter what is under way again."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from relay_proto.adapter.errands import Errands
from relay_proto.adapter.slots import Slots

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
