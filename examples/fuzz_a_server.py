"""Fuzz somebody else's RELAY server: with frames of any kind, and with a client that is real.

`PartyLine` stands for your server. It takes messages and returns messages, and it has a bug.
Needs: pip install 'relay-proto[hypothesis]'
Run: python fuzz_a_server.py
"""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from relay_proto import ClientConfig, ClientCore, Credentials, Secret, commands
from relay_proto.outputs import Connected, OpenTransport, SendData
from relay_proto.testing import strategies

CONFIG = ClientConfig(credentials=Credentials(Secret("project"), Secret("token")))


class PartyLine:
    """A small server, which knows calls by their ids."""

    def __init__(self) -> None:
        self.calls = {"call-1": "ringing", "call-2": "ringing"}
        self.seen: set[str] = set()

    def receive(self, text: bytes) -> list[dict[str, Any]]:
        try:
            frame: dict[str, Any] = dict(json.loads(text))
        except (ValueError, TypeError, RecursionError):
            return []
        if not isinstance(frame.get("method"), str):
            return []
        if str(frame.get("id")) in self.seen:
            return []  # the bug: a client that uses an id again never gets an answer
        self.seen.add(str(frame.get("id")))
        return [{"jsonrpc": "2.0", "id": frame.get("id"), **self.answer(frame)}]

    def answer(self, frame: dict[str, Any]) -> dict[str, Any]:
        call_id = ""
        match frame.get("params"):
            case {"call_id": str() as named}:
                call_id = named
            case _:
                pass
        match frame["method"]:
            case "signalwire.connect":
                return {"result": {"protocol": "party-line", "identity": "client-1"}}
            case "signalwire.ping":
                return {"result": {}}
            case "calling.answer" if call_id in self.calls:
                self.calls[call_id] = "answered"
                return {"result": {"code": "200", "message": "answered"}}
            case _:
                return {"error": {"code": -32601, "message": "no such thing here"}}


def try_frames(messages: list[bytes]) -> None:
    """Nothing raises, and whatever is a request gets one answer with its id."""
    server = PartyLine()
    for message in messages:
        answers = server.receive(message)
        if is_request(message):
            assert [one["id"] for one in answers] == [json.loads(message)["id"]]


def is_request(message: bytes) -> bool:
    try:
        frame: dict[str, Any] = dict(json.loads(message))
    except (ValueError, TypeError, RecursionError):
        return False
    return isinstance(frame.get("method"), str) and "id" in frame


def try_a_client(seed: int, sizes: list[int]) -> None:
    """A client connects and gets an answer, however its bytes are split."""
    server, wire = PartyLine(), WSConnection(ConnectionType.SERVER)
    core = ClientCore(CONFIG, Random(seed))  # noqa: S311 - it has to do the same again
    core.start(0.0)
    asked = None
    pieces = iter(sizes)
    connected = False
    while (output := core.next_output()) is not None:
        match output:
            case OpenTransport(transport):
                core.transport_opened(transport, 0.0)
            case SendData(transport, data):
                for piece in split(serve(server, wire, data), next(pieces, 1 << 16)):
                    core.receive_data(transport, piece, 0.0)
            case Connected():
                connected = True
                asked = core.execute(commands.execute("calling.answer", {"call_id": "call-1"}), 0.0)
            case _:
                pass
    assert connected
    assert asked is not None
    assert asked.result()["code"] == "200"


def serve(server: PartyLine, wire: WSConnection, data: bytes) -> bytes:
    """Give a server the bytes of a client, and return those of its answers."""
    wire.receive_data(data)
    answers = b""
    for event in wire.events():
        match event:
            case Request():
                answers += wire.send(AcceptConnection())
            case TextMessage(data=text):
                for answer in server.receive(text.encode()):
                    answers += wire.send(TextMessage(json.dumps(answer)))
            case CloseConnection():
                answers += wire.send(event.response())
            case _:
                pass
    return answers


def split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def any_message() -> st.SearchStrategy[bytes]:
    frames = strategies.requests() | strategies.broken_requests()
    return frames.map(lambda frame: json.dumps(frame).encode()) | strategies.broken_frames()


def fuzz(runs: int = 300) -> None:
    quick = settings(max_examples=runs, database=None, derandomize=True, deadline=None)
    quick(given(st.integers(0, 9), st.lists(st.integers(1, 50), max_size=5))(try_a_client))()
    quick(given(st.lists(any_message(), max_size=5))(try_frames))()


if __name__ == "__main__":
    fuzz()
