"""Signals of a client that serves, in virtual time: what each one means."""

from __future__ import annotations

from signal import SIGINT, SIGTERM

import pytest

from relay_proto.adapter.signals import TOGETHER, Stop, StopSignals

LATER = TOGETHER
SOON = TOGETHER * 0.9


@pytest.mark.parametrize(
    ("busy", "heard", "meant"),
    [
        pytest.param(False, [(SIGTERM, 0)], [Stop.CLOSE], id="nothing to finish"),
        pytest.param(True, [(SIGINT, 0)], [Stop.CLOSE], id="Ctrl+C"),
        pytest.param(True, [(SIGTERM, 0)], [Stop.DRAIN], id="calls finish"),
        pytest.param(
            True, [(SIGTERM, 0), (SIGTERM, SOON)], [Stop.DRAIN, Stop.NOTHING], id="the same one"
        ),
        pytest.param(
            True, [(SIGTERM, 0), (SIGINT, SOON)], [Stop.DRAIN, Stop.NOTHING], id="of another kind"
        ),
        pytest.param(
            True, [(SIGTERM, 0), (SIGTERM, LATER)], [Stop.DRAIN, Stop.CLOSE], id="a second one"
        ),
        pytest.param(
            True,
            [(SIGTERM, 0), (SIGTERM, SOON), (SIGTERM, LATER)],
            [Stop.DRAIN, Stop.NOTHING, Stop.CLOSE],
            id="what does not count holds up nothing",
        ),
    ],
)
def test_what_a_signal_means(busy: bool, heard: list[tuple[int, float]], meant: list[Stop]) -> None:
    signals = StopSignals()
    assert [signals.hear(number, at, busy=busy) for number, at in heard] == meant
