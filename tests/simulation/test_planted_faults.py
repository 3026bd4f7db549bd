"""The test of the tests: a core with a fault breaks a promise, and a check notices it.

Each test plants one fault of the registry, and runs worlds until every check that has to
notice the fault has failed. Other checks do not count, and a few seeds have to suffice.
"""

from __future__ import annotations

from collections import Counter
from operator import attrgetter

import pytest

from relay_proto.testing.checks import CHECKS, BrokenPromiseError
from relay_proto.testing.plans import simulate
from tests.faults.registry import FAULTS, Fault

MOST_SEEDS = 40


def test_every_check_has_a_fault_to_notice() -> None:
    assert {check for fault in FAULTS for check in fault.checks} == set(CHECKS)


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.checks], ids=attrgetter("name")
)
def test_a_fault_is_noticed(fault: Fault) -> None:
    missing, instead = set(fault.checks), Counter[str]()
    with fault.planted():
        for seed in range(MOST_SEEDS):
            try:
                simulate(seed)
            except BrokenPromiseError as broken:
                if broken.check not in fault.checks:
                    instead[broken.check] += 1
                missing.discard(broken.check)
            except Exception as error:  # noqa: BLE001 - an assertion of the core, or a crash
                instead[repr(error)] += 1
            if not missing:
                return
    words = f"in {MOST_SEEDS} worlds, {sorted(missing)} did not fail"
    pytest.fail(f"{fault} But {words}; what failed instead: {dict(instead) or 'nothing'}.")
