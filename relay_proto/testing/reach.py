"""What can be reached from an object: how memory that was not let go of is found."""

from __future__ import annotations

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

from ..link.requests import Request
from ..records import ActionRecord, CallRecord, DialRecord, MessageRecord

RECORDS = (CallRecord, ActionRecord, DialRecord, MessageRecord, Request)
OPAQUE = (type, ModuleType, FunctionType, BuiltinFunctionType, BaseException)
"""What is not looked into: an exception that was raised knows all that went on then."""


def records_within(root: object) -> list[str]:
    """The records that `root` keeps alive, as text, in the order in which they are found."""
    found: list[str] = []
    seen = {id(root)}
    unseen = [root]
    while unseen:
        thing = unseen.pop()
        if isinstance(thing, RECORDS):
            found.append(repr(thing))
        for other in gc.get_referents(thing):
            if id(other) not in seen and not isinstance(other, OPAQUE):
                seen.add(id(other))
                unseen.append(other)
    return found
