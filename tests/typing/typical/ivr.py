"""Typical: a menu with digits and speech, which hands callers over."""

from relay_anyio import Call, CollectEvent, RelayClient, collecting, digits, phone, speech, tts

client = RelayClient(contexts=["office"])
DEPARTMENTS = {"sales": "+15550002222", "support": "+15550003333"}
BY_DIGIT = {"1": "sales", "2": "support"}


async def ask(call: Call) -> str:
    wanted = collecting(
        digits=digits(1, digit_timeout=4),
        speech=speech(language="en-US", hints=list(DEPARTMENTS)),
        initial_timeout=6,
    )
    for _ in range(3):
        menu = await call.play_and_collect([tts("Sales, or support?")], wanted, volume=2.0)
        heard = await menu.wait()
        if not isinstance(heard, CollectEvent):
            return ""  # the caller has hung up
        if heard.type == "digit":
            return BY_DIGIT.get(heard.digits, "")
        if heard.type == "speech" and heard.confidence > 0.6:
            return next((name for name in DEPARTMENTS if name in heard.text.lower()), "")
    return ""


@client.on_call
async def take_call(call: Call) -> None:
    await call.answer()
    department = await ask(call)
    if department:
        await call.connect(
            [[phone(DEPARTMENTS[department], call.to_number)]],
            ringback=[{"type": "ringtone", "name": "us"}],
            status_url="https://example.com/status",
        )
        event = await call.wait_for(
            "calling.call.connect", lambda e: e.connect_state != "connecting"
        )
        if event.connect_state == "connected":
            await call.wait_for_ended()
            return
    await (await call.play_tts("Goodbye.", gender="female")).wait()
    await call.hangup()
