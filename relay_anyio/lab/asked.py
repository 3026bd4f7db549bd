"""`Asked` and `Route`: one request, and one row of the table of routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from .lab import Lab
from .shapes import Shape
from .stream import Stream

Method: TypeAlias = Literal["GET", "POST", "PUT", "DELETE"]


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a URL. This has none."""


Q = TypeVar("Q", bound=Query)
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Asked(Generic[Q, B]):
    """One request: `query` and `body` are of the types that the route names."""

    lab: Lab
    path: Mapping[str, str]
    query: Q
    body: B
    last_event_id: int | None = None
    """Where an earlier stream has ended."""


Handler: TypeAlias = "Callable[[Asked[Any, Any]], Shape | Stream]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One row: what `method` and `path` do, what they take, and what they return.

    The docstring of `handle` describes it to people.
    """

    method: Method
    path: str
    handle: Handler
    answer: type[Shape] | None
    """What it returns; None for a stream."""
    body: type[msgspec.Struct] | None = None
    """What it takes; None for nothing."""
    toml: bool = False
    """Whether the body may also be TOML."""
    query: type[Query] = Query
    status: int = 200
    problems: tuple[int, ...] = ()
    """The statuses of errors that not all routes have."""

    @property
    def name(self) -> str:
        """Its name in the OpenAPI document."""
        return self.handle.__name__

    @property
    def does(self) -> str:
        """What it does, in one sentence."""
        return (self.handle.__doc__ or "").partition("\n")[0]
