"""What a client's session needs of a wire, for those who wrap or replace it."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Protocol

from ..values.chance import Chance
from .reports import WireEvent
from .websocket import Role


class ClientWire(Protocol):
    """The client's half of `Wire`, which says what each method does."""

    @abc.abstractmethod
    def open(self) -> bytes:
        """Return the request to upgrade."""

    @abc.abstractmethod
    def receive(self, data: bytes) -> Iterable[WireEvent]:
        """Take what arrived, and return what it means, event by event.

        The session leaves out the rest of the events when it leaves the transport.
        """

    @abc.abstractmethod
    def send_text(self, message: bytes) -> bytes:
        """Return one text message as bytes."""

    @abc.abstractmethod
    def close(self, code: int = 1000, reason: str = "") -> bytes:
        """Return what starts the closing handshake."""


class MakeWire(Protocol):
    """Makes the wire of one transport; `Wire` is one."""

    @abc.abstractmethod
    def __call__(
        self,
        role: Role,
        *,
        host: str,
        max_message_bytes: int,
        random: Chance | None,
    ) -> ClientWire:
        """Make a wire. `random` is the one from which the core makes its ids."""
