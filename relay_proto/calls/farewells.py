"""Farewells: calls that nobody wants here, and that the server must hear of.

They are hung up, because they cost money, or passed back to the service, because somebody
waits on the line. The server is asked until it has answered: again if it does not answer,
and again in the next session if the connection is lost.

Source: docs/protocol.md, sections 12 and 13.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from ..bounds import Limits
from ..constants import CALL_STATE_ANSWERED, CALL_STATE_ENDING
from ..core import OutputQueue
from ..display import shown_id
from ..errors import RelayError
from ..outputs import Dropped
from ..records import CallRecord, Leg
from ..rpc.events import CallReceiveEvent
from ..rpc.frames import JSONObject

Legs: TypeAlias = Sequence[Leg]
"""Calls that nobody wants here, and that the server is to be asked about now."""

METHOD_END: Final = "calling.end"
METHOD_PASS: Final = "calling.pass"
MOST_ATTEMPTS: Final = 3
"""After so many unanswered requests, a leg waits for the next session."""


class Farewells:
    """The calls of which the server must still hear, by the ids of the calls.

    There are legs of dials, calls that the program hangs up, and calls that are passed back.
    Each kind has a limit of its own, so that many of one kind do not displace another kind.
    """

    def __init__(self, out: OutputQueue, limits: Limits) -> None:
        self._out = out
        most = limits.tags + limits.active_calls
        self._strays = _Table(limits.tags)
        self._hung_up = _Table(most)
        self._passed_back = _Table(most)
        self._tables = (self._strays, self._hung_up, self._passed_back)

    def __contains__(self, call_id: str) -> bool:
        return any(call_id in table.legs for table in self._tables)

    # Each returns what the server is to be asked about now

    def hang_up_stray(self, call_id: str, node_id: str, state: str) -> Legs:
        """Hang up a leg of a dial that has been decided."""
        return self._hang_up(self._strays, call_id, node_id, state)

    def hang_up(self, call: CallRecord) -> Legs:
        """Hang up a call that the program does not want any more, dialled or not."""
        if call.ended:
            return ()
        state = call.state if call.direction == "outbound" else CALL_STATE_ANSWERED
        return self._hang_up(self._hung_up, call.call_id, call.node_id, state)

    def pass_back(self, calls: Iterable[CallRecord | CallReceiveEvent]) -> Legs:
        """Pass calls back to the service, which may offer them to another client."""
        new = (Leg(call.call_id, call.node_id, "") for call in calls)
        return [leg for one in new for leg in self._add(self._passed_back, one)]

    def unanswered(self, leg: Leg, error: RelayError) -> Legs:
        """Ask again, a few times, because no reply came."""
        again = msgspec.structs.replace(leg, attempts=leg.attempts + 1)
        table = next((one for one in self._tables if leg.call_id in one.legs), None)
        if table is None:
            return ()
        if again.attempts >= MOST_ATTEMPTS:
            # A link that is dead in one direction looks alive for long. The next session asks.
            table.legs[leg.call_id] = msgspec.structs.replace(leg, attempts=0)
            self._report(leg, str(error))
            return ()
        table.legs[leg.call_id] = again
        return (again,)

    def begin(self) -> Legs:
        """A session has begun, a new one or the same: the server must be asked again."""
        return [leg for table in self._tables for leg in table.legs.values()]

    # What has become of them

    def forget(self, call_id: str) -> bool:
        """Forget a call: the server has done what was asked, or does not know the call.

        Return whether the call was in a table. If not, it was offered anew meanwhile.
        """
        was_there = call_id in self
        for table in self._tables:
            table.legs.pop(call_id, None)
        return was_there

    def offered_again(self, call_id: str) -> None:
        """Forget that a call is passed back: the service offers it anew."""
        self._passed_back.legs.pop(call_id, None)

    def refused(self, leg: Leg, error: RelayError) -> None:
        """Report what the server refuses to do."""
        self.forget(leg.call_id)
        self._report(leg, str(error))

    def _hang_up(self, table: _Table, call_id: str, node_id: str, state: str) -> Legs:
        reason = "hangup" if state in (CALL_STATE_ANSWERED, CALL_STATE_ENDING) else "cancel"
        return self._add(table, Leg(call_id, node_id, reason))

    def _add(self, table: _Table, leg: Leg) -> Legs:
        if leg.call_id in self:
            return ()
        table.legs[leg.call_id] = leg
        if len(table.legs) > table.limit:
            _, oldest = table.legs.popitem(last=False)
            self._report(oldest, "too many wait for it")
        return (leg,)

    def _report(self, leg: Leg, why: str) -> None:
        call_id = shown_id(leg.call_id)
        what = f"the leg {call_id} could not be hung up"
        if leg.goes_back:
            what = f"call {call_id} could not be passed back"
        self._out.push(Dropped(f"{what}: {why}"))


def last_request(leg: Leg) -> tuple[str, JSONObject]:
    """Return what to ask the server about a leg: a method and its parameters."""
    params = {"node_id": leg.node_id, "call_id": leg.call_id}
    return (METHOD_PASS, params) if leg.goes_back else (METHOD_END, params | {"reason": leg.reason})


class _Table:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.legs: OrderedDict[str, Leg] = OrderedDict()
