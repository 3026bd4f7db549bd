"""Tunnels through proxies: what is sent to them, and what their answers mean."""

from __future__ import annotations

import sys
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.errors import LocalProtocolError
from relay_proto.wire.connect_tunnel import ConnectTunnel, basic
from relay_proto.wire.reports import BytesToSend
from relay_proto.wire.socks_tunnel import SocksTunnel
from relay_proto.wire.tunnel import Tunnel, TunnelEvent, TunnelOpened, TunnelRefused
from relay_proto.wire.websocket import MAX_HEAD_BYTES

HOST: Final = "relay.example"
OK: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


def connect(user: str = "", password: str = "") -> ConnectTunnel:
    tunnel = ConnectTunnel(HOST, 443, user=user, password=password)
    assert tunnel.open()
    return tunnel


def socks(user: str = "", password: str = "", host: str = HOST) -> SocksTunnel:
    tunnel = SocksTunnel(host, 443, user=user, password=password)
    assert tunnel.open()
    return tunnel


def refusal(events: list[TunnelEvent]) -> TunnelRefused:
    (event,) = events
    assert isinstance(event, TunnelRefused)
    return event


# CONNECT


def test_the_request_names_the_host_and_the_port() -> None:
    request = ConnectTunnel(HOST, 8443).open()
    assert request.startswith(b"CONNECT relay.example:8443 HTTP/1.1\r\n")
    assert b"\r\nHost: relay.example:8443\r\n" in request
    assert b"Authorization" not in request
    assert ConnectTunnel("::1", 443).open().startswith(b"CONNECT [::1]:443 HTTP/1.1\r\n")


def test_the_request_has_the_credentials() -> None:
    request = ConnectTunnel(HOST, 443, user="Aladdin", password="open sesame").open()
    assert b"\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in request


def test_what_comes_behind_the_answer_is_the_hosts() -> None:
    assert connect().receive(OK + b"\x16\x03") == [TunnelOpened(b"\x16\x03")]


def test_answers_with_1xx_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert connect().receive(interim + OK) == [TunnelOpened(b"")]


def test_every_status_that_says_success_is_one() -> None:
    for status in range(200, 300):
        assert connect().receive(b"HTTP/1.1 %d OK\r\n\r\nrest" % status) == [TunnelOpened(b"rest")]


@pytest.mark.parametrize("status", [300, 302, 403, 406, 408, 502])
def test_any_other_answer_is_a_refusal(status: int) -> None:
    tunnel = connect()
    refused = refusal(tunnel.receive(b"HTTP/1.1 %d No \x07way\r\n\r\n<html>" % status))
    assert refused == TunnelRefused(status, f"{status} No \ufffdway")
    assert refusal(connect("me").receive(b"HTTP/1.1 %d \xff\r\n\r\n" % status)).words == (
        f"{status} \ufffd"
    )
    assert tunnel.receive(OK) == []


def test_a_proxy_that_wants_credentials_is_told_from_one_that_does_not_like_them() -> None:
    answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    assert "wants a user and a password" in refusal(connect().receive(answer)).words
    refused = refusal(connect("me", "pa-ss").receive(answer))
    assert refused.status == 407
    assert "does not accept the user" in refused.words
    assert "pa-ss" not in refused.words


@pytest.mark.parametrize(
    "answer",
    [
        b"\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 101 Hm\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"HTTP/1.1 2x0 OK\n\n",
    ],
)
def test_an_answer_that_is_not_http_is_a_refusal(answer: bytes) -> None:
    refused = refusal(connect().receive(answer))
    assert refused.status == 0
    assert "not HTTP" in refused.words


@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD_BYTES,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_HEAD_BYTES,
    ],
)
def test_an_endless_answer_is_a_refusal(endless: bytes) -> None:
    assert "longer than" in refusal(connect().receive(endless)).words


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_answer_has_one_exact_length_that_is_too_long(before: bytes) -> None:
    for size, too_long in ((MAX_HEAD_BYTES, False), (MAX_HEAD_BYTES + 1, True)):
        begun = before + b"HTTP/1.1 200 OK\r\nX: "
        answer = begun + b"x" * (size - len(begun) - 4) + b"\r\n\r\n"
        whole = TunnelRefused(0, f"its answer is longer than {MAX_HEAD_BYTES} bytes")
        expected = whole if too_long else TunnelOpened(b"rest")
        assert connect().receive(answer + b"rest") == [expected]
        cut = connect()
        assert cut.receive(answer[:-1] + b"x") == ([whole] if too_long else [])


# SOCKS5

REPLY: Final = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x01\xbb"


def test_a_socks_proxy_connects_to_the_name() -> None:
    tunnel = SocksTunnel(HOST, 443)
    assert tunnel.open() == b"\x05\x01\x00"
    assert tunnel.receive(b"\x05\x00") == [
        BytesToSend(b"\x05\x01\x00\x03\x0drelay.example\x01\xbb"),
    ]
    assert tunnel.receive(REPLY + b"rest") == [TunnelOpened(b"rest")]
    assert tunnel.receive(b"more" + REPLY) == []


@pytest.mark.parametrize(
    ("host", "packed"),
    [("10.0.0.1", b"\x01\x0a\x00\x00\x01"), ("::1", b"\x04" + b"\x00" * 15 + b"\x01")],
)
def test_a_socks_proxy_connects_to_an_address(host: str, packed: bytes) -> None:
    (asked,) = socks(host=host).receive(b"\x05\x00")
    assert asked == BytesToSend(b"\x05\x01\x00" + packed + b"\x01\xbb")


def test_a_socks_proxy_gets_the_credentials_it_asks_for() -> None:
    tunnel = SocksTunnel(HOST, 443, user="me", password="pa-ss")
    assert tunnel.open() == b"\x05\x02\x00\x02"
    assert tunnel.receive(b"\x05\x02") == [BytesToSend(b"\x01\x02me\x05pa-ss")]
    (asked,) = tunnel.receive(b"\x01\x00")
    assert isinstance(asked, BytesToSend)
    name = b"\x05\x00\x00\x03\x09localhost\x00\x50"
    assert tunnel.receive(name) == [TunnelOpened(b"")]


@pytest.mark.parametrize("user", ["", "me"])
@pytest.mark.parametrize(
    "address",
    [
        b"\x01\x0a\x00\x00\x01",
        b"\x04" + bytes(range(16)),
        *(b"\x03" + bytes([size]) + (b"n." * 127)[:size] for size in (1, 3, 7, 13, 127)),
    ],
    ids=len,
)
def test_a_socks_proxy_may_answer_with_any_address(address: bytes, user: str) -> None:
    answers = [b"\x05\x02", b"\x01\x00"] if user else [b"\x05\x00"]
    reply = b"\x05\x00\x00" + address + b"\x01\xbb"
    whole = socks(user, user).receive(b"".join(answers) + reply + b"rest")
    assert whole[-1] == TunnelOpened(b"rest")
    assert [type(event) for event in whole[:-1]] == [BytesToSend] * len(answers)
    tunnel = socks(user, user)
    for answer in answers:
        assert tunnel.receive(answer[:1]) == []
        assert tunnel.receive(answer[1:]) != []
    for byte in reply[:-1]:
        assert tunnel.receive(bytes([byte])) == []
    assert tunnel.receive(reply[-1:] + b"rest") == [TunnelOpened(b"rest")]


@pytest.mark.parametrize(
    ("user", "answers", "status", "words"),
    [
        ("", [b"\x05\xff"], 255, "wants a user and a password"),
        ("", [b"\x05\x02"], 2, "wants a user and a password"),
        ("me", [b"\x05\xff"], 255, "no way to take a user"),
        ("me", [b"\x05\x02", b"\x01\x01"], 1, "does not accept the user"),
        ("", [b"\x05\x00", b"\x05\x05\x00\x01" + bytes(6)], 5, "connection refused"),
        ("", [b"\x05\x00", b"\x05\x04\x00\x04" + bytes(18)], 4, "host unreachable"),
        ("", [b"\x05\x00", b"\x05\x00\x00\x09\x00"], 0, "not SOCKS5"),
        ("", [b"\x05\x00", b"\x05\x5b\x00\x01" + bytes(6)], 0, "not SOCKS5"),
        ("", [b"\x05\x07"], 0, "not SOCKS5"),
        ("", [b"\x04\x00"], 0, "not SOCKS5"),
        ("", [b"\x06\x00"], 0, "not SOCKS5"),
        ("", [b"HTTP/1.1 400 Bad Request"], 0, "not SOCKS5"),
    ],
)
def test_a_socks_proxy_refuses(user: str, answers: list[bytes], status: int, words: str) -> None:
    tunnel = socks(user, "pa-ss" if user else "")
    *before, last = answers
    for answer in before:
        assert tunnel.receive(answer)
    refused = refusal(tunnel.receive(last))
    assert refused.status == status
    assert words in refused.words
    assert tunnel.receive(REPLY) == []


def test_of_an_answer_without_a_known_kind_of_address_five_bytes_are_enough() -> None:
    tunnel = socks()
    tunnel.receive(b"\x05\x00")
    assert tunnel.receive(b"\x05\x00\x00\x09") == []
    assert refusal(tunnel.receive(b"\x00")).words == "its answer is not SOCKS5"


@pytest.mark.parametrize("where", ["host", "user", "password"])
def test_what_is_too_long_for_socks_is_refused(where: str) -> None:
    given = {"host": HOST, "user": "me", "password": "pa-ss"}
    socks(**given | {where: "x" * 255})
    for text in ("x" * 256, "é" * 128):
        with pytest.raises(LocalProtocolError, match=f"the {where} is too long"):
            socks(**given | {where: text})


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(LocalProtocolError, match=r"pip install 'relay-proto\[socks\]'"):
        SocksTunnel(HOST, 443)


# Any split of the same bytes means the same

HTTP_ANSWERS: Final = st.lists(
    st.sampled_from(
        [
            OK,
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 502 Bad\n\n",
            b"\r\n",
            b"\x05\x00",
            b"x: y",
        ]
    ),
    max_size=4,
).map(b"".join)
SOCKS_ANSWERS: Final = st.lists(
    st.sampled_from([b"\x05\x00", b"\x05\x02", b"\x01\x00", b"\x01\x01", REPLY, b"\x05", b"abc"]),
    max_size=4,
).map(b"".join)


def meaning(tunnel: Tunnel, pieces: list[bytes]) -> list[TunnelEvent]:
    tunnel.open()
    events: list[TunnelEvent] = []
    rest = b""
    for piece in pieces:
        if any(isinstance(event, TunnelOpened) for event in events):
            rest += piece
        else:
            events += tunnel.receive(piece)
    return [TunnelOpened(e.rest + rest) if isinstance(e, TunnelOpened) else e for e in events]


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(HTTP_ANSWERS, st.lists(st.integers(0, 200), max_size=8))
def test_an_http_answer_means_the_same_in_any_pieces(answer: bytes, cuts: list[int]) -> None:
    whole = meaning(ConnectTunnel(HOST, 443), [answer])
    assert meaning(ConnectTunnel(HOST, 443), split(answer, cuts)) == whole


@given(SOCKS_ANSWERS, st.lists(st.integers(0, 30), max_size=8), st.sampled_from(["", "me"]))
def test_a_socks_answer_means_the_same_in_any_pieces(
    answer: bytes, cuts: list[int], user: str
) -> None:
    whole = meaning(SocksTunnel(HOST, 443, user=user, password="pa-ss"), [answer])
    pieces = split(answer, cuts)
    assert meaning(SocksTunnel(HOST, 443, user=user, password="pa-ss"), pieces) == whole


@given(st.binary(max_size=64))
def test_no_answer_makes_a_tunnel_raise(answer: bytes) -> None:
    meaning(ConnectTunnel(HOST, 443), [answer, b"\r\n\r\n"])
    meaning(SocksTunnel(HOST, 443, user="me", password="pa-ss"), [b"\x05\x02", answer])
    meaning(SocksTunnel(HOST, 443), [b"\x05\x00", answer])


def test_the_credentials_of_http_are_those_of_its_specification() -> None:
    assert basic("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
