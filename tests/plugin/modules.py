"""What all modules begin with over which the tests of the plugin run pytest."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
"""Run pytest over a module with these tests, and with these arguments."""
LOADED: Final = [one.value for one in entry_points(group="pytest11")]
LOADING: Final = () if "relay_pytest" in LOADED else ("-p", "relay_pytest")

CLIENTS: Final = """
import pytest, relay_anyio, relay_sync, anyio, time
from relay_anyio.testing import Caller, Hear, HangUp, Press, Say, Wait, What

ANNA = "+15550001111"

def sync_client():
    client = relay_sync.RelayClient("project", "token", contexts=["office"])

    @client.on_call
    def greet(call):
        call.answer()
        call.play_tts("Hello").wait()
        call.hangup()

    return client

def async_client():
    client = relay_anyio.RelayClient("project", "token", contexts=["office"])

    @client.on_call
    async def greet(call):
        await call.answer()
        await (await call.play_tts("Hello")).wait()
        await call.hangup()

    return client
"""
