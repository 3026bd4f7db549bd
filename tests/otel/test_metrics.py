"""Metrics: what is counted and timed, on every runtime, and how few values there are."""

from __future__ import annotations

from typing import Any, Final

import anyio
import pytest

from relay_anyio.testing import (
    Busy,
    Caller,
    HangUp,
    Hear,
    Press,
    RehearsalTimeoutError,
    Wait,
    What,
)
from relay_otel import _names as names
from relay_otel._bounds import MOST_VALUES, OTHER, Words, error_type, is_word
from relay_proto.errors import (
    ConnectFailedError,
    ConnectionLostError,
    RelayError,
    RequestTimeoutError,
)
from tests.otel.observed import AGENT, ANNA, BUSY, CALLER, OFFICE, Observed

NOT_REFUSED: Final[dict[tuple[object, ...], float]] = {
    ("no_handler",): 0,
    ("draining",): 0,
    ("too_many_calls",): 0,
    ("too_much_data",): 0,
}
"""An alarm sees the first one only behind a zero."""


def test_a_call_is_counted_and_timed(observed: Observed) -> None:
    async def greet(call: Any) -> None:
        await observed.sleep(2)
        await call.answer()
        await observed.sleep(1.5)
        await (await call.play_tts("Hello")).wait()
        await observed.sleep(10)
        await call.hangup()

    observed.on_call(greet)
    observed.rehearse(CALLER)
    assert observed.values("relay.call.offered") == {(): 1}
    assert observed.values("relay.call.refused") == NOT_REFUSED
    assert observed.values("relay.call.answered") == {("inbound",): 1}
    assert observed.values("relay.call.active") == {("inbound",): 0}
    assert observed.sums("relay.call.time_to_answer") == {("inbound",): 2}
    assert observed.sums("relay.call.time_to_first_prompt") == {("inbound",): 1.5}
    assert observed.counts("relay.call.duration") == {("inbound", "hangup"): 1}
    assert observed.counts("relay.action.duration") == {("finished", "play"): 1}
    assert observed.counts("relay.request.duration") == {
        ("calling.answer",): 1,
        ("calling.play",): 1,
        ("calling.end",): 1,
    }


def test_calls_that_are_up_are_seen_while_they_are(observed: Observed) -> None:
    seen: list[dict[tuple[object, ...], float]] = []

    async def greet(call: Any) -> None:
        await call.answer()
        await observed.sleep(5)
        seen.append(observed.values("relay.call.active"))
        seen.append(observed.values("relay.session.active"))
        await call.hangup()

    observed.on_call(greet)
    observed.rehearse(CALLER)
    assert seen == [{("inbound",): 1}, {(): 1}]
    assert observed.values("relay.session.active") == {(): 0}


def test_a_call_that_nobody_takes_is_refused_and_one_may_be_passed_back(
    observed: Observed,
) -> None:
    async def give_back(call: Any) -> None:
        await call.pass_()

    async def both(stage: Any) -> None:
        stage.call(Caller(ANNA, (Wait(3), HangUp())), context="office")
        await observed.sleep(5)
        stage.call(Caller(ANNA, (Wait(3), HangUp())), context="shop")
        await observed.sleep(5)

    observed.client.contexts = ["office", "shop"]
    observed.on_call(give_back, contexts=["office"])
    observed.rehearse(both)
    assert observed.values("relay.call.offered") == {(): 2}
    assert observed.values("relay.call.refused") == NOT_REFUSED | {("no_handler",): 1}
    assert observed.values("relay.call.passed_back") == {(): 1}
    assert observed.counts("relay.call.duration") == {("inbound", "passed"): 1}


def test_the_time_to_answer_of_a_dial_counts_from_the_dial(observed: Observed) -> None:
    async def dial(stage: Any) -> None:
        phone = {"type": "phone", "params": {"from_number": OFFICE, "to_number": AGENT}}
        call = await observed.program.dial([[phone]])
        await call.hangup()
        await call.wait_for_ended()

    observed.rehearse(dial, lines={BUSY: Busy()})
    answered = observed.sums("relay.call.time_to_answer")["outbound",]
    assert observed.sums("relay.dial.duration") == {("answered",): answered}
    assert answered.expected > 1


@pytest.mark.parametrize(
    ("caller", "result"),
    [
        (Caller(ANNA, (Hear("press one"), Press("1"))), "digit"),
        (CALLER, "no_input"),
        (Caller(ANNA, (Wait(1), HangUp())), "call_ended"),
    ],
)
def test_an_action_says_how_it_has_ended(observed: Observed, caller: Caller, result: str) -> None:
    async def menu(call: Any) -> None:
        await call.answer()
        action = await call.play_and_collect(
            [{"type": "tts", "text": "Press one, please, or stay on the line"}],
            {"digits": {"max": 1}, "initial_timeout": 5},
        )
        await action.wait()
        await call.hangup()

    observed.on_call(menu)
    observed.rehearse(caller)
    assert observed.counts("relay.action.duration") == {(result, "play_and_collect"): 1}


def test_a_refused_request_says_by_which_code(observed: Observed) -> None:
    async def ask(stage: Any) -> None:
        with pytest.raises(RelayError):
            await observed.program.execute("calling.nonsense", {})

    observed.rehearse(ask)
    assert observed.counts("relay.request.duration") == {("-32601", "calling.nonsense"): 1}


def test_requests_that_wait_are_seen_while_they_do(observed: Observed) -> None:
    queued: list[float] = []

    async def greet(call: Any) -> None:
        await call.answer()
        for _ in range(30):
            await observed.sleep(0.2)
            queued.append(observed.values("relay.request.queued")[()])
        await call.hangup()

    async def cut(stage: Any) -> None:
        call_id = stage.call(CALLER)
        await stage.until(What.ANSWERED)
        await observed.sleep(0.1)
        stage.cut()
        await observed.sleep(0.05)
        await observed.program.receive(["more"])
        await stage.over(call_id)

    observed.on_call(greet)
    observed.rehearse(cut)
    assert max(queued) == queued[0] == 1
    assert min(queued) == queued[-1] == 0


def test_a_timer_measures_the_lag(observed: Observed) -> None:
    async def wait(stage: Any) -> None:
        await observed.sleep(20)

    observed.rehearse(wait)
    (point,) = observed.points("relay.client.lag").values()
    assert 18 <= point.count <= 21
    assert point.sum == pytest.approx(0, abs=0.1)


def test_an_attempt_that_fails_is_counted(runtime: str) -> None:
    if runtime == "threads":

        def refuse(host: str, port: int) -> Any:
            raise OSError("refused")

        observed = Observed(runtime, connector=refuse)
        with pytest.raises(ConnectFailedError):
            observed.client.connect()
    else:

        async def refuse_async(host: str, port: int) -> Any:
            raise OSError("refused")

        observed = Observed(runtime, connector=refuse_async)
        with pytest.raises(ConnectFailedError):
            anyio.run(observed.client.connect, backend=runtime)
    assert observed.values("relay.session.failures") == {("ConnectFailedError",): 1}
    connect = observed.one("connect")
    assert connect.attributes is not None
    assert connect.attributes["error.type"] == "ConnectFailedError"


def test_two_clients_share_the_instruments(runtime: str) -> None:
    """OpenTelemetry warns of instruments that are made twice."""
    observed = Observed(runtime)
    first = observed.client.observer
    observed.observe(observed.client)
    assert observed.client.observer is not first
    with pytest.raises(RehearsalTimeoutError):
        observed.rehearse(_for_ever(observed), within=3.0)
    assert observed.values("relay.session.active") == {(): 0}


def _for_ever(observed: Observed) -> Any:
    async def wait(stage: Any) -> None:
        await observed.sleep(100)

    return wait


# Bounds


def test_an_attribute_has_few_values() -> None:
    words = Words()
    given = [f"reason_{number}" for number in range(2 * MOST_VALUES)]
    kept = [words.bounded(value) for value in given * 2]
    assert set(kept) == {*given[:MOST_VALUES], OTHER}
    assert words.bounded(given[0]) == given[0]


@pytest.mark.parametrize(
    "value", ["busy", "noAnswer", "calling.play", "404", "-32602", "m.<locals>.Err", "H11Error"]
)
def test_words_are_kept(value: str) -> None:
    assert is_word(value)
    assert Words().bounded(value) == value


@pytest.mark.parametrize(
    "value", ["+15550001111", "15550001111", "call 15550001111", "a b", "", "x" * 65, "n5550001111"]
)
def test_what_may_be_personal_is_none(value: str) -> None:
    assert not is_word(value)
    assert Words().bounded(value) == OTHER


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RelayError(404, "her number is +15550001111"), "404"),
        (RelayError(123456789, ""), OTHER),
        (ConnectionLostError("gone", maybe_delivered=True), "ConnectionLostError"),
        (RequestTimeoutError("calling.play", 10.0, sent=True), "RequestTimeoutError"),
        (ValueError("her number"), "ValueError"),
        (anyio.ClosedResourceError(), "anyio.ClosedResourceError"),
        (ExceptionGroup("her number", [ExceptionGroup("", [LookupError()])]), "LookupError"),
        (BaseExceptionGroup("both", [LookupError(), KeyError()]), "ExceptionGroup"),
    ],
)
def test_an_error_is_called_by_its_class_or_its_code(error: BaseException, kind: str) -> None:
    assert error_type(error) == kind


def test_the_names_follow_the_conventions() -> None:
    for metric in names.METRICS:
        assert metric.name.startswith("relay.")
        assert metric.name == metric.name.lower()
        assert metric.unit == "s" or metric.unit.strip("{}").isalpha()
        assert metric.description.endswith(".")
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert bool(metric.buckets) == (metric.kind is names.Kind.HISTOGRAM)
    assert len({metric.name for metric in names.METRICS}) == len(names.METRICS)
