"""A program for the page: it answers texts, and dials out when it gets the text “call me”."""

from __future__ import annotations

from relay_anyio import Call, DialFailedError, Message, RelayClient

OWN: str = "+15550002222"

client = RelayClient(contexts=["office"])


@client.on_call
async def greet(call: Call) -> None:
    """Say hello, and stay on the line until the other side hangs up."""
    await call.answer()
    await call.play_tts("Hello. Please hold the line.")
    await call.wait_for_ended()


@client.on_message
async def reply(message: Message) -> None:
    """Answer a text, by a call if it asks for one."""
    if message.body != "call me":
        await message.reply(f"You wrote: {message.body}")
        return
    try:
        call = await client.dial_phone(message.from_number, OWN)
    except DialFailedError as error:
        await message.reply(f"You did not answer: {error.reason}")
        return
    await call.play_tts("This is your call.")
    await call.wait_for_ended()
    await message.reply("That was your call.")


if __name__ == "__main__":
    client.run()
