"""Running: what delivery asks of an adapter, which runs the application's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from ..api.routes import CallRoute, Link
from ..errors import CallEndedError
from ..rpc.event_base import RelayEvent
from .handles import Engine, Function, ListenerBase


class DeliveryEngine(Engine, Protocol):
    """What delivery needs of an engine, in addition to what handles need."""

    def time(self) -> float:
        """The time, as the core is told it. From wherever a function of the application runs."""
        ...

    def deadline_changed(self) -> None:
        """`Delivery.deadline` is sooner than it was. From any thread, and anywhere in it."""


class Running(Protocol):
    """A call handler that runs."""

    @property
    def cancel_on_end(self) -> bool:
        """Whether it is cancelled when its call ends."""
        ...

    def give_back(self) -> bool:
        """Begin no more, because the call goes back to the service. False if it has begun."""
        ...

    def cancel(self, error: CallEndedError) -> None:
        """Let it wait no longer."""


T = TypeVar("T", bound=Running)
Hooks: TypeAlias = tuple[Function, ...]


class HandlerEnded(Protocol):
    """Is told that the handler of a call has ended.

    `failure` is what it has raised, if nobody has taken care of that. If `began` is false,
    it was cancelled before it could begin.
    """

    def __call__(self, failure: BaseException | None, /, *, began: bool = True) -> None:
        """It has ended."""


class Runner(Protocol[T]):
    """How an adapter runs functions of the application, each behind its guard.

    What returns a bool returns false if there is nothing to run the function in.
    """

    def new_task(self, *, cancel_on_end: bool) -> T:
        """What the handler of a call will run as."""
        ...

    def is_own(self, task: T) -> bool:
        """Whether this is asked by `task` itself."""
        ...

    def start_call(
        self, task: T, name: str, route: CallRoute, call: object, done: HandlerEnded
    ) -> bool:
        """Run the handler of a call, and its `on_error` function if it fails.

        `done` is called once, when all of that has ended, however it did.
        """
        ...

    def start_message(
        self,
        name: str,
        handler: Function,
        message: object,
        done: Callable[[BaseException | None], object],
    ) -> bool:
        """Run the handler of a message.

        `done` is called once, when that has ended, with what the handler has raised.
        """
        ...

    def call_back(self, name: str, callback: Function, event: RelayEvent) -> bool:
        """Run a function that is called once."""
        ...

    def tell_hooks(self, name: str, hooks: Hooks, event: Link) -> None:
        """Run hooks one after another, behind the earlier ones; a disconnect stops none."""

    def new_listener(self, name: str, handler: Function) -> ListenerBase:
        """What lets a function hear event after event."""
        ...
