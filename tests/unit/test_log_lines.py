"""What the logger of an adapter writes of what the peer has sent."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from relay_proto.adapter.freezes import WORTH_A_LINE, notice_freeze
from relay_proto.adapter.logs import Lines, Log, mask_lines
from relay_proto.adapter.narration import MOST_OF_A_FRAME, narrate
from relay_proto.display import MOST_ID
from relay_proto.outputs import Dropped, FrameTraced, Ignored, OfferRefused, Output, PeerViolation
from relay_proto.records import CallRecord
from relay_proto.rpc.masking import Scrubber

SECRET = "sesame-opened"
PATIENCE = 30.0


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("relay_test.lines")
    yield logger
    logger.filters.clear()


def test_a_line_is_masked_whatever_has_been_put_into_it(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    scrubber = Scrubber([SECRET])
    mask_lines(logger, scrubber)
    logger.warning("call %s is over: %r", f"{SECRET}\x1b[31m", "+15550001111")
    assert caplog.messages == ["call *** [31m is over: '***(12)'"]


def test_a_line_shows_personal_data_if_a_client_does(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    scrubbers = [Scrubber([SECRET]), Scrubber(show_personal=True)]
    for scrubber in scrubbers:
        mask_lines(logger, scrubber)
    logger.warning("%s at %s", SECRET, "+15550001111")
    assert caplog.messages == ["*** at +15550001111"]


def test_a_line_with_nothing_to_mask_is_left_as_it_is(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    scrubber = Scrubber([SECRET])
    mask_lines(logger, scrubber)
    logger.warning("call %s is over", "c-1")
    assert caplog.records[0].args == ("c-1",)
    assert caplog.messages == ["call c-1 is over"]


def test_the_credentials_of_all_clients_are_masked_as_long_as_there_are_clients(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    logger.addFilter(lambda record: True)
    scrubbers = [Scrubber([SECRET]), Scrubber(["another-one"])]
    mask_lines(logger, scrubbers[0])
    mask_lines(logger, scrubbers[1])
    logger.warning("%s and %s", SECRET, "another-one")
    scrubbers.clear()
    gc.collect()
    logger.warning("%s", SECRET)
    assert caplog.messages == ["*** and ***", SECRET]
    assert len(logger.filters) == 2


class Remains:
    """Garbage that writes a line when it is collected."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._myself = self

    def __del__(self) -> None:
        self._logger.info("%s", SECRET)


def test_garbage_that_is_collected_while_a_line_is_written_may_write_one(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    scrubber = Scrubber([SECRET])
    mask_lines(logger, scrubber)
    caplog.set_level(logging.INFO, logger.name)

    def write() -> None:
        for number in range(500):
            Remains(logger)
            logger.info("%s %d", SECRET, number)

    before = gc.get_threshold()
    thread = threading.Thread(target=write, daemon=True)
    gc.set_threshold(11, 1, 1)
    try:
        thread.start()
        thread.join(PATIENCE)
    finally:
        gc.set_threshold(*before)
    assert not thread.is_alive()
    assert "***" in caplog.messages
    assert SECRET not in caplog.text


class Interfering(Scrubber):
    """Another client is made while this one is looked at, as garbage may do."""

    other: Scrubber | None = None

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def __eq__(self, other: object) -> bool:
        if self.other is None:
            self.other = Scrubber([SECRET])
            mask_lines(self._logger, self.other)
        return self is other

    def __hash__(self) -> int:
        return id(self)


def test_a_client_that_is_made_while_another_one_is_made_is_not_forgotten(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    scrubbers = [Interfering(logger), Scrubber(["another-one"])]
    for scrubber in (*scrubbers, scrubbers[1]):
        mask_lines(logger, scrubber)
    logger.warning("%s and %s", SECRET, "another-one")
    assert caplog.messages == ["*** and ***"]


@pytest.mark.parametrize(
    "output",
    [
        OfferRefused("c\x1b[2J-1", "a\nb"),
        PeerViolation("a\x9bb"),
        Dropped("a\u202eb"),
        Ignored("a\rb"),
        FrameTraced(sent=True, text="a\u2028b"),
    ],
)
def test_a_report_is_on_one_line(output: Output) -> None:
    assert narrate("relay.example.com", output)[1].isprintable()


def test_of_a_frame_the_beginning_is_logged() -> None:
    _, words = narrate("relay.example.com", FrameTraced(sent=False, text="x" * 100_000))
    assert len(words) == len("< ") + MOST_OF_A_FRAME
    assert words.endswith("x…")


def test_a_repr_shows_an_id_on_one_line_and_within_a_length() -> None:
    state: Any = "+15550001111 \x07"
    record = CallRecord("c\x1b\n" * 1000, "n-1", state=state)
    assert repr(record).isprintable()
    assert len(repr(record)) < MOST_ID + 50
    assert "5550001111" not in repr(record)


def test_a_timer_that_was_very_late_has_a_line(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    lines = Lines(Log(logger), lambda: 0.0, lambda: None)
    for late in (-1.0, 0.0, WORTH_A_LINE - 0.1, 50.4):
        notice_freeze(lines, "nothing has run for %.0f s", late)
    assert caplog.messages == ["nothing has run for 50 s"]
