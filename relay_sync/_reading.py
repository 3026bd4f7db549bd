"""Reading: what waits in the sockets is read before anybody is told that it came too late."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ._reactor import Reactor
from ._waiting import Mailbox

MOST_READS: Final = 1000
"""A peer that sends without end does not put off the deadlines for ever."""
PATIENCE: Final = 1.0
"""Seconds. The I/O thread may end at this moment, and then it tells nobody."""


class Reading:
    """What the I/O thread has read, and who waits until it has read all."""

    def __init__(self, reactor: Reactor, perform: Callable[[], None]) -> None:
        """`perform` performs all outputs of the core."""
        self._reactor = reactor
        self._perform = perform
        self.reads = 0
        """How often a transport has brought bytes."""
        self._asked: list[Mailbox[None]] = []

    def wait(self) -> None:
        """From another thread: wait until all that is in the sockets was read and handed on."""
        mail: Mailbox[None] = Mailbox()
        self._reactor.post(lambda: self._asked.append(mail))
        with suppress(TimeoutError):
            mail.take(PATIENCE)

    # In the I/O thread

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits."""
        return bool(self._asked)

    def take_in(self, timeout: float | None) -> None:
        """Read what comes within `timeout` seconds, and do what was posted; perform the outputs.

        Those of the bytes come first: an order may end the client, and a call that these bytes
        offer has its handler then.
        """
        self._reactor.poll(timeout)
        self._perform()
        self._reactor.run_posted()
        self._perform()

    def read_what_waits(self) -> list[Mailbox[None]]:
        """Read; return who is to be told when the outputs have been performed.

        After a freeze of the process, an answer may be in the socket while its deadline
        is over.
        """
        asked, self._asked = self._asked, []
        for _ in range(MOST_READS):
            before = self.reads
            self.take_in(0)
            if self.reads == before:
                break
        return asked
