"""The far end of a client of either package: a server that carries out all that it is asked."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import anyio

from relay_proto.wire.websocket import (
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    UpgradeRequested,
    Wire,
)
from tests.contract.adapters import Adapter
from tests.unit.client_peer import PROTOCOL, SUCCESS, Frame

PATIENCE: Final = 20.0
"""Seconds. No test needs them."""


class FarEnd:
    """One connection, over TCP of this machine and without TLS."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._address: tuple[str, int] = listener.getsockname()
        self._wire = Wire(Role.SERVER)
        self._heard: queue.SimpleQueue[Frame] = queue.SimpleQueue()

    def client(self, adapter: Adapter) -> Any:
        """A client that finds its way here, and nowhere else."""

        async def connect(host: str, port: int) -> object:
            return await anyio.connect_tcp(*self._address)

        def connect_blocking(host: str, port: int) -> socket.socket:
            return socket.create_connection(self._address)

        return adapter.owner("RelayClient")(
            project="p-1",
            token="t-1",
            host="nowhere.test",
            contexts=["office"],
            connector=connect_blocking if adapter.blocking else connect,
        )

    def asked(self) -> Frame:
        """The one request that the client has sent since the last."""
        frame = self._heard.get_nowait()  # it was heard before it was answered
        assert self._heard.empty()
        return frame

    def serve(self) -> None:
        """Serve until the client leaves."""
        link, _ = self._listener.accept()
        link.settimeout(PATIENCE)
        with link:
            while data := link.recv(65_536):
                for event in self._wire.receive(data):
                    match event:
                        case UpgradeRequested():
                            link.sendall(self._wire.accept())
                        case TextReceived(text):
                            for answer in self._answers(json.loads(text)):
                                link.sendall(self._wire.send_text(json.dumps(answer).encode()))
                        case BytesToSend(out):
                            link.sendall(out)
                        case PeerClosed():
                            return
                        case _:
                            raise AssertionError(event)

    def _answers(self, frame: Frame) -> Generator[Frame]:
        match frame:
            case {"method": "signalwire.connect", "id": identity}:
                yield {"jsonrpc": "2.0", "id": identity, "result": {"protocol": PROTOCOL}}
            case {"method": method, "id": identity, "params": params}:
                del frame["jsonrpc"]
                self._heard.put(frame)
                yield {"jsonrpc": "2.0", "id": identity, "result": SUCCESS}
                if method == "calling.dial":
                    yield answered(params["tag"])
            case _:
                pass


def answered(tag: str) -> Frame:
    """The event that tells that a dial was answered."""
    call = {"call_id": f"c-{tag}", "node_id": "n-1", "tag": tag, "dial_winner": True}
    body = {"tag": tag, "node_id": "n-1", "dial_state": "answered", "call": call}
    params = {"event_type": "calling.call.dial", "params": body}
    return {"jsonrpc": "2.0", "id": f"e-{tag}", "method": "signalwire.event", "params": params}


@contextmanager
def far_end() -> Generator[FarEnd]:
    """One that serves one client, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        there = FarEnd(listener)
        thread = threading.Thread(target=there.serve)
        thread.start()
        try:
            yield there
        finally:
            thread.join()
