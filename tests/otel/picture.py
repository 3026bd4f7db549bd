"""The picture of a trace: ``python -m tests.otel.picture`` draws docs/pictures/trace-of-a-call.svg.

It draws what was exported of one call of `tests.otel.evening`, in real time (20 s), because the
spans of a program, such as its menu, have the time of day.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

import anyio
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import relay_otel
from relay_anyio import RelayClient
from relay_anyio.testing import Caller, Hear, Press, What, rehearsal
from tests.otel import evening
from tests.otel.observed import context_of
from tests.pages import ROOT

FILE: Final = ROOT / "docs" / "pictures" / "trace-of-a-call.svg"
WIDTH, NAMES, ROW, TOP, MARGIN = 1000, 240, 30, 58, 16
COLORS: Final = {
    "call inbound": "#1d4ed8",
    "gap": "#b91c1c",
    "connect": "#b91c1c",
    "menu": "#7c3aed",
}
FONT: Final = 'font-family="system-ui, sans-serif" font-size="13" role="img"'
OTHER_COLORS: Final = ("#0f766e", "#64748b")
"""Those of actions, and of requests."""


async def record() -> Sequence[ReadableSpan]:
    """Let somebody call, cut the connection meanwhile, and return what was exported."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    client = RelayClient(project="p-12345", token="PT-secret", contexts=["office"])
    client.on_call(evening.take)
    relay_otel.observe(client)
    async with rehearsal(client) as stage:
        caller = Caller(evening.ANNA, (Hear("press one"), Press("1")))
        call_id = stage.call(caller)
        await stage.until(What.STARTED, call_id=call_id)
        await anyio.sleep(1)
        stage.cut()
        await stage.over(call_id)
    return exporter.get_finished_spans()


def drawn(spans: Sequence[ReadableSpan]) -> str:
    """The picture of the trace of the call in `spans`, and of the gap that it links to."""
    (call,) = [span for span in spans if span.name == "call inbound"]
    links = {link.context.span_id for link in call.links}
    own = [span for span in spans if context_of(span).trace_id == context_of(call).trace_id]
    gaps = [span for span in spans if context_of(span).span_id in links and span.name == "gap"]
    rows = [*_below(call, own, 0), *((gap, 0) for gap in gaps)]
    begin, end = call.start_time or 0, call.end_time or 0

    def x(time: int | None) -> float:
        return NAMES + (WIDTH - NAMES - MARGIN) * ((time or 0) - begin) / (end - begin)

    height = TOP + ROW * len(rows) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        "<title>The trace of one call</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    seconds = (end - begin) / 1e9
    for second in range(int(seconds) + 1):
        at = x(begin + second * 1_000_000_000)
        parts.append(f'<path d="M{at:.1f} {TOP - 12}V{height - MARGIN}" stroke="#e2e8f0"/>')
        parts.append(_text(at, TOP - 18, f"{second} s", "#64748b", "middle"))
    parts.append(_text(MARGIN, 24, f"one call, {seconds:.1f} s, as it was exported", "#0f172a"))
    for number, (span, depth) in enumerate(rows):
        y = TOP + ROW * number
        if span in gaps:
            shade = (
                f'x="{x(span.start_time):.1f}" width="{x(span.end_time) - x(span.start_time):.1f}"'
            )
            parts.append(
                f'<rect {shade} y="{TOP}" height="{height - TOP - MARGIN}" fill="#b91c1c" '
                'fill-opacity="0.08"/>'
            )
        parts += _row(span, depth, y, x(span.start_time), x(span.end_time), linked=span in gaps)
        for event in span.events:
            parts.append(
                f'<circle cx="{x(event.timestamp):.1f}" cy="{y + 10}" r="3.5" fill="#ffffff" '
                f'stroke="{_color(span)}" stroke-width="2"><title>{escape(event.name)}</title>'
                "</circle>"
            )
    return "\n".join([*parts, "</svg>", ""])


def _below(
    span: ReadableSpan, spans: Sequence[ReadableSpan], depth: int
) -> Iterator[tuple[ReadableSpan, int]]:
    yield span, depth
    children = [
        one for one in spans if one.parent and one.parent.span_id == context_of(span).span_id
    ]
    for child in sorted(children, key=lambda one: one.start_time or 0):
        yield from _below(child, spans, depth + 1)


def _row(
    span: ReadableSpan, depth: int, y: int, begin: float, end: float, *, linked: bool
) -> Iterator[str]:
    name = f"{span.name} (a link)" if linked else span.name
    yield _text(MARGIN + 16 * depth, y + 15, name, "#0f172a")
    width = max(end - begin, 3.0)
    dashed = ' fill-opacity="0.25" stroke="#b91c1c" stroke-dasharray="4 3"' if linked else ""
    yield (
        f'<rect x="{begin:.1f}" y="{y}" width="{width:.1f}" height="20" rx="3" '
        f'fill="{_color(span)}"{dashed}/>'
    )
    result = (span.attributes or {}).get("relay.action.result")
    if result:
        yield _text(begin + 8, y + 15, str(result), "#ffffff")


def _color(span: ReadableSpan) -> str:
    return COLORS.get(span.name, OTHER_COLORS["." in span.name])


def _text(x: float, y: float, words: str, color: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y}" fill="{color}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(words)}</text>"


def main() -> None:
    logging.disable()
    FILE.write_text(drawn(anyio.run(record)), "utf-8")


if __name__ == "__main__":
    main()
