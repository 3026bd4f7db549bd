"""Links in memory: connections between a client and an exchange, which a test can break."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

READ_SIZE: Final = 1 << 20


class Link:
    """A pair of sockets. The client has one end; whoever has this has the other."""

    def __init__(self) -> None:
        self.silent = False
        self.near, self._far = socket.socketpair()
        self._far.setblocking(False)
        self._unsent = bytearray()
        self._is_closed = False

    def receive(self) -> bytes | None:
        """Take what the client has sent.

        None if it has sent nothing, ``b""`` at the end, after which it is to be closed.
        """
        if self._is_closed:
            return None
        try:
            data = self._far.recv(READ_SIZE)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return None if self.silent and data else data

    def send(self, data: bytes) -> None:
        """Send bytes to the client, as soon as it reads."""
        if not self.silent:
            self._unsent += data
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self._unsent and not self._is_closed:
            with suppress(OSError):
                del self._unsent[: self._far.send(self._unsent)]

    def cut(self) -> None:
        """Break it. Both ends notice."""
        with suppress(OSError):
            self._far.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Release the end that the client does not have."""
        self._is_closed = True
        self._far.close()
