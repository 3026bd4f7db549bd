"""Constants: the methods, event types and states of the protocol.

Each constant has the value that the server sends or expects. The enums in
`relay_proto.transitions` have the same values.

Public: for applications, which import them from `relay_anyio` or `relay_sync`.

Source: docs/protocol.md, section 18, and the constants of the compatible API.
"""

from __future__ import annotations

from typing import Final

from ._version import __version__

AGENT_STRING: Final = f"relay-proto/{__version__}"
"""The name by which a client introduces itself."""
PROTOCOL_VERSION: Final = {"major": 2, "minor": 0, "revision": 0}
DEFAULT_RELAY_HOST: Final = "relay.signalwire.com"

METHOD_SIGNALWIRE_CONNECT: Final = "signalwire.connect"
METHOD_SIGNALWIRE_EVENT: Final = "signalwire.event"
METHOD_SIGNALWIRE_PING: Final = "signalwire.ping"
METHOD_SIGNALWIRE_DISCONNECT: Final = "signalwire.disconnect"
METHOD_SIGNALWIRE_RECEIVE: Final = "signalwire.receive"
METHOD_SIGNALWIRE_UNRECEIVE: Final = "signalwire.unreceive"

EVENT_AUTHORIZATION_STATE: Final = "signalwire.authorization.state"
EVENT_CALL_STATE: Final = "calling.call.state"
EVENT_CALL_RECEIVE: Final = "calling.call.receive"
EVENT_CALL_CONNECT: Final = "calling.call.connect"
EVENT_CALL_PLAY: Final = "calling.call.play"
EVENT_CALL_COLLECT: Final = "calling.call.collect"
EVENT_CALL_RECORD: Final = "calling.call.record"
EVENT_CALL_DETECT: Final = "calling.call.detect"
EVENT_CALL_FAX: Final = "calling.call.fax"
EVENT_CALL_TAP: Final = "calling.call.tap"
EVENT_CALL_SEND_DIGITS: Final = "calling.call.send_digits"
EVENT_CALL_DIAL: Final = "calling.call.dial"
EVENT_CALL_REFER: Final = "calling.call.refer"
EVENT_CALL_DENOISE: Final = "calling.call.denoise"
EVENT_CALL_PAY: Final = "calling.call.pay"
EVENT_CALL_QUEUE: Final = "calling.call.queue"
EVENT_CALL_STREAM: Final = "calling.call.stream"
EVENT_CALL_ECHO: Final = "calling.call.echo"
EVENT_CALL_TRANSCRIBE: Final = "calling.call.transcribe"
EVENT_CONFERENCE: Final = "calling.conference"
EVENT_CALLING_ERROR: Final = "calling.error"
EVENT_MESSAGING_RECEIVE: Final = "messaging.receive"
EVENT_MESSAGING_STATE: Final = "messaging.state"
EVENT_CALL_HOLD: Final = "calling.call.hold"

CALL_STATE_CREATED: Final = "created"
CALL_STATE_RINGING: Final = "ringing"
CALL_STATE_ANSWERED: Final = "answered"
CALL_STATE_ENDING: Final = "ending"
CALL_STATE_ENDED: Final = "ended"
CALL_STATES: Final = (
    CALL_STATE_CREATED,
    CALL_STATE_RINGING,
    CALL_STATE_ANSWERED,
    CALL_STATE_ENDING,
    CALL_STATE_ENDED,
)

END_REASON_HANGUP: Final = "hangup"
END_REASON_CANCEL: Final = "cancel"
END_REASON_BUSY: Final = "busy"
END_REASON_NO_ANSWER: Final = "noAnswer"
END_REASON_DECLINE: Final = "decline"
END_REASON_ERROR: Final = "error"
END_REASON_ABANDONED: Final = "abandoned"
END_REASON_MAX_DURATION: Final = "max_duration"
END_REASON_NOT_FOUND: Final = "not_found"

CONNECT_STATE_CONNECTING: Final = "connecting"
CONNECT_STATE_CONNECTED: Final = "connected"
CONNECT_STATE_DISCONNECTED: Final = "disconnected"
CONNECT_STATE_FAILED: Final = "failed"

DIAL_STATE_DIALING: Final = "dialing"
DIAL_STATE_ANSWERED: Final = "answered"
DIAL_STATE_FAILED: Final = "failed"

MESSAGE_STATE_QUEUED: Final = "queued"
MESSAGE_STATE_INITIATED: Final = "initiated"
MESSAGE_STATE_SENT: Final = "sent"
MESSAGE_STATE_DELIVERED: Final = "delivered"
MESSAGE_STATE_UNDELIVERED: Final = "undelivered"
MESSAGE_STATE_FAILED: Final = "failed"
MESSAGE_STATE_RECEIVED: Final = "received"
MESSAGE_TERMINAL_STATES: Final = (
    MESSAGE_STATE_DELIVERED,
    MESSAGE_STATE_UNDELIVERED,
    MESSAGE_STATE_FAILED,
)

PLAY_STATE_PLAYING: Final = "playing"
PLAY_STATE_PAUSED: Final = "paused"
PLAY_STATE_FINISHED: Final = "finished"
PLAY_STATE_ERROR: Final = "error"

RECORD_STATE_RECORDING: Final = "recording"
RECORD_STATE_PAUSED: Final = "paused"
RECORD_STATE_FINISHED: Final = "finished"
RECORD_STATE_NO_INPUT: Final = "no_input"
RECORD_STATE_ERROR: Final = "error"

DETECT_TYPE_MACHINE: Final = "machine"
DETECT_TYPE_FAX: Final = "fax"
DETECT_TYPE_DIGIT: Final = "digit"

ROOM_STATE_JOINING: Final = "joining"
ROOM_STATE_JOIN: Final = "join"
ROOM_STATE_LEAVING: Final = "leaving"
ROOM_STATE_LEAVE: Final = "leave"

RECONNECT_MIN_DELAY: Final = 1.0
RECONNECT_MAX_DELAY: Final = 30.0
RECONNECT_BACKOFF_FACTOR: Final = 2.0
RECONNECT_MAX_AUTH_ATTEMPTS: Final = 3
