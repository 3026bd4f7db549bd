"""Set-ups that are broken, and what `relay doctor` says of each: for `docs/guide/doctor.md`.

``python -m tests.adapters.setups`` writes it there, and a test holds that it is what the
command prints. Servers, proxies and certificates are real and on this machine. Only their
addresses, ports and times are replaced, because they are others each time.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import socket
import ssl
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias
from unittest import mock

import anyio
import anyio.to_thread
import trustme

from relay_anyio._examination import Result, Step
from relay_anyio.cli import main
from relay_anyio.doctor import as_text, verdict
from tests.adapters.peers import Peer, oblige, obliging, serving, serving_raw
from tests.adapters.proxies import office_proxy
from tests.pages import ROOT, replace_part

PAGE: Final = ROOT / "docs" / "guide" / "doctor.md"
BEGIN: Final = "<!-- set-ups: written by `python -m tests.adapters.setups` -->"
END: Final = "<!-- end of set-ups -->"
COLUMNS: Final = 100
HOST: Final = "relay.example.com"
LONG_AGO: Final = datetime(2025, 3, 1, tzinfo=UTC)
VALID: Final = (datetime(2025, 3, 1, tzinfo=UTC), datetime(2125, 3, 1, tzinfo=UTC))
VARIABLES: Final = {
    "SIGNALWIRE_PROJECT_ID": "d1a7f0c2",
    "SIGNALWIRE_API_TOKEN": "PT-wrong",
    "SIGNALWIRE_SPACE": HOST,
}
OTHERS: Final = re.compile(r"(?i)(SIGNALWIRE|RELAY|SSL_CERT)_.*|.*_PROXY")
REPLACED: Final = (
    (re.compile(r"127\.0\.0\.1:\d+"), "192.0.2.1:8080"),
    (re.compile(r"localhost:\d+"), "proxy.example.com:8080"),
    (re.compile(r"\d+ ms"), "21 ms"),
    (re.compile(r"(believes that it is) [\d-]+ [\d:]+"), r"\1 2026-11-29 12:00"),
    (re.compile(r"this machine is 7\d\d\d s"), "this machine is 7200 s"),
    (re.compile(r"TLSv1\.\d, [\w-]+"), "TLSv1.3, TLS_AES_256_GCM_SHA384"),
)
"""What is another each time."""


@dataclass
class SetUp:
    """What is around the command while it runs."""

    folder: Path
    port: int = 0
    """Where the name of the host leads; 0 if it leads nowhere."""
    more_ports: tuple[int, ...] = ()
    variables: dict[str, str] = field(default_factory=dict[str, str])
    arguments: tuple[str, ...] = ()

    def server(
        self,
        name: str = HOST,
        *,
        authority: str = "Public Root",
        trusted: bool = True,
        dates: tuple[datetime, datetime] = VALID,
    ) -> ssl.SSLContext:
        """Make a context of a server whose certificate is for `name`."""
        ca = trustme.CA(organization_name=authority, organization_unit_name="Certificates")
        certificate = ca.issue_cert(
            name,
            organization_name="Example",
            organization_unit_name="Calls",
            not_before=dates[0],
            not_after=dates[1],
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        if trusted:
            roots = self.folder / "roots.pem"
            ca.cert_pem.write_to_path(str(roots))
            self.variables["SIGNALWIRE_RELAY_CA_FILE"] = str(roots)
        return context


@contextmanager
def names(*ports: int) -> Generator[None]:
    """Let every name lead to these ports of this machine, or nowhere."""
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    right = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> list[Any]:
        if host == "localhost" and not ports:  # of a proxy
            return right(host, *arguments, **named)
        if not ports:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(*tcp, ("127.0.0.1", port)) for port in ports]

    with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
        yield


def port_of(host: str) -> int:
    """Take the port from ``localhost:1234``."""
    return int(host.rpartition(":")[2])


def free_port() -> int:
    """Find a port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@asynccontextmanager
async def a_proxy_that_is_away(setup: SetUp) -> AsyncGenerator[None]:
    """`HTTPS_PROXY` names a proxy that is not there."""
    setup.variables["HTTPS_PROXY"] = f"http://localhost:{free_port()}"
    yield


@asynccontextmanager
async def a_proxy_with_a_password(setup: SetUp) -> AsyncGenerator[None]:
    """The proxy wants a user and a password."""
    async with office_proxy(user="anna", password="secret") as proxy:
        setup.variables["HTTPS_PROXY"] = proxy.address
        yield


@asynccontextmanager
async def an_unknown_name(setup: SetUp) -> AsyncGenerator[None]:
    """The host is misspelt: no name server knows it."""
    setup.variables["SIGNALWIRE_SPACE"] = "realy.example.com"
    yield


@asynccontextmanager
async def an_empty_port(setup: SetUp) -> AsyncGenerator[None]:
    """Nothing listens there."""
    setup.port = free_port()
    yield


@asynccontextmanager
async def one_address_of_two(setup: SetUp) -> AsyncGenerator[None]:
    """The host has two addresses, and one of them is no RELAY server."""

    async def greet(stream: Any) -> None:
        await stream.receive()
        await stream.send(b"220 mail.example.com ESMTP\r\n")

    async with serving_raw(greet) as mail, serving(setup.server(), obliging) as host:
        setup.port, setup.more_ports = port_of(mail), (port_of(host),)
        setup.arguments = ("--context", "office")
        yield


@asynccontextmanager
async def a_firewall(setup: SetUp) -> AsyncGenerator[None]:
    """A firewall of the company opens connections, with a root that this machine lacks."""
    tls = setup.server(authority="Office Firewall", trusted=False)
    async with serving(tls, oblige) as host:
        setup.port = port_of(host)
        yield


@asynccontextmanager
async def another_host(setup: SetUp) -> AsyncGenerator[None]:
    """The certificate is for another host."""
    async with serving(setup.server("www.example.net"), oblige) as host:
        setup.port = port_of(host)
        yield


@asynccontextmanager
async def an_old_certificate(setup: SetUp) -> AsyncGenerator[None]:
    """The certificate has expired."""
    tls = setup.server(dates=(LONG_AGO, LONG_AGO + timedelta(days=90)))
    async with serving(tls, oblige) as host:
        setup.port = port_of(host)
        yield


@asynccontextmanager
async def a_web_server(setup: SetUp) -> AsyncGenerator[None]:
    """The host is a web server."""

    async def show_a_page(peer: Peer) -> None:
        await peer.upgrade_requested()
        await peer.send_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await peer.gone()

    async with serving(setup.server(), show_a_page) as host:
        setup.port = port_of(host)
        yield


@asynccontextmanager
async def a_wrong_clock(setup: SetUp) -> AsyncGenerator[None]:
    """The clock of this machine is two hours slow."""
    async with dated(setup.server(), datetime.now(UTC) + timedelta(hours=2)) as host:
        setup.port = port_of(host)
        setup.arguments = ("--context", "office")
        yield


@asynccontextmanager
async def refused_credentials(setup: SetUp) -> AsyncGenerator[None]:
    """The token is wrong."""

    async def refuse(peer: Peer) -> None:
        await peer.upgrade()
        request = await peer.request("signalwire.connect")
        await peer.refuse(request, -32002, "Unauthorized")
        await peer.gone()

    async with serving(setup.server(), refuse) as host:
        setup.port = port_of(host)
        yield


@asynccontextmanager
async def a_refused_context(setup: SetUp) -> AsyncGenerator[None]:
    """The context is misspelt."""

    async def refuse(peer: Peer) -> None:
        await peer.welcome()
        request = await peer.request("signalwire.receive")
        await peer.refuse(request, -32602, "unknown context")
        await peer.gone()

    async def look(peer: Peer) -> None:
        await peer.upgrade()
        await peer.gone()

    async with serving(setup.server(), look, refuse) as host:
        setup.port = port_of(host)
        setup.arguments = ("--context", "ofice")
        yield


SETUPS: Final = (
    a_firewall,
    a_proxy_that_is_away,
    a_proxy_with_a_password,
    an_unknown_name,
    an_empty_port,
    another_host,
    an_old_certificate,
    one_address_of_two,
    a_web_server,
    a_wrong_clock,
    refused_credentials,
    a_refused_context,
)


@asynccontextmanager
async def dated(tls: ssl.SSLContext, date: datetime | str) -> AsyncGenerator[str]:
    """Serve and say what time it is."""
    said = date if isinstance(date, str) else f"{date:%a, %d %b %Y %H:%M:%S GMT}"

    async def welcome(peer: Peer) -> None:
        await peer.upgrade_requested()
        answer = peer.wire.accept()
        await peer.send_bytes(answer.replace(b"\r\n", f"\r\nDate: {said}\r\n".encode(), 1))
        request = await peer.request("signalwire.connect")
        await peer.reply(request, protocol="protocol-1")
        await oblige(peer)

    async with serving(tls, welcome) as host:
        yield host


SetUpMaker: TypeAlias = Callable[[SetUp], AbstractAsyncContextManager[None]]


async def steps_of(make: SetUpMaker) -> tuple[list[Step], tuple[str, ...]]:
    """Run the command in a set-up; return what it prints, and the arguments."""
    kept = {name: value for name, value in os.environ.items() if not OTHERS.fullmatch(name)}
    out = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        setup = SetUp(Path(folder), variables=dict(VARIABLES))
        async with make(setup):
            ports = (setup.port, *setup.more_ports) if setup.port else ()
            with (
                mock.patch.dict(os.environ, kept | setup.variables, clear=True),
                names(*ports),
                contextlib.redirect_stdout(out),
            ):
                command = partial(main, ["doctor", "--json", *setup.arguments])
                await anyio.to_thread.run_sync(command)
        text = out.getvalue().replace(folder, "/etc/relay")
    for number, port in enumerate(ports):
        text = text.replace(f"127.0.0.1:{port}", f"192.0.2.{7 + number}:443")
    for pattern, shown in REPLACED:
        text = pattern.sub(shown, text)
    steps = [
        Step(
            told["name"],
            Result(told["result"]),
            told["words"],
            told["what_to_do"],
            told["details"],
        )
        for told in json.loads(text)["steps"]
    ]
    return steps, setup.arguments


def text_of(make: SetUpMaker, *, whole: bool) -> str:
    """Return what the command prints in a set-up: all of it, or what is not in order."""
    steps, arguments = anyio.run(steps_of, make)
    lines = [f"$ {' '.join(('relay doctor', *arguments))}"]
    left_out = False
    for step in steps:
        if whole or step.result is not Result.OK:
            lines.append(as_text(step, COLUMNS))
            left_out = False
        elif not left_out:
            lines.append("  …")
            left_out = True
    return "\n".join([*lines, "", verdict(steps)[1]])


def render() -> str:
    """Write all set-ups for the page, the first one as a whole."""
    parts: list[str] = []
    for make in SETUPS:
        title = (make.__doc__ or "").strip()
        text = text_of(make, whole=make is SETUPS[0])
        parts.append(f"{title}\n\n```text\n{text}\n```")
    return "\n\n".join(parts)


def page_with_setups() -> str:
    """Return the page with what the command prints today."""
    return replace_part(PAGE.read_text("utf-8"), BEGIN, render(), END)


if __name__ == "__main__":
    PAGE.write_text(page_with_setups(), "utf-8")
