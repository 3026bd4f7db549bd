"""The core of a client, with its randomness, and with its recorder if there is one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random, SystemRandom
from typing import cast

from ..client import ClientCore
from ..client_interface import ClientInterface
from ..config import ClientConfig
from ..errors import ClientClosedError, RelayError
from ..outputs import CallEnded, Closed
from ..recorder.recording import RecordingCore
from ..values.chance import Chance
from ..wire.websocket import Role, Wire
from .logs import Log, mask_lines
from .record_file import Path, RecordFile


def make_core(config: ClientConfig, path: Path | None, log: Log, seeds: Random) -> ClientInterface:
    """A core, which traces frames if `log` has use for them.

    It is recorded in a file if there is a `path` for one; `log` is told if that fails. The seed
    of its ids and delays comes from `seeds`.
    """
    config = replace(config, trace_frames=log.is_enabled_for(logging.DEBUG))
    make_wire = partial(_make_wire, SystemRandom())
    seed = seeds.getrandbits(64)
    chance = Random(seed)  # noqa: S311 - request ids and delays are no secrets
    if path is None:
        core = ClientCore(config, chance, make_wire=make_wire)
        mask_lines(log.logger, core.scrubber)
        return core
    file = RecordFile(path, config.limits.recording_bytes, log)
    recorded = RecordingCore(
        config,
        chance,
        file.write,
        seed=seed,
        on_failure=file.give_up,
        on_closed=file.close,
        make_wire=make_wire,
    )
    mask_lines(log.logger, recorded.scrubber)
    return recorded


def close_for_good(
    core: ClientInterface,
    now: float,
    log: Log,
    ended: Callable[[CallEnded], object] = bool,
) -> Closed:
    """Close a core whose engine has stopped, in whatever state that has left it.

    Returns how it has ended. `ended` hears of each call that ends with it, because
    somebody may wait for its events. The other outputs are nobody's any more.
    """
    closed = Closed(None)
    try:
        core.close(now)
        while (output := core.next_output()) is not None:
            if isinstance(output, Closed):
                closed = output
            elif isinstance(output, CallEnded):
                ended(output)
    except Exception as error:  # noqa: BLE001 - it is logged
        log.failure(error, "the core cannot be closed: this is a bug in relay_proto")
    return closed


def failure_of(error: BaseException) -> RelayError:
    """What those who wait are told when an engine has failed."""
    while isinstance(error, BaseExceptionGroup):
        first, *others = cast("BaseExceptionGroup[BaseException]", error).exceptions
        if others:
            break
        error = first  # the groups are of the tasks around it, and say nothing
    return ClientClosedError(
        f"the client has failed ({error!r}), and is disconnected: call connect() to start again"
    )


def _make_wire(
    system: Random, role: Role, *, host: str, max_message_bytes: int, random: Chance | None
) -> Wire:
    del random  # it has a seed: masks come from the system, so that nobody can predict them
    return Wire(role, host=host, max_message_bytes=max_message_bytes, random=system)
