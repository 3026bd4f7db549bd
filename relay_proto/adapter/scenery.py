"""Scenery: what a rehearsal is given, and what is said of that which cannot be rehearsed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ..config import Provider
from ..exchange import (
    Account,
    Behaviour,
    Caller,
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


def check_program(program: object, own: str, other: str) -> None:
    """Refuse a client of the other adapter.

    Raises:
        TypeError: it is one.
    """
    if any(kind.__module__.partition(".")[0] == other for kind in type(program).__mro__):
        raise TypeError(
            f"{own}.testing rehearses clients of {own}, and this is one of {other}: use "
            f"{other}.testing"
        )


def takes_nothing(function: Callable[..., object]) -> bool:
    """Whether a function can be called without an argument."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    return True


def check_scene(scene: object, kind: str) -> None:
    """Refuse what is no scene.

    Raises:
        TypeError: it is neither a caller nor a function.
    """
    if not isinstance(scene, Caller) and not callable(scene):
        raise TypeError(
            f"a scene is a Caller, such as Caller('+15550001111'), or {kind} that takes the "
            f"Stage, not {scene!r}"
        )


def lines_of(lines: Lines) -> tuple[Line, ...]:
    """Return the lines of an exchange.

    Raises:
        TypeError: one of them is no line.
    """
    if isinstance(lines, Mapping):
        return tuple(Line(address, behaviour) for address, behaviour in lines.items())
    for line in lines:
        _check_line(line)
    return tuple(lines)


def _check_line(line: object) -> None:
    if not isinstance(line, Line):
        raise TypeError(
            "lines are a dict such as {'+15559': Busy()}, or a list of "
            f"Line('+15559', Busy()), … with no {line!r} in it"
        )


def configure(
    client: ClientBase[Any, Any, Any] | None,
    lines: Lines,
    undeliverable: Collection[str],
    timing: ExchangeTiming | None,
) -> ExchangeConfig:
    """Return the configuration of an exchange to which `client` may connect.

    Without one, it knows the account `CONTEXT`.

    Raises:
        TypeError: a line is no line.
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
