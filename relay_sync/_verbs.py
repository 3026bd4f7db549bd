"""Verbs as methods: a pure function of `relay_proto.api.commands`, made blocking."""

# Handles are made of records, and clients have an engine, for these alone.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from relay_proto.adapter.clients import ClientBase
from relay_proto.adapter.handles import ActionBase, CallBase, MessageBase
from relay_proto.adapter.passages import Passage, current
from relay_proto.adapter.timeouts import timed_out
from relay_proto.api.commands import Command
from relay_proto.api.joins import Join, is_decided, joined
from relay_proto.api.methods import result_of, signed
from relay_proto.constants import EVENT_CALL_CONNECT
from relay_proto.errors import RelayError
from relay_proto.records import ActionRecord, CallRecord, MessageRecord
from relay_proto.rpc.events import ConnectEvent
from relay_proto.rpc.frames import JSONObject

from ._engine import Engine
from ._expecting import ExpectingCall
from ._turns import execute_in_turn

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound=ActionBase[Any, Any])
C = TypeVar("C", bound=CallBase[Any, Any])
M = TypeVar("M", bound=MessageBase[Any])
Client: TypeAlias = ClientBase[Engine, Any, Any]
Expecting: TypeAlias = ExpectingCall[Any]


class Target(Protocol):
    """What commands are carried out on: a call or an action."""

    def execute(self, command: Command[R]) -> R: ...


def verb(
    function: Callable[P, Command[R]],
) -> Callable[Concatenate[Target, P], R]:
    """Make a method of a call that returns the result of the request."""
    return _on_target(function, "The server's answer, ``{}`` if the call is gone.")


def control(
    function: Callable[P, Command[R]],
) -> Callable[Concatenate[Target, P], R]:
    """Make a method of an action that controls it."""
    return _on_target(function, "The server's answer, ``{}`` if the action is over.")


def _on_target(
    function: Callable[P, Command[R]], returns: str
) -> Callable[Concatenate[Target, P], R]:
    def method(target: Target, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return target.execute(function(*args, **kwargs))

    return signed(method, function, result_of(function), returns)


def action(
    function: Callable[P, Command[ActionRecord]], handle: type[A]
) -> Callable[Concatenate[Target, P], A]:
    """Make a method of a call that starts an action and returns its handle."""

    def method(call: Target, /, *args: P.args, **kwargs: P.kwargs) -> A:
        return handle._of(call, call.execute(function(*args, **kwargs)))

    return signed(
        method, function, handle, f"The `{handle.__name__}`, once the server has accepted it."
    )


class Executing(Protocol):
    """A client, with an `execute` that may be the application's."""

    @property
    def _engine(self) -> Engine: ...
    def execute(self, method: str, params: JSONObject, /) -> JSONObject: ...


def pass_through(client: Executing, target: CallRecord | ActionRecord, command: Command[R]) -> R:
    """Carry out a verb by way of `client.execute`: see `relay_proto.adapter.passages`."""
    passage = Passage(target, command)
    token = current.set(passage)
    try:
        answer = client.execute(passage.method, passage.params)
    except RelayError as error:
        answer = passage.refused(error)
    finally:
        current.reset(token)
    engine = client._engine
    return passage.result(answer, lambda *what: engine.ask(partial(engine.core.attach, *what)))


def joining(
    function: Callable[P, Join],
) -> Callable[Concatenate[Expecting, P], ConnectEvent]:
    """Make a method of a call that connects it, and waits for that."""

    def method(call: Expecting, /, *args: P.args, **kwargs: P.kwargs) -> ConnectEvent:
        engine, join = call._engine, function(*args, **kwargs)
        with call.expect(EVENT_CALL_CONNECT, is_decided) as decision:
            engine.execute(join.command, call._record)
            try:
                event = decision.wait(join.timeout)
            except TimeoutError:
                raise timed_out(join.timeout, call, "to be connected") from None
        return joined(event, engine.core.scrubber)

    return signed(method, function, ConnectEvent, "The event that tells of the connection.")


def dialing(
    function: Callable[P, Command[CallRecord]], handle: type[C]
) -> Callable[Concatenate[Client, P], C]:
    """Make a method of a client that calls out."""

    def method(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> C:
        command = function(*args, **kwargs)  # first: it checks the arguments
        engine = client._engine
        record = execute_in_turn(engine, command)
        return handle._of(client, engine, record)

    return signed(method, function, handle, f"The `{handle.__name__}`, once it was answered.")


def sending(
    function: Callable[P, Command[MessageRecord]], handle: type[M]
) -> Callable[Concatenate[Client, P], M]:
    """Make a method of a client that sends a text."""

    def method(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> M:
        command = function(*args, **kwargs)  # first: it checks the arguments
        engine = client._engine
        return handle._of(engine, execute_in_turn(engine, command))

    return signed(method, function, handle, f"The `{handle.__name__}`, once the server has it.")
