"""examples/observing/observed.py, rehearsed."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import relay_otel
from relay_anyio.testing import Caller, Hear, Press, rehearse

FILE: Final = Path(__file__).parents[2] / "examples" / "observing" / "observed.py"
ANNA: Final = "+15550001111"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Generator[ModuleType]:
    """The module. Its provider is not made the global one, which is for the whole process."""
    made: list[TracerProvider] = []
    monkeypatch.setattr(trace, "set_tracer_provider", made.append)
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "any")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "any")
    spec = importlib.util.spec_from_file_location("observed", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert made == [module.provider], "relay run imports the module, and does not call main()"
    yield module
    module.provider.shutdown()


@pytest.mark.parametrize(
    ("caller", "wish"),
    [(Caller(ANNA, (Hear("press one"), Press("2"))), "support"), (Caller(ANNA), "nothing")],
)
def test_the_menu_is_in_the_trace_of_the_call(
    example: ModuleType, caller: Caller, wish: str
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    example.__dict__["tracer"] = provider.get_tracer("office")
    relay_otel.observe(
        example.client,
        tracer_provider=provider,
        meter_provider=MeterProvider(shutdown_on_exit=False),
    )
    story = rehearse(example.client, caller)
    assert ("call you back" in story.text) is (wish == "support")
    spans = {span.name: span for span in exporter.get_finished_spans()}
    menu, call = spans["menu"], spans["call inbound"]
    assert menu.parent == call.context
    assert menu.attributes == {"office.wants": wish}
