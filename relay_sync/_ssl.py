"""`ssl` under its own names, loaded when the first of them is used: by the first connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "MemoryBIO",
    "SSLCertVerificationError",
    "SSLContext",
    "SSLEOFError",
    "SSLError",
    "SSLWantReadError",
    "SSLZeroReturnError",
    "TLSVersion",
    "create_default_context",
]

if TYPE_CHECKING:
    from ssl import (
        MemoryBIO,
        SSLCertVerificationError,
        SSLContext,
        SSLEOFError,
        SSLError,
        SSLWantReadError,
        SSLZeroReturnError,
        TLSVersion,
        create_default_context,
    )
else:

    def __getattr__(name: str) -> object:
        import ssl  # noqa: PLC0415 - this is what the module is for

        value = globals()[name] = getattr(ssl, name)
        return value
