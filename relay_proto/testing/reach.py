"""Find leaks: the records that can still be reached from an object."""

from __future__ import annotations

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

from ..link.requests import Request
from ..records import ActionRecord, CallRecord, DialRecord, MessageRecord

RECORDS = (CallRecord, ActionRecord, DialRecord, MessageRecord, Request)
OPAQUE = (type, ModuleType, FunctionType, BuiltinFunctionType, BaseException)
"""Types that are not searched. A raised exception refers to all frames of its traceback."""


def records_within(root: object) -> list[str]:
    """Return the records that `root` keeps alive, as text."""
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
