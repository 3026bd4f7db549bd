"""What frozen dataclasses have in common, written once.

`dataclass` would compile equality, hash and repr anew for each of them, which is
most of what a dataclass costs, and is paid by every program that imports it.
"""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any, ClassVar


class Frozen:
    """Base of ``@dataclass(frozen=True, slots=True, eq=False, repr=False)``.

    What it does is what those two would do. Not for what is compared often: a
    compiled comparison is faster.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        assert isinstance(other, Frozen)
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        told = (f"{item.name}={getattr(self, item.name)!r}" for item in fields(self))
        return f"{type(self).__qualname__}({', '.join(told)})"


def _values(value: Frozen) -> tuple[object, ...]:
    return tuple(getattr(value, item.name) for item in fields(value))
