"""Running the catalogue: clients side by side, each check apart from the others."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import anyio

from .checks import LIMIT, Check, Group
from .hopes import Hopes
from .stage import (
    BrokenError,
    EndedError,
    HangsError,
    NotTriedError,
    Stage,
    Start,
    open_stage,
)

AT_ONCE: Final = 10
"""Clients that run at the same time."""
STARTING: Final = 2
"""Clients that start at the same time: a start takes a processor."""


class Verdict(enum.Enum):
    """How a check ended."""

    HOLDS = "holds"
    FAILS = "fails"
    HANGS = "hangs"
    """The client did nothing where it had to do something."""
    ENDED = "ended"
    """The client ended in the middle of the check."""
    NOT_TRIED = "not tried"
    """The client does nothing that the check is about."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of one check."""

    check: Check
    verdict: Verdict
    seen: str
    seconds: float
    output: Sequence[str] = ()
    """The last lines that the client has printed, unless the check holds."""

    @property
    def is_bad(self) -> bool:
        """Whether the client has broken the rule."""
        return self.verdict not in {Verdict.HOLDS, Verdict.NOT_TRIED}


async def run_checks(
    checks: Iterable[Check],
    start: Start,
    told: Callable[[Result], None] = lambda _result: None,
    *,
    at_once: int = AT_ONCE,
    warned: Callable[[str], object] = lambda _words: None,
) -> list[Result]:
    """Take clients through the checks; return the results in the order of the checks.

    Checks of one group share a client until one of them does not hold. `told` hears each
    result as it comes, and `warned` what no client does that most checks need.
    """
    hopes = Hopes(warned)
    checks = list(checks)
    found: dict[str, Result] = {}
    running, starting = anyio.CapacityLimiter(at_once), anyio.CapacityLimiter(STARTING)

    def keep(result: Result) -> None:
        found[result.check.name] = result
        told(result)

    async with anyio.create_task_group() as tasks:
        for group in _grouped(checks):
            tasks.start_soon(_run_group, group, start, keep, running, starting, hopes)
    return [found[check.name] for check in checks]


def _grouped(checks: Sequence[Check]) -> list[list[Check]]:
    """Return which checks have one client, the longest ones first."""
    shared = [
        [check for check in checks if check.group is group] for group in (Group.LINKS, Group.CALLS)
    ]
    alone = [[check] for check in reversed(checks) if check.group is Group.ALONE]
    return [group for group in [*shared, *alone] if group]


async def _run_group(
    checks: Sequence[Check],
    start: Start,
    keep: Callable[[Result], None],
    running: anyio.CapacityLimiter,
    starting: anyio.CapacityLimiter,
    hopes: Hopes,
) -> None:
    waiting = deque(checks)
    while waiting:
        async with running, AsyncExitStack() as stack:
            async with starting:
                stage = await stack.enter_async_context(open_stage(start, hopes))
                await stage.connected()
            while waiting:
                result = await run_check(waiting.popleft(), stage)
                keep(result)
                if result.verdict is not Verdict.HOLDS:
                    break


async def run_check(check: Check, stage: Stage) -> Result:
    """Run one check on the client of a stage."""
    stage.begin()
    started = anyio.current_time()
    verdict, seen = Verdict.HANGS, f"it was not over after {LIMIT:g} s"
    with anyio.move_on_after(LIMIT):
        try:
            seen = await check.act(stage)
            verdict = Verdict.HOLDS
        except BrokenError as error:
            verdict, seen = Verdict.FAILS, str(error)
        except HangsError as error:
            seen = str(error)
        except EndedError as error:
            verdict, seen = Verdict.ENDED, str(error)
        except NotTriedError as error:
            verdict, seen = Verdict.NOT_TRIED, str(error)
    output = () if verdict is Verdict.HOLDS or stage.client is None else stage.client.last_words()
    return Result(check, verdict, seen, anyio.current_time() - started, tuple(output))
