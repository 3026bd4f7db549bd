"""Call a number, and speak a text.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN. TO is who gets it, and FROM a phone
number of yours, both in E.164 format, like +15551234567.
Run: python dial_and_play_sync.py TO FROM TEXT
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import sys

from relay_sync import CallOver, DialFailedError, DialTimeoutError, RelayClient


def main(to: str, from_: str, text: str) -> str:
    with RelayClient() as client:
        try:
            call = client.dial_phone(to, from_, timeout=30, dial_timeout=40)
        except (DialFailedError, DialTimeoutError) as error:
            return f"nobody answered: {error}"
        outcome = call.play_tts(text).wait_outcome(timeout=120)
        if isinstance(outcome, CallOver):
            return f"{to} hung up before the end"
        call.hangup()
        return f"{to} heard the whole text"


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
