"""Appointment reminders: call everybody in a CSV file, five at a time; results go to another one.

A person is asked to press 1 to confirm or 2 to cancel. A machine gets a message after its beep.
Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN. OUR_NUMBER is a phone number of yours.
Run: python appointment_reminders.py appointments.csv results.csv
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import csv
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import anyio

from relay_anyio import (
    Call,
    DialFailedError,
    DialTimeoutError,
    Done,
    RelayClient,
    RelayError,
    collecting,
    digits,
)

OURS = os.environ.get("OUR_NUMBER", "+15550002222")
AT_A_TIME = 5
ANSWERS = {"1": "confirmed", "2": "cancelled"}
ONE_DIGIT = collecting(digits=digits(1), initial_timeout=8.0)


@dataclass(frozen=True)
class Appointment:
    number: str
    name: str
    time: str


async def remind(client: RelayClient, appointment: Appointment) -> str:
    """Call somebody, and return how it went."""
    words = f"Hello {appointment.name}. You have an appointment on {appointment.time}."
    try:
        call = await client.dial_phone(appointment.number, OURS, timeout=25, dial_timeout=40)
        async with call:  # hangs up at the end, whatever happens
            left = await call.leave_message(f"{words} To change it, please call us.")
            if left.who == "human":
                return await ask(call, words)
            return "message left" if left.played else f"no message: {left.who}"
    except DialFailedError as error:
        return f"not reached: {error.reason}"
    except DialTimeoutError:
        return "not reached: timeout"
    except ValueError as error:  # the number is not in E.164 form; nothing was dialed
        return f"wrong number: {error}"
    except (RelayError, TimeoutError) as error:  # such as a connection that was lost
        return f"failed: {error}"


async def ask(call: Call, words: str) -> str:
    for _ in range(2):
        question = await call.prompt_tts(
            f"{words} Press 1 to confirm it, or 2 to cancel it.", ONE_DIGIT
        )
        match await question.wait_outcome(timeout=60):
            case Done(event) if event.digits in ANSWERS:
                answer = ANSWERS[event.digits]
                thanks = await call.play_tts(f"Thank you. Your appointment is {answer}.")
                await thanks.wait(timeout=30)
                return answer
            case Done():
                continue  # silence, or another key
            case _:
                return "hung up"
    return "no answer to the question"


async def remind_all(
    client: RelayClient, appointments: Iterable[Appointment], write: Callable[[list[str]], object]
) -> None:
    limiter = anyio.CapacityLimiter(AT_A_TIME)

    async def remind_one(one: Appointment) -> None:
        async with limiter:
            result = await remind(client, one)
        write([one.number, one.name, one.time, result])

    async with client, anyio.create_task_group() as tasks:
        for appointment in appointments:
            tasks.start_soon(remind_one, appointment)


def main(source: Path, target: Path) -> None:
    with source.open(encoding="utf-8", newline="") as file:
        appointments = [Appointment(**row) for row in csv.DictReader(file)]
    with target.open("w", encoding="utf-8", newline="", buffering=1) as file:  # line by line
        results = csv.writer(file)
        results.writerow(["number", "name", "time", "result"])
        anyio.run(remind_all, RelayClient(), appointments, results.writerow)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
