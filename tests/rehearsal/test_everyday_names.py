"""Rehearsals of what programs do every day: blocks of calls, bridges, logs, replies."""

from __future__ import annotations

import logging

import anyio
import pytest

from relay_anyio import Call, Message, RelayClient, phone
from relay_anyio.testing import (
    Answers,
    Backend,
    Caller,
    HangUp,
    Hear,
    Line,
    Stage,
    TextMessage,
    Wait,
    What,
    Who,
    rehearse,
)

ANNA, OFFICE, AGENT = "+15550001111", "+15550002222", "+15550003000"


@pytest.fixture
def client() -> RelayClient:
    return RelayClient("project", "token", contexts=["office"])


def test_two_calls_are_bridged_and_hung_up(
    client: RelayClient, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    @client.on_call
    async def handle(call: Call) -> None:
        async with call:
            await call.answer()
            agent = await client.dial_phone(AGENT, OFFICE)
            async with agent:
                await call.bridge(agent)
                call.log.info("bridged")
                await anyio.sleep(60)

    caller = Caller(ANNA, (Wait(3600),))
    story = rehearse(client, caller, lines=[Line(AGENT, Answers(after=5))], backend=backend)
    ended = story.all(What.ENDED)
    assert [one.who for one in ended] == [Who.PROGRAM, Who.PROGRAM]
    assert 60 < ended[0].at < 120
    (line,) = [one for one in caplog.records if one.getMessage() == "bridged"]
    assert vars(line)["call_id"] in {one.call_id for one in ended}


def test_a_caller_is_asked_how_it_was_when_the_agent_has_left(
    client: RelayClient, backend: Backend
) -> None:
    @client.on_call
    async def handle(call: Call) -> None:
        async with call:
            await call.answer()
            await call.connect_and_wait([[phone(AGENT, OFFICE)]])
            await call.wait_for_disconnected()
            if not call.ended:
                question = await call.play_tts("How was it?")
                await question.wait()

    agent = Line(AGENT, Answers(script=(Wait(20), HangUp())))
    story = rehearse(client, Caller(ANNA), lines=[agent], backend=backend)
    assert "plays “How was it?”" in story.text
    assert [one.who for one in story.all(What.ENDED)] == [Who.CALLER, Who.PROGRAM]
    story = rehearse(client, Caller(ANNA, (Wait(10), HangUp())), lines=[agent], backend=backend)
    assert "How was it?" not in story.text


def test_a_call_is_hung_up_in_the_next_session_if_its_block_ends_without_one(
    client: RelayClient, backend: Backend
) -> None:
    @client.on_call
    async def handle(call: Call) -> None:
        async with call:
            await call.answer()
            greeting = await call.play_tts("Hello")
            await greeting.wait()
            await anyio.sleep(10)

    async def lose_the_link(stage: Stage) -> None:
        call_id = stage.call(Caller(ANNA, (Hear("Hello"), Wait(3600), HangUp())))
        await stage.until(What.PLAY_ENDED)
        await anyio.sleep(9.9)
        stage.cut()
        await stage.over(call_id)
        await client.wait_ready(timeout=60)

    story = rehearse(client, lose_the_link, backend=backend)
    (ended,) = story.all(What.ENDED)
    assert ended.who is Who.PROGRAM
    assert ended.at < 60


def test_a_text_is_answered(client: RelayClient, backend: Backend) -> None:
    @client.on_message
    async def answer(message: Message) -> None:
        reply = await message.reply("We are open until six.")
        await reply.wait_delivered()

    async def ask(stage: Stage) -> None:
        stage.text(TextMessage(ANNA, OFFICE, "Are you open?"))
        await stage.until(What.TEXT_MOVED, times=4)

    story = rehearse(client, ask, backend=backend)
    assert "We are open until six." in story.text
