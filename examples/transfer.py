"""Transfer with an announcement: the agent is told who calls, and presses 1 to take the call.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". AGENT_NUMBER is the telephone of the agent.
Run: python transfer.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os

from relay_anyio import (
    Call,
    DialFailedError,
    DialTimeoutError,
    Done,
    RelayClient,
    RelayError,
    collecting,
    digits,
    ringtone,
)

AGENT = os.environ.get("AGENT_NUMBER", "+15550000013")
ONE_DIGIT = collecting(digits=digits(1), initial_timeout=10.0)

client = RelayClient(contexts=["office"])


@client.on_call(cancel_on_end=True)  # a caller who hangs up also stops the ringing at the agent
async def take_call(call: Call) -> None:
    async with call:  # hangs up at the end, whatever happens
        await call.answer()
        if not await transfer(call, AGENT):
            sorry = await call.play_tts("Sorry, nobody can take your call now.")
            await sorry.wait(timeout=30)


async def transfer(caller: Call, number: str) -> bool:
    """Connect the caller, and return when they have talked; False if nobody takes the call."""
    ringing = await caller.play([ringtone("us", duration=4.0)], loop=0)  # until it is stopped
    try:
        agent = await client.dial_phone(number, caller.to_number, timeout=20, dial_timeout=30)
        async with agent:
            if not await takes(agent, caller):
                return False
            await ringing.stop()
            await caller.bridge(agent)
            await caller.wait_for_disconnected()  # one of them has hung up
            return True
    except (DialFailedError, DialTimeoutError) as error:
        caller.log.info("the agent does not answer: %s", error)
        return False
    except RelayError as error:  # such as 410: the agent has hung up just before the bridge
        caller.log.warning("the caller cannot be connected: %s", error)
        return False
    finally:
        if not ringing.completed:
            await ringing.stop()


async def takes(agent: Call, caller: Call) -> bool:
    number = " ".join(caller.from_number)  # spoken digit by digit
    words = f"A call from {number}. Press 1 to take it, or hang up."
    question = await agent.prompt_tts(words, ONE_DIGIT)
    match await question.wait_outcome(timeout=60):
        case Done(event):
            return event.digits == "1"
        case _:
            return False


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
