"""`relay run --observe`: the client of a worker is observed. `tests/running` has whole workers."""

from __future__ import annotations

import logging
import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import relay_otel
from relay_otel._providers import OpenTelemetry
from relay_run import metrics
from relay_run.target import TargetError
from tests.otel.observed import CALLER, Observed


def test_it_observes_the_client(observed: Observed) -> None:
    observed.client.observer = None
    metrics.observe(observed.client)
    assert isinstance(observed.client.observer, OpenTelemetry)


def test_a_program_that_observes_its_client_has_said_how(observed: Observed) -> None:
    before = observed.client.observer
    metrics.observe(observed.client)
    assert observed.client.observer is before


def test_without_the_extra_it_says_what_to_install(
    observed: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed.client.observer = None
    for name in [name for name in sys.modules if name.startswith("relay_otel")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.prometheus", None)
    with pytest.raises(TargetError, match=r"^--observe: relay_otel needs .*relay-proto\[otel\]"):
        metrics.observe(observed.client)


@pytest.mark.parametrize("given", ["nothing", "late", "no spans"])
def test_without_a_provider_of_spans_the_log_says_that_there_are_none(
    observed: Observed,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    given: str,
) -> None:
    caplog.set_level(logging.INFO, "relay_otel")
    proxy = trace.ProxyTracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: proxy)
    none = trace.NoOpTracerProvider() if given == "no spans" else None
    relay_otel.observe(
        observed.client, tracer_provider=none, meter_provider=observed.meter_provider
    )
    if given == "late":
        provider = TracerProvider(shutdown_on_exit=False)
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    observed.rehearse(CALLER)
    said = [record.message for record in caplog.records if record.name == "relay_otel"]
    expected = ["no spans are made: the program has set no tracer provider"]
    assert said == (expected if given == "nothing" else [])
