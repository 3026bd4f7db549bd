"""Call a number, and speak a text.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN. TO is who gets it, and FROM a phone
number of yours, both in E.164 format, like +15551234567.
Run: python dial_and_play.py TO FROM TEXT
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import sys

import anyio

from relay_anyio import CallOver, DialFailedError, DialTimeoutError, RelayClient


async def main(to: str, from_: str, text: str) -> str:
    async with RelayClient() as client:
        try:
            call = await client.dial_phone(to, from_, timeout=30, dial_timeout=40)
        except (DialFailedError, DialTimeoutError) as error:
            return f"nobody answered: {error}"
        message = await call.play_tts(text)
        outcome = await message.wait_outcome(timeout=120)
        if isinstance(outcome, CallOver):
            return f"{to} hung up before the end"
        await call.hangup()
        return f"{to} heard the whole text"


if __name__ == "__main__":
    print(anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3]))
