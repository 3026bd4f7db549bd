"""Bad clients: each breaks one rule, and names the checks that have to find it.

Where a rule is the ground of others, as with the acknowledgement of events, more than one
check fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import anyio

from relay_anyio import Call, Timing
from relay_anyio.conform.bodies import TOKEN
from relay_anyio.conform.connection import as_object
from tests.conform.clients import Frame, InProcess

CONNECT: Final = "signalwire.connect"


class Bad(InProcess):
    """A client that breaks a rule."""

    breaks: frozenset[str] = frozenset()
    """The checks that do not hold."""
    not_tried: frozenset[str] = frozenset()

    def outgoing(self, frame: Frame) -> Iterable[Frame]:
        if frame.get("method") == CONNECT:
            self.connecting(frame["params"])
        return self.sent(frame)

    def connecting(self, params: Frame) -> None:
        """Change the parameters of connect."""

    def sent(self, frame: Frame) -> Iterable[Frame]:
        """Return what leaves in place of a frame."""
        return (frame,)

    def crash(self) -> None:
        """End at once, as a program does that has raised."""
        self.end(3)

    def leave(self) -> None:
        """Close the latest connection."""
        self.tasks.start_soon(self.streams[-1].stream.aclose)


def event_type(frame: Frame) -> str:
    return str(as_object(frame.get("params")).get("event_type", "")) if is_event(frame) else ""


def is_event(frame: Frame) -> bool:
    return frame.get("method") == "signalwire.event" and isinstance(frame.get("params"), dict)


def body(frame: Frame) -> Frame:
    return as_object(frame["params"].get("params"))


def is_answer(frame: Frame) -> bool:
    return "method" not in frame


BAD: list[type[Bad]] = []


def bad(*breaks: str, not_tried: Iterable[str] = ()) -> Any:
    """Keep a bad client, and the names of the checks that find it."""

    def keep(kind: type[Bad]) -> type[Bad]:
        kind.breaks, kind.not_tried = frozenset(breaks), frozenset(not_tried)
        BAD.append(kind)
        return kind

    return keep


# The handshake


@bad("connect")
class AsksForVersionSeven(Bad):
    def connecting(self, params: Frame) -> None:
        params["version"] = {"major": 7, "minor": 0, "revision": 0}


@bad("credentials-inside")
class RepeatsItsToken(Bad):
    def connecting(self, params: Frame) -> None:
        params["token"] = TOKEN


@bad("event-acks")
class PromisesNoAcknowledgements(Bad):
    def connecting(self, params: Frame) -> None:
        params["event_acks"] = False


@bad("connect-alone")
class HurriesBeforeTheReply(Bad):
    def sent(self, frame: Frame) -> Iterable[Frame]:
        yield frame
        if frame.get("method") == CONNECT:
            yield {"jsonrpc": "2.0", "id": f"early {frame['id']}", "method": "calling.x"}


@bad("refused-credentials")
class BelievesInItsCredentials(Bad):
    def end(self, code: int) -> None:
        if code == 1:
            self.tasks.start_soon(self.run)
        else:
            super().end(code)


# Frames


@bad("unique-ids")
class CountsNothing(Bad):
    def sent(self, frame: Frame) -> Iterable[Frame]:
        yield frame
        if frame.get("method") == "calling.answer":
            yield {"jsonrpc": "2.0", "id": "1", "method": "signalwire.ping", "params": {}}


@bad("echoed-ids")
class KnowsIdsAsTextsAlone(Bad):
    def sent(self, frame: Frame) -> Iterable[Frame]:
        yield {**frame, "id": str(frame["id"])}


@bad("unknown-method")
class KeepsQuietAboutMethods(Bad):
    def sent(self, frame: Frame) -> Iterable[Frame]:
        return () if "error" in frame else (frame,)


@bad("unknown-reply")
class FallsOverAReply(Bad):
    def incoming(self, frame: Frame) -> bool:
        if frame.get("id") == "nobody-asked":
            self.crash()
        return True


@bad("malformed-frames")
class FallsOverABatch(Bad):
    def incoming(self, frame: Frame) -> bool:
        if isinstance(frame.get("value"), list):
            self.crash()
        return True


# Events


@bad("acknowledges", "order", "repeated-event", "repeated-offer")
class AcknowledgesTwice(Bad):
    def sent(self, frame: Frame) -> Iterable[Frame]:
        return (frame, frame) if frame.get("result") == {} else (frame,)


@bad("acknowledges-at-once")
class AcknowledgesAfterTheHandler(Bad):
    waiting = False

    def sent(self, frame: Frame) -> Iterable[Frame]:
        self.waiting = self.waiting or frame.get("method") == "calling.answer"
        return () if self.waiting and is_answer(frame) else (frame,)

    def incoming(self, frame: Frame) -> bool:
        self.waiting = self.waiting and not is_answer(frame)
        return True


@bad("unknown-events")
class IgnoresNewEvents(Bad):
    def incoming(self, frame: Frame) -> bool:
        return event_type(frame) != "calling.call.levitate"


@bad("event-without-type")
class NeedsATypeToAcknowledge(Bad):
    def incoming(self, frame: Frame) -> bool:
        return not (is_event(frame) and not event_type(frame))


class Answers(Bad):
    """Answers a call once more, behind the client's back."""

    def answer(self, call: str) -> None:
        async def execute() -> None:
            await self.client.execute("calling.answer", {"call_id": call, "node_id": "node-1"})

        self.tasks.start_soon(execute)


@bad("repeated-offer", "repeated-event", "redelivery")
class AnswersRepeatedOffers(Answers):
    def __init__(self, *args: Any) -> None:
        self.offers: set[str] = set()
        super().__init__(*args)

    def incoming(self, frame: Frame) -> bool:
        if event_type(frame) == "calling.call.receive" and body(frame):
            if frame["id"] in self.offers:
                self.answer(body(frame)["call_id"])
            self.offers.add(frame["id"])
        return True


@bad("second-offer")
class AnswersSecondOffers(Answers):
    def __init__(self, *args: Any) -> None:
        self.offers: dict[str, str] = {}
        super().__init__(*args)

    def incoming(self, frame: Frame) -> bool:
        if event_type(frame) == "calling.call.receive" and body(frame).get("call_id"):
            call, identity = body(frame)["call_id"], frame["id"]
            if self.offers.setdefault(call, identity) != identity:
                self.answer(call)
        return True


@bad("order")
class AcknowledgesTheLatestFirst(Bad):
    held: Frame | None = None

    def sent(self, frame: Frame) -> Iterable[Frame]:
        if self.held is not None:
            first, self.held = self.held, None
            return (frame, first)
        if self.in_a_burst and is_answer(frame):
            self.held = frame
            return ()
        return (frame,)

    in_a_burst = False

    def incoming(self, frame: Frame) -> bool:
        self.in_a_burst = is_event(frame) and "number" in body(frame)
        return True


# Calls


class Forgetful(Bad):
    """Knows which requests have no reply yet."""

    def __init__(self, *args: Any) -> None:
        self.asked: dict[Any, Frame] = {}
        super().__init__(*args)

    def sent(self, frame: Frame) -> Iterable[Frame]:
        if "method" in frame:
            self.asked[frame["id"]] = frame
        return (frame,)

    def incoming(self, frame: Frame) -> bool:
        if is_answer(frame) and isinstance(frame.get("id"), str):
            self.asked.pop(frame["id"], None)
        return True

    def has_asked(self, method: str, key: str, value: object) -> bool:
        """Whether such a request, with this parameter, has no reply yet."""
        asked = (one for one in self.asked.values() if one["method"] == method)
        return any(one["params"].get(key) == value for one in asked)


@bad("early-events")
class MissesEarlyEvents(Forgetful):
    def incoming(self, frame: Frame) -> bool:
        super().incoming(frame)
        action = body(frame).get("control_id") if is_event(frame) else None
        return action is None or not self.has_asked("calling.play", "control_id", action)


@bad("dial")
class MissesEarlyLegs(Forgetful):
    def incoming(self, frame: Frame) -> bool:
        super().incoming(frame)
        tag = body(frame).get("tag") if is_event(frame) else None
        early = tag and self.has_asked("calling.dial", "tag", tag)
        return not (early and len(self.streams) == 1)


@bad("same-write")
class MissesEventsBehindAReply(Forgetful):
    replied_in = -1

    def incoming(self, frame: Frame) -> bool:
        asked = self.asked.get(frame["id"], {}) if isinstance(frame.get("id"), str) else {}
        if asked.get("method") == "calling.play":
            self.replied_in = self.reads
        return not (event_type(frame) == "calling.call.play" and self.reads == self.replied_in)


class Scared(Bad):
    """Ends when it gets a code."""

    code_of: object = ...

    def incoming(self, frame: Frame) -> bool:
        if as_object(frame.get("result")).get("code") == self.code_of:
            self.crash()
        return True


@bad("code-forms")
class NeedsATextForACode(Scared):
    code_of = 200


@bad("gone-call")
class FallsOverACallThatIsGone(Scared):
    code_of = "404"


@bad("hang-up-in-prompt")
class RecordsTheDead(Bad):
    async def take_call(self, call: Call) -> None:
        await call.answer()
        prompt = await call.play_tts("Please speak.")
        await prompt.wait()
        if call.state == "ended":
            await self.client.execute("calling.record", {"call_id": call.call_id})
        recording = await call.record()
        await recording.wait()
        await call.hangup()


class Impatient(Forgetful):
    """Leaves the connection when a request has no reply in time."""

    about = ""

    def sent(self, frame: Frame) -> Iterable[Frame]:
        if frame.get("method") == self.about:
            self.tasks.start_soon(self.watch, frame["id"])
        return super().sent(frame)

    async def watch(self, identity: str) -> None:
        await anyio.sleep(10.0)
        if identity in self.asked:
            del self.asked[identity]
            self.leave()


@bad("slow-reply")
class LeavesAfterASlowReply(Impatient):
    about = "calling.play"


# Liveness


@bad("one-lost-ping")
class LeavesAfterOneLostPing(Impatient):
    about = "signalwire.ping"


@bad("answers-pings", "echoes-timestamp", "silence")
class HearsNoPings(Bad):
    def incoming(self, frame: Frame) -> bool:
        return frame.get("method") != "signalwire.ping"


@bad("echoes-timestamp")
class EchoesNothing(Bad):
    def sent(self, frame: Frame) -> Iterable[Frame]:
        pong = is_answer(frame) and "timestamp" in (frame.get("result") or {})
        return ({**frame, "result": {}},) if pong else (frame,)


@bad("pings", not_tried=["one-lost-ping"])
class PingsLate(Bad):
    timing = Timing(ping_interval=1000.0)


@bad("silence")
class WaitsForEver(Bad):
    timing = Timing(ping_timeout=1000.0)


# Links


@bad("goodbye")
class SaysNoGoodbye(Bad):
    goodbye: object = None

    def incoming(self, frame: Frame) -> bool:
        if frame.get("method") == "signalwire.disconnect":
            self.goodbye = frame["id"]
        return True

    def sent(self, frame: Frame) -> Iterable[Frame]:
        return () if is_answer(frame) and frame["id"] == self.goodbye else (frame,)


@bad("goodbye")
class AsksAfterTheGoodbye(SaysNoGoodbye):
    def sent(self, frame: Frame) -> Iterable[Frame]:
        yield frame
        if is_answer(frame) and frame["id"] == self.goodbye:
            identity = f"late {frame['id']}"
            yield {"jsonrpc": "2.0", "id": identity, "method": "calling.x", "params": {}}


@bad("goodbye-resume")
class StartsAfreshAfterAGoodbye(Bad):
    leaving = False

    def incoming(self, frame: Frame) -> bool:
        self.leaving = self.leaving or frame.get("method") == "signalwire.disconnect"
        return True

    def connecting(self, params: Frame) -> None:
        if self.leaving:
            params.pop("protocol", None)
            params.pop("authorization_state", None)
        self.leaving = False


class Faithful(Bad):
    """Keeps the name of a session."""

    protocol = ""

    def incoming(self, frame: Frame) -> bool:
        result = as_object(frame.get("result"))
        if "protocol" in result:
            self.learn(str(result["protocol"]))
        return True

    def learn(self, protocol: str) -> None:
        """Take note of the session that there is now."""
        self.protocol = protocol


@bad("goodbye-restart", "refused-resume")
class NeverForgetsItsSession(Faithful):
    def connecting(self, params: Frame) -> None:
        if self.protocol:
            params["protocol"] = self.protocol


@bad("lost-session", "resume")
class KeepsToItsFirstSession(Faithful):
    def learn(self, protocol: str) -> None:
        self.protocol = self.protocol or protocol

    def connecting(self, params: Frame) -> None:
        if "protocol" in params:
            params["protocol"] = self.protocol


@bad("goodbye-lingering")
class WaitsForTheServiceToClose(Bad):
    timing = Timing(goodbye_timeout=1000.0)


@bad(
    "resume",
    "goodbye-resume",
    "authorization-state",
    "lost-session",
    "resumed-call",
    "redelivery",
)
class NeverResumes(Bad):
    def connecting(self, params: Frame) -> None:
        params.pop("protocol", None)
        params.pop("authorization_state", None)


@bad("authorization-state")
class KeepsNoState(Bad):
    def connecting(self, params: Frame) -> None:
        params.pop("authorization_state", None)


@bad("contexts-again")
class AsksForItsContextsOnce(Bad):
    def connecting(self, params: Frame) -> None:
        if len(self.streams) > 1:
            params.pop("contexts", None)


@bad("resumed-call", "redelivery")
class LosesItsCallsInACut(Bad):
    def __init__(self, *args: Any) -> None:
        self.offered_on: dict[str, int] = {}
        super().__init__(*args)

    def incoming(self, frame: Frame) -> bool:
        kind = event_type(frame)
        call = str(body(frame).get("call_id", "")) if kind else ""
        if kind == "calling.call.receive":
            self.offered_on.setdefault(call, len(self.streams))
        lost = self.offered_on.get(call, len(self.streams)) != len(self.streams)
        return not (kind == "calling.call.play" and lost)


@bad("sent-once")
class DialsAgain(Bad):
    dialed: Frame | None = None

    def sent(self, frame: Frame) -> Iterable[Frame]:
        if frame.get("method") == "calling.dial":
            self.dialed = frame
        yield frame
        if self.dialed is not None and self.ready and len(self.streams) > 1:
            again, self.dialed = self.dialed, None
            yield {**again, "id": f"again {again['id']}"}

    ready = False

    def opened(self) -> None:
        self.ready = False

    def incoming(self, frame: Frame) -> bool:
        self.ready = self.ready or event_type(frame) == "signalwire.authorization.state"
        return True


@bad("orphan-leg")
class LeavesOrphans(Bad):
    dialing = False

    def sent(self, frame: Frame) -> Iterable[Frame]:
        method = frame.get("method")
        self.dialing = self.dialing or method == "calling.dial"
        orphan = method == "calling.end" and self.dialing and len(self.streams) > 1
        return () if orphan else (frame,)


@bad("goodbye-resume", "comes-back", "jitter", "back-off", "back-off-without-session")
class ComesBackAtOnce(Bad):
    timing = Timing(retry_min_delay=0.05, retry_max_delay=0.05)


@bad("jitter", "back-off", "back-off-without-session")
class AlwaysWaitsTwoSeconds(Bad):
    timing = Timing(retry_min_delay=2.0, retry_max_delay=2.0)


# The end


@bad("stops", "stops-in-a-call")
class NeverStops(Bad):
    def terminate(self) -> None:
        pass


ALL_BAD: Final = tuple(BAD)
