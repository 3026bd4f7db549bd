"""Typical: a bot that answers texts, and reports what was not delivered."""

import logging

from relay_anyio import Message, MessageStateEvent, RelayClient

log = logging.getLogger("bot")
client = RelayClient(contexts=["texts"])


def watch(event: MessageStateEvent) -> None:
    if event.message_state in ("undelivered", "failed"):
        log.warning("%s: %s", event.message_id, event.reason)


@client.on_message
async def read(message: Message) -> None:
    words = message.body.strip().lower()
    if message.media:
        log.info("%d pictures from %s", len(message.media), message.from_number)
    answer = await client.send_message(
        to_number=message.from_number,
        from_number=message.to_number,
        body="We open at nine." if "open" in words else "Sorry?",
        tags=("bot",),
        on_completed=watch,
    )
    answer.on(watch)
    result = await answer.wait(timeout=60)
    if result.message_state == "delivered" and answer.state != "failed":
        log.info("answered in %d segments", answer.segments)


if __name__ == "__main__":
    client.run()
