"""The promises of a core, and the checks that test them.

Each check has a name and belongs to a promise. A check that belongs to none of them tests
the contract of a core, or that the exchange keeps to the protocol.

Promises 12 and 13 are those of the adapters: a core runs no handlers, and knows no threads.
The core has a part in promise 15: what it reads late still counts. Whether an adapter reads
before the core judges its deadlines is seen with the adapters only: `tests/worlds` has the
checks of all three on asyncio, trio and threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, TypeAlias

PROMISES: Final[Mapping[int, str]] = {
    1: "every wait ends",
    2: "nothing is sent twice",
    3: "nothing is sent early",
    4: "nothing is heard twice",
    5: "calls only move forward",
    6: "nobody is left ringing",
    7: "a silent peer is a dead peer",
    8: "a crowd does not stampede",
    9: "a resumed session is the same session",
    10: "growth has a bound",
    11: "secrets stay secret",
    14: "no call is lost between two hands",
    15: "late is not lost",
}

CONTRACT: Final = 0
"""The number for checks of the contract, which belong to no promise."""

CHECKS: Final[Mapping[str, int]] = {
    "every wait ends": 1,
    "every Pending settles once": 1,
    "Closed within the close timeout": 1,
    "nothing is sent twice": 2,
    "nothing is sent early": 3,
    "nothing is heard twice": 4,
    "everything is acknowledged": 4,
    "acknowledged where it came": 4,
    "calls only move forward": 5,
    "an ended call completes its actions": 5,
    "an ended call wakes its waiters": 5,
    "an ended call leaves no memory": 5,
    "a closed core leaves no memory": 5,
    "nothing is asked of an ended call": 5,
    "nobody is left ringing": 6,
    "a silent peer is a dead peer": 7,
    "a peer that talks is not left": 7,
    "a core comes back": 7,
    "a crowd does not stampede": 8,
    "refused credentials end it": 8,
    "a resumed session is the same session": 9,
    "a lost session ends its calls": 9,
    "growth has a bound": 10,
    "secrets stay secret": 11,
    "an offered call is taken or passed back": 14,
    "a call that is passed back leaves": 14,
    "an answer that waited is not too late": 15,
    "at most one transport": CONTRACT,
    "after handle_timer(t), deadline() > t": CONTRACT,
    "a needless handle_timer does nothing": CONTRACT,
    "Connected and Disconnected alternate": CONTRACT,
    "Closed when asked to": CONTRACT,
    "silence after Closed": CONTRACT,
    "a core keeps to the protocol": CONTRACT,
    "the exchange keeps to the protocol": CONTRACT,
}
"""Every check, with the number of its promise."""


That: TypeAlias = Callable[..., None]
"""Makes a check about one core: whether it holds, the name of the check, details."""


class BrokenPromiseError(AssertionError):
    """A check failed. `check` is its name in `CHECKS`, `promise` the number there."""

    def __init__(self, check: str, who: str, details: str) -> None:
        self.check = check
        self.promise = CHECKS[check]
        promise = f"promise {self.promise}" if self.promise else "the contract"
        words = PROMISES.get(self.promise, check)
        what = promise if words == check else f"{promise} ({words})" if self.promise else promise
        super().__init__(f"{what}: {check}: {who}: {details}")


class Checks:
    """Make and count the checks of one world. A check that fails raises."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        """How often each check was made."""
        self.broken: BrokenPromiseError | None = None
        """The first failure. Later ones may only be its consequences."""

    def that(self, holds: bool, check: str, who: str, *details: object) -> None:
        """Check something. `details` become text only if the check fails.

        Raises:
            BrokenPromiseError: the check fails.
        """
        self.made[check] += 1
        if not holds:
            self._fail(check, who, details)

    def about(self, who: str) -> That:
        """Return a function that makes checks about `who`. It raises like `that`."""
        made = self.made

        def that(holds: bool, check: str, *details: object) -> None:
            made[check] += 1
            if not holds:
                self._fail(check, who, details)

        return that

    def _fail(self, check: str, who: str, details: tuple[object, ...]) -> NoReturn:
        error = BrokenPromiseError(check, who, " ".join(map(str, details)))
        self.broken = self.broken or error
        raise error
