"""Hosts: what is one, up to which length and port, and what is said of the rest."""

from __future__ import annotations

import pytest

from relay_proto.values.hosts import host_of, split_host, whole_host

LABEL = "a" * 63


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("a", ("a", 443)),
        ("a.b.", ("a.b.", 443)),
        ("a:1", ("a", 1)),
        ("a:65535", ("a", 65535)),
        ("a:00080", ("a", 80)),
        (f"{LABEL}.{LABEL}:8443", (f"{LABEL}.{LABEL}", 8443)),
        ("[::1]", ("::1", 443)),
        ("[::1]:8443", ("::1", 8443)),
        ("[fe80::a:1]:9", ("fe80::a:1", 9)),
    ],
)
def test_a_host_has_a_name_and_a_port(host: str, parts: tuple[str, int]) -> None:
    assert split_host(host) == parts
    assert split_host(whole_host("host", f" {host}\n"))[1] == parts[1]


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("", "not '': it is empty or not printable"),
        ("a\x1b", "it is empty or not printable"),
        ("a b", "it contains ' '"),
        ("a/b?c", "it contains '/'; write 'a'"),
        ("a\\b", r"it contains '\\'; write 'a'"),
        ("https://me:hush@a.test:8443/x", "it contains '/'; write 'a.test:8443'"),
        ("me@a.test", "not '***@a.test': it contains '@'; write 'a.test'"),
        ("https://", "it contains '/'"),
        ("https:///x", "it contains '/'"),
        ("bücher.test", "is not ASCII: write the name in its xn-- form"),
        ("::1", "write an IPv6 address in brackets, like [::1]:8443"),
        ("a:b:1", "write an IPv6 address in brackets, like [::1]:8443"),
        (":443", "has no name before the port"),
        ("[]", "has no name before the port"),
        (f"{LABEL}a", "a part between dots has from 1 to 63 characters"),
        ("a..b", "a part between dots has from 1 to 63 characters"),
        (".a", "a part between dots has from 1 to 63 characters"),
        (".", "a part between dots has from 1 to 63 characters"),
        *(
            (f"a:{port}", "it must be from 1 to 65535")
            for port in ("", "0", "65536", "-1", "x", "000443")
        ),
    ],
)
def test_what_is_no_host_is_refused_in_words(host: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"^relay ") as error:
        split_host(host, "relay")
    assert str(error.value).endswith(words)
    assert "hush" not in str(error.value)


def test_a_short_name_is_one_of_a_space() -> None:
    spaces = {
        "a": "a.signalwire.com",
        "a.": "a.signalwire.com",
        "LocalHost": "LocalHost",
        "a:443": "a:443",
        "a.b": "a.b",
        "a.b.:1": "a.b:1",
        "[::1]": "[::1]",
        "[::1]:1": "[::1]:1",
    }
    assert {host: whole_host("host", host) for host in spaces} == spaces


def test_the_name_in_an_address_is_told_in_small_letters() -> None:
    names = {
        "A.Test": "a.test",
        "a.test:8443": "a.test",
        "https://A.test:8443": "a.test",
        "[::1]": "::1",
        "[::1]:8443": "::1",
        "https://[FE80::1]:8443": "fe80::1",
        "": "",
    }
    assert {address: host_of(address) for address in names} == names
