"""Rehearsals: `rehearse`, `rehearsal` and the stage, for `relay_sync.testing`."""

# A stage knows the engines of clients, and a rehearsal its stage.
# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeAlias, TypeVar, cast

from relay_proto.adapter.rehearsal_arguments import (
    OF_REHEARSALS,
    check_arguments,
    check_program,
    check_scenes,
    takes,
)
from relay_proto.adapter.scenery import (
    CONTEXT,
    POLL_INTERVAL,
    Lines,
    configure,
    context_of,
)
from relay_proto.adapter.stages import StageBase, is_outcome, raise_first, still_open
from relay_proto.adapter.stories import (
    DeadlockError,
    RehearsalTimeoutError,
    Story,
    warn_of_misses,
)
from relay_proto.exchange import (
    Caller,
    ExchangeConfig,
    ExchangeOutput,
    ExchangeTiming,
    Happened,
    What,
    Who,
)
from relay_proto.outputs import CloseTransport, SendData

from ._engine import Engine
from ._memory_links import Link
from ._participants import Participant, described
from ._virtual import Reason, VirtualTime
from ._waiting import current
from .call import Call
from .client import RelayClient

R = TypeVar("R")

Handler: TypeAlias = Callable[[Call], Any]
Program: TypeAlias = RelayClient | Handler | Callable[[], Any]

WAITS_FOR_RESULTS: Final = frozenset({Engine.wait.__code__, Engine.execute.__code__})
"""A program that is in one of these has something to do when it goes on."""
STUCK: Final = (
    "a thread has not gone on for {:g} real seconds, and virtual time waits for it: it computes, "
    "or waits for a socket, a lock or another program"
)


def rehearse(
    program: Program,
    *scenes: Caller | Scene,
    lines: Lines = (),
    undeliverable: Collection[str] = (),
    timing: ExchangeTiming | None = None,
    may_raise: Collection[type[BaseException]] = (),
    within: float = 3600.0,
    patience: float = 5.0,
    seed: int = 0,
) -> Story:
    """Run a client, a call handler or a whole program through scenes; return what happened.

    A scene is a `Caller`, who calls and stays until the call ends, or a function that takes
    the `Stage`. Scenes run one after the other. The client disconnects when all calls have
    ended and all handlers have returned. All times are virtual, those of `time` included.

    Args:
        program: a `RelayClient` of `relay_sync`, a function that takes a `Call`, or one that
            takes nothing and connects a client of its own. It runs in a thread. Without
            scenes, it is waited for; with scenes, it ends when its client is disconnected.
        scenes: what happens, one after the other.
        lines: the numbers that the program can dial, such as ``{"+15559": Busy()}``, or as a
            list of `Line`. Any other number answers like a person.
        undeliverable: numbers to which no text can be delivered.
        timing: how long things take.
        may_raise: classes of exceptions that handlers may raise, such as
            `ConnectionLostError`. As in production, their calls are then hung up.
        within: virtual seconds after which the rehearsal has failed.
        patience: real seconds in which something must go on.
        seed: the ids of the exchange depend on it.

    Raises:
        RehearsalTimeoutError: the rehearsal takes longer than `within` seconds; or no time
            passes, because a thread runs in a loop, or waits for something real.
        DeadlockError: all threads wait, and no timer is set.
        RuntimeError: this thread takes part in a rehearsal already.
        Exception: a handler, a scene or another thread of the program raised it.
    """
    check_can_begin(scenes)
    with rehearsal(
        program,
        lines=lines,
        undeliverable=undeliverable,
        timing=timing,
        may_raise=may_raise,
        within=within,
        patience=patience,
        seed=seed,
    ) as stage:
        for scene in scenes:
            if isinstance(scene, Caller):
                stage.over(stage.call(scene))
            else:
                scene(stage)
        if not scenes:
            stage.wait_for_program()
        stage.quiet()
    return stage.story


def check_can_begin(scenes: Iterable[object]) -> None:
    """Refuse what cannot be rehearsed here.

    Raises:
        RuntimeError: this thread takes part in a rehearsal already.
        TypeError: a scene is none.
    """
    if current.virtual is not None:
        raise RuntimeError(
            "this thread takes part in a rehearsal already: start another one when it is over"
        )
    check_scenes(scenes, awaited=False)


@contextmanager
def rehearsal(
    program: Program,
    *,
    lines: Lines = (),
    undeliverable: Collection[str] = (),
    timing: ExchangeTiming | None = None,
    may_raise: Collection[type[BaseException]] = (),
    within: float = 3600.0,
    patience: float = 5.0,
    seed: int = 0,
) -> Generator[Stage]:
    """Connect a client to an exchange in memory: the block is the scene.

    At the end the client disconnects, and the first exception of a handler is raised. The
    arguments are those of `rehearse`.
    """
    check_program(program, "relay_sync", "relay_anyio", may_take_nothing=True)
    check_arguments(
        OF_REHEARSALS,
        lines=lines,
        undeliverable=undeliverable,
        timing=timing,
        may_raise=may_raise,
        within=within,
        patience=patience,
        seed=seed,
    )
    check_can_begin(())
    client, function = _client_and_function(program)
    stage = Stage(client, configure(client, lines, undeliverable, timing), seed, may_raise)
    failure: BaseException | None = None
    with stage._running(within, patience):
        try:
            stage._begin(function)
            yield stage
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - raised below
            failure = stage._failure_of(error)
        finally:
            stage._leave(failure)
    raise_first(stage._raised, failure)
    warn_of_misses(stage.story, stage._warn)


class Stage(StageBase[Link]):
    """The world around the client: people, lines, and a connection that can break."""

    def __init__(
        self,
        client: RelayClient | None,
        config: ExchangeConfig,
        seed: int,
        may_raise: Collection[type[BaseException]] = (),
    ) -> None:
        super().__init__(config, seed, may_raise)
        self._given = client
        self._clients: list[RelayClient] = []
        self._led = ExitStack()
        self._virtual = VirtualTime(self)
        self._program: threading.Thread | None = None
        self._within = self._patience = 0.0

    @property
    def client(self) -> RelayClient:
        """The client; of a program that makes its own, the first one that has connected.

        Raises:
            LookupError: the program has connected none yet.
        """
        if self._given is not None:
            return self._given
        if not self._clients:
            raise LookupError(
                "the program has not connected a client yet: wait for it with "
                "stage.until(What.SESSION_STARTED)"
            )
        return self._clients[0]

    @property
    def now(self) -> float:
        """The current virtual time, in seconds."""
        return self._virtual.now

    def until(
        self, what: What, *, times: int = 1, call_id: str = "", who: Who | None = None
    ) -> Happened:
        """Wait until something has happened `times` times, on one call or on all calls.

        What happened before counts, too. `who` says who did it. Without it, a text is one
        that the program has sent, and all else may be anybody's.
        """
        with self._awaiting(what, times, call_id, who):
            while (found := self._found(what, times, call_id, who)) is None:
                self._virtual.wait(lambda: self._found(what, times, call_id, who) is not None)
            return found

    def over(self, call_id: str) -> None:
        """Wait until a call has ended."""
        self.until(What.ENDED, call_id=call_id)

    def quiet(self) -> None:
        """Wait until all calls have ended and all handlers and listeners have returned.

        A program that makes its own client has then returned as well, or waits for more.
        """
        self._virtual.settle()
        while self._is_busy():
            self._virtual.wait(bool, POLL_INTERVAL)
            self._virtual.settle()

    def wait_for_program(self) -> None:
        """Wait until a program that makes its own client has returned."""
        if (thread := self._program) is not None:
            self._virtual.wait(lambda: self._virtual.has_left(thread))

    def do(self, function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Call a method of `exchange`, with the virtual time as `now`; return its result."""
        self._virtual.come_back()
        with self._virtual.lock:
            return super().do(function, *args, **kwargs)

    def freeze(self, seconds: float) -> None:
        """Stop the program for some seconds, as if its process was stopped.

        Everybody else goes on. What the exchange sends meanwhile waits for the program, and
        whatever is due there is late.
        """
        self._virtual.come_back()
        with self._virtual.lock:
            super().freeze(seconds)

    @contextmanager
    def connects(self) -> Generator[None]:
        """Have the client connect to this stage instead of the network."""
        with self._leading(self.client, self._connect):
            yield

    # How it works

    @property
    def _default_context(self) -> str:
        return context_of(self._given or (self._clients[0] if self._clients else None))

    def _is_busy(self) -> bool:
        engines = [client._current for client in self._clients]
        for engine in engines:
            if engine is not None:
                pools = (engine.calls, engine.messages, engine.listeners)
                if engine.core.active_calls or any(pool.busy for pool in pools):
                    return True
        program = None if self._program is None else self._virtual.participant(self._program)
        if program is None:
            return False
        return not program.is_at_rest(self.now) or program.is_in(WAITS_FOR_RESULTS)

    @contextmanager
    def _running(self, within: float, patience: float) -> Generator[None]:
        self._within, self._patience = within, patience
        with self._virtual.running(within, patience):
            yield

    def _begin(self, function: Callable[[], Any] | None) -> None:
        """Connect the client, or start the program and wait until it has connected one."""
        if self._given is not None:
            self._led.enter_context(self.connects())
            self._clients.append(self._given)
            self._given.connect()
        elif function is not None:
            program = threading.Thread(target=function, name="the program", daemon=True)
            self._program = program
            program.start()
            self._virtual.wait(
                lambda: self.story.all(What.SESSION_STARTED) or self._virtual.has_left(program)
            )
            self._virtual.settle()  # it takes calls only now

    def _failure_of(self, error: BaseException) -> BaseException:
        """Why the scene has failed; also let others fail, which may be why it did."""
        own = self._virtual.failure()
        if own is None and is_outcome(error):
            self._virtual.wait(bool, POLL_INTERVAL)
        return own or error

    def _leave(self, failure: BaseException | None) -> None:
        try:
            for client in tuple(self._clients):
                client.disconnect()
            if failure is None:
                self.wait_for_program()
        finally:
            self._led.close()

    def _connect(self, host: str, port: int) -> socket.socket:
        del host, port
        self._virtual.come_back()
        with self._virtual.lock:
            number = len(self._links) + 1
            link = self._links[number] = Link()
            self.exchange.transport_opened(number, self.now)
            self._step()
        return link.near

    def _jump(self, seconds: float) -> None:
        self._virtual.jump(seconds)

    def _step(self) -> None:
        while (output := self.exchange.next_output()) is not None:
            self._on_output(output)

    def _on_output(self, output: ExchangeOutput) -> None:
        super()._on_output(output)
        match output:
            case SendData(number, data):
                self._links[number].send(data)
            case CloseTransport(number):
                self._links[number].cut()
            case _:
                pass

    # For the virtual time

    def pump(self, now: float) -> None:
        """See `World`."""
        for number, link in self._links.items():
            while (data := link.receive()) is not None:
                if data:
                    self.exchange.receive_data(number, data, now)
                else:
                    link.close()
                    self.exchange.transport_closed(number, now, "")
                self._step()
            link.flush()
        due = self.exchange.deadline()
        if due is not None and due <= now:
            self.exchange.handle_timer(now)
            self._step()

    def deadline(self) -> float | None:
        """See `World`."""
        return self.exchange.deadline()

    def adopt(self, client: RelayClient) -> None:
        """See `World`."""
        if client not in self._clients and client is not self._given:
            self._clients.append(client)
            account = {"project": CONTEXT, "token": CONTEXT, "jwt_token": ""}
            self._led.enter_context(self._leading(client, self._connect, **account))

    def explain(self, reason: Reason, threads: Sequence[Participant]) -> BaseException:
        """See `World`."""
        places = described(threads)
        if reason is Reason.DEADLOCK:
            return DeadlockError([one.thread.name for one in threads], places, "threads")
        left = still_open(self, self._clients, places)
        if reason is Reason.TOO_LATE:
            return RehearsalTimeoutError(self._within, self.story, left)
        why = STUCK.format(self._patience) if reason is Reason.STUCK else reason.value
        return RehearsalTimeoutError(None, self.story, left, why=why)

    def thread_failed(self, error: BaseException) -> None:
        """See `World`."""
        self._failed(error)


Scene: TypeAlias = Callable[[Stage], object]
"""A function that acts on a `Stage`."""


def _client_and_function(
    program: Program,
) -> tuple[RelayClient | None, Callable[[], Any] | None]:
    """Return the client of a program, or the function that makes its own."""
    if isinstance(program, RelayClient):
        return program, None
    if takes(program, 0):
        return None, cast("Callable[[], Any]", program)
    client = RelayClient(project=CONTEXT, token=CONTEXT, contexts=[CONTEXT])
    client.on_call(cast("Handler", program))
    return client, None
