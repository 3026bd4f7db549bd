"""Failed TLS handshakes: what to do about them, in words, once for each kind."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Final

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from relay_proto.adapter.repeats import Kind, Repeats

from .._driver import Timers

DISTRUST: Final = frozenset(
    {
        "TLSV1_ALERT_UNKNOWN_CA",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    }
)
"""What clients send that refuse the certificate. Each library has another favorite."""
LEFT: Final = "left"
"""The client has closed the connection without a reason. Some do so if they do not trust."""
PLAIN: Final = frozenset({"HTTP_REQUEST", "HTTPS_PROXY_REQUEST"})


class Handshakes:
    """Says what is wrong with handshakes that fail, and calls the exchange at its times."""

    def __init__(
        self,
        timers: Timers,
        tell: Callable[[str], None] = lambda _words: None,
        *,
        ca_file: str = "ca.pem",
        names: Sequence[str] = (),
    ) -> None:
        self._timers = timers
        self._tell = tell
        self._remedy = (
            f"It has to trust {ca_file} (relay sim --setup shows how), and to call this machine "
            f"by one of these names: {', '.join(names)}. --name adds others"
        )
        self._repeats = Repeats()

    async def secure(self, stream: ByteStream, context: ssl.SSLContext) -> ByteStream:
        """Shake hands over `stream`, and say why if that fails."""
        opening = _Opening(stream)
        try:
            secured = await TLSStream.wrap(
                opening, server_side=True, ssl_context=context, standard_compatible=False
            )
        except (ssl.SSLError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
            if opening.has_begun:  # who only looks whether the port is open is no client
                reason = getattr(error, "reason", None) or LEFT
                self._failed(reason, anyio.current_time())
            raise
        secured.transport_stream = stream
        return secured

    def _failed(self, reason: str, now: float) -> None:
        """Say what is wrong, or count it if that was said already."""
        kind: Kind = ("handshake", _kind(reason))
        words = self._words(reason)
        if self._repeats.is_first(kind, now):
            self._tell(words)
        else:
            self._repeats.count(kind, (logging.WARNING, words))

    def deadline(self) -> float | None:
        """When the exchange, or a count, is due."""
        due = (self._timers.deadline(), self._repeats.deadline())
        return min((one for one in due if one is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do all that is due."""
        self._timers.handle_timer(now)
        for _, words in self._repeats.handle_timer(now):
            self._tell(words)

    def _words(self, reason: str) -> str:
        kind = _kind(reason)
        if kind in ("distrust", LEFT):
            what = "refuses" if kind == "distrust" else "left the TLS handshake, and may refuse"
            return f"a client {what} the simulator's certificate. {self._remedy}"
        if kind == "plain":
            return (
                "a client speaks without TLS: let it connect to wss://, or start relay sim --plain"
            )
        return f"a TLS handshake failed: {reason}"


class _Opening(ByteStream):
    """A byte stream that knows whether the other side has sent anything."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.has_begun = False

    async def receive(self, max_bytes: int = 65536) -> bytes:
        data = await self._stream.receive(max_bytes)
        self.has_begun = True
        return data

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


def _kind(reason: str) -> str:
    if reason in DISTRUST:
        return "distrust"
    return "plain" if reason in PLAIN else reason
