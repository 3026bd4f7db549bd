"""Calls, as the lab remembers them: from what happened, what was heard, and the frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast

from relay_proto.exchange import (
    ANY_CONTEXT,
    Answer,
    CallView,
    Decline,
    HangUp,
    Happened,
    Press,
    Say,
    What,
)
from relay_proto.exchange import Act as ExchangeAct
from relay_proto.exchange import Heard as HeardIt
from relay_proto.rpc import action_kinds as kinds
from relay_proto.rpc.action_kinds import ActionKind
from relay_proto.rpc.events import parse_event
from relay_proto.rpc.frames import JSONObject, is_object

from .frames import Facts
from .shapes import Act, Action, Call, Direction, Heard

MOST_ENDED: Final = 200
"""Ended calls that are remembered."""
MOST_ACTIONS: Final = 50
"""Actions of one call. Each change of a call goes to all readers with everything in it."""
MOST_HEARD: Final = 50
NAMES: Final[Mapping[type[ExchangeAct], Act]] = {
    Answer: "answer",
    Decline: "decline",
    Press: "press",
    Say: "say",
    HangUp: "hangup",
}
KINDS: Final[Mapping[str, ActionKind]] = {
    kind.method: kind
    for name, kind in vars(kinds).items()
    if isinstance(kind, ActionKind) and "_CONTINUOUS" not in name
}
CONTINUOUS: Final[Mapping[str, ActionKind]] = {
    kind.method: kind for kind in (kinds.COLLECT_CONTINUOUS, kinds.PLAY_AND_COLLECT_CONTINUOUS)
}


class CallTable:
    """All calls that are up, and the last ones that have ended.

    `look` returns a call of the exchange as it is now, `phone` the softphone with a number,
    and `program` the id of the program with a session. `changed` is told of each call that
    changes.
    """

    def __init__(
        self,
        look: Callable[[str], CallView | None],
        phone: Callable[[str], str | None],
        program: Callable[[str], str | None],
        changed: Callable[[Call], None],
    ) -> None:
        self._look = look
        self._phone = phone
        self._program = program
        self._changed = changed
        self._calls: dict[str, Call] = {}
        self._ended: dict[str, None] = {}
        self._sessions: dict[str, str] = {}
        self._kinds: dict[tuple[str, str], ActionKind | None] = {}
        """The kind of each running action, by call and control id."""
        self.forgotten = 0
        self.total = 0
        self.answered = 0

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls.values())

    def get(self, call_id: str) -> Call | None:
        """Return a call, or None."""
        return self._calls.get(call_id)

    def up(self) -> list[Call]:
        """Return the calls that have not ended."""
        return [call for call in self._calls.values() if call.state != "ended"]

    def count(self, session: str) -> int:
        """Return how many calls of a session are up."""
        return sum(self._sessions.get(call.id) == session for call in self.up())

    def session_of(self, call_id: str) -> str:
        """Return the session that has the call, or had it."""
        return self._sessions.get(call_id, "")

    def observe(self, happened: Happened, at: float) -> None:
        """Take note of what happened on a call."""
        call = self._calls.get(happened.call_id)
        view = self._look(happened.call_id)
        if call is None:
            call = self._begin(happened, view, at)
        if view is not None:
            self._follow(call, view)
        if happened.what is What.OFFERED:
            call.context = happened.details["context"]
        if happened.what is What.ANSWERED and call.answered_at is None:
            call.answered_at = at
            self.answered += 1
        if happened.what is What.ENDED and call.state != "ended":
            self._end(call, happened, at)
        self._changed(call)

    def hear(self, heard: HeardIt, at: float) -> None:
        """Take note of what the far end of a call hears."""
        call = self._calls.get(heard.call_id)
        if call is not None:
            call.hears = [*call.hears, Heard(at=at, text=heard.text, seconds=heard.seconds)]
            del call.hears[:-MOST_HEARD]
            self._changed(call)

    def take_frame(self, facts: Facts, at: float, *, received: bool) -> None:
        """Take note of an action that begins, goes on or ends."""
        call = self._calls.get(facts.call)
        identity = facts.params.get("control_id")
        if call is None or not isinstance(identity, str):
            return
        action = next((one for one in call.actions if one.id == identity), None)
        if facts.kind == "request" and received and action is None:
            if _starts(facts.method):
                self._begin_action(call, identity, facts, at)
        elif action is not None and action.ended_at is None:
            if facts.kind == "error" and facts.method == f"calling.{action.verb}":
                _end_action(action, at, "refused")
            elif facts.kind == "event":
                self._go_on(call, action, facts, at)
            else:
                return
        else:
            return
        self._changed(call)

    def clear(self) -> None:
        """Forget the calls that have ended."""
        for call_id in self._ended:
            self._forget(call_id)
        self._ended.clear()
        self.forgotten = 0
        self.total = len(self._calls)
        self.answered = sum(call.answered_at is not None for call in self._calls.values())

    def _begin(self, happened: Happened, view: CallView | None, at: float) -> Call:
        details = happened.details
        outbound = happened.what is What.DIALED
        direction: Direction = "outbound" if outbound else "inbound"
        if view is not None:
            direction = "outbound" if view.direction == "outbound" else "inbound"
        call = Call(
            id=happened.call_id,
            from_=details.get("number", "") if view is None else view.from_number,
            to=details.get("to", "") if view is None else view.to_number,
            direction=direction,
            started_at=at,
        )
        self._calls[call.id] = call
        self.total += 1
        call.phone = self._phone(call.to if direction == "outbound" else call.from_)
        return call

    def _follow(self, call: Call, view: CallView) -> None:
        call.state = "answered" if view.state == "answered" else "ringing"
        if view.context != ANY_CONTEXT or not call.context:
            call.context = view.context
        call.peer = view.peer or None
        call.can = [NAMES[act] for act in view.can]
        if view.session:
            self._sessions[call.id] = view.session
            call.program = self._program(view.session)

    def _end(self, call: Call, happened: Happened, at: float) -> None:
        call.state = "ended"
        call.ended_at = at
        call.reason = happened.details["reason"]
        call.can = []
        for action in call.actions:
            if action.ended_at is None:
                _end_action(action, at, "the call has ended")
            self._kinds.pop((call.id, action.id), None)
        self._ended[call.id] = None
        if len(self._ended) > MOST_ENDED:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._forget(oldest)
            self.forgotten += 1

    def _forget(self, call_id: str) -> None:
        del self._calls[call_id]
        self._sessions.pop(call_id, None)

    def _begin_action(self, call: Call, identity: str, facts: Facts, at: float) -> None:
        verb = facts.method.removeprefix("calling.")
        action = Action(id=identity, verb=verb, started_at=at, words=_words(facts.params))
        call.actions = [*call.actions, action]
        for forgotten in call.actions[:-MOST_ACTIONS]:
            self._kinds.pop((call.id, forgotten.id), None)
        del call.actions[:-MOST_ACTIONS]
        table = CONTINUOUS if facts.params.get("continuous") is True else KINDS
        self._kinds[call.id, identity] = table.get(facts.method)

    def _go_on(self, call: Call, action: Action, facts: Facts, at: float) -> None:
        kind = self._kinds.get((call.id, action.id))
        if kind is not None and facts.method != kind.event_type:
            return
        event = parse_event({"event_type": facts.method, "params": facts.params})
        outcome = _outcome(facts.params)
        over = outcome in kinds.FINAL_STATES if kind is None else kind.is_final(event)
        if over:
            _end_action(action, at, outcome)
            action.url = _url(facts.params)
            self._kinds.pop((call.id, action.id), None)
        elif outcome:
            action.outcome = outcome


def _starts(method: str) -> bool:
    """Whether a method starts an action: its controls have one more dot."""
    return method.startswith("calling.") and "." not in method.removeprefix("calling.")


def _end_action(action: Action, at: float, outcome: str) -> None:
    action.ended_at, action.outcome = at, outcome


def _outcome(params: JSONObject) -> str:
    """Return what an event says of its action, in a few words."""
    for key in ("result", "detect", "fax"):
        found = params.get(key)
        if is_object(found) and found:
            inner = found.get("params")
            values = inner.values() if is_object(inner) else ()
            said = [str(value) for value in values if isinstance(value, str | int | float)]
            return " ".join([str(found.get("type", "")), *said]).strip()[:200]
    state = params.get("state", params.get("phase", ""))
    return state if isinstance(state, str) else ""


def _url(params: JSONObject) -> str:
    """Return where the recording or the fax is that an event tells of."""
    fax = params.get("fax")
    document = fax.get("params") if is_object(fax) else None
    found = document.get("document") if is_object(document) else params.get("url")
    return found if isinstance(found, str) else ""


def _words(params: JSONObject) -> str:
    """Return what an action plays."""
    media: object = params.get("play")
    said: list[str] = []
    for item in cast("list[object]", media) if isinstance(media, list) else []:
        if is_object(item) and is_object(item.get("params")):
            inner: JSONObject = item["params"]
            said.append(str(inner.get("text") or inner.get("url") or item.get("type", "")))
    return " ".join(said)[:1000]
