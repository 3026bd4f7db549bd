"""The catalogue: our client keeps all rules, and each bad client is found by the right checks."""

from __future__ import annotations

from typing import Any, Final

import anyio
import pytest

from relay_anyio import Timing
from relay_anyio.conform.catalogue import CATALOGUE
from relay_anyio.conform.checks import Check
from relay_anyio.conform.hopes import ENOUGH
from relay_anyio.conform.running import Result, Verdict
from relay_proto.link.backoff import Backoff
from tests.conform.bad_clients import ALL_BAD, Bad
from tests.conform.clients import InProcess, results_of
from tests.faults import seams

BY_OTHER_TESTS: Final = frozenset({"contexts"})


def named(*names: str) -> list[Check]:
    return [check for check in CATALOGUE if check.name in names]


def broken(results: list[Result]) -> dict[str, str]:
    return {result.check.name: result.seen for result in results if result.is_bad}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_our_client_keeps_all_rules(backend: str) -> None:
    results = results_of(backend=backend)
    assert [result.check for result in results] == list(CATALOGUE)
    assert [one for one in results if one.verdict is not Verdict.HOLDS] == []


@pytest.mark.parametrize("kind", ALL_BAD, ids=lambda kind: kind.__name__)
def test_a_bad_client_is_found_by_the_checks_of_its_rule(kind: type[Bad]) -> None:
    results = results_of(kind)
    found = broken(results)
    assert found.keys() == kind.breaks, found
    not_tried = {one.check.name for one in results if one.verdict is Verdict.NOT_TRIED}
    assert not_tried == kind.not_tried


def test_each_check_finds_a_bad_client() -> None:
    found = frozenset[str]().union(*(kind.breaks for kind in ALL_BAD))
    assert found | BY_OTHER_TESTS == {check.name for check in CATALOGUE}


def test_a_client_that_serves_no_context_hangs() -> None:
    class NoContext(InProcess):
        contexts = ()

    (result,) = results_of(NoContext, named("contexts"))
    assert (result.verdict, result.seen) == (
        Verdict.HANGS,
        "no session with the context within 40 s",
    )
    assert result.output == ("last words",)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nobody_waits_long_for_a_context_that_no_client_serves(backend: str) -> None:
    class NoContext(InProcess):
        contexts = ()

    warnings: list[str] = []
    # One after the other: whoever waits already when it is known waits for the whole time.
    results = results_of(NoContext, backend=backend, at_once=1, warned=warnings.append)
    assert [one for one in warnings if "does not serve the context 'conform'" in one] == warnings
    assert len(warnings) == 1
    waited = [one for one in results if "no session with the context" in one.seen]
    assert len([one for one in waited if one.seconds > 30]) == ENOUGH
    assert len([one for one in waited if "as with the clients before" in one.seen]) > 30
    held = {one.check.name for one in results if one.verdict is Verdict.HOLDS}
    assert {"connect-alone", "refused-credentials"} <= held


def test_a_context_that_is_served_late_is_waited_for_again() -> None:
    made: list[InProcess] = []

    class LateToServe(InProcess):
        def __init__(self, *given: Any) -> None:
            made.append(self)
            if len(made) <= ENOUGH:
                self.contexts = ()
            super().__init__(*given)

        async def run(self) -> None:
            await anyio.sleep(1.0 if len(made) == ENOUGH + 1 else 20.0)
            await super().run()

    warnings: list[str] = []
    checks = named("acknowledges", "unknown-events", "order", "repeated-event", "early-events")
    results = results_of(LateToServe, checks, at_once=1, warned=warnings.append)
    assert [one.verdict for one in results[:ENOUGH]] == [Verdict.HANGS] * ENOUGH
    assert {one.verdict for one in results[ENOUGH:]} == {Verdict.HOLDS}
    assert len(warnings) == 1


def test_a_client_that_never_connects_hangs() -> None:
    class NeverConnects(InProcess):
        async def run(self) -> None:
            pass

    warnings: list[str] = []
    checks = named("connect", "acknowledges")
    results = results_of(NeverConnects, checks, warned=warnings.append)
    assert [result.verdict for result in results] == [Verdict.FAILS, Verdict.HANGS]
    assert warnings == ["the client does not connect: from now on, a check waits 2 s for that"]


def test_a_client_that_ends_has_ended() -> None:
    class Ends(InProcess):
        async def take_call(self, call: object) -> None:
            self.end(7)

    (result,) = results_of(Ends, named("acknowledges"))
    assert (result.verdict, result.seen) == (Verdict.ENDED, "it ended with code 7: last words")


def test_a_check_behind_one_that_does_not_hold_has_a_client_of_its_own() -> None:
    started: list[InProcess] = []

    class DiesOnce(InProcess):
        async def take_call(self, call: object) -> None:
            if len(started) == 1:
                self.end(1)
            else:
                await super().take_call(call)  # type: ignore[arg-type]

        async def run(self) -> None:
            started.append(self)
            await super().run()

    names = ("acknowledges", "unknown-events", "order")
    results = results_of(DiesOnce, named(*names))
    assert [result.verdict for result in results] == [
        Verdict.ENDED,
        Verdict.HOLDS,
        Verdict.HOLDS,
    ]
    assert len(started) == 2


def test_delays_that_begin_anew_with_each_connection_are_found() -> None:
    """As with a client that takes an open socket for success."""
    delays = [1.0, 1.2, 1.1]

    def begin_anew(original: object, self: Backoff) -> float:
        delays.append(delays.pop(0))
        return delays[-1]

    checks = named("back-off-without-session", "jitter")
    with seams.NEXT_DELAY.replaced(begin_anew):
        results = results_of(InProcess, checks, at_once=1)
    assert broken(results).keys() == {"back-off-without-session"}


def test_growing_delays_without_chance_are_found() -> None:
    """As with a client that doubles its delay, and does nothing else."""

    class Doubles(InProcess):
        timing = Timing(retry_max_delay=16.0)

    def double(original: object, self: Backoff) -> float:
        return min(16.0, 2.0 ** max(0, self.attempt - 1))

    checks = named("back-off", "back-off-without-session", "jitter", "comes-back")
    with seams.NEXT_DELAY.replaced(double):
        results = results_of(Doubles, checks)
    assert broken(results).keys() == {"jitter"}
