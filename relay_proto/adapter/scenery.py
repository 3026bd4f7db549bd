"""Scenery: what a rehearsal is given, and what is said of that which cannot be rehearsed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ..config import Provider
from ..exchange import (
    Account,
    Behaviour,
    ExchangeConfig,
    ExchangeTiming,
    InTurn,
    Line,
    OverTime,
)
from .clients import ClientBase

Lines: TypeAlias = Sequence[Line] | Mapping[str, Behaviour | InTurn | OverTime]
"""What happens when the program dials a number."""

NUMBER: Final = "+15550002222"
"""The number that callers call by default."""
CONTEXT: Final = "rehearsal"
"""The context, project and token of a client that is made for a rehearsal."""
POLL_INTERVAL: Final = 0.1
"""Virtual seconds between two checks whether the handlers have returned."""


def lines_of(lines: Lines) -> tuple[Line, ...]:
    """Return the lines of an exchange."""
    if isinstance(lines, Mapping):
        return tuple(Line(address, behaviour) for address, behaviour in lines.items())
    return tuple(lines)


def configure(
    client: ClientBase[Any, Any, Any] | None,
    lines: Lines,
    undeliverable: Collection[str],
    timing: ExchangeTiming | None,
) -> ExchangeConfig:
    """Return the configuration of an exchange to which `client` may connect.

    Without one, it knows the account `CONTEXT`.
    """
    return ExchangeConfig(
        accounts=(_account_of(client),),
        numbers={NUMBER: context_of(client)},
        lines=lines_of(lines),
        undeliverable=frozenset(undeliverable),
        timing=timing or ExchangeTiming(),
    )


def known(credential: str | Provider) -> str:
    """Stand for a credential that a function returns."""
    return "rehearsed" if callable(credential) else credential


def context_of(client: ClientBase[Any, Any, Any] | None) -> str:
    """Return the context in which callers call by default."""
    return client.contexts[0] if client is not None and client.contexts else CONTEXT


def _account_of(client: ClientBase[Any, Any, Any] | None) -> Account:
    if client is None:
        return Account(project=CONTEXT, token=CONTEXT)
    return Account(
        project=client.project,
        token=known(client.token),
        jwt_tokens=(known(client.jwt_token),) if client.jwt_token else (),
    )
