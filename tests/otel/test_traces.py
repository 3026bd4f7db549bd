"""Traces: one for each call, with what was done in it, on every runtime."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

import relay_otel
from relay_anyio.testing import Busy, Caller, HangUp, Hear, NoAnswer, Press, TextMessage, Wait, What
from relay_proto.errors import DialFailedError, MessageFailedError
from tests.otel.observed import (
    AGENT,
    ANNA,
    BUSY,
    CALLER,
    OFFICE,
    Observed,
    attributes,
    context_of,
    events,
    links,
    seconds,
)


def test_a_call_is_a_trace_with_all_that_was_done_in_it(observed: Observed) -> None:
    async def greet(call: Any) -> None:
        await call.answer()
        await (await call.play_tts("Hello")).wait()
        await call.hangup()

    observed.on_call(greet)
    observed.rehearse(CALLER)
    call = observed.one("call inbound")
    assert call.parent is None
    assert call.kind is SpanKind.SERVER
    about = attributes(call)
    assert about.pop("relay.call.id")
    assert about == {
        "relay.call.direction": "inbound",
        "relay.call.context": "office",
        "relay.call.end_reason": "hangup",
    }
    assert events(call) == ["created", "answered", "ended"]
    assert call.status.status_code is StatusCode.UNSET
    below = [path for path in observed.tree() if path.startswith("call inbound > ")]
    assert below == [
        "call inbound > calling.answer",
        "call inbound > play",
        "call inbound > calling.end",
    ]
    play = observed.one("play")
    assert attributes(play) == {"relay.action.verb": "play", "relay.action.result": "finished"}
    assert events(play) == ["accepted"]
    assert seconds(play) == pytest.approx(seconds(call), abs=0.01)
    assert seconds(play) > 0.2
    answer = observed.one("calling.answer")
    assert answer.kind is SpanKind.CLIENT
    assert attributes(answer) == {
        "rpc.system.name": "jsonrpc",
        "rpc.method": "calling.answer",
        "jsonrpc.protocol.version": "2.0",
        "server.address": "relay.signalwire.com",
        "server.port": 443,
    }
    assert {context_of(span).trace_id for span in (call, play, answer)} == {
        context_of(call).trace_id
    }


def test_the_session_is_a_link_and_no_parent(observed: Observed) -> None:
    async def greet(call: Any) -> None:
        await call.answer()
        await call.hangup()

    observed.on_call(greet)
    observed.rehearse(CALLER, CALLER)
    connect = observed.one("connect")
    assert connect.parent is None
    assert attributes(connect) == {
        "server.address": "relay.signalwire.com",
        "server.port": 443,
        "relay.session.resumed": False,
    }
    calls = observed.named("call inbound")
    assert [links(call) for call in calls] == [{context_of(connect).span_id}] * 2
    traces = {context_of(span).trace_id for span in (connect, *calls)}
    assert len(traces) == 3


def test_the_spans_of_a_program_are_below_their_call(observed: Observed) -> None:
    async def menu(call: Any) -> None:
        with observed.tracer.start_as_current_span("menu"):
            await call.answer()
            action = await call.play_and_collect(
                [{"type": "tts", "text": "Press one"}], {"digits": {"max": 1}}
            )
            await action.wait()
        with observed.tracer.start_as_current_span("goodbye"):
            await call.hangup()

    observed.on_call(menu)
    observed.rehearse(Caller(ANNA, (Hear("press one"), Press("1"))))
    below = [path for path in observed.tree() if path.startswith("call inbound > ")]
    assert sorted(below) == [
        "call inbound > goodbye",
        "call inbound > goodbye > calling.end",
        "call inbound > menu",
        "call inbound > menu > calling.answer",
        "call inbound > menu > play_and_collect",
    ]
    collected = attributes(observed.one("play_and_collect"))
    assert collected["relay.action.result"] == "digit"


def test_two_calls_at_once_do_not_share_a_trace(observed: Observed) -> None:
    async def greet(call: Any) -> None:
        with observed.tracer.start_as_current_span("mine") as span:
            span.set_attribute("call", call.call_id)
            await call.answer()
            await observed.sleep(5)
            await call.hangup()

    async def both(stage: Any) -> None:
        first, second = stage.call(CALLER), stage.call(Caller(AGENT))
        await stage.over(first)
        await stage.over(second)

    observed.on_call(greet)
    observed.rehearse(both)
    calls = {attributes(call)["relay.call.id"]: call for call in observed.named("call inbound")}
    mine = observed.named("mine")
    assert len(calls) == len(mine) == 2
    for span in mine:
        parent = calls[attributes(span)["call"]]
        assert span.parent is not None
        assert span.parent.span_id == context_of(parent).span_id


def test_a_handler_that_raises_marks_its_call(observed: Observed) -> None:
    async def greet(call: Any) -> None:
        await call.answer()
        raise LookupError("her number is +15550001111")

    observed.on_call(greet)
    with pytest.raises(LookupError):
        observed.rehearse(CALLER)
    call = observed.one("call inbound")
    assert call.status.status_code is StatusCode.ERROR
    assert attributes(call)["error.type"] == "LookupError"
    assert observed.values("relay.handler.failures") == {("LookupError", "call"): 1}
    assert "1111" not in call.to_json()


def test_a_handler_whose_caller_hangs_up_has_not_failed(observed: Observed) -> None:
    async def greet(call: Any) -> None:
        await call.answer()
        await call.wait_for("calling.call.refer")

    observed.on_call(greet)
    observed.rehearse(Caller(ANNA, (Wait(5.0), HangUp())))
    call = observed.one("call inbound")
    assert call.status.status_code is StatusCode.UNSET
    assert observed.values("relay.handler.failures") == {}


def test_a_function_for_errors_is_within_the_call_too(observed: Observed) -> None:
    def apologize(call: Any, error: BaseException) -> Any:
        with observed.tracer.start_as_current_span("apology"):
            return call.hangup()

    async def greet(call: Any) -> None:
        raise LookupError

    observed.on_call(greet, on_error=apologize)
    with pytest.raises(LookupError):
        observed.rehearse(CALLER)
    assert "call inbound > apology" in observed.tree()
    assert observed.one("call inbound").status.status_code is StatusCode.UNSET


def test_a_dial_shows_who_was_busy_and_who_answered(observed: Observed) -> None:
    async def dial(stage: Any) -> None:
        devices = [_phone(BUSY), _phone(AGENT)]
        with observed.tracer.start_as_current_span("of the program"):
            call = await observed.program.dial([[device] for device in devices])
            await (await call.play_tts("Hello")).wait()
        with observed.within(call), observed.tracer.start_as_current_span("goodbye"):
            await call.hangup()
        await call.wait_for_ended()

    observed.rehearse(dial, lines={BUSY: Busy()})
    call, dialled = observed.one("call outbound"), observed.one("dial")
    mine = observed.one("of the program")
    assert call.kind is SpanKind.CLIENT
    assert call.parent is None
    connect = observed.one("connect")
    assert links(call) == {context_of(connect).span_id, context_of(mine).span_id}
    below = [path for path in observed.tree() if path.startswith("call outbound > ")]
    assert sorted(below) == [
        "call outbound > dial",
        "call outbound > dial > leg",
        "call outbound > dial > leg",
        "call outbound > goodbye",
        "call outbound > goodbye > calling.end",
        "call outbound > play",
    ]
    assert attributes(dialled) == {"relay.dial.result": "answered"}
    lost, won = sorted(observed.named("leg"), key=seconds)
    assert attributes(lost)["relay.call.end_reason"] == "busy"
    assert events(won) == ["created", "ringing", "answered"]
    assert attributes(won)["relay.call.id"] == attributes(call)["relay.call.id"]
    assert links(observed.one("play")) == {context_of(mine).span_id}
    assert observed.counts("relay.dial.duration") == {("answered",): 1}
    assert observed.values("relay.call.active") == {("outbound",): 0}


@pytest.mark.parametrize(
    ("line", "timeout", "result"), [(Busy(), None, "busy"), (NoAnswer(), 5.0, "timeout")]
)
def test_a_dial_that_fails_says_why(
    observed: Observed, line: Any, timeout: float | None, result: str
) -> None:
    async def dial(stage: Any) -> None:
        with pytest.raises((DialFailedError, TimeoutError)):
            await observed.program.dial([[_phone(BUSY)]], dial_timeout=timeout)

    observed.rehearse(dial, lines={BUSY: line})
    for name in ("call outbound", "dial"):
        span = observed.one(name)
        assert span.status.status_code is StatusCode.ERROR
        assert attributes(span)["relay.dial.result"] == result
    assert observed.counts("relay.dial.duration") == {(result,): 1}
    assert observed.named("leg")


def test_a_cut_in_the_middle_of_a_call_is_a_link(observed: Observed) -> None:
    async def greet(call: Any) -> None:
        await call.answer()
        action = await call.record()
        await observed.sleep(30)
        await action.stop()
        await action.wait()
        await call.hangup()

    async def cut(stage: Any) -> None:
        call_id = stage.call(CALLER)
        await stage.until(What.ANSWERED)
        await observed.sleep(3)
        stage.cut()
        await stage.over(call_id)

    observed.on_call(greet)
    observed.rehearse(cut)
    gap = observed.one("gap")
    before, after = observed.named("connect")
    assert links(gap) == {context_of(before).span_id}
    assert attributes(gap) == {
        "error.type": "ConnectionLostError",
        "relay.session.resumed": True,
    }
    assert after.parent is not None
    assert after.parent.span_id == context_of(gap).span_id
    call, record = observed.one("call inbound"), observed.one("record")
    assert links(call) == {context_of(before).span_id, context_of(gap).span_id}
    assert links(record) == {context_of(gap).span_id}
    assert seconds(call) == pytest.approx(30, abs=0.5)
    assert 1 <= seconds(gap) <= 5
    assert observed.counts("relay.session.gap") == {("true",): 1}
    assert observed.values("relay.session.active") == {(): 0}


def test_a_call_that_its_session_takes_along_has_failed(observed: Observed) -> None:
    async def greet(call: Any) -> None:
        await call.answer()
        await (await call.play_tts("Hello " * 200)).wait()

    async def restart(stage: Any) -> None:
        stage.call(CALLER)
        await stage.until(What.ANSWERED)
        await observed.sleep(1)
        stage.restart()
        await observed.sleep(60)

    observed.on_call(greet)
    observed.rehearse(restart)
    call, play = observed.one("call inbound"), observed.one("play")
    assert attributes(call)["relay.call.end_reason"] == "error"
    assert attributes(play)["relay.action.result"] == "session_lost"
    assert call.status.status_code is play.status.status_code is StatusCode.ERROR
    assert observed.counts("relay.session.gap") == {("false",): 1}


def test_a_text_is_followed_to_its_delivery(observed: Observed) -> None:
    async def send(stage: Any) -> None:
        for number in (ANNA, AGENT):
            message = await observed.program.send_message(
                to_number=number, from_number=OFFICE, body="a secret"
            )
            try:
                await message.wait()
            except MessageFailedError:
                assert number == AGENT

    observed.rehearse(send, undeliverable=[AGENT])
    sent = observed.named("send text")
    assert [span.kind for span in sent] == [SpanKind.PRODUCER] * 2
    assert [attributes(span)["relay.text.state"] for span in sent] == ["delivered", "undelivered"]
    assert [span.status.status_code for span in sent] == [StatusCode.UNSET, StatusCode.ERROR]
    assert events(sent[0])[:2] == ["queued", "initiated"]
    assert all(attributes(span)["messaging.message.id"] for span in sent)
    states = observed.values("relay.text.states")
    assert states["outbound", "delivered"] == states["outbound", "undelivered"] == 1
    assert "secret" not in "".join(span.to_json() for span in observed.spans)


def test_the_handler_of_a_text_is_a_span(observed: Observed) -> None:
    async def answer(message: Any) -> None:
        with observed.tracer.start_as_current_span("think"):
            raise LookupError(message.body)

    async def send(stage: Any) -> None:
        stage.text(TextMessage(ANNA, OFFICE, "Hello"))
        await observed.sleep(1)

    observed.on_message(answer)
    with pytest.raises(LookupError):
        observed.rehearse(send)
    assert "process text > think" in observed.tree()
    process = observed.one("process text")
    assert process.kind is SpanKind.CONSUMER
    assert process.status.status_code is StatusCode.ERROR
    assert observed.values("relay.text.states") == {("inbound", "received"): 1}
    assert observed.values("relay.handler.failures") == {("LookupError", "text"): 1}


def test_no_span_is_left_open(observed: Observed) -> None:
    """Each that begins ends: what is open at the end would never be exported."""
    begun: list[Span] = []

    class Counting(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            begun.append(span)

    observed.tracer_provider.add_span_processor(Counting())

    async def greet(call: Any) -> None:
        await call.answer()
        await call.record()
        await call.detect({"type": "machine", "params": {}})
        await observed.program.send_message(to_number=ANNA, from_number=OFFICE, body="Hello")

    async def leave(stage: Any) -> None:
        stage.call(CALLER)
        await stage.until(What.ANSWERED)
        await observed.sleep(1)
        stage.cut()
        await observed.program.disconnect()

    observed.on_call(greet)
    observed.rehearse(leave)
    assert begun
    assert {context_of(span).span_id for span in begun} == {
        context_of(span).span_id for span in observed.spans
    }


def _phone(number: str) -> dict[str, object]:
    return {"type": "phone", "params": {"from_number": OFFICE, "to_number": number}}


def test_clients_whose_calls_have_the_same_id_have_spans_of_their_own() -> None:
    one, other = (Observed("asyncio", max_connections=2) for _ in range(2))
    seen: list[tuple[str, int]] = []

    def look(call: Any) -> None:
        seen.append((call.call_id, relay_otel.span_of(call).get_span_context().span_id))

    async def while_the_other_serves(call: Any) -> None:
        await call.answer()
        thread = threading.Thread(target=other.rehearse, args=(CALLER,))
        thread.start()
        thread.join(30)
        look(call)
        await call.hangup()

    async def serve(call: Any) -> None:
        await call.answer()
        look(call)
        await call.hangup()

    one.on_call(while_the_other_serves)
    other.on_call(serve)
    one.rehearse(CALLER)
    (other_id, other_span), (own_id, own_span) = seen
    assert own_id == other_id
    assert own_span == context_of(one.one("call inbound")).span_id
    assert other_span == context_of(other.one("call inbound")).span_id
