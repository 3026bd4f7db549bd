"""Traces of what goes wrong: calls that are over, samplers and processors that raise."""

from __future__ import annotations

import logging
from typing import Any, Final

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import StatusCode

from relay_anyio.testing import Caller, HangUp, TextMessage, Wait
from relay_proto.errors import RelayError
from tests.otel.observed import AGENT, ANNA, CALLER, OFFICE, Observed, attributes

WORDS: Final = "the exporter is broken"


def test_what_is_asked_of_a_call_that_is_over_is_in_its_trace(observed: Observed) -> None:
    async def hangs_up_too_late(call: Any) -> None:
        await call.answer()
        await call.wait_for_ended()
        with observed.tracer.start_as_current_span("clean up"):
            await call.hangup()
        await call.play_tts("Is there anybody?")

    observed.on_call(hangs_up_too_late, cancel_on_end=False)
    observed.rehearse(Caller(ANNA, (Wait(1), HangUp())))
    assert sorted(path for path in observed.tree() if path.startswith("call inbound > ")) == [
        "call inbound > calling.answer",
        "call inbound > clean up",
        "call inbound > clean up > calling.end",
        "call inbound > play",
    ]
    roots = [span.name for span in observed.spans if span.parent is None]
    assert sorted(roots) == ["call inbound", "connect"]


def test_a_request_that_is_refused_has_the_code_of_the_server(observed: Observed) -> None:
    async def ask(stage: Any) -> None:
        with pytest.raises(RelayError):
            await observed.program.execute("calling.nonsense", {})

    observed.rehearse(ask)
    span = observed.one("calling.nonsense")
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span)["rpc.response.status_code"] == attributes(span)["error.type"]
    assert attributes(span)["error.type"] == "-32601"


class Broken(SpanProcessor):
    """Raises when a span begins or ends, and counts those that have begun and not ended."""

    def __init__(self, when: str) -> None:
        self._when = when
        self.open: list[str] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self._when == "begin":
            raise ValueError(WORDS)
        self.open.append(span.name)

    def on_end(self, span: ReadableSpan) -> None:
        self.open.remove(span.name)
        raise ValueError(WORDS)


@pytest.mark.parametrize("when", ["begin", "end"])
def test_a_processor_that_raises_costs_no_metrics(
    observed: Observed, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    async def greet(call: Any) -> None:
        await call.answer()
        await (await call.play_tts("Hello")).wait()
        await call.hangup()

    async def answer(message: Any) -> None:
        await message.reply("Thank you")

    async def evening(stage: Any) -> None:
        await stage.over(stage.call(CALLER))
        stage.text(TextMessage(ANNA, OFFICE, "Hello"))
        stage.cut()
        await observed.sleep(10)
        call = await observed.program.dial_phone(AGENT, OFFICE)
        await call.hangup()
        await call.wait_for_ended()

    broken = Broken(when)
    observed.tracer_provider.add_span_processor(broken)
    observed.on_call(greet)
    observed.on_message(answer)
    # A rehearsal raises whatever was raised in it: here that of the processor, and no other.
    with pytest.raises(ValueError, match=WORDS):
        observed.rehearse(evening)
    assert broken.open == []
    assert "AssertionError" not in caplog.text
    assert observed.counts("relay.call.duration") == {
        ("inbound", "hangup"): 1,
        ("outbound", "hangup"): 1,
    }
    assert observed.counts("relay.dial.duration") == {("answered",): 1}
    assert observed.counts("relay.action.duration") == {("finished", "play"): 1}
    assert observed.counts("relay.session.gap") == {("true",): 1}
    assert observed.values("relay.call.active") == {("inbound",): 0, ("outbound",): 0}
    assert observed.values("relay.session.active") == {(): 0}
    assert observed.values("relay.text.states")["inbound", "received"] == 1
