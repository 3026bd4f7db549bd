"""Slots: how many clients of this process are connected, and a limit for them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

from ..variables import ENV_MAX_CONNECTIONS, positive_from
from .forks import forks


class Connection(Protocol):
    """What takes a slot: the engine of a client."""

    @property
    def alive(self) -> bool:
        """Whether it is connected, or tries to be."""
        ...


class Slots:
    """The connections of one adapter in this process. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal, or garbage, may end a client while it is held
        self._taken: set[Connection] = set()
        forks.call_in_child(self._forked)

    def take(
        self, connection: Connection, environ: Mapping[str, str], most: int | None = None
    ) -> None:
        """Count `connection` among the connected, of which there may be `most`.

        Without `most`, the environment says how many, or there may be one.

        Raises:
            RuntimeError: this process has as many connections as it may have.
        """
        limit = most or positive_from(environ, ENV_MAX_CONNECTIONS, 1)
        with self._lock:
            taken = tuple(self._taken)
        for other in taken:
            if not other.alive:  # it may notice just now that it is not, and give its slot back
                self.give_back(other)
        with self._lock:
            others = len(self._taken - {connection})
            if others >= limit:
                clients = "RelayClient is" if others == 1 else "RelayClients are"
                raise RuntimeError(
                    f"{others} other {clients} connected in this process, where {limit} may be: "
                    f"disconnect one, give this one max_connections={others + 1}, or set "
                    f"{ENV_MAX_CONNECTIONS}={others + 1}"
                )
            self._taken.add(connection)

    def give_back(self, connection: Connection) -> None:
        """Count it no longer."""
        with self._lock:
            self._taken.discard(connection)

    def _forked(self) -> None:
        self._lock = threading.RLock()
        self._taken = set()  # the connections are the parent's
