"""The signatures are the documented ones: what a call by position or by name may say.

Source: ``api`` of tests/spec/relay.json. An addition must be a keyword that
may be left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

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
