"""A simulated application: what programs do with calls and texts, well or badly.

Each task ends by itself. A task that has a call ends it sooner or later, or leaves that to
the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from ..api import commands
from ..api.commands import Command
from ..api.shapes import TTS, Collect, Phone, Silence
from ..errors import ClientClosedError, RelayError, RequestQueueFullError
from ..exchange import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    Declines,
    HangUp,
    Hear,
    Line,
    NoAnswer,
    Press,
    Say,
    Step,
    TextMessage,
    Unreachable,
    Wait,
)
from ..pending import Pending
from ..records import ActionRecord, CallRecord
from ..transitions import CallState
from .program import Program, Task
from .promises import FAR_LEG
from .world import OFFICE, SALES, World

TALK: Final[tuple[Step, ...]] = (Hear("menu", timeout=8.0), Press("12#"), Wait(1.0), Say("good"))
LINES: Final[dict[str, Behaviour]] = {
    # These do not hang up, so a leg that a core forgets is noticed.
    "+15551": Answers(after=1.0, script=(Say("hello"),)),
    "+15552": Answers(after=1.0, script=TALK),
    "+15553": Answers(after=4.0),
    "+15554": Answers(after=0.0, script=(Wait(0.5), HangUp())),
    "+15555": Busy(),
    "+15556": Declines(after=2.0),
    "+15557": NoAnswer(),
    "+15558": Unreachable(),
    f"{FAR_LEG}1": Answers(after=1.0, script=(Wait(12.0), HangUp())),
    f"{FAR_LEG}2": Answers(after=3.0, script=(Wait(60.0), HangUp())),
    f"{FAR_LEG}3": NoAnswer(),
    f"{FAR_LEG}4": Busy(),
}


def lines() -> tuple[Line, ...]:
    """Return the lines that programs can dial."""
    return tuple(Line(address, behaviour) for address, behaviour in LINES.items())


def phone(number: str) -> Phone:
    """Return a device that rings for 15 seconds at most."""
    return {
        "type": "phone",
        "params": {"to_number": number, "from_number": OFFICE, "timeout": 15},
    }


def tts(text: str) -> TTS:
    """Return a media item that speaks."""
    return {"type": "tts", "params": {"text": text}}


def silence(seconds: float) -> Silence:
    """Return a media item that is silent for some seconds."""
    return {"type": "silence", "params": {"duration": seconds}}


class Application:
    """What one program does. `random` decides what it does, and when."""

    def __init__(self, world: World, program: Program, random: Random) -> None:
        self._world = world
        self._program = program
        self._random = random
        self._count = 0
        program.core.accepting_calls = True
        program.answers = self.answer

    # Calls that come in

    def answer(self, call: CallRecord) -> None:
        """Start a task for a call that was offered."""
        manners: tuple[Callable[[CallRecord], Task[None]], ...] = (
            self._menu,
            self._menu,
            self._impatient,
            self._decline,
            self._controls,
            self._bridge,
            self._abandon,
            self._transfer,
            self._collect_for_long,
            self._two_at_once,
            self._hang_up_at_the_worst_instant,
        )
        manner = self._random.choice(manners)
        self._spawn(manner.__name__.strip("_"), manner(call))

    def _menu(self, call: CallRecord) -> Task[None]:
        ask_on = self._program.ask_on
        yield from ask_on(call, commands.answer())
        collect: Collect = {"digits": {"max": 3, "terminators": "#"}, "initial_timeout": 5}
        action = yield from ask_on(
            call, commands.play_and_collect([tts("the menu, please choose")], collect)
        )
        yield action.done, 20.0
        yield from ask_on(call, commands.send_digits("1w2"))
        yield self._random.uniform(0.0, 3.0)
        yield from ask_on(call, commands.hangup())

    def _impatient(self, call: CallRecord) -> Task[None]:
        self._program.execute_on(call, commands.answer())
        pending = self._program.execute_on(call, commands.play([tts("a long story " * 9)]))
        yield self._random.choice((0.0, 0.0, 0.3, 1.0))
        self._program.execute_on(call, commands.hangup())
        yield pending
        yield self._program.wait_for(call, CallState.ENDED), 60.0

    def _decline(self, call: CallRecord) -> Task[None]:
        if self._random.random() < 0.5:
            yield from self._program.ask_on(call, commands.hangup("busy"))
            return
        yield from self._insist(call, commands.pass_())

    def _controls(self, call: CallRecord) -> Task[None]:
        ask_on = self._program.ask_on
        yield from ask_on(call, commands.answer())
        action: ActionRecord = yield from ask_on(call, commands.play([silence(9)], loop=0))
        controls = (commands.pause(), commands.resume(), commands.volume(3.0), commands.stop())
        for control in controls:
            yield self._random.uniform(0.0, 2.0)
            yield from ask_on(action, control)
        yield action.done, 5.0
        yield from ask_on(call, commands.hangup())

    def _bridge(self, call: CallRecord) -> Task[None]:
        ask_on = self._program.ask_on
        yield from ask_on(call, commands.answer())
        far = phone(f"{FAR_LEG}{self._random.randint(1, 4)}")
        yield from ask_on(call, commands.connect([[far]], ringback=[tts("please wait")]))
        yield self._random.uniform(0.0, 9.0)
        if self._random.random() < 0.5:
            self._program.execute_on(call, commands.disconnect())
            yield 1.0
        yield from ask_on(call, commands.hangup())

    def _abandon(self, call: CallRecord) -> Task[None]:
        """Leave it to the caller to end the call."""
        if self._random.random() < 0.5:
            yield from self._program.ask_on(call, commands.answer())
        yield self._program.wait_for(call, CallState.ANSWERED), 20.0

    def _transfer(self, call: CallRecord) -> Task[None]:
        yield from self._program.ask_on(call, commands.answer())
        yield 1.0
        yield from self._program.ask_on(call, commands.transfer("context:sales"))

    def _collect_for_long(self, call: CallRecord) -> Task[None]:
        ask_on = self._program.ask_on
        yield from ask_on(call, commands.answer())
        action = yield from ask_on(
            call,
            commands.collect(digits={"max": 1}, speech={}, partial_results=True, continuous=True),
        )
        yield action.done, self._random.uniform(1.0, 15.0)
        yield from ask_on(action, commands.stop())
        yield from ask_on(call, commands.hangup())

    def _two_at_once(self, call: CallRecord) -> Task[None]:
        """Start two actions of the same kind, then wait for the caller to hang up."""
        yield from self._program.ask_on(call, commands.answer())
        first = self._program.execute_on(call, commands.play([tts("one")]))
        second = self._program.execute_on(call, commands.play([silence(40)]))
        yield first
        yield second
        yield self._program.wait_for(call, CallState.ENDED), 30.0
        yield from self._program.ask_on(call, commands.hangup())

    def _hang_up_at_the_worst_instant(self, call: CallRecord) -> Task[None]:
        """Hang up while another request or action of the call is in progress."""
        program, instant = self._program, self._random.randint(0, 4)
        answered = program.wait_for(call, CallState.ANSWERED)
        replied = program.execute_on(call, commands.answer())
        started = program.execute_on(call, commands.play([tts("some words")]))
        if instant == 1:
            yield answered, 20.0
        if instant == 2:
            yield replied
        if instant >= 3:
            yield started
        if instant == 4:
            yield started.result().done, 9.0
        yield from self._insist(call, commands.hangup())

    # What the program starts by itself

    def act(self) -> None:
        """Start a random task."""
        deeds: tuple[tuple[str, Callable[[], Task[None]]], ...] = (
            ("dial in parallel", self._dial_in_parallel),
            ("dial in parallel", self._dial_in_parallel),
            ("dial in series", self._dial_in_series),
            ("dial and cancel", self._dial_and_cancel),
            ("dial impatiently", self._dial_impatiently),
            ("dial and hold", self._dial_and_hold),
            ("send a text", self._send_text),
            ("change contexts", self._change_contexts),
            ("flood", self._flood),
            ("ask for nonsense", self._ask_for_nonsense),
        )
        name, deed = self._random.choice(deeds)
        self._spawn(name, deed())

    def _number(self) -> str:
        return f"+1555{self._random.randint(1, 8)}"

    def _dial_in_parallel(self) -> Task[None]:
        group = [phone(self._number()) for _ in range(self._random.randint(1, 3))]
        call = yield from self._program.ask(commands.dial([group], dial_timeout=20))
        yield from self._talk(call)

    def _dial_in_series(self) -> Task[None]:
        groups = [[phone(self._number())] for _ in range(self._random.randint(2, 3))]
        call = yield from self._program.ask(commands.dial(groups, dial_timeout=25))
        yield from self._talk(call)

    def _dial_and_cancel(self) -> Task[None]:
        pending = self._program.execute(
            commands.dial([[phone("+15552"), phone("+15553")]], dial_timeout=20)
        )
        yield pending, self._random.choice((0.0, 0.1, 0.6, 1.6, 1.7, 5.0))
        self._program.cancel(pending)

    def _dial_impatiently(self) -> Task[None]:
        seconds = self._random.choice((0.05, 0.6, 1.5, 1.6, 3.0))
        call = yield from self._program.ask(
            commands.dial([[phone("+15551"), phone("+15553")]], dial_timeout=seconds)
        )
        yield from self._talk(call)

    def _dial_and_hold(self) -> Task[None]:
        call = yield from self._program.ask(
            commands.dial([[phone("+15553"), phone("+15551")]], dial_timeout=20)
        )
        yield self._program.wait_for(call, CallState.ENDED), 20.0
        yield from self._end(call)

    def _talk(self, call: CallRecord) -> Task[None]:
        """Play something, then hang up, whatever happens on the call."""
        try:
            action = yield from self._program.ask_on(call, commands.play([tts("the menu")]))
            yield action.done, 10.0
        except RelayError:
            yield 1.0
        yield from self._end(call)

    def _end(self, call: CallRecord) -> Task[None]:
        yield from self._insist(call, commands.hangup())

    def _insist(self, call: CallRecord, command: Command[Any]) -> Task[None]:
        """Repeat a command until it succeeds or the call has ended.

        Its reply may be lost. Then the call may still be active, or still ours.
        """
        while not call.ended:
            try:
                yield from self._program.ask_on(call, command)
            except ClientClosedError:
                return
            except RelayError:
                yield 1.0
            else:
                return

    def _send_text(self) -> Task[None]:
        self._count += 1
        number = self._random.choice(("+15550007777", "+15550008888"))
        body = f"text {self._program.name} {self._count}"
        message = yield from self._program.ask(
            commands.send_message(to_number=number, from_number=OFFICE, body=body)
        )
        yield message.done, 30.0

    def _change_contexts(self) -> Task[None]:
        yield from self._program.ask(commands.receive(["sales", "night"]))
        yield self._random.uniform(0.0, 5.0)
        yield from self._program.ask(commands.unreceive(["night"]))

    def _flood(self) -> Task[None]:
        """Send many requests, until the queue is full."""
        pending: list[Pending[Any]] = []
        for number in range(60):
            try:
                pending.append(self._program.execute(commands.receive([f"flood-{number % 7}"])))
            except RequestQueueFullError:
                self._world.counts["queue full"] += 1
                break
        for one in pending[:20]:
            self._program.cancel(one)
        for one in pending:
            yield one

    def _ask_for_nonsense(self) -> Task[None]:
        yield from self._program.ask(
            commands.execute("calling.juggle", {"balls": 3}, timeout=self._random.choice((1, 20)))
        )

    def _spawn(self, name: str, task: Task[None]) -> None:
        self._world.counts[f"did: {name}"] += 1
        self._program.spawn(task)


def somebody_calls(world: World, random: Random) -> None:
    """Let somebody with a random script call."""
    scripts: tuple[tuple[Step, ...], ...] = (
        (*TALK, Wait(6.0), HangUp()),
        (Wait(2.0), HangUp()),
        (Hear("menu", timeout=6.0), Press("9", interval=0.1), Wait(20.0), HangUp()),
        (Say("is anybody there"), Press("123"), Say("no"), Wait(3.0), HangUp()),
        (HangUp(),),
    )
    caller = Caller(
        "+15550001111", random.choice(scripts), patience=random.choice((1.0, 5.0, 20.0))
    )
    number = random.choice((OFFICE, OFFICE, SALES))
    world.counts["somebody calls"] += 1
    world.place_call(caller, number)


def somebody_writes(world: World, random: Random) -> None:
    """Let somebody send a text to a program."""
    text = TextMessage("+15550001111", random.choice((OFFICE, SALES)), body="hello")
    world.counts["somebody writes"] += 1
    world.on_exchange(lambda now: world.exchange.receive_text(text, now))
