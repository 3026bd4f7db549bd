"""Chance: what a core needs of a `random.Random`. It is given one, and makes none."""

from __future__ import annotations

from typing import Protocol


class Chance(Protocol):
    """A source of random numbers. `random.Random` and `random.SystemRandom` are such."""

    def getrandbits(self, k: int, /) -> int:
        """Return a number of `k` random bits."""
        ...

    def randbytes(self, n: int) -> bytes:
        """Return `n` random bytes."""
        ...

    def uniform(self, a: float, b: float) -> float:
        """Return a number from `a` to `b`."""
        ...
