"""The observed core: a client core that tells an `Observation` what happens to it.

A core that nobody observes is not wrapped, and so costs what it did before.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from ..api.commands import NEW_ID, Command, Purpose
from ..client_interface import ClientInterface
from ..config import ClientConfig, Contexts, Credentials
from ..link.ids import drawn_ids
from ..outputs import Closed, Output
from ..pending import Pending
from ..records import ActionRecord, CallRecord
from ..rpc.action_kinds import ActionKind
from ..rpc.events import CallStateEvent
from ..transitions import CallState
from ..values.chance import Chance
from ..wrapped import WrappedCore
from .observer import Observation

R = TypeVar("R")

LAG_INTERVAL: Final = 1.0
"""Seconds between the timers whose lateness is told."""

_NAMED: Final = {Purpose.START: "control_id", Purpose.DIAL: "tag"}
"""Commands with an id that the core makes otherwise. An observer has to know it."""


class ObservedCore(WrappedCore):
    """A `ClientInterface` that wraps another one, and tells of its commands and outputs."""

    def __init__(self, core: ClientInterface, observation: Observation, random: Chance) -> None:
        """`random` makes the ids of actions and dials."""
        super().__init__(core)
        self._observation = observation
        self._ids = drawn_ids(random)
        self._now = 0.0
        self._timer_at: float | None = None

    def __repr__(self) -> str:
        return f"<ObservedCore of {self._core!r}>"

    # What is told

    def execute(self, command: Command[R], now: float) -> Pending[R]:
        """See `ClientCore.execute`."""
        self._now = now
        command = self._with_id(command)
        pending = self._core.execute(command, now)
        self._observation.commanded(command, None, pending, now)
        return pending

    def execute_on(
        self, target: CallRecord | ActionRecord, command: Command[R], now: float
    ) -> Pending[R]:
        """See `ClientCore.execute_on`."""
        self._now = now
        command = self._with_id(command)
        pending = self._core.execute_on(target, command, now)
        self._observation.commanded(command, target, pending, now)
        return pending

    def next_output(self) -> Output | None:
        """See `ClientCore.next_output`."""
        output = self._core.next_output()
        if output is not None:
            self._observation.put_out(output, self._now)
            if type(output) is Closed:
                self._timer_at = None
        return output

    def deadline(self) -> float | None:
        """See `ClientCore.deadline`. An observed core has a timer of its own, too."""
        due, timer_at = self._core.deadline(), self._timer_at
        if due is None or timer_at is None:
            return timer_at if due is None else due
        return min(due, timer_at)

    def handle_timer(self, now: float) -> None:
        """See `ClientCore.handle_timer`."""
        self._now = now
        timer_at = self._timer_at
        if timer_at is not None and timer_at <= now:
            self._timer_at = now + LAG_INTERVAL
            self._observation.late(now - timer_at)
        self._core.handle_timer(now)

    def _with_id(self, command: Command[R]) -> Command[R]:
        name = _NAMED.get(command.purpose)
        if name is None or command.params.get(name, NEW_ID) is not NEW_ID:
            return command
        params = {**command.params, name: next(self._ids)}
        return msgspec.structs.replace(command, params=params)

    # What is only passed on, with the time

    def start(self, now: float, *, retry: bool = False) -> Pending[None]:
        """See `ClientCore.start`."""
        self._now = now
        started = self._core.start(now, retry=retry)
        self._timer_at = now + LAG_INTERVAL
        return started

    def use_credentials(self, transport: int, credentials: Credentials, now: float) -> None:
        """See `ClientCore.use_credentials`."""
        self._now = now
        self._core.use_credentials(transport, credentials, now)

    def use_contexts(self, contexts: Contexts, now: float) -> None:
        """See `ClientCore.use_contexts`."""
        self._now = now
        self._core.use_contexts(contexts, now)

    def close(self, now: float) -> None:
        """See `ClientCore.close`."""
        self._now = now
        self._core.close(now)

    def drain(self, now: float) -> None:
        """See `ClientCore.drain`."""
        self._now = now
        self._core.drain(now)

    def cancel(self, pending: Pending[Any], now: float) -> None:
        """See `ClientCore.cancel`."""
        self._now = now
        self._core.cancel(pending, now)

    def wait_for(self, call: CallRecord, state: CallState, now: float) -> Pending[CallStateEvent]:
        """See `ClientCore.wait_for`."""
        self._now = now
        return self._core.wait_for(call, state, now)

    def wait_ready(self, now: float) -> Pending[None]:
        """See `ClientCore.wait_ready`."""
        self._now = now
        return self._core.wait_ready(now)

    def hang_up(self, call: CallRecord, now: float) -> None:
        """See `ClientCore.hang_up`."""
        self._now = now
        self._core.hang_up(call, now)

    def pass_back(self, call: CallRecord, now: float) -> None:
        """See `ClientCore.pass_back`."""
        self._now = now
        self._core.pass_back(call, now)

    def adopt(self, call: CallRecord) -> CallRecord:
        """See `ClientCore.adopt`."""
        return self._core.adopt(call)

    def attach(self, call: CallRecord, kind: ActionKind, control_id: str) -> ActionRecord:
        """See `ClientCore.attach`."""
        return self._core.attach(call, kind, control_id)

    def transport_opened(self, transport: int, now: float) -> None:
        """See `ClientCore.transport_opened`."""
        self._now = now
        self._core.transport_opened(transport, now)

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """See `ClientCore.receive_data`."""
        self._now = now
        self._core.receive_data(transport, data, now)

    def transport_closed(self, transport: int, now: float, reason: str) -> None:
        """See `ClientCore.transport_closed`."""
        self._now = now
        self._core.transport_closed(transport, now, reason)

    # What it shows

    @property
    def config(self) -> ClientConfig:
        """See `ClientCore.config`."""
        return self._core.config
