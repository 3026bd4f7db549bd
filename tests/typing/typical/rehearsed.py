"""Typical: the tests of a payment line, with its program."""

from relay_anyio import Call, PayEvent, RelayClient
from relay_anyio.testing import Caller, Hear, Press, Story, rehearse

client = RelayClient(project="p-1", token="PT1", contexts=["payments"])


@client.on_call
async def take_payment(call: Call) -> None:
    await call.answer()
    payment = await call.pay(
        "https://example.com/pay",
        charge_amount="12.50",
        currency="usd",
        parameters=[{"name": "order", "value": "7"}],
        on_completed=paid,
    )
    result = await payment.wait()
    if isinstance(result, PayEvent) and result.phase == "payment-completed":
        await (await call.play_tts("Thank you.")).wait()
    await call.hangup()


def paid(event: object) -> None:
    print(event)


def test_somebody_pays() -> None:
    story: Story = rehearse(client, Caller("+15550001111", (Hear("card"), Press("4111"))))
    assert "Thank you" in story.text
