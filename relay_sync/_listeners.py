"""Listeners: functions of the application, called in order and never in the I/O thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from relay_proto.adapter.backlog import weight
from relay_proto.adapter.guard import Surroundings
from relay_proto.adapter.handles import Function, ListenerBase
from relay_proto.rpc.event_base import RelayEvent

from ._guard import run
from ._threads import Strand

EventHandler: TypeAlias = Callable[[RelayEvent], object]
"""A function that hears events, for annotations of programs."""


class Listener(ListenerBase):
    """One function that hears one kind of event, in the turns of a `Strand`."""

    __slots__ = ("_strand", "_surroundings")

    def __init__(
        self,
        name: str,
        handler: Function,
        strand: Strand,
        surroundings: Surroundings,
        event_type: str = "",
    ) -> None:
        super().__init__(name, handler, event_type)
        self._strand = strand
        self._surroundings = surroundings

    def deliver(self, event: object) -> None:
        """Let the function hear an event, after all that its strand has to do before."""
        job = partial(run, self.name, self.handler, event, self._surroundings)
        if not self._strand.post(job, weight(event)):
            self._surroundings.lines.event_dropped(self.name, *self._strand.waiting, event)
