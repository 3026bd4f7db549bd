"""The simulator's own certificate authority, which it keeps between runs.

A client that trusts the authority can still connect after the simulator restarts. A
client trusts it only if `SIGNALWIRE_RELAY_CA_FILE` names it.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import trustme

NAMES: Final = ("localhost", "127.0.0.1", "::1")


class Authority:
    """A certificate authority, kept in a directory as ``ca.pem`` and ``ca.key``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ca_file = directory / "ca.pem"
        key_file = directory / "ca.key"
        if self.ca_file.exists() and key_file.exists():
            self._ca = trustme.CA.from_pem(self.ca_file.read_bytes(), key_file.read_bytes())
            return
        self._ca = trustme.CA(organization_name="relay sim")
        # Write the key first. After an interruption here, ca.pem is still missing, and the
        # next run makes both files again.
        key_file.touch(mode=0o600)
        key_file.write_bytes(self._ca.private_key_pem.bytes())
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def server_context(self) -> ssl.SSLContext:
        """Return a server-side context with a new certificate for this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        certificate = self._ca.issue_cert(*NAMES)
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        return context
