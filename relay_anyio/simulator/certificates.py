"""The simulator's own certificate authority, which it keeps between runs.

A client that trusts the authority can still connect after the simulator restarts. A
client trusts it only if `SIGNALWIRE_RELAY_CA_FILE` names it. Even then, the authority
can only vouch for this machine and for the names that it was made for, and only for a
year: whoever steals its key cannot pretend to be anybody else.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from relay_proto.adapter.private_files import open_private

NAMES: Final = ("localhost", "127.0.0.1", "::1")
THIS_MACHINE: Final = ("127.0.0.0/8", "::1/128", "localhost")
VALID_FOR: Final = timedelta(days=365)
RENEWED_BEFORE: Final = timedelta(days=30)
"""An authority that ends sooner is replaced at the start of the simulator."""
CLOCKS_DIFFER: Final = timedelta(days=1)


class Authority:
    """A certificate authority, kept in a directory as ``ca.pem`` and ``ca.key``.

    With `names`, it also vouches for these, and has a directory of its own in that one.

    Raises:
        OSError: one of the files is a symbolic link, or belongs to another user.
    """

    def __init__(self, directory: Path, names: Collection[str] = ()) -> None:
        more = sorted({*names} - {*NAMES})
        if more:
            directory /= f"names-{sha256(' '.join(more).encode()).hexdigest()[:12]}"
        self.names = (*NAMES, *more)
        constraints = _constraints(more)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ca_file = directory / "ca.pem"
        key_file = directory / "ca.key"
        if self.ca_file.exists() and key_file.exists():
            certificate, key = _read(self.ca_file), _read(key_file)
            if _is_usable(certificate, constraints):
                self._ca = trustme.CA.from_pem(certificate, key)
                return
        certificate, key = _new_authority(constraints)
        # Write the key first. After an interruption here, ca.pem is still missing or old, and
        # the next run makes both files again, or issues certificates that nobody accepts.
        self.ca_file.unlink(missing_ok=True)
        _write(key_file, key)
        _write(self.ca_file, certificate)
        self._ca = trustme.CA.from_pem(certificate, key)

    def server_context(self) -> ssl.SSLContext:
        """Return a server-side context with a new certificate for this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        certificate = self._ca.issue_cert(*self.names)
        # A context reads its key from a file: in the directory of the authority if there is
        # none for temporary files.
        try:
            directory = tempfile.gettempdir()
        except OSError:
            directory = str(self.ca_file.parent)
        with certificate.private_key_and_cert_chain_pem.tempfile(directory) as name:
            context.load_cert_chain(name)
        return context


def _constraints(names: Sequence[str]) -> x509.NameConstraints:
    """Return that an authority can vouch for this machine and these names alone."""
    permitted = [_subtree(name) for name in (*THIS_MACHINE, *names)]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def _subtree(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_network(name))
    except ValueError:
        return x509.DNSName(name)


def _new_authority(constraints: x509.NameConstraints) -> tuple[bytes, bytes]:
    """Return the certificate and the key of a new authority, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "relay sim")])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(constraints, critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    )


def _is_usable(pem: bytes, wanted: x509.NameConstraints) -> bool:
    """Return whether an authority is as narrow as it should be, and does not end soon."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except (ValueError, x509.ExtensionNotFound):
        return False
    ends_at = certificate.not_valid_after_utc
    return constraints.value == wanted and ends_at - datetime.now(UTC) > RENEWED_BEFORE


def _read(path: Path) -> bytes:
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        return file.read()


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(data)
