"""A Flask service: a request calls somebody and speaks a text; calls that come in are answered.

Needs: pip install flask. SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that
is assigned to the context "office". OUR_NUMBER is this number.
Run: flask --app flask_service_sync run
     curl --data-urlencode to=+15550003000 -d text=Hello http://127.0.0.1:5000/calls
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import os
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from flask import Flask, request

from relay_sync import Call, DialFailedError, DialTimeoutError, Done, RelayClient, RelayError

OURS = os.environ.get("OUR_NUMBER", "+15550002222")
MOST_CALLS = 20
MOST_REMEMBERED = 1000

app = Flask(__name__)
client = RelayClient(contexts=["office"])
pool = ThreadPoolExecutor(MOST_CALLS)
results: dict[str, str] = {}
lock = threading.Lock()  # each request has a thread of its own


@app.post("/calls")
def start() -> tuple[dict[str, str], int]:
    try:
        client.connect(timeout=10)  # does nothing if the client is connected
    except RelayError as error:
        return {"error": str(error)}, 503
    to, text = request.form.get("to", ""), request.form.get("text", "")
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", to) or not 1 <= len(text) <= 1000:
        return {"error": "to must be a number like +15550003000, and text must not be empty"}, 400
    number = uuid.uuid4().hex
    with lock:
        while len(results) >= MOST_REMEMBERED:
            del results[next(iter(results))]
        results[number] = "calling"
    pool.submit(announce, number, to, text)
    return {"id": number}, 202


@app.get("/calls/<number>")
def show(number: str) -> tuple[dict[str, str], int]:
    if number not in results:
        return {"error": "there is no such call"}, 404
    return {"id": number, "result": results[number]}, 200


@app.get("/health")
def health() -> tuple[dict[str, str], int]:
    return {"relay": client.state}, 200 if client.state == "ready" else 503


def announce(number: str, to: str, text: str) -> None:
    try:
        call = client.dial_phone(to, OURS, timeout=25, dial_timeout=40)
        with call:  # hangs up at the end, whatever happens
            outcome = call.play_tts(text).wait_outcome(timeout=120)
        results[number] = "heard" if isinstance(outcome, Done) else "not heard to the end"
    except DialFailedError as error:
        results[number] = f"not reached: {error.reason}"
    except DialTimeoutError:
        results[number] = "not reached: timeout"
    except (RelayError, TimeoutError) as error:
        results[number] = f"failed: {error}"


@client.on_call
def take_call(call: Call) -> None:
    with call:
        call.answer()
        call.play_tts("Thank you for calling. We are open from nine to five.").wait(timeout=60)


if __name__ == "__main__":
    client.connect(retry=True, timeout=60)
    try:
        app.run()
    finally:
        client.drain(10, hang_up=True)  # calls that are up get 10 s
