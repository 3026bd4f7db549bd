"""Configuration: arguments before environment before defaults, and nothing unchecked."""

from __future__ import annotations

import copy
import pickle
from collections import deque
from dataclasses import fields
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.config import (
    ENV_CA_FILE,
    ENV_HOST,
    ENV_JWT,
    ENV_MAX_CALLS,
    ENV_MAX_CONNECTIONS,
    ENV_PROJECT,
    ENV_SHOW_PERSONAL,
    ENV_TOKEN,
    ClientConfig,
    Credentials,
    Limits,
    Secret,
    Timing,
    check_contexts,
    positive_from,
    resolve_config,
)
from relay_proto.values.hosts import DEFAULT_HOST, split_host
from tests.spec import CONSTANTS, SPEC

TOKEN = "PT-not-to-be-seen"
CREDENTIALS = Credentials(Secret("p-123"), Secret(TOKEN))
ENVIRON = {ENV_PROJECT: "p-env", ENV_TOKEN: "PT-env"}


def wrong(value: object) -> Any:
    """A value that the types forbid, and a program without a checker passes all the same."""
    return value


@given(st.text(min_size=1))
def test_a_secret_shows_itself_only_when_it_is_revealed(text: str) -> None:
    secret = Secret(text)
    assert secret.reveal() == text
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret])):
        assert shown.strip("[]") == "Secret('***')"


def test_secrets_are_values() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != wrong("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a")
    assert not Secret("")
    assert repr(Secret("")) == "Secret('')"
    assert copy.deepcopy(Secret("a")) == Secret("a")
    assert pickle.loads(pickle.dumps(Secret("a"))) == Secret("a")


def test_no_repr_of_a_configuration_shows_a_credential() -> None:
    config = ClientConfig(credentials=Credentials(Secret("p-12345"), Secret(TOKEN), Secret("jwt")))
    assert TOKEN not in repr(config)
    assert "p-12345" not in repr(config)
    assert "jwt'" not in repr(config)


def test_project_and_token_authenticate_together_and_a_jwt_alone() -> None:
    assert CREDENTIALS.authentication() == {"project": "p-123", "token": TOKEN}
    assert CREDENTIALS.secrets() == ("p-123", TOKEN)
    both = Credentials(Secret("p-123"), Secret(TOKEN), Secret("a.b.c"))
    assert both.authentication() == {"jwt_token": "a.b.c"}
    assert both.secrets() == ("p-123", TOKEN, "a.b.c")
    assert Credentials(jwt_token=Secret("a.b.c")).secrets() == ("a.b.c",)


@pytest.mark.parametrize(
    ("environ", "name", "variable"),
    [
        ({}, "project", ENV_PROJECT),
        ({ENV_TOKEN: "t"}, "project", ENV_PROJECT),
        ({ENV_PROJECT: "p"}, "token", ENV_TOKEN),
        ({ENV_PROJECT: "p", ENV_TOKEN: ""}, "token", ENV_TOKEN),
    ],
)
def test_a_missing_credential_is_named_with_its_variable(
    environ: dict[str, str], name: str, variable: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name} is missing: .*{variable}"):
        resolve_config(environ)


def test_the_variables_are_those_of_the_specification() -> None:
    ours = {
        ENV_PROJECT,
        ENV_TOKEN,
        ENV_JWT,
        ENV_HOST,
        ENV_CA_FILE,
        ENV_MAX_CALLS,
        ENV_MAX_CONNECTIONS,
    }
    assert ours == CONSTANTS["environment"].keys() - {"SIGNALWIRE_LOG_LEVEL"}


@given(
    st.sampled_from(["project", "token", "jwt_token", "host"]),
    st.none() | st.sampled_from(["", "argument"]),
    st.none() | st.sampled_from(["", "variable"]),
)
def test_an_argument_beats_a_variable_and_what_is_empty_is_absent(
    name: str, argument: str | None, variable: str | None
) -> None:
    key = {"project": ENV_PROJECT, "token": ENV_TOKEN, "jwt_token": ENV_JWT, "host": ENV_HOST}[name]
    environ = {**ENVIRON, ENV_JWT: "", key: "default"}
    if variable is not None:
        environ[key] = variable
    expected = argument or environ[key]
    given: dict[str, Any] = {name: argument}
    if not expected and name in ("project", "token"):
        with pytest.raises(ValueError, match=name):
            resolve_config(environ, **given)
        return
    config = resolve_config(environ, **given)
    assert config.credentials is not None
    found = {
        "project": config.credentials.project.reveal(),
        "token": config.credentials.token.reveal(),
        "jwt_token": config.credentials.jwt_token.reveal(),
        "host": config.host,
    }[name]
    if name == "host":
        assert found == (f"{expected}.signalwire.com" if expected else DEFAULT_HOST)
    else:
        assert found == expected


def test_defaults_are_those_of_the_specification() -> None:
    config = resolve_config(ENVIRON)
    assert config.host == DEFAULT_HOST == CONSTANTS["default_host"]
    assert config.contexts == ()
    assert not config.trace_frames
    limits, timing = config.limits, config.timing
    assert limits.active_calls == CONSTANTS["limits"]["max_active_calls"]
    assert limits.queued_requests == CONSTANTS["limits"]["request_queue"]
    assert limits.message_bytes == SPEC["session"]["transport"]["max_message_bytes"]
    timers = CONSTANTS["timers"]
    assert timing.request_timeout == timers["execute_timeout_s"]
    assert timing.ping_interval == timers["client_ping_interval_s"]
    assert timing.ping_watchdog == timers["server_ping_watchdog_s"]
    assert limits.ping_failures == timers["max_ping_failures"]
    assert timing.dial_timeout == timers["dial_timeout_s"]
    assert timing.retry_min_delay == timers["reconnect_min_s"]
    assert timing.retry_max_delay == timers["reconnect_max_s"]
    assert limits.auth_attempts == timers["max_auth_attempts"]


@pytest.mark.parametrize("name", ["project", "token", "jwt_token", "host"])
@pytest.mark.parametrize("value", [5, b"text", ["a"]])
def test_a_text_of_another_type_is_named(name: str, value: object) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(TypeError, match=f"^{name} must be a str, not "):
        resolve_config(ENVIRON, **given)


@pytest.mark.parametrize(
    ("argument", "variable", "shown"),
    [
        (None, None, False),
        (None, "", False),
        (None, "0", False),
        (None, "no", False),
        (None, "1", True),
        (None, " True ", True),
        (None, "yes", True),
        (None, "on", True),
        (False, "1", False),
        (True, "0", True),
    ],
)
def test_personal_data_is_shown_only_if_that_is_asked_for(
    argument: bool | None, variable: str | None, shown: bool
) -> None:
    environ = ENVIRON if variable is None else {**ENVIRON, ENV_SHOW_PERSONAL: variable}
    assert resolve_config(environ, show_personal_data=argument).show_personal_data is shown


def test_a_choice_that_is_none_is_named() -> None:
    with pytest.raises(TypeError, match=r"^show_personal_data must be True or False, not 'yes'"):
        resolve_config(ENVIRON, show_personal_data=wrong("yes"))


# Limits


@given(st.none() | st.integers(-5, 5000), st.none() | st.integers(1, 5000), st.text("-019 x_"))
def test_max_active_calls_beats_limits_and_limits_beat_the_environment(
    argument: int | None, limit: int | None, variable: str
) -> None:
    limits = None if limit is None else Limits(active_calls=limit, messages=7)
    environ = {**ENVIRON, ENV_MAX_CALLS: variable}
    resolved = resolve_config(environ, max_active_calls=argument, limits=limits).limits
    if argument is not None:
        assert resolved.active_calls == max(1, argument)
    elif limit is not None:
        assert resolved == limits
    else:
        assert resolved.active_calls == positive_from(environ, ENV_MAX_CALLS, 1000) >= 1
    assert resolved.messages == (Limits() if limits is None else limits).messages


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), (" 5 ", 5), ("0", 1), ("-3", 1), ("", 9), ("many", 9), ("1.5", 9), ("9" * 5000, 9)],
)
def test_a_variable_is_a_whole_number_of_at_least_one_or_the_default(
    text: str, number: int
) -> None:
    assert positive_from({"X": text}, "X", 9) == number
    assert positive_from({}, "X", 9) == 9


def test_a_variable_may_hold_a_number_beyond_all_floats() -> None:
    environ = {**ENVIRON, ENV_MAX_CALLS: "9" * 300}
    assert resolve_config(environ).limits.active_calls == int("9" * 300)


@pytest.mark.parametrize("value", ["5", 5.0, True, None])
def test_a_limit_that_is_no_whole_number_is_named(value: object) -> None:
    with pytest.raises(TypeError, match=r"^Limits\.tags must be a whole number"):
        Limits(tags=wrong(value))
    if value is not None:
        with pytest.raises(TypeError, match=r"^max_active_calls must be an int"):
            resolve_config(ENVIRON, max_active_calls=wrong(value))


@pytest.mark.parametrize(
    "name", [item.name for item in fields(Limits) if not item.name.endswith("_per_second")]
)
def test_every_limit_is_at_least_one(name: str) -> None:
    values: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=rf"^Limits\.{name} must be at least 1 and finite"):
        Limits(**values)
    values[name] = 1
    assert getattr(Limits(**values), name) == 1


# Times


@pytest.mark.parametrize("name", [item.name for item in fields(Timing)])
def test_every_time_is_finite_and_not_negative(name: str) -> None:
    for value in (-1, float("nan"), float("inf"), 10**400, -(10**400)):
        values: dict[str, Any] = {name: value}
        with pytest.raises(ValueError, match=rf"^Timing\.{name} must be at least 0 and finite"):
            Timing(**values)


@pytest.mark.parametrize("value", ["5", True, None])
def test_a_time_that_is_no_number_is_named(value: object) -> None:
    with pytest.raises(TypeError, match=r"^Timing\.dial_timeout must be a number"):
        Timing(dial_timeout=wrong(value))


@pytest.mark.parametrize("name", ["ping_interval", "retry_min_delay"])
def test_what_repeats_by_itself_lets_time_pass(name: str) -> None:
    values: dict[str, Any] = {name: 0.0}
    with pytest.raises(ValueError, match=rf"^Timing\.{name} must be at least 0\.001 s"):
        Timing(**values)
    values[name] = 0.001
    assert getattr(Timing(**values), name) == 0.001


def test_delays_between_attempts_grow_or_stay() -> None:
    with pytest.raises(
        ValueError, match=r"retry_min_delay \(.* s\) must not be longer than retry_max"
    ):
        Timing(retry_min_delay=31.0)
    assert Timing(retry_min_delay=30.0).retry_max_delay == 30.0


def test_given_times_are_taken() -> None:
    timing = Timing(request_timeout=3)
    assert resolve_config(ENVIRON, timing=timing).timing is timing


# Hosts


@given(
    st.sampled_from(["example.com", "localhost", "127.0.0.1", "[::1]"]),
    st.none() | st.integers(1, 65535),
)
def test_a_host_is_a_name_and_a_port_or_443(name: str, port: int | None) -> None:
    text = name if port is None else f"{name}:{port}"
    assert split_host(text) == (name.strip("[]"), 443 if port is None else port)
    assert ClientConfig(credentials=CREDENTIALS, host=text).host == text


FORBIDDEN = [
    {"CR": "\r", "LF": "\n", "space": " "}.get(name, name)
    for name in SPEC["session"]["transport"]["host_forbidden_characters"]
]


@given(st.sampled_from([*FORBIDDEN, "\t", "\\"]), st.text("ab:"), st.text("ab:"))
def test_a_host_is_no_url(character: str, before: str, after: str) -> None:
    with pytest.raises(ValueError, match="it contains"):
        split_host(before + character + after)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("", "empty or not printable"),
        ("a\x00", "empty or not printable"),
        ("::1", "in brackets"),
        ("[::1]x:80", "in brackets"),
        ("a:b:80", "in brackets"),
        (":80", "no name before the port"),
        ("[]:80", "no name before the port"),
        ("a:", "from 1 to 65535"),
        ("a:0", "from 1 to 65535"),
        ("a:65536", "from 1 to 65535"),
        ("a:x", "from 1 to 65535"),
        ("a:-1", "from 1 to 65535"),
        ("a:²", "xn-- form"),
        ("bücher.test", "xn-- form"),
        ("a:" + "9" * 5000, "from 1 to 65535"),
    ],
)
def test_what_is_no_host_is_refused_with_the_reason(host: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split_host(host)
    with pytest.raises(ValueError, match=reason):
        ClientConfig(credentials=CREDENTIALS, host=host)


# Contexts


@given(st.lists(st.text(min_size=1)))
def test_contexts_keep_their_order_and_are_there_once(contexts: list[str]) -> None:
    checked = check_contexts("contexts", contexts)
    assert checked == tuple(dict.fromkeys(contexts))
    assert (
        set(checked)
        == set(check_contexts("contexts", set(contexts)))
        == set(check_contexts("contexts", checked))
    )
    assert check_contexts("contexts", deque(contexts)) == checked
    assert check_contexts("contexts", dict.fromkeys(contexts).keys()) == checked
    assert resolve_config(ENVIRON, contexts=contexts).contexts == checked


@pytest.mark.parametrize(
    ("contexts", "kind", "reason"),
    [
        ("office", TypeError, "must be a list of str, like"),
        ({"office": 1}, TypeError, "must be a list of str, like"),
        (5, TypeError, "must be a list of str, like"),
        (b"office", TypeError, "must be a list of str, like"),
        (iter(["office"]), TypeError, "must be a list of str, like"),
        (["office", 5], TypeError, "each of contexts must be a str, not 5"),
        (["office", ""], ValueError, "each of contexts must not be empty"),
    ],
)
def test_what_are_no_contexts_is_refused(
    contexts: object, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        check_contexts("contexts", contexts)
    with pytest.raises(kind, match=reason):
        ClientConfig(credentials=CREDENTIALS, contexts=wrong(contexts))


def test_a_number_may_be_of_a_class_like_int() -> None:
    resolved = resolve_config(ENVIRON, max_active_calls=HTTPStatus.CONTINUE)
    assert resolved.limits.active_calls == 100
