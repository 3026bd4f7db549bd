"""What a rehearsal is given: lines, numbers for texts, and errors that say what is meant."""

from __future__ import annotations

from typing import Any

import pytest

import relay_sync
from relay_anyio import Call, MessageFailedError, RelayClient
from relay_anyio.testing import (
    Answers,
    Backend,
    Busy,
    Caller,
    Hear,
    Line,
    Stage,
    UnansweredWarning,
    What,
    rehearsal,
    rehearse,
)

ANNA, OFFICE, AGENT = "+15550001111", "+15550002222", "+15550003000"


async def answer(call: Call) -> None:
    await call.answer()
    await call.hangup()


async def dial(stage: Stage) -> None:
    call = await stage.client.dial_phone(AGENT, OFFICE)
    await call.hangup()


@pytest.mark.parametrize("lines", [{AGENT: Busy()}, [Line(AGENT, Busy())]], ids=["dict", "list"])
def test_lines_are_a_dict_or_a_list(client: RelayClient, backend: Backend, lines: Any) -> None:
    with pytest.raises(Exception, match="busy"):
        rehearse(client, dial, lines=lines, backend=backend)


def test_a_text_cannot_be_delivered(client: RelayClient, backend: Backend) -> None:
    reasons: list[str] = []

    async def send(stage: Stage) -> None:
        for number in (ANNA, AGENT):
            text = await client.send_message(to_number=number, from_number=OFFICE, body="Hello")
            try:
                await text.wait_delivered()
            except MessageFailedError as error:
                reasons.append(f"{number}: {error.state}, {error.reason}")

    rehearse(client, send, undeliverable=[AGENT], backend=backend)
    assert reasons == [f"{AGENT}: undelivered, the number cannot be reached"]


def test_a_caller_who_enters_nothing_is_in_the_story(backend: Backend) -> None:
    async def ask(call: Call) -> None:
        await call.answer()
        question = await call.prompt_tts("A number?", {"digits": {"max": 1}})
        await question.wait()
        await call.hangup()

    story = rehearse(ask, Caller(ANNA), backend=backend)
    (nothing,) = story.all(What.HEARD_NOTHING)
    assert nothing.text == "program   receives no input in time"


# What is meant


def test_a_script_with_one_step_needs_a_comma() -> None:
    step: Any = Hear("one")
    for kind in (lambda: Caller(ANNA, step), lambda: Answers(script=step)):
        with pytest.raises(TypeError, match=r"write \(Hear\(.*\),\), with the comma"):
            kind()


def test_a_script_has_steps() -> None:
    wrong: Any = "press one"
    with pytest.raises(TypeError, match="a script is a tuple of steps, not 'press one'"):
        Caller(ANNA, wrong)
    with pytest.raises(TypeError, match=r"a step is a Wait, .* or HangUp, not 'press one'"):
        Answers(script=(Hear("one"), wrong))


def test_a_line_has_a_behaviour() -> None:
    wrong: Any = Busy
    with pytest.raises(TypeError, match=r"like Answers\(\), Busy\(\), …, not like <class"):
        Line(AGENT, wrong)


def test_lines_are_lines(client: RelayClient) -> None:
    wrong: Any = [AGENT]
    with pytest.raises(TypeError, match=r"a dict such as {'\+15559': Busy\(\)}, or a list"):
        rehearse(client, dial, lines=wrong)


def test_a_number_is_no_scene(client: RelayClient) -> None:
    wrong: Any = ANNA
    with pytest.raises(TypeError, match=r"a scene is a Caller, such as .* not '\+15550001111'"):
        rehearse(client, wrong)


def test_a_program_on_threads_is_shown_its_own_rehearsals() -> None:
    class Office(relay_sync.RelayClient): ...

    program: Any = Office("project", "token", contexts=["office"])
    with pytest.raises(TypeError, match=r"this is one of relay_sync: use relay_sync\.testing"):
        rehearse(program, Caller(ANNA))


@pytest.mark.anyio
async def test_an_async_test_is_told_what_to_use(backend: Backend) -> None:
    with pytest.raises(RuntimeError, match=f"one of {backend} runs .* rehearsal"):
        rehearse(answer, Caller(ANNA))
    async with rehearsal(answer) as stage:
        await stage.over(stage.call(Caller(ANNA)))


def test_a_client_without_contexts_is_told_why_nobody_calls(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    client = RelayClient("project", "token")
    client.on_call(answer)
    with pytest.warns(UnansweredWarning):
        story = rehearse(client, Caller(ANNA), backend=backend)
    assert "reaches no program: no program has subscribed to a context" in story.text
    assert "the client is subscribed to no context" in caplog.text
