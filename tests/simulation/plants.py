"""Three bugs, planted: each is what a tired programmer might write."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.calls.dials import Dials, Legs
from relay_proto.dispatch import Dispatch
from relay_proto.link.requests import Request, Requests
from relay_proto.link.resume import Resume
from relay_proto.link.session import Session
from relay_proto.transitions import RequestState


def send_again_after_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose answer is lost goes back into the queue."""
    write = vars(Dispatch)["_write"]

    def keeping(self: Dispatch, request: Request, now: float) -> None:
        frame = request.frame
        write(self, request, now)
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
    accept, send = Resume.accept, Session.send
    resumed_just_now: set[Resume] = set()

    def accepting(self: Resume, result: Any) -> bool:
        resumed = accept(self, result)
        if resumed:
            resumed_just_now.add(self)
        return resumed

    def forgetful(self: Any, data: bytes) -> None:
        if self._resume in resumed_just_now and b'"result"' in data:
            resumed_just_now.remove(self._resume)
        else:
            send(self, data)

    monkeypatch.setattr(Resume, "accept", accepting)
    monkeypatch.setattr(Session, "send", forgetful)


def leave_the_loser_of_a_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second leg that answers a dial in parallel is not hung up."""
    answered, check_stray = vars(Dials)["_answered"], vars(Dials)["_check_stray"]

    def lazily_answered(self: Dials, *args: Any) -> Legs:
        answered(self, *args)
        return ()

    def blind(self: Any, tag: str, *args: Any) -> Legs:
        # A dial without a winner has no losers.
        return () if self._decided.get(tag) else check_stray(self, tag, *args)

    monkeypatch.setattr(Dials, "_answered", lazily_answered)
    monkeypatch.setattr(Dials, "_check_stray", blind)
