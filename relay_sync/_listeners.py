"""Listeners: functions of the application, called in order and never in the I/O thread."""

from __future__ import annotations

from functools import partial

from relay_proto.adapter.backlog import weight
from relay_proto.adapter.handles import Function, ListenerBase

from ._guard import EndProgram, run
from ._log import logger
from ._threads import Strand


class Listener(ListenerBase):
    """One function that hears one kind of event, in the turns of a `Strand`."""

    __slots__ = ("_end_program", "_strand")

    def __init__(
        self,
        name: str,
        handler: Function,
        strand: Strand,
        end_program: EndProgram,
        event_type: str = "",
    ) -> None:
        super().__init__(name, handler, event_type)
        self._end_program = end_program
        self._strand = strand

    def deliver(self, event: object) -> None:
        """Let the function hear an event, after all that its strand has to do before."""
        job = partial(run, self._name, self.handler, event, self._end_program)
        if not self._strand.post(job, weight(event)):
            count, size = self._strand.waiting
            words = "%s: %d events wait for it (%d bytes), or too many listeners run: %r is dropped"
            logger.error(words, self._name, count, size, event)
