"""Three bugs, planted: each is what a tired programmer might write."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.calls.dials import Dials
from relay_proto.client import ClientCore
from relay_proto.dispatch import Dispatch
from relay_proto.link.requests import Request, Requests
from relay_proto.link.session import Session
from relay_proto.transitions import RequestState


def send_again_after_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose answer is lost goes back into the queue."""
    write = vars(Dispatch)["_write"]

    def keeping(self: Dispatch, request: Request, frame: bytes, now: float) -> None:
        write(self, request, frame, now)
        request.frame = frame

    def lose_none(self: Any) -> list[Any]:
        for request in self._sent.values():
            request.state = RequestState.QUEUED
        self._queued = {**self._sent, **self._queued}
        self._sent = {}
        return []

    monkeypatch.setattr(Dispatch, "_write", keeping)
    monkeypatch.setattr(Requests, "lose_sent", lose_none)


def forget_an_acknowledgement_after_a_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first event after a resume is not acknowledged."""
    ready, send = ClientCore.session_ready, Session.send
    resumed_just_now: set[Session] = set()

    def session_ready(self: Any, *, resumed: bool, now: float) -> None:
        ready(self, resumed=resumed, now=now)
        if resumed:
            resumed_just_now.add(self._session)

    def forgetful(self: Session, data: bytes) -> None:
        if self in resumed_just_now and b'"result"' in data:
            resumed_just_now.remove(self)
        else:
            send(self, data)

    monkeypatch.setattr(ClientCore, "session_ready", session_ready)
    monkeypatch.setattr(Session, "send", forgetful)


def leave_the_loser_of_a_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second leg that answers a dial in parallel is not hung up."""
    answered, check_stray = vars(Dials)["_answered"], vars(Dials)["_check_stray"]
    hang_up = Dials.hang_up
    deciding: set[Dials] = set()

    def lazily_answered(self: Dials, *args: Any) -> None:
        deciding.add(self)
        answered(self, *args)
        deciding.remove(self)

    def lazily_hang_up(self: Dials, *args: Any) -> None:
        if self not in deciding:
            hang_up(self, *args)

    def blind(self: Any, tag: str, *args: Any) -> None:
        if not self._decided.get(tag):  # a dial without a winner has no losers
            check_stray(self, tag, *args)

    monkeypatch.setattr(Dials, "_answered", lazily_answered)
    monkeypatch.setattr(Dials, "hang_up", lazily_hang_up)
    monkeypatch.setattr(Dials, "_check_stray", blind)
