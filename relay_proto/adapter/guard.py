"""The guard: what becomes of code of the application's that fails.

Each adapter runs all such code, functions as well as what they return to be awaited,
behind one guard of its own; the words are here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from ..errors import CallEndedError, ClientClosedError
from ..rpc.event_base import RelayEvent

Predicate: TypeAlias = Callable[[RelayEvent], bool]


def report_failure(log: logging.Logger, name: str, argument: object, error: BaseException) -> None:
    """Write down that a function failed on its argument; `name` says which function.

    One that was waiting when its call or its client came to an end has not failed.
    """
    if isinstance(error, (CallEndedError, ClientClosedError)):
        log.debug("%s: %s", name, error)
    else:
        log.error("%s failed on %r", name, argument, exc_info=error)


def judge(predicate: Predicate | None, event: RelayEvent) -> RelayEvent | Exception | None:
    """Return `event` if it is wanted, None if it is not, or what `predicate` raised."""
    try:
        return event if predicate is None or predicate(event) else None
    except Exception as error:  # noqa: BLE001 - it is raised where the event is waited for
        return error
