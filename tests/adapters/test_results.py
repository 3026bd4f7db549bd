"""What the handles of actions say about their end, and how it can be matched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay_anyio import (
    AIAction,
    Call,
    CallOver,
    Done,
    FaxAction,
    PlayAction,
    RecordAction,
    SessionLost,
)
from relay_anyio.call import StoppableAction
from relay_proto.exchange import Answers, Fax, HangUp, Line, Machine, Wait, What
from tests.adapters import support
from tests.adapters.support import (
    ANSWERING,
    AT_ONCE,
    LONG,
    OFFICE,
    Certificates,
    World,
    answered_call,
    open_world,
    phone,
    tts,
)

pytestmark = pytest.mark.anyio


async def test_a_recording_has_its_url_duration_and_size(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        recording = await call.record({"format": "mp3", "direction": "both"})
        assert (recording.url, recording.duration, recording.size) == ("", 0.0, 0)
        talking = await call.play(tts("This is being recorded"))
        await talking.wait()
        await recording.stop()
        assert isinstance(await recording.wait_outcome(), Done)
        assert recording.url.endswith(".mp3")
        assert recording.duration > 0
        assert recording.size > 0


async def test_a_recording_that_the_call_cuts_off_still_has_its_url(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        recording = await call.record({"direction": "both"})
        await call.hangup()
        await call.wait_for_ended()
        event = await recording.wait()
        assert event.event_type == "calling.call.record"
        assert recording.url


async def test_a_detector_gives_its_verdict_and_can_still_be_stopped(
    certificates: Certificates,
) -> None:
    machine = Line(ANSWERING, Answers(after=0.01, nature=Machine(greeting="Leave a message")))
    async with open_world(certificates, lines=(machine,)) as world, world.client() as client:
        call = await client.dial([[phone(ANSWERING)]])
        detector = await call.detect_answering_machine(timeout=20)
        assert isinstance(await detector.wait_outcome(), Done)
        assert (detector.verdict, detector.human) == ("MACHINE", False)
        stopped = await detector.stop()
        assert stopped.get("code", "200") == "200"


async def test_a_person_is_told_from_a_machine(world: World) -> None:
    async with world.client() as client:
        call = await client.dial([[phone(ANSWERING)]])
        detector = await call.detect_answering_machine(timeout=20)
        await detector.wait()
        assert detector.human


async def test_a_fax_says_what_came_through(certificates: Certificates) -> None:
    fax = Line(ANSWERING, Answers(after=0.01, nature=Fax(tone="CED", pages=2)))
    quick = replace(AT_ONCE, fax_page=0.05, fax_patience=1.0)
    async with (
        open_world(certificates, lines=(fax,), timing=quick) as world,
        world.client() as client,
    ):
        call = await client.dial([[phone(ANSWERING)]])
        sending = await call.send_fax("https://example.com/f.pdf")
        assert isinstance(sending, FaxAction)
        assert (sending.document, sending.pages, sending.success) == ("", 0, False)
        assert isinstance(await sending.wait_outcome(), Done)
        assert (sending.pages, sending.success) == (2, True)
        assert sending.document == "https://example.com/f.pdf"


async def test_an_action_that_the_call_ends_is_told_apart(world: World) -> None:
    async with answered_call(world, world.client(), Wait(0.3), HangUp()) as call:
        playing = await call.play(LONG)
        assert playing.outcome is None
        outcome = await playing.wait_outcome()
        assert isinstance(outcome, CallOver)
        assert outcome.event.params["call_state"] == "ended"


async def test_an_action_whose_session_is_lost_is_told_apart(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        playing = await call.play(LONG)
        world.forget_sessions()
        assert isinstance(await playing.wait_outcome(), SessionLost)


async def test_an_ai_ends_when_it_is_stopped(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        talking = await call.ai(prompt={"text": "You sell shoes."})
        assert isinstance(talking, AIAction)
        await talking.stop()
        await talking.wait()
        assert talking.is_done


async def test_a_handle_made_by_hand_follows_the_operation(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        await call.play(LONG, control_id="known")
        by_hand = support.make(PlayAction, call, "known")
        await by_hand.stop()
        assert (await by_hand.wait()).params["state"] == "finished"


async def test_a_handle_of_any_operation_can_be_made_by_hand(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        await call.play(LONG, control_id="known")
        other = support.make(StoppableAction, call, "other", "calling.call.record", ("finished",))
        await call.client.execute(
            "calling.record",
            {
                "node_id": call.node_id,
                "call_id": call.call_id,
                "control_id": "other",
                "record": {"audio": {"direction": "both"}},
            },
        )
        await world.until(What.STARTED)
        await other.stop()
        assert (await other.wait()).params["state"] == "finished"
        assert support.make(RecordAction, call, "third").control_id == "third"


async def test_a_call_known_from_elsewhere_can_be_taken_up(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        same = support.make(
            Call, call.client, call.call_id, call.node_id, call.project_id, call.context
        )
        assert same.state == call.state
        await same.hangup()
        await call.wait_for_ended()
        assert call.to_number == OFFICE
