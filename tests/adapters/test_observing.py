"""Observation over real sockets: what rehearsals cannot show, because their time is virtual."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import relay_otel
from relay_anyio import Call, ClientClosedError, LocalProtocolError
from tests.adapters.support import OFFICE, Certificates, open_world

pytestmark = pytest.mark.anyio


async def test_acknowledgements_are_prompt_and_spans_have_the_time_of_day(
    certificates: Certificates,
) -> None:
    reader, exporter = InMemoryMetricReader(), InMemorySpanExporter()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    ended = anyio.Event()
    began_at = time.time()

    async def greet(call: Call) -> None:
        await call.answer()
        await anyio.sleep(1.2)  # a timer comes by each second
        await call.hangup()
        await call.wait_for_ended()
        ended.set()

    async with open_world(certificates, epoch=time.time() - anyio.current_time()) as world:
        client = world.client()
        real: Any = getattr(client, "hidden", client)
        relay_otel.observe(real, tracer_provider=tracers, meter_provider=meters)
        client.on_call(greet)
        async with client:
            world.place_call(to=OFFICE)
            await ended.wait()
    data: Any = reader.get_metrics_data()
    points = {
        metric.name: [*metric.data.data_points]
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
    }
    (delay,) = points["relay.event.acknowledgement_delay"]
    assert delay.count >= 3  # the offer, the answer, the end
    assert delay.max < 1.0
    (lag,) = points["relay.client.lag"]
    assert lag.count >= 1
    assert lag.max < 1.0
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert {"connect", "call inbound", "calling.answer", "calling.end"} <= set(spans)
    for span in spans.values():
        assert span.start_time is not None
        assert span.end_time is not None
        assert began_at - 0.1 <= span.start_time / 1e9 <= span.end_time / 1e9
        assert span.end_time / 1e9 <= time.time() + 0.1
    parent = spans["calling.answer"].parent
    assert parent is not None
    assert parent == spans["call inbound"].context


async def test_a_command_that_was_refused_does_not_keep_a_client_from_being_observed(
    certificates: Certificates,
) -> None:
    async with open_world(certificates) as world:
        client = world.client()
        real: Any = getattr(client, "hidden", client)
        with pytest.raises(ClientClosedError, match="connect"):
            await client.execute("signalwire.ping", {})
        relay_otel.observe(real)
        assert real.observer is not None
        async with client:
            await client.execute("signalwire.ping", {})


async def test_a_client_that_is_connected_cannot_be_observed_any_more(
    certificates: Certificates,
) -> None:
    """Nothing would come of it, so it is refused. A disconnect makes it possible again."""
    async with open_world(certificates) as world:
        client = world.client()
        real: Any = getattr(client, "hidden", client)
        async with client:
            with pytest.raises(LocalProtocolError, match=r"before connect\(\)"):
                relay_otel.observe(real)
            assert real.observer is None
            real.observer = None  # as it is
        relay_otel.observe(real)
        observer = real.observer
        assert observer is not None
        async with client:
            with pytest.raises(LocalProtocolError, match=r"after disconnect\(\)"):
                real.observer = None
            assert real.observer is observer
