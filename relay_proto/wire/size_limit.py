"""The limit of a message's length, for wsproto, which has none of its own.

Source: RFC 6455, section 10.4.
"""

from __future__ import annotations

from typing import TypeAlias

from wsproto import frame_protocol as fp
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Opcode, RsvBits

_Decoder: TypeAlias = fp.FrameDecoder | fp.FrameProtocol


class MessageLimit(Extension):
    """Refuses a message as soon as the header of a frame makes it too long.

    Never offered to the peer: it is wsproto's one public way to see headers.
    Counting what arrives would not do: what fails first, the limit or the UTF-8
    behind it, would depend on how the bytes were split.
    """

    name = "message-limit"
    offer = Extension.enabled  # abstract, but never called here: any "no" will do

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._before = 0  # the message's length without the current frame
        self._after = 0
        self._control = False

    def enabled(self) -> bool:
        """Say yes: it takes part."""
        return True

    def frame_inbound_header(
        self, proto: _Decoder, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Refuse a frame that makes its message too long."""
        # wsproto asks again about a header whose mask had not come yet: nothing is added up here.
        self._control = opcode.iscontrol()
        if not self._control:
            before = self._before if opcode is Opcode.CONTINUATION else 0
            self._after = before + payload_length
        if self._after > self._limit:
            return CloseReason.MESSAGE_TOO_BIG
        return super().frame_inbound_header(proto, opcode, rsv, payload_length)

    def frame_inbound_complete(self, proto: _Decoder, fin: bool) -> bytes | CloseReason | None:
        """Count a frame that is over."""
        if not self._control:
            self._before = 0 if fin else self._after
        return super().frame_inbound_complete(proto, fin)
