"""Faults: each is a function that does something bad to a world.

A fault picks its victim with the given `Random`, and counts itself by kind in
``World.faults``. If there is no victim, it does nothing. `FAULTS` lists all faults, the
frequent ones more than once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final, TypeAlias

from ..api import commands
from ..errors import RequestQueueFullError
from .links import Link, Written
from .program import Program
from .tap import Frame, unmasked_frame
from .world import World

Fault: TypeAlias = Callable[[World, Random], None]


def victim(world: World, random: Random) -> Program:
    """Return any program."""
    return random.choice(world.programs)


def link_of(world: World, random: Random) -> Link | None:
    """Return the link of one program, if it has one."""
    link = victim(world, random).link
    return link if link is not None and link.alive else None


# Links


def cut(world: World, random: Random) -> None:
    """Break a link. Each side learns of it at once or later."""
    link = link_of(world, random)
    if link is not None:
        world.struck("cut")
        delays = [random.choice((0.0, 0.0, 2.0, 40.0)) for _ in range(2)]
        link.cut(up_delay=delays[0], down_delay=delays[1])


def cut_in_a_frame(world: World, random: Random) -> None:
    """Break a link after some more bytes."""
    link = link_of(world, random)
    if link is not None:
        world.struck("cut after so many bytes")
        pipe = random.choice((link.up, link.down))
        pipe.fuse = (random.randint(1, 400), link.cut)


def break_openings(world: World, random: Random) -> None:
    """For a while, byte streams do not open, or break soon after they open."""
    world.struck("bad openings")
    until = world.now + random.uniform(2.0, 60.0)

    def open_badly(link: Link) -> None:
        if world.now < until:
            _open_badly(world, link, random)
        else:
            link.open()

    world.opening = open_badly
    link = link_of(world, random)
    if link is not None:
        link.cut()


def _open_badly(world: World, link: Link, random: Random) -> None:
    match random.randint(0, 5):
        case 0:
            world.struck("open refused")
            link.refuse("connection refused")
        case 1:
            world.struck("open hangs")
        case 2:
            world.struck("cut while opening")
            link.open()
            world.after(random.uniform(0.0, 0.2), link.cut)
        case 3:
            world.struck("silence in the upgrade or authentication")
            link.open()
            link.down.fuse = (random.randint(1, 400), link.down.silence)
        case _:
            # So many bytes end within the upgrade or the authentication after it.
            world.struck("cut in the upgrade or authentication")
            link.open()
            pipe = random.choice((link.up, link.down))
            pipe.fuse = (random.randint(1, 700), link.cut)


def stall(world: World, random: Random) -> None:
    """For a while, deliver nothing on a link."""
    link = link_of(world, random)
    if link is not None:
        world.struck("stall")
        for pipe in random.choice(((link.up,), (link.down,), (link.up, link.down))):
            pipe.hold(random.choice((1.0, 9.0, 30.0)))


def silence(world: World, random: Random) -> None:
    """Deliver nothing more on a link, without telling either side."""
    link = link_of(world, random)
    if link is not None:
        pipes = random.choice(((link.up,), (link.down,), (link.up, link.down)))
        world.struck("silence, both ways" if len(pipes) == 2 else "silence, one way")
        for pipe in pipes:
            pipe.silence()


def close_slowly(world: World, random: Random) -> None:
    """Let the server close a link. The client learns of it much later."""
    link = link_of(world, random)
    if link is not None:
        world.struck("slow close")
        link.close_slowly(random.uniform(3.5, 20.0))
        if random.random() < 0.5:
            _say_goodbye(world, link, random, restart=False)
        else:
            drop_link(world, link)


# The server


def say_goodbye(world: World, random: Random) -> None:
    """Let the server ask one client to reconnect, with or without its session."""
    link = link_of(world, random)
    if link is not None:
        restart = random.random() < 0.5
        world.struck("goodbye with restart" if restart else "goodbye")
        _say_goodbye(world, link, random, restart=restart)


def deploy(world: World, random: Random) -> None:
    """Let the server ask all clients to reconnect, then refuse them for a moment."""
    world.struck("deploy")
    for link in tuple(world.links.values()):
        if link.alive:
            _say_goodbye(world, link, random, restart=False)
    _refuse_upgrades(world, random.choice((0.5, 3.0)))


def _say_goodbye(world: World, link: Link, random: Random, *, restart: bool) -> None:
    stay = random.random() < 0.3
    say = world.exchange.say_goodbye
    world.on_exchange(lambda now: say(link.number, now, restart=restart, stay=stay))


def drop(world: World, random: Random) -> None:
    """Let the server cut a link."""
    link = link_of(world, random)
    if link is not None:
        world.struck("server drops the link")
        drop_link(world, link)


def drop_link(world: World, link: Link) -> None:
    """Let the server cut this link."""
    world.on_exchange(lambda now: world.exchange.drop(link.number, now))


def restart_server(world: World, random: Random) -> None:
    """Restart the server: all links break. It may forget all sessions as well."""
    if random.random() < 0.5:
        world.struck("server restarts without memory")
        world.on_exchange(world.exchange.forget_sessions)
    else:
        world.struck("server restarts with its memory")
        for link in tuple(world.links.values()):
            drop_link(world, link)
        _refuse_upgrades(world, random.choice((0.5, 3.0)))


def refuse_upgrades(world: World, random: Random) -> None:
    """Let the server refuse all upgrades for a while."""
    world.struck("upgrades refused")
    _refuse_upgrades(world, random.uniform(1.0, 20.0))
    link = link_of(world, random)
    if link is not None:
        link.cut()


def _refuse_upgrades(world: World, seconds: float) -> None:
    world.exchange.refuse_upgrades(503, "try later")
    world.after(seconds, lambda: world.exchange.refuse_upgrades(0))


def revoke(world: World, random: Random) -> None:
    """Revoke the credentials of one program, so that it must give up."""
    program = victim(world, random)
    if len(world.programs) > 1 and random.random() < 0.3:
        world.struck("credentials revoked")
        credentials = program.core.config.credentials
        assert credentials is not None, "all programs of a world have some"
        project = credentials.project.reveal()
        world.on_exchange(lambda now: world.exchange.revoke(project, now))


# Events


def repeat_event(world: World, random: Random) -> None:
    """Send an event again with the same id, as if its acknowledgement was lost."""
    program = victim(world, random)
    texts = world.promises.ledger(program).repeatable
    if texts and _inject(program, random.choice(tuple(texts))):
        world.struck("event repeated")


def repeat_in_disorder(world: World, random: Random) -> None:
    """Let a resumed session get its events again, in another order."""
    link = link_of(world, random)
    if link is not None:
        open_as_before = world.opening

        def open_and_reorder(other: Link) -> None:
            other.rewrite = reorder
            open_as_before(other)

        def reorder(written: list[Written]) -> list[Written]:
            if not any(b'"session_restored":true' in frame.text for frame, _ in written):
                return written
            world.struck("events repeated in disorder")
            # The reply to the resume must stay first, and the new secret last.
            return [written[0], *random.sample(written[1:-1], len(written) - 2), written[-1]]

        world.opening = open_and_reorder
        link.up.silence()  # the acknowledgements are lost
        world.after(random.uniform(0.5, 4.0), lambda: drop_link(world, link))


def let_two_answer(world: World, random: Random) -> None:
    """Let two legs of a dial answer at once. The server ends the loser late."""
    link = link_of(world, random)
    if link is not None:
        late = random.uniform(0.5, 9.0)

        def answer_both(written: list[Written]) -> list[Written]:
            found = _dial_and_loser(written)
            if found is None:
                return written
            world.struck("two legs answer at once")
            answered, end = found
            frame, _ = ending = written[end]
            text = frame.text.replace(b'"id":"', b'"id":"loser-', 1)
            text = text.replace(b'"call_state":"ending"', b'"call_state":"answered"')
            world.after(late, lambda: link.down.write(ending[1] + written[end + 1][1]))
            kept = written[:end] + written[end + 2 :]
            return [*kept[:answered], (frame, unmasked_frame(text)), *kept[answered:]]

        link.rewrite = answer_both


def _dial_and_loser(written: list[Written]) -> tuple[int, int] | None:
    """Return the positions of a dial's answer, and of the end of a losing leg."""
    answered = 0
    losing: tuple[object, ...] = ()
    for number, (frame, _) in enumerate(written):
        body = frame.body
        if DIAL_ANSWERED in frame.text:
            answered, losing = number, ("ending", "cancel", body["tag"])
        elif tuple(map(body.get, ("call_state", "end_reason", "tag"))) == losing:
            return answered, number
    return None


def send_late_state(world: World, random: Random) -> None:
    """Send an earlier state of a call again, as a new event."""
    program = victim(world, random)
    ledger = world.promises.ledger(program)
    known = [call_id.encode() for call_id in ledger.held]
    late = [
        text
        for text in ledger.repeatable
        if b'"calling.call.state"' in text and any(call_id in text for call_id in known)
    ]
    if late:
        text = random.choice(late)
        identity = json.loads(text)["id"].encode()
        if _inject(program, text.replace(identity, b"late-%d" % len(world.trace))):
            world.struck("state comes late")


def send_nonsense(world: World, random: Random) -> None:
    """Send a message that makes no sense."""
    program = victim(world, random)
    if _inject(program, random.choice(NONSENSE)):
        world.struck("nonsense")
        world.promises.injected += 1


def _inject(program: Program, text: bytes) -> bool:
    link = program.link
    return program.ready and link is not None and link.alive and link.inject(text)


def withhold_replies(world: World, random: Random) -> None:
    """For a while, drop half of the replies."""
    link = link_of(world, random)
    if link is not None:
        world.struck("replies withheld")
        until = world.now + random.uniform(0.5, 15.0)

        def withhold(frame: Frame) -> bool:
            # Never drop the reply to signalwire.connect: this fault needs a session.
            is_reply = bool(frame.id) and not frame.method and b"session_restored" not in frame.text
            return is_reply and world.now < until and random.random() < 0.5

        link.withholds = withhold


# Programs


def jump_clock(world: World, random: Random) -> None:
    """Suspend the machine of a program, so that time jumps for it."""
    program = victim(world, random)
    if not program.asleep:
        world.struck("clock jumps")
        program.sleep(random.choice((1.0, 20.0, 45.0, 600.0)))


def freeze(world: World, random: Random) -> None:
    """Stop a program that waits for an answer. Then its timer is late, and bytes wait."""
    program = victim(world, random)
    if program.ready and not program.asleep:
        world.struck("freeze")
        with suppress(RequestQueueFullError):
            program.execute(commands.receive(["frozen"]))
        program.sleep(random.choice((3.0, 12.0, 25.0)))


def slow_down(world: World, random: Random) -> None:
    """For a while, let an application react slowly."""
    world.struck("slow application")
    program, until = victim(world, random), world.now + random.uniform(3.0, 30.0)
    program.reaction = lambda: random.uniform(0.0, 3.0) if world.now < until else 0.0


def hang_up_as_it_breaks(world: World, random: Random) -> None:
    """Let a program hang up in the instant in which its link breaks."""
    program = victim(world, random)
    ledger, link = world.promises.ledger(program), program.link
    if ledger.owned and link is not None and link.alive and not program.asleep:
        world.struck("hangs up as the link breaks")
        call = ledger.held[random.choice(sorted(ledger.owned))]
        first = random.random() < 0.5
        if first:
            link.cut()
        with suppress(RequestQueueFullError):
            program.execute_on(call, commands.hangup())
        if not first:
            link.cut()


FAULTS: Final[tuple[Fault, ...]] = (
    cut,
    cut,
    cut_in_a_frame,
    cut_in_a_frame,
    break_openings,
    stall,
    silence,
    close_slowly,
    say_goodbye,
    deploy,
    drop,
    restart_server,
    refuse_upgrades,
    revoke,
    repeat_event,
    repeat_event,
    repeat_in_disorder,
    let_two_answer,
    let_two_answer,
    send_late_state,
    send_late_state,
    send_nonsense,
    withhold_replies,
    jump_clock,
    freeze,
    freeze,
    slow_down,
    hang_up_as_it_breaks,
)

DIAL_ANSWERED: Final = b'"dial_state":"answered"'
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
