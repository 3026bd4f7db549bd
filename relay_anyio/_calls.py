"""`InboundCalls`: calls for programs that would rather pull than be called."""

from __future__ import annotations

from contextlib import suppress
from typing import Self

import anyio
import anyio.lowlevel

from relay_proto.adapter.streams import StreamBase

from .call import Call, Client


class InboundCalls(StreamBase[Call]):
    """Inbound calls, one after another: see `RelayClient.calls`.

    Several tasks may pull from one of these; each call goes to one of them. It ends
    with `close`, with the end of a ``with`` block, or when nothing refers to it any more.
    Calls that nobody has taken by then are passed back to the service.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._more = anyio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Call:
        """The next call; it ends when the client is disconnected.

        A task that is cancelled here, in whatever way, has taken no call.

        Raises:
            ClientClosedError: nobody has connected the client, or it has failed.
            AuthenticationError: the credentials were refused.
        """
        self._check_belongs_here()
        engine = self._engine
        # Nothing may be awaited once a call is taken: asyncio would cancel there, shield or not.
        await anyio.lowlevel.checkpoint()
        while not self._is_over(engine):
            call = self._take(engine)
            if call is not None:
                return call
            await self._more.wait()
        self._say_why(engine)
        raise StopAsyncIteration

    def _wake(self) -> None:
        more, self._more = self._more, anyio.Event()
        with suppress(RuntimeError):  # who waits for it did so in an event loop that has ended
            more.set()
