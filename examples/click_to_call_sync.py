"""Click to call: a Flask view that calls an agent, then connects the customer.

Needs: pip install flask. SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN.
AGENT_NUMBER is the telephone of the agent, and OUR_NUMBER a phone number of yours.
Run: python click_to_call_sync.py
     curl --data-urlencode to=+15550004000 http://127.0.0.1:5000/calls
     curl http://127.0.0.1:5000/calls/ID
Without an account: start ``relay sim``, and set the variables that it prints.

The states of calls are in a file, CALLS_DATABASE: any process can tell them, such as any worker of
gunicorn. All requests of a process share one client, because any thread may call its methods.
A web server that forks must connect after the fork, so this program connects at its first request.
"""

import os
import re
import secrets
import threading

from flask import Flask, request

from call_states import CallStates
from relay_sync import (
    BridgeFailedError,
    Call,
    CallEndedError,
    DialFailedError,
    DialTimeoutError,
    RelayClient,
    RelayError,
    phone,
)

AGENT = os.environ.get("AGENT_NUMBER", "+15550003000")
OURS = os.environ.get("OUR_NUMBER", "+15550002222")

app = Flask(__name__)
client = RelayClient()
states = CallStates(os.environ.get("CALLS_DATABASE", "click_to_call.db"))


@app.post("/calls")
def start() -> tuple[dict[str, str], int]:
    client.connect()  # does nothing if the client is connected already
    customer = request.form.get("to", "")
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", customer):
        return {"error": "to must be a number like +15550004000"}, 400
    call_id = secrets.token_hex(8)
    states.put(call_id, "calling")  # before the dial leaves: a crash leaves no call without a row
    try:
        agent = phone(AGENT, OURS, timeout=20)
        call = client.dial([[agent]], tag=call_id, dial_timeout=30)
    except (DialFailedError, DialTimeoutError) as error:
        states.put(call_id, "failed", str(error))
        return {"error": str(error)}, 502
    states.put(call_id, "answered")
    threading.Thread(target=connect, args=(call, call_id, customer), daemon=True).start()
    return {"id": call_id, "state": "answered"}, 202


@app.get("/calls/<call_id>")
def show(call_id: str) -> tuple[dict[str, str], int]:
    found = states.get(call_id)
    return ({"error": "there is no such call"}, 404) if found is None else (found, 200)


def connect(agent: Call, call_id: str, customer: str) -> None:
    try:
        with agent:  # whatever happens, the agent is hung up at the end
            agent.play_tts("Connecting you now.").wait(timeout=30)
            try:
                agent.connect_and_wait([[phone(customer, OURS, timeout=30)]])
            except BridgeFailedError as error:
                agent.log.info("the customer cannot be reached: %s", error.reason)
                agent.play_tts("Sorry, the customer cannot be reached.").wait(timeout=30)
            except CallEndedError:
                agent.log.info("the agent has hung up while the customer's phone rang")
            else:
                states.put(call_id, "connected")
                agent.wait_for_disconnected()  # either of them has hung up
    except (RelayError, TimeoutError) as error:  # such as a connection that was lost
        agent.log.warning("the call has failed: %s", error)
    finally:
        states.put(call_id, "ended", agent.end_reason)


if __name__ == "__main__":
    app.run()
