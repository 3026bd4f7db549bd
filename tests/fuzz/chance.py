"""Chance for fuzzing: numbers that differ, and are the same in each run.

A core makes a new source for the masks of each transport. To seed a `random.Random` takes
as long as a step of the fuzzer's.
"""

from __future__ import annotations

from hashlib import blake2b


class Numbers:
    """As much of `random.Random` as a core needs, without a seed."""

    def __init__(self) -> None:
        self._drawn = 0

    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(self.randbytes(k // 8 + 1)) >> (8 - k % 8)

    def randbytes(self, n: int) -> bytes:
        """At most 64 of the bytes differ from those before."""
        self._drawn += 1
        digest = blake2b(self._drawn.to_bytes(8)).digest()
        return (digest * (n // len(digest) + 1))[:n]

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.getrandbits(32) / 2**32
