"""The simulator's certificates: an authority of its own, kept between runs.

Kept, so that a client which trusts it still does after the simulator was started
again. Nobody trusts it who was not told to by `SIGNALWIRE_RELAY_CA_FILE`.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import trustme

NAMES: Final = ("localhost", "127.0.0.1", "::1")


class Authority:
    """A certificate authority in a directory: ``ca.pem``, and its key."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ca_file = directory / "ca.pem"
        key_file = directory / "ca.key"
        if self.ca_file.exists() and key_file.exists():
            self._ca = trustme.CA.from_pem(self.ca_file.read_bytes(), key_file.read_bytes())
            return
        self._ca = trustme.CA(organization_name="relay sim")
        # The key first: a run that is interrupted here leaves nothing that looks complete.
        key_file.touch(mode=0o600)
        key_file.write_bytes(self._ca.private_key_pem.bytes())
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def server_context(self) -> ssl.SSLContext:
        """A context for the server side, with a fresh certificate for this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        certificate = self._ca.issue_cert(*NAMES)
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        return context
