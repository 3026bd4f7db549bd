"""An observer that raises, or that is not there, changes nothing for anybody."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

import relay_anyio
import relay_otel
from relay_anyio.testing import Caller, Hear, Press, TextMessage, What
from relay_proto.api.commands import Command
from relay_proto.client_interface import ClientInterface
from relay_proto.outputs import Output
from relay_proto.pending import Pending
from relay_proto.recorder.replay import replay
from relay_proto.records import CallRecord, MessageRecord
from tests.otel.observed import ANNA, CALLER, OFFICE, Observed

WORDS: Final = "the observer is broken"


class Broken:
    """Raises in all that it is told, or in one thing of it."""

    def __init__(self, error: type[BaseException], only: str = "") -> None:
        self._error = error
        self._only = only
        self.told: set[str] = set()
        self.failures = 0

    def observe(self, core: ClientInterface) -> Broken:
        self._fail("observe")
        return self

    def commanded(self, command: Command[Any], target: Any, pending: Pending[Any], now: Any) -> Any:
        self._fail("commanded")

    def put_out(self, output: Output, now: float) -> None:
        self._fail("put_out")

    def late(self, seconds: float) -> None:
        self._fail("late")

    def enter(self, record: CallRecord | MessageRecord, now: float) -> None:
        self._fail("enter")

    def left(
        self, record: CallRecord | MessageRecord, failure: BaseException | None, now: float
    ) -> None:
        self._fail("left")

    def _fail(self, what: str) -> None:
        self.told.add(what)
        if what != "observe" and self._only in ("", what):
            self.failures += 1
            raise self._error(WORDS)


def evening(observed: Observed) -> tuple[Any, list[str]]:
    """A program with a call, a text and a cut; and what somebody has heard in it."""
    heard: list[str] = []

    async def menu(call: Any) -> None:
        await call.answer()
        action = await call.play_and_collect(
            [{"type": "tts", "text": "Press one"}], {"digits": {"max": 1}}
        )
        event = await action.wait()
        heard.append(event.digits)
        await call.play_tts("Goodbye")
        await observed.sleep(5)
        await call.hangup()

    async def answer(message: Any) -> None:
        await message.reply("Thank you")
        heard.append(message.body)

    async def scene(stage: Any) -> None:
        call_id = stage.call(Caller(ANNA, (Hear("press one"), Press("1"), Hear("goodbye"))))
        await stage.until(What.COLLECTED)
        await observed.sleep(2)
        stage.cut()
        await stage.over(call_id)
        stage.text(TextMessage(ANNA, OFFICE, "Hello"))
        await observed.sleep(5)

    observed.on_call(menu)
    observed.on_message(answer)
    return scene, heard


def test_an_observer_that_raises_hurts_no_call(
    observed: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    broken = observed.client.observer = Broken(ValueError)
    scene, heard = evening(observed)
    with pytest.raises(ValueError, match=WORDS):  # a rehearsal raises all that was raised in it
        observed.rehearse(scene)
    assert heard == ["1", "Hello"]
    assert broken.told == {"observe", "commanded", "put_out", "late", "enter", "left"}
    lines = [record for record in caplog.records if "the observer failed on" in record.message]
    assert lines
    assert len(lines) < broken.failures / 4  # of a trouble that repeats, a line and a count


@pytest.mark.parametrize("only", ["commanded", "put_out", "late", "enter", "left"])
def test_what_ends_the_program_ends_it_in_order(only: str) -> None:
    observed = Observed("asyncio")
    observed.client.observer = Broken(SystemExit, only)
    scene, _ = evening(observed)
    with pytest.raises(SystemExit):
        observed.rehearse(scene)
    assert observed.client.state.value in ("closed", "disconnected")


def test_an_observer_that_cannot_begin_is_left_out(
    observed: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing:
        def observe(self, core: ClientInterface) -> Any:
            raise ValueError(WORDS)

    observed.client.observer = Refusing()
    scene, heard = evening(observed)
    observed.rehearse(scene)
    assert heard == ["1", "Hello"]
    assert "the client is not observed, because the observer has failed" in caplog.text


def test_an_observed_rehearsal_is_the_same_story(runtime: str) -> None:
    def story(*, observer: bool) -> str:
        observed = Observed(runtime)
        if not observer:
            observed.client.observer = None
        scene, _ = evening(observed)
        told: str = observed.rehearse(scene).text
        # The delay until the next attempt to connect is chance.
        return re.sub(r"^ *[\d.]+ +", "", told, flags=re.MULTILINE)

    observed = story(observer=True)
    assert "receives digit: 1" in observed
    assert observed == story(observer=False)


def test_a_program_may_observe_from_the_next_connection_on(observed: Observed) -> None:
    observed.client.observer = None

    async def greet(call: Any) -> None:
        await call.answer()
        await call.hangup()

    observed.on_call(greet)
    observed.rehearse(CALLER)
    assert observed.spans == []
    observed.observe(observed.client)
    observed.rehearse(CALLER)
    assert len(observed.named("call inbound")) == 1


def test_an_observed_client_can_be_recorded_and_replayed(runtime: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    recorded = Observed(runtime, record=file)

    async def greet(call: Any) -> None:
        await call.answer()
        await (await call.play_tts("Hello")).wait()
        await call.hangup()

    recorded.on_call(greet)
    recorded.rehearse(CALLER)
    lines = file.read_text("utf-8").splitlines()
    assert any('"calling.play"' in line for line in lines)
    steps = [*replay(lines, Random)]
    assert len(steps) == len(lines)
    assert [(step.line, step.replayed) for step in steps if not step.same] == []
    assert len(recorded.named("play")) == 1


def test_nothing_is_logged_of_an_observer_that_is_well(
    observed: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    scene, _ = evening(observed)
    observed.rehearse(scene)
    alien = [line for line in caplog.records if line.name.startswith("opentelemetry")]
    assert alien == []
    assert OFFICE not in caplog.text


@pytest.mark.parametrize("wrong", [5, print, relay_anyio.RelayClient])
def test_what_is_no_client_cannot_be_observed(wrong: Any) -> None:
    with pytest.raises(TypeError, match="client must be a RelayClient"):
        relay_otel.observe(wrong)


def test_what_is_no_provider_is_named() -> None:
    wrong: Any = 5
    client = relay_anyio.RelayClient("project", "token")
    with pytest.raises(TypeError, match="tracer_provider must be a TracerProvider"):
        relay_otel.observe(client, tracer_provider=wrong)
    with pytest.raises(TypeError, match="meter_provider must be a MeterProvider"):
        relay_otel.observe(client, meter_provider=wrong)
