"""The test of the tests: with a fault in the adapters, a promise is broken and a check says so."""

from __future__ import annotations

from itertools import product

import pytest

from .checks import CHECKS, BrokenError, check
from .performing import RUNTIMES, Runtime
from .planted import PLANTED, Planted

PLACES = [
    pytest.param(fault, runtime, id=f"{fault.name}-{runtime}")
    for fault in PLANTED
    for runtime in fault.runtimes
]


def test_every_check_has_a_fault_to_notice_on_every_runtime() -> None:
    found = {(fault.check, runtime) for fault in PLANTED for runtime in fault.runtimes}
    assert found == set(product(CHECKS, RUNTIMES))


@pytest.mark.parametrize(("fault", "runtime"), PLACES)
def test_a_fault_is_noticed(fault: Planted, runtime: Runtime) -> None:
    with fault.planted(), pytest.raises(BrokenError) as broken:
        check(fault.evening, runtime)
    assert broken.value.check == fault.check, f"{fault}\n{broken.value}"


@pytest.mark.parametrize("fault", PLANTED, ids=lambda fault: fault.name)
def test_without_the_fault_all_is_well(fault: Planted) -> None:
    assert check(fault.evening, fault.runtimes[-1])[fault.check]
