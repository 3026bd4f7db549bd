"""What is promised, and which checks hold a core to it.

A check has a name, and a promise that it belongs to. Those that belong to none of
the eleven hold the core to its contract, or the exchange to the protocol.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

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
}

CONTRACT: Final = 0
"""Of a check that belongs to the contract of a core instead."""

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
    "at most one transport": CONTRACT,
    "after handle_timer(t), deadline() > t": CONTRACT,
    "a needless handle_timer does nothing": CONTRACT,
    "Connected and Disconnected alternate": CONTRACT,
    "Closed when asked to": CONTRACT,
    "silence after Closed": CONTRACT,
    "a core keeps to the protocol": CONTRACT,
    "the exchange keeps to the protocol": CONTRACT,
}
"""Every check, and the number of its promise."""


class BrokenPromiseError(AssertionError):
    """What must never happen. `check` is one of `CHECKS`, `promise` its number."""

    def __init__(self, check: str, who: str, details: str) -> None:
        self.check = check
        self.promise = CHECKS[check]
        promise = f"promise {self.promise}" if self.promise else "the contract"
        words = PROMISES.get(self.promise, check)
        what = promise if words == check else f"{promise} ({words})" if self.promise else promise
        super().__init__(f"{what}: {check}: {who}: {details}")


class Checks:
    """The checks of one world, counted; the first that fails raises."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        """How often each check was made."""
        self.broken: BrokenPromiseError | None = None
        """The first that failed: what fails after it proves nothing."""

    def that(self, holds: bool, check: str, who: str, *details: object) -> None:
        """Check something; `details` are only put into words if it does not hold.

        Raises:
            BrokenPromiseError: it does not hold.
        """
        self.made[check] += 1
        if not holds:
            error = BrokenPromiseError(check, who, " ".join(map(str, details)))
            self.broken = self.broken or error
            raise error
