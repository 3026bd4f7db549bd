"""Send a text and wait for its delivery. `send_text.py` does the same with ``await``.

Usage: send_text_sync.py TO FROM TEXT   (numbers in E.164 format, like +15551234567)
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
