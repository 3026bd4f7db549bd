"""Texts, as the lab remembers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from relay_proto.exchange import Happened, What, Who

from .shapes import Text

MOST_TEXTS: Final = 1000
MOST_CHARACTERS: Final = 8 * 1024 * 1024
"""Characters of all texts and addresses of media. The newest text is kept in any case."""


class TextTable:
    """The last text messages, of programs and to them. `changed` is told of each change."""

    def __init__(self, changed: Callable[[Text], None]) -> None:
        self._changed = changed
        self._texts: dict[str, Text] = {}
        self._characters = 0
        self.forgotten = 0
        self.total = 0

    def __iter__(self) -> Iterator[Text]:
        return iter(self._texts.values())

    def get(self, text_id: str) -> Text | None:
        """Return a text, or None."""
        return self._texts.get(text_id)

    def observe(self, happened: Happened, at: float) -> None:
        """Take note of a text, or of its state."""
        details = happened.details
        if happened.what is What.SENT_TEXT:
            text = Text(
                id=details["text_id"],
                at=at,
                from_=details["number"],
                to=details["to"],
                body=details["text"],
                media=details.get("media", "").split(),
                direction="outbound" if happened.who is Who.PROGRAM else "inbound",
            )
            self._texts[text.id] = text
            self._characters += _length(text)
            self.total += 1
            while len(self._texts) > MOST_TEXTS or (
                self._characters > MOST_CHARACTERS and len(self._texts) > 1
            ):
                self._characters -= _length(self._texts.pop(next(iter(self._texts))))
                self.forgotten += 1
        else:
            known = self._texts.get(details["text_id"])
            if known is None:
                return  # the copy of a text that comes back to a program
            text = known
            text.state = details["state"]
        self._changed(text)

    def clear(self) -> None:
        """Forget all texts."""
        self._texts.clear()
        self._characters = self.forgotten = self.total = 0


def _length(text: Text) -> int:
    return len(text.body) + sum(map(len, text.media))
