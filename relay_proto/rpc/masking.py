"""Masking: hide in a log what must not be shown.

Credentials and other secrets are always masked. So are telephone numbers and
everything that a caller said or entered, because a log exists longer than a call.

Source: docs/protocol.md, section 20.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from .frames import decode_any, encode_json, is_object

MASK: Final = "***"
SECRET_KEYS: Final = frozenset(
    {
        "token",
        "project",
        "jwt_token",
        "authorization_state",
        "authorization_bearer_token",
        "post_prompt_auth_password",
        "password",
        "dpop_token",
    }
)
PERSONAL_KEYS: Final = frozenset(
    {
        "from_number",
        "to_number",
        "from",
        "to",
        "body",
        "digits",
        "text",
        "payment_card_number",
        "security_code",
        "expiration_date",
        "payment_card_postal_code",
    }
)
SHORTEST_SECRET: Final = 6
"""Shorter credentials are not masked in free text, because they occur in it by chance."""
DEEPEST: Final = 32
"""Objects that are nested more deeply than this are masked completely."""


class Scrubber:
    """Masks frames and texts for one client.

    `secrets` are the credentials of the client, which are masked wherever they occur.
    With `personal`, numbers, texts and digits are masked, too.
    """

    def __init__(self, secrets: Iterable[str] = (), *, personal: bool = True) -> None:
        self._secrets = sorted(
            {s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True
        )
        self._keys = SECRET_KEYS | PERSONAL_KEYS if personal else SECRET_KEYS

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._secrets)} secrets>"

    def frame(self, data: bytes) -> str:
        """Return a masked frame as text. Of anything but JSON, only the size is shown."""
        value = decode_any(data)
        if value is None:
            return f"({len(data)} bytes that are not JSON)"
        return self.text(encode_json(self._masked(value, 0)).decode())

    def text(self, text: str) -> str:
        """Return a text in which this client's credentials are masked."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def words(self, text: str) -> str:
        """Return a text of the peer on one line, without this client's credentials."""
        return self.text("".join(c if c.isprintable() else " " for c in text))

    def value(self, value: object) -> object:
        """Return a masked copy of a decoded JSON value."""
        return self._masked(value, 0)

    def _masked(self, value: object, depth: int) -> object:
        if depth > DEEPEST:
            return MASK
        if is_object(value):
            return {
                self.text(key): MASK if self._hides(key, item) else self._masked(item, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._masked(item, depth + 1) for item in cast("list[object]", value)]
        # Mask before encoding, which puts a backslash before each quote in a credential.
        return self.text(value) if isinstance(value, str) else value

    def _hides(self, key: str, item: object) -> bool:
        # "text" and "digits" may also be objects (the parameters of a collect). Their
        # values are masked one by one, so that the log shows which keys they have.
        if key in SECRET_KEYS:
            return True
        return key in self._keys and not isinstance(item, dict) and item not in (None, "", [])
