"""The soak: it counts, finds, shrinks and replays."""

from __future__ import annotations

import itertools
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from relay_proto.testing import PROMISES, Shrinker, carry_out, draw_plan
from relay_proto.testing.soak import Tally, main, soak
from tests.faults import registry
from tests.faults.registry import Fault

ROOT = Path(__file__).parents[2]
MOST_SEEDS = 40

FORGETFUL = registry.forget_an_acknowledgement_after_a_resume
SHRUNK = [
    (registry.send_again_after_a_cut, "promise 2: nothing is sent twice", 80),
    (FORGETFUL, "everything is acknowledged", 30),
    (registry.leave_the_loser_of_a_dial, "promise 6: nobody is left ringing", 60),
]
"""Faults, what each breaks, and how short its trace becomes."""


def until_one_fails(tally: Tally) -> bool:
    return not tally.failures and tally.seeds < MOST_SEEDS


@pytest.mark.parametrize(
    ("fault", "promise", "lines"), SHRUNK, ids=[fault.name for fault, _, _ in SHRUNK]
)
def test_a_planted_fault_is_found_shrunk_and_replayed(
    fault: Fault, promise: str, lines: int
) -> None:
    with fault.planted():
        (failure,) = soak(0, until_one_fails).failures
        shortest = failure.shortest
        again = carry_out(shortest.plan).world
    assert promise in failure.what
    assert promise in str(shortest.error)
    assert len(shortest.plan.acts) <= 4, failure.text
    assert len(shortest.world.trace) <= lines, failure.text
    assert again.trace == shortest.world.trace
    assert again.fingerprint == shortest.world.fingerprint
    assert f"seed {failure.seed} failed" in failure.text
    assert shortest.world.trace[-1] in failure.text


def test_shrinking_ends_when_it_may_run_no_more() -> None:
    with FORGETFUL.planted():
        (failure,) = soak(0, until_one_fails).failures
        failed = carry_out(draw_plan(failure.seed))
        shrinker = Shrinker(failed, carry_out, most_runs=3)
        shortest = shrinker.shrink()
    assert len(shortest.plan.acts) < len(failed.plan.acts)
    assert shrinker.runs == 3


def said(*arguments: str, tick: float = 1.0) -> str:
    """What a command says, with a clock that ticks when it is looked at."""
    lines: list[str] = []
    status = main(arguments, clock=itertools.count(0, tick).__next__, write=lines.append)
    return f"{''.join(lines)}exit {status}"


def test_a_soak_ends_with_a_table() -> None:
    text = said("soak", "--minutes", "1", "--seed", "7", tick=20.0)
    assert "2 seeds in 80.0 s: 0.0 per second" in text
    assert "hours simulated" in text
    assert "faults injected:" in text
    assert "checks made, by promise:" in text
    for words in PROMISES.values():
        assert words in text
    assert text.endswith("0 seeds failed\nexit 0")


def test_a_soak_ends_after_so_many_seeds() -> None:
    assert "\n3 seeds in" in "\n" + said("soak", "--minutes", "60", "--seeds", "3")


def test_a_soak_that_fails_says_so() -> None:
    with FORGETFUL.planted():
        text = said("soak", "--minutes", "60", "--seed", "1", "--seeds", "1")
    assert text.startswith("seed 1 failed: promise 4 (nothing is heard twice)")
    assert "\n1 seeds failed\n           1  promise 4" in text
    assert text.endswith("exit 1")


def test_a_seed_that_holds_is_replayed_to_its_end() -> None:
    text = said("replay", "3", "--shrink")
    assert "OpenTransport(transport=1)" in text
    assert text.endswith("every promise was kept\nexit 0")


def test_a_seed_that_fails_is_replayed_to_its_failure() -> None:
    with FORGETFUL.planted():
        text = said("replay", "1")
        shorter = said("replay", "1", "--shrink")
    assert "everything is acknowledged" in text
    assert text.endswith("exit 1")
    assert len(shorter) < len(text)


def test_a_replay_does_not_depend_on_the_process() -> None:
    command = [sys.executable, "-m", "relay_proto.testing", "replay", "5"]
    texts = {
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(texts) == 1
    assert b"\nframes " in texts.pop()


def test_the_module_is_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["relay_proto.testing", "soak", "--minutes", "0"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("relay_proto.testing", run_name="__main__")
    assert "0 seeds failed" in capsys.readouterr().out
