"""Typical: a web form calls a visitor, on threads."""

from concurrent.futures import ThreadPoolExecutor

from relay_sync import BridgeFailedError, Call, DialFailedError, RelayClient, RelayError

client = RelayClient()
pool = ThreadPoolExecutor(4)


def connect(visitor: str, agent: str) -> tuple[int, str]:
    try:
        call: Call = client.dial_phone(agent, "+15550001111", timeout=20)
    except DialFailedError as failure:
        return 409, failure.reason
    except RelayError as error:
        return error.code, error.message
    hello = call.play_tts(f"A visitor from {visitor} is on the line.")
    hello.wait(timeout=20)
    call.on("calling.call.state", lambda event: print(event.call_state, event.end_reason))
    with call:
        try:
            call.connect_and_wait([[{"type": "phone", "to": visitor, "from": "+15550001111"}]])
        except BridgeFailedError as failure:
            return 409, failure.reason
        call.wait_for_disconnected()
    return 200, call.call_id


def form(visitor: str, agent: str) -> int:
    with client:
        status, _ = pool.submit(connect, visitor, agent).result()
    return status
