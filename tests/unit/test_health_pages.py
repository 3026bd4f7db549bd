"""The pages of health: what they say, and metrics of several processes in one text."""

from __future__ import annotations

import dataclasses
import json

import pytest

from relay_run.health import Rollout, live_page, merged, metrics_page, ready_page
from relay_run.reports import Report
from relay_run.supervision import Replacement, Status

ONE = Status(1, "ready", 101, 0, Report(ready=True, calls=2, queued=1, lag=0.25))
OLD = Status(2, "draining", 102, 3, Report(draining=True, calls=1))
NEW = Status(2, "connecting", 103, 3, Report(calls=4, lag=0.5, trouble="nobody is there"))


def test_the_pages_say_how_each_worker_does() -> None:
    page = ready_page([ONE, OLD], ready=True)
    assert (page.status, page.content_type) == (200, "application/json")
    body = json.loads(page.text)
    assert body["ready"] is True
    assert body["workers"][0] == {
        "worker": 1,
        "state": "ready",
        "process": 101,
        "calls": 2,
        "queued": 1,
        "lag": 0.25,
        "restarts": 0,
        "generation": 0,
        "trouble": "",
    }
    assert "replacement" not in body
    assert (
        json.loads(ready_page([NEW], ready=True).text)["workers"][0]["trouble"]
        == NEW.report.trouble
    )
    assert ready_page([OLD], ready=False).status == 503
    assert live_page([OLD]).status == 200
    assert json.loads(live_page([OLD], live=False).text)["live"] is False


def test_metrics_count_both_processes_of_a_worker_that_is_replaced() -> None:
    text = metrics_page([ONE, OLD, NEW], {}).text
    assert 'relay_run_worker_ready{worker="1"} 1\n' in text
    assert 'relay_run_worker_ready{worker="2"} 0\n' in text
    assert 'relay_run_worker_calls{worker="2"} 5\n' in text
    assert 'relay_run_worker_queued_requests{worker="1"} 1\n' in text
    assert 'relay_run_worker_loop_lag_seconds{worker="2"} 0.5\n' in text
    assert "# TYPE relay_run_worker_restarts_total counter\n" in text
    assert 'relay_run_worker_restarts_total{worker="2"} 3\n' in text


@pytest.mark.parametrize(("replacement", "ok"), [("none", 1), ("failed", 0), ("ok", 1)])
def test_a_failed_replacement_can_be_seen(replacement: Replacement, ok: int) -> None:
    rollout = Rollout(3, replacement)
    new = dataclasses.replace(NEW, generation=3)
    for page in (live_page([], rollout=rollout), ready_page([], ready=False, rollout=rollout)):
        body = json.loads(page.text)
        assert (body["generation"], body["replacement"]) == (3, replacement)
    text = metrics_page([ONE, OLD, new], {}, rollout).text
    assert f"\nrelay_run_last_replacement_ok {ok}\n" in text
    assert "\nrelay_run_generation 3\n" in text
    assert 'relay_run_worker_generation{worker="1"} 0\n' in text
    assert 'relay_run_worker_generation{worker="2"} 3\n' in text


TOLD = """\
# HELP relay_calls Calls.
# TYPE relay_calls counter
relay_calls_total{context="a} b",x="1"} 3
relay_calls_total 4 1700000000
# HELP relay_answer_seconds Time.
# TYPE relay_answer_seconds histogram
relay_answer_seconds_bucket{le="+Inf"} 2
relay_answer_seconds_count 2

what is this
# EOF
loose{} 1
"""


def test_metrics_of_several_processes_are_one_family_each() -> None:
    lines = merged([(TOLD, 'worker="1"'), (TOLD, 'worker="2"')]).splitlines()
    assert lines == [
        "# HELP relay_calls Calls.",
        "# TYPE relay_calls counter",
        'relay_calls_total{worker="1",context="a} b",x="1"} 3',
        'relay_calls_total{worker="1"} 4 1700000000',
        'relay_calls_total{worker="2",context="a} b",x="1"} 3',
        'relay_calls_total{worker="2"} 4 1700000000',
        "# HELP relay_answer_seconds Time.",
        "# TYPE relay_answer_seconds histogram",
        'relay_answer_seconds_bucket{worker="1",le="+Inf"} 2',
        'relay_answer_seconds_count{worker="1"} 2',
        'relay_answer_seconds_bucket{worker="2",le="+Inf"} 2',
        'relay_answer_seconds_count{worker="2"} 2',
        'loose{worker="1"} 1',
        'loose{worker="2"} 1',
    ]


def test_what_workers_tell_follows_the_own_metrics() -> None:
    text = metrics_page([ONE], {101: "x 1\n", 999: "of nobody 1\n"}).text
    assert text.endswith('relay_run_worker_generation{worker="1"} 0\nx{worker="1"} 1\n')


def test_the_old_process_of_a_worker_that_is_replaced_has_lines_of_its_own() -> None:
    told = {101: "x 1\n", 102: "x 2\n", 103: "x 3\n"}
    assert metrics_page([ONE, OLD, NEW], told).text.splitlines()[-3:] == [
        'x{worker="1"} 1',
        'x{worker="2",process="102"} 2',
        'x{worker="2"} 3',
    ]
