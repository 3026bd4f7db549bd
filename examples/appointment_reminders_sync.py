"""Appointment reminders: call everybody in a CSV file, five at a time; results go to another one.

A person is asked to press 1 to confirm or 2 to cancel. A machine gets a message after its beep.
Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN. OUR_NUMBER is a phone number of yours.
Run: python appointment_reminders_sync.py appointments.csv results.csv
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import csv
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from relay_sync import (
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


def remind(client: RelayClient, appointment: Appointment) -> str:
    """Call somebody, and return how it went."""
    words = f"Hello {appointment.name}. You have an appointment on {appointment.time}."
    try:
        call = client.dial_phone(appointment.number, OURS, timeout=25, dial_timeout=40)
        with call:  # hangs up at the end, whatever happens
            left = call.leave_message(f"{words} To change it, please call us.")
            if left.who == "human":
                return ask(call, words)
            return "message left" if left.played else f"no message: {left.who}"
    except DialFailedError as error:
        return f"not reached: {error.reason}"
    except DialTimeoutError:
        return "not reached: timeout"
    except ValueError as error:  # the number is not in E.164 form; nothing was dialed
        return f"wrong number: {error}"
    except (RelayError, TimeoutError) as error:  # such as a connection that was lost
        return f"failed: {error}"


def ask(call: Call, words: str) -> str:
    for _ in range(2):
        question = call.prompt_tts(f"{words} Press 1 to confirm it, or 2 to cancel it.", ONE_DIGIT)
        match question.wait_outcome(timeout=60):
            case Done(event) if event.digits in ANSWERS:
                answer = ANSWERS[event.digits]
                call.play_tts(f"Thank you. Your appointment is {answer}.").wait(timeout=30)
                return answer
            case Done():
                continue  # silence, or another key
            case _:
                return "hung up"
    return "no answer to the question"


def remind_all(
    client: RelayClient, appointments: Iterable[Appointment], write: Callable[[list[str]], object]
) -> None:
    def remind_one(one: Appointment) -> list[str]:
        return [one.number, one.name, one.time, remind(client, one)]

    with client, ThreadPoolExecutor(AT_A_TIME) as pool:
        calls = [pool.submit(remind_one, appointment) for appointment in appointments]
        try:
            for call in as_completed(calls):
                write(call.result())
        except BaseException:  # Ctrl+C: call nobody else
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def main(source: Path, target: Path) -> None:
    with source.open(encoding="utf-8", newline="") as file:
        appointments = [Appointment(**row) for row in csv.DictReader(file)]
    with target.open("w", encoding="utf-8", newline="", buffering=1) as file:  # line by line
        results = csv.writer(file)
        results.writerow(["number", "name", "time", "result"])
        remind_all(RelayClient(), appointments, results.writerow)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
