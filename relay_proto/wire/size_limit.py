"""A limit for the length of messages. wsproto has none of its own.

Source: RFC 6455, section 10.4.
"""

from __future__ import annotations

from typing import TypeAlias

from wsproto import frame_protocol as fp
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Opcode, RsvBits

_Decoder: TypeAlias = fp.FrameDecoder | fp.FrameProtocol


class MessageLimit(Extension):
    """Refuses a message as soon as the header of one of its frames makes it too long.

    It is an extension because that is the only public way to see headers in wsproto. It
    is never offered to the peer. It reads the announced lengths instead of counting the
    bytes that arrive: otherwise it would depend on how the bytes were split whether the
    limit or invalid UTF-8 is reported first.
    """

    name = "message-limit"
    offer = Extension.enabled  # abstract, but never called: any "no" is good enough

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._before = 0  # the length of the message without the current frame
        self._after = 0
        self._control = False

    def enabled(self) -> bool:
        """Return True: this extension is active."""
        return True

    def frame_inbound_header(
        self, proto: _Decoder, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Refuse a frame that makes its message too long."""
        # wsproto calls this again for a header whose mask was not complete: so do not add up.
        self._control = opcode.iscontrol()
        if not self._control:
            before = self._before if opcode is Opcode.CONTINUATION else 0
            self._after = before + payload_length
        if self._after > self._limit:
            return CloseReason.MESSAGE_TOO_BIG
        return super().frame_inbound_header(proto, opcode, rsv, payload_length)

    def frame_inbound_complete(self, proto: _Decoder, fin: bool) -> bytes | CloseReason | None:
        """Count the frame, which is complete now."""
        if not self._control:
            self._before = 0 if fin else self._after
        return super().frame_inbound_complete(proto, fin)
