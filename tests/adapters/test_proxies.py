"""Proxies: which one a client takes, how it gets through, and what it says if it does not."""

from __future__ import annotations

import logging
from dataclasses import replace

import anyio
import pytest

from relay_anyio import Connected, ConnectFailedError, ConnectTimeoutError, SessionState
from relay_anyio.client import RelayClient
from tests.adapters import support
from tests.adapters.proxies import OfficeProxy, office_proxy
from tests.adapters.support import QUICK, Certificates, Heard, World, client_tasks

pytestmark = pytest.mark.anyio

USER = "clerk"
PASSWORD = "pass-w@rd:9"
QUOTED = "pass-w%40rd%3A9"


async def reaches(world: World, through: OfficeProxy, **arguments: object) -> None:
    """A client gets a session through this proxy, and another one when that is cut."""
    connected: Heard[Connected] = Heard()
    client = world.client(**arguments)
    client.on_connected(connected)
    async with client:
        await connected.next()
        world.cut()
        await connected.next()
        assert client.state is SessionState.READY
    assert len(through.targets) == 2


async def failure(world: World, **arguments: object) -> ConnectFailedError:
    client = world.client(**arguments)
    with pytest.raises(ConnectFailedError) as raised:
        await client.connect()
    assert client_tasks() == []
    for secret in (PASSWORD, QUOTED, USER):
        assert secret not in str(raised.value) + repr(raised.value)
    return raised.value


# Which one


@pytest.mark.parametrize(
    "variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "WSS_PROXY"]
)
async def test_the_environment_names_the_proxy(
    world: World, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    async with office_proxy() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        await reaches(world, proxy)
        assert proxy.targets == [world.host] * 2


async def test_the_proxy_for_https_comes_before_that_for_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office_proxy() as proxy:
        monkeypatch.setenv("ALL_PROXY", "http://localhost:1")
        monkeypatch.setenv("HTTPS_PROXY", f"localhost:{proxy.port}")
        await reaches(world, proxy)


@pytest.mark.parametrize("spared", ["localhost", "other.test,localhost", "*", ".test,LOCALHOST"])
async def test_hosts_of_no_proxy_are_reached_without_one(
    world: World, monkeypatch: pytest.MonkeyPatch, spared: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
    monkeypatch.setenv("NO_PROXY", spared)
    async with world.client() as client:
        assert client.state is SessionState.READY


async def test_no_proxy_for_another_host_spares_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "elsewhere.test")
        await reaches(world, proxy)


async def test_the_argument_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
        monkeypatch.setenv("NO_PROXY", "*")
        await reaches(world, proxy, proxy=proxy.url)


@pytest.mark.parametrize("none", [None, False])
async def test_the_argument_may_be_none(
    world: World, monkeypatch: pytest.MonkeyPatch, none: object
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
    async with world.client(proxy=none) as client:
        assert client.state is SessionState.READY


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("socks4://clerk:pass-w@proxy.test", "SOCKS4 is not supported"),
        ("socks4a://clerk:pass-w@proxy.test", "with socks5h in place of socks4a"),
        ("ftp://clerk:pass-w@proxy.test", "must begin with one of http, https, socks5, socks5h"),
        ("proxy.test:8080", "must begin with"),
        ("http://clerk:pass-w@", "no valid host"),
        ("http://clerk:pass-w@proxy .test", "no valid host"),
        ("http://clerk:pass-w@proxy..test", "no valid host"),
        (f"https://clerk:pass-w@{'a' * 64}.test", "no valid host"),
        ("http://clerk:pass-w@proxy.test:many", "not a port"),
        ("http://[::1", "not valid"),
        ("http://clerk:pass-w@proxy.test/path", "must end after the port"),
        ("", "must begin with"),
    ],
)
async def test_a_wrong_argument_is_refused_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        support.make(RelayClient, project="p", token="t", proxy=url)
    assert "pass-w" not in str(raised.value)


async def test_an_argument_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(TypeError, match="proxy must be a URL"):
        support.make(RelayClient, project="p", token="t", proxy=8080)


async def test_a_wrong_variable_is_a_failed_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"gopher://{USER}:{QUOTED}@proxy.test")
    assert "HTTPS_PROXY (or the system's settings) cannot be used" in str(await failure(world))


async def test_what_to_try_in_place_of_socks4_is_not_masked(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks4://localhost:1")
    client = world.client()
    with pytest.raises(ConnectTimeoutError):
        await client.connect(retry=True, timeout=0.2)
    assert "with socks5h in place of socks4; trying again in" in caplog.text


# Through


@pytest.mark.parametrize("scheme", ["http", "socks5h", "socks5"])
async def test_credentials_are_given_to_the_proxy(world: World, scheme: str) -> None:
    async with office_proxy(scheme, user=USER, password=PASSWORD) as proxy:
        url = f"{scheme}://{USER}:{QUOTED}@localhost:{proxy.port}"
        await reaches(world, proxy, proxy=url)


async def test_a_proxy_may_want_tls_itself(world: World, certificates: Certificates) -> None:
    tls = certificates.server_context()
    async with office_proxy("https", tls=tls, user=USER, password="pw") as proxy:
        await reaches(world, proxy, proxy=proxy.url)


async def test_a_socks_proxy_gets_the_name_or_the_address(world: World) -> None:
    port = world.host.rpartition(":")[2]
    async with office_proxy("socks5h") as proxy:
        await reaches(world, proxy, proxy=proxy.url)
        assert proxy.targets == [f"localhost:{port}"] * 2
    async with office_proxy("socks5") as proxy:
        await reaches(world, proxy, proxy=proxy.url)
        assert proxy.targets == [f"127.0.0.1:{port}"] * 2


async def test_the_socks_of_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office_proxy("socks5h") as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        await reaches(world, proxy)
    async with office_proxy("socks5h") as proxy:
        monkeypatch.setenv("SOCKS_PROXY", f"http://localhost:{proxy.port}")
        await reaches(world, proxy)


# Not through


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_that_wants_credentials_says_so(world: World, scheme: str) -> None:
    async with office_proxy(scheme, user="a-boss", password="secret-9") as proxy:
        error = await failure(world, proxy=proxy.address)
        assert f"the proxy {proxy.address} did not connect to the host" in str(error)
        assert "wants a user and a password" in str(error)
        url = f"{scheme}://{USER}:{QUOTED}@localhost:{proxy.port}"
        error = await failure(world, proxy=url)
        assert f"the proxy {proxy.address} did not connect" in str(error)
        assert "does not accept the user and password" in str(error)


@pytest.mark.parametrize(
    ("scheme", "answer", "words"),
    [
        ("http", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway"),
        ("http", b"HTTP/1.1 403 Not for clerk:pass-w@rd:9\r\n\r\n", r"403 Not for clerk:\*\*\*"),
        ("http", b"220 mail.test ESMTP\r\n\r\n", "its answer is not HTTP"),
        ("http", b"HTTP/1.1 200 OK\r\n", "it closed the connection"),
        ("socks5h", b"\x05\x05\x00\x01" + bytes(6), "connection refused"),
        ("socks5h", b"HTTP/1.1 400 Bad Request\r\n\r\n", "its answer is not SOCKS5"),
        ("socks5h", b"\x05", "it closed the connection"),
    ],
)
async def test_a_proxy_that_refuses_is_named_with_its_words(
    world: World, scheme: str, answer: bytes, words: str
) -> None:
    async with office_proxy(scheme) as proxy:
        proxy.answer = answer
        url = f"{scheme}://{USER}:{QUOTED}@localhost:{proxy.port}"
        client = world.client(proxy=url)
        with pytest.raises(ConnectFailedError, match=f"the proxy {proxy.address} .*{words}") as e:
            await client.connect()
        assert PASSWORD not in str(e.value)


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h", "socks5"])
async def test_a_proxy_that_is_not_there_is_named(
    world: World, free_host: str, scheme: str
) -> None:
    error = await failure(world, proxy=f"{scheme}://{USER}:{QUOTED}@{free_host}")
    assert f"the proxy {scheme}://{free_host} cannot be used: nothing is listening" in str(error)


async def test_a_proxy_whose_name_is_unknown_is_named(world: World) -> None:
    error = await failure(world, proxy=f"http://{USER}:{QUOTED}@no-such-host.invalid")
    words = "the proxy http://no-such-host.invalid:80 cannot be used: the name could not be"
    assert words in str(error)


async def test_the_certificate_of_a_proxy_is_verified(
    world: World, certificates: Certificates
) -> None:
    tls = certificates.server_context("elsewhere.test")
    async with office_proxy("https", tls=tls) as proxy:
        error = await failure(world, proxy=proxy.url)
        assert f"the proxy {proxy.address} cannot be used: the server's certificate" in str(error)
        assert proxy.targets == []


async def test_the_certificate_of_the_host_is_verified_through_a_proxy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNALWIRE_RELAY_CA_FILE")
    async with office_proxy() as proxy:
        error = await failure(world, proxy=proxy.url)
        assert "the server's certificate was refused" in str(error)
        assert "proxy" not in str(error)


async def test_a_refusal_while_reconnecting_is_a_failed_attempt(
    world: World, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    caplog.set_level(logging.DEBUG, package)
    connected: Heard[Connected] = Heard()
    async with office_proxy(user=USER, password=PASSWORD) as proxy:
        client = world.client(proxy=f"http://{USER}:{QUOTED}@localhost:{proxy.port}")
        client.on_connected(connected)
        async with client:
            await connected.next()
            proxy.answer = b"HTTP/1.1 502 Bad Gateway\r\n\r\n"
            world.cut()
            while len(proxy.targets) < 3:
                await anyio.lowlevel.checkpoint()
            proxy.answer = b""
            await connected.next()
        refused = f"the proxy {proxy.address} did not connect to the host: 502 Bad Gateway"
    assert any(refused in message for message in caplog.messages)
    for secret in (PASSWORD, QUOTED):
        assert secret not in caplog.text


async def test_a_proxy_that_says_nothing_costs_the_time_to_connect(world: World) -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        timing = replace(QUICK, connect_timeout=0.2)
        error = await failure(world, proxy=f"http://localhost:{port}", timing=timing)
    assert "no connection within 0.2 s" in str(error)
