"""An evening in a bad office: calls are handled throughout, whatever is around the program.

`python -m tests.bad_office` shows such an evening at the pace of people.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from relay_proto.exchange import What
from tests.adapters.clerks import FORGETFUL
from tests.adapters.evening import bad_office

pytestmark = pytest.mark.anyio

LIFETIME = 2.0
"""Seconds until a token expires."""
SHORT = {"retry_min_delay": 0.01, "retry_max_delay": 0.05, "connect_timeout": 2.0}


async def test_every_caller_is_answered_once_and_nobody_is_lost(
    tmp_path: Path, runtime: str
) -> None:
    async with bad_office(
        tmp_path,
        runtime,
        jwt_lifetime=LIFETIME,
        root_in_context=runtime == "trio",
        client_timing=SHORT,
    ) as evening:
        world = evening.world
        await evening.program.says("has a new session")
        # A link that is cut at each stage of a call.
        for number, stage in enumerate((What.CALLED, What.ANSWERED, What.PLAYED, What.PRESSED)):
            call_id = evening.call(f"+1555000200{number}", str(number))
            await world.until(stage, call_id=call_id)
            world.cut()
            await evening.ended(call_id)
        # A handler that cancels itself.
        await evening.ended(evening.call(FORGETFUL, "1"))
        # Tokens that expire, while somebody is on the line, and just before somebody calls.
        for number in range(2):
            expired = len(world.all(What.JWT_EXPIRED))
            call_id = evening.call(f"+1555000300{number}", str(number), thinks=LIFETIME)
            await world.until(What.JWT_EXPIRED, times=expired + 1)
            another = evening.call(f"+1555000400{number}", str(number))
            await evening.ended(call_id)
            await evening.ended(another)
        assert world.all(What.REFUSED, reason="the JWT has expired")
        assert len(world.all(What.SESSION_STARTED)) == 1, "it was resumed each time"
        evening.program.send(signal.SIGTERM)
        assert await evening.program.end() == 0
        evening.check(FORGETFUL)
    output = evening.program.output
    for words in (
        "waits for the resolver, which never answers",
        "the issuer of tokens does not answer",
        "gets a token that has expired",
        f"cancels its own handler of {FORGETFUL}",
    ):
        assert words in output
    assert output.endswith("has left\n")
