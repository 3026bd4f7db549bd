"""Promises about stories: what is silence, and what it means to ask twice."""

from __future__ import annotations

import pytest

from relay_anyio.testing import (
    AskedOnce,
    Happened,
    NoSilence,
    Promise,
    Story,
    What,
    Who,
    every_call_ends,
)

A, B, C = "call-a", "call-b", "call-c"
MENU = "“Press 1 for sales, or say support. Press 9 to hear this again.”"


def story(*told: tuple[float, str, What] | tuple[float, str, What, dict[str, str]]) -> Story:
    happened = [
        Happened(at, call, Who.PROGRAM, what, *details) for at, call, what, *details in told
    ]
    return Story(happened)


def called(call: str = A, number: str = "+1", at: float = 0.0) -> Happened:
    return Happened(at, call, Who.CALLER, What.CALLED, {"number": number, "to": "+2"})


def dialed(call: str, to: str, at: float) -> Happened:
    return Happened(at, call, Who.PROGRAM, What.DIALED, {"to": to})


def answered(*told: tuple[float, str, What] | tuple[float, str, What, dict[str, str]]) -> Story:
    """The story of a call that is answered at once."""
    return Story([called(), *story((0, A, What.ANSWERED), *told)])


def keeps(promise: Promise, told: Story) -> bool:
    try:
        promise(told)
    except AssertionError:
        return False
    return True


SILENCE = NoSilence(10)


@pytest.mark.parametrize(
    ("begins", "ends", "details"),
    [
        (What.PLAYED, What.PLAY_ENDED, {"text": "“Hi”"}),
        (What.LISTENED, What.COLLECTED, {"value": "1"}),
        (What.LISTENED, What.HEARD_NOTHING, {}),
        (What.STARTED, What.FINISHED, {"activity": "a recording"}),
        (What.STARTED, What.DETECTED, {"activity": "a detector (fax)", "kind": "fax"}),
        (What.ENTERED, What.LEFT, {"place": "the queue q"}),
        (What.CONNECTED, What.DISCONNECTED, {"to": "+3"}),
    ],
)
def test_it_is_no_silence_while_something_goes_on(
    begins: What, ends: What, details: dict[str, str]
) -> None:
    going_on = answered((1, A, begins, details), (90, A, ends, details))
    assert keeps(SILENCE, Story([*going_on, *story((99, A, What.ENDED))]))
    assert not keeps(SILENCE, Story([*going_on, *story((101, A, What.ENDED))]))


def test_silence_is_told_with_its_time() -> None:
    with pytest.raises(AssertionError, match=r"\+1 hears silence for 10.5 s, from 2.00 s on"):
        SILENCE(answered((2, A, What.SAID, {"text": "Hi"}), (12.5, A, What.ENDED)))


def test_before_the_answer_and_after_the_end_nobody_hears_silence() -> None:
    assert keeps(SILENCE, Story([called(), *story((90, A, What.ANSWERED), (95, A, What.ENDED))]))
    assert keeps(SILENCE, answered((5, A, What.ENDED), (99, "", What.SESSION_AWAY)))


def test_what_nobody_hears_is_silence() -> None:
    tap = {"activity": "a tap"}
    assert not keeps(SILENCE, answered((1, A, What.STARTED, tap), (12, A, What.ENDED)))


@pytest.mark.parametrize("state", ["on", "off"])
def test_who_is_on_hold_or_hears_an_echo_hears_something(state: str) -> None:
    switched = {"feature": "hold", "state": state}
    told = answered((1, A, What.SWITCHED, switched), (20, A, What.ENDED))
    assert keeps(SILENCE, told) == (state == "on")


@pytest.mark.parametrize("back", [What.SESSION_RESUMED, What.SESSION_STARTED])
def test_time_without_a_connection_does_not_count(back: What) -> None:
    away = answered((1, "", What.FAULTED), (2, "", What.SESSION_AWAY), (60, "", back))
    assert keeps(SILENCE, Story([*away, *story((69, A, What.ENDED))]))
    assert not keeps(SILENCE, Story([*away, *story((71, A, What.ENDED))]))


def test_time_while_somebody_is_dialed_does_not_count() -> None:
    told = [*answered(), dialed(B, "+3", 1)]
    assert keeps(SILENCE, Story([*told, *story((60, B, What.ENDED), (69, A, What.ENDED))]))
    assert not keeps(SILENCE, Story([*told, *story((60, B, What.ENDED), (71, A, What.ENDED))]))
    with_answer = story((60, B, What.ANSWERED), (69, A, What.ENDED), (71, B, What.ENDED))
    assert not keeps(SILENCE, Story([*told, *with_answer]))


def test_both_parties_of_a_bridge_hear_something() -> None:
    told = [
        *answered(),
        dialed(B, "+3", 1),
        dialed(C, "+3", 1),
        *story((2, B, What.ANSWERED), (2, C, What.ANSWERED)),
        *story((3, A, What.CONNECTED, {"to": "+3"}), (3, C, What.ENDED)),
        *story((90, A, What.DISCONNECTED, {"to": "+3"})),
    ]
    assert keeps(SILENCE, Story([*told, *story((99, B, What.ENDED), (99, A, What.ENDED))]))
    assert not keeps(SILENCE, Story([*told, *story((95, A, What.ENDED), (101, B, What.ENDED))]))


def asked(*answers: str, text: str = MENU, then: str = MENU) -> Story:
    told = story((1, A, What.PLAYED, {"text": text}), (1, A, What.LISTENED))
    for value in answers:
        told += story((2, A, What.COLLECTED, {"value": value}))
    again = story((3, A, What.PLAYED, {"text": then}), (3, A, What.LISTENED))
    return Story([called(), *told, *again])


def test_a_question_that_has_its_answer_is_not_asked_again() -> None:
    with pytest.raises(AssertionError, match=r"\+1 is asked again “Press 1 .* answered: 1$"):
        AskedOnce()(asked("1"))
    assert not keeps(AskedOnce(), asked("support, please"))
    assert keeps(AskedOnce(), asked("1", then="“Who is speaking?”"))


def test_an_answer_that_the_question_does_not_name_may_be_asked_for_again() -> None:
    assert keeps(AskedOnce(), asked("7"))
    assert keeps(AskedOnce(), asked("12"))
    assert keeps(AskedOnce(), asked("I do"))
    assert keeps(AskedOnce(), asked("Say", "press", "please"))


def test_some_digits_mean_to_ask_again() -> None:
    assert not keeps(AskedOnce(), asked("9"))
    assert keeps(AskedOnce(repeats="9"), asked("9"))
    assert keeps(AskedOnce(repeats="9"), asked("1", "9"))


def test_silence_is_no_answer_and_a_question_may_be_heard_once() -> None:
    told = story((1, A, What.PLAYED, {"text": MENU}), (1, A, What.LISTENED))
    nothing = Story([called(), *told, *story((2, A, What.HEARD_NOTHING), (3, A, What.LISTENED))])
    assert keeps(AskedOnce(), nothing)
    answer = story((4, A, What.COLLECTED, {"value": "1"}), (5, A, What.LISTENED))
    assert not keeps(AskedOnce(), Story([*nothing, *answer]))


def test_each_call_is_asked_for_itself() -> None:
    other = [called(B, "+5", 4), *story((5, B, What.PLAYED, {"text": MENU}), (5, B, What.LISTENED))]
    first = story((1, A, What.PLAYED, {"text": MENU}), (1, A, What.LISTENED))
    answer = story((2, A, What.COLLECTED, {"value": "1"}))
    assert keeps(AskedOnce(), Story([called(), *first, *answer, *other]))


def test_a_call_that_does_not_end_is_named() -> None:
    every_call_ends(answered((1, A, What.ENDED)))
    with pytest.raises(AssertionError, match=r"the call of \+1 has not ended"):
        every_call_ends(answered())
