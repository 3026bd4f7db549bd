"""`Lab`: a simulator that people and tests watch, and in which they act."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final

import anyio
import msgspec

from relay_proto import __version__
from relay_proto.exchange import (
    Act,
    ActError,
    Caller,
    ExchangeConfig,
    ExchangeTiming,
    Fault,
    FrameSeen,
    Happened,
    Heard,
    TextMessage,
    faster_timing,
)
from relay_proto.rpc.masking import Scrubber

from ..simulator import Simulator
from ..simulator.schedule import faulted
from .calls import CallTable
from .errors import LabError
from .frames import Facts
from .journal import Journal
from .numbers import NumberTable
from .playing import Player
from .programs import ProgramTable
from .rehearsal import Rehearsal, rehearsal_of
from .running import Job
from .shapes import (
    Call,
    Done,
    Event,
    Faults,
    Frame,
    LabState,
    NumberState,
    Phone,
    ProgramState,
    Shape,
    State,
    Text,
)
from .stream import Entry, Hub, Kind, Reader
from .texts import TextTable

MOST_EVENTS: Final = 20_000
MOST_EVENT_BYTES: Final = 8 * 1024 * 1024
MOST_FRAMES: Final = 5_000
MOST_FRAME_BYTES: Final = 16 * 1024 * 1024
MOST_PHONES: Final = 1000
MOST_LASTING: Final = 1000
LAST: Final = "last"
"""Stands for the id of the call that a person means if they say none."""
LONGEST_FRAME: Final = 20_000
"""Characters of a frame that are shown."""
OF_ENTRY: Final = 200
"""Bytes of an entry, beside its texts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What the lab says of itself."""

    space: str = ""
    project: str = ""
    setup: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])
    secrets: tuple[str, ...] = ()
    """What is masked wherever it occurs."""


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A frame of the journal. It is masked when somebody reads it."""

    seen: FrameSeen
    facts: Facts
    at: float


class Lab:
    """Watches a simulator, remembers what happens, and acts for the people in it."""

    def __init__(
        self,
        simulator: Simulator,
        config: ExchangeConfig,
        tell: Callable[[Happened], None],
        *,
        speed: float = 1.0,
    ) -> None:
        self.simulator = simulator
        self._tell = tell
        exchange = self.exchange = simulator.exchange
        self.about = About()
        self.url = ""
        self.hub = Hub()
        self.events: Journal[Happened] = Journal(most=MOST_EVENTS, most_bytes=MOST_EVENT_BYTES)
        self.frames: Journal[SeenFrame] = Journal(most=MOST_FRAMES, most_bytes=MOST_FRAME_BYTES)
        self.phones: dict[str, Phone] = {}
        self.calls = CallTable(exchange.call, self._phone_of, self._program_of, self._publish_call)
        self.texts = TextTable(self._publish_text)
        self.programs = ProgramTable(exchange.programs, self._publish_program)
        self.numbers = NumberTable(exchange, config, self.phones.__contains__, self._publish_number)
        self.player = Player(simulator, self.numbers, tell, speed=speed)
        self._epoch = config.epoch
        simulator.disturbed = self._publish_faults
        self._lasting: deque[Job] = deque(maxlen=MOST_LASTING)
        """The faults that may go on."""
        self._scrubber = Scrubber(show_personal=True)
        self._started_at = time.time()

    def introduce(self, about: About) -> None:
        """Say what is known only when the simulator listens."""
        self.about = about
        self._scrubber = Scrubber(about.secrets, show_personal=True)

    # What happens

    def observe(self, happened: Happened) -> None:
        """Take note of what happened."""
        at = self._epoch + happened.at
        number = self.hub.new_id()
        size = OF_ENTRY + sum(map(len, happened.details.values()))
        self.events.add(number, happened, size)
        encode = partial(self.encode_event, number, happened)
        self.hub.hand_out(Entry(number, "happened", ("happened", number), encode))
        if "session" in happened.details:
            self.programs.refresh(at)
        if happened.call_id:
            self._observe_call(happened, at)
        elif "text_id" in happened.details:
            self.texts.observe(happened, at)

    def watch(self, seen: FrameSeen | Heard) -> None:
        """Take note of a frame, or of what somebody hears."""
        at = self._epoch + seen.at
        if isinstance(seen, Heard):
            self.calls.hear(seen, at)
            return
        facts = self.programs.take_frame(seen, at)
        number = self.hub.new_id()
        kept = SeenFrame(seen, facts, at)
        self.frames.add(number, kept, OF_ENTRY + 2 * len(seen.data))
        encode = partial(self.encode_frame, number, kept)
        self.hub.hand_out(Entry(number, "frame", ("frame", number), encode))
        if facts.call:
            self.calls.take_frame(facts, at, received=seen.received)

    def _observe_call(self, happened: Happened, at: float) -> None:
        before = self.calls.session_of(happened.call_id)
        self.calls.observe(happened, at)
        call = self.calls.get(happened.call_id)
        if call is None:
            return
        for session in {before, self.calls.session_of(call.id)}:
            self.programs.count_calls(session, self.calls.count(session))
        if call.phone is not None:
            self._refresh_phone(call.phone)

    # What is known

    def state(self) -> State:
        """Return everything at once."""
        return State(
            lab=LabState(
                version=__version__,
                started_at=self._started_at,
                now=self.now(),
                url=self.url,
                space=self.about.space,
                project=self.about.project,
                speed=self.player.speed,
            ),
            setup=dict(self.about.setup),
            phones=list(self.phones.values()),
            calls=list(self.calls),
            texts=list(self.texts),
            programs=list(self.programs),
            numbers=list(self.numbers),
            faults=self._faults(),
            last_id=self.hub.last_id,
            counts={
                "calls": self.calls.total,
                "answered": self.calls.answered,
                "texts": self.texts.total,
                "events": self.events.total,
                "frames": self.frames.total,
                "forgotten_calls": self.calls.forgotten,
                "forgotten_texts": self.texts.forgotten,
                "forgotten_events": self.events.forgotten,
                "forgotten_frames": self.frames.forgotten,
                "dropped": self.hub.dropped,
            },
        )

    def event(self, number: int, happened: Happened) -> Event:
        """Return an entry of the journal as the API shows it."""
        return Event(
            id=number,
            at=self._epoch + happened.at,
            call=happened.call_id,
            who=happened.who.value,
            what=happened.what.value,
            details=dict(happened.details),
            text=happened.sentence,
        )

    def frame(self, number: int, kept: SeenFrame) -> Frame:
        """Return a frame as the API shows it, masked."""
        seen, facts = kept.seen, kept.facts
        body = self._scrubber.frame(seen.data)
        if len(body) > LONGEST_FRAME:
            body = f"{body[:LONGEST_FRAME]}… ({len(body)} characters)"
        return Frame(
            id=number,
            at=kept.at,
            program=self.program_of(kept),
            direction="in" if seen.received else "out",
            kind=facts.kind,
            method=facts.method,
            call=facts.call,
            bytes=len(seen.data),
            body=body,
        )

    def now(self) -> float:
        """Return the time, since 1970."""
        return self._epoch + anyio.current_time()

    def number(self, number: str) -> NumberState:
        """Return how a number behaves. One that is not known does what all others do."""
        usual = NumberState(number=number, does="answers", words="", builtin=False, removed=True)
        return self.numbers.get(number) or usual

    def rehearsal(self, *, after: int, call: str, client: str, threads: bool) -> Rehearsal:
        """Return what was done as a test.

        Raises:
            NothingToRehearseError: nobody has called, or sent a text.
            ValueError: `client` names no client.
        """
        contexts = (context for one in self.programs for context in one.contexts)
        return rehearsal_of(
            (happened for _, happened in self.events.after(after)),
            client=client,
            call=self.call(call).id if call else "",
            timing=faster_timing(ExchangeTiming(), self.player.speed),
            lines=self.numbers.behaviours(),
            threads=threads,
            first_context=next(contexts, ""),
        )

    def concerns(self, event: Event, number: str) -> bool:
        """Whether an event is about a number, or happened on a call from it or to it."""
        call = self.calls.get(event.call)
        on_call = call is not None and number in (call.from_, call.to)
        return on_call or number in event.details.values()

    def program_of(self, kept: SeenFrame) -> str | None:
        """Return the id of the program that has sent a frame, or gets it."""
        seen = kept.seen
        return self.programs.name(seen.session) or self.programs.of_transport(seen.transport)

    def catch_up(self, reader: Reader, after: int | None) -> None:
        """Hand to a reader what it has missed since this id; None means nothing."""
        if after is None:
            return
        if after > self.hub.last_id:
            # It knows the lab that was here before this one.
            encode = partial(msgspec.json.encode, Done(done="reset"))
            reader.add(Entry(self.hub.last_id, "reset", ("reset", ""), encode))
            return
        if self.events.misses(after) or self.hub.misses(after):
            reader.miss(max(1, self.events.forgotten))
        missed: list[Entry] = [
            Entry(number, "happened", ("happened", number), partial(self.encode_event, number, one))
            for number, one in self.events.after(after)
        ]
        if reader.frames:
            missed += [
                Entry(number, "frame", ("frame", number), partial(self.encode_frame, number, one))
                for number, one in self.frames.after(after)
            ]
        missed += self.hub.latest(after)
        for entry in sorted(missed, key=attrgetter("number")):
            reader.add(entry)

    # Softphones

    def phone(self, number: str) -> Phone:
        """Return a softphone.

        Raises:
            LabError: there is none with this number.
        """
        found = self.phones.get(number)
        if found is None:
            raise LabError(404, f"there is no phone {number}: POST /api/phones adds one", "path")
        return found

    def add_phone(self, number: str, name: str) -> Phone:
        """Add a softphone, or give one another name. Programs' calls to its number ring there."""
        if number not in self.phones and len(self.phones) >= MOST_PHONES:
            raise LabError(409, f"there are {MOST_PHONES} phones, which is the limit: remove one")
        known = self.numbers.get(number)
        if known is not None and known.context is not None:
            words = f"calls to {number} reach a program: give the phone another number"
            raise LabError(409, words, "body.number")
        phone = self.phones.setdefault(number, Phone(number=number))
        phone.name = name
        self.numbers.set_line(number)
        self._refresh_phone(number)
        return phone

    def remove_phone(self, number: str) -> Phone:
        """Remove a softphone. Its calls go on, and its number behaves as at the start."""
        phone = self.phone(number)
        del self.phones[number]
        self.numbers.set_line(number)
        phone.removed = True
        self.publish("phone", number, phone)
        return phone

    # Everything

    def fail(self, fault: Fault) -> None:
        """Let something go wrong, now."""
        self._tell(faulted(fault))
        self._lasting.append(self.player.start(partial(self.simulator.fail, fault)))

    def reset(self) -> None:
        """Hang up everything, and forget what was done. Programs stay connected."""
        if not self.player.from_start:
            self.player.stop()
        for job in self._lasting:
            job.stop()
        self._lasting.clear()
        self.simulator.weather.clear()
        self.simulator.command(self.exchange.end_all_calls)
        # Not phone by phone: a reader would see some of them without the others.
        numbers = tuple(self.phones)
        self.phones.clear()
        for number in numbers:
            self.numbers.set_line(number)
        self.numbers.clear()
        self.calls.clear()
        self.texts.clear()
        self.events.clear()
        self.frames.clear()
        self.publish("reset", "", Done(done="reset"))

    # Calls

    def call(self, call_id: str) -> Call:
        """Return a call. ``last`` is the newest one that is up, or else the newest one.

        Raises:
            LabError: there is none with this id.
        """
        known = list(self.calls)
        if call_id == LAST and known:
            return (self.calls.up() or known)[-1]
        found = self.calls.get(call_id)
        if found is None:
            words = f"there is no call {call_id}: GET /api/calls lists those that are remembered"
            raise LabError(404, words, "path")
        return found

    def place_call(self, caller: Caller, *, to: str, context: str, live: bool) -> Call:
        """Let somebody call. Who is `live` does what they are told."""
        place_call = self.exchange.place_call
        call_id = self.simulator.command(place_call, caller, to=to, context=context)
        call = self.call(call_id)
        if live:
            call.live = True
            self._publish_call(call)
        return call

    def send_text(self, text: TextMessage, *, context: str) -> Text:
        """Let somebody send a text."""
        text_id = self.simulator.command(self.exchange.receive_text, text, context=context)
        sent = self.texts.get(text_id)
        assert sent is not None, "the lab has observed it"
        return sent

    def act(self, call_id: str, act: Act) -> Call:
        """Let the person at the far end of a call do something.

        Raises:
            LabError: there is no such call, or they cannot do that now.
        """
        call = self.call(call_id)
        try:
            self.simulator.command(self.exchange.act, call.id, act)
        except ActError as error:
            raise LabError(
                409, f"{error}: GET /api/calls/{call.id} says what `can` be done"
            ) from None
        return call

    # How readers learn of it

    def publish(self, kind: Kind, key: str, value: Shape) -> None:
        """Hand the new state of something to all readers."""
        self.hub.publish(kind, key, partial(msgspec.json.encode, value))

    def _publish_call(self, call: Call) -> None:
        self.publish("call", call.id, call)

    def _publish_text(self, text: Text) -> None:
        self.publish("text", text.id, text)

    def _publish_program(self, program: ProgramState) -> None:
        self.publish("program", program.id, program)

    def _publish_number(self, number: NumberState) -> None:
        self.publish("number", number.number, number)

    def _publish_faults(self) -> None:
        self.publish("faults", "", self._faults())

    def _faults(self) -> Faults:
        simulator = self.simulator
        return Faults(
            upgrades_refused=simulator.refuses_upgrades,
            silent=simulator.is_silent,
            delay=simulator.weather.late,
        )

    def _refresh_phone(self, number: str) -> None:
        phone = self.phones.get(number)
        if phone is None:
            return
        up = [call for call in self.calls.up() if call.phone == number]
        phone.calls = [call.id for call in up]
        phone.ringing = [
            call.id for call in up if call.direction == "outbound" and call.state == "ringing"
        ]
        self.publish("phone", number, phone)

    def _phone_of(self, number: str) -> str | None:
        return number if number in self.phones else None

    def _program_of(self, session: str) -> str | None:
        return self.programs.name(session)

    def encode_event(self, number: int, happened: Happened) -> bytes:
        """Return an entry of the journal as JSON."""
        return msgspec.json.encode(self.event(number, happened))

    def encode_frame(self, number: int, kept: SeenFrame) -> bytes:
        """Return a frame as JSON."""
        return msgspec.json.encode(self.frame(number, kept))
