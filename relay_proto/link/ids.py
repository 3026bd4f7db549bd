"""Ids: version 4 UUIDs as text, for requests, actions and dials."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Final, TypeAlias

from ..values.chance import Chance

MakeIds: TypeAlias = Callable[[Chance], Iterator[str]]
"""Makes the endless iterator from which a core takes its ids."""

DRAWN: Final = 64
"""How many ids are drawn at once. All pairs of their halves make the square of it."""

_HALF: Final = 18
"""Characters of the first half of an id. Each half has about 60 random bits."""
_VARIANTS: Final = {f"{digit:x}": "89ab"[digit % 4] for digit in range(16)}


def drawn_ids(random: Chance) -> Iterator[str]:
    """Yield ids each of which is drawn at random. Older recordings were made with these."""
    while True:
        yield _drawn_id(random)


def combined_ids(random: Chance) -> Iterator[str]:
    """Return ids of which only some are drawn at random, because that takes long.

    Each of the others is the first half of one drawn id and the second half of another. No
    two halves come together twice, so all ids differ, and differ from those of other clients.
    A request and its reply take 0.9 of the time that they take with `drawn_ids`.
    """
    return chain.from_iterable(_blocks(random))


def _blocks(random: Chance) -> Iterator[Iterable[str]]:
    drawn = drawn_ids(random)
    while True:
        block = list(islice(drawn, DRAWN))
        yield block
        first = [one[:_HALF] for one in block]
        second = [one[_HALF:] for one in block]
        for shift in range(1, DRAWN):
            yield map(operator.add, first, second[shift:] + second[:shift])


def _drawn_id(random: Chance) -> str:
    text = random.getrandbits(128).to_bytes(16, "big").hex()
    variant = _VARIANTS[text[16]]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
