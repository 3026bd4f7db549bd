"""``calling.bind_digit``: a method runs on a call when the caller presses certain keys.

The method runs as if the program had called it, but nobody gets the reply. A refusal
becomes a ``calling.error`` event.

Source: docs/protocol.md, sections 14.6 and 18 (``calling.error``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

import msgspec

from ..constants import EVENT_CALLING_ERROR
from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS
from .happened import What, Who
from .legs import Leg, Listener
from .requests import OnCall, Request, Verb, call_verb
from .switch import FULL

CALLING: Final = "calling."


class BindParams(OnCall, frozen=True, kw_only=True):
    """``calling.bind_digit``; `params` are checked only when the keys are pressed."""

    digits: Annotated[str, msgspec.Meta(pattern=r"\A[0-9*#A-D]{1,100}\Z")]
    bind_method: str
    params: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict[str, msgspec.Raw])
    realm: str = ""
    max_triggers: Annotated[int, msgspec.Meta(ge=0)] = 0


class ClearParams(OnCall, frozen=True, kw_only=True):
    """``calling.clear_digit_bindings``; without `realm`, all bindings of the call."""

    realm: str | None = None


class Binding(Listener):
    """One sequence of keys, and the method that it runs."""

    def __init__(self, request: Request, leg: Leg, params: BindParams) -> None:
        super().__init__(leg, leg.network.new_id())
        self._request = request
        self._params = params
        self._typed = ""
        self._left = params.max_triggers
        self.realm = params.realm

    def take_digit(self, digit: str, now: float) -> None:
        """Take a key that the far end presses."""
        digits = self._params.digits
        self._typed = (self._typed + digit)[-len(digits) :]
        if self._typed == digits:
            self._typed = ""
            # Run it later. It may end the call, and other listeners must get the key first.
            self.leg.network.at(now, self._run)

    def take_speech(self, text: str, seconds: float, now: float) -> None:
        """Ignore words."""

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self.leg.network.cancel(self._run)

    def _run(self, now: float) -> None:
        self._left -= 1
        if self._left == 0:
            self.leave()
        method, leg = self._params.bind_method, self.leg
        ids = {"node_id": leg.network.config.node_id, "call_id": leg.call_id}
        given = {"control_id": leg.network.new_id(), **self._params.params, **ids}
        asked = replace(
            self._request, params=msgspec.Raw(msgspec.json.encode(given)), now=now, reply=_drop
        )
        try:
            asked.verbs[method](asked)
        except RelayError as refusal:
            reason = refusal.message
            leg.note(Who.EXCHANGE, What.REFUSED, now, method=method, reason=reason)
            leg.tell(EVENT_CALLING_ERROR, now, code=str(refusal.code), message=reason)


def bind_digit(request: Request, leg: Leg, params: BindParams) -> None:
    """``calling.bind_digit``."""
    if params.bind_method not in request.verbs or not params.bind_method.startswith(CALLING):
        raise RelayError(INVALID_PARAMS, "Invalid params: bind_method is not a method on a call")
    if len(leg.operations) >= request.network.config.limits.operations:
        raise RelayError(FULL, "too many operations on this call")
    request.accept("Digit binding created", call_id=leg.call_id)
    Binding(request, leg, params)


def clear_digit_bindings(request: Request, leg: Leg, params: ClearParams) -> None:
    """``calling.clear_digit_bindings``."""
    request.accept("Digit bindings cleared", call_id=leg.call_id)
    for binding in leg.all_running(Binding):
        if params.realm in {None, binding.realm}:
            binding.leave()
            binding.cancel(request.now)


def _drop(result: object) -> None:
    """Discard a reply, because no program sent the request."""


VERBS: Final[Mapping[str, Verb]] = {
    "calling.bind_digit": call_verb(BindParams, bind_digit),
    "calling.clear_digit_bindings": call_verb(ClearParams, clear_digit_bindings),
}
