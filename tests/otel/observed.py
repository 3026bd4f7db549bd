"""Observed programs: one program for asyncio, trio and threads, and what it has exported.

Programs are written with `await`. On threads they run through `Awaiting`, whose methods
block and are awaited all the same, so they run in the thread of the handler itself.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import anyio
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

import relay_anyio
import relay_anyio.testing
import relay_otel
import relay_sync
import relay_sync.testing
from relay_anyio.testing import Caller

ANNA, OFFICE, AGENT, BUSY = "+15550001111", "+15550002222", "+15550003000", "+15550003001"
CALLER: Final = Caller(ANNA)

Function: TypeAlias = Callable[[Any], Awaitable[object]]


class Awaiting:
    """Something of `relay_sync`, whose methods are awaited."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not callable(value) or name in PLAIN:
            return value

        async def method(*args: Any, **kwargs: Any) -> Any:
            return wrapped(value(*args, **kwargs))

        return method


PLAIN: Final = frozenset({"call", "text", "cut", "restart", "silence", "on"})
"""Methods that are not awaited in `relay_anyio` either."""


def wrapped(value: Any) -> Any:
    """`value` as `relay_anyio` has it."""
    kinds = (relay_sync.Call, relay_sync.Action, relay_sync.Message)
    return Awaiting(value) if isinstance(value, kinds) else value


def unwrapped(value: Any) -> Any:
    """`value` as the client's package has it."""
    return getattr(value, "_real", value)


def blocking(function: Function) -> Callable[[Any], Any]:
    """An async function as a plain one. It awaits nothing but what blocks."""

    def call(argument: Any) -> Any:
        coroutine: Any = function(Awaiting(argument))
        try:
            coroutine.send(None)
        except StopIteration as returned:
            return returned.value
        raise AssertionError("it waits for something that does not block")

    return call


class Observed:
    """A client, on one runtime, and what OpenTelemetry gets of it."""

    def __init__(self, runtime: str, **settings: Any) -> None:
        self.runtime = runtime
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.tracer: Tracer = self.tracer_provider.get_tracer("of the program")
        self.package: Any = relay_sync if runtime == "threads" else relay_anyio
        self.client: Any = self.package.RelayClient(
            project="p-12345", token="PT-secret", contexts=["office"], **settings
        )
        self.observe(self.client)

    def observe(self, client: Any) -> None:
        relay_otel.observe(
            client, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider
        )

    # The program

    def adapted(self, function: Function) -> Callable[[Any], Any]:
        """`function` as the client takes it."""
        return blocking(function) if self.runtime == "threads" else function

    def on_call(self, function: Function, **options: Any) -> None:
        self.client.on_call(self.adapted(function), **options)

    def on_message(self, function: Function) -> None:
        self.client.on_message(self.adapted(function))

    @property
    def program(self) -> Any:
        """The client, for what is awaited of it."""
        return Awaiting(self.client) if self.runtime == "threads" else self.client

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        if self.runtime == "threads":
            time.sleep(seconds)  # noqa: ASYNC251 - it runs in a thread of its own
        else:
            await anyio.sleep(seconds)

    def within(self, call: Any) -> Any:
        """See `relay_otel.within`."""
        return relay_otel.within(unwrapped(call))

    def rehearse(self, *scenes: Any, **options: Any) -> Any:
        """Run the client through scenes: callers, or async functions."""
        adapted = [one if isinstance(one, Caller) else self.adapted(one) for one in scenes]
        if self.runtime == "threads":
            return relay_sync.testing.rehearse(self.client, *adapted, **options)
        options["backend"] = self.runtime
        return relay_anyio.testing.rehearse(self.client, *adapted, **options)

    # What it has exported

    @property
    def spans(self) -> list[ReadableSpan]:
        """All that have ended, by their begin."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The one span of this name."""
        found = self.named(name)
        assert len(found) == 1, f"{len(found)} spans are called {name}: {self.tree()}"
        return found[0]

    def tree(self) -> list[str]:
        """The names of all spans, below one another."""
        by_id = {context_of(span).span_id: span for span in self.spans}
        return [" > ".join(reversed([*_path(span, by_id)])) for span in self.spans]

    def points(self, name: str) -> dict[tuple[object, ...], Any]:
        """The values of a metric, by those of its attributes in the order of their names."""
        data: Any = self.reader.get_metrics_data()
        return {
            tuple(value for _, value in sorted(point.attributes.items())): point
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }

    def values(self, name: str) -> dict[tuple[object, ...], float]:
        """The values of a counter or a gauge."""
        return {key: point.value for key, point in self.points(name).items()}

    def counts(self, name: str) -> dict[tuple[object, ...], int]:
        """How often a histogram has recorded something."""
        return {key: point.count for key, point in self.points(name).items()}

    def sums(self, name: str) -> dict[tuple[object, ...], Any]:
        """The sums of a histogram, as far as tests compare them."""
        points = self.points(name)
        return {key: pytest.approx(point.sum, abs=0.005) for key, point in points.items()}


def _path(span: ReadableSpan, by_id: dict[int, ReadableSpan]) -> list[str]:
    path = [span.name]
    while span.parent is not None:
        span = by_id[span.parent.span_id]
        path.append(span.name)
    return path


def context_of(span: ReadableSpan) -> Any:
    """The context of a span, which it has."""
    assert span.context is not None
    return span.context


def seconds(span: ReadableSpan) -> float:
    """How long a span is."""
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def attributes(span: ReadableSpan) -> dict[str, object]:
    """The attributes of a span."""
    return dict(span.attributes or {})


def events(span: ReadableSpan) -> list[str]:
    """The names of the events of a span."""
    return [event.name for event in span.events]


def links(span: ReadableSpan) -> set[int]:
    """The ids of the spans that it links to."""
    return {link.context.span_id for link in span.links}
