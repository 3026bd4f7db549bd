"""The command `relay doctor`: what it says where all is well, and on networks that are broken."""

from __future__ import annotations

import json
import ssl
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
import pytest
import trustme

from relay_anyio._examination import Asked, Examination, Step
from relay_anyio.cli import main
from relay_proto.exchange import What
from tests.adapters.peers import Peer, oblige, serving, serving_raw
from tests.adapters.proxies import office_proxy
from tests.adapters.setups import dated, names, port_of
from tests.adapters.support import CALLER, PROJECT, TOKEN, Certificates, World

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.async_only("the command is a program of its own, on an event loop"),
]

ALL: Final = (
    "settings",
    "proxy",
    "names",
    "TCP",
    "TLS",
    "upgrade",
    "clock",
    "credentials",
    "contexts",
    "round trip",
)
PROXY_PASSWORD: Final = "pw-of-the-proxy-81"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of a program that is set up well."""
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", PROJECT)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", TOKEN)


@dataclass
class Told:
    """What the command has said."""

    code: int
    printed: str
    err: str

    @property
    def out(self) -> str:
        """All of it, as one line."""
        return " ".join(self.printed.split())

    @property
    def steps(self) -> dict[str, str]:
        """How each step went."""
        found: dict[str, str] = {}
        for line in self.printed.splitlines():
            if line[:2] == "  " and line[2] != " ":
                found[line[8:20].strip()] = line[2:6].strip()
        return found

    @property
    def last(self) -> str:
        """The step after which it stopped."""
        return [*self.steps][-1]


Doctor = Callable[..., Awaitable[Told]]


@pytest.fixture(name="doctor")
def make_doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run the command as a program does: in a thread, with an event loop of its own."""

    async def run(*arguments: str) -> Told:
        code = await anyio.to_thread.run_sync(main, ["doctor", *arguments])
        out, err = capsys.readouterr()
        assert TOKEN not in out + err
        assert PROJECT not in out + err
        assert PROXY_PASSWORD not in out + err
        return Told(code, out, err)

    return run


async def test_all_is_well(world: World, doctor: Doctor) -> None:
    told = await doctor("--host", world.host, "--context", "office")
    assert (told.code, told.err) == (0, "")
    assert told.steps == dict.fromkeys(ALL, "ok")
    assert "credentials are from SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN (***)" in told.out
    assert f"host {world.host}, from the argument --host" in told.out
    assert "no proxy is used: no variable and no setting of the system names one" in told.out
    assert "TLSv1." in told.out
    assert "issued by trustme" in told.out
    assert "the server accepts office" in told.out
    assert "the median of 5" in told.out
    assert "A client can connect from this machine." in told.out
    assert world.connected == 0


async def test_the_examination_is_the_same_on_every_event_loop(world: World) -> None:
    told: list[Step] = []
    examination = Examination(Asked(host=world.host, contexts=("office",)), told.append)
    await examination.run()
    assert [(step.name, step.result.value) for step in told] == [(name, "ok") for name in ALL]
    assert told == examination.steps


async def test_without_a_context_it_says_how_to_choose_one(world: World, doctor: Doctor) -> None:
    told = await doctor("--host", world.host)
    assert told.code == 0
    assert told.steps["contexts"] == "note"
    assert "a client without contexts gets no calls and no texts" in told.out
    assert "relay doctor --context NAME" in told.out


async def test_a_call_that_comes_in_meanwhile_goes_back(world: World) -> None:
    def call_when_subscribed(step: Step) -> None:
        if step.name == "credentials":
            world.place_call()

    examination = Examination(Asked(host=world.host, contexts=("office",)), call_when_subscribed)
    await examination.run()
    assert examination.steps[-1].name == "round trip"
    assert not world.all(What.ANSWERED)


# Settings


async def test_no_credentials(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNALWIRE_PROJECT_ID")
    told = await doctor()
    assert (told.code, told.steps) == (10, {"settings": "FAIL"})
    assert "project is missing" in told.out
    assert "Set SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN" in told.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "a host"), "host"),
        (("--proxy", f"ftp://anna:{PROXY_PASSWORD}@proxy:80"), "must begin with one of"),
    ],
)
async def test_a_setting_is_wrong(doctor: Doctor, arguments: tuple[str, ...], words: str) -> None:
    told = await doctor(*arguments)
    assert (told.code, told.steps) == (10, {"settings": "FAIL"})
    assert words in told.out
    assert "Correct the variable or the argument" in told.out


async def test_the_file_of_roots_is_missing(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(tmp_path / "missing.pem"))
    told = await doctor()
    assert (told.code, told.steps) == (10, {"settings": "FAIL"})
    assert "missing.pem" in told.out
    assert "Let SIGNALWIRE_RELAY_CA_FILE name a PEM file" in told.out


# Proxies


async def test_through_a_proxy(
    world: World, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office_proxy(user="anna", password=PROXY_PASSWORD) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        told = await doctor("--host", world.host, "--context", "office")
        assert told.steps == dict.fromkeys(ALL, "ok")
        assert (
            f"{proxy.address} is used: HTTPS_PROXY (or the system's settings) names it" in told.out
        )
        assert set(proxy.targets) == {world.host}
        told = await doctor("--host", world.host, "--no-proxy")
        assert "no proxy is used: the argument proxy says so" in told.out
        monkeypatch.setenv("NO_PROXY", "localhost")
        told = await doctor("--host", world.host)
        assert "no proxy is used: NO_PROXY (or the system's settings) excepts the host" in told.out


async def test_a_variable_names_no_proxy(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy")
    told = await doctor()
    assert (told.code, told.last) == (11, "proxy")
    assert "ALL_PROXY (or the system's settings) cannot be used" in told.out
    assert "Write the proxy as http://" in told.out


@pytest.mark.parametrize(
    ("answer", "words", "what_to_do"),
    [
        (b"", "407 Proxy Authentication Required", "Write user and password of the proxy"),
        (b"HTTP/1.1 403 Not for you\r\n\r\n", "403 Not for you", "allow CONNECT to this host"),
    ],
)
async def test_the_proxy_refuses(
    world: World, doctor: Doctor, answer: bytes, words: str, what_to_do: str
) -> None:
    async with office_proxy(user="anna", password=PROXY_PASSWORD) as proxy:
        proxy.answer = answer
        told = await doctor("--host", world.host, "--proxy", proxy.address)
    assert (told.code, told.last, told.steps["tunnel"]) == (14, "tunnel", "FAIL")
    assert "TLS" not in told.steps
    assert words in told.out
    assert what_to_do in told.out


async def test_nobody_is_at_the_proxy(doctor: Doctor, free_host: str) -> None:
    told = await doctor("--proxy", f"http://{free_host}")
    assert (told.code, told.last) == (13, "TCP")
    assert f"the proxy http://{free_host} cannot be used: nothing is listening there" in told.out
    assert "Check the URL of the proxy" in told.out


# Names and addresses


async def test_the_host_has_no_address(doctor: Doctor) -> None:
    told = await doctor("--host", "no-such-host.invalid")
    assert (told.code, told.last) == (12, "names")
    assert "no-such-host.invalid: the name could not be resolved" in told.out
    assert "Check the spelling of the host" in told.out


async def test_nothing_listens(doctor: Doctor, free_host: str) -> None:
    told = await doctor("--host", free_host)
    assert (told.code, told.last) == (13, "TCP")
    assert "nothing is listening there (connection refused)" in told.out
    assert "Check the host and the port" in told.out


# TLS


async def test_nobody_trusts_the_certificate(
    world: World, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNALWIRE_RELAY_CA_FILE")
    told = await doctor("--host", world.host)
    assert (told.code, told.last) == (15, "TLS")
    assert "the server's certificate was refused" in told.out
    assert "for localhost, 127.0.0.1, ::1, issued by trustme" in told.out
    assert "set SIGNALWIRE_RELAY_CA_FILE=/path/to/root.pem" in told.out


async def test_the_certificate_is_another_hosts(certificates: Certificates, doctor: Doctor) -> None:
    async with serving(certificates.server_context("other.test"), oblige) as host:
        told = await doctor("--host", host)
    assert (told.code, told.last) == (15, "TLS")
    assert "localhost" in told.out
    assert "for other.test, issued by" in told.out
    assert "Use a host that the certificate names" in told.out


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (-20, -10, "The certificate expired at"),
        (10, 20, "The certificate is valid from"),
    ],
)
async def test_the_certificate_is_not_valid_now(
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    since: int,
    until: int,
    words: str,
) -> None:
    now, authority = datetime.now(UTC), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    dates: dict[str, Any] = {
        "not_before": now + timedelta(days=since),
        "not_after": now + timedelta(days=until),
    }
    certificate = authority.issue_cert("localhost", **dates)
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    authority.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(tmp_path / "root.pem"))
    async with serving(context, oblige) as host:
        told = await doctor("--host", host)
    assert (told.code, told.last) == (15, "TLS")
    assert words in told.out
    assert f"This machine believes that it is {now:%Y-%m-%d}" in told.out
    assert "If the clock is wrong, set it" in told.out


async def test_the_port_speaks_no_tls(doctor: Doctor) -> None:
    async def greet(stream: Any) -> None:
        await stream.receive()
        await stream.send(b"220 mail.test ESMTP\r\n")

    async with serving_raw(greet) as host:
        told = await doctor("--host", host)
    assert (told.code, told.last) == (15, "TLS")
    assert "The port speaks something else than TLS" in told.out


async def test_the_port_says_nothing(doctor: Doctor) -> None:
    async def wait(stream: Any) -> None:
        while True:
            await stream.receive()

    async with serving_raw(wait) as host:
        told = await doctor("--host", host, "--timeout", "0.5")
    assert (told.code, told.last) == (15, "TLS")
    assert "the handshake was not over within 0.5 s" in told.out
    assert "lets TCP pass, but not TLS" in told.out


async def silent(stream: Any) -> None:
    while True:
        await stream.receive()


async def test_every_address_is_tried(world: World, doctor: Doctor) -> None:
    async def greet(stream: Any) -> None:
        await stream.receive()
        await stream.send(b"220 mail.test ESMTP\r\n")

    async with serving_raw(greet) as mail:
        with names(port_of(mail), port_of(world.host)):
            told = await doctor("--context", "office", "--host", "localhost")
    assert told.code == 0
    assert told.steps == dict.fromkeys(ALL, "ok") | {"TLS": "note"}
    assert f"127.0.0.1:{port_of(world.host)}: TLSv1." in told.out
    assert f"127.0.0.1:{port_of(mail)}: TLS failed" in told.out
    assert "may lose some seconds with the others first" in told.out


async def test_an_address_that_has_answered_says_more(
    certificates: Certificates, doctor: Doctor
) -> None:
    tls = certificates.server_context("other.test")
    async with serving_raw(silent) as dead, serving(tls, oblige) as other:
        with names(port_of(dead), port_of(other)):
            told = await doctor("--timeout", "1")
    assert (told.code, told.last) == (15, "TLS")
    assert "for other.test, issued by" in told.out
    assert f"127.0.0.1:{port_of(dead)}: the handshake was not over" in told.out
    assert "Use a host that the certificate names" in told.out


async def test_all_addresses_are_silent(doctor: Doctor) -> None:
    async with serving_raw(silent) as one, serving_raw(silent) as other:
        with names(port_of(one), port_of(other)):
            told = await doctor("--timeout", "0.5")
    assert (told.code, told.last) == (15, "TLS")
    for port in (port_of(one), port_of(other)):
        assert f"127.0.0.1:{port}: the handshake was not over within 0.5 s" in told.out
    assert "lets TCP pass, but not TLS" in told.out


# WebSocket and clock


@pytest.mark.parametrize(
    ("answer", "words", "what_to_do"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200", "A web server answers"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "503 Busy", "Try again later"),
        (b"\x00 what?\r\n\r\n", "", "but not WebSockets"),
        (b"", "the server closed the connection", "but not WebSockets"),
    ],
)
async def test_the_upgrade_is_refused(
    certificates: Certificates, doctor: Doctor, answer: bytes, words: str, what_to_do: str
) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.upgrade_requested()
        if answer:
            await peer.send_bytes(answer)
            await peer.gone()

    async with serving(certificates.server_context(), refuse) as host:
        told = await doctor("--host", host)
    assert (told.code, told.last) == (16, "upgrade")
    assert words in told.out
    assert what_to_do in told.out


@pytest.mark.parametrize(
    ("ahead", "result", "words"),
    [
        (0, "ok", "behind the server"),
        (7200, "FAIL", "behind the server"),
        (-7200, "FAIL", "ahead of the server"),
    ],
)
async def test_the_clocks_are_compared(
    certificates: Certificates, doctor: Doctor, ahead: float, result: str, words: str
) -> None:
    there = datetime.now(UTC) + timedelta(seconds=ahead or 1)
    async with dated(certificates.server_context(), there) as host:
        told = await doctor("--host", host, "--context", "office")
    assert told.steps == dict.fromkeys(ALL, "ok") | {"clock": result}
    assert words in told.out or not ahead
    assert told.code == (17 if ahead else 0)
    assert ("set its clock by NTP" in told.out) is bool(ahead)


@pytest.mark.parametrize("date", ["tomorrow", "Mon, 32 Foo 2026 25:00:00 GMT"])
async def test_a_server_may_say_no_time(
    certificates: Certificates, doctor: Doctor, date: str
) -> None:
    async with dated(certificates.server_context(), date) as host:
        told = await doctor("--host", host)
    assert told.steps["clock"] == "ok"
    assert "the server does not say its own" in told.out


# The session


async def test_the_token_is_wrong(
    world: World, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "PT-another-one")
    told = await doctor("--host", world.host)
    assert (told.code, told.last) == (18, "credentials")
    assert "with SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN" in told.out
    assert "PT-another-one" not in told.out
    assert "Copy project and token from the dashboard again" in told.out
    assert told.err == ""


async def test_a_jwt_that_is_refused_is_not_told_of_a_project(
    world: World, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNALWIRE_JWT_TOKEN", "a-jwt-of-yesterday")
    told = await doctor("--host", world.host)
    assert (told.code, told.last) == (18, "credentials")
    assert "Get a new JWT" in told.out
    assert "Copy project and token" not in told.out
    monkeypatch.setenv("SIGNALWIRE_JWT_TOKEN", "jwt-secret-1")
    assert (await doctor("--host", world.host)).code == 0


async def test_the_context_is_refused(certificates: Certificates, doctor: Doctor) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.welcome()
        request = await peer.request("signalwire.receive")
        await peer.refuse(request, -32602, "no context ofice for +15550001111")
        await peer.gone()

    async def look(peer: Peer) -> None:
        await peer.upgrade()
        await peer.gone()

    async with serving(certificates.server_context(), look, refuse) as host:
        told = await doctor("--host", host, "--context", "ofice")
    assert (told.code, told.last) == (19, "contexts")
    assert "no context ofice" in told.out
    assert CALLER not in told.out
    assert "Check the spelling of the contexts" in told.out


async def test_pings_are_not_answered(certificates: Certificates, doctor: Doctor) -> None:
    async def ignore(peer: Peer) -> None:
        await peer.welcome()
        await peer.gone()

    async def look(peer: Peer) -> None:
        await peer.upgrade()
        await peer.gone()

    async with serving(certificates.server_context(), look, ignore) as host:
        told = await doctor("--host", host, "--timeout", "1")
    assert (told.code, told.last) == (20, "round trip")


# What it writes


async def test_json(world: World, doctor: Doctor) -> None:
    told = await doctor("--host", world.host, "--json")
    report = json.loads(told.printed)
    assert (report["exit_code"], told.code) == (0, 0)
    assert [step["name"] for step in report["steps"]] == [*ALL]
    keys = {"name", "result", "words", "what_to_do", "details", "seconds"}
    assert all(step.keys() == keys for step in report["steps"])
    assert {step["result"] for step in report["steps"]} == {"ok", "warning"}


async def test_a_bundle_is_private_and_masked(
    world: World,
    doctor: Doctor,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(certificates.ca_file.parent))
    monkeypatch.setenv("RELAY_RECORD", "/somewhere/of/annas")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "PT-another-one")
    async with office_proxy(user="anna", password=PROXY_PASSWORD) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        told = await doctor("--host", world.host, "--bundle", str(tmp_path / "bundle.json"))
    assert told.code == 18
    file = tmp_path / "bundle.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text("utf-8")
    bundle = json.loads(text)
    assert bundle["exit_code"] == 18
    assert {"relay-proto", "python", "openssl", "system", "anyio"} <= bundle["versions"].keys()
    assert {"HTTPS_PROXY", "RELAY_RECORD"} <= {*bundle["variables_that_are_set"]}
    for secret in (
        TOKEN,
        PROJECT,
        PROXY_PASSWORD,
        "anna",
        "PT-another-one",
        str(certificates.ca_file.parent),
    ):
        assert secret not in text
    assert "~/ca.pem" in text
    assert "read it before you send it" in told.err


async def test_a_bundle_that_cannot_be_written(doctor: Doctor, tmp_path: Path) -> None:
    told = await doctor("--host", "no-such-host.invalid", "--bundle", str(tmp_path))
    assert told.code == 1
    assert "the bundle cannot be written" in told.err
