"""The spans of the calls that are up in this process, by the ids of the calls."""

from __future__ import annotations

from typing import Final

from opentelemetry.trace import Span

live_spans: Final[dict[str, Span]] = {}
