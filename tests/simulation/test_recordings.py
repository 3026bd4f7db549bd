"""Whatever happens in a world, the recordings of its clients replay as they are."""

from __future__ import annotations

import json
from random import Random

import pytest

from relay_proto.config import ClientConfig
from relay_proto.recorder.recording import RecordingCore
from relay_proto.recorder.replay import replay
from relay_proto.testing import PROJECT, TOKEN, simulate
from tests.faults.registry import acknowledge_twice


class Recorder:
    """Makes the cores of a world, and keeps their recordings."""

    def __init__(self) -> None:
        self.tapes: list[list[str]] = []
        self.failures: list[BaseException] = []

    def __call__(self, config: ClientConfig, random: Random) -> RecordingCore:
        lines: list[str] = []
        self.tapes.append(lines)
        seed = random.getrandbits(32)
        return RecordingCore(
            config, Random(seed), lines.append, seed=seed, on_failure=self.failures.append
        )


@pytest.mark.parametrize("seed", range(12))
def test_a_recorded_world_keeps_its_promises_and_replays_as_it_was(seed: int) -> None:
    recorder = Recorder()
    simulate(seed, make_core=recorder)
    assert recorder.tapes
    assert recorder.failures == []
    for tape in recorder.tapes:
        steps = list(replay(tape, Random))
        assert len(steps) == len(tape) > 1
        assert [step.number for step in steps if not step.same] == []


def test_a_recording_holds_no_secret_and_nobodys_number() -> None:
    recorder = Recorder()
    simulate(3, make_core=recorder)
    text = "\n".join(line for tape in recorder.tapes for line in tape)
    assert "calling.dial" in text
    for secret in (PROJECT, TOKEN, "+1555"):
        assert secret not in text


def test_a_core_that_has_changed_is_told_from_the_recorded_one() -> None:
    recorder = Recorder()
    simulate(3, make_core=recorder)
    [tape, *_] = recorder.tapes
    with acknowledge_twice.planted():
        different = [step.number for step in replay(tape, Random) if not step.same]
    assert different


def test_lines_are_json_and_begin_with_what_the_core_was_made_of() -> None:
    recorder = Recorder()
    simulate(1, make_core=recorder)
    header = json.loads(recorder.tapes[0][0])
    assert header["recording"] == 1
    assert header["config"]["credentials"] == {"project": "project", "token": "token"}
    assert header["config"]["host"] == "exchange.test"
