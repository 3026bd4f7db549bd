"""One long session of either client: the vendor's and ours say and hear the same in it.

One program serves it all, the connection is lost in
the middle of a call, and the known differences are named.

The vendor's package is used as it comes: only its environment variables say where
to connect and what to trust. It is asyncio's alone, and leaves traces in a
process, so each client runs in one of its own. ``pytest -s`` shows what was said.

Where the clients differ, they do so for a reason that ``docs/migrating.md`` gives;
the script keeps clear of that, except in the last test.
"""

from __future__ import annotations

import importlib.util
import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import pytest

from relay_proto.exchange import (
    Hear,
    Press,
    Say,
    Wait,
    What,
    Who,
)
from tests.adapters.support import Certificates
from tests.interop.harness import Conversation, Fact, running
from tests.interop.script import BUSY, DESK, HUMAN, IVR, SHORT, SILENT, STUDIO

VENDOR: Final = "signalwire.relay"
OUR_OWN: Final = "relay_anyio"
SCRIPT: Final = Path(__file__).with_name("script.py")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("signalwire") is None,
    reason="the vendor's client is not installed: pip install 'relay-proto[interop]'",
)


async def converse(module: str, certificates: Certificates) -> Conversation:
    """Let a client go through all of it."""
    conversation = Conversation()
    async with running(
        [sys.executable, str(SCRIPT), module], certificates, conversation
    ) as program:
        world = program.world
        await world.until(What.SESSION_STARTED)

        program.call(IVR, Hear("press 1"), Press("1"))
        await program.learned("over")

        program.call(DESK, Wait(0.3), Press("12#"))
        await program.learned("over", 2)

        program.call(STUDIO, Say("Hello?"), Hear("please speak"), Say("I am here."))
        await program.learned("over", 3)

        program.text(f"dial {HUMAN} 20")
        await program.learned("over", 4)
        program.text(f"dial {SILENT} {SHORT}")
        await program.learned(f"nobody {SILENT}")
        program.text(f"dial {BUSY} 20")
        await program.learned(f"nobody {BUSY}")
        program.text(f"text {HUMAN}")
        await program.learned("text delivered")

        program.call(IVR, Hear("press 1"), Wait(1.0), Press("2"))
        await program.learned("asked", 2)
        world.cut()
        await world.until(What.SESSION_RESUMED)
        await program.learned("over", 5)

        program.text(f"impatiently {SILENT}")
        await program.learned(f"nobody {SILENT}", 2)
        program.process.send_signal(signal.SIGINT)
        conversation.exit_code = await program.process.wait()
    conversation.happened = world.happened
    return conversation


@pytest.fixture(scope="module")
def conversations(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Conversation]:
    """What both clients have said, each in a world of its own."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    found: dict[str, Conversation] = {}
    for module in (VENDOR, OUR_OWN):
        found[module] = anyio.run(partial(converse, module, certificates))
        found[module].show(module)
    return found


def test_both_clients_end_well(conversations: Mapping[str, Conversation]) -> None:
    for conversation in conversations.values():
        assert conversation.exit_code == 0
        assert conversation.lines[-1] == "stopped"


def test_both_clients_learn_the_same(conversations: Mapping[str, Conversation]) -> None:
    vendor, ours = conversations[VENDOR], conversations[OUR_OWN]
    assert vendor.lines == ours.lines
    assert "bridge connected" in ours.lines
    assert "detected HUMAN" in ours.lines
    assert "recorded finished True" in ours.lines


def test_both_clients_have_the_same_calls(conversations: Mapping[str, Conversation]) -> None:
    vendor, ours = conversations[VENDOR], conversations[OUR_OWN]
    assert vendor.calls[:-1] == ours.calls[:-1]
    assert len(vendor.calls) == len(ours.calls)


def test_both_clients_come_go_and_text_alike(conversations: Mapping[str, Conversation]) -> None:
    vendor, ours = conversations[VENDOR], conversations[OUR_OWN]
    assert before_the_last_text(vendor) == before_the_last_text(ours)
    whats = [what for _, what, _ in ours.rest]
    assert whats.count(What.SESSION_RESUMED.value) == 1


def before_the_last_text(conversation: Conversation) -> list[Fact]:
    """What concerns no call, up to the text about the dial in which the clients differ."""
    facts = conversation.rest
    texts = [i for i, (_, what, _) in enumerate(facts) if what == What.SENT_TEXT.value]
    return facts[: texts[-1]]


def test_neither_client_breaks_the_protocol(conversations: Mapping[str, Conversation]) -> None:
    for conversation in conversations.values():
        assert not [h for h in conversation.happened if h.what is What.VIOLATED]
        assert not [h for h in conversation.happened if h.what is What.REFUSED]


def test_only_ours_ends_the_leg_of_a_dial_that_timed_out(
    conversations: Mapping[str, Conversation],
) -> None:
    # docs/migrating.md: "its legs go on ringing, and cost money".
    def ended_by_program(conversation: Conversation) -> bool:
        return any(
            (who, what) == (Who.PROGRAM.value, What.ENDED.value)
            for who, what, _ in conversation.calls[-1]
        )

    assert not ended_by_program(conversations[VENDOR])
    assert ended_by_program(conversations[OUR_OWN])
