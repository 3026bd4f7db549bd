"""What type checkers see of the core and of rehearsals: what authors of adapters and of tests use.

Nothing here runs; mypy and pyright read it. A wrong call stands under an ignore
comment, and both checkers complain about one that is not needed.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from random import SystemRandom
from typing import Any, Final, assert_never, assert_type

from relay_anyio import RelayClient
from relay_anyio.testing import Caller, Hear, Press, Story, What, rehearse
from relay_proto import ClientConfig, ClientCore, commands, outputs, resolve_config
from relay_proto.api.shapes import Media
from relay_proto.errors import RelayError
from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord, MessageRecord
from relay_proto.testing import World

MEDIA: Final[list[Media]] = [{"type": "tts", "params": {"text": "Hello"}}]


def making(environment: dict[str, str]) -> ClientCore:
    config = resolve_config(environment, contexts=["office"])
    assert_type(config, ClientConfig)
    ClientCore()  # type: ignore[call-arg]
    resolve_config(environment, contexts=7)  # type: ignore[arg-type]
    return ClientCore(config, SystemRandom())


def driving(core: ClientCore, call: CallRecord, now: float) -> None:
    assert_type(core.start(now), Pending[None])
    assert_type(core.execute_on(call, commands.answer(), now), Pending[dict[str, Any]])
    assert_type(core.execute_on(call, commands.play(MEDIA), now), Pending[ActionRecord])
    assert_type(core.execute(commands.dial([[]]), now).result(), CallRecord)
    assert_type(core.deadline(), float | None)
    core.execute_on(call, commands.hangup)  # type: ignore[arg-type, call-arg]
    core.receive_data(1, "text", now)  # type: ignore[arg-type]
    while (output := core.next_output()) is not None:
        assert_type(output, outputs.Output)
        perform(output)


def perform(output: outputs.Output) -> None:
    """A branch for each kind of output: a checker tells an adapter which one it forgot."""
    match output:
        case outputs.OpenTransport() | outputs.SendData() | outputs.CloseTransport():
            assert_type(output.transport, int)
        case outputs.Settled(pending):
            assert_type(pending, Pending[Any])
        case outputs.CallOffered(call) | outputs.CallEnded(call):
            assert_type(call, CallRecord)
        case outputs.MessageReceived(message) | outputs.MessageChanged(message):
            assert_type(message, MessageRecord)
        case outputs.EventReceived(_, call, action):
            assert_type((call, action), tuple[CallRecord | None, ActionRecord | None])
        case outputs.OfferRefused(call_id, reason):
            assert_type((call_id, reason), tuple[str, str])
        case _:
            show(output)


def show(output: outputs.SessionEvent | outputs.Report) -> None:
    match output:
        case outputs.Connected(resumed):
            assert_type(resumed, bool)
        case outputs.Disconnected(error) | outputs.Closed(error):
            assert_type(error, RelayError | None)
        case outputs.ConnectFailed(error, attempt, retry_delay):
            assert_type((error, attempt, retry_delay), tuple[RelayError, int, float | None])
        case outputs.PeerViolation(reason) | outputs.Ignored(reason) | outputs.Dropped(reason):
            assert_type(reason, str)
        case outputs.FrameTraced(sent, text):
            assert_type((sent, text), tuple[bool, str])
        case _:
            assert_never(output)


def rehearsing(client: RelayClient) -> None:
    story = rehearse(client, Caller("+15550001111", (Hear("press 1"), Press("1"))))
    assert_type(story, Story)
    assert_type(story.text, str)
    assert_type(story.all(What.ENDED)[0].at, float)
    rehearse(client, "+15550001111")  # type: ignore[arg-type]
    rehearse(client, backend="twisted")  # type: ignore[arg-type]


def simulating() -> None:
    program = World(seed=1).connected("office")
    assert_type(program.told(outputs.Connected), list[outputs.Connected])
    assert_type(program.execute_on(CallRecord("", ""), commands.answer()), Pending[dict[str, Any]])
