"""Forks: what a forked child does with the clients that it inherits.

A child has a copy of everything, and the same connections as its parent. If it wrote to
one of them, or said good-bye there, the parent's session would break. And a lock that
another thread held at that moment is never released in the child.
"""

from __future__ import annotations

import os
import socket
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from ..errors import LocalProtocolError


class Forks:
    """Knows what has to be done in a forked child."""

    def __init__(self) -> None:
        self.count = 0
        """How many forks there are between the first process and this one."""
        self._methods: set[weakref.WeakMethod[Callable[[], object]]] = set()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def call_in_child(self, method: Callable[[], Any]) -> None:
        """Call this method in each child, as long as its object is there.

        It must not raise, nor take a lock.
        """
        self._methods.add(weakref.WeakMethod(method, self._methods.discard))

    def keep_from_children(self, sock: socket.socket) -> None:
        """Let no child use this connection."""
        self._sockets.add(sock)

    def become_child(self) -> None:
        """Close these sockets and call these methods, in the child, before anything else."""
        self.count += 1
        for sock in tuple(self._sockets):
            let_go(sock)  # of the child's copy: the connection is still the parent's
        # All are held first: what one of them does may let another's object go.
        methods = [reference() for reference in tuple(self._methods)]
        for method in filter(None, methods):
            method()


forks: Final = Forks()
"""Those of this process."""

with suppress(AttributeError):  # where there are no forks, as on Windows
    os.register_at_fork(after_in_child=forks.become_child)


def let_go(sock: socket.socket) -> None:
    """Close a socket, even if an event loop such as uvloop's still holds it open."""
    sock.close()
    if sock.fileno() >= 0:
        lead_nowhere(sock.fileno())


def lead_nowhere(descriptor: int) -> None:
    """Put a socket without a connection in the place of one that something still holds.

    It is not closed, because the next file that is opened would get its number. What still
    holds it would then write to that file.
    """
    os.close(descriptor)
    with socket.socket() as nowhere:
        if nowhere.fileno() == descriptor:
            nowhere.detach()
        else:
            os.dup2(nowhere.fileno(), descriptor, inheritable=False)


def refusal(process: int) -> LocalProtocolError:
    """The error for whoever uses a client that `process` has connected, in a child of it."""
    return LocalProtocolError(
        f"this RelayClient was connected by process {process}, of which this one is a fork: a "
        "connection cannot be shared, so nothing was sent. Make a RelayClient here"
    )
