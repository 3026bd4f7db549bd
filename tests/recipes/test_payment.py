"""The recipe of payment.py, rehearsed: cards that are right, cards that are wrong, no card."""

import logging
import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

from payment import client
from relay_anyio.testing import Caller, HangUp, Hear, Press, Step, rehearse

ANNA = "+15550001111"
CARD, WRONG_CARD = "4111111111111111", "4111111111111112"  # a number for tests
ASKED = Hear("card number")
DATE_AND_CODE = (Hear("expiration date"), Press("1230"), Hear("security code"), Press("123#"))
PAYS = (ASKED, Press(CARD), *DATE_AND_CODE)


def test_a_caller_pays() -> None:
    story = rehearse(client, Caller(ANNA, PAYS))
    assert "The payment was made" in story.text


@pytest.mark.parametrize(
    "script",
    [
        (),
        (ASKED, Press(WRONG_CARD), ASKED, Press(WRONG_CARD), ASKED, Press(WRONG_CARD)),
        (ASKED, Press("411#"), ASKED, Press("411#"), ASKED, Press("411#")),
    ],
)
def test_nothing_is_charged_without_a_card(script: tuple[Step, ...]) -> None:
    story = rehearse(client, Caller(ANNA, script))
    assert "Nothing was charged" in story.text


def test_a_caller_may_try_again() -> None:
    story = rehearse(client, Caller(ANNA, (ASKED, Press(WRONG_CARD), *PAYS)))
    assert "The payment was made" in story.text


def test_a_caller_may_hang_up(caplog: pytest.LogCaptureFixture) -> None:
    rehearse(client, Caller(ANNA, (ASKED, Press("4111"), HangUp())))
    assert "the call has ended during the payment" in caplog.text


def test_no_log_has_the_card(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rehearse(client, Caller(ANNA, PAYS))
    assert "the payment was made" in caplog.text
    assert CARD not in caplog.text
