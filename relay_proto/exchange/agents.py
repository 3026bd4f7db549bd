"""AI agents: ``calling.ai``, ``calling.amazon_bedrock`` and the methods that control them.

A call has at most one agent. This network runs no AI model, so an agent never speaks
by itself. The far end hears only what the program tells the agent to say.

Source: docs/protocol.md, sections 14.6 and 15.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from ..errors import RelayError
from ..transitions import follow
from .happened import What, Who
from .legs import Leg, Operation
from .requests import (
    OnCall,
    OnOperation,
    Request,
    Verb,
    call_verb,
    check_none,
    running_one,
    start_verb,
)
from .shapes import Object, Objects, Text, Texts
from .switch import CONFLICT, NOT_FOUND

EVENT_CALL_AI: Final = "calling.call.ai"
NOUN: Final = "AI agent"
NAMED: Final = f"an {NOUN}"

Words = Annotated[str, msgspec.Meta(max_length=10_000)]


class AiParams(OnOperation, frozen=True, kw_only=True):
    """``calling.ai``; its parameters have no effect here."""

    agent: Text = None
    prompt: Object = None
    post_prompt: Object = None
    post_prompt_url: Text = None
    post_prompt_auth_user: Text = None
    post_prompt_auth_password: Text = None
    global_data: Object = None
    pronounce: Objects = None
    hints: Texts = None
    languages: Objects = None
    SWAIG: Object = None
    params: Object = None


class BedrockParams(OnCall, frozen=True, kw_only=True):
    """``calling.amazon_bedrock``; its parameters have no effect here."""

    SWAIG: Object = None
    params: Object = None
    global_data: Object = None
    post_prompt: Object = None
    post_prompt_url: Text = None


class HoldParams(OnCall, frozen=True, kw_only=True):
    """``calling.ai_hold``; `timeout` is a string on the wire."""

    timeout: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,5}(\.[0-9]{1,6})?\Z")] = "0"
    prompt: Words = ""


class UnholdParams(OnCall, frozen=True, kw_only=True):
    """``calling.ai_unhold``."""

    prompt: Words = ""


class MessageParams(OnCall, frozen=True, kw_only=True):
    """``calling.ai_message``."""

    message_text: Words = ""
    role: Literal["user", "system", "assistant"] = "user"
    reset: Object = None
    global_data: Object = None


class AgentState(enum.Enum):
    """Whether an agent talks with the far end or is on hold."""

    TALKING = "talking"
    HOLDING = "holding"


class AgentInput(enum.Enum):
    """What can change the state of an agent."""

    HOLD = "hold"
    UNHOLD = "unhold"


_S, _I = AgentState, AgentInput

AGENT: Final[Mapping[tuple[AgentState, AgentInput], AgentState]] = {
    (_S.TALKING, _I.HOLD): _S.HOLDING,
    (_S.HOLDING, _I.UNHOLD): _S.TALKING,
}


class Agent(Operation):
    """One AI agent. It ends when the program stops it, or with the call."""

    def __init__(self, leg: Leg, control_id: str) -> None:
        super().__init__(leg, control_id)
        self.state = AgentState.TALKING

    def start(self, now: float) -> None:
        """Start the agent."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity=NAMED)

    def stop(self, now: float) -> None:
        """Stop, because the program asked for it."""
        self.cancel(now)
        self.leave()
        self.leg.note(Who.EXCHANGE, What.FINISHED, now, activity=NAMED, outcome="stopped")
        self.tell_end(now)

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self.leg.network.cancel(self._unhold_late)

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self.leg.tell(EVENT_CALL_AI, now, control_id=self.control_id, state="finished")

    def hold(self, timeout: float, now: float) -> None:
        """Put the agent on hold for `timeout` seconds; 0 means until `unhold`."""
        self.state = follow(AGENT, self.state, AgentInput.HOLD)
        if timeout:
            self.leg.network.at(now + timeout, self._unhold_late)

    def unhold(self) -> None:
        """Take the agent off hold."""
        self.leg.network.cancel(self._unhold_late)
        self.state = follow(AGENT, self.state, AgentInput.UNHOLD)

    def say(self, text: str, now: float) -> None:
        """Say `text`, unless it is empty."""
        if text:
            self.leg.hear(text, now)

    def _unhold_late(self, now: float) -> None:  # noqa: ARG002
        self.unhold()


def ai(request: Request, leg: Leg, params: AiParams) -> None:
    """``calling.ai``."""
    check_none(leg, Agent, NAMED)
    request.accept_start(params, "AI started")
    Agent(leg, params.control_id).start(request.now)


def amazon_bedrock(request: Request, leg: Leg, params: BedrockParams) -> None:  # noqa: ARG001
    """``calling.amazon_bedrock``: an agent for which the program has no control id."""
    check_none(leg, Agent, NAMED)
    request.accept("AI started", call_id=leg.call_id)
    Agent(leg, leg.network.new_id()).start(request.now)


def stop(request: Request, leg: Leg, params: OnOperation) -> None:
    """``calling.ai.stop``; any control id will do, as a call has at most one agent."""
    agent = leg.running(Agent)
    if agent is None:
        raise RelayError(NOT_FOUND, f"there is no {NOUN} on this call")
    request.accept_start(params, "Stopping")
    agent.stop(request.now)


def message(request: Request, leg: Leg, params: MessageParams) -> None:
    """``calling.ai_message``; the far end hears only messages of the assistant."""
    agent = running_one(leg, Agent, NOUN)
    request.accept("Message sent", call_id=leg.call_id)
    if params.role == "assistant":
        agent.say(params.message_text, request.now)


def hold(request: Request, leg: Leg, params: HoldParams) -> None:
    """``calling.ai_hold``."""
    agent = running_one(leg, Agent, NOUN)
    if agent.state is AgentState.HOLDING:
        raise RelayError(CONFLICT, f"the {NOUN} is on hold")
    request.accept("AI on hold", call_id=leg.call_id)
    agent.say(params.prompt, request.now)
    agent.hold(float(params.timeout), request.now)


def unhold(request: Request, leg: Leg, params: UnholdParams) -> None:
    """``calling.ai_unhold``."""
    agent = running_one(leg, Agent, NOUN)
    if agent.state is AgentState.TALKING:
        raise RelayError(CONFLICT, f"the {NOUN} is not on hold")
    request.accept("AI resumed", call_id=leg.call_id)
    agent.unhold()
    agent.say(params.prompt, request.now)


VERBS: Final[Mapping[str, Verb]] = {
    "calling.ai": start_verb(AiParams, ai),
    "calling.ai.stop": call_verb(OnOperation, stop),
    "calling.ai_message": call_verb(MessageParams, message),
    "calling.ai_hold": call_verb(HoldParams, hold),
    "calling.ai_unhold": call_verb(UnholdParams, unhold),
    "calling.amazon_bedrock": call_verb(BedrockParams, amazon_bedrock),
}
