"""Networks: the order of addresses, channels through proxies, and errands that hang."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import pytest

from relay_proto.adapter.connection_errors import ToldError, describe
from relay_proto.adapter.errands import Errands, Outcome
from relay_proto.adapter.network import LEAST_SHARE, Network
from relay_proto.adapter.proxies import ProxyError, parse_proxy

HOST: Final = "relay.test"
FIRST, SECOND, THIRD = ((socket.AF_INET, 1, 6, "", (f"10.0.0.{n}", 443)) for n in (1, 2, 3))


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name has three addresses."""

    def getaddrinfo(*_: object, **__: object) -> list[object]:
        return [FIRST, SECOND, THIRD]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


# Addresses


def test_the_address_of_the_last_session_is_tried_first() -> None:
    network = Network(12.0, proxy=None)
    assert network.find_route(HOST, 443).addresses == [FIRST, SECOND, THIRD]
    network.opened(SECOND)
    network.proved()
    assert network.find_route(HOST, 443).addresses == [SECOND, FIRST, THIRD]


def test_an_address_that_opened_but_came_to_no_session_is_tried_last() -> None:
    network = Network(12.0, proxy=None)
    network.opened(FIRST)
    assert network.find_route(HOST, 443).addresses == [SECOND, THIRD, FIRST]


def test_each_address_has_its_share_of_the_time() -> None:
    assert Network(12.0, proxy=None).find_route(HOST, 443).share == 3.0
    assert Network(0.1, proxy=None).find_route(HOST, 443).share == LEAST_SHARE


def test_a_proxy_that_is_neither_a_url_nor_a_choice_is_refused() -> None:
    wrong: Any = 5
    with pytest.raises(TypeError, match=r"proxy must be a URL, True or None, not int"):
        Network(12.0, proxy=wrong)


def test_a_context_of_the_wrong_type_is_refused() -> None:
    wrong: Any = "ca.pem"
    with pytest.raises(TypeError, match=r"ssl_context must be an ssl.SSLContext, not str"):
        Network(12.0, ssl_context=wrong)


# A channel through a proxy


def channel_to(url: str, context: ssl.SSLContext | None = None) -> Any:
    return Network(12.0, proxy=url, ssl_context=context).find_route(HOST, 443).new_channel()


def test_a_channel_says_nothing_before_the_proxy_has_answered() -> None:
    channel = channel_to("http://proxy.test")
    assert not channel.shake_hands()
    assert channel.outgoing().startswith(b"CONNECT relay.test:443")
    assert not channel.shake_hands()
    assert channel.outgoing() == b""
    channel.feed(b"HTTP/1.1 200 OK\r\n\r\n")
    assert not channel.shake_hands()
    assert channel.outgoing()[:1] == b"\x16"


def test_what_came_behind_the_answer_belongs_to_the_host() -> None:
    channel = channel_to("http://proxy.test")
    channel.shake_hands()
    channel.feed(b"HTTP/1.1 200 OK\r\n\r\nnonsense")
    with pytest.raises(ssl.SSLError):
        channel.shake_hands()


def test_a_host_that_closes_behind_a_proxy_is_the_end() -> None:
    channel = channel_to("http://proxy.test")
    channel.shake_hands()
    channel.feed(b"HTTP/1.1 200 OK\r\n\r\n")
    channel.shake_hands()
    channel.feed(b"")
    with pytest.raises(ssl.SSLEOFError):
        channel.shake_hands()


def test_a_proxy_that_speaks_no_tls_is_named() -> None:
    channel = channel_to("https://proxy.test")
    assert not channel.shake_hands()
    channel.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ProxyError, match=r"the proxy https://proxy.test:443 cannot be used: TLS"):
        channel.shake_hands()


def test_a_missing_package_is_a_failure_of_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ProxyError, match=r"socks5h://proxy.test:1080 .* pip install"):
        channel_to("socks5h://proxy.test")


def test_a_proxy_is_shown_without_credentials() -> None:
    proxy = parse_proxy("http://clerk:pass-w@[::1]:3128")
    assert str(proxy) == repr(proxy) == "http://[::1]:3128"
    assert "pass-w" not in repr(proxy.password)


# Errands


def run(errands: Errands, function: Callable[[], object]) -> Outcome[object]:
    outcomes: list[Outcome[object]] = []
    errands.run(function, outcomes.append, "errand").join()
    return outcomes[0]


def test_an_errand_brings_its_result_or_whatever_it_raises() -> None:
    def fail() -> None:
        raise SystemExit(3)

    errands = Errands()
    assert run(errands, lambda: 5).get() == 5
    with pytest.raises(SystemExit):
        run(errands, fail).get()


def test_errands_that_hang_are_bounded() -> None:
    errands, go_on = Errands(2), threading.Event()
    hanging = [errands.run(go_on.wait, lambda _: None, "errand") for _ in range(2)]
    with pytest.raises(ToldError, match="2 lookups of names"):
        errands.run(go_on.wait, lambda _: None, "errand")
    go_on.set()
    for thread in hanging:
        thread.join()
    assert run(errands, lambda: 5).get() == 5


def test_a_thread_that_cannot_be_started_gives_its_place_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    errands = Errands(1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(ToldError, match="can't start new thread"):
            errands.run(lambda: 5, lambda _: None, "errand")
    assert run(errands, lambda: 5).get() == 5


def test_an_error_that_cannot_even_be_shown_has_its_name() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert describe(OddError()) == "OddError"
