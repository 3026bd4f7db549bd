"""A bot for texts: it books a table, one question after the other, and remembers each person.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number whose texts go to the
context "office".
Run: python sms_bot.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import re
from dataclasses import dataclass
from typing import Literal

import anyio

from relay_anyio import Message, RelayClient, RelayError

FORGET_AFTER = 15 * 60  # seconds
OPT_OUT = {"stop", "stopall", "unsubscribe", "end", "quit"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
HELP = "Write BOOK to book a table. Write CANCEL to start again."

log = logging.getLogger("sms_bot")
client = RelayClient(contexts=["office"])


@dataclass
class Conversation:
    """What somebody has told us, and what we have asked them."""

    said_at: float
    waits_for: Literal["book", "day", "people"] = "book"
    day: str = ""

    def reply_to(self, text: str) -> str:
        words = text.casefold()
        if "cancel" in words:
            self.waits_for = "book"
            return HELP
        match self.waits_for:
            case "book":
                if "book" not in words:
                    return HELP
                self.waits_for = "day"
                return "For which day?"
            case "day":
                self.day = next((day for day in DAYS if day.casefold() in words), "")
                if not self.day:
                    return "Please write a day, such as Friday."
                self.waits_for = "people"
                return "For how many people?"
            case "people":
                people = re.search(r"\b([1-9]|1[0-2])\b", words)
                if people is None:
                    return "Please write a number from 1 to 12."
                self.waits_for = "book"
                return f"Thank you! A table for {people[0]} on {self.day} is booked."


conversations: dict[str, Conversation] = {}


@client.on_message
async def take_text(message: Message) -> None:
    if message.body.strip().casefold() in OPT_OUT:
        conversations.pop(message.from_number, None)
        return  # the service replies to these words, and delivers no more texts to this number
    conversation = conversation_with(message.from_number, anyio.current_time())
    reply = conversation.reply_to(message.body)
    try:
        sent = await message.reply(reply)
        await sent.wait_delivered(timeout=120)
    except (RelayError, TimeoutError) as error:
        log.warning("a reply was not delivered: %s", error)


def conversation_with(number: str, now: float) -> Conversation:
    for other, conversation in list(conversations.items()):
        if now - conversation.said_at > FORGET_AFTER:
            del conversations[other]
    conversation = conversations.setdefault(number, Conversation(now))
    conversation.said_at = now
    return conversation


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run()
