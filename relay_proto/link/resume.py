"""Resume: what a client keeps of a session, to get the same one back after a cut.

Source: docs/protocol.md, sections 4 and 8.
"""

from __future__ import annotations

from typing import Final

from ..rpc.frames import JSONObject

STALE: Final = -32003
"""This answer means the resume data. Source: docs/protocol.md, section 4."""
UNCLEAR: Final = frozenset({-32002, -32602})
"""These answers may mean the resume data, or what else was sent, such as the credentials."""


class Resume:
    """The protocol string and the authorization state of a session."""

    def __init__(self) -> None:
        self.protocol = ""
        """What the server has named the session; ``""`` without one."""
        self._state = ""
        self._offered = ("", "")
        self._doubted = False

    def begin(self) -> None:
        """Note that a transport opens. What was doubted on another one is offered again."""
        self._doubted = False

    def remember(self, authorization_state: str) -> None:
        """Keep the newest state that the server has sent. It is opaque, and a secret."""
        self._state = authorization_state

    def forget(self) -> None:
        """The next session is a new one."""
        self.protocol = self._state = ""

    def offer(self) -> JSONObject:
        """The parameters that ask for the same session again; ``{}`` for a new one."""
        protocol = "" if self._doubted else self.protocol
        self._offered = (protocol, self._state)
        if not protocol:
            return {}
        params: JSONObject = {"protocol": protocol}
        if self._state:
            params["authorization_state"] = self._state
        return params

    def accept(self, result: JSONObject) -> bool:
        """Take the server's answer to what was offered. True if the session is resumed."""
        offered, offered_state = self._offered
        named = result.get("protocol")
        protocol = named if isinstance(named, str) else ""
        restored = result.get("session_restored")
        if not isinstance(restored, bool):
            restored = protocol == offered
        resumed = bool(offered) and restored
        self.protocol = protocol or (offered if resumed else "")
        if not resumed and self._state == offered_state:
            self._state = ""  # it belonged to the session that is gone
        return resumed

    def take_refusal(self, code: int) -> bool:
        """Take the server's refusal. Return whether this transport may ask for a new session.

        If the refusal means something else, such as credentials that have expired, the
        new session is refused as well. The old one is still there, and the next transport
        asks for it again. So only a clear refusal makes the client forget it.
        """
        if not self._offered[0]:
            return False
        if code == STALE:
            self.forget()
        else:
            self._doubted = code in UNCLEAR
        return code == STALE or self._doubted
