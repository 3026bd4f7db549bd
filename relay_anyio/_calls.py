"""`InboundCalls`: calls for programs that would rather pull than be called."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Self

import anyio
import anyio.lowlevel

from relay_proto.api.routes import CallRoute
from relay_proto.errors import ClientClosedError
from relay_proto.transitions import SessionState

from .call import Call

if TYPE_CHECKING:
    from .client import RelayClient


class InboundCalls:
    """Inbound calls, one after another: see `RelayClient.calls`.

    Several tasks may pull from one of these; each call goes to one of them. `close`,
    the end of a ``with`` block or the loss of the last reference ends it: what
    nobody has pulled is then passed back to routing.
    """

    _open = False

    def __init__(self, client: RelayClient, routes_changed: Callable[[], None]) -> None:
        self.route = CallRoute(_offer_to(weakref.ref(self)), at_once=True)
        self._client = client
        self._routes_changed = routes_changed
        self._offered: deque[Call] = deque()
        self._open = True
        self._more = anyio.Event()

    def __repr__(self) -> str:
        return f"<InboundCalls {'open' if self._open else 'closed'}, {len(self._offered)} waiting>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Call:
        """The next call; it ends when the client is disconnected.

        Raises:
            ClientClosedError: nobody has connected the client.
        """
        while self._open and self._client.state not in (
            SessionState.CLOSING,
            SessionState.CLOSED,
        ):
            self._forget_ended()
            if self._offered:
                call = self._offered.popleft()
                await anyio.lowlevel.cancel_shielded_checkpoint()
                return call
            if self._client.state is SessionState.DISCONNECTED:
                raise ClientClosedError
            await self._more.wait()
        raise StopAsyncIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Garbage is collected in any thread, and while the core is at work.
        if self._open:
            self.route.closed = True
            self._client.engine.post(partial(_give_back, self._offered, self._routes_changed))

    def close(self) -> None:
        """Take no more calls, and pass back those that nobody has pulled."""
        if self._open:
            self._open = False
            self.route.closed = True
            _give_back(self._offered, self._routes_changed)
            self.wake()

    def offer(self, call: Call) -> None:
        """Keep a call until it is pulled. Not for applications."""
        if not self._open:
            call.pass_back()
            return
        self._forget_ended()  # so there are never more of them than may be up
        self._offered.append(call)
        self.wake()

    def wake(self) -> None:
        """Something has changed. Not for applications."""
        self._more.set()
        self._more = anyio.Event()

    def _forget_ended(self) -> None:
        self._offered = deque(call for call in self._offered if call.is_active)


def _give_back(offered: deque[Call], routes_changed: Callable[[], None]) -> None:
    routes_changed()
    while offered:
        call = offered.popleft()
        if call.is_active:
            call.pass_back()


def _offer_to(stream: weakref.ref[InboundCalls]) -> Callable[[Call], None]:
    def offer(call: Call) -> None:
        alive = stream()
        if alive is None:
            call.pass_back()
        else:
            alive.offer(call)

    return offer
