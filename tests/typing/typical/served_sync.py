"""Typical: a client on threads, with pages of health."""

import sys

from relay_run import serve_sync
from relay_sync import Call, RelayClient

client = RelayClient(contexts=["office"])


@client.on_call
def answer(call: Call) -> None:
    call.answer()


if __name__ == "__main__":
    sys.exit(serve_sync(client, hang_up=True, hang_timeout=10))
