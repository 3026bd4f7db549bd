"""`InboundCalls`: calls for programs that would rather pull than be called."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from relay_proto.api.routes import CallRoute
from relay_proto.errors import ClientClosedError
from relay_proto.transitions import SessionState

from ._waiting import Mailbox
from .call import Call

if TYPE_CHECKING:
    from .client import RelayClient


class InboundCalls:
    """Inbound calls, one after another: see `RelayClient.calls`.

    Several threads may pull from one of these; each call goes to one of them. `close`,
    the end of a ``with`` block or the loss of the last reference ends it: what
    nobody has pulled is then passed back to routing.
    """

    _open = False

    def __init__(self, client: RelayClient, routes_changed: Callable[[], None]) -> None:
        self.route = CallRoute(_offer_to(weakref.ref(self)), at_once=True)
        self._client = client
        self._routes_changed = routes_changed
        self._lock = threading.RLock()  # the collection of garbage may close while it is held
        self._offered: deque[Call] = deque()
        self._open = True
        self._waiting: list[Mailbox[None]] = []

    def __repr__(self) -> str:
        return f"<InboundCalls {'open' if self._open else 'closed'}, {len(self._offered)} waiting>"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Call:
        """The next call; it ends when the client is disconnected.

        Raises:
            ClientClosedError: nobody has connected the client.
        """
        woken: Mailbox[None] = Mailbox()
        while True:
            with self._lock:
                call = self._take()
                if call is not None:
                    return call
                self._waiting.append(woken)
            try:
                self._client.engine.await_mail(woken)
            finally:
                with self._lock:
                    if woken in self._waiting:
                        self._waiting.remove(woken)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._open:
            self.close()

    def close(self) -> None:
        """Take no more calls, and pass back those that nobody has pulled."""
        with self._lock:
            if not self._open:
                return
            self._open = False
            self.route.closed = True
            left = self._active()
            self._offered.clear()
        self._routes_changed()
        for call in left:
            call.pass_back()
        self.wake()

    def offer(self, call: Call) -> None:
        """Keep a call until it is pulled. Not for applications."""
        with self._lock:
            is_open = self._open
            if is_open:
                self._offered = self._active()  # so there are never more than may be up
                self._offered.append(call)
        if is_open:
            self.wake()
        else:
            call.pass_back()

    def wake(self) -> None:
        """Something has changed. Not for applications."""
        with self._lock:
            for woken in self._waiting:
                woken.put(None)
            self._waiting.clear()

    def _take(self) -> Call | None:
        state = self._client.state
        if not self._open or state in (SessionState.CLOSING, SessionState.CLOSED):
            raise StopIteration
        self._offered = self._active()
        if self._offered:
            return self._offered.popleft()
        if state is SessionState.DISCONNECTED:
            raise ClientClosedError
        return None

    def _active(self) -> deque[Call]:
        return deque(call for call in self._offered if call.is_active)


def _offer_to(stream: weakref.ref[InboundCalls]) -> Callable[[Call], None]:
    def offer(call: Call) -> None:
        alive = stream()
        if alive is None:
            call.pass_back()
        else:
            alive.offer(call)

    return offer
