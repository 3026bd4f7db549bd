"""Outcomes: how an action ended, as a value for ``match``.

::

    match await action.wait_outcome():
        case Done(event): ...          # it came to its end: the event has the result
        case Failed(event): ...        # it failed: the event has the error
        case CallOver(event): ...      # the call ended before the action
        case SessionLost(event): ...   # the connection is lost: the end is not known

`Done` does not mean that there is something to use: silence is a result, too. Its
docstring says for each action what is `Done` and what is `Failed`.

Public: for applications, which import them from `relay_anyio` or `relay_sync`.

Source: docs/protocol.md, sections 8, 9.2, 14.4 and 15.
"""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

import msgspec

from ..rpc.event_base import OperationEvent, RelayEvent
from ..rpc.events import CallStateEvent, CollectEvent, FaxEvent, PayEvent

E_co = TypeVar("E_co", bound=RelayEvent, covariant=True)
E = TypeVar("E", bound=RelayEvent)


class _Outcome(msgspec.Struct, Generic[E_co], frozen=True):
    event: E_co

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {repr(self.event)[1:-1]}>"


class Done(_Outcome[E_co], Generic[E_co], frozen=True):
    """The action came to its end. `event` has the result.

    Silence is a result, too. This says what the last event of each action means:

    ===================  =======================================  ========================
    action               `Done`                                   `Failed`
    ===================  =======================================  ========================
    play                 `state` ``finished``: played to the end  `state` ``error``
                         or stopped
    record               `state` ``finished``, or ``no_input``:   `state` ``error``
                         nobody spoke, though there may be a url
    collect and prompts  `type` ``digit`` or ``speech``; or       `type` or `state`
                         ``no_input``: nothing came in time; or   ``error``
                         ``no_match``: it was not understood; or
                         ``finished``: it was stopped
    detect               any verdict, ``UNKNOWN`` included, or    `state` ``error``
                         `state` ``finished``: no verdict
    fax                  `type` ``finished``, with `success`      `type` or `state`
                                                                  ``error``; ``finished``
                                                                  without success
    pay                  `phase` ``payment-completed``, or        `phase`
                         `state` ``finished``                     ``payment-failed``, or
                                                                  `state` ``error``
    tap, stream, ai and  `state` ``finished``                     `state` ``error``
    transcribe
    ===================  =======================================  ========================
    """

    event: E_co


class Failed(_Outcome[E_co], Generic[E_co], frozen=True):
    """The action failed. `event` has what the server says about it.

    The docstring of `Done` says for each action what this means.
    """

    event: E_co


class CallOver(_Outcome[RelayEvent], frozen=True):
    """The call ended before the action did, or was over when the action was started.

    `event` is the event that ended the call, or an empty one.
    """

    event: RelayEvent


class SessionLost(_Outcome[CallStateEvent], frozen=True):
    """The session with the server was lost, so it is not known how the action ended.

    `event` is the ``ended`` event by which the client has ended the call.
    """

    event: CallStateEvent


Outcome: TypeAlias = Done[E] | Failed[E] | CallOver | SessionLost


def outcome_of(event: E | CallStateEvent) -> Outcome[E]:
    """Return what `event` means, which is the last event of an action."""
    match event:
        case CallStateEvent(local=True):
            return SessionLost(event)
        case CallStateEvent() | RelayEvent(event_type=""):
            return CallOver(event)
        case FaxEvent(type="finished", fax={"success": False}):
            return Failed(event)
        case FaxEvent(type="error") | CollectEvent(type="error"):
            return Failed(event)
        case PayEvent(phase="payment-failed") | OperationEvent(state="error"):
            return Failed(event)
        case _:
            return Done(event)
