"""The recipe of conference.py, rehearsed: guests wait for the moderator, and leave with them."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import anyio
import pytest

from conference import GUEST_PIN, MODERATOR_PIN, MUSIC, client
from relay_anyio.testing import Caller, HangUp, Hear, Press, Stage, Step, Wait, What, Who, rehearse

ANNA, BEN, MIA = "+15550001111", "+15550001112", "+15550001113"
ASKED = Hear("enter the number")
GUEST = (ASKED, Press(GUEST_PIN))
MODERATOR = (ASKED, Press(MODERATOR_PIN))


async def the_moderator_comes_last_and_goes_first(stage: Stage) -> None:
    stage.call(Caller(ANNA, (*GUEST, Hear(MUSIC))))
    await anyio.sleep(30)
    mia = stage.call(Caller(MIA, (*MODERATOR, Wait(60), HangUp())))
    await stage.over(mia)


def test_guests_leave_with_the_moderator() -> None:
    story = rehearse(client, the_moderator_comes_last_and_goes_first, within=300)
    assert len(story.all(What.ENTERED)) == 2
    assert "The conference is over" in story.text
    assert [one.who for one in story.all(What.ENDED)] == [Who.CALLER, Who.PROGRAM]


async def a_guest_leaves_the_others(stage: Stage) -> None:
    stage.call(Caller(MIA, (*MODERATOR, Wait(90), HangUp())))
    stage.call(Caller(ANNA, (*GUEST, Wait(30), HangUp())))
    await stage.over(stage.call(Caller(BEN, GUEST)))


def test_a_guest_may_leave() -> None:
    story = rehearse(client, a_guest_leaves_the_others, within=300)
    assert [one.who for one in story.all(What.ENDED)] == [Who.CALLER, Who.CALLER, Who.PROGRAM]


@pytest.mark.parametrize(
    "script",
    [
        (),
        (ASKED, Press("1234"), Hear("not right"), Press("1235"), Hear("not right"), Press("12#")),
        (ASKED, HangUp()),
        (ASKED, Press("12"), HangUp()),
    ],
)
def test_nobody_gets_in_without_the_number(script: tuple[Step, ...]) -> None:
    story = rehearse(client, Caller(ANNA, script))
    assert not story.all(What.ENTERED)
    assert story.all(What.ENDED)
