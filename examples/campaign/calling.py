"""One attempt: wait for the turn, write it down, dial, leave the message, write down the end."""

from __future__ import annotations

from relay_sync import (
    Call,
    ConnectionLostError,
    DialFailedError,
    DialTimeoutError,
    RelayClient,
    RelayError,
    RequestQueueFullError,
    RequestTimeoutError,
    phone,
)

from .database import Claim, Database
from .rules import Attempt

REASONS = {
    "busy": Attempt.BUSY,
    "noAnswer": Attempt.NO_ANSWER,
    "no_answer": Attempt.NO_ANSWER,
    "decline": Attempt.DECLINED,
    "declined": Attempt.DECLINED,
}
"""The service spells some of them in two ways."""


def reach(client: RelayClient, database: Database, claim: Claim) -> None:
    """Carry out an attempt. Whatever happens, the database says how it has ended."""
    came_to = Attempt.CLAIMED
    try:
        with client.turn_to_dial():  # a worker that is killed here has dialed nobody
            if not database.may_call(claim.zone):
                database.move(claim.attempt, Attempt.NOT_DIALED, "it became too late to call")
                return
            if not database.move(claim.attempt, Attempt.DIALING):
                return  # this process stood still for so long that others think it is gone
            came_to = Attempt.DIALING
            call = dial(client, database, claim)
        came_to = Attempt.ANSWERED
        database.move(claim.attempt, Attempt.ANSWERED)
        database.move(claim.attempt, *leave_message(call, database.settings.message))
    except DialFailedError as error:
        state = REASONS.get(error.reason, Attempt.FAILED)
        database.move(claim.attempt, state, error.reason)
    except DialTimeoutError as error:
        database.move(claim.attempt, Attempt.NO_ANSWER, str(error))
    except Exception as error:
        state = fate(error, came_to)
        database.move(claim.attempt, state, f"{type(error).__name__}: {error}")
        if not isinstance(error, (RelayError, TimeoutError, ValueError)):
            raise  # a mistake in this program: Celery logs it


def dial(client: RelayClient, database: Database, claim: Claim) -> Call:
    """Dial a person; the tag says which attempt this is."""
    settings = database.settings
    ring_time = settings.ring_time
    device = phone(claim.number, settings.our_number, timeout=round(ring_time))
    return client.dial([[device]], tag=claim.tag, dial_timeout=ring_time + 15)


def leave_message(call: Call, message: str) -> tuple[Attempt, str]:
    """Speak to a person, or to a machine after its beep."""
    with call:  # hangs up at the end
        left = call.leave_message(message, also_to=("human", "unknown"))
        if left.played:
            return (Attempt.LEFT if left.who == "machine" else Attempt.HEARD), left.who
        if left.who == "fax":
            return Attempt.FAILED, "a fax"
        return Attempt.CUT_SHORT, left.who


def fate(error: Exception, came_to: Attempt) -> Attempt:
    """Return what an attempt has become that an error has ended: what is not certain is unknown."""
    if came_to is Attempt.CLAIMED:
        return Attempt.NOT_DIALED
    if came_to is Attempt.DIALING:
        match error:
            case ConnectionLostError(maybe_delivered=False) | RequestTimeoutError(sent=False):
                return Attempt.NOT_DIALED
            case RequestQueueFullError():
                return Attempt.NOT_DIALED
            case ValueError():  # the number is not one: nothing was sent
                return Attempt.FAILED
            case RelayError(code=code) if code > 0:  # the service refuses to dial it
                return Attempt.FAILED
            case _:
                return Attempt.UNKNOWN
    return Attempt.UNKNOWN
