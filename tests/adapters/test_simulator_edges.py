"""The simulator on a developer's machine: whom its authority vouches for, and whom it serves."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from relay_anyio.simulator.certificates import Authority


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def certificate(authority: Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.ca_file.read_bytes())


def handshake(server: ssl.SSLContext, ca_file: Path, name: str) -> None:
    """A handshake in memory, with a client that trusts the authority."""
    client = ssl.create_default_context(cafile=str(ca_file))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(back, there, server_hostname=name),
        server.wrap_bio(there, back, server_side=True),
    ]
    for _ in range(10):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_the_authority_accepts_this_machine(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    handshake(authority.server_context(), authority.ca_file, name)


@pytest.mark.parametrize("name", ["relay.signalwire.com", "10.0.0.1", "evil.example"])
def test_a_certificate_for_another_name_is_worth_nothing(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    key = (tmp_path / "ca.key").read_bytes()
    thief = trustme.CA.from_pem(authority.ca_file.read_bytes(), key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    thief.issue_cert(name).configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(context, authority.ca_file, name)


def test_the_authority_ends_within_a_year(tmp_path: Path) -> None:
    ends_at = certificate(Authority(tmp_path)).not_valid_after_utc
    assert timedelta(days=364) < ends_at - datetime.now(UTC) <= timedelta(days=365)


def test_its_files_are_private_and_stay_the_same(tmp_path: Path) -> None:
    first = certificate(Authority(tmp_path))
    for name in ("ca.pem", "ca.key"):
        assert mode(tmp_path / name) == 0o600
        (tmp_path / name).chmod(0o644)
    assert certificate(Authority(tmp_path)) == first
    for name in ("ca.pem", "ca.key"):
        assert mode(tmp_path / name) == 0o600


@pytest.mark.parametrize("old", ["unlimited", "broken"])
def test_an_authority_that_vouches_for_everybody_is_replaced(tmp_path: Path, old: str) -> None:
    ca = trustme.CA()
    pem = ca.cert_pem.bytes() if old == "unlimited" else b"-----BEGIN"
    (tmp_path / "ca.pem").write_bytes(pem)
    (tmp_path / "ca.key").write_bytes(ca.private_key_pem.bytes())
    authority = Authority(tmp_path)
    assert authority.ca_file.read_bytes() != pem
    handshake(authority.server_context(), authority.ca_file, "localhost")


def test_an_authority_whose_key_is_a_link_is_refused(tmp_path: Path) -> None:
    Authority(tmp_path)
    (tmp_path / "ca.key").rename(tmp_path / "elsewhere")
    (tmp_path / "ca.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        Authority(tmp_path)
