"""Stages: the world around a client in a rehearsal, as far as nothing waits."""

# The connector of a client is not for programs to change.
# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

from __future__ import annotations

import abc
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final, Generic, Protocol, TypeVar

from ..api.views import CallView
from ..exchange import (
    Caller,
    Exchange,
    ExchangeConfig,
    ExchangeOutput,
    Happened,
    TextMessage,
    What,
    Who,
)
from ..records import CallRecord
from .clients import ClientBase
from .guard import PROGRAM_ENDS, RehearsalOverError, contains, without
from .scenery import NUMBER, known
from .stories import TOLD, Story

SOME_FILE: Final = b"the file of a rehearsal"
WAITS_IN_A_LIBRARY: Final = "the scene waits in a library, and no code of the program's own does"

R = TypeVar("R")


class Breakable(Protocol):
    """A connection in memory, which a test can break."""

    silent: bool
    """Whether it loses everything that both sides send."""

    def cut(self) -> None:
        """Break it. Both ends notice."""

    def close(self) -> None:
        """Release both ends."""


L = TypeVar("L", bound=Breakable)


class StageBase(abc.ABC, Generic[L]):
    """People, lines, and connections that can break."""

    story: Story
    """What has happened so far."""
    files: dict[str, bytes]
    """What `download` gets from a URL; from any other URL, it gets `SOME_FILE`."""
    exchange: Exchange
    """The simulated telephone network. See `do`."""

    def __init__(
        self,
        config: ExchangeConfig,
        seed: int,
        may_raise: Collection[type[BaseException]] = (),
    ) -> None:
        self.story = Story()
        TOLD.append(self.story)
        self.files = {}
        self.exchange = Exchange(config, Random(seed))  # noqa: S311 - a seed must repeat it
        self._links: dict[int, L] = {}
        self._awaited: list[tuple[What, int, str, Who | None]] = []
        self._raised: list[BaseException] = []
        self._may_raise = tuple(may_raise)
        self._warn: Callable[[Warning], object] | None = None
        """Who is told of what was missed, if it is not about a line that has called."""
        self._due: list[tuple[What, Callable[[], None]]] = []
        """What goes wrong as soon as something happens."""
        self._seeds = Random(f"{seed} client")  # noqa: S311 - a seed must repeat it

    @property
    @abc.abstractmethod
    def now(self) -> float:
        """The current virtual time, in seconds."""

    @abc.abstractmethod
    def _jump(self, seconds: float) -> None:
        """Let virtual time pass, in which nothing runs."""

    @abc.abstractmethod
    def _step(self) -> None:
        """Perform all outputs of the exchange."""

    @property
    @abc.abstractmethod
    def _default_context(self) -> str:
        """The context that gets calls and texts."""

    # People

    def call(self, caller: Caller, *, to: str = NUMBER, context: str = "") -> str:
        """Let somebody call; return the id of the call.

        Without `context`, the call goes to the client's first context.
        """
        place = self.exchange.place_call
        return self.do(place, caller, to=to, context=context or self._default_context)

    def text(self, message: TextMessage, *, context: str = "") -> str:
        """Let somebody send a text; return the id of the message."""
        receive = self.exchange.receive_text
        return self.do(receive, message, context=context or self._default_context)

    def _found(self, what: What, times: int, call_id: str, who: Who | None) -> Happened | None:
        """What `until` waits for, if it has happened."""
        if who is None and what is What.SENT_TEXT:
            who = Who.PROGRAM
        found = self.story.all(what, call_id=call_id, who=who)
        return found[times - 1] if len(found) >= times else None

    @contextmanager
    def _awaiting(self, what: What, times: int, call_id: str, who: Who | None) -> Generator[None]:
        """Keep in mind what a scene waits for, also when it is given up."""
        wanted = (what, times, call_id, who)
        self._awaited.append(wanted)
        yield
        self._awaited.remove(wanted)

    # Trouble

    def cut(self, *, when: What | None = None) -> None:
        """Break the connection. The client reconnects by itself and resumes its session.

        With `when`, it breaks as soon as this happens next, such as `What.PLAYED`: before the
        program gets the answer to its request.
        """
        if when is not None:
            self._due.append((when, self.cut))
            return
        self._note("cut")
        for link in self._links.values():
            link.cut()

    def silence(self, *, when: What | None = None) -> None:
        """Lose everything that both sides send from now on. Neither side is told.

        With `when`, it begins as soon as this happens next.
        """
        if when is not None:
            self._due.append((when, self.silence))
            return
        self._note("silence")
        for link in self._links.values():
            link.silent = True

    def restart(self) -> None:
        """Restart the server, which then remembers no session and no call."""
        self._note("forget sessions")
        self.do(self.exchange.forget_sessions)

    def say_goodbye(self, *, restart: bool = False) -> None:
        """Ask the client to reconnect, as the service does before a deployment.

        With `restart`, the server forgets the session, so the client starts a new one.
        """
        self._note("restart" if restart else "goodbye")
        for number in tuple(self._links):
            self.do(self.exchange.say_goodbye, number, restart=restart)

    def freeze(self, seconds: float) -> None:
        """Stop the program for some seconds, as if its process was stopped.

        Everybody else goes on. What the exchange sends meanwhile waits for the program, and
        whatever is due there is late.
        """
        self._note("freeze")
        ends_at = self.now + seconds
        while (due := self.exchange.deadline()) is not None and due <= ends_at:
            self.exchange.handle_timer(max(due, self.now))
            self._step()
        self._jump(ends_at - self.now)

    def do(self, function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Call a method of `exchange`, with the virtual time as `now`; return its result."""
        result = function(*args, now=self.now, **kwargs)
        self._step()
        return result

    # How it works

    @contextmanager
    def _leading(
        self, client: ClientBase[Any, Any, Any], connector: Any, **instead: str
    ) -> Generator[None]:
        """Have a client connect by `connector`, with other attributes if need be."""
        held: Any = client
        # A function would ask somebody in the real network, and take real time for it.
        credentials = {"token": known(client.token), "jwt_token": known(client.jwt_token)}
        changed: Mapping[str, object] = {
            **credentials,
            **instead,
            "_connector": connector,
            "_on_failure": self._failed,
            "_seeds": self._seeds,
            "_file_source": self._file_at,
            "_shared_pace": None,  # its time is real, and others would wait for a rehearsal
        }
        before = {name: getattr(held, name) for name in changed}
        for name, value in changed.items():
            setattr(held, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(held, name, value)

    def _note(self, fault: str) -> None:
        """Add a fault to the story."""
        self._on_output(Happened(self.now, "", Who.EXCHANGE, What.FAULTED, {"fault": fault}))

    def _failed(self, error: BaseException) -> None:
        """Remember what a function of the application has raised, unless it may."""
        failure = without(error, self._may_raise)
        if failure is not None:
            self._raised.append(failure)

    def _file_at(self, url: str) -> bytes:
        return self.files.get(url, SOME_FILE)

    def _on_output(self, output: ExchangeOutput) -> None:
        if isinstance(output, Happened):
            self.story.append(output)
            due = [one for one in self._due if one[0] is output.what]
            for one in due:
                self._due.remove(one)
                one[1]()


def is_outcome(error: BaseException) -> bool:
    """Whether an error says how a scene went, and does not end the program.

    The outcomes of pytest, such as that of ``pytest.fail()``, are no `Exception`.
    """
    return not any(contains(error, kind) for kind in (*PROGRAM_ENDS, RehearsalOverError))


def raise_first(raised: Sequence[BaseException], failure: BaseException | None) -> None:
    """Raise what a function of the application has raised, or why a scene has failed."""
    if raised and (failure is None or is_outcome(failure)):  # it may be why the scene failed
        error = raised[0]
        if failure is not None:
            error.add_note(f"After this, the scene failed as well: {failure}")
        raise error
    if failure is not None:
        raise failure


def still_open(
    stage: StageBase[Any], clients: Iterable[ClientBase[Any, Any, Any]], places: Iterable[str]
) -> list[str]:
    """Say why a rehearsal is not over: calls that are up, and what is waited for.

    `places` are the lines of the program, and of scenes, that wait.
    """
    calls = [line for client in clients for line in _calls_up(client)]
    return [*calls, *_awaited(stage), *places] or [WAITS_IN_A_LIBRARY]


def _awaited(stage: StageBase[Any]) -> list[str]:
    """Say what scenes wait for, as they have written it, and how often it has happened."""
    lines: list[str] = []
    for what, times, call_id, who in stage._awaited:
        if what is What.ENDED and call_id:
            continue  # the call is among those that are up
        more = f", times={times}" if times > 1 else ""
        more += f", call_id={call_id!r}" if call_id else ""
        more += f", who=Who.{who.name}" if who else ""
        seen = sum(stage._found(what, n, call_id, who) is not None for n in range(1, times))
        lines.append(f"until(What.{what.name}{more}): it has happened {seen} of {times} times")
    return lines


def _calls_up(client: ClientBase[Any, Any, Any]) -> list[str]:
    """Say which calls of a client are up."""
    engine = client._current
    return [] if engine is None else [*map(_described, engine.core.live_calls)]


def _described(record: CallRecord) -> str:
    call = _Seen(record)
    inbound = call.direction == "inbound"
    party = f"from {call.from_number}" if inbound else f"to {call.to_number}"
    return f"call {call.call_id} {party} is {call.state}"


class _Seen(CallView):
    """A call that has no handle of its own."""

    def __init__(self, record: CallRecord) -> None:
        self._record = record
