"""What `relay doctor` says that one can do, where no whole examination is needed."""

from __future__ import annotations

from relay_anyio._advice import proxy_refused


def test_a_port_is_no_status_of_a_proxy() -> None:
    words = "the proxy http://127.0.0.1:40733 answers 403 Not for you"
    assert "allow CONNECT to this host" in proxy_refused(words)
    words = "the proxy http://127.0.0.1:8080 answers 407 Go away (it wants a user and a password)"
    assert "Write user and password" in proxy_refused(words)
