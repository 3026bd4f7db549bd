"""Deadlines: what is armed, what is due, and in what order (laws: `test_timers_laws`)."""

from __future__ import annotations

import weakref

import pytest

from relay_proto.timers import COMPACT_ABOVE, Deadlines, Timer


def test_nothing_is_due_before_anything_is_armed() -> None:
    deadlines: Deadlines[Timer] = Deadlines()
    assert deadlines.next() is None
    assert deadlines.pop_due(1e9) is None
    assert len(deadlines) == 0


def test_a_key_is_due_at_its_time_and_once() -> None:
    deadlines: Deadlines[Timer] = Deadlines()
    deadlines.set(Timer.PING, 5.0)
    assert deadlines.pop_due(4.9) is None
    assert Timer.PING in deadlines
    assert deadlines.pop_due(5.0) is Timer.PING
    assert Timer.PING not in deadlines
    assert deadlines.pop_due(5.0) is None


def test_arming_again_moves_the_deadline() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 5.0)
    deadlines.set("a", 9.0)
    assert deadlines.next() == 9.0
    deadlines.set("a", 1.0)
    assert deadlines.next() == 1.0
    assert deadlines.pop_due(99.0) == "a"
    assert deadlines.pop_due(99.0) is None


def test_what_is_due_at_the_same_time_comes_in_the_order_of_arming() -> None:
    deadlines: Deadlines[object] = Deadlines()
    first, second = object(), object()  # keys are never compared
    deadlines.set(first, 5.0)
    deadlines.set(second, 5.0)
    assert deadlines.pop_due(5.0) is first
    assert deadlines.pop_due(5.0) is second


class Key:
    """A key that can be watched."""


def test_what_was_disarmed_is_not_kept_for_ever() -> None:
    deadlines: Deadlines[Key] = Deadlines()
    kept: weakref.WeakSet[Key] = weakref.WeakSet()
    for _ in range(10 * COMPACT_ABOVE):
        key = Key()
        kept.add(key)
        deadlines.set(key, 5.0)
        deadlines.clear(key)
    assert len(deadlines) == 0
    assert len(kept) <= COMPACT_ABOVE + 1


def test_disarming_what_is_not_armed_is_no_error() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.clear("a")
    deadlines.clear_all()
    assert deadlines.next() is None


@pytest.mark.parametrize("armed", [0, 1, 10, 100])
def test_it_is_tidied_up_neither_late_nor_early(armed: int) -> None:
    """Late costs memory, early costs time: more for each key than arming it should."""
    deadlines: Deadlines[Key] = Deadlines()
    kept: weakref.WeakSet[Key] = weakref.WeakSet()
    stay = [Key() for _ in range(armed)]
    for key in stay:
        deadlines.set(key, 5.0)
    most = 0
    for _ in range(2 * armed + 3 * COMPACT_ABOVE):
        key = Key()
        kept.add(key)
        deadlines.set(key, 6.0)
        del key
        for disarmed in tuple(kept):
            deadlines.clear(disarmed)
            del disarmed
        most = max(most, armed + len(kept))
    assert most == 2 * armed + COMPACT_ABOVE + 2  # the last one is armed when it is looked at
