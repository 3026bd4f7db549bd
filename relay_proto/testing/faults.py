"""Faults: what strikes a world, when, and how often, drawn from one stream of chance.

A world is busy for a while and struck all the time; then the faults stop, and
everything has to come to rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Final

from ..client import ClientCore
from ..config import Limits
from ..exchange import ExchangeTiming
from ..server import ServerConfig
from .application import Application, lines, somebody_calls, somebody_writes
from .links import Link, Style, draw_style
from .tap import Frame
from .world import MakeCore, World, exchange_config

COMING_TO_REST: Final = 320.0
"""Seconds within which every dead link is found out, and every wait has ended."""


def simulate(seed: int, *, make_core: MakeCore = ClientCore, event_ids: int = 1024) -> World:
    """One world from its beginning to its end. What breaks a promise raises, with the trace."""
    random = Random(f"{seed} world")
    config = exchange_config(
        lines=lines(),
        undeliverable=frozenset({"+15550008888"}),
        server=ServerConfig(ping_interval=random.choice((10.0, 10.0, 0.0))),
        timing=ExchangeTiming(session_retention=random.choice((60.0, 5.0))),
    )
    start = random.choice((0.0, 1e6))
    world = World(seed, config=config, make_core=make_core, start=start)
    weather = Weather(world, random, event_ids)
    try:
        weather.run()
    except AssertionError as error:
        error.add_note(world.report())
        raise
    return world


class Weather:
    """One world's faults and programs."""

    def __init__(self, world: World, random: Random, event_ids: int) -> None:
        self._world = world
        self._random = random
        self._faults = world.stream("faults")
        self._deeds = world.stream("programs")
        self._styles = world.stream("styles")
        self._limits = Limits(
            queued_requests=random.choice((20, 500)), tags=50, event_ids=event_ids
        )
        self._applications: list[Application] = []
        self._until = world.now + random.uniform(20.0, 90.0)
        self._pace = random.choice((0.3, 1.0, 4.0))
        self._trouble = random.choice((0.7, 2.0, 8.0))
        self._bad_openings = 0.0

    def run(self) -> None:
        """From beginning to end."""
        world = self._world
        world.style = lambda: draw_style(self._styles)
        world.opening = self._open
        for _ in range(self._random.choice((1, 1, 2, 3))):
            self._start_program()
        self._world.after(0.0, self._act)
        self._world.after(0.0, self._strike)
        world.run(self._until - world.now)
        self._clear_up()
        world.run(COMING_TO_REST)
        world.settle_down()

    def _busy(self) -> bool:
        return self._world.now < self._until

    def _count(self, what: str) -> None:
        self._world.counts[what] += 1
        self._world.note("!", what)

    # Programs

    def _start_program(self) -> None:
        world = self._world
        program = world.program("office", "sales", limits=self._limits)
        number = len(world.programs)
        program.lag = self._random.choice((0.0, 0.0, 0.05))
        program.restless = world.stream(f"restless {number}")
        if self._random.random() < 0.3:
            drains = world.stream(f"drains {number}")
            program.draining_late = lambda: drains.choice((0.0, 0.0, 0.02, 0.09))
        chance = world.stream(f"application {number}")
        self._applications.append(Application(world, program, chance))
        program.start()

    def _act(self) -> None:
        if not self._busy():
            return
        deeds = self._deeds
        what = deeds.random()
        if what < 0.35:
            somebody_calls(self._world, deeds)
        elif what < 0.45:
            somebody_writes(self._world, deeds)
        elif what < 0.98:
            program = deeds.choice(self._world.programs)
            application = self._applications[self._world.programs.index(program)]
            if self._world.promises.ledger(program).may_be_asked:
                application.act()
        elif self._start_anew():
            self._count("a fresh client")
        self._world.after(deeds.expovariate(self._pace), self._act)

    def _start_anew(self) -> bool:
        """One program disconnects, and another takes its place."""
        program = self._world.programs[-1]
        if len(self._world.programs) > 4:
            return False
        program.close()
        self._world.after(self._deeds.choice((0.0, 0.5, 8.0)), self._start_program)
        return True

    # Faults

    def _strike(self) -> None:
        if not self._busy():
            return
        self._faults.choice(self._kinds())()
        self._world.after(self._faults.expovariate(1 / self._trouble), self._strike)

    def _kinds(self) -> tuple[Callable[[], None], ...]:
        return (
            self._cut,
            self._cut,
            self._cut_mid_frame,
            self._cut_mid_frame,
            self._break_openings,
            self._stall,
            self._silence,
            self._say_goodbye,
            self._drop,
            self._restart_server,
            self._refuse_upgrades,
            self._repeat_event,
            self._repeat_event,
            self._send_late_state,
            self._send_nonsense,
            self._withhold_replies,
        )

    def _link(self) -> Link | None:
        """The link of one program, if it has one."""
        link = self._faults.choice(self._world.programs).link
        return None if link is None or link.over or link.given_up else link

    def _cut(self) -> None:
        link = self._link()
        if link is not None:
            self._count("cut")
            delays = [self._faults.choice((0.0, 0.0, 2.0, 40.0)) for _ in range(2)]
            link.cut(up_delay=delays[0], down_delay=delays[1])

    def _cut_mid_frame(self) -> None:
        link = self._link()
        if link is not None:
            self._count("cut after so many bytes")
            pipe = self._faults.choice((link.up, link.down))
            pipe.fuse = (self._faults.randint(1, 400), link.cut)

    def _break_openings(self) -> None:
        """Byte streams do not come about, or not for long, for a while."""
        self._count("bad openings")
        self._bad_openings = self._world.now + self._faults.uniform(2.0, 60.0)
        link = self._link()
        if link is not None:
            link.cut()

    def _open(self, link: Link) -> None:
        if self._world.now >= self._bad_openings:
            link.open()
            return
        match self._faults.randint(0, 4):
            case 0:
                self._count("open refused")
                link.refuse("connection refused")
            case 1:
                self._count("open hangs")
            case 2:
                self._count("cut while opening")
                link.open()
                self._world.after(self._faults.uniform(0.0, 0.2), link.cut)
            case _:
                # The request to upgrade and its answer, or the authentication behind it.
                self._count("cut in the upgrade or authentication")
                link.open()
                pipe = self._faults.choice((link.up, link.down))
                pipe.fuse = (self._faults.randint(1, 700), link.cut)

    def _stall(self) -> None:
        link = self._link()
        if link is not None:
            self._count("stall")
            for pipe in self._faults.choice(((link.up,), (link.down,), (link.up, link.down))):
                pipe.hold(self._faults.choice((1.0, 9.0, 30.0)))

    def _silence(self) -> None:
        link = self._link()
        if link is not None:
            pipes = self._faults.choice(((link.up,), (link.down,), (link.up, link.down)))
            self._count("silence, both ways" if len(pipes) == 2 else "silence, one way")
            for pipe in pipes:
                pipe.silence()

    def _say_goodbye(self) -> None:
        link = self._link()
        if link is not None:
            restart, stay = self._faults.random() < 0.5, self._faults.random() < 0.3
            self._count("goodbye with restart" if restart else "goodbye")
            exchange, number = self._world.exchange, link.number
            self._world.on_exchange(
                lambda now: exchange.say_goodbye(number, now, restart=restart, stay=stay)
            )

    def _drop(self) -> None:
        link = self._link()
        if link is not None:
            self._count("server drops the link")
            self._drop_link(link)

    def _drop_link(self, link: Link) -> None:
        self._world.on_exchange(lambda now: self._world.exchange.drop(link.number, now))

    def _restart_server(self) -> None:
        if self._faults.random() < 0.5:
            self._count("server restarts without memory")
            self._world.on_exchange(self._world.exchange.forget_sessions)

    def _refuse_upgrades(self) -> None:
        self._count("upgrades refused")
        self._world.exchange.refuse_upgrades(503, "try later")
        seconds = self._faults.uniform(1.0, 20.0)
        self._world.after(seconds, lambda: self._world.exchange.refuse_upgrades(0))
        link = self._link()
        if link is not None:
            link.cut()

    def _repeat_event(self) -> None:
        """An event comes again, under its id: its acknowledgement was lost."""
        program = self._faults.choice(self._world.programs)
        link = program.link
        texts = self._world.promises.ledger(program).repeatable
        if link is not None and texts and program.ready and not link.over:
            text = self._faults.choice(tuple(texts))
            if link.inject(text):
                self._count("event repeated")

    def _send_late_state(self) -> None:
        """A state that a call has had comes again, as another event."""
        program = self._faults.choice(self._world.programs)
        ledger = self._world.promises.ledger(program)
        link = program.link
        known = [call_id.encode() for call_id in ledger.held]
        late = [
            text
            for text in ledger.repeatable
            if b'"calling.call.state"' in text and any(call_id in text for call_id in known)
        ]
        if late and link is not None and program.ready and not link.over:
            text = self._faults.choice(late)
            identity = json.loads(text)["id"].encode()
            if link.inject(text.replace(identity, b"late-%d" % len(self._world.trace))):
                self._count("state comes late")

    def _send_nonsense(self) -> None:
        link = self._link()
        text = self._faults.choice(NONSENSE)
        if link is not None and link.inject(text):
            self._count("nonsense")
            self._world.promises.injected += 1

    def _withhold_replies(self) -> None:
        link = self._link()
        if link is not None:
            self._count("replies withheld")
            until = self._world.now + self._faults.uniform(0.5, 15.0)
            chance = self._world.stream(f"withheld {link.number} {until}")

            def withhold(frame: Frame) -> bool:
                # Not the reply to signalwire.connect: the link is in use already.
                is_reply = (
                    bool(frame.id) and not frame.method and b"session_restored" not in frame.text
                )
                return is_reply and self._world.now < until and chance.random() < 0.5

            link.withholds = withhold

    def _clear_up(self) -> None:
        """No faults from now on; what has been broken stays broken."""
        world = self._world
        self._count("(all clear)")
        world.exchange.refuse_upgrades(0)
        world.opening = Link.open
        world.style = Style
        world.after(100.0, self._notice_dead_links)

    def _notice_dead_links(self) -> None:
        """A server that does not ping is told in the end by its own network stack."""
        for link in self._world.links.values():
            if link.given_up or link.over:
                self._drop_link(link)


UNKNOWN_CALL: Final = (
    b'{"jsonrpc":"2.0","id":"n3","method":"signalwire.event","params":{"event_type":'
    b'"calling.call.state","params":{"call_id":"unknown","call_state":"answered","tag":"t"}}}'
)
NONSENSE: Final = (
    b"not json",
    b"[]",
    b"{}",
    b'{"jsonrpc":"2.0","id":"","result":{}}',
    b'{"jsonrpc":"2.0","id":"","error":{"code":-32002,"message":"no"}}',
    b'{"jsonrpc":"2.0","id":"nobody","result":{"code":"200"}}',
    b'{"jsonrpc":"2.0","id":7,"method":"signalwire.ping","params":{"timestamp":[[[]]]}}',
    b'{"jsonrpc":"2.0","id":8,"method":"signalwire.juggle","params":null}',
    b'{"jsonrpc":"2.0","id":"n1","method":"signalwire.event","params":[]}',
    b'{"jsonrpc":"2.0","id":"n2","method":"signalwire.event","params":{"event_type":"new"}}',
    UNKNOWN_CALL,
)
