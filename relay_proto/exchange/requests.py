"""`Request` and `Verb`: how a method becomes one function with typed parameters.

A verb is a function with three arguments: the request, what the request names (a call or
an operation), and the decoded parameters. It first accepts the request and then does what
was asked, so that the reply comes before the events. To refuse, it raises a `RelayError`.

Source: docs/protocol.md, sections 9 and 14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS
from .legs import Leg, Operation
from .network import Network
from .sessions import Session
from .shapes import Name
from .switch import CONFLICT, FULL, NOT_FOUND, Switch

ACCEPTED: Final = "200"


class OnCall(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of a verb on a call."""

    node_id: str
    call_id: str


class OnOperation(OnCall, frozen=True, kw_only=True):
    """Parameters of a verb that starts or controls an operation."""

    control_id: Name


P = TypeVar("P", bound=msgspec.Struct)
C = TypeVar("C", bound=OnCall)
S = TypeVar("S", bound=OnOperation)
O = TypeVar("O", bound=Operation)  # noqa: E741 - any kind of operation


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a program."""

    session: Session
    switch: Switch
    params: msgspec.Raw
    now: float
    reply: Callable[[object], None]
    verbs: Mapping[str, Verb]
    """All verbs, because ``calling.bind_digit`` runs others."""

    @property
    def network(self) -> Network:
        """The network of the request's calls."""
        return self.switch.network

    def accept(self, message: str, **fields: object) -> None:
        """Reply that the request is accepted."""
        self.reply({"code": ACCEPTED, "message": message, **fields})

    def accept_start(self, params: OnOperation, message: str, **fields: object) -> None:
        """Reply that an operation starts, with the ids of the request."""
        self.accept(message, call_id=params.call_id, control_id=params.control_id, **fields)

    def accept_control(self, running: Operation, message: str) -> None:
        """Reply to the control of an operation, with its ids."""
        self.accept(message, call_id=running.leg.call_id, control_id=running.control_id)


@dataclass(frozen=True, slots=True)
class Verb:
    """What carries out a method."""

    params: type[msgspec.Struct]
    """What the method takes."""
    carry_out: Callable[[Request], None]

    def __call__(self, request: Request) -> None:
        """Carry out a request."""
        self.carry_out(request)


def verb(kind: type[P], carry_out: Callable[[Request, P], None]) -> Verb:
    """Return a verb that does not name a call."""
    decoder = msgspec.json.Decoder(kind)

    def decode_and_carry_out(request: Request) -> None:
        carry_out(request, decode_params(decoder, request.params))

    return Verb(kind, decode_and_carry_out)


def call_verb(
    kind: type[C], carry_out: Callable[[Request, Leg, C], None], *, answered: bool = True
) -> Verb:
    """Return a verb on a call. With `answered`, it is refused before the answer (409)."""

    def find_and_carry_out(request: Request, params: C) -> None:
        leg = request.switch.find(request.session, params.call_id, params.node_id)
        if answered and not leg.answered:
            raise RelayError(CONFLICT, "the call is not answered")
        carry_out(request, leg, params)

    return verb(kind, find_and_carry_out)


def start_verb(kind: type[S], carry_out: Callable[[Request, Leg, S], None]) -> Verb:
    """Return a verb that starts an operation. Its control id must not be in use."""

    def check_and_carry_out(request: Request, leg: Leg, params: S) -> None:
        if params.control_id in leg.operations:
            raise RelayError(CONFLICT, "the control_id is in use on this call")
        if len(leg.operations) >= request.network.config.limits.operations:
            raise RelayError(FULL, "too many operations on this call")
        carry_out(request, leg, params)

    return call_verb(kind, check_and_carry_out)


def control_verb(
    kind: type[S], operation: type[O], carry_out: Callable[[Request, O, S], None]
) -> Verb:
    """Return a verb that controls a running operation of one kind."""

    def find_and_carry_out(request: Request, leg: Leg, params: S) -> None:
        running = leg.operation(operation, params.control_id)
        if running is None:
            raise RelayError(NOT_FOUND, "no such operation is running on this call")
        carry_out(request, running, params)

    return call_verb(kind, find_and_carry_out)


def check_none(leg: Leg, kind: type[Operation], named: str) -> None:
    """Refuse a second operation of a kind that a call has only once."""
    if leg.running(kind) is not None:
        raise RelayError(CONFLICT, f"there is {named} on this call already")


def running_one(leg: Leg, kind: type[O], named: str) -> O:
    """Return the operation of a kind that a call has only once.

    Raises:
        RelayError: there is none (409).
    """
    running = leg.running(kind)
    if running is None:
        raise RelayError(CONFLICT, f"there is no {named} on this call")
    return running


def decode_params(decoder: msgspec.json.Decoder[P], raw: msgspec.Raw) -> P:
    """Decode the parameters of a request.

    Raises:
        RelayError: they are not what the method takes. The message says where.
    """
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RelayError(INVALID_PARAMS, f"Invalid params: {error}") from None
