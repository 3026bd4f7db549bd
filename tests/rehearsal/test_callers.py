"""The callers of ``relay sim`` in virtual time: they call while a program is connected."""

from __future__ import annotations

import ssl
from random import Random

import anyio
import pytest

from relay_anyio.simulator import Callers, Scenario, Simulator
from relay_anyio.testing import Backend, run_in_virtual_time
from relay_proto.exchange import Account, Exchange, ExchangeConfig, Happened, What, Who

SCENARIO = Scenario(delay=1.0, every=10.0)


class Watched:
    """A simulator without sockets, and the times at which callers call."""

    def __init__(self) -> None:
        self.called: list[float] = []
        self.callers = Callers(SCENARIO)
        exchange = Exchange(ExchangeConfig(accounts=(Account(project="p"),)), Random(1))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.simulator = Simulator(exchange, context, self._tell)

    def session(self, what: What) -> None:
        """Let something happen to the session of a program."""
        now = anyio.current_time()
        self.callers.observe(Happened(now, "", Who.PROGRAM, what, {"session": "s"}))

    def _tell(self, happened: Happened) -> None:
        if happened.what is What.CALLED:
            self.called.append(happened.at)


@pytest.mark.parametrize("away", [5.0, 70.0, 1000.0])
def test_callers_come_back_with_the_program(backend: Backend, away: float) -> None:
    async def scenario() -> tuple[int, int]:
        watched = Watched()
        before = 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watched.callers.run, watched.simulator)
            watched.session(What.SESSION_STARTED)
            await anyio.sleep(15.0)
            watched.session(What.SESSION_AWAY)
            await anyio.sleep(away)
            if away > 60.0:
                watched.session(What.SESSION_FORGOTTEN)
            await anyio.sleep(1.0)
            before = len(watched.called)
            watched.session(What.SESSION_STARTED)
            await anyio.sleep(25.0)
            tasks.cancel_scope.cancel()
        return before, len(watched.called)

    before, after = run_in_virtual_time(scenario, backend)
    assert before == 2
    assert after >= before + 2
