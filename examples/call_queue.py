"""A call queue: callers wait with music, and agents take one caller after the other.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and two phone numbers: callers call the one
that is assigned to the context "support", agents the one of the context "agents".
HOLD_MUSIC is the URL of the audio file that callers hear while they wait, such as an MP3.
Run: python call_queue.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os
from contextlib import suppress

from relay_anyio import (
    EVENT_CALL_QUEUE,
    BridgeFailedError,
    Call,
    CallEndedError,
    ConnectDevice,
    QueueEvent,
    RelayClient,
)

QUEUE = "support"
MUSIC = os.environ.get("HOLD_MUSIC", "https://example.com/music.mp3")
LONGEST_WAIT = 15 * 60
NEXT_CALLER: ConnectDevice = {"type": "queue", "params": {"queue_name": QUEUE}}

client = RelayClient(contexts=["support", "agents"])


@client.on_call(contexts=["support"])
async def take_caller(call: Call) -> None:
    async with call:  # hangs up at the end, whatever happens
        await call.answer()
        welcome = await call.play_tts("Please hold for the next agent.")
        await welcome.wait(timeout=30)
        async with call.expect(EVENT_CALL_QUEUE, has_left) as left:
            await call.queue_enter(QUEUE, wait_url=MUSIC)
            try:
                await left.wait(timeout=LONGEST_WAIT)
            except CallEndedError:
                call.log.info("the caller has given up")
            except TimeoutError:
                await call.queue_leave(QUEUE)
                sorry = await call.play_tts("Sorry for the long wait. Please call again later.")
                await sorry.wait(timeout=30)
            else:
                await call.wait_for_ended()  # the end of the agent's call ends this one, too


def has_left(event: QueueEvent) -> bool:
    return event.status != "enqueue"


@client.on_call(contexts=["agents"])
async def serve_agent(call: Call) -> None:
    async with call:
        await call.answer()
        told = False
        while not call.ended:
            try:
                await call.connect_and_wait([[NEXT_CALLER]])
                await call.wait_for_disconnected()  # the caller or the agent has hung up
                told = False
            except BridgeFailedError:  # the queue is empty
                if not told:
                    idle = await call.play_tts("Nobody is waiting. Please stay on the line.")
                    await idle.wait(timeout=30)
                    told = True
                with suppress(TimeoutError):
                    await call.wait_for_ended(timeout=3)  # then look again
            except CallEndedError:
                break


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
