"""Freezes: when nothing of a client has run for a while, its log says so.

A process may be stopped, and an event loop may be blocked. Nobody else tells: the client
only finds that its connection is lost, and that its requests have timed out.
"""

from __future__ import annotations

import logging
from typing import Final

from .logs import Lines

WORTH_A_LINE: Final = 5.0
"""Seconds. The server and its peers wait for longer than that, but callers do notice."""


def notice_freeze(lines: Lines, words: str, late: float) -> None:
    """Write `words` to the log if a timer was so late that all must have stood still.

    `late` is by how many seconds, and `words` has a place for them.
    """
    if late >= WORTH_A_LINE:
        lines.write(("freeze", ""), logging.WARNING, words, late)
