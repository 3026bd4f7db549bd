"""Passages: verbs that pass through an `execute` of the application's.

The compatible API promises that the verbs of calls use `client.execute`. So a program
may wrap or replace it, in a subclass or on one client, and see them all. Only then a
verb takes this way, which is longer: `client.execute` gets its method and parameters,
and the one that is ours recognizes them and carries out the verb itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

from ..api.commands import NEW_ID, Command, Purpose
from ..errors import RelayError
from ..records import ActionRecord, CallRecord
from ..rpc.frames import JSONObject

R = TypeVar("R")

GONE: Final = (404, 410)
ACCEPTED: Final = "200"


def is_replaced(client: object, own: Callable[..., object]) -> bool:
    """Whether the `execute` of a client is not `own`, which its class has from us."""
    return getattr(type(client), "execute", None) is not own or "execute" in vars(client)


class Passage(Generic[R]):
    """One verb, on its way through `client.execute`."""

    def __init__(self, target: CallRecord | ActionRecord, command: Command[R]) -> None:
        call = target.call if isinstance(target, ActionRecord) else target
        self.target = target
        self._command = command
        self._ids: JSONObject = {"node_id": call.node_id, "call_id": call.call_id}
        self.method = command.method
        if isinstance(target, ActionRecord):
            self._ids["control_id"] = target.control_id
            if self.method.startswith("."):
                self.method = target.kind.method + self.method
        self.params: JSONObject = {**self._ids, **command.params}
        if self.params.get("control_id") is NEW_ID:
            self.params["control_id"] = str(uuid.uuid4())
        self._arrived = False
        self._result: Any = None

    def command(self, params: Mapping[str, Any]) -> Command[R]:
        """The command, with the parameters as they have arrived."""
        own = {name: value for name, value in params.items() if name not in self._ids}
        return msgspec.structs.replace(self._command, params=own)

    def arrive(self, result: R) -> JSONObject:
        """The verb was carried out. Returns what `client.execute` returns of it."""
        self._arrived, self._result = True, result
        if isinstance(result, ActionRecord):
            return {"code": ACCEPTED, "control_id": result.control_id}
        return cast("JSONObject", result)

    def refused(self, error: RelayError) -> JSONObject:
        """The `execute` of the application's has failed. Returns what the verb returns then.

        Raises:
            RelayError: anything but that the call is gone.
        """
        if error.code not in GONE:
            raise error
        return {}

    def result(self, answer: JSONObject, attach: Callable[..., ActionRecord]) -> R:
        """What the verb returns, if `client.execute` has returned `answer`."""
        if self._arrived:
            return cast("R", self._result)
        if self._command.purpose is Purpose.START:  # somebody else sends it, or a test answers
            started = attach(self.target, self._command.kind, self.params["control_id"])
            return cast("R", started)
        return cast("R", answer)


current: Final[ContextVar[Passage[Any] | None]] = ContextVar("relay passage", default=None)
"""What is on its way in this task or thread."""


def arriving(method: str, params: Mapping[str, Any]) -> Passage[Any] | None:
    """The verb that comes to our own `execute` as this request, or None for any other one."""
    passage = current.get()
    if passage is None or method != passage.method:
        return None
    same = all(params.get(name) == passage.params[name] for name in ("node_id", "call_id"))
    return passage if same else None
