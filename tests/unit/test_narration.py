"""Narration: each report of the core becomes one line with a level; other outputs do not."""

from __future__ import annotations

from logging import DEBUG, ERROR, INFO, WARNING

import pytest

from relay_proto.adapter.narration import narrate
from relay_proto.errors import ConnectFailedError, ConnectionLostError, RelayError
from relay_proto.outputs import (
    Closed,
    Connected,
    ConnectFailed,
    Disconnected,
    Dropped,
    FrameTraced,
    Ignored,
    OfferRefused,
    Output,
    PeerViolation,
    SendData,
    Settled,
)
from relay_proto.pending import Pending

HOST = "relay.example.com"
LOST = ConnectionLostError("reset by peer", maybe_delivered=False)
REFUSED = RelayError(-32002, "no such project")
UNREACHABLE = ConnectFailedError(HOST, "nobody answers")


@pytest.mark.parametrize(
    ("output", "level", "words"),
    [
        (Connected(resumed=True), INFO, f"connected to {HOST} (session resumed: its calls go on)"),
        (Connected(resumed=False), INFO, f"connected to {HOST} (new session)"),
        (Disconnected(None, None), INFO, f"disconnected from {HOST}"),
        (
            Disconnected(LOST, 1.26),
            WARNING,
            f"lost the connection to {HOST}: reset by peer; trying again in 1.3 s",
        ),
        (
            Disconnected(LOST, 0.0),
            WARNING,
            f"lost the connection to {HOST}: reset by peer; trying again in 0.0 s",
        ),
        (Disconnected(REFUSED, None), WARNING, f"lost the connection to {HOST}: {REFUSED}"),
        (
            ConnectFailed(UNREACHABLE, 3, 2.0),
            WARNING,
            f"attempt 3 to connect to {HOST} failed: nobody answers; trying again in 2.0 s",
        ),
        (
            ConnectFailed(REFUSED, 1, None),
            WARNING,
            f"attempt 1 to connect to {HOST} failed: {REFUSED}",
        ),
        (
            OfferRefused("c-1", "no handler"),
            ERROR,
            "call c-1 was passed back to the service, for another client: no handler",
        ),
        (PeerViolation("a text"), WARNING, f"{HOST} broke the protocol: a text"),
        (Dropped("too many events"), ERROR, f"{HOST}: too many events"),
        (Ignored("a late reply"), DEBUG, "ignored: a late reply"),
        (FrameTraced(sent=True, text="{}"), DEBUG, "> {}"),
        (FrameTraced(sent=False, text="[]"), DEBUG, "< []"),
    ],
)
def test_a_report_has_a_level_and_words(output: Output, level: int, words: str) -> None:
    assert narrate(HOST, output) == (level, words)


@pytest.mark.parametrize("output", [SendData(1, b"secret"), Settled(Pending()), Closed(None)])
def test_what_is_no_report_is_not_for_the_log(output: Output) -> None:
    with pytest.raises(AssertionError, match="is not for the log") as caught:
        narrate(HOST, output)
    assert "secret" not in str(caught.value)
