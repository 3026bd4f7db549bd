"""The report of the fleet: it notices what must not happen, and the picture is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

import pytest

from relay_proto.exchange import Who
from tests.fleet.__main__ import complaints, table
from tests.fleet.burst import Life, OneCall, Plan, Result, percentile
from tests.fleet.timeline import draw
from tests.fleet.workers import ROOT


def good_result() -> Result:
    """Two workers, two that follow them, one of which is killed, and a last one."""
    result = Result(Plan(calls=20, seconds=10, workers=2))
    for number in range(5):
        ended_at = None if number > 2 else 3.0 + number
        result.lives[f"s{number}"] = Life(100 + number, float(number), ended_at=ended_at)
    result.lives["s0"].drained_at = 2.5
    notes: dict[str, list[int]] = {}
    for number in range(20):
        session = f"s{number % 5}"
        result.calls[f"c{number}"] = OneCall(
            called_at=float(number // 2),
            offered=1,
            answered_at=number / 2 + 0.1,
            answers=1,
            session=session,
            ended_at=number / 2 + 1,
            ended_by=Who.PROGRAM,
        )
        notes[f"c{number}"] = [result.lives[session].pid]
    result.notes = notes
    result.killed, result.killed_at = "s2", 5.0
    result.replaced_from, result.replaced_until, result.ended_at = 1.0, 4.0, 12.0
    return result


def unanswered(result: Result) -> None:
    call = result.calls["c1"]
    call.answers, call.answered_at, call.session = 0, None, ""


def answered_twice_by_one(result: Result) -> None:
    result.calls["c1"].answers = 2


def answered_by_two(result: Result) -> None:
    result.notes = {**result.notes, "c1": [101, 102]}


def cut_short(result: Result) -> None:
    result.calls["c1"].ended_by = Who.CALLER


def missed(result: Result) -> None:
    result.calls["c1"].missed = True


def not_noted(result: Result) -> None:
    result.notes = {call_id: pids for call_id, pids in result.notes.items() if call_id != "c1"}


def too_few_callers(result: Result) -> None:
    del result.calls["c1"]


def nobody_replaced(result: Result) -> None:
    del result.lives["s4"]


def bad_end(result: Result) -> None:
    result.exit_code = 75


def test_a_run_without_trouble_has_no_complaints() -> None:
    result = good_result()
    assert complaints(result) == []
    words = table(result)
    page = (ROOT / "docs" / "guide" / "deploying.md").read_text()
    for row in words.splitlines():
        name = row.split("|")[1]
        assert f"|{name}|" in page, "the table of the page has other rows: run scripts/fleet"


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (unanswered, "1 callers were not answered"),
        (answered_twice_by_one, "1 calls were answered twice"),
        (answered_by_two, "1 calls were answered twice"),
        (cut_short, "1 calls of workers that nobody has killed were cut short"),
        (missed, "1 calls of workers that nobody has killed were cut short"),
        (not_noted, "1 calls have no worker that says that it has answered"),
        (too_few_callers, "only 19 people have called"),
        (bad_end, "the supervisor has ended with 75"),
        (nobody_replaced, "there were only 4 workers"),
    ],
)
def test_each_trouble_is_noticed(trouble: Callable[[Result], None], words: str) -> None:
    result = good_result()
    trouble(result)
    assert words in complaints(result)


def test_what_is_lost_with_a_killed_worker_is_counted_and_no_complaint() -> None:
    result = good_result()
    result.calls["c2"].ended_by = Who.CALLER
    assert complaints(result) == []
    assert len(result.lost) == 1


def areas(picture: str) -> Iterator[str]:
    for element in ET.fromstring(picture).iter():
        if element.tag.endswith("path"):
            yield element.attrib["class"]


def test_the_picture_has_an_area_for_each_worker() -> None:
    assert sorted(areas(draw(good_result()))) == ["calls"] * 5 + ["ringing"]


def test_percentiles() -> None:
    ordered = [float(number) for number in range(100)]
    assert [percentile(ordered, share) for share in (0, 0.5, 0.99, 1)] == [0, 50, 99, 99]
    assert percentile([], 0.5) == 0
