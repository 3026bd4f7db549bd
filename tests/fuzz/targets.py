"""What is fuzzed: a name, and a function of the fuzzer's bytes that raises only at a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from tests.fuzz import client, events, frames, recording, wire

Target: TypeAlias = Callable[[bytes], None]

TARGETS: Final[Mapping[str, Target]] = {
    "wire-client": wire.client,
    "wire-server": wire.server,
    "frames": frames.decode,
    "events": events.decode,
    "client": client.run,
    "recording": recording.replayed,
}
HERE: Final = Path(__file__).parent
CORPUS: Final = HERE / "corpus"


def inputs(name: str) -> list[Path]:
    """The files of the corpus of one target."""
    return sorted((CORPUS / name).iterdir())
