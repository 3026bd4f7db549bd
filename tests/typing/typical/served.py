"""Typical: two clients in one process, with pages of health."""

import sys

import anyio

from relay_anyio import Call, RelayClient
from relay_run import ExitCode, serve

office = RelayClient(contexts=["office"], max_connections=2)
support = RelayClient(contexts=["support"], max_connections=2)


@office.on_call
@support.on_call
async def answer(call: Call) -> None:
    await call.answer()


async def main() -> int:
    code = await serve([office, support], health="127.0.0.1:8080", drain=20)
    if code is ExitCode.CALLS_LEFT:
        print("calls were still up")
    return code


if __name__ == "__main__":
    sys.exit(anyio.run(main))
