"""The signatures are the documented ones: what a call by position or by name may say.

Source: ``api`` of tests/spec/relay.json. An addition must be a keyword that
may be left out.
"""

from __future__ import annotations

import inspect
import pydoc
import typing
from collections.abc import Callable
from typing import Any, Final

import pytest

import relay_anyio
import relay_sync
from relay_anyio import (
    Action,
    Call,
    CollectAction,
    Message,
    PlayAction,
    RelayClient,
    StandaloneCollectAction,
)

PLAIN = {"on", "on_call", "on_message", "run", "__init__"}


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (Call, "answer", "self, **kwargs"),
        (
            Call,
            "collect",
            (
                "self, *, digits=None, speech=None, initial_timeout=None, partial_results=None,"
                " continuous=None, send_start_of_input=None, start_input_timers=None,"
                " control_id=None, on_completed=None, **kwargs"
            ),
        ),
        (
            Call,
            "connect",
            (
                "self, devices, *, ringback=None, tag=None, max_duration=None,"
                " max_price_per_minute=None, status_url=None, **kwargs"
            ),
        ),
        (Call, "disconnect", "self"),
        (Call, "hangup", "self, reason='hangup'"),
        (Call, "on", "self, event_type, handler"),
        (Call, "pass_", "self"),
        (
            Call,
            "play",
            (
                "self, media, *, volume=None, direction=None, loop=None, control_id=None,"
                " on_completed=None, **kwargs"
            ),
        ),
        (
            Call,
            "play_and_collect",
            "self, media, collect, *, volume=None, control_id=None, on_completed=None, **kwargs",
        ),
        (Call, "send_digits", "self, digits, *, control_id=None"),
        (Call, "transfer", "self, dest, **kwargs"),
        (Call, "wait_for", "self, event_type, predicate=None, timeout=None"),
        (Call, "wait_for_answered", "self, timeout=None"),
        (Call, "wait_for_ended", "self, timeout=None"),
        (Call, "wait_for_ending", "self, timeout=None"),
        (Call, "wait_for_ringing", "self, timeout=None"),
        (
            Call,
            "__init__",
            (
                "self, client, call_id, node_id, project_id, context, *, tag='', direction='',"
                " device=None, state='', segment_id=''"
            ),
        ),
        (
            RelayClient,
            "__init__",
            (
                "self, project=None, token=None, jwt_token=None, host=None, contexts=None,"
                " max_active_calls=None"
            ),
        ),
        (RelayClient, "connect", "self"),
        (
            RelayClient,
            "dial",
            "self, devices, *, tag=None, max_duration=None, dial_timeout=None",
        ),
        (RelayClient, "disconnect", "self"),
        (RelayClient, "execute", "self, method, params"),
        (RelayClient, "on_call", "self, handler"),
        (RelayClient, "on_message", "self, handler"),
        (RelayClient, "receive", "self, contexts"),
        (RelayClient, "run", "self"),
        (
            RelayClient,
            "send_message",
            (
                "self, *, to_number, from_number, context=None, body=None, media=None, tags=None,"
                " region=None, on_completed=None"
            ),
        ),
        (RelayClient, "unreceive", "self, contexts"),
        (Message, "on", "self, handler"),
        (Message, "wait", "self, timeout=None"),
        (Action, "wait", "self, timeout=None"),
        (PlayAction, "stop", "self"),
        (PlayAction, "pause", "self, behavior=None"),
        (PlayAction, "resume", "self"),
        (PlayAction, "volume", "self, volume"),
        (CollectAction, "stop", "self"),
        (CollectAction, "volume", "self, volume"),
        (CollectAction, "start_input_timers", "self"),
        (StandaloneCollectAction, "stop", "self"),
        (StandaloneCollectAction, "start_input_timers", "self"),
    ],
)
def test_the_signature_is_the_documented_one(owner: type, name: str, parameters: str) -> None:
    function: Callable[..., Any] = getattr(owner, name)
    documented = inspect.signature(eval(f"lambda {parameters}: 0")).parameters
    actual = dict(inspect.signature(function).parameters)
    additions = {key: actual.pop(key) for key in tuple(actual) if key not in documented}

    assert [(p.name, p.kind) for p in actual.values()] == [
        (p.name, p.kind) for p in documented.values()
    ]
    for parameter in documented.values():
        if parameter.default is not parameter.empty:
            assert actual[parameter.name].default == parameter.default
    for addition in additions.values():
        assert addition.kind is addition.KEYWORD_ONLY
        assert addition.default is not addition.empty
    assert inspect.iscoroutinefunction(function) == (name not in PLAIN)


@pytest.mark.parametrize("owner", [Call, PlayAction, CollectAction, StandaloneCollectAction])
def test_every_public_method_says_what_it_does(owner: type) -> None:
    for name, value in inspect.getmembers(owner, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.getdoc(value), name
            assert value.__name__ == name


OWNERS: Final[tuple[type, ...]] = (
    *(relay_anyio.Call, relay_anyio.PlayAction, relay_anyio.CollectAction),
    *(relay_sync.Call, relay_sync.PlayAction, relay_sync.CollectAction),
    *(relay_anyio.RelayClient, relay_sync.RelayClient),
)
VERBS: Final = [
    pytest.param(owner, name, id=f"{owner.__module__}.{owner.__name__}.{name}")
    for owner in OWNERS
    for name, value in inspect.getmembers(owner, inspect.isfunction)
    if hasattr(value, "__signature__")
]


@pytest.mark.parametrize(("owner", "name"), VERBS)
def test_a_verb_looks_like_a_method_written_by_hand(owner: type, name: str) -> None:
    """Editors, `help` and frameworks that read hints find all that they look for."""
    verb = getattr(owner, name)
    home = next(base for base in owner.__mro__ if name in vars(base))
    assert (verb.__module__, verb.__qualname__) == (home.__module__, f"{home.__qualname__}.{name}")
    signature, hints = inspect.signature(verb), typing.get_type_hints(verb)
    assert signature.return_annotation == hints["return"]
    assert not isinstance(signature.return_annotation, str)
    parameters = list(signature.parameters.values())[1:]
    assert {parameter.name: parameter.annotation for parameter in parameters} == {
        name: hint for name, hint in hints.items() if name != "return"
    }


@pytest.mark.parametrize("package", [relay_anyio, relay_sync])
def test_a_verb_that_starts_an_action_returns_its_handle(package: Any) -> None:
    assert len(VERBS) > 100
    assert inspect.signature(package.Call.play).return_annotation is package.PlayAction
    assert inspect.signature(package.Call.hangup).return_annotation == dict[str, Any]
    assert inspect.signature(package.RelayClient.dial).return_annotation is package.Call


def test_help_names_the_module_and_the_type_of_the_result() -> None:
    page = pydoc.plain(pydoc.render_doc(Call.play))
    assert "function play in module relay_anyio.call" in page
    assert "-> relay_anyio.call.PlayAction" in page
