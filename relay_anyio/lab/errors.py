"""`LabError`: what the API says when it cannot do what was asked."""

from __future__ import annotations


class LabError(Exception):
    """The status, what was wrong and what to do about it, and where."""

    def __init__(self, status: int, words: str, where: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.where = where
