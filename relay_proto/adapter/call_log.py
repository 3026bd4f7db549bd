"""The log of a call: lines of the application's own that say which call they are about."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from ..api.views import CallView
from ..display import shown_id, shown_number, shown_word


class CallLog(logging.LoggerAdapter[logging.Logger]):
    """Gives each line of a logger the fields ``call_id``, ``direction`` and ``number``.

    They are what is known of the call when the line is written.
    """

    def __init__(self, logger: logging.Logger, call: CallView, *, show_personal: bool) -> None:
        super().__init__(logger, {})
        self._call = call
        self._show_personal = show_personal

    def process(
        self, msg: object, kwargs: MutableMapping[str, Any]
    ) -> tuple[object, MutableMapping[str, Any]]:
        """Add the fields of the call to those that the line has."""
        given: Mapping[str, object] = kwargs.get("extra") or {}
        return msg, {**kwargs, "extra": {**self._fields(), **given}}

    def _fields(self) -> dict[str, object]:
        call = self._call
        number = call.from_number if call.direction == "inbound" else call.to_number
        return {
            "call_id": shown_id(call.call_id),
            "direction": shown_word(call.direction),
            "number": number if self._show_personal else shown_number(number),
        }
