"""The floor: a client with nothing in it but a Cython WebSocket and msgspec.

It decodes, acknowledges and dispatches events, and sends requests. It has no ping, no
reconnect, no deadlines, no limits and no call states. Its methods have the same names as
those of the real clients, because the script calls them.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec


class Body(msgspec.Struct):
    call_id: str = ""
    control_id: str = ""
    state: str = ""
    call_state: str = ""


class Params(msgspec.Struct):
    event_type: str = ""
    params: Body = msgspec.field(default_factory=Body)


class Frame(msgspec.Struct):
    id: str = ""
    method: str = ""
    params: Params | None = None
    result: dict[str, Any] | None = None


class Ack(msgspec.Struct):
    id: str
    jsonrpc: str = "2.0"
    result: dict[str, Any] = {}


class Asked(msgspec.Struct):
    id: str
    method: str
    params: dict[str, Any]
    jsonrpc: str = "2.0"


class Call:
    __slots__ = ("call_id", "listeners")

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.listeners: dict[str, Callable[[Body], Any]] = {}

    def on(self, event_type: str, listener: Callable[[Body], Any]) -> None:
        self.listeners[event_type] = listener


class RelayClient:
    def __init__(self, *, host: str, contexts: list[str], **ignored: Any) -> None:
        self.host = host
        self.contexts = contexts
        self.calls: dict[str, Call] = {}
        self.waiting: dict[str, asyncio.Future[Any]] = {}
        self.handler: Callable[[Call], Awaitable[None]] | None = None
        self.number = 0
        self.tasks: set[Any] = set()
        self.transport: Any = None

    def on_call(self, handler: Callable[[Call], Awaitable[None]]) -> None:
        self.handler = handler

    async def connect(self) -> None:
        context = ssl.create_default_context(cafile=os.environ["SIGNALWIRE_RELAY_CA_FILE"])
        picows: Any = importlib.import_module("picows")
        text, decode, encode = (
            picows.WSMsgType.TEXT,
            msgspec.json.Decoder(Frame).decode,
            msgspec.json.Encoder().encode,
        )
        self.text, self.encode = text, encode

        def on_ws_frame(listener: Any, transport: Any, raw: Any) -> None:
            if raw.msg_type != text:
                return
            frame = decode(raw.get_payload_as_memoryview())
            if frame.params is None:
                self.waiting.pop(frame.id).set_result(frame.result)
            else:
                transport.send(text, encode(Ack(frame.id)))
                self.heard(frame.params)

        listener = type("Listener", (picows.WSListener,), {"on_ws_frame": on_ws_frame})
        url = f"wss://{self.host}/"
        self.transport, _ = await picows.ws_connect(listener, url, ssl_context=context)
        await self.execute("signalwire.connect", {"contexts": self.contexts})

    def heard(self, event: Params) -> None:
        body = event.params
        call = self.calls.get(body.call_id)
        if call is not None:
            listener = call.listeners.get(event.event_type)
            if listener is not None:
                listener(body)
        elif self.handler is not None:
            call = self.calls[body.call_id] = Call(body.call_id)
            task = asyncio.ensure_future(self.handler(call))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def execute(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.number += 1
        identity = f"{self.number:036d}"
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.waiting[identity] = future
        self.transport.send(self.text, self.encode(Asked(identity, method, params)))
        return await future

    async def disconnect(self) -> None:
        self.transport.disconnect()
