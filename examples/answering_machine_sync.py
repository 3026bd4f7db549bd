"""Call a number, and leave a message if a machine answers.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN. TO is who is called, and FROM a phone
number of yours, both in E.164 format, like +15551234567.
Run: python answering_machine_sync.py TO FROM TEXT
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import sys

from relay_sync import DialFailedError, DialTimeoutError, RelayClient, RelayError


def remind(client: RelayClient, to: str, from_: str, text: str) -> str:
    try:
        call = client.dial_phone(to, from_, timeout=30, dial_timeout=40)
        with call:  # hangs up at the end, whatever happens
            left = call.leave_message(text, also_to="human")
    except (DialFailedError, DialTimeoutError) as error:
        return f"nobody answered: {error}"
    except RelayError as error:  # such as a connection that was lost
        return f"failed: {error}"
    return f"{left.who}: {'heard the whole text' if left.played else 'did not hear it all'}"


def main(to: str, from_: str, text: str) -> str:
    with RelayClient() as client:
        return remind(client, to, from_, text)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
