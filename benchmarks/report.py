"""Write the results: as JSON, as tables in the README, and as a chart."""

from __future__ import annotations

import importlib
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Figures = Mapping[str, float]
Rounds = Mapping[str, Sequence[Figures]]

BEGIN: Final = "<!-- benchmarks: begin -->"
END: Final = "<!-- benchmarks: end -->"

ROWS: Final = {
    "event_cpu_us": "CPU per inbound event, µs",
    "joined_event_cpu_us": "the same, 16 in one write, µs",
    "single_event_cpu_us": "the same, one at a time, µs",
    "many_event_cpu_us": "the same with 10,000 live calls, µs",
    "events_per_s": "events per second",
    "request_cpu_us": "CPU per request, 64 (threads: 32) in flight, µs",
    "requests_per_s": "requests per second, 64 (32) in flight",
    "sequential_ms": "sequential round trip, ms",
    "sequential_cpu_us": "CPU per sequential request, µs",
    "latency_p50_ms": "one call's event while 1,000 are busy, p50, ms",
    "latency_p99_ms": "the same, p99, ms",
    "peak_mib": "peak memory, MiB",
    "idle_call_bytes": "bytes per idle call",
    "busy_call_bytes": "bytes per busy call",
    "import_cpu_ms": "CPU to import it, ms",
    "core_event_us": "core alone: one event in one read, µs",
    "core_event_in_16_us": "core alone: one event of 16 in one read, µs",
    "core_event_many_us": "core alone: one event, 10,000 live calls, µs",
    "core_request_us": "core alone: one request and its reply, µs",
    "core_request_of_64_us": "core alone: one of 64 requests and its reply, µs",
}


@dataclass(frozen=True)
class Goal:
    """A ratio of two figures, and its goal: at least `least` or at most `most`."""

    words: str
    above: tuple[str, str]
    below: tuple[str, str] | None
    least: float | None = None
    most: float | None = None

    def value(self, rounds: Rounds) -> float | None:
        """Return the median of the ratios within each round, which other work affects least."""
        found: list[float] = []
        above, below = rounds.get(self.above[0], []), rounds.get((self.below or self.above)[0], [])
        for upper, lower in zip(above, below, strict=False):
            if self.above[1] in upper and (self.below is None or self.below[1] in lower):
                found.append(upper[self.above[1]] / (lower[self.below[1]] if self.below else 1.0))
        return statistics.median(found) if found else None

    def met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


VENDOR, OURS, UVLOOP, FLOOR, CORE = "vendor", "ours, asyncio", "ours, uvloop", "floor", "core alone"
GOALS: Final = (
    Goal("CPU per event, vendor ÷ ours", (VENDOR, "event_cpu_us"), (OURS, "event_cpu_us"), 10.0),
    Goal(
        "CPU per request at 64, vendor ÷ ours",
        (VENDOR, "request_cpu_us"),
        (OURS, "request_cpu_us"),
        5.0,
    ),
    Goal("core alone, one event, µs", (CORE, "core_event_us"), None, most=5.0),
    Goal("core alone, a request and its reply, µs", (CORE, "core_request_us"), None, most=7.0),
    Goal(
        "sequential round trip, ours ÷ vendor",
        (OURS, "sequential_ms"),
        (VENDOR, "sequential_ms"),
        most=0.7,
    ),
    Goal(
        "sequential round trip, ours with uvloop ÷ vendor",
        (UVLOOP, "sequential_ms"),
        (VENDOR, "sequential_ms"),
        most=0.62,
    ),
    Goal(
        "CPU per sequential request, ours with uvloop ÷ floor",
        (UVLOOP, "sequential_cpu_us"),
        (FLOOR, "sequential_cpu_us"),
        most=1.3,
    ),
    Goal(
        "CPU per event, ours with uvloop ÷ floor",
        (UVLOOP, "event_cpu_us"),
        (FLOOR, "event_cpu_us"),
        most=1.0,
    ),
    Goal(
        "CPU per event, 10,000 calls ÷ 100",
        (OURS, "many_event_cpu_us"),
        (OURS, "event_cpu_us"),
        most=1.2,
    ),
    Goal(
        "core alone, 10,000 calls ÷ 100",
        (CORE, "core_event_many_us"),
        (CORE, "core_event_us"),
        most=1.2,
    ),
    Goal(
        "requests/s, 32 threads ÷ vendor at 64",
        ("ours, threads", "requests_per_s"),
        (VENDOR, "requests_per_s"),
        1.5,
    ),
    Goal(
        "one call's event while 1,000 are busy, p99, ours ÷ floor",
        (OURS, "latency_p99_ms"),
        (FLOOR, "latency_p99_ms"),
        most=1.1,
    ),
    Goal("import CPU, ours ÷ vendor", (OURS, "import_cpu_ms"), (VENDOR, "import_cpu_ms"), most=0.6),
    Goal(
        "bytes per idle call, ours ÷ vendor",
        (OURS, "idle_call_bytes"),
        (VENDOR, "idle_call_bytes"),
        most=1.0,
    ),
    Goal(
        "bytes per busy call, ours ÷ vendor",
        (OURS, "busy_call_bytes"),
        (VENDOR, "busy_call_bytes"),
        most=1.2,
    ),
)


def ratios(rounds: Rounds) -> dict[str, float]:
    found = {goal.words: goal.value(rounds) for goal in GOALS}
    return {words: value for words, value in found.items() if value is not None}


def shown(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def tables(document: Mapping[str, Any]) -> str:
    medians: Mapping[str, Figures] = document["medians"]
    names = [name for name in medians if name != CORE]
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for key, words in ROWS.items():
        if not key.startswith("core_") and any(key in medians[name] for name in names):
            cells = [shown(medians[name].get(key)) for name in names]
            lines.append(f"| {words} | {' | '.join(cells)} |")
    lines += ["", "| core alone | µs |", "|---|---:|"]
    lines += [
        f"| {ROWS[key].removeprefix('core alone: ').removesuffix(', µs')} | {shown(value)} |"
        for key, value in medians.get(CORE, {}).items()
    ]
    lines += ["", "| ratio | wanted | measured | |", "|---|---:|---:|---|"]
    for goal in GOALS:
        value = document["ratios"].get(goal.words)
        wanted = f"≥ {goal.least:g}" if goal.least is not None else f"≤ {goal.most:g}"
        verdict = "" if value is None else ("met" if goal.met(value) else "not met")
        lines.append(f"| {goal.words} | {wanted} | {shown(value)} | {verdict} |")
    found = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    lines += ["", f"{document['rounds']} rounds; medians. {found}."]
    return "\n".join(lines)


def write(directory: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    (directory / "results.json").write_text(text + "\n", "utf-8")
    readme = directory / "README.md"
    if readme.exists():
        head, _, rest = readme.read_text("utf-8").partition(BEGIN)
        tail = rest.partition(END)[2]
        readme.write_text(f"{head}{BEGIN}\n\n{tables(document)}\n\n{END}{tail}", "utf-8")
    chart(directory / "results.png", document["medians"])


PANELS: Final = (
    ("event_cpu_us", "CPU per inbound event, µs"),
    ("request_cpu_us", "CPU per request, 64 in flight, µs"),
    ("sequential_ms", "sequential round trip, ms"),
    ("latency_p99_ms", "one call's event among 1,000, p99, ms"),
    ("idle_call_bytes", "bytes per idle call"),
    ("import_cpu_ms", "CPU to import it, ms"),
)


def chart(path: Path, medians: Mapping[str, Figures]) -> None:
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(2, 3, figsize=(12, 6))
    for axis, (key, title) in zip(axes.flat, PANELS, strict=True):
        names = [name for name, figures in medians.items() if key in figures]
        values = [medians[name][key] for name in names]
        colours = ["#b0b0b0" if name in ("vendor", "floor") else "#2a6fb0" for name in names]
        bars = axis.barh(names, values, color=colours)
        axis.bar_label(bars, labels=[shown(value) for value in values], padding=3, fontsize=8)
        axis.set_title(title, fontsize=10)
        axis.invert_yaxis()
        axis.margins(x=0.18)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Less is better")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
