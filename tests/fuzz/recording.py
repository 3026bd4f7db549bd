"""Fuzzed recordings for the replay: lines are left out, repeated, changed or replaced."""

from __future__ import annotations

import functools
import json
from random import Random
from typing import Any, Final

from relay_proto.recorder.recording import RecordingCore
from relay_proto.recorder.replay import RecordingError, replay
from relay_proto.testing import simulate
from tests.fuzz.source import Source
from tests.fuzz.words import value

MOST_LINES: Final = 40
SEED: Final = 11


@functools.cache
def tape() -> tuple[str, ...]:
    """The recording of one client of a simulated world."""
    lines: list[str] = []

    failures: list[BaseException] = []

    def make(config: Any, random: Random) -> RecordingCore:
        return RecordingCore(
            config, Random(SEED), lines.append, seed=SEED, on_failure=failures.append
        )

    simulate(SEED, make_core=make)
    assert failures == []
    headers = [number for number, line in enumerate(lines) if '"recording"' in line]
    return tuple(lines[: headers[1] if len(headers) > 1 else None])


def replayed(data: bytes) -> None:
    """Replay any lines: each is played, or refused with its number."""
    source = Source(data)
    lines = [tape()[0]] if source.below(16) else []
    at = 1
    while source and len(lines) < MOST_LINES:
        kind = source.byte()
        if kind < 8:
            at = (at + kind) % len(tape())
        line = tape()[at % len(tape())]
        at += 1
        lines.append(_changed(source, line) if kind > 127 else line)
    steps = before = 0
    refused: RecordingError | None = None
    try:
        for step in replay(lines, Random):
            if not steps:
                before = step.number - 1
                assert not before or f"{before} line" in step.left_out
            steps += 1
            assert step.number == before + steps
    except RecordingError as error:
        refused = error
    if refused is None:
        assert before + steps == len(lines), "no line is passed over"
    else:
        assert f"line {refused.number}" in str(refused)
        if steps:
            assert refused.number == before + steps + 1


def _changed(source: Source, line: str) -> str:
    if source.below(8) == 7:
        return source.blob().decode(errors="replace")
    told: dict[str, Any] = json.loads(line)
    name = source.choice(sorted(told))
    told[name] = value(source, 2)
    return json.dumps(told)
