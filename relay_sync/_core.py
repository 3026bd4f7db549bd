"""The core of a client. What records it, and chance, are loaded when there is one to make."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from relay_proto import ClientCore
from relay_proto.config import ClientConfig
from relay_proto.wire.websocket import Role, Wire

if TYPE_CHECKING:
    from random import Random

Path: TypeAlias = str | os.PathLike[str]


def make_core(config: ClientConfig, path: Path | None) -> ClientCore:
    """A core, recorded in a file if there is a path for one."""
    from random import Random, SystemRandom  # noqa: PLC0415 - a client needs it, an import does not

    system = SystemRandom()
    seed = system.getrandbits(64)
    chance = Random(seed)  # noqa: S311 - request ids and delays are no secrets
    if path is None:
        return ClientCore(config, chance, make_wire=partial(_make_wire, system))
    from . import _record  # noqa: PLC0415 - few programs are recorded

    return _record.make_core(config, path, seed, chance)


def _make_wire(
    system: Random, role: Role, *, host: str, max_message_bytes: int, random: Random
) -> Wire:
    del random  # of a kind that has seeds: masks come from the system, for nobody to foresee
    return Wire(role, host=host, max_message_bytes=max_message_bytes, random=system)
