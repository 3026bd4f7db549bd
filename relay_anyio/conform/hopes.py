"""Hopes: how long checks wait for something that all clients of a run do, or none does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .bodies import CONTEXT

START_PATIENCE: Final = 40.0
"""Seconds until the client has a session."""
ENOUGH: Final = 2
"""After so many clients that did not do it in the whole time, the others get less time."""
LITTLE_PATIENCE: Final = 2.0
"""Seconds for each of the others. Checks that need something else still get their results."""


class Hope:
    """How long to wait for something that all clients of a run do, or none does."""

    def __init__(self, without: str, warned: Callable[[str], object]) -> None:
        """`without` says what no client does; `warned` is told when that is so."""
        self.without = without
        self._warned = warned
        self._has_come = False
        self._in_vain = 0

    @property
    def is_lost(self) -> bool:
        """Whether nobody needs to wait for it any longer."""
        return not self._has_come and self._in_vain >= ENOUGH

    @property
    def patience(self) -> float:
        """How long to wait for it, in seconds."""
        return LITTLE_PATIENCE if self.is_lost else START_PATIENCE

    def note(self, *, came: bool) -> None:
        """Note that a client has done it, or has not done it in the time that it had."""
        was_lost = self.is_lost
        self._has_come = self._has_come or came
        self._in_vain += not came
        if self.is_lost and not was_lost:
            words = f"{self.without}: from now on, a check waits {LITTLE_PATIENCE:g} s for that"
            self._warned(words)


class Hopes:
    """What the clients of one run have shown when they started."""

    def __init__(self, warned: Callable[[str], object] = lambda _words: None) -> None:
        self.connection = Hope("the client does not connect", warned)
        self.session = Hope(f"the client does not serve the context {CONTEXT!r}", warned)
