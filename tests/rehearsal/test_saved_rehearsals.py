"""A saved rehearsal does again what was done, and fails if the program behaves differently.

Stories come from rehearsals here, and from the lab in real life: both are the journal of
an exchange.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings

from relay_anyio import Call, Message, RecordEvent, RelayClient
from relay_anyio.lab.rehearsal import NothingToRehearseError, Rehearsal, client_of, rehearsal_of
from relay_anyio.testing import (
    Answers,
    Backend,
    Busy,
    Caller,
    Declines,
    ExchangeTiming,
    HangUp,
    Happened,
    Hear,
    InTurn,
    Line,
    Machine,
    NoAnswer,
    NotHeardWarning,
    Press,
    Say,
    Stage,
    Step,
    Story,
    TextMessage,
    Unreachable,
    Wait,
    What,
    rehearse,
)
from relay_proto.errors import RelayError
from relay_proto.exchange import MAGIC_NUMBERS, faster_timing
from relay_sync import Call as ThreadedCall
from relay_sync import RelayClient as ThreadedClient
from relay_sync.testing import Stage as ThreadedStage
from relay_sync.testing import rehearse as threaded_rehearse

from .saving import (
    AGENT,
    ANNA,
    BERT,
    OFFICE,
    check,
    connect_to,
    connect_to_agent,
    program,
    run,
    save,
    scripts,
    seconds,
)

many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.mark.filterwarnings("ignore::relay_anyio.testing.NotHeardWarning")
@many
@given(script=scripts)
@example(script=(Hear("press 1"), Wait(1.5), Press("1")))
@example(script=(Press("1", 0.05), Press("2", 0.05), HangUp()))
@example(script=(Hear("nothing like this", 3.0),))
@example(script=(Wait(0.003), Wait(0.003), Press("12", 0.27), Wait(0.01), Say("\n'\"\\")))
def test_whatever_a_caller_does_the_saved_rehearsal_passes(
    script: tuple[Step, ...], ivr: ModuleType
) -> None:
    check(ivr.client, Caller(ANNA, script))


@pytest.mark.filterwarnings("ignore::relay_anyio.testing.NotHeardWarning")
@many
@given(first=scripts, second=scripts, gap=seconds(0.01, 20.0))
def test_two_callers_at_the_same_time_do_it_again(
    first: tuple[Step, ...], second: tuple[Step, ...], gap: float, ivr: ModuleType
) -> None:
    async def both(stage: Stage) -> None:
        calls = [stage.call(Caller(ANNA, first))]
        await anyio.sleep(gap)
        calls.append(stage.call(Caller(BERT, second)))
        for call in calls:
            await stage.over(call)

    check(ivr.client, both)


@pytest.mark.parametrize(
    "script",
    [
        (),
        (Hear("press 1"), Press("1")),
        (Hear("press 1"), Wait(2), Press("3")),
        (Hear("press 1"), Wait(20), Press("1")),
    ],
)
@pytest.mark.parametrize(
    ("name", "value"),
    [("MENU", "Press 1 for sales."), ("DEPARTMENTS", {"1": "pizza", "3": "pasta"})],
)
def test_it_fails_if_the_program_behaves_differently(
    script: tuple[Step, ...],
    name: str,
    value: object,
    ivr: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved = save(rehearse(ivr.client, Caller(ANNA, script)))
    with program(ivr.client):
        run(saved)
        monkeypatch.setattr(ivr, name, value)
        if name == "DEPARTMENTS" and script in ((), (Hear("press 1"), Wait(20), Press("1"))):
            run(saved)  # nobody gets as far as the departments
        else:
            with pytest.raises((AssertionError, NotHeardWarning)):
                run(saved)


@pytest.mark.parametrize("example", ["answer", "ivr", "voicemail"])
def test_it_passes_on_trio_as_well(
    example: str, backend: Backend, monkeypatch: pytest.MonkeyPatch, ivr: ModuleType
) -> None:
    del ivr  # it leads to the examples
    client = importlib.import_module(example).client
    script = (Wait(6), Say("It is me."), Press("#"), Wait(1), HangUp())
    check(client, Caller(ANNA, script), Caller(BERT, script[:2]), backend=backend)
    monkeypatch.undo()


@pytest.mark.parametrize(
    "behaviour",
    [
        Answers(),
        Answers(5.0, (Wait(3), Say("Hello?"), Press("1"), HangUp())),
        Busy(),
        Declines(2.5),
        NoAnswer(),
        Unreachable(),
        InTurn((Busy(), Answers(1.0, (HangUp(),)))),
    ],
)
def test_a_dialed_number_behaves_as_it_did(behaviour: Any) -> None:
    callers = Caller(ANNA, (Wait(70), HangUp())), Caller(BERT, (Wait(70), HangUp()))
    saved = check(connect_to_agent, *callers, lines=[Line(AGENT, behaviour)])
    assert ("lines=" in saved.source) == (behaviour != Answers())
    if behaviour == Answers():
        return
    with program(connect_to_agent), pytest.raises(AssertionError):
        run(Rehearsal(saved.name, saved.source.replace(AGENT, "+15550003001")))


@pytest.mark.filterwarnings("ignore::relay_anyio.testing.UnansweredWarning")
@pytest.mark.filterwarnings("ignore::relay_anyio.testing.NotHeardWarning")
def test_what_is_known_of_a_number_decides_the_details() -> None:
    machine = Answers(nature=Machine((Say("Hi."), Wait(2.0), Say("Speak."))))
    callers = Caller(ANNA, (Wait(30), HangUp()))
    story = rehearse(connect_to_agent, callers, lines=[Line(AGENT, machine)])
    saved = save(story, lines={AGENT: InTurn((Busy(), machine))})
    assert "nature=Machine(" in saved.source
    with program(connect_to_agent):
        run(saved)
    every = {magic.number: magic.behaviour for magic in MAGIC_NUMBERS}
    for number in every:

        async def dial(call: Call, number: str = number) -> None:
            await connect_to(call, number)

        story = rehearse(dial, callers, lines=every)
        with program(dial):
            run(save(story, lines=every))


async def answer_texts(message: Message) -> None:
    await message.reply(f"You wrote: {message.body}")


def client_for_texts() -> RelayClient:
    client = RelayClient(project="any", token="any", contexts=["texts", "calls"])
    client.on_message(answer_texts)
    return client


def test_texts_are_sent_again() -> None:
    async def two_texts(stage: Stage) -> None:
        stage.text(TextMessage(ANNA, OFFICE, "Hello"))
        await anyio.sleep(5)
        stage.text(TextMessage(BERT, "+15550002223", "STOP"))
        await anyio.sleep(5)

    saved = check(client_for_texts(), two_texts, undeliverable=[BERT])
    assert saved.source.count("stage.text(") == 2
    assert f'undeliverable=[\n            "{BERT}",' in saved.source
    with program(client_for_texts()), pytest.raises(AssertionError):
        run(Rehearsal(saved.name, saved.source.replace("STOP", "GO", 1)))


def test_one_text_gives_its_name_to_the_test() -> None:
    async def one_text(stage: Stage) -> None:
        stage.text(TextMessage(ANNA, OFFICE, "Hello"))
        await anyio.sleep(5)

    assert check(client_for_texts(), one_text).name == "test_a_text_from_15550001111"


@pytest.mark.filterwarnings("ignore::relay_anyio.testing.UnansweredWarning")
@pytest.mark.filterwarnings("ignore::relay_anyio.testing.NotHeardWarning")
def test_a_call_asks_for_its_context_and_number_if_they_are_not_the_usual_ones() -> None:
    client = client_for_texts()
    client.on_call(connect_to_agent)

    async def elsewhere(stage: Stage) -> None:
        await stage.over(stage.call(Caller(ANNA, (HangUp(),)), to="+15550002223", context="calls"))

    story = rehearse(client, elsewhere)
    with program(client):
        run(saved := save(story, first_context="texts"))
        assert 'to="+15550002223"' in saved.source
        assert 'context="calls"' in saved.source
        other = save(story)  # the only context of the story may be the first one
        assert "context=" not in other.source
        run(other)


@pytest.mark.parametrize("fault", ["cut", "silence", "goodbye", "restart", "forget sessions"])
def test_the_connection_fails_again(fault: str) -> None:
    async def wait_for_a_digit(call: Call) -> None:
        with suppress(RelayError):
            await call.answer()
            await (await call.prompt_tts("Press 1", {"digits": {"max": 1}})).wait()
            await call.hangup()

    async def trouble(stage: Stage) -> None:
        call = stage.call(Caller(ANNA, (Hear("press 1"), Wait(40), Press("2"))))
        await stage.until(What.LISTENED)
        await anyio.sleep(1)
        faults: dict[str, Callable[[Stage], None]] = {
            "cut": Stage.cut,
            "silence": Stage.silence,
            "goodbye": Stage.say_goodbye,
            "restart": partial(Stage.say_goodbye, restart=True),
            "forget sessions": Stage.restart,
        }
        faults[fault](stage)
        await stage.over(call)

    saved = check(wait_for_a_digit, trouble)
    assert "    stage." in saved.source


def test_a_fault_that_a_rehearsal_does_not_have_is_a_comment(ivr: ModuleType) -> None:
    story = rehearse(ivr.client, Caller(ANNA))
    fault = Happened(1.0, "", story[0].who, What.FAULTED, {"fault": 'delay"\nimport os'})
    saved = save([*story, fault])
    assert "# The lab had the fault delayimport os here." in saved.source
    with program(ivr.client):
        run(saved)


def test_a_call_that_is_not_over_is_rehearsed_as_far_as_it_came(ivr: ModuleType) -> None:
    story = rehearse(ivr.client, Caller(ANNA, (Hear("press 1"), Wait(3), Press("1"))))
    for length in range(1, len(story)):
        try:
            saved = save(story[:length])
        except NothingToRehearseError:
            assert not any(one.what is What.CALLED for one in story[:length])
            continue
        with program(ivr.client):
            run(saved)


def test_calls_whose_beginning_is_missing_are_left_out(ivr: ModuleType) -> None:
    story = rehearse(ivr.client, Caller(ANNA), Caller(BERT))
    second = next(at for at, one in enumerate(story) if one.details.get("number") == BERT)
    saved = save(story[second - 3 :])
    assert ANNA not in saved.source
    with program(ivr.client):
        run(saved)


def test_one_call_of_several_is_saved_with_the_calls_that_came_of_it() -> None:
    callers = Caller(ANNA, (Wait(30), HangUp())), Caller(BERT, (Wait(30), HangUp()))
    story = rehearse(connect_to_agent, *callers, lines={AGENT: Declines()})
    first, second = (one.call_id for one in story.all(What.CALLED))
    saved = save(story, call=second)
    assert ANNA not in saved.source
    assert AGENT in saved.source
    with program(connect_to_agent):
        run(saved)
        run(save(story, call=first))
    with pytest.raises(NothingToRehearseError):
        save(story, call="another")


def test_a_program_on_threads_is_saved_in_its_own_way() -> None:
    client = ThreadedClient(project="any", token="any", contexts=["office"])

    @client.on_call
    def take(call: ThreadedCall) -> None:
        call.answer()
        menu = call.prompt_tts("Press 1.", {"digits": {"max": 1}, "initial_timeout": 9.0})
        menu.wait()
        call.hangup()

    def two_calls(stage: ThreadedStage) -> None:
        first = stage.call(Caller(ANNA, (Hear("press 1"), Wait(3), Press("1"))))
        time.sleep(2)  # virtual time
        stage.cut()
        second = stage.call(Caller(BERT, (Hear("press 1"), HangUp())))
        stage.over(second)
        stage.over(first)

    saved = save(threaded_rehearse(client, two_calls), threads=True)
    assert "def scene(stage: Stage) -> None:" in saved.source
    assert "await" not in saved.source
    assert "time.sleep(" in saved.source
    assert (
        "is for a program on relay_sync. For one on relay_anyio, save it without --" in saved.source
    )
    assert "must not run the client when it is imported" in saved.source
    with program(client):
        run(saved)


def test_somebody_who_is_transferred_is_one_person() -> None:
    client = RelayClient(project="any", token="any", contexts=["office", "sales"])

    @client.on_call
    async def take(call: Call) -> None:
        await call.answer()
        if call.context == "office":
            await (await call.play_tts("One moment.")).wait()
            await call.transfer("context:sales")
            return
        await (await call.play_tts("This is sales.")).wait()
        await call.wait_for_ended()

    script = (Say("Sales!"), Hear("this is sales"), Wait(1), Say("Hello?"), HangUp())
    saved = check(client, Caller(ANNA, script))
    assert 'Hear("This is sales.")' in saved.source


@pytest.mark.filterwarnings("ignore::relay_anyio.testing.UnansweredWarning")
@pytest.mark.filterwarnings("ignore::relay_anyio.testing.NotHeardWarning")
def test_somebody_who_gives_up_before_the_answer_does_so_again() -> None:
    async def slow(call: Call) -> None:
        await anyio.sleep(30)
        await call.answer()

    saved = check(slow, Caller(ANNA, patience=7.5))
    assert "patience=7.5" in saved.source


def test_what_the_program_does_of_its_own_is_a_place_to_complete() -> None:
    client = client_for_texts()

    async def the_program_dials(stage: Stage) -> None:
        call = await stage.client.dial_phone(AGENT, from_number=OFFICE)
        await call.hangup()
        await stage.client.send_message(to_number=AGENT, from_number=OFFICE, body="Hello")
        await anyio.sleep(5)

    saved = save(rehearse(client, the_program_dials))
    assert saved.source.count("# EDIT") == 1
    with program(client), pytest.raises(NotImplementedError, match=r"calls or texts \+15550003000"):
        run(saved)


def test_the_pace_of_the_lab_is_kept(ivr: ModuleType) -> None:
    timing = faster_timing(ExchangeTiming(), 10)
    script = (Hear("press 1"), Wait(0.1), Press("1"))
    saved = save(rehearse(ivr.client, Caller(ANNA, script), timing=timing), timing=timing)
    assert "timing=ExchangeTiming(" in saved.source
    assert "reaction=0.03" in saved.source
    with program(ivr.client):
        run(saved)


def test_a_long_evening_has_a_longer_limit(ivr: ModuleType) -> None:
    async def evening(stage: Stage) -> None:
        for _ in range(3):
            await stage.over(stage.call(Caller(ANNA)))
            await anyio.sleep(3000)

    saved = save(rehearse(ivr.client, evening, within=20_000))
    with program(ivr.client):
        run(saved)


def test_without_a_client_there_is_a_place_to_complete(ivr: ModuleType) -> None:
    story = rehearse(ivr.client, Caller(ANNA))
    saved = rehearsal_of(story)
    assert "from your_program import client  # EDIT" in saved.source
    with pytest.raises(ModuleNotFoundError, match="your_program"):
        run(saved)
    assert (
        "from app.phone import desk as client"
        in rehearsal_of(story, client="app.phone:desk").source
    )


@pytest.mark.parametrize(
    "path", ["app", "app:", ":client", "a b:c", "app:c;d", "app:class", "a.1:b"]
)
def test_a_path_that_names_no_client_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="does not name a client"):
        client_of(path)


def test_nothing_happened() -> None:
    with pytest.raises(NothingToRehearseError, match="nothing to save yet"):
        rehearsal_of(Story())


def test_the_outlines_of_a_story_leave_out_what_depends_on_the_connection(ivr: ModuleType) -> None:
    outlines = rehearse(ivr.client, Caller(ANNA, (Hear("press 1"), HangUp()))).outlines
    assert list(outlines) == [ANNA]
    assert outlines[ANNA][-1] == "caller ends the call: hangup"


def in_the_lab(story: Story) -> Story:
    """The same as the lab tells it: files have other ids there, and another host."""
    return Story(
        replace(one, details={name: of_the_lab(value) for name, value in one.details.items()})
        for one in story
    )


def of_the_lab(value: str) -> str:
    return re.sub(
        r"https://files\.example\.com/........", "https://localhost:8443/files/3ff31027", value
    )


def test_the_urls_of_recordings_differ_and_the_saved_rehearsal_passes(
    ivr: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    del ivr  # it leads to the examples
    client = importlib.import_module("voicemail").client
    script = (Wait(6), Say("Call me."), Press("#"))
    story = rehearse(client, Caller(ANNA, script), Caller(BERT, script))
    lab = in_the_lab(story)
    assert lab.text != story.text
    saved = save(lab)
    assert "https://" not in saved.source
    assert "<file 1>" in saved.source
    assert "<file 2>" in saved.source
    with program(client):
        run(saved)
    monkeypatch.undo()


def test_the_url_of_one_recording_has_one_name() -> None:
    async def repeat(call: Call) -> None:
        async with call:
            await call.answer()
            recording = await call.record({"max_length": 2})
            recorded = await recording.wait()
            assert isinstance(recorded, RecordEvent)
            for _ in range(2):
                await (await call.play_tts(f"It is at {recorded.url}.")).wait()
            await (await call.play_tts("And https://example.com/menu.mp3 is ours.")).wait()

    said = [line for line in rehearse(repeat, Caller(ANNA)).outlines[ANNA] if " plays " in line]
    assert said == [
        "program plays “It is at <file 1>.”",
        "program plays “It is at <file 1>.”",
        "program plays “And https://example.com/menu.mp3 is ours.”",
    ]
