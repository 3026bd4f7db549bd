"""The recipe of sms_bot.py, rehearsed: what people write, and what the bot remembers."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import anyio
import pytest

from relay_anyio.testing import Stage, Story, TextMessage, What, rehearse
from sms_bot import FORGET_AFTER, HELP, client, conversations

ANNA, BEN, OURS = "+15550001111", "+15550001112", "+15550002222"


@pytest.fixture(autouse=True)
def nobody_has_written() -> None:
    conversations.clear()


def replies(story: Story, to: str = ANNA) -> list[str]:
    texts = story.all(What.SENT_TEXT)
    return [one.details["text"] for one in texts if one.details["to"] == to]


async def write(stage: Stage, *texts: str, number: str = ANNA) -> None:
    for text in texts:
        stage.text(TextMessage(number, OURS, text))
        await anyio.sleep(10)


async def anna_books_a_table(stage: Stage) -> None:
    await write(stage, "Book", "On Friday", "We are 4")


def test_anna_books_a_table() -> None:
    assert replies(rehearse(client, anna_books_a_table)) == [
        "For which day?",
        "For how many people?",
        "Thank you! A table for 4 on Friday is booked.",
    ]


@pytest.mark.parametrize(
    ("texts", "last"),
    [
        (["Hello"], HELP),
        (["book", "someday"], "Please write a day, such as Friday."),
        (["book", "monday", "none"], "Please write a number from 1 to 12."),
        (["book", "monday", "100"], "Please write a number from 1 to 12."),
        (["book", "cancel", "monday"], HELP),
        (["book", "someday", "monday", "12"], "Thank you! A table for 12 on Monday is booked."),
    ],
)
def test_what_is_not_understood_is_asked_again(texts: list[str], last: str) -> None:
    async def scene(stage: Stage) -> None:
        await write(stage, *texts)

    assert replies(rehearse(client, scene))[-1] == last


async def two_people_write(stage: Stage) -> None:
    await write(stage, "book")
    await write(stage, "book", "Monday", number=BEN)
    await write(stage, "Friday")


def test_people_do_not_disturb_each_other() -> None:
    story = rehearse(client, two_people_write)
    assert replies(story) == replies(story, BEN) == ["For which day?", "For how many people?"]


async def anna_comes_back_later(stage: Stage) -> None:
    await write(stage, "book")
    await anyio.sleep(FORGET_AFTER)
    await write(stage, "Friday")


async def anna_wants_no_more_texts(stage: Stage) -> None:
    await write(stage, "book", "STOP")


def test_a_conversation_is_forgotten() -> None:
    assert replies(rehearse(client, anna_comes_back_later)) == ["For which day?", HELP]
    assert replies(rehearse(client, anna_wants_no_more_texts)) == ["For which day?"]
    assert not conversations


def test_a_reply_that_does_not_arrive_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    rehearse(client, anna_books_a_table, undeliverable=[ANNA])
    assert "a reply was not delivered" in caplog.text
