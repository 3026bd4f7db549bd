"""`InboundCalls`: calls for programs that would rather pull than be called."""

from __future__ import annotations

from typing import Self

from relay_proto.adapter.streams import StreamBase

from ._waiting import Mailbox
from .call import Call, Client


class InboundCalls(StreamBase[Call]):
    """Inbound calls, one after another: see `RelayClient.calls`.

    Several threads may pull from one of these; each call goes to one of them. It ends
    with `close`, with the end of a ``with`` block, or when nothing refers to it any more.
    Calls that nobody has taken by then are passed back to the service.
    """

    def __init__(self, client: Client) -> None:
        self._waiting: list[Mailbox[None]] = []
        self._owner = client
        super().__init__(client)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Call:
        """The next call; it ends when the client is disconnected.

        Raises:
            ClientClosedError: nobody has connected the client, or it has failed.
            AuthenticationError: the credentials were refused.
        """
        self._check_belongs_here()
        engine = self._owner._current  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        woken: Mailbox[None] = Mailbox()
        while True:
            with self._lock:
                if self._is_over(engine):
                    self._say_why(engine)
                    raise StopIteration
                call = self._take(engine)
                if call is not None:
                    return call
                self._waiting.append(woken)
            assert engine is not None, "a client that nobody has connected has been refused"
            try:
                engine.await_mail(woken)
            finally:
                with self._lock:
                    if woken in self._waiting:
                        self._waiting.remove(woken)

    def _wake(self) -> None:
        with self._lock:
            for woken in self._waiting:
                woken.put(None)
            self._waiting.clear()
