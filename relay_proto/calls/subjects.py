"""Subjects: what each kind of request is about, and what its answer changes.

One class for each: a method by name, a verb of a call, the start of an action and
its control, a dial, a text, a leg that nobody wants. They satisfy `Subject` of
`link.requests`, which knows none of them.

Source: docs/protocol.md, sections 9, 13, 15 and 16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from ..core import OutputQueue
from ..errors import GONE_CODES, RelayError, RequestTimeoutError
from ..pending import RESULT, Pending
from ..records import ActionRecord, CallRecord, DialRecord, Leg, MessageRecord
from ..rpc.events import empty_event
from ..rpc.frames import JSONObject
from ..transitions import ActionInput
from .calls import LOST_SESSION, PASSED_ON, Calls
from .dials import Dials
from .farewells import Farewells, Legs
from .messages import Messages

NO_LEGS: Final[Legs] = ()


class Indifferent(msgspec.Struct, frozen=True, eq=False):
    """A subject that nothing changes: what each of the others does unless it says otherwise."""

    def settle_if_needless(self) -> bool:
        """Return whether nothing is left to ask for, after a wait."""
        return False

    def written(self, now: float) -> None:
        """The request leaves now."""

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """The server did what was asked."""
        del result, now
        return NO_LEGS

    def refused(self, error: RelayError, now: float) -> Legs:
        """The server would not do it, or has nothing left to do it to."""
        return self.lost(error, now)

    def lost(self, error: RelayError, now: float) -> Legs:
        """Its session is gone: no answer will come."""
        del error, now
        return NO_LEGS

    def expired(self, error: RequestTimeoutError, now: float) -> Legs:
        """It was not answered in time, or not written."""
        return self.lost(error, now)

    def abandoned(self, error: RelayError, now: float) -> Legs:
        """Nobody waits for it: what the server may be doing already goes on."""
        del error, now
        return NO_LEGS

    def unwanted_action(self) -> ActionRecord | None:
        """Nothing is to be stopped if nobody waits any more."""
        return None


class OwnRequest(Indifferent, frozen=True, eq=False):
    """A request that the core makes for itself, and whose answer changes nothing."""


class OwnStop(OwnRequest, frozen=True, eq=False):
    """The stop of an action that nobody else will stop."""

    _action: ActionRecord

    def settle_if_needless(self) -> bool:
        """Return whether its call has ended. An action whose start was lost may still run."""
        return self._action.call.ended


class Method(Indifferent, frozen=True, eq=False):
    """A method by name. A refusal is an error, whatever its code."""

    _out: OutputQueue
    _pending: Pending[Any]

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """Settle with the result."""
        del now
        self._out.resolve(self._pending, result)
        return NO_LEGS

    def lost(self, error: RelayError, now: float) -> Legs:
        """Settle with the error."""
        del now
        self._out.fail(self._pending, error)
        return NO_LEGS


class Subscription(Method, frozen=True, eq=False):
    """A subscription to contexts, or its end: sessions to come ask for the same."""

    _change: Callable[[Iterable[str]], None]
    _contexts: Iterable[str]

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """Change what the session asks for."""
        self._change(self._contexts)
        return super().succeeded(result, now)


class MethodOfCall(Method, frozen=True, eq=False):
    """A method that acts on a call, and whose refusal is an error, whatever its code."""

    _call: CallRecord

    def settle_if_needless(self) -> bool:
        """Settle if the call has ended meanwhile: as if it had been asked for only now."""
        if not self._call.ended:
            return False
        self._out.resolve(self._pending, {})
        return True


class Verb(MethodOfCall, frozen=True, eq=False):
    """A verb of a call. A call that is gone is an answer, not an error."""

    _calls: Calls
    _ends_call: bool

    def refused(self, error: RelayError, now: float) -> Legs:
        """Settle with the error, unless it says that the call is gone."""
        if error.code not in GONE_CODES:
            return self.lost(error, now)
        self.gone()
        if self._ends_call:
            self._calls.end_locally(self._call, now)
        return NO_LEGS

    def gone(self) -> None:
        """The call, or the operation on it, is over."""
        self._out.resolve(self._pending, {})


class HangUp(Verb, frozen=True, eq=False):
    """The end of a call. If the call was lost with its session, it goes on at the service."""

    def settle_if_needless(self) -> bool:
        """Never: the service is asked in any case."""
        return False


class Pass(Verb, frozen=True, eq=False):
    """Passing a call back to the service. From then on, this client gets no events of it."""

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """Settle, and end the call."""
        super().succeeded(result, now)
        self._calls.end_locally(self._call, now, PASSED_ON)
        return NO_LEGS


class ActionVerb(Verb, frozen=True, eq=False):
    """A verb that is about an action: it controls the action, or starts it."""

    _action: ActionRecord

    def settle_if_needless(self) -> bool:
        """Settle if the action is over."""
        if self._action.running:
            return False
        self.gone()
        return True


class FinalControl(ActionVerb, frozen=True, eq=False):
    """A verb of an action whose reply completes it, because no event does."""

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """Complete the action, and settle."""
        self._calls.complete(self._action, empty_event(self._action.kind.event_type))
        return super().succeeded(result, now)


class Start(ActionVerb, frozen=True, eq=False):
    """A verb that starts an action: the action is the result."""

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """The action is running."""
        del result, now
        self._action.happened(ActionInput.ACCEPTED)
        self._out.resolve(self._pending, self._action)
        return NO_LEGS

    def gone(self) -> None:
        """The call is over: so is the action."""
        self._calls.complete(self._action, empty_event(self._action.kind.event_type))
        self._out.resolve(self._pending, self._action)

    def lost(self, error: RelayError, now: float) -> Legs:
        """Both the action and whoever started it learn why."""
        self._calls.fail(self._action, error)
        return super().lost(error, now)


class OwnStart(Start, frozen=True, eq=False):
    """A verb that starts an action of which only this library knows: see `stops_unwanted`."""

    def unwanted_action(self) -> ActionRecord:
        """Its action, because nobody else knows of it and could stop it."""
        return self._action

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """The action is running. It is stopped if nobody takes it."""
        legs = super().succeeded(result, now)
        self._pending.source = RESULT
        return legs


class Dial(Method, frozen=True, eq=False):
    """A dial. Its reply only acknowledges it; an event settles it."""

    _dials: Dials
    _dial: DialRecord

    def settle_if_needless(self) -> bool:
        """Return whether an event has decided it: an earlier dial may have had the same tag."""
        return self._pending.settled

    def written(self, now: float) -> None:
        """The time to answer counts from now."""
        self._dials.written(self._dial, now)

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """The server has the dial."""
        del result, now
        self._dials.acknowledged(self._dial)
        return NO_LEGS

    def refused(self, error: RelayError, now: float) -> Legs:
        """The dial has failed: its legs are hung up."""
        del now
        return self._dials.failed(self._dial, error)

    def lost(self, error: RelayError, now: float) -> Legs:
        """A dial that the server has goes on: events will decide it."""
        if self._dials.is_acknowledged(self._dial):
            return NO_LEGS
        return self.refused(error, now)

    def expired(self, error: RequestTimeoutError, now: float) -> Legs:
        """Its events may have come, and only the reply be missing."""
        return self.lost(error, now) if error.sent else self.refused(error, now)

    def abandoned(self, error: RelayError, now: float) -> Legs:
        """Its legs are hung up."""
        return self.refused(error, now)


class Text(Method, frozen=True, eq=False):
    """A text message: the message is the result."""

    _messages: Messages
    _message: MessageRecord

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """Follow the delivery from now on."""
        del now
        message_id = result.get("message_id")
        self._messages.accepted(self._message, message_id if isinstance(message_id, str) else "")
        self._out.resolve(self._pending, self._message)
        return NO_LEGS

    def lost(self, error: RelayError, now: float) -> Legs:
        """Nothing will be delivered."""
        self._out.fail(self._message.done, error)
        return super().lost(error, now)


class Farewell(Indifferent, frozen=True, eq=False):
    """The end of a call that nobody wants here: it is asked for until there is an answer."""

    _calls: Calls
    _farewells: Farewells
    _leg: Leg

    def succeeded(self, result: JSONObject, now: float) -> Legs:
        """The call is hung up, or passed back: then no event of it comes here any more."""
        del result
        if self._farewells.forget(self._leg.call_id) and self._leg.goes_back:
            self._end(now, PASSED_ON)
        return NO_LEGS

    def refused(self, error: RelayError, now: float) -> Legs:
        """The call was over already, or the server will not do it."""
        if error.code in GONE_CODES:
            if self._farewells.forget(self._leg.call_id) or not self._leg.goes_back:
                self._end(now, LOST_SESSION)
        else:
            self._farewells.refused(self._leg, error)
        return NO_LEGS

    def expired(self, error: RequestTimeoutError, now: float) -> Legs:
        """Ask again, a few times. When a session is lost, the next one is asked instead."""
        del now
        return self._farewells.unanswered(self._leg, error)

    def _end(self, now: float, reason: str) -> None:
        call = self._calls.get(self._leg.call_id)
        if call is not None:
            self._calls.end_locally(call, now, reason)
