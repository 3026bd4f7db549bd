"""What OpenTelemetry gets of a core."""

from __future__ import annotations

import time
from random import Random
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from relay_otel._metrics import Instruments
from relay_otel._observation import CoreObservation
from relay_otel._providers import OpenTelemetry
from relay_otel._spans import Spans
from relay_proto.client import ClientCore
from relay_proto.config import ClientConfig, Credentials, Secret
from relay_proto.observing.observed import ObservedCore
from relay_proto.outputs import EventReceived, OpenTransport, Output, SendData
from relay_proto.rpc.events import PlayEvent

CREDENTIALS = Credentials(project=Secret("p-1"), token=Secret("PT-secret"))


@pytest.fixture
def inner() -> ClientCore:
    return ClientCore(ClientConfig(credentials=CREDENTIALS), Random(1))


class Exported:
    """The histograms of one core that OpenTelemetry observes."""

    def __init__(self, core: ClientCore) -> None:
        self._reader = InMemoryMetricReader()
        meters = MeterProvider([self._reader], shutdown_on_exit=False)
        tracers = TracerProvider(shutdown_on_exit=False)
        self.observation = OpenTelemetry(tracers, meters).observe(core)

    def delays(self) -> list[float]:
        self.observation.put_out(OpenTransport(1), time.monotonic())
        data: Any = self._reader.get_metrics_data()
        return [
            point.sum
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "relay.event.acknowledgement_delay"
            for point in metric.data.data_points
        ]


@pytest.mark.parametrize(("ago", "delay"), [(2.0, 2.0), (-1.0, 0.0)])
def test_an_acknowledgement_counts_from_the_time_of_the_event(
    inner: ClientCore, ago: float, delay: float
) -> None:
    exported = Exported(inner)
    exported.delays()  # with this, it knows the clock
    event = PlayEvent(event_type="calling.call.play", timestamp=time.time() - ago)
    exported.observation.put_out(EventReceived(event), time.monotonic())
    assert exported.delays() == [pytest.approx(delay, abs=0.5)]


@pytest.mark.parametrize("timestamp", [0.0, 1.0, 9e9])
def test_an_event_of_another_time_says_nothing(inner: ClientCore, timestamp: float) -> None:
    exported = Exported(inner)
    exported.delays()
    event = PlayEvent(event_type="calling.call.play", timestamp=timestamp)
    exported.observation.put_out(EventReceived(event), time.monotonic())
    assert exported.delays() == []


def test_an_observation_is_told_the_time_of_the_input_that_led_to_an_output(
    inner: ClientCore,
) -> None:
    told: list[tuple[type[Output], float]] = []

    class Times(CoreObservation):
        def put_out(self, output: Output, now: float) -> None:
            told.append((type(output), now))

    meters = MeterProvider(shutdown_on_exit=False)
    spans = Spans(TracerProvider(shutdown_on_exit=False).get_tracer("test"))
    core = ObservedCore(inner, Times(inner, spans, Instruments(meters)), Random(2))
    core.start(1.0)
    while core.next_output() is not None:
        pass
    core.transport_opened(1, 5.0)
    while core.next_output() is not None:
        pass
    assert told == [(OpenTransport, 1.0), (SendData, 5.0)]


def test_a_clock_that_is_set_back_makes_no_span_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    spans = Spans(tracers.get_tracer("test"))
    began_at, at = time.monotonic(), time.time()
    spans.set_clock(began_at)
    call = spans.begin("call", SpanKind.SERVER, began_at, {})
    monkeypatch.setattr(time, "time", lambda: at - 3600.0)
    spans.set_clock(time.monotonic())  # another call begins
    spans.note(call, "answered", began_at + 1.0)
    spans.end(call, began_at + 2.0)
    later = spans.begin("later", SpanKind.SERVER, began_at + 3.0, {})
    spans.end(later, began_at + 4.0)
    first, second = exporter.get_finished_spans()
    assert first.start_time is not None
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time - first.start_time == pytest.approx(2e9, abs=1e3)
    assert first.events[0].timestamp - first.start_time == pytest.approx(1e9, abs=1e3)
    assert second.start_time / 1e9 == pytest.approx(at - 3600.0 + 3.0, abs=0.5)
