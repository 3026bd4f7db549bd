"""Devices as they are on the wire, and a leg that rings one of them.

Source: docs/protocol.md, section 17.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias, assert_never

import msgspec

from ..constants import (
    END_REASON_BUSY,
    END_REASON_DECLINE,
    END_REASON_NO_ANSWER,
    END_REASON_NOT_FOUND,
)
from ..rpc.frames import JSONObject
from ..transitions import CallState
from .crossing import OtherProgram, cross
from .happened import What, Who
from .legs import OUTBOUND, FarEnd, Leg
from .network import Network
from .people import Person
from .script import Answers, Behaviour, Busy, ByHand, Declines, NoAnswer, Served, Unreachable
from .sessions import Session
from .shapes import Codecs, Flag, HttpMethod, Name, Object, Seconds, Text
from .switch import Switch

CallStateName: TypeAlias = Literal["created", "ringing", "answered", "ending", "ended"]


class _Params(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    timeout: Seconds | None = None
    max_duration: Seconds = 0.0
    call_state_url: Text = None
    call_state_events: tuple[CallStateName, ...] | None = None
    confirm: Text = None
    codecs: Codecs = None


class PhoneParams(_Params, frozen=True, kw_only=True, omit_defaults=True):
    """A phone number."""

    to_number: Name
    from_number: str = ""
    """Empty means the number that the project has for this."""

    @property
    def address(self) -> str:
        """The address to ring."""
        return self.to_number


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A header of SIP."""

    name: str
    value: str


class UriParams(_Params, frozen=True, kw_only=True, omit_defaults=True):
    """A URI."""

    to: Name
    from_: Name = msgspec.field(name="from")
    from_name: Text = None
    headers: tuple[Header, ...] | None = None
    webrtc_media: Flag = None
    username: Text = None
    password: Text = None

    @property
    def address(self) -> str:
        """The address to ring."""
        return self.to


class ChannelParams(_Params, frozen=True, kw_only=True, omit_defaults=True):
    """A channel of Agora."""

    appid: Name
    channel: Name
    from_: Name = msgspec.field(name="from")
    to: str = ""

    @property
    def address(self) -> str:
        """The address to ring."""
        return self.to or self.channel


class CallParams(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of an existing call."""

    node_id: str
    call_id: str


class Phone(msgspec.Struct, frozen=True, tag_field="type", tag="phone"):
    """A telephone."""

    params: PhoneParams


class Sip(msgspec.Struct, frozen=True, tag_field="type", tag="sip"):
    """A SIP endpoint."""

    params: UriParams


class Webrtc(msgspec.Struct, frozen=True, tag_field="type", tag="webrtc"):
    """A browser."""

    params: UriParams


class Agora(msgspec.Struct, frozen=True, tag_field="type", tag="agora"):
    """A channel of Agora."""

    params: ChannelParams


class ExistingCall(msgspec.Struct, frozen=True, tag_field="type", tag="call"):
    """An existing call; for ``calling.connect`` only."""

    params: CallParams


class QueueParams(msgspec.Struct, frozen=True, kw_only=True):
    """A queue of this project."""

    queue_name: Name
    queue_id: Text = None
    node_id: Text = None


class WaitingCall(msgspec.Struct, frozen=True, tag_field="type", tag="queue"):
    """The call that has waited longest in a queue; for ``calling.connect`` only."""

    params: QueueParams


class StreamParams(_Params, frozen=True, kw_only=True, omit_defaults=True):
    """A WebSocket that receives the media of a call."""

    url: Annotated[str, msgspec.Meta(pattern=r"\Awss://", max_length=2000)]
    name: str = ""
    codec: str = ""
    status_url: Text = None
    status_url_method: HttpMethod = None
    realtime: Flag = None
    authorization_bearer_token: Text = None
    custom_parameters: Object = None

    @property
    def address(self) -> str:
        """The address to ring."""
        return self.url


class MediaStream(msgspec.Struct, frozen=True, tag_field="type", tag="stream"):
    """A WebSocket server; for ``calling.connect`` only. A `Line` decides if it answers."""

    params: StreamParams


SHOWN: Final = frozenset(
    "to_number from_number to from appid channel url name codec timeout max_duration".split()
)
"""The parameters of devices that events show. Others may be secrets."""

Device: TypeAlias = Phone | Sip | Webrtc | Agora
Target: TypeAlias = Device | MediaStream
"""What ``calling.connect`` can ring."""
Group: TypeAlias = Annotated[list[Device], msgspec.Meta(min_length=1)]
Plan: TypeAlias = Annotated[list[Group], msgspec.Meta(min_length=1)]


class Ringing:
    """One leg to one device, which may ring and may be answered."""

    def __init__(
        self, switch: Switch, session: Session, device: Target, tag: str, now: float
    ) -> None:
        params = device.params
        network = switch.network
        self._switch = switch
        self._network = network
        self._params = params
        self._behaviour = network.behaviour(params.address, now)
        self.leg = Leg(
            network,
            _far_end(network, self._behaviour),
            session=session,
            direction=OUTBOUND,
            device=_shown(device),
            number=params.address,
            tag=tag,
        )

    def start(self, now: float) -> None:
        """Tell the program about the call, and schedule the ringing."""
        self.leg.watchers.append(self._watch)
        self.leg.tell_state(now)
        self._network.at(now + self._network.config.timing.ring_delay, self._ring)

    def _ring(self, now: float) -> None:
        match self._behaviour:
            case Unreachable():
                self.leg.end(END_REASON_NOT_FOUND, Who.EXCHANGE, now)
            case Busy():
                self.leg.end(END_REASON_BUSY, Who.EXCHANGE, now)
            case NoAnswer() | ByHand():
                self._let_ring(now)
            case Answers(after=after):
                self._let_ring(now)
                self._network.at(now + after, self._answer)
            case Declines(after=after):
                self._let_ring(now)
                self._network.at(now + after, self._decline)
            case Served(context=context):
                self._let_ring(now)
                assert isinstance(self.leg.far, OtherProgram), "a program serves the number"
                cross(self._switch, self.leg, self.leg.far, context, now)
            case _:
                assert_never(self._behaviour)

    def _let_ring(self, now: float) -> None:
        self.leg.note(Who.EXCHANGE, What.RANG, now, to=self.leg.number)
        timeout = self._params.timeout
        seconds = self._network.config.timing.ring_timeout if timeout is None else timeout
        self.leg.wait_for_answer(seconds, END_REASON_NO_ANSWER, Who.EXCHANGE, now)
        self.leg.move(CallState.RINGING, now)

    def _answer(self, now: float) -> None:
        self.leg.answer(Who.CALLER, now)

    def _decline(self, now: float) -> None:
        self.leg.end(END_REASON_DECLINE, Who.CALLER, now)

    def _watch(self, leg: Leg, now: float) -> None:
        if leg.answered and self._params.max_duration:
            leg.limit(self._params.max_duration, now)
        if leg.answered or leg.ended:
            for duty in (self._ring, self._answer, self._decline):
                self._network.cancel(duty)


def _shown(device: Target) -> JSONObject:
    """Return what events show of a device: its address, and how it is rung."""
    shown: JSONObject = msgspec.to_builtins(device)
    return {
        **shown,
        "params": {key: shown["params"][key] for key in shown["params"] if key in SHOWN},
    }


def _far_end(network: Network, behaviour: Behaviour) -> FarEnd:
    match behaviour:
        case Served():
            return OtherProgram(network)
        case Answers(script=script, nature=nature):
            return Person(network, script, nature)
        case _:
            return Person(network, ())
