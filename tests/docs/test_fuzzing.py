"""The program of docs/fuzzing.md finds the bug of its server, and nothing when it is mended."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import fuzz_a_server


def test_the_bug_of_the_small_server_is_found_and_shown() -> None:
    with pytest.raises(AssertionError) as caught:
        fuzz_a_server.fuzz(runs=100)
    notes = "\n".join(caught.value.__notes__)
    assert "try_frames(" in notes
    # The shortest: the same id, twice. Which one it is, each version of hypothesis finds itself.
    first, second = re.findall(r'"id": ?([^,}]+)', notes)
    assert first == second


def test_a_server_without_the_bug_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mended(fuzz_a_server.PartyLine):
        def receive(self, text: bytes) -> list[dict[str, Any]]:
            self.seen.clear()
            return super().receive(text)

    monkeypatch.setattr(fuzz_a_server, "PartyLine", Mended)
    fuzz_a_server.fuzz(runs=40)


def test_a_server_that_breaks_the_handshake_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(fuzz_a_server.PartyLine):
        def receive(self, text: bytes) -> list[dict[str, Any]]:
            return (
                [] if json.loads(text)["method"] == "signalwire.connect" else super().receive(text)
            )

    monkeypatch.setattr(fuzz_a_server, "PartyLine", Mute)
    with pytest.raises(AssertionError):
        fuzz_a_server.try_a_client(1, [])
