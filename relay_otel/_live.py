"""The spans of the calls that are up in this process, by the calls of each client.

Two clients may have a call with the same id: each server makes ids of its own.
"""

from __future__ import annotations

from typing import Final

from opentelemetry.trace import Span

from relay_proto.records import CallRecord

live_spans: Final[dict[CallRecord, Span]] = {}
