"""Metrics: what this process has to tell Prometheus, if it has `relay_otel` loaded."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

from relay_proto.adapter.clients import ClientBase
from relay_proto.adapter.logs import Log

from .target import TargetError

MOST_CHARACTERS: Final = 1_000_000
log: Final = Log(logging.getLogger("relay_run"))


def observe(client: ClientBase[Any, Any, Any]) -> None:
    """Let OpenTelemetry observe a client, unless its program has given it an observer.

    Raises:
        TargetError: the extra `otel` is not installed.
    """
    if client.observer is not None:
        return
    try:
        import relay_otel  # noqa: PLC0415 - it needs an extra
    except ImportError as error:
        raise TargetError(f"--observe: {error}") from None
    relay_otel.observe(client)


def exposition() -> str:
    """Return the metrics in the text format of Prometheus, or nothing."""
    observer: Any = sys.modules.get("relay_otel")
    if observer is None:
        return ""
    try:
        text: str = observer.exposition()
    except Exception as error:  # noqa: BLE001 - it is logged, and the calls go on
        log.failure(error, "the metrics of this process cannot be read")
        return ""
    if len(text) > MOST_CHARACTERS:
        words = "the metrics are left out: they have %d characters, and %d is the limit"
        log.warning(words, len(text), MOST_CHARACTERS)
        return ""
    return text
