"""A failover number: ring one telephone after the other until somebody answers.

If nobody does, the caller is told so, and the owner gets a text.
Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". NUMBERS is the list of telephones, separated by commas, and OWNER_NUMBER
the telephone that gets the text.
Run: python failover.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os

from relay_anyio import (
    BridgeFailedError,
    Call,
    CallEndedError,
    RelayClient,
    RelayError,
    phone,
    ringtone,
)

NUMBERS = os.environ.get("NUMBERS", "+15550000002,+15550003000").split(",")
OWNER = os.environ.get("OWNER_NUMBER", "+15550003000")
RINGS_FOR = 15  # seconds for each telephone

client = RelayClient(contexts=["office"])


@client.on_call
async def take_call(call: Call) -> None:
    async with call:  # hangs up at the end, whatever happens
        await call.answer()
        devices = [[phone(number, call.to_number, timeout=RINGS_FOR)] for number in NUMBERS]
        try:
            await call.connect_and_wait(devices, ringback=[ringtone("us")])
        except CallEndedError:
            call.log.info("the caller has given up")
        except BridgeFailedError as error:
            call.log.warning("nobody has answered: %s", error.reason)
            sorry = await call.play_tts("Sorry, nobody can take your call. We call you back.")
            await sorry.wait(timeout=30)
        else:
            await call.wait_for_disconnected()  # either of them has hung up
            return
    await tell_owner(call)


async def tell_owner(call: Call) -> None:
    body = f"Missed call from {call.from_number}."
    try:
        text = await client.send_message(to_number=OWNER, from_number=call.to_number, body=body)
        await text.wait_delivered(timeout=120)
    except (RelayError, TimeoutError) as error:
        call.log.error("the owner was not told of this call: %s", error)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
