"""A payment by telephone: the caller types the card number, which this program never sees.

The service asks for the card, and gives its details to your payment connector.
Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". PAYMENT_CONNECTOR_URL is the address of the connector.
Run: python payment.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os

from relay_anyio import Call, Done, Failed, PayEvent, RelayClient, RelayError

CONNECTOR = os.environ.get("PAYMENT_CONNECTOR_URL", "https://example.com/pay")
AMOUNT, CURRENCY = "24.90", "usd"

client = RelayClient(contexts=["office"])


@client.on_call
async def take_call(call: Call) -> None:
    async with call:  # hangs up at the end, whatever happens
        await call.answer()
        await say(call, f"Welcome. You pay {AMOUNT} dollars for your ticket.")
        if await pay(call):
            await say(call, "Thank you. The payment was made. Goodbye.")
        else:
            await say(call, "Sorry, the payment was not made. Nothing was charged. Goodbye.")


async def pay(call: Call) -> bool:
    try:
        payment = await call.pay(
            CONNECTOR,
            charge_amount=AMOUNT,
            currency=CURRENCY,
            description="Ticket",
            security_code="true",
            postal_code="false",
            max_attempts="3",
            timeout="10",
        )
        outcome = await payment.wait_outcome(timeout=10 * 60)
    except (RelayError, TimeoutError) as error:
        call.log.error("the payment is in doubt, look it up at the connector: %s", error)
        return False
    match outcome:
        case Done(PayEvent(phase="payment-completed")):
            call.log.info("the payment was made")
            return True
        case Done() | Failed():
            call.log.info("the payment was not made")
        case _:
            call.log.warning("the call has ended during the payment: look it up at the connector")
    return False


async def say(call: Call, words: str) -> None:
    speech = await call.play_tts(words)
    await speech.wait(timeout=60)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
