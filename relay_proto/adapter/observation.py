"""The observation of a client, guarded: whatever it raises ends no call and no connection."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from ..api.commands import Command
from ..api.routes import CallRoute
from ..client_interface import ClientInterface
from ..observing.observed import ObservedCore
from ..observing.observer import Observation, Observer, Target
from ..outputs import Output
from ..pending import Pending
from ..records import CallRecord, MessageRecord
from .contexts import InContext, in_context
from .guard import WAIT_IS_OVER, Surroundings, end_of_program, report_failure, without
from .logs import Log

NAME: Final = "the observer"


class GuardedObservation:
    """Passes on to an `Observation`, and reports what that raises."""

    def __init__(self, observation: Observation) -> None:
        self._observation = observation
        self.surroundings: Surroundings | None = None
        """Who reports; set before anything is observed."""

    def commanded(
        self, command: Command[Any], target: Target, pending: Pending[Any], now: float
    ) -> None:
        """See `Observation`."""
        try:
            self._observation.commanded(command, target, pending, now)
        except BaseException as error:  # noqa: BLE001 - see `_failed`
            self._failed(target, error)

    def put_out(self, output: Output, now: float) -> None:
        """See `Observation`."""
        try:
            self._observation.put_out(output, now)
        except BaseException as error:  # noqa: BLE001 - see `_failed`
            self._failed(getattr(output, "call", output), error)

    def late(self, seconds: float) -> None:
        """See `Observation`."""
        try:
            self._observation.late(seconds)
        except BaseException as error:  # noqa: BLE001 - see `_failed`
            self._failed("a timer", error)

    def enter(self, record: CallRecord | MessageRecord, now: float) -> None:
        """See `Observation`."""
        try:
            self._observation.enter(record, now)
        except BaseException as error:  # noqa: BLE001 - see `_failed`
            self._failed(record, error)

    def left(
        self, record: CallRecord | MessageRecord, failure: BaseException | None, now: float
    ) -> None:
        """See `Observation`. A handler that was waiting when its call ended has not failed."""
        if failure is not None:
            failure = without(failure, WAIT_IS_OVER)
        try:
            self._observation.left(record, failure, now)
        except BaseException as error:  # noqa: BLE001 - see `_failed`
            self._failed(record, error)

    def _failed(self, about: object, error: BaseException) -> None:
        surroundings = self.surroundings
        assert surroundings is not None, "it is set before anything is observed"
        ending = end_of_program(error)
        if ending is None:
            report_failure(surroundings.lines, NAME, about, error)
        else:
            surroundings.end_program(NAME, ending)

    # For handlers

    def entered(
        self, handler: Callable[[Any], Any], record: CallRecord | MessageRecord, now: float
    ) -> InContext:
        """Return `handler` with the context variables that `enter` sets."""
        return in_context(handler).prepared(lambda: self.enter(record, now))

    def entered_route(self, route: CallRoute, record: CallRecord, now: float) -> CallRoute:
        """Return `route` with its handler as `entered` returns it."""
        handler = self.entered(route.handler, record, now)
        return CallRoute(handler, cancel_on_end=route.cancel_on_end, on_error=route.on_error)


def observed_by(
    observer: Observer | None, core: ClientInterface, log: Log, seeds: Random
) -> tuple[ClientInterface, GuardedObservation | None]:
    """Return `core` as it is observed, if there is an observer, and its observation.

    The seed of the ids that it makes comes from `seeds`.
    """
    if observer is None:
        return core, None
    try:
        observation = GuardedObservation(observer.observe(core))
    except Exception as error:  # noqa: BLE001 - it is logged
        log.failure(error, "the client is not observed, because the observer has failed")
        return core, None
    chance = Random(seeds.getrandbits(64))  # noqa: S311 - ids are no secrets
    return ObservedCore(core, observation, chance), observation
