"""Certificates: whose they are, who has issued them, and from when to when they are valid.

The standard library tells this of a certificate that it trusts, and of no other one.

Source: RFC 5280, section 4.1; X.690, section 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Final, TypeAlias

Part: TypeAlias = tuple[int, bytes]
"""The tag of a value, and its bytes."""

VERSION: Final = 0xA0
EXTENSIONS: Final = 0xA3
UTC_TIME: Final = 0x17
DNS_NAME: Final = 0x82
IP_ADDRESS: Final = 0x87
ALTERNATIVE_NAMES: Final = b"\x55\x1d\x11"
"""2.5.29.17, the names of the hosts."""
TURN_OF_CENTURY: Final = b"50"
"""A year of two digits from this one on belongs to the twentieth century."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says of itself. Nothing of it is verified here."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    hosts: tuple[str, ...]


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        ValueError: it is no certificate.
    """
    try:
        ((_, certificate),) = _parts(der)
        fields = _parts(_parts(certificate)[0][1])
        if fields[0][0] == VERSION:
            del fields[0]
        _, _, (_, issuer), (_, validity), (_, subject), *rest = fields
        not_before, not_after = map(_time, _parts(validity))
        return Certificate(_name(subject), _name(issuer), not_before, not_after, _hosts(rest))
    except (IndexError, ValueError) as error:
        raise ValueError(f"this is no certificate: {error}") from error


def _parts(data: bytes) -> list[Part]:
    """Split a constructed value."""
    parts: list[Part] = []
    while data:
        tag, size, start = data[0], data[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start], "big")
        end = start + size
        if end > len(data):
            raise ValueError("it is cut off")
        parts.append((tag, data[start:end]))
        data = data[end:]
    return parts


def _name(data: bytes) -> str:
    """The values of a name, without their kinds."""
    attributes = (attribute for _, group in _parts(data) for _, attribute in _parts(group))
    return ", ".join(_parts(attribute)[1][1].decode(errors="replace") for attribute in attributes)


def _time(part: Part) -> datetime:
    tag, digits = part
    if tag == UTC_TIME:
        digits = (b"20" if digits < TURN_OF_CENTURY else b"19") + digits
    return datetime.strptime(digits.decode("ascii") + "+0000", "%Y%m%d%H%M%SZ%z")


def _hosts(fields: list[Part]) -> tuple[str, ...]:
    extensions = (
        _parts(extension)
        for tag, value in fields
        if tag == EXTENSIONS
        for _, every in _parts(value)
        for _, extension in _parts(every)
    )
    names = (
        name
        for (_, kind), *_, (_, value) in extensions
        if kind == ALTERNATIVE_NAMES
        for _, every in _parts(value)
        for name in _parts(every)
    )
    return tuple(_host(value, tag) for tag, value in names if tag in (DNS_NAME, IP_ADDRESS))


def _host(value: bytes, tag: int) -> str:
    return value.decode(errors="replace") if tag == DNS_NAME else str(ip_address(value))
