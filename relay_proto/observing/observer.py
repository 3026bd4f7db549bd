"""Observers: who is told what clients do, such as `relay_otel`.

An `Observer` observes any number of clients. For each connection of a client, from
``connect()`` to ``disconnect()``, it makes an `Observation`, which is told everything.
Times are those of the adapter: seconds on its clock, which does not run backwards.

Public: for authors of observers.
"""

from __future__ import annotations

import abc
from typing import Any, Protocol, TypeAlias

from ..api.commands import Command
from ..client_interface import ClientInterface
from ..outputs import Output
from ..pending import Pending
from ..records import ActionRecord, CallRecord, MessageRecord

Target: TypeAlias = CallRecord | ActionRecord | None
"""What a command is for. None: for the client."""


class Observation(Protocol):
    """Is told what one core does. An adapter guards it: what it raises hurts nobody.

    `commanded` and `put_out` are called where the core is: they must return quickly, and
    must not wait.
    """

    @abc.abstractmethod
    def commanded(
        self, command: Command[Any], target: Target, pending: Pending[Any], now: float
    ) -> None:
        """A command was given. `pending` settles with its result: see `Settled`.

        It runs in the context variables of who has given the command. The ids of an action
        or a dial are in `command.params`. An action that has begun is in `CallRecord.actions`.
        """

    @abc.abstractmethod
    def put_out(self, output: Output, now: float) -> None:
        """The core reports something. Nobody else has heard of it yet."""

    @abc.abstractmethod
    def late(self, seconds: float) -> None:
        """A timer came by so much too late. There is one each second."""

    @abc.abstractmethod
    def enter(self, record: CallRecord | MessageRecord, now: float) -> None:
        """A handler is about to start, with the context variables of now.

        What is set here in a context variable is set for the handler.
        """

    @abc.abstractmethod
    def left(
        self, record: CallRecord | MessageRecord, failure: BaseException | None, now: float
    ) -> None:
        """A handler has ended. It has raised `failure`, if it has failed. In any thread."""


class Observer(Protocol):
    """Makes an `Observation` for each core."""

    @abc.abstractmethod
    def observe(self, core: ClientInterface) -> Observation:
        """Return what is told of this core from now on, until it puts out `Closed`."""
