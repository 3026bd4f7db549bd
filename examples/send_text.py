"""Send a text, and wait until it is delivered. `send_text_sync.py`: on threads.

Usage: send_text.py TO FROM TEXT   (numbers in E.164 form, like +15551234567)
"""

import sys

import anyio

from relay_anyio import RelayClient


async def main(to: str, from_: str, text: str) -> str:
    # Reports of a message come on a context: the client has to listen on it.
    async with RelayClient(contexts=["texts"]) as client:
        message = await client.send_message(
            to_number=to, from_number=from_, context="texts", body=text
        )
        try:
            await message.wait(timeout=60)
        except TimeoutError:
            return f"{message.state}: no word of its delivery so far"
        return f"{message.state} {message.reason}".strip()


if __name__ == "__main__":
    print(anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3]))
