"""Answering machines: `wait_for_beep` and `leave_message`, on calls of either adapter."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import pytest

from relay_anyio import (
    Call,
    Connected,
    LeftMessage,
    Limits,
    RelayError,
    SessionState,
    Timing,
    WhoAnswered,
)
from relay_proto.constants import EVENT_CALL_SEND_DIGITS
from relay_proto.exchange import (
    Answers,
    Behaviour,
    ExchangeLimits,
    ExchangeTiming,
    Fax,
    HangUp,
    Happened,
    Line,
    Machine,
    Nature,
    Say,
    Step,
    Wait,
    What,
)
from tests.adapters.support import (
    ANSWERING,
    LONG,
    Certificates,
    Heard,
    World,
    open_world,
    phone,
)

pytestmark = pytest.mark.anyio

QUICK = ExchangeTiming(ring_delay=0.01, reaction=0.01, character=0.001, detection=0.05)
EARLY: dict[str, Any] = {"quiet_time": 0.0, "machine_ready_timeout": 0.01}
"""How soon a machine without a beep is ready."""
PAUSES = Machine((Say("hello"), Wait(0.3), Say("please speak")))


@asynccontextmanager
async def call_to(
    certificates: Certificates, nature: Nature, *script: Step, **changes: Any
) -> AsyncGenerator[tuple[World, Call]]:
    """Dial somebody, who answers. `client` has arguments for the client."""
    line: Behaviour = Answers(after=0.01, script=script, nature=nature)
    arguments: dict[str, Any] = changes.pop("client", {})
    changes = {"timing": QUICK, "lines": (Line(ANSWERING, line),), **changes}
    async with open_world(certificates, **changes) as world, world.client(**arguments) as client:
        yield world, await client.dial([[phone(ANSWERING)]])


def order(world: World, *wanted: What) -> Sequence[What]:
    """In which order these things happened."""
    return [one.what for one in world.happened if one.what in wanted]


async def test_a_person_is_known_and_the_detectors_are_stopped(world: World) -> None:
    async with world.client() as client:
        call = await client.dial([[phone(ANSWERING)]])
        assert await call.wait_for_beep() == WhoAnswered(who="human")
        left = await call.leave_message("Hello", also_to={"human"})
        assert left == LeftMessage(who="human", played=True, attempts=1)


async def test_a_beep_is_waited_for(certificates: Certificates) -> None:
    async with call_to(certificates, Machine("speak after the beep")) as (world, call):
        assert await call.wait_for_beep() == WhoAnswered(who="machine", ready=True, beep=True)
        assert world.all(What.BEEPED)


async def test_a_message_is_left_after_the_beep(certificates: Certificates) -> None:
    async with call_to(certificates, Machine("speak after the beep")) as (world, call):
        left = await call.leave_message("Hello")
        assert left == LeftMessage(who="machine", ready=True, beep=True, played=True, attempts=1)
        spoken = order(world, What.BEEPED, What.PLAYED, What.PLAY_ENDED)
        assert spoken == [What.BEEPED, What.PLAYED, What.PLAY_ENDED]


async def test_a_message_that_hits_a_pause_begins_again(certificates: Certificates) -> None:
    async with call_to(certificates, PAUSES) as (world, call):
        left = await call.leave_message("I say " + 400 * "more and ", **EARLY)
        assert left == LeftMessage(who="machine", ready=True, beep=True, played=True, attempts=2)
        spoken = order(world, What.BEEPED, What.PLAYED, What.PLAY_ENDED)
        once = [What.PLAYED, What.PLAY_ENDED]
        assert spoken == [*once, What.BEEPED, *once]


async def test_other_events_of_the_call_change_nothing(certificates: Certificates) -> None:
    async with call_to(certificates, Machine(40 * "please speak after the beep ")) as (_, call):
        sent: list[str] = []
        call.on(EVENT_CALL_SEND_DIGITS, lambda event: sent.append(event.params["state"]))
        recording = await call.record()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(call.send_digits, "1"))
            assert (await call.leave_message("Hello")).played
        await recording.stop()
        assert sent == ["finished"]


async def test_a_fax_hears_nothing(certificates: Certificates) -> None:
    async with call_to(certificates, Fax()) as (world, call):
        assert await call.leave_message("Hello") == LeftMessage(who="fax")
        assert not world.all(What.PLAYED)


async def test_a_call_that_ends_meanwhile(certificates: Certificates) -> None:
    async with call_to(certificates, Machine("speak"), Wait(0.2), HangUp()) as (_, call):
        left = await call.leave_message(LONG)
        assert left == LeftMessage(who="machine", ready=True, beep=True, attempts=1)
        assert await call.leave_message("Hello") == LeftMessage(who="nobody")
        assert await call.wait_for_beep() == WhoAnswered(who="nobody")


async def test_the_greeting_has_a_limit(certificates: Certificates) -> None:
    async with call_to(certificates, Machine(4000 * "no ")) as (_, call):
        assert await call.wait_for_beep(0.2) == WhoAnswered(who="machine")


async def test_the_server_may_refuse_the_second_detector_and_no_more(
    certificates: Certificates,
) -> None:
    limits = ExchangeLimits(operations=1)
    async with call_to(certificates, Fax(), limits=limits) as (world, call):
        assert await call.wait_for_beep() == WhoAnswered(who="unknown")
        assert len(world.all(What.REFUSED)) == 1
        await call.play(LONG)
        with pytest.raises(RelayError, match=r"operations"):
            await call.wait_for_beep()


@pytest.mark.async_only("a blocked thread is not cancelled")
async def test_what_was_started_is_stopped_if_nobody_waits(certificates: Certificates) -> None:
    async with call_to(certificates, Machine("speak")) as (world, call):
        with anyio.move_on_after(0.5) as limit:
            await call.leave_message(LONG)
        assert limit.cancelled_caught
        await world.until(What.PLAY_ENDED)
        assert call.state == "answered"
        await call.hangup()


@pytest.mark.async_only("a blocked thread is not cancelled")
@pytest.mark.parametrize("method", ["wait_for_beep", "leave_message"])
async def test_a_detector_whose_start_is_cancelled_is_stopped_as_well(
    certificates: Certificates, method: str
) -> None:
    """There is room for one. As long as it runs, nothing else can begin."""
    limits = ExchangeLimits(operations=1)
    async with call_to(certificates, Machine(4000 * "no "), limits=limits) as (world, call):
        with anyio.CancelScope() as scope:

            def cancel(happened: Happened) -> None:
                if happened.what is What.STARTED:
                    scope.cancel()  # the answer has not left yet

            world.observe(cancel)
            await getattr(call, method)(*(["Hello"] if method == "leave_message" else []))
        assert scope.cancelled_caught
        await call.play(LONG)


async def test_a_result_comes_without_a_session_and_the_detectors_are_stopped_in_the_next(
    certificates: Certificates,
) -> None:
    """Also if requests fail at once without a session."""
    late = Timing(retry_min_delay=0.3, retry_max_delay=0.3)
    changes = {"while_reconnecting": "fail", "timing": late}
    limits = ExchangeLimits(operations=2)
    async with call_to(certificates, Machine(4000 * "no "), limits=limits, client=changes) as (
        world,
        call,
    ):

        def cut(happened: Happened) -> None:
            if happened.what is What.DETECTED:
                world.cut()

        world.observe(cut)
        again: Heard[Connected] = Heard()
        call.client.on_connected(again)
        assert not (await call.wait_for_beep(0.2)).ready
        assert call.client.state is SessionState.WAITING_TO_RECONNECT
        await again.next()
        for _ in range(2):
            await call.play(LONG)


async def test_the_connection_may_break_meanwhile(certificates: Certificates) -> None:
    async with call_to(certificates, Machine(300 * "a ")) as (world, call):

        async def cut() -> None:
            await world.until(What.DETECTED)
            world.cut()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cut)
            assert (await call.leave_message("Hello")).played
        assert world.all(What.SESSION_RESUMED)


async def test_the_client_may_disconnect_meanwhile(certificates: Certificates) -> None:
    async with call_to(certificates, Machine(4000 * "no ")) as (world, call):

        async def disconnect() -> None:
            await world.until(What.DETECTED, times=2)
            await call.client.disconnect()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(disconnect)
            left = await call.leave_message("Hello")
            assert left.who in ("machine", "nobody")
            assert not left.played


async def test_many_messages_at_the_same_time(certificates: Certificates) -> None:
    async with call_to(certificates, Machine("speak")) as (_, call):
        found: list[LeftMessage] = []

        async def leave(number: str) -> None:
            other = await call.client.dial([[phone(number)]])
            found.append(await other.leave_message("Hello", also_to="human"))

        async with anyio.create_task_group() as tasks:
            for number in (ANSWERING, "+15550003009", ANSWERING):
                tasks.start_soon(leave, number)
        assert sorted(left.who for left in found) == ["human", "machine", "machine"]
        assert all(left.played for left in found)


@pytest.mark.async_only("a thread may take the first event before the second one comes")
async def test_what_waits_for_a_procedure_is_bounded(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line(ANSWERING, Answers(after=0.01, nature=Machine(300 * "a ")))
    async with (
        open_world(certificates, timing=QUICK, lines=(line,)) as world,
        world.client(limits=Limits(listener_backlog=1)) as client,
    ):
        call = await client.dial([[phone(ANSWERING)]])
        assert (await call.leave_message("Hello")).played
    (dropped,) = [one.message for one in caplog.records if "is dropped" in one.message]
    assert dropped.startswith(f"procedure on call {call.call_id}: ")
    assert "is dropped, because the backlog has 1 event " in dropped
    assert "NOT_READY" in dropped
