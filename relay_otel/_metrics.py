"""The instruments: what writes the metrics of all observed clients."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, Final, assert_never

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from relay_proto import __version__
from relay_proto.client_interface import ClientInterface

from ._bounds import Words
from ._names import KNOWN_VALUES, METRICS, QUEUED, Kind, Metric

SCOPE: Final = "relay_otel"


class Instruments:
    """One instrument for each metric, of one provider."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter(SCOPE, __version__)
        self._cores: weakref.WeakSet[Any] = weakref.WeakSet()
        self._words: dict[str, Words] = {}
        self._instruments: dict[str, Any] = {}
        for metric in METRICS:
            about: dict[str, Any] = {"unit": metric.unit, "description": metric.description}
            for name in metric.attributes:
                self._words.setdefault(name, Words())
            made: Any
            match metric.kind:
                case Kind.COUNTER:
                    made = meter.create_counter(metric.name, **about)
                case Kind.UP_DOWN:
                    made = meter.create_up_down_counter(metric.name, **about)
                case Kind.HISTOGRAM:
                    bounds = [float(bound) for bound in metric.buckets]
                    made = meter.create_histogram(
                        metric.name, explicit_bucket_boundaries_advisory=bounds, **about
                    )
                case Kind.GAUGE:
                    assert metric is QUEUED, "the only one"
                    made = meter.create_observable_gauge(
                        metric.name, callbacks=[self._queued], **about
                    )
                case _:
                    assert_never(metric.kind)
            self._instruments[metric.name] = made
            if metric.kind in (Kind.COUNTER, Kind.UP_DOWN):
                for attributes in _known_series(metric):
                    made.add(0, attributes)  # an alarm sees the first one only behind a zero

    def watch(self, core: ClientInterface) -> None:
        """Let the gauge count the requests that wait in `core`, while it is there."""
        self._cores.add(core)

    def add(self, metric: Metric, *values: str, amount: int = 1) -> None:
        """Count. `values` are those of the attributes; an empty one is absent."""
        self._instruments[metric.name].add(amount, self._attributes(metric, values))

    def record(self, metric: Metric, seconds: float, *values: str) -> None:
        """Record a duration. For `values` see `add`."""
        self._instruments[metric.name].record(max(0.0, seconds), self._attributes(metric, values))

    def _attributes(self, metric: Metric, values: tuple[str, ...]) -> dict[str, str]:
        return {
            name: self._words[name].bounded(value)
            for name, value in zip(metric.attributes, values, strict=True)
            if value
        }

    def _queued(self, options: CallbackOptions) -> Iterable[Observation]:
        del options
        yield Observation(sum(core.queued_requests for core in tuple(self._cores)))


def _known_series(metric: Metric) -> Iterable[dict[str, str]]:
    """The attributes of each series of a metric, if all are known before."""
    if not metric.attributes:
        return [{}]
    if len(metric.attributes) == 1:
        [name] = metric.attributes
        return [{name: value} for value in KNOWN_VALUES.get(name, ())]
    return []
