"""OpenTelemetry for RELAY clients: traces and metrics, of `relay_anyio` and `relay_sync`.

::

    import relay_otel

    relay_otel.observe(client)  # before it connects
    print(relay_otel.exposition())  # the metrics, for Prometheus

It needs the extra ``otel``: ``pip install 'relay-proto[otel]'``.

Public: for applications.
"""

from __future__ import annotations

try:
    import opentelemetry.exporter.prometheus as _needed
except ImportError as error:
    raise ImportError(
        "relay_otel needs OpenTelemetry, which is not installed: pip install 'relay-proto[otel]'",
        name=error.name,
    ) from error

from ._providers import exposition, observe
from ._within import span_of, within

del _needed

__all__ = ["exposition", "observe", "span_of", "within"]
