"""Health: the pages ``/live``, ``/ready`` and ``/metrics``, as text, without I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from .supervision import Replacement, Status

JSON: Final = "application/json"
PLAIN: Final = "text/plain; charset=utf-8"
PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"

PATHS: Final = ("/live", "/ready", "/metrics")


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered to one request."""

    status: int
    content_type: str
    text: str


WRONG_METHOD: Final = Page(405, PLAIN, "use GET or HEAD\n")
NO_SUCH_PAGE: Final = Page(404, PLAIN, f"there is only {', '.join(PATHS)}\n")
TOO_MANY: Final = Page(503, PLAIN, "too many connections\n")


@dataclass(frozen=True, slots=True)
class Rollout:
    """What has become of the last request to replace the workers."""

    generation: int
    """How often they were to be replaced."""
    replacement: Replacement


def live_page(
    statuses: Iterable[Status], *, live: bool = True, rollout: Rollout | None = None
) -> Page:
    """Whether it works, and need not be started again."""
    return _state_page("live", live, statuses, rollout)


def ready_page(statuses: Iterable[Status], *, ready: bool, rollout: Rollout | None = None) -> Page:
    """Whether it takes calls."""
    return _state_page("ready", ready, statuses, rollout)


def _state_page(word: str, true: bool, statuses: Iterable[Status], rollout: Rollout | None) -> Page:
    body: dict[str, object] = {word: true}
    if rollout is not None:
        body |= {"generation": rollout.generation, "replacement": rollout.replacement}
    body["workers"] = [_worker(status) for status in statuses]
    return Page(200 if true else 503, JSON, msgspec.json.encode(body).decode() + "\n")


def _worker(status: Status) -> dict[str, object]:
    report = status.report
    return {
        "worker": status.number,
        "state": status.state,
        "process": status.pid,
        "calls": report.calls,
        "queued": report.queued,
        "lag": report.lag,
        "restarts": status.restarts,
        "generation": status.generation,
        "trouble": report.trouble,
    }


def metrics_page(
    statuses: Iterable[Status], told: Mapping[int, str], rollout: Rollout | None = None
) -> Page:
    """What Prometheus reads: about the workers, and what they tell themselves, by process.

    While a worker is replaced, it has two processes. The old one is told apart by its id: a
    line must not come twice.
    """
    known = list(statuses)
    newest = {status.number: status.pid for status in known}
    texts: list[tuple[str, str]] = []
    for status in known:
        if status.pid in told:
            old = status.pid != newest[status.number]
            process = f',process="{status.pid}"' if old else ""
            texts.append((told[status.pid], f'worker="{status.number}"{process}'))
    own = _own_metrics(known) + ("" if rollout is None else _rollout_metrics(rollout))
    return Page(200, PROMETHEUS, own + merged(texts))


def _rollout_metrics(rollout: Rollout) -> str:
    ok = rollout.replacement != "failed"
    return (
        "# HELP relay_run_generation How often the workers were to be replaced.\n"
        "# TYPE relay_run_generation gauge\n"
        f"relay_run_generation {rollout.generation}\n"
        "# HELP relay_run_last_replacement_ok 0 if the last replacement has failed, else 1.\n"
        "# TYPE relay_run_last_replacement_ok gauge\n"
        f"relay_run_last_replacement_ok {ok:d}\n"
    )


def _own_metrics(statuses: list[Status]) -> str:
    lines: list[str] = []

    def add(name: str, kind: str, about: str, values: Mapping[int, float]) -> None:
        lines.append(f"# HELP {name} {about}")
        lines.append(f"# TYPE {name} {kind}")
        lines.extend(f'{name}{{worker="{number}"}} {value:g}' for number, value in values.items())

    numbers = dict.fromkeys(status.number for status in statuses)
    by_number = {n: [status for status in statuses if status.number == n] for n in numbers}

    def total(values: Mapping[int, Iterable[float]]) -> dict[int, float]:
        return {number: sum(each) for number, each in values.items()}

    add(
        "relay_run_worker_ready",
        "gauge",
        "Whether the worker has a session and takes calls.",
        {n: float(any(one.state == "ready" for one in all_)) for n, all_ in by_number.items()},
    )
    add(
        "relay_run_worker_calls",
        "gauge",
        "Calls that are up, with those of a worker that is being replaced.",
        total({n: [one.report.calls for one in all_] for n, all_ in by_number.items()}),
    )
    add(
        "relay_run_worker_queued_requests",
        "gauge",
        "Requests that wait for a session, or for their turn.",
        total({n: [one.report.queued for one in all_] for n, all_ in by_number.items()}),
    )
    add(
        "relay_run_worker_loop_lag_seconds",
        "gauge",
        "By how much the last report was late, because something else ran.",
        {n: max(one.report.lag for one in all_) for n, all_ in by_number.items()},
    )
    add(
        "relay_run_worker_restarts_total",
        "counter",
        "How often the worker was started again after it had crashed or hung.",
        {n: all_[0].restarts for n, all_ in by_number.items()},
    )
    add(
        "relay_run_worker_generation",
        "gauge",
        "How often the workers had been replaced when the newest process of it was started.",
        {n: all_[-1].generation for n, all_ in by_number.items()},
    )
    return "\n".join(lines) + "\n"


SAMPLE: Final = re.compile(
    r"(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})?"
    r"(?P<rest> (?:[-+.\deE]+|[-+]?Inf|NaN)(?: .*)?)"
)
"""A line with a value. Labels may have any text between quotes, braces too."""


def merged(texts: Iterable[tuple[str, str]]) -> str:
    """Join metrics of several processes; each text comes with a label for its lines.

    Prometheus wants all lines of a metric together, and says of what type it is once.
    """
    families: dict[str, tuple[list[str], list[str]]] = {}
    for text, label in texts:
        family = ""
        described: set[str] = set()
        for line in text.splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                family = line.split(" ", 3)[2]
                comments, _ = families.setdefault(family, ([], []))
                first = line.split(" ", 3)[1]
                if not any(known.split(" ", 3)[1] == first for known in comments):
                    comments.append(line)
                described.add(family)
            elif (sample := SAMPLE.fullmatch(line)) is not None:
                name = sample["name"]
                belongs = name if family not in described or not name.startswith(family) else family
                _, samples = families.setdefault(belongs, ([], []))
                labels = f"{label},{sample['labels']}" if sample["labels"] else label
                samples.append(f"{name}{{{labels}}}{sample['rest']}")
    lines = [line for comments, samples in families.values() for line in (*comments, *samples)]
    return "".join(f"{line}\n" for line in lines)
