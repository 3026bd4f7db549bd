"""Making a client: arguments, the environment, and what is refused before any traffic."""

from __future__ import annotations

from typing import Any

import pytest

from relay_anyio import Limits, RelayClient, SessionState, Timing
from tests.adapters.support import engine_of

PROJECT = "project-1"
TOKEN = "PT-secret-token"


def make(**arguments: Any) -> RelayClient:
    given: dict[str, Any] = {"project": PROJECT, "token": TOKEN}
    return RelayClient(**(given | arguments))


def test_the_project_is_named_first_when_both_are_missing() -> None:
    with pytest.raises(ValueError, match=r"project=\.\.\. or set SIGNALWIRE_PROJECT_ID"):
        RelayClient()


def test_a_missing_token_is_named_with_its_variable() -> None:
    with pytest.raises(ValueError, match=r"token=\.\.\. or set SIGNALWIRE_API_TOKEN"):
        RelayClient(project=PROJECT)


def test_an_empty_argument_counts_as_missing() -> None:
    with pytest.raises(ValueError, match="SIGNALWIRE_API_TOKEN"):
        RelayClient(project=PROJECT, token="")


def test_a_jwt_needs_neither() -> None:
    client = RelayClient(jwt_token="jwt-secret")
    assert (client.jwt_token, client.project, client.token) == ("jwt-secret", "", "")


def test_everything_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "project-env")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "token-env")
    monkeypatch.setenv("SIGNALWIRE_JWT_TOKEN", "jwt-env")
    monkeypatch.setenv("SIGNALWIRE_SPACE", "space.test:8443")
    client = RelayClient()
    assert (client.project, client.token) == ("project-env", "token-env")
    assert (client.jwt_token, client.host) == ("jwt-env", "space.test:8443")


def test_an_argument_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "project-env")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "token-env")
    monkeypatch.setenv("SIGNALWIRE_SPACE", "space.test")
    client = make(host="other.test")
    assert (client.project, client.token, client.host) == (PROJECT, TOKEN, "other.test")


def test_an_empty_argument_does_not_beat_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "token-env")
    assert make(token="").token == "token-env"


def test_the_defaults() -> None:
    client = make()
    assert client.host == "relay.signalwire.com"
    assert client.contexts == []
    assert client.state is SessionState.DISCONNECTED
    assert client.relay_protocol == ""


def test_the_arguments_may_be_given_by_position() -> None:
    client = RelayClient(PROJECT, TOKEN, "", "space.test", ["office"], 5)
    assert (client.host, client.contexts) == ("space.test", ["office"])


@pytest.mark.parametrize(
    "host",
    [
        "wss://space.test",
        "space.test/path",
        "user@space.test",
        "space.test?x=1",
        "space.test#x",
        "space test",
        "space.test\r\nX: y",
        "space.test:0",
        "space.test:65536",
        "space.test:https",
        ":443",
        "::1",
    ],
)
def test_a_bad_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="host"):
        make(host=host)


def test_a_bad_host_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_SPACE", "https://space.test")
    with pytest.raises(ValueError, match=r"^SIGNALWIRE_SPACE must be .*write 'space.test'"):
        make()


@pytest.mark.parametrize("host", ["space.test", "space.test:8443", "[::1]", "[::1]:8443"])
def test_a_good_host_is_taken_as_it_is(host: str) -> None:
    assert make(host=host).host == host


@pytest.mark.parametrize("contexts", ["office", [1], 5, {"office": 1}, b"office"])
def test_contexts_that_are_no_list_of_texts_are_refused(contexts: Any) -> None:
    with pytest.raises(TypeError, match=r"contexts must be a (list of )?str"):
        make(contexts=contexts)


def test_an_empty_context_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        make(contexts=["office", ""])


def test_the_list_of_contexts_is_copied() -> None:
    contexts = ["office"]
    client = make(contexts=contexts)
    contexts.append("sales")
    assert client.contexts == ["office"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("argument", "variable", "limit"),
    [
        (None, None, 1000),
        (None, "7", 7),
        (None, "0", 1),
        (None, "seven", 1000),
        (3, "7", 3),
        (0, None, 1),
    ],
)
async def test_the_number_of_active_calls(
    monkeypatch: pytest.MonkeyPatch, argument: int | None, variable: str | None, limit: int
) -> None:
    if variable is not None:
        monkeypatch.setenv("RELAY_MAX_ACTIVE_CALLS", variable)
    client = make(max_active_calls=argument)
    assert engine_of(client).core.config.limits.active_calls == limit


@pytest.mark.parametrize("value", ["5", 5.0, True])
def test_a_number_of_active_calls_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="max_active_calls"):
        make(max_active_calls=value)


@pytest.mark.anyio
async def test_limits_and_timing_are_taken() -> None:
    client = make(limits=Limits(active_calls=7), timing=Timing(dial_timeout=5))
    config = engine_of(client).core.config
    assert (config.limits.active_calls, config.timing.dial_timeout) == (7, 5)


@pytest.mark.anyio
async def test_a_repr_shows_no_credential() -> None:
    client = make(jwt_token="jwt-secret")
    shown = repr(client) + repr(engine_of(client).core) + repr(engine_of(client).core.config)
    assert TOKEN not in shown
    assert "jwt-secret" not in shown
    assert PROJECT not in shown


def test_handlers_are_given_back_and_checked() -> None:
    client = make()

    def handler(_: object) -> None: ...

    assert client.on_call(handler) is handler
    assert client.on_call(cancel_on_end=True)(handler) is handler
    assert client.on_message(handler) is handler
    assert client.on_connected(handler) is handler
    assert client.on_disconnected(handler) is handler


@pytest.mark.parametrize("register", ["on_call", "on_message", "on_connected", "on_disconnected"])
def test_a_handler_that_is_no_function_is_refused(register: str) -> None:
    with pytest.raises(TypeError, match="must be a function"):
        getattr(make(), register)("not a function")
