"""The stream: everything in order, from where a reader left off, and never without bounds."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from relay_anyio.lab import stream
from relay_anyio.lab.journal import Journal
from relay_anyio.lab.stream import MOST_WAITING, Entry, Hub, Reader, Stream
from tests.lab.harness import LabRunner


def test_a_reader_goes_on_where_it_left_off(lab: LabRunner) -> None:
    lab.post("/api/texts", {"body": "one"})
    with lab.stream("?after=0") as events:
        seen = next(number for kind, number, _ in events if kind == "text")
    lab.post("/api/texts", {"body": "two"})
    with lab.stream(last_event_id=str(seen)) as events:
        assert events.until("text")["body"] == "two"
    with lab.stream(last_event_id="no number") as events:
        lab.post("/api/texts", {"body": "three"})
        assert events.until("text")["body"] == "three"


def test_the_state_and_the_stream_fit_together(lab: LabRunner) -> None:
    state = lab.get("/api/state")
    lab.post("/api/phones", {"number": "+1777"})
    lab.post("/api/texts", {"body": "Hi"})
    with lab.stream(f"?after={state['last_id']}") as events:
        assert events.until("phone")["number"] == "+1777"
        numbers: list[int] = []
        for kind, number, _ in events:
            numbers.append(number)
            if kind == "text":
                break
    assert numbers == sorted(set(numbers))


def test_frames_come_if_they_are_asked_for(lab: LabRunner) -> None:
    with lab.client():
        last = lab.get("/api/frames")["last_id"]
        with lab.stream("?after=0&frames=1") as events:
            assert events.until("frame")["method"] == "signalwire.connect"
        with lab.stream("?after=0") as events:
            lab.post("/api/texts", {"body": "Hi"})
            kinds: list[str] = []
            for kind, number, _ in events:
                kinds.append(kind)
                if number > last:
                    break
    assert "frame" not in kinds


def test_streams_end_with_the_lab(lab: LabRunner) -> None:
    with lab.stream() as events:
        lab.do(lab.lab.hub.close)
        assert list(events) == []


def test_too_many_readers_are_refused(lab: LabRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_READERS", 1)
    with lab.stream() as events:
        lab.post("/api/texts", {"body": "Hi"})
        events.until("text")
        assert lab.refusal("GET", "/api/stream").startswith("503 too many readers")


def entry(number: int, key: str = "") -> Entry:
    return Entry(number, "happened", key or number, partial(str(number).encode))


def test_of_what_has_a_state_only_the_newest_one_waits() -> None:
    reader = Reader(frames=False)
    for number, key in ((1, "a"), (2, "b"), (3, "a")):
        assert reader.add(entry(number, key)) == 0
    assert reader.take() == (
        b"id: 2\nevent: happened\ndata: 2\n\nid: 3\nevent: happened\ndata: 3\n\n"
    )


def test_a_slow_reader_is_told_how_much_it_has_missed() -> None:
    hub, reader = Hub(), Reader(frames=False)
    hub.enter(reader)
    for number in range(MOST_WAITING + 1):
        hub.hand_out(entry(number))
    assert hub.dropped == MOST_WAITING
    assert reader.take() == (
        b'event: dropped\ndata: {"dropped":%d}\n\n' % MOST_WAITING
        + b"id: %d\nevent: happened\ndata: %d\n\n" % (MOST_WAITING, MOST_WAITING)
    )
    assert reader.take() == b""


def test_one_write_is_bounded() -> None:
    reader = Reader(frames=False)
    for number in range(stream.MOST_AT_ONCE + 1):
        reader.add(entry(number))
    assert reader.take().count(b"\n\n") == stream.MOST_AT_ONCE
    assert reader.take().count(b"\n\n") == 1


def test_a_quiet_stream_has_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "KEPT_OPEN", 0.0)
    sent: list[bytes] = []

    async def send(data: bytes) -> None:
        sent.append(data)
        if len(sent) == 3:
            hub.close()

    hub = Hub()
    reading = Stream(hub, Reader(frames=False), lambda: None)
    anyio.run(reading.send_all, send)
    assert sent[0] == stream.OPENING
    assert sent[1:3] == [stream.COMMENT, stream.COMMENT]
    assert hub.has_room()


def test_a_journal_forgets_the_oldest_entries_and_counts_them() -> None:
    journal: Journal[str] = Journal(most=3, most_bytes=100)
    for number, text in enumerate("abcd", 1):
        journal.add(number, text, 10)
    assert list(journal.after(0)) == [(2, "b"), (3, "c"), (4, "d")]
    assert list(journal.after(3)) == [(4, "d")]
    assert (journal.forgotten, journal.total, len(journal)) == (1, 4, 3)
    assert (journal.misses(0), journal.misses(1), journal.misses(4)) == (True, False, False)
    journal.add(5, "e", 90)
    assert list(journal.after(0)) == [(4, "d"), (5, "e")]
    journal.add(6, "f", 101)
    assert list(journal.after(0)) == []
    assert journal.misses(5)
    journal.clear()
    assert (journal.forgotten, journal.total, journal.misses(0)) == (0, 0, False)


def test_a_reader_that_comes_too_late_is_told(lab: LabRunner) -> None:
    journal = lab.lab.events
    for number in range(30):
        lab.post("/api/texts", {"body": f"{number}"})
    forgotten: list[int] = []

    def forget() -> None:
        lab.lab.events = Journal(most=1, most_bytes=10_000)
        for number, happened in journal.after(0):
            lab.lab.events.add(number, happened, 1)
        forgotten.append(lab.lab.events.forgotten)

    lab.do(forget)
    with lab.stream("?after=1") as events:
        assert events.until("dropped") == {"dropped": forgotten[0]}
    assert lab.get("/api/events")["forgotten"] == forgotten[0]


def test_a_reader_of_the_lab_before_this_one_starts_again(lab: LabRunner) -> None:
    newest = lab.get("/api/state")["last_id"]
    with lab.stream(f"?after={newest + 1}") as events:
        assert next(iter(events)) == ("reset", newest, {"done": "reset"})
        lab.post("/api/texts", {"body": "Hi"})
        assert events.until("text")["body"] == "Hi"
    with lab.stream(f"?after={newest}") as events:
        assert next(iter(events))[0] == "happened"


def test_a_reader_is_told_that_changes_before_it_came_are_forgotten(
    lab: LabRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_LATEST", 2)
    begin = lab.get("/api/state")["last_id"]
    for number in range(3):
        lab.post("/api/phones", {"number": f"+1{number}"})
    with lab.stream(f"?after={begin}") as events:
        assert next(iter(events))[0] == "dropped"
    with lab.stream(f"?after={begin + 1}") as events:
        assert next(iter(events))[::2] == ("phone", lab.get("/api/phones")["phones"][1])
