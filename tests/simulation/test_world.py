"""Many worlds, each from one seed: the promises hold in all of them.

``RELAY_SIMULATION_SEEDS`` raises the number of worlds. To look at one of them, run
``simulate`` of its seed: what it raises holds the trace.
"""

from __future__ import annotations

import functools
import os
from collections import Counter

import pytest

from relay_proto.testing.faults import simulate

SEEDS = range(max(64, int(os.environ.get("RELAY_SIMULATION_SEEDS") or 0)))
STRIKES = """
    bad openings|cut|cut after so many bytes|cut in the upgrade or authentication
    |cut while opening|event repeated|goodbye|goodbye with restart|nonsense|open hangs
    |open refused|replies withheld|server drops the link|server restarts without memory
    |silence, both ways|silence, one way|stall|state comes late|upgrades refused
    |a fresh client|queue full|somebody calls|somebody writes
    |did: abandon|did: ask for nonsense|did: bridge|did: change contexts
    |did: collect_for_long|did: controls|did: decline|did: dial and cancel
    |did: dial and hold|did: dial impatiently|did: dial in parallel|did: dial in series
    |did: flood|did: impatient|did: menu|did: send a text|did: transfer|did: two_at_once
"""


@functools.cache
def outcome(seed: int) -> Counter[str]:
    """What befell the world of this seed, in which every promise was kept."""
    return simulate(seed).counts


@pytest.mark.parametrize("seed", SEEDS)
def test_the_promises_hold(seed: int) -> None:
    outcome(seed)


def test_everything_that_can_happen_did_happen() -> None:
    befell: Counter[str] = Counter()
    for seed in SEEDS:
        befell += outcome(seed)
    wanted = {name.strip() for name in STRIKES.replace("\n", "").split("|")}
    assert wanted - set(befell) == set()


@pytest.mark.parametrize("seed", [1, 7])
def test_one_seed_is_one_world(seed: int) -> None:
    first, second = simulate(seed), simulate(seed)
    assert first.trace == second.trace
    assert len(first.trace) > 100
    assert first.trace != simulate(seed + 1).trace
