"""`Message`: a text message, sent or received.

Public: for applications, which may also import the names from `relay_anyio`.
"""

from __future__ import annotations

from relay_proto.adapter.handles import Function, MessageBase
from relay_proto.rpc.events import MessageStateEvent

from ._engine import Engine
from ._listeners import Listener


class Message(MessageBase[Engine]):
    """An SMS or MMS. Its attributes follow its delivery.

    `state` goes from ``queued`` over ``initiated`` and ``sent`` to ``delivered``,
    ``undelivered`` or ``failed``, with a `reason`; one that came in is ``received``.
    """

    async def wait(self, timeout: float | None = None) -> MessageStateEvent:
        """Wait for the end of its delivery, and return the event that told it.

        Raises:
            TimeoutError: it did not end in `timeout` seconds; wait again if you like.
            ValueError: it came in: there is nothing to wait for.
            ClientClosedError: the client was disconnected.
        """
        engine = self._bound_to_wait()
        return await engine.wait(self._record.done, timeout, self, "to arrive or to fail")

    def _new_listener(self, name: str, handler: Function) -> Listener:
        engine = self._bound()
        return Listener(name, handler, engine)
