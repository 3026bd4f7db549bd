"""Record a conversation if the caller agrees: ask, connect to the agent, record both sides.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". AGENT_NUMBER is the telephone of the agent.
Run: python recording_consent.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os

from relay_anyio import (
    BridgeFailedError,
    Call,
    CallEndedError,
    Done,
    RecordAction,
    RelayClient,
    RelayError,
    collecting,
    digits,
    phone,
)

AGENT = os.environ.get("AGENT_NUMBER", "+15550003000")
QUESTION = "We would like to record this call. Press 1 to agree, or 2 to go on without a recording."
ONE_DIGIT = collecting(digits=digits(1), initial_timeout=8.0)

client = RelayClient(contexts=["office"])


@client.on_call
async def take_call(call: Call) -> None:
    recording: RecordAction | None = None
    async with call:  # hangs up at the end, whatever happens
        await call.answer()
        agrees = await ask(call)
        call.log.info("the caller %s to the recording", "agrees" if agrees else "does not agree")
        try:
            await call.connect_and_wait([[phone(AGENT, call.to_number, timeout=25)]])
            if agrees:
                recording = await call.record({"direction": "both", "stereo": True})
            await call.wait_for_disconnected()  # either of them has hung up
        except BridgeFailedError as error:
            call.log.warning("nobody has answered: %s", error.reason)
            sorry = await call.play_tts("Sorry, nobody can take your call now.")
            await sorry.wait(timeout=30)
        except CallEndedError:
            call.log.info("the caller has hung up while the agent's telephone rang")
    if recording is not None:
        await keep(call, recording)


async def ask(call: Call) -> bool:
    """Whether the caller agrees. Silence and other keys are no consent."""
    for _ in range(2):
        question = await call.prompt_tts(QUESTION, ONE_DIGIT)
        match await question.wait_outcome(timeout=60):
            case Done(event) if event.digits in ("1", "2"):
                return event.digits == "1"
            case Done():
                continue
            case _:
                break
    return False


async def keep(call: Call, recording: RecordAction) -> None:
    try:
        outcome = await recording.wait_outcome(timeout=120)  # it may come after the call
    except (RelayError, TimeoutError) as error:
        call.log.error("there is no recording: %s", error)
        return
    match outcome:
        case Done(event):
            call.log.info("recorded %.0f s: %s", event.duration, event.url)
        case _:
            call.log.error("there is no recording: %r", outcome)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
