"""An evening in a bad office: what is around a program there, and how its callers fare.

The program is one of `clerks`, in a process of its own. The service is behind a proxy that
wants a password, and its certificate is signed by the company's own authority.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketStream

from relay_proto.exchange import Account, Caller, Hear, Press, Wait, What
from tests.adapters.clerks import PROXY_NAME, Office
from tests.adapters.peers import serving_raw
from tests.adapters.programs import Program, program
from tests.adapters.proxies import OfficeProxy, office_proxy
from tests.adapters.support import OFFICE, PROJECT, Certificates, World, open_world

SECRET = "secret-of-the-issuer"
USER, PASSWORD = "clerk", "pass-w@rd:9"
RUN = "import sys; from tests.adapters.clerks import main; main(sys.argv[1])"


class Evening:
    """The service, the proxy, the program, and who has called so far."""

    def __init__(self, world: World, proxy: OfficeProxy, running: Program) -> None:
        self.world = world
        self.proxy = proxy
        self.program = running
        self.callers: dict[str, str] = {}
        """The numbers of the callers, by the ids of their calls."""

    def call(self, number: str, digit: str, *, thinks: float = 0.0) -> str:
        """Let somebody call, who thinks, and presses `digit`, as often as they are asked to."""
        script = (Hear("press", timeout=3600.0), Wait(thinks), Press(digit)) * 5
        caller = Caller(number, script, patience=3600.0)
        place = self.world.exchange.place_call
        call_id = self.world.simulator.command(place, caller, to=OFFICE)
        self.callers[call_id] = number
        return call_id

    async def ended(self, call_id: str) -> None:
        """Wait until a call is over."""
        await self.world.until(What.ENDED, call_id=call_id)

    def check(self, forgetful: str) -> None:
        """Check that every caller was answered once and served once, and hung up by the program.

        The handlers of callers from the number `forgetful` cancel themselves.
        """
        world = self.world
        for call_id, number in self.callers.items():
            assert len(world.all(What.ANSWERED, call_id=call_id)) == 1, number
            [end] = world.all(What.ENDED, call_id=call_id)
            assert end.who == "program", (number, end)
            served = self.program.output.count(f"has served {number}, ")
            assert served == (0 if number == forgetful else 1), number
        assert set(self.proxy.targets) == {world.host}
        assert len(world.exchange.transports) == len(self.proxy.targets)
        for secret in (SECRET, PASSWORD, "pass-w%40rd"):
            assert secret not in self.program.output + self.program.errors


@asynccontextmanager
async def bad_office(
    directory: Path,
    runtime: str,
    *,
    jwt_lifetime: float,
    root_in_context: bool = False,
    client_timing: dict[str, float] | None = None,
    **changes: Any,
) -> AsyncGenerator[Evening]:
    """Run a program in a bad office; `changes` are to its `ExchangeConfig`."""
    company = Certificates(directory)
    account = Account(project=PROJECT, jwt_secret=SECRET)
    epoch = time.time() - anyio.current_time()
    async with (
        open_world(company, accounts=(account,), epoch=epoch, **changes) as world,
        office_proxy(user=USER, password=PASSWORD) as proxy,
        serving_raw(silent) as dead,
    ):
        office = Office(
            jwt_secret=SECRET,
            jwt_lifetime=jwt_lifetime,
            proxy_ports=(int(dead.rpartition(":")[2]), proxy.port),
            timing=client_timing or {},
            root=str(company.ca_file) if root_in_context else "",
        )
        variables = {
            "HTTPS_PROXY": f"http://{USER}:pass-w%40rd%3A9@{PROXY_NAME}:{proxy.port}",
            "SSL_CERT_FILE": "" if root_in_context else str(company.ca_file),
            "SIGNALWIRE_RELAY_CA_FILE": "",
            "SIGNALWIRE_PROJECT_ID": "",
            "SIGNALWIRE_API_TOKEN": "",
            **office.variable(),
        }
        async with program(world, RUN, runtime, **variables) as running:
            yield Evening(world, proxy, running)


async def silent(stream: SocketStream) -> None:
    """Accept a connection, and say nothing."""
    while True:
        await stream.receive()
