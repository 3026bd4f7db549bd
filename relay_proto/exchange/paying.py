"""``calling.pay``: ask the caller for the details of a card, one after another.

The caller types each detail. It ends with ``#``, at its full length, or after a pause. An
invalid detail is asked for again, up to the agreed number of attempts. Nothing is
charged. No event contains a whole card number or a security code.

Source: docs/protocol.md, sections 18 (``calling.call.pay``) and 22 (rows 34 and 35).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from ..constants import EVENT_CALL_PAY
from ..rpc.frames import JSONObject
from .happened import What, Who
from .legs import Leg, Listener
from .media import speech_seconds
from .requests import OnOperation, Request, Verb, check_none, control_verb, start_verb
from .shapes import Name, Objects, Text

END_OF_INPUT: Final = "#"
CORRECTION: Final = "*"
"""The key that deletes what was typed of a detail."""
CREDIT_CARD: Final = "credit-card"
FINISHED: Final = "finished"
PROCESSING: Final = "payment-processing"
COMPLETED: Final = "payment-completed"
FAILED: Final = "payment-failed"
CARD_KEY: Final = "payment_card_number"
CODE_KEY: Final = "security_code"
POSTAL_KEY: Final = "payment_card_postal_code"
SHOWN_DIGITS: Final = 4
"""How many of the last digits of a card number events show."""
CARD_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "visa": ("4",),
    "mastercard": ("51", "52", "53", "54", "55"),
    "amex": ("34", "37"),
    "discover": ("6011", "65"),
    "jcb": ("35",),
    "diners-club": ("36", "38"),
    "maestro": ("50", "63", "67"),
}
"""The first digits of the card numbers of each type."""

Count: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,3}\Z")]
Amount: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A([0-9]+\.?|[0-9]*\.[0-9]+)\Z")]
"""A decimal number without a currency sign."""
Choice: TypeAlias = Literal["true", "false"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """Something for the payment connector."""

    name: str
    value: str


class PayParams(OnOperation, frozen=True, kw_only=True):
    """``calling.pay``; numbers and choices are strings. `postal_code` may be the code.

    The types of cards are separated by spaces or commas: the documents have both.
    """

    payment_connector_url: Name
    input: Literal["dtmf"] | None = None
    status_url: Text = None
    payment_method: Literal["credit-card"] = CREDIT_CARD
    timeout: Count = "5"
    max_attempts: Count = "1"
    security_code: Choice = "true"
    postal_code: Annotated[str, msgspec.Meta(max_length=20)] = "true"
    min_postal_code_length: Count = "0"
    token_type: Literal["one-time", "reusable"] | None = None
    charge_amount: Amount | None = None
    currency: Text = None
    language: Text = None
    voice: Text = None
    description: Text = None
    valid_card_types: Annotated[str, msgspec.Meta(max_length=200)] = "visa mastercard amex"
    parameters: tuple[Parameter, ...] | None = None
    prompts: Objects = None


@dataclass(frozen=True, slots=True)
class Phase:
    """One detail of a card: its name, its prompt, and how to check it."""

    name: str
    key: str
    prompt: str
    length: int
    error: str
    is_valid: Callable[[str], bool]


def _is_date(typed: str) -> bool:
    return len(typed) == 4 and "01" <= typed[:2] <= "12"


def _is_code(typed: str) -> bool:
    return len(typed) in {3, 4}


DATE: Final = Phase(
    "expiration-date",
    "expiration_date",
    "Please enter the expiration date of your card",
    4,
    "invalid-date",
    _is_date,
)
CODE: Final = Phase(
    "security-code",
    CODE_KEY,
    "Please enter the security code of your card",
    4,
    "invalid-security-code",
    _is_code,
)


def phases(params: PayParams) -> list[Phase]:
    """Return the details to ask for, in order."""
    types = params.valid_card_types.replace(",", " ").split()

    def is_card(typed: str) -> bool:
        return len(typed) > 11 and _luhn(typed) and card_type(typed) in types

    def is_postal_code(typed: str) -> bool:
        return len(typed) >= max(1, int(params.min_postal_code_length))

    prompt, error = "Please enter your card number", "invalid-card-number"
    asked = [Phase("payment-card-number", CARD_KEY, prompt, 16, error, is_card), DATE]
    if params.security_code == "true":
        asked.append(CODE)
    if params.postal_code == "true":
        prompt = "Please enter your postal code"
        error = "invalid-postal-code"
        asked.append(Phase("postal-code", POSTAL_KEY, prompt, 10, error, is_postal_code))
    return asked


def card_type(number: str) -> str:
    """Return the type of the card with this number, or an empty string."""
    fitting = (name for name, starts in CARD_TYPES.items() if number.startswith(starts))
    return next(fitting, "")


class Payment(Listener):
    """One payment in progress."""

    def __init__(self, leg: Leg, params: PayParams) -> None:
        super().__init__(leg, params.control_id)
        self._network = leg.network
        self._phases = deque(phases(params))
        self._timeout = float(params.timeout)
        self._max_attempts = int(params.max_attempts)
        self._attempts = 0
        self._typed = ""
        self._known: JSONObject = {}
        if params.postal_code not in {"true", "false"}:
            self._known[POSTAL_KEY] = params.postal_code

    def start(self, now: float) -> None:
        """Ask for the first detail."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity="a payment")
        self._ask({}, now)

    def stop(self, now: float) -> None:
        """Stop, because the program asked for it."""
        self._conclude({"state": FINISHED}, "stopped", now)

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self._network.cancel(self._take_typed)
        self._network.cancel(self._complete)

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self._tell({"for": FAILED, "state": FINISHED}, now)

    def take_digit(self, digit: str, now: float) -> None:
        """Take a key that the far end presses."""
        if not self._phases:
            return
        if digit == END_OF_INPUT:
            if self._typed:  # else it belongs to the detail before, which was complete without it
                self._take_typed(now)
            return
        self._typed = "" if digit == CORRECTION else self._typed + digit
        if len(self._typed) == self._phases[0].length:
            self._take_typed(now)
        else:
            self._network.at(now + self._timeout, self._take_typed)

    def take_speech(self, text: str, seconds: float, now: float) -> None:
        """Ignore words: the caller must type the details."""

    def _ask(self, error: JSONObject, now: float) -> None:
        phase = self._phases[0]
        self._typed = ""
        self._tell({"for": phase.name, **error}, now)
        seconds = speech_seconds(phase.prompt, self._network.config.timing)
        self._network.at(now + seconds + self._timeout, self._take_typed)
        self.leg.hear(phase.prompt, now)

    def _take_typed(self, now: float) -> None:
        self._network.cancel(self._take_typed)
        phase = self._phases[0]
        if self._typed.isdecimal() and phase.is_valid(self._typed):
            self._phases.popleft()
            self._attempts = 0
            self._known |= _shown(phase, self._typed)
            self._ask_next(now)
            return
        self._attempts += 1
        error = {"error_type": phase.error if self._typed else "timeout"}
        if self._attempts < self._max_attempts:
            self._ask(error, now)
        else:
            self._conclude({"for": FAILED, "state": FINISHED, **error}, FAILED, now)

    def _ask_next(self, now: float) -> None:
        if self._phases:
            self._ask({}, now)
        else:
            self._tell({"for": PROCESSING}, now)
            self._network.at(now + self._network.config.timing.detection, self._complete)

    def _complete(self, now: float) -> None:
        self._conclude({"for": COMPLETED, "state": FINISHED}, COMPLETED, now)

    def _conclude(self, params: JSONObject, outcome: str, now: float) -> None:
        self.cancel(now)
        self.leave()
        self.leg.note(Who.EXCHANGE, What.FINISHED, now, activity="a payment", outcome=outcome)
        self._tell(params, now)

    def _tell(self, params: JSONObject, now: float) -> None:
        shown = {"payment_method": CREDIT_CARD, **self._known, **params}
        self.leg.tell(EVENT_CALL_PAY, now, control_id=self.control_id, **shown)


def pay(request: Request, leg: Leg, params: PayParams) -> None:
    """``calling.pay``."""
    check_none(leg, Payment, "a payment")
    request.accept_start(params, "Payment started")
    Payment(leg, params).start(request.now)


def stop(request: Request, running: Payment, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.pay.stop``."""
    request.accept_control(running, "Stopping")
    running.stop(request.now)


def _shown(phase: Phase, typed: str) -> JSONObject:
    """Return what events show of a detail, without what must stay secret."""
    if phase.key == CARD_KEY:
        masked = typed[-SHOWN_DIGITS:].rjust(len(typed), "x")
        return {CARD_KEY: masked, "payment_card_type": card_type(typed)}
    return {phase.key: "x" * len(typed) if phase is CODE else typed}


def _luhn(number: str) -> bool:
    """Whether the check digit of a card number is right."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(doubled) + sum(map(int, number[::-2]))) % 10 == 0


VERBS: Final[Mapping[str, Verb]] = {
    "calling.pay": start_verb(PayParams, pay),
    "calling.pay.stop": control_verb(OnOperation, Payment, stop),
}
