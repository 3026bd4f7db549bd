"""Faxes: ``calling.send_fax`` and ``calling.receive_fax``.

The far end must be a `Fax`, which decides the number of pages, because documents are
not downloaded. A fax that is received becomes a file. With any other far end, the fax fails
after a timeout.

Source: docs/protocol.md, sections 15, 18 and 22 (rows 7 and 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

import msgspec

from ..constants import EVENT_CALL_FAX
from ..rpc.frames import JSONObject
from .artifacts import Artifact
from .legs import OUTBOUND, Leg
from .requests import OnOperation, Request, Verb, check_none, control_verb, start_verb
from .script import Fax
from .shapes import Name, Text
from .sounds import FaxFile

SEND: Final = "send"
RECEIVE: Final = "receive"
FINISHED: Final = "finished"
ERROR: Final = "error"
RESULTS: Final[Mapping[str, tuple[int, str]]] = {
    FINISHED: (0, "OK"),
    ERROR: (2, "Timed out waiting for initial communication"),
    "stopped": (49, "The call dropped prematurely"),
}
"""The result codes and texts that fax software uses."""


class SendFaxParams(OnOperation, frozen=True, kw_only=True):
    """``calling.send_fax``."""

    document: Name
    identity: Annotated[str, msgspec.Meta(max_length=200)] = ""
    header_info: Text = None
    status_url: Text = None


class ReceiveFaxParams(OnOperation, frozen=True, kw_only=True):
    """``calling.receive_fax``."""

    status_url: Text = None


class Transmission(Artifact):
    """One fax in one direction, sent page by page."""

    event_type: ClassVar[str] = EVENT_CALL_FAX
    activity: ClassVar[str] = "a fax"
    direction: ClassVar[str]

    def __init__(
        self, leg: Leg, control_id: str, *, document: str = "", identity: str = ""
    ) -> None:
        super().__init__(leg, control_id, suffix="pdf")
        self._network = leg.network
        self._document = document
        params = leg.device["params"]
        near, far = ("from", "to") if leg.direction == OUTBOUND else ("to", "from")
        self._identity = identity or _address(params, near)
        self._remote_identity = _address(params, far)
        self._pages = 0

    def content(self) -> FaxFile | None:
        """Return the pages that have been received."""
        if self._document or not self._pages:
            return None
        return FaxFile(self._pages, self._remote_identity, self._identity)

    def start(self, now: float) -> None:
        """Start with the first page, or wait for a fax machine until the timeout."""
        self.note_start(now)
        timing = self._network.config.timing
        match self.leg.far.nature:
            case Fax():
                self._network.at(now + timing.fax_page, self._turn_page)
            case _:
                self._network.at(now + timing.fax_patience, self._give_up)

    def take_digit(self, digit: str, now: float) -> None:
        """Ignore keys."""

    def take_speech(self, text: str, seconds: float, now: float) -> None:
        """Ignore words."""

    def close(self, outcome: str, now: float) -> JSONObject:  # noqa: ARG002
        """Stop; return the last event, with the number of pages."""
        self._network.cancel(self._turn_page)
        self._network.cancel(self._give_up)
        number, text = RESULTS[outcome or "stopped"]
        params = {
            "direction": self.direction,
            "identity": self._identity,
            "remote_identity": self._remote_identity,
            "document": self._document or (self.url if self._pages else ""),
            "pages": self._pages,
            "success": outcome == FINISHED,
            "result": number,
            "result_text": text,
            "format": "pdf",
        }
        kind = ERROR if outcome == ERROR else FINISHED
        return {"state": kind, "fax": {"type": kind, "params": params}}

    def _turn_page(self, now: float) -> None:
        nature = self.leg.far.nature
        assert isinstance(nature, Fax), "only a fax has pages"
        self._pages += 1
        params = {"direction": self.direction, "number": self._pages}
        self.tell({"fax": {"type": "page", "params": params}}, now)
        if self._pages < nature.pages:
            self._network.at(now + self._network.config.timing.fax_page, self._turn_page)
        else:
            self.conclude(FINISHED, now)

    def _give_up(self, now: float) -> None:
        self.conclude(ERROR, now)


class SendFax(Transmission):
    """``calling.send_fax``."""

    direction = SEND


class ReceiveFax(Transmission):
    """``calling.receive_fax``."""

    direction = RECEIVE


def send_fax(request: Request, leg: Leg, params: SendFaxParams) -> None:
    """``calling.send_fax``."""
    check_none(leg, Transmission, "a fax")
    request.accept_start(params, "Sending fax")
    fax = SendFax(leg, params.control_id, document=params.document, identity=params.identity)
    fax.start(request.now)


def receive_fax(request: Request, leg: Leg, params: ReceiveFaxParams) -> None:
    """``calling.receive_fax``."""
    check_none(leg, Transmission, "a fax")
    request.accept_start(params, "Receiving fax")
    ReceiveFax(leg, params.control_id).start(request.now)


def stop(request: Request, running: Transmission, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.send_fax.stop`` and ``calling.receive_fax.stop``."""
    request.accept_control(running, "Stopping")
    running.conclude("stopped", request.now)


def _address(params: Mapping[str, str], end: str) -> str:
    """Return one address of a device: its key is ``to`` or, with a number, ``to_number``."""
    return params.get(f"{end}_number") or params.get(end, "")


VERBS: Final[Mapping[str, Verb]] = {
    "calling.send_fax": start_verb(SendFaxParams, send_fax),
    "calling.send_fax.stop": control_verb(OnOperation, SendFax, stop),
    "calling.receive_fax": start_verb(ReceiveFaxParams, receive_fax),
    "calling.receive_fax.stop": control_verb(OnOperation, ReceiveFax, stop),
}
