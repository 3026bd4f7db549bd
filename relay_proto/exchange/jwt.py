"""JSON Web Tokens (JWT): credentials that expire, signed with a secret (HS256)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

import msgspec

HEADER: Final = {"alg": "HS256", "typ": "JWT"}


class _Claims(msgspec.Struct, frozen=True):
    exp: float


_claims: Final = msgspec.json.Decoder(_Claims)


def make_jwt(secret: str, *, expires_at: float) -> str:
    """Return a JWT that an `Account` with this `jwt_secret` accepts until `expires_at`.

    The time is in seconds, as in the claim ``exp``: it is compared with
    `ExchangeConfig.epoch` plus ``now``. Any other library may make the JWT, too.
    """
    parts = [_encode(msgspec.json.encode(part)) for part in (HEADER, _Claims(expires_at))]
    signed = b".".join(parts)
    return b".".join((signed, _sign(secret, signed))).decode()


def expiry(token: str, secret: str) -> float | None:
    """Return when `token` expires; None if it is no JWT with an expiry and this signature."""
    signed, _, signature = token.encode().rpartition(b".")
    if not hmac.compare_digest(signature, _sign(secret, signed)):
        return None
    try:
        return _claims.decode(base64.urlsafe_b64decode(signed.rpartition(b".")[2] + b"==")).exp
    except (binascii.Error, msgspec.DecodeError, RecursionError):
        return None


def _sign(secret: str, signed: bytes) -> bytes:
    return _encode(hmac.digest(secret.encode(), signed, "sha256"))


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
