"""Call a number, and leave a message if a machine answers. `answering_machine.py` is the same.

Usage: answering_machine_sync.py TO FROM TEXT   (numbers in E.164 format, like +15551234567)
"""

import sys

from relay_sync import DialFailedError, DialTimeoutError, RelayClient


def remind(client: RelayClient, to: str, from_: str, text: str) -> str:
    try:
        call = client.dial_phone(to, from_, timeout=30, dial_timeout=40)
    except (DialFailedError, DialTimeoutError) as error:
        return f"nobody answered: {error}"
    left = call.leave_message(text, also_to="human")
    call.hangup()
    return f"{left.who}: {'heard the whole text' if left.played else 'did not hear it all'}"


def main(to: str, from_: str, text: str) -> str:
    with RelayClient() as client:
        return remind(client, to, from_, text)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
