"""Completion: what an editor that uses jedi offers after a dot."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from typing import Any, Final

import pytest

JEDI: Final[Any] = importlib.import_module("jedi")  # it has no types

PROGRAM: Final = """\
from {package} import Call, Message, RelayClient

{define} f(call: Call, client: RelayClient, message: Message):
    it = {expression}
    it."""

OFFERED: Final = {
    "{wait}call.play_tts('x')": {"wait", "result", "stop", "pause", "volume", "wait_outcome"},
    "{wait}call.record()": {"wait", "url", "duration", "size", "stop"},
    "{wait}call.prompt_tts('x', {{}})": {"wait", "digits", "speech", "start_input_timers"},
    "{wait}client.dial_phone('+1', '+2')": {"play", "hangup", "state", "wait_for_ended"},
    "{wait}client.send_message(to_number='+1', from_number='+2')": {"wait", "state", "reason"},
    "{wait}({wait}call.collect()).wait()": {"digits", "call_state", "params"},
    "({wait}call.record()).result": {"url", "call_state", "params"},
    "{wait}call.wait_for_ended()": {"call_state", "end_reason"},
    "{wait}message.wait()": {"message_state", "reason"},
}
"""By an expression: some of the names that its value has."""


@pytest.fixture(autouse=True, scope="module")
def a_cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """jedi writes its cache in place: another process that reads it then may find half a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JEDI.settings, "cache_directory", str(tmp_path_factory.mktemp("jedi")))
        yield


@pytest.mark.parametrize(
    ("package", "define", "wait"),
    [("relay_anyio", "async def", "await "), ("relay_sync", "def", "")],
)
@pytest.mark.parametrize("expression", OFFERED)
def test_an_editor_offers_what_a_result_has(
    package: str, define: str, wait: str, expression: str
) -> None:
    program = PROGRAM.format(
        package=package, define=define, expression=expression.format(wait=wait)
    )
    line = program.count("\n") + 1
    offered = {name.name for name in JEDI.Script(program).complete(line, len("    it."))}
    assert offered >= OFFERED[expression]
