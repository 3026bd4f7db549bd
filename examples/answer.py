"""Answer every call, say hello, hang up. `answer_sync.py` does the same on threads.

Set SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and assign a phone number to the
context "office". Without an account, run ``relay sim`` in place of the service.
"""

from relay_anyio import Call, RelayClient

client = RelayClient(contexts=["office"])


@client.on_call
async def take_call(call: Call) -> None:
    await call.answer()
    greeting = await call.play_tts("Hello, and thank you for calling. Goodbye.")
    await greeting.wait()
    await call.hangup()


if __name__ == "__main__":
    client.run()
