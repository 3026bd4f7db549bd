"""Attempts: to connect, and how many want the session that comes of one."""

from __future__ import annotations

from typing import Final

from ..errors import ConnectFailedError, RemoteProtocolError
from ..pending import Pending

_MAY_PASS: Final = (ConnectFailedError, RemoteProtocolError)


class Attempt:
    """An attempt to connect, which several threads or tasks may share."""

    def __init__(self, result: Pending[None], *, persists: bool) -> None:
        """`persists` says whether it goes on after a failure."""
        self.result = result
        self.persists = persists
        self._wanted_by = 0

    def join(self) -> None:
        """One more wants the session. Who gets it wants it for good, and never leaves."""
        self._wanted_by += 1

    def leave(self) -> bool:
        """One of them has got no session. True if nobody waits for one any more."""
        self._wanted_by -= 1
        return self.result.error is not None or not self._wanted_by

    def is_followed(self, error: BaseException | None) -> bool:
        """Whether who wants to try again begins another one, after this one has failed."""
        return not self.persists and isinstance(error, _MAY_PASS)
