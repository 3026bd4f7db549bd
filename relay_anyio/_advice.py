"""What to do about each failure that ``relay doctor`` finds, in words."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from relay_proto.adapter.certificates import Certificate
from relay_proto.adapter.connection_errors import UNTRUSTED as UNTRUSTED_CODES
from relay_proto.config import ENV_CA_FILE, ENV_HOST, ENV_JWT, ENV_PROJECT, ENV_TOKEN

CREDENTIALS_MISSING: Final = (
    f"Set {ENV_PROJECT} and {ENV_TOKEN} to the project and the token of your account, or "
    f"{ENV_JWT}. The dashboard of the service shows them, on the page of API credentials. "
    "Without an account, run: relay sim"
)
SETTING: Final = "Correct the variable or the argument that the message names."
CA_FILE: Final = (
    f"Let {ENV_CA_FILE} name a PEM file that this user can read, or unset it if no firewall of a "
    "company opens your connections."
)
PROXY_SETTING: Final = (
    "Write the proxy as http://proxy.example:8080 or socks5h://proxy.example:1080. SOCKS needs: "
    "pip install 'relay-proto[socks]'"
)
NAMES: Final = (
    f"Check the spelling of the host ({ENV_HOST} or --host), and whether this machine can resolve "
    "other names. If it may reach the internet only through a proxy, set HTTPS_PROXY."
)
NAMES_LATE: Final = (
    "Check the name servers of this machine, or its VPN. If it may reach the internet only "
    "through a proxy, set HTTPS_PROXY."
)
TCP_REFUSED: Final = (
    f"Check the host and the port ({ENV_HOST} or --host): the service listens on port 443. If it "
    "is a simulator, start it with: relay sim"
)
TCP_SILENT: Final = (
    "A firewall probably drops the connection. Ask for outgoing TCP to this host and port, or "
    "set HTTPS_PROXY if your network has a proxy."
)
PROXY_AWAY: Final = (
    "Check the URL of the proxy (HTTPS_PROXY or --proxy). If this network needs no proxy, unset "
    "the variable, or try --no-proxy. If only the host needs none, such as a simulator on this "
    "machine, add it to NO_PROXY."
)
TCP_SOME: Final = (
    "A client uses the addresses that accept. If the others are all IPv6 or all IPv4, your network "
    "does not route that family."
)
TLS_SOME: Final = (
    "A client uses an address that works, but may lose some seconds with the others first. Tell "
    "whoever runs the host, or the firewall before it."
)
TLS_LATE: Final = "Something on the way lets TCP pass, but not TLS. Ask whoever runs the firewall."
UPGRADE_LATE: Final = (
    "Something on the way lets TLS pass, but not WebSockets: a proxy or a firewall that opens "
    f"connections. Or the host is no RELAY host: check {ENV_HOST} or --host."
)
CLOCK: Final = (
    "Let this machine set its clock by NTP. With a wrong clock, certificates and JWTs are refused "
    "that are valid."
)
CREDENTIALS: Final = (
    "Copy project and token from the dashboard again, without spaces. The token has to belong to "
    f"this project, and the project to this host ({ENV_HOST} or --host)."
)
JWT: Final = (
    "Get a new JWT: this one may have expired, may be incomplete, or may be for another project or "
    f"host ({ENV_HOST} or --host). A program whose JWTs expire gives RelayClient a function: see "
    "'Credentials that expire' in the documentation. To use project and token, unset "
    f"{ENV_JWT}."
)
SESSION: Final = "Try again in a minute. If it stays so, send --bundle FILE to the support."
CONTEXTS: Final = (
    "If your program takes calls or texts, choose its contexts: the names that you gave to your "
    "numbers in the dashboard. Then try: relay doctor --context NAME. A program that only dials "
    "and sends needs none."
)
CONTEXT_REFUSED: Final = "Check the spelling of the contexts in the dashboard of the service."
SLOW: Final = (
    "Callers notice this. Run the program nearer to the service, or look for what slows the "
    "network down: a VPN, a proxy, a link that is full."
)
HOST_OF_CERTIFICATE: Final = (
    f"Use a host that the certificate names ({ENV_HOST} or --host). If none is yours, something "
    "on the way answers in place of the service."
)
UNTRUSTED: Final = (
    "If this is a firewall of your company, save its root as a PEM file, and set "
    f"{ENV_CA_FILE}=/path/to/root.pem. If it is a simulator, set the variable as relay sim says. "
    "If this machine trusts no roots at all, as in a small container, install ca-certificates."
)
STRICT: Final = (
    "The root does not keep a rule that this version of Python checks: see 'Certificates of a "
    "company' in the documentation. Ask for a better root."
)
NO_TLS: Final = (
    "The port speaks something else than TLS 1.2 or later. Check the port, and whether a proxy is "
    "needed."
)

EXPIRED: Final = 10
NOT_YET_VALID: Final = 9
OTHER_HOST: Final = (62, 64)
"""As OpenSSL numbers what is wrong: see ``x509_vfy.h``."""


def tcp(*, silent: bool, proxy: bool) -> str:
    """What to do if no address accepts; some may be silent, or they are a proxy's."""
    if proxy:
        return PROXY_AWAY
    return TCP_SILENT if silent else TCP_REFUSED


def tls(error: BaseException, chain: Sequence[Certificate]) -> str:
    """What to do about a handshake that has failed."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return NO_TLS
    code = error.verify_code
    if code in (EXPIRED, NOT_YET_VALID):
        return _dates(chain)
    if code in OTHER_HOST:
        return HOST_OF_CERTIFICATE
    return UNTRUSTED if code in UNTRUSTED_CODES else STRICT


def _dates(chain: Sequence[Certificate]) -> str:
    now = datetime.now(UTC)
    words = f"This machine believes that it is {now:%Y-%m-%d %H:%M} UTC. "
    for one in chain:
        if one.not_after < now:
            words += f"The certificate expired at {one.not_after:%Y-%m-%d %H:%M} UTC. "
        if one.not_before > now:
            words += f"The certificate is valid from {one.not_before:%Y-%m-%d %H:%M} UTC on. "
    return (
        f"{words}If the clock is wrong, set it (by NTP). If it is right, whoever runs the host has "
        "to renew the certificate."
    )


def proxy_refused(words: str) -> str:
    """What to do about a proxy that refuses, in these words."""
    if "password" in words:  # not 407, which may be in a port
        return (
            "Write user and password of the proxy into its URL: "
            "HTTPS_PROXY=http://user:password@proxy.example:8080. @ is %40, and : is %3A."
        )
    return (
        "Ask whoever runs the proxy to allow CONNECT to this host and port. If the host needs no "
        "proxy, add it to NO_PROXY."
    )


def upgrade(status: int) -> str:
    """What to do if the server answers the upgrade with this HTTP status; 0 for none."""
    if status == 429 or status >= 500:
        return "The service is busy or under repair. Try again later."
    if status:
        return (
            f"A web server answers, but no RELAY service: check {ENV_HOST} or --host. Or a proxy "
            "or a login page of your network answers in its place."
        )
    return UPGRADE_LATE
