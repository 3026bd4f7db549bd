"""How many texts the lab remembers: a limit in count, and one in characters."""

from __future__ import annotations

import pytest

from relay_anyio.lab.texts import MOST_CHARACTERS, MOST_TEXTS, TextTable
from relay_proto.exchange import Happened, What, Who


def table_of(bodies: list[str], media: str = "") -> TextTable:
    """A table that has observed these texts, whose ids count from 1."""
    table = TextTable(lambda _text: None)
    for number, body in enumerate(bodies, 1):
        details = {"text_id": str(number), "number": "1", "to": "2", "text": body, "media": media}
        table.observe(Happened(0.0, "", Who.CALLER, What.SENT_TEXT, details), 0.0)
    return table


def test_the_oldest_texts_are_forgotten_and_counted() -> None:
    table = table_of(["Hello"] * (MOST_TEXTS + 5))
    assert next(iter(table)).id == "6"
    assert (len(list(table)), table.forgotten, table.total) == (MOST_TEXTS, 5, MOST_TEXTS + 5)


@pytest.mark.parametrize("in_media", [False, True])
def test_long_texts_are_forgotten_earlier(in_media: bool) -> None:
    long = "x" * (MOST_CHARACTERS // 4)
    table = table_of([""] * 6, long) if in_media else table_of([long] * 6)
    assert [text.id for text in table] == ["3", "4", "5", "6"]
    assert table.forgotten == 2


def test_the_newest_text_is_kept_however_long_it_is() -> None:
    table = table_of(["x" * (MOST_CHARACTERS + 1)] * 2)
    assert [text.id for text in table] == ["2"]


def test_a_table_that_is_cleared_has_all_its_room_again() -> None:
    table = table_of(["x" * MOST_CHARACTERS])
    table.clear()
    assert (list(table), table.forgotten, table.total) == ([], 0, 0)
    for number in ("7", "8"):
        details = {"text_id": number, "number": "1", "to": "2", "text": "x" * 100}
        table.observe(Happened(0.0, "", Who.CALLER, What.SENT_TEXT, details), 0.0)
    assert [text.id for text in table] == ["7", "8"]
