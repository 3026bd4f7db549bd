"""`Message`: a text message, sent or received.

Public: for applications, which may also import the names from `relay_anyio`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from relay_proto.adapter.contexts import with_context
from relay_proto.adapter.handles import Function, MessageBase
from relay_proto.api import commands
from relay_proto.api.parameters import checked
from relay_proto.rpc.events import MessageStateEvent

from ._engine import Engine
from ._listeners import Listener
from ._turns import execute_in_turn


class Message(MessageBase[Engine]):
    """An SMS or MMS. Its attributes follow its delivery.

    `state` goes from ``queued`` over ``initiated`` and ``sent`` to ``delivered``,
    ``undelivered`` or ``failed``, with a `reason`.
    A message that was received has the state ``received``.
    """

    @checked
    async def wait(self, timeout: float | None = None) -> MessageStateEvent:
        """Wait until it is delivered or has failed, and return the event that says so.

        A report may come days later, or never, and also after the session was lost. So this ends
        with the report, after `timeout` seconds, or when the client is disconnected.

        Raises:
            TimeoutError: it did not end in `timeout` seconds; wait again if you like.
            ValueError: this message was received, so there is no delivery to wait for.
            ClientClosedError: the client was disconnected.
            RelayError: the client follows too many messages, and has given up this one.
        """
        engine = self._require_engine_to_wait()
        return await engine.wait(self._record.done, timeout, self, "to arrive or to fail")

    @checked
    async def wait_delivered(self, timeout: float | None = None) -> MessageStateEvent:
        """Wait until it is delivered, and return the event that says so.

        Raises:
            MessageFailedError: it was not delivered; the error says why.
            TimeoutError, ValueError, ClientClosedError: as for `wait`.
        """
        return self._delivered(await self.wait(timeout))

    @checked
    async def reply(
        self,
        body: str | None = None,
        *,
        media: Sequence[str] | None = None,
        context: str | None = None,
        tags: Sequence[str] | None = None,
        region: str | None = None,
        on_completed: Callable[[MessageStateEvent], Any] | None = None,
    ) -> Message:
        """Send a text to whoever has sent this one, from the number that it was sent to.

        The arguments are those of `RelayClient.send_message`. The delivery is reported to this
        session, unless there is a `context`: not to the context on which this message came,
        which other clients may share.

        Raises:
            ValueError: there is neither a body nor media, or this message was sent from here.
            RelayError: as for `RelayClient.send_message`.

        Returns: The `Message`, once the server has it.
        """
        engine = self._require_engine_to_reply()
        command = commands.send_message(
            to_number=self.from_number,
            from_number=self.to_number,
            context=context,
            body=body,
            media=media,
            tags=tags,
            region=region,
            on_completed=on_completed,
        )
        return Message._of(engine, await execute_in_turn(engine, with_context(command)))

    def _new_listener(self, name: str, handler: Function) -> Listener:
        engine = self._require_engine()
        return Listener(name, handler, engine)
