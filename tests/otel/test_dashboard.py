"""The dashboard and the alarms name what a run exports, and all of it is somewhere.

`scripts/alarms` also gives the alarms to Prometheus' own tool.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from relay_otel import _names as names
from relay_otel._results import dial_result
from relay_proto.constants import CALL_STATE_ANSWERED
from relay_proto.errors import (
    ClientClosedError,
    ConnectionLostError,
    DialFailedError,
    DialTimeoutError,
    LocalProtocolError,
    RelayError,
    RequestTimeoutError,
)
from relay_proto.transitions import EndReason

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "examples" / "observing"
SERIES: Final = {series: metric for metric in names.METRICS for series in metric.series}
LABELS: Final = {re.sub(r"\W", "_", name): name for name in names.ATTRIBUTES}
ALWAYS: Final = {"le", "job"}
WORD: Final = re.compile(r"\b[a-z_]+\b")
TEXT: Final = re.compile(r'"[^"]*"')
RESULTS: Final = re.compile(r'relay_dial_result=~"([^"]*)"')

DIALS: Final = {
    DialFailedError("tag", ""): "failed",
    DialFailedError("tag", "busy"): "busy",
    DialTimeoutError("tag", 1.0): "timeout",
    RequestTimeoutError("calling.dial", 1.0, sent=True): "no_reply",
    RequestTimeoutError("calling.dial", 1.0, sent=False): "not_sent",
    ConnectionLostError("gone", maybe_delivered=True): "connection_lost",
    ClientClosedError(): "client_closed",
    LocalProtocolError("cancelled"): "cancelled",
    RelayError(402, "no money"): "refused",
}


@cache
def page() -> str:
    """The page of metrics of an evening."""
    command = [sys.executable, "-W", "error", "-m", "tests.otel.evening"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout


def exported() -> set[str]:
    """The names of all series on the page that are ours."""
    found = re.findall(r"^(relay_\w+)[ {]", page(), re.MULTILINE)
    return {name for name in found if not name.endswith("_created")}


def on_dashboard() -> list[str]:
    dashboard: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def in_alarms() -> list[str]:
    text = (FOLDER / "alarms.yml").read_text("utf-8")
    pattern = r"^ +expr: (?:>-\n)?(.*?)\n +(?:for|labels):"
    return re.findall(pattern, text, re.MULTILINE | re.DOTALL)


def names_in(expression: str) -> Iterator[str]:
    """The names in an expression that are ours."""
    bare = TEXT.sub("", expression)
    return (word for word in WORD.findall(bare) if word.startswith("relay_"))


def test_a_run_exports_what_is_documented_and_nothing_else() -> None:
    # Events of a rehearsal are not from now: tests/adapters/test_observing.py has some that are.
    expected = set(SERIES) - set(names.ACKNOWLEDGEMENT.series)
    assert exported() == expected


def test_nobody_is_named_on_the_page() -> None:
    assert "1555" not in page()
    assert "left a message" not in page()


def test_there_are_alarms_and_panels() -> None:
    assert len(on_dashboard()) > 30
    assert len(in_alarms()) == 11


@pytest.mark.parametrize("expression", [*on_dashboard(), *in_alarms()])
def test_expressions_name_what_is_exported(expression: str) -> None:
    found = [*names_in(expression)]
    metrics = [SERIES[name] for name in found if name in SERIES]
    assert metrics
    labels = {name for name in found if name not in SERIES}
    assert labels <= set(LABELS), "no such metric, and no such attribute"
    known = {name for metric in metrics for name in metric.attributes}
    assert {LABELS[name] for name in labels} <= known
    if "_bucket" in expression:
        assert "le" in WORD.findall(expression)


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {SERIES[name] for text in on_dashboard() for name in names_in(text) if name in SERIES}
    assert shown == set(names.METRICS)


@pytest.mark.parametrize("error", DIALS, ids=list(DIALS.values()))
def test_a_dial_has_a_word_for_each_result(error: RelayError) -> None:
    assert dial_result(error) == DIALS[error]


def test_alarms_ask_for_results_that_there_are() -> None:
    asked = {
        word for text in in_alarms() for one in RESULTS.findall(text) for word in one.split("|")
    }
    assert asked
    assert asked <= {*DIALS.values(), *(reason.value for reason in EndReason), CALL_STATE_ANSWERED}


def test_panels_do_not_lie_on_one_another() -> None:
    dashboard: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [
        (column, row)
        for place in places
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24
