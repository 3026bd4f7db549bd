"""Certificates are read as another library has made them, and whatever else is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.adapter.certificates import Certificate, read_certificate

KEY = ec.generate_private_key(ec.SECP256R1())


def made(
    *names: x509.GeneralName,
    not_before: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    lasts: timedelta = timedelta(days=90),
    padding: int = 0,
) -> bytes:
    """A certificate, as another library makes it."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Büro"),
        ]
    )
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A firewall")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(not_before)
        .not_valid_after(not_before + lasts)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if padding:
        other = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(padding))
        builder = builder.add_extension(other, critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_certificate_is_read_as_it_was_made() -> None:
    names = (
        x509.DNSName("relay.example"),
        x509.RFC822Name("anna@relay.example"),
        x509.IPAddress(ip_address("2001:db8::1")),
        x509.IPAddress(ip_address("192.0.2.7")),
    )
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert read_certificate(made(*names, padding=70_000)) == Certificate(
        subject="DE, Büro",
        issuer="A firewall",
        not_before=start,
        not_after=start + timedelta(days=90),
        hosts=("relay.example", "2001:db8::1", "192.0.2.7"),
    )


@pytest.mark.parametrize("year", [1951, 1999, 2000, 2049, 2050, 2100])
def test_a_year_may_have_two_digits_or_four(year: int) -> None:
    start = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    found = read_certificate(made(not_before=start))
    assert (found.not_before, found.hosts) == (start, ())


def test_the_first_version_of_certificates_had_no_number() -> None:
    # Certificate { TBS { serial, algorithm, issuer, validity, subject } }
    when = b"\x17\x0d260102030405Z"
    validity = b"\x30" + bytes([2 * len(when)]) + when + when
    body = b"\x02\x01\x07" + b"\x30\x00" + b"\x30\x00" + validity + b"\x30\x00"
    whole = b"\x30" + bytes([len(body)]) + body
    found = read_certificate(b"\x30" + bytes([len(whole)]) + whole)
    assert (found.subject, found.issuer, found.hosts) == ("", "", ())
    assert found.not_before == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(st.integers(0, 399), st.binary(max_size=4))
def test_what_is_no_certificate_is_refused(cut: int, instead: bytes) -> None:
    good = made()
    with pytest.raises(ValueError, match="this is no certificate"):
        read_certificate((good[:cut] + instead)[: len(good) - 1])


def test_nothing_is_no_certificate() -> None:
    with pytest.raises(ValueError, match="this is no certificate"):
        read_certificate(b"")
