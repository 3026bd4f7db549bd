"""Send a text, and wait for its delivery.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN. TO is who gets it, and FROM a phone
number of yours, both in E.164 format, like +15551234567.
Run: python send_text_sync.py TO FROM TEXT
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import sys

from relay_sync import RelayClient


def main(to: str, from_: str, text: str) -> str:
    with RelayClient() as client:
        message = client.send_message(to_number=to, from_number=from_, body=text)
        try:
            message.wait(timeout=60)
        except TimeoutError:
            return f"{message.state}: no delivery report within 60 seconds"
        return f"{message.state} {message.reason}".strip()


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
