"""The tables of docs/guide/observing.md are those of the code."""

from __future__ import annotations

from relay_otel import _names as names
from tests import observing


def test_the_page_has_the_tables() -> None:
    assert observing.page_with_tables() == observing.PAGE.read_text("utf-8"), (
        "run: python -m tests.observing"
    )


def test_each_attribute_is_explained_and_used() -> None:
    used = {name for metric in names.METRICS for name in metric.attributes}
    used.update(name for span in names.SPANS for name in span.attributes)
    assert used == set(names.ATTRIBUTES)
