"""`Pending`: settles exactly once, with a result or an error."""

from __future__ import annotations

import pytest

from relay_proto.pending import Pending


def test_nothing_is_known_before_it_settles() -> None:
    pending: Pending[int] = Pending()
    assert not pending.settled
    assert pending.error is None
    assert repr(pending) == "<Pending waiting>"
    with pytest.raises(AssertionError, match="wait until it has settled"):
        pending.result()


def test_a_result_is_returned_however_often_it_is_asked_for() -> None:
    pending: Pending[int | None] = Pending()
    pending.resolve(None)
    assert pending.settled
    assert pending.error is None
    assert pending.result() is None
    assert pending.result() is None
    assert repr(pending) == "<Pending result>"


def test_an_error_as_a_result_is_a_result() -> None:
    pending: Pending[Exception] = Pending()
    error = ValueError("a value")
    pending.resolve(error)
    assert pending.result() is error
    assert pending.error is None


def test_an_error_is_raised_without_the_traceback_of_who_raised_it_before() -> None:
    pending: Pending[int] = Pending()
    error = ValueError("no")
    pending.fail(error)
    assert pending.settled
    assert pending.error is error
    depths: list[int] = []
    for _ in range(2):
        with pytest.raises(ValueError, match="no") as caught:
            pending.result()
        depths.append(len(caught.traceback))
    assert depths[0] == depths[1]
    assert repr(pending) == "<Pending error>"


@pytest.mark.parametrize("first_fails", [False, True])
@pytest.mark.parametrize("second_fails", [False, True])
def test_settling_twice_is_a_bug(first_fails: bool, second_fails: bool) -> None:
    pending: Pending[int] = Pending()

    def settle(fails: bool) -> None:
        if fails:
            pending.fail(ValueError())
        else:
            pending.resolve(1)

    settle(first_fails)
    with pytest.raises(AssertionError, match="settles only once"):
        settle(second_fails)


def test_the_callback_is_kept_for_the_adapter_and_the_source_for_the_core() -> None:
    marker = object()
    pending: Pending[int] = Pending(marker)
    assert pending.callback is marker
    assert pending.source is None
    assert Pending[int]().callback is None
