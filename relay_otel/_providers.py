"""Providers: where spans and metrics go, and the page of metrics for Prometheus."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import Final, Protocol

import prometheus_client
from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.sdk import metrics as sdk
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider, TracerProvider

from relay_proto import __version__
from relay_proto.adapter.clients import ClientBase
from relay_proto.client_interface import ClientInterface
from relay_proto.observing.observer import Observer
from relay_proto.values.checks import like

from ._metrics import SCOPE, Instruments
from ._observation import CoreObservation
from ._spans import Spans

log: Final = logging.getLogger("relay_otel")

UNSET: Final = "_ProxyMeterProvider"
"""The private class of what stands for the global meter provider until it is set."""
NO_TRACES: Final = NoOpTracerProvider()
NO_METRICS: Final = NoOpMeterProvider()

_lock: Final = threading.RLock()  # it is held while code of the provider's runs
_instruments: Final[weakref.WeakKeyDictionary[MeterProvider, Instruments]] = (
    weakref.WeakKeyDictionary()
)
_own: list[sdk.MeterProvider] = []


class OpenTelemetry:
    """An `Observer` that writes to OpenTelemetry. See `observe`."""

    def __init__(
        self, tracer_provider: TracerProvider, meter_provider: MeterProvider | None
    ) -> None:
        """Without a meter provider, it is the global one of the time when a client connects."""
        self._tracers = tracer_provider
        self._meters = meter_provider
        if meter_provider is not None:
            instruments_of(meter_provider)  # what it raises is for the program

    def observe(self, core: ClientInterface) -> CoreObservation:
        """See `Observer`."""
        instruments = instruments_of(self._meters or default_meter_provider())
        instruments.watch(core)
        if isinstance(self._tracers, ProxyTracerProvider) and not has_tracer_provider():
            log.info("no spans are made: the program has set no tracer provider")
        tracer = self._tracers.get_tracer(SCOPE, __version__)
        return CoreObservation(core, Spans(tracer), instruments)


class Observable(Protocol):
    """A client that takes an observer."""

    @property
    def observer(self) -> Observer | None:
        """Who is told what the client does."""

    @observer.setter
    def observer(self, observer: Observer | None) -> None: ...


def observe(
    client: Observable,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Let OpenTelemetry observe a `RelayClient`. Call this before ``connect()``.

    Args:
        client: the client, of `relay_anyio` or `relay_sync`.
        tracer_provider: where spans go. Default: the global one.
        meter_provider: where metrics go. Default: the global one, if the program has set one
            when the client connects; if not, the page of `exposition`.

    Raises:
        TypeError: an argument is something else.
        LocalProtocolError: the client is connected already.
    """
    _check_client(client)
    like("TracerProvider", "get_tracer")("tracer_provider", tracer_provider or NO_TRACES)
    like("MeterProvider", "get_meter")("meter_provider", meter_provider or NO_METRICS)
    client.observer = OpenTelemetry(tracer_provider or trace.get_tracer_provider(), meter_provider)


def _check_client(client: object) -> None:
    if not isinstance(client, ClientBase):
        advice = ", not its class: make one first" if isinstance(client, type) else ""
        raise TypeError(
            "client must be a RelayClient of relay_anyio or relay_sync"
            f"{advice or f', not {client!r}'}"
        )


def exposition() -> str:
    """Return the metrics of this process as text for Prometheus.

    It has all that is registered with `prometheus_client`, those of the program included.
    The metrics of clients are there unless they go elsewhere: see `observe`.
    """
    default_meter_provider()
    return prometheus_client.generate_latest().decode()


def has_tracer_provider() -> bool:
    """Whether the program has set the global tracer provider by now."""
    return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


def default_meter_provider() -> MeterProvider:
    """The global provider if the program has set one, or one for `exposition`."""
    given = metrics.get_meter_provider()
    if type(given).__name__ != UNSET:  # the program may have set one that is not the SDK's
        return given
    with _lock:
        if not _own:
            _own.append(sdk.MeterProvider([PrometheusMetricReader()]))
        return _own[0]


def instruments_of(provider: MeterProvider) -> Instruments:
    """The instruments of a provider. It must not be asked for the same ones twice."""
    with _lock:
        known = _instruments.get(provider)
        if known is None:
            known = _instruments[provider] = Instruments(provider)
        return known
