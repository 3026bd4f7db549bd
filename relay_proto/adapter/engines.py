"""Engines: what a client needs of the one that carries out its commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from .delivery import Delivery
from .running import DeliveryEngine

R = TypeVar("R")


class ClientEngine(DeliveryEngine, Protocol):
    """What a client needs of its engine."""

    @property
    def delivery(self) -> Delivery[Any, Any, Any]:
        """What `deliver_by` was given."""
        ...

    @property
    def over(self) -> bool:
        """Whether it has stopped, for whatever reason."""
        ...

    def abandon(self) -> None:
        """Stop, because the first command has failed."""

    def forked(self) -> bool:
        """Stop without a word, in a forked child. May be called several times.

        Returns whether it is the parent's: whether there was something to stop.
        """
        ...

    def deliver_by(self, delivery: Delivery[Any, Any, Any], /) -> None:
        """Take events to the application this way. Comes before the first command."""

    def start(self, function: Callable[..., R], /) -> R:
        """Call the command of the core that begins to connect. What runs an engine runs now."""
        ...

    def command(self, function: Callable[..., R], /, *args: Any) -> R:
        """Call a command of the core, with the time, and return what it returns."""
        ...

    def arrange(self, function: Callable[[], object], /, *, wait: bool) -> None:
        """Call a function where the core is; with `wait`, it has been called afterwards."""

    def soon(self, function: Callable[[], object], /) -> None:
        """Call a function where the core is, if it still runs. From anywhere at all."""

    def tell_changed(self) -> None:
        """A call or the handler of one has ended."""
