"""Work: what is under way, and the spans of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import Span

from relay_proto.pending import Pending
from relay_proto.records import MessageRecord


@dataclass(slots=True, eq=False)
class Work:
    """A command that was given. `verb` names the action that it starts, if it does."""

    span: Span
    began_at: float
    method: str
    verb: str = ""
    is_text: bool = False
    message: MessageRecord | None = None
    """The text, when the server has taken it."""
    done: Pending[Any] | None = None
    """What settles behind the answer: at the end of the action, or of the delivery."""


@dataclass(slots=True, eq=False, kw_only=True)
class DialWork(Work):
    """A dial. `call` is the span of the call that may come of it."""

    tag: str
    call: Span


@dataclass(slots=True, eq=False)
class CallWork:
    """A call that is up. While it is a leg of a dial, `span` is that of the call to be."""

    span: Span
    began_at: float
    direction: str
    dialled_at: float
    leg: Span | None = None
    state: str = ""
    answered_at: float | None = None
    prompted: bool = False
