"""Many worlds, each from one seed: the promises hold in all of them.

``RELAY_SIMULATION_SEEDS`` raises the number of worlds. To look at one of them, run
``simulate`` of its seed: what it raises holds the trace.
"""

from __future__ import annotations

import functools
import os
from collections import Counter

import pytest

from relay_proto.testing import CHECKS, LivelockError, World, simulate

SEEDS = range(max(64, int(os.environ.get("RELAY_SIMULATION_SEEDS") or 0)))
FAULTS_TO_SEE = """
    a fresh client|bad openings|clock jumps|credentials revoked|cut|cut after so many bytes
    |cut in the upgrade or authentication|cut while opening|deploy|event repeated
    |events repeated in disorder|freeze|goodbye|goodbye with restart
    |hangs up as the link breaks|nonsense|open hangs
    |open refused|replies withheld|resume refused|server drops the link
    |server restarts with its memory|server restarts without memory|several clients
    |silence in the upgrade or authentication|silence, both ways|silence, one way|slow application
    |slow close|stall|state comes late|two legs answer at once|upgrades refused
"""
DEEDS_TO_SEE = """
    queue full|somebody calls|somebody writes
    |did: abandon|did: ask for nonsense|did: bridge|did: change contexts
    |did: collect_for_long|did: controls|did: decline|did: dial and cancel
    |did: dial and hold|did: dial impatiently|did: dial in parallel|did: dial in series
    |did: flood|did: hang_up_at_the_worst_instant|did: impatient|did: menu|did: send a text
    |did: transfer|did: two_at_once
"""


@functools.cache
def outcome(seed: int) -> World:
    """The world of this seed, in which every promise was kept."""
    return simulate(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_promises_hold(seed: int) -> None:
    outcome(seed)


def test_everything_that_can_happen_did_happen() -> None:
    faults, deeds, checks = Counter[str](), Counter[str](), Counter[str]()
    for world in map(outcome, SEEDS):
        faults += world.faults
        deeds += world.counts
        checks += world.promises.made
    assert names(FAULTS_TO_SEE) == set(faults)
    assert names(DEEDS_TO_SEE) == set(deeds)
    assert set(checks) == set(CHECKS), "every check was made, and none is unheard of"


def names(text: str) -> set[str]:
    return {name.strip() for name in text.replace("\n", "").split("|")}


@pytest.mark.parametrize("seed", [1, 7])
def test_one_seed_is_one_world(seed: int) -> None:
    first, second = simulate(seed), simulate(seed)
    assert first.trace == second.trace
    assert len(first.trace) > 100
    assert first.trace != simulate(seed + 1).trace


def test_time_must_not_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay_proto.testing.world.MOST_STEPS_PER_SECOND", 20)
    with pytest.raises(LivelockError):
        simulate(1)
