"""Reports of workers: what they add up to, and lines in bytes that come in any pieces."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from relay_proto.adapter.vitals import NOT_STARTED, Vitals
from relay_run.reports import (
    MOST_BYTES,
    Exposition,
    Failure,
    Line,
    Lines,
    Report,
    encode,
    report_of,
)

UP = Vitals(ready=True, draining=False, calls=1, queued=2, call_ids=("c-1",), drain_timeout=20.0)


def test_clients_of_a_worker_are_one_report() -> None:
    both = report_of([UP, UP], 0.1234567, None, draining=False)
    assert both == Report(
        ready=True, calls=2, queued=4, lag=0.123457, call_ids=("c-1", "c-1"), drain_timeout=20.0
    )
    assert not report_of([UP, NOT_STARTED], -1.0, None, draining=False).ready
    assert report_of([UP], -1.0, 5.0, draining=False).drain_timeout == 5.0
    down = replace(NOT_STARTED, trouble="nobody is there")
    assert report_of([UP, down], 0.0, None, draining=False).trouble == "nobody is there"
    draining = report_of([UP], 0.0, None, draining=True)
    assert (draining.ready, draining.draining) == (False, True)


LINES: list[Line] = [
    Report(ready=True, calls=3, call_ids=("c-1", "…")),
    Exposition("# TYPE a gauge\na 1\n"),
    Failure("it cannot be loaded", "Traceback\n  line 1"),
    Report(),
]


@given(st.lists(st.integers(1, 80)))
def test_lines_are_the_same_in_any_pieces(sizes: list[int]) -> None:
    data = b"".join(map(encode, LINES))
    reader, received = Lines(), list[Line]()
    for size in sizes:
        received += reader.receive(data[:size])
        data = data[size:]
    received += reader.receive(data)
    assert received == LINES


@given(st.binary())
def test_what_is_no_line_is_left_out(noise: bytes) -> None:
    reader = Lines()
    reader.receive(noise + b"\n")
    assert reader.receive(encode(LINES[0])) == [LINES[0]]


def test_a_line_without_end_does_not_grow_for_ever() -> None:
    reader = Lines()
    for _ in range(3):
        assert reader.receive(b"x" * MOST_BYTES) == []
    assert reader.receive(b"\n" + encode(LINES[3])) == [LINES[3]]
