"""The page of metrics, and what is said without the extra."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

GREETS: Final = """
from relay_anyio import RelayClient
from relay_anyio.testing import Caller, rehearse

client = RelayClient(project="p-1", token="PT-secret", contexts=["office"])

@client.on_call
async def greet(call):
    await call.answer()
    await call.hangup()
"""


def output_of(program: str) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_a_provider_the_metrics_are_on_the_page() -> None:
    shown = output_of(f"""
import relay_otel
{GREETS}
relay_otel.observe(client)
rehearse(client, Caller("+15550001111"))
print(relay_otel.exposition())
""")
    lines = {line.partition(" ")[0].partition("{")[0]: line for line in shown.splitlines()}
    assert lines["relay_call_offered_total"].endswith(" 1.0")
    assert "# TYPE relay_call_time_to_answer_seconds histogram" in shown.splitlines()
    assert 'le="20.0"' in shown  # a bucket of ours
    assert "5550001111" not in shown


def test_the_page_is_there_before_anything_is_observed() -> None:
    shown = output_of("import relay_otel; print(relay_otel.exposition())")
    assert "relay_" not in shown


def test_the_providers_of_the_program_count() -> None:
    shown = output_of(f"""
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import relay_otel
{GREETS}
reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
metrics.set_meter_provider(MeterProvider([reader]))
relay_otel.observe(client)
provider = TracerProvider()  # a global provider of spans may come later
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
rehearse(client, Caller("+15550001111"))
(scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
print(scope.scope.name, len(scope.metrics), [span.name for span in spans.get_finished_spans()])
print("relay_call" in relay_otel.exposition())
""")
    first, second = shown.splitlines()
    assert first.startswith("relay_otel ")
    assert "call inbound" in first
    assert second == "False"


def test_a_provider_that_is_set_before_the_client_connects_counts() -> None:
    shown = output_of(f"""
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
import relay_otel
{GREETS}
reader = InMemoryMetricReader()
relay_otel.observe(client)
print("relay_call" in relay_otel.exposition())
metrics.set_meter_provider(MeterProvider([reader]))
rehearse(client, Caller("+15550001111"))
(scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
print(scope.scope.name)
print("relay_call" in relay_otel.exposition())
""")
    assert shown.splitlines() == ["False", "relay_otel", "False"]


def test_a_meter_provider_that_is_not_of_the_sdk_counts() -> None:
    shown = output_of(f"""
from opentelemetry import metrics
import relay_otel
{GREETS}

class Foreign(metrics.MeterProvider):
    def get_meter(self, name, *args, **kwargs):
        print("asked for", name)
        return metrics.NoOpMeterProvider().get_meter(name)

metrics.set_meter_provider(Foreign())
relay_otel.observe(client)
rehearse(client, Caller("+15550001111"))
print("relay_call" in relay_otel.exposition())
""")
    assert shown.splitlines() == ["asked for relay_otel", "False"]


@pytest.mark.parametrize("missing", ["opentelemetry", "opentelemetry.exporter.prometheus"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    shown = output_of(f"""
import sys
sys.modules[{missing!r}] = None
try:
    import relay_otel
except ImportError as error:
    print(error)
import relay_anyio, relay_sync  # need none of it
""")
    words = "relay_otel needs OpenTelemetry, which is not installed"
    assert shown == f"{words}: pip install 'relay-proto[otel]'\n"


def test_a_client_loads_nothing_of_opentelemetry() -> None:
    shown = output_of("import sys, relay_anyio, relay_sync; print(*sys.modules)")
    assert "opentelemetry" not in shown
