"""The recipe of call_queue.py, rehearsed: who waits, who is served, and who gives up."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import anyio

from call_queue import LONGEST_WAIT, MUSIC, client
from relay_anyio.testing import Caller, HangUp, Hear, Stage, Wait, What, rehearse

ANNA, BEN, AGENT = "+15550001111", "+15550001112", "+15550003000"


async def two_callers_and_an_agent(stage: Stage) -> None:
    stage.call(Caller(ANNA, (Hear(MUSIC), Wait(60), HangUp())), context="support")
    await anyio.sleep(1)
    stage.call(Caller(BEN, (Hear(MUSIC),)), context="support")
    await anyio.sleep(10)
    agent = stage.call(Caller(AGENT, (Wait(90), HangUp())), context="agents")
    await stage.over(agent)


def test_an_agent_gets_one_caller_after_the_other() -> None:
    story = rehearse(client, two_callers_and_an_agent, within=300)
    assert len(story.all(What.CONNECTED)) == 2
    anna, ben, agent = story.all(What.CALLED)[0:3]
    (end,) = story.all(What.ENDED, call_id=ben.call_id)
    assert end.at == story.all(What.ENDED, call_id=agent.call_id)[0].at
    assert end.at > story.all(What.ENDED, call_id=anna.call_id)[0].at


async def an_agent_and_then_a_caller(stage: Stage) -> None:
    agent = stage.call(Caller(AGENT, (Hear("nobody"), Wait(60), HangUp())), context="agents")
    await anyio.sleep(20)
    stage.call(Caller(ANNA), context="support")
    await stage.over(agent)


def test_an_agent_waits_for_callers() -> None:
    story = rehearse(client, an_agent_and_then_a_caller, within=300)
    assert story.all(What.CONNECTED)
    assert story.text.count("Nobody is waiting") == 1


async def callers_give_up(stage: Stage) -> None:
    stage.call(Caller(ANNA, (Hear("please hold"), HangUp())), context="support")
    await stage.over(stage.call(Caller(BEN, (Hear(MUSIC), HangUp())), context="support"))


async def a_caller_waits_for_too_long(stage: Stage) -> None:
    await stage.over(stage.call(Caller(ANNA), context="support"))


def test_nobody_waits_for_ever() -> None:
    assert "Sorry" not in rehearse(client, callers_give_up).text
    story = rehearse(client, a_caller_waits_for_too_long)
    assert "Sorry for the long wait" in story.text
    assert LONGEST_WAIT < story[-1].at < LONGEST_WAIT + 30
