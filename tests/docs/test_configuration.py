"""docs/guide/configuration.md has every argument, variable and default of the code."""

from __future__ import annotations

import inspect

import pytest

import relay_anyio
import relay_sync
from relay_proto import config
from relay_proto.values.hosts import DEFAULT_HOST
from tests import settings

PAGE = settings.PAGE.read_text("utf-8")
VARIABLES = [value for name, value in vars(config).items() if name.startswith("ENV_")]


def test_the_table_is_that_of_the_code() -> None:
    assert settings.page_with_settings() == PAGE, "run: python -m tests.settings"


@pytest.mark.parametrize("client", [relay_anyio.RelayClient, relay_sync.RelayClient])
def test_every_argument_of_a_client_is_described(client: type) -> None:
    assert list(settings.arguments()) == [*inspect.signature(client).parameters]


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_is_on_the_page(variable: str) -> None:
    assert f"`{variable}`" in PAGE


@pytest.mark.parametrize("cls", [relay_anyio.Timing, relay_anyio.Limits])
def test_every_time_and_limit_has_a_row(
    cls: type[relay_anyio.Timing | relay_anyio.Limits],
) -> None:
    names = [name for name, _, _ in settings.fields_of(cls)]
    assert names == [*inspect.signature(cls).parameters]


def test_the_defaults_in_the_docstring_are_those_of_the_code() -> None:
    said = {name: default.strip("`") for name, _, _, default in settings.rows()}
    assert said["host"] == DEFAULT_HOST
    assert said["max_active_calls"] == str(relay_anyio.Limits().active_calls)
    for name in ("while_reconnecting", "proxy"):
        assert said[name] == str(
            inspect.signature(relay_anyio.RelayClient).parameters[name].default
        )
