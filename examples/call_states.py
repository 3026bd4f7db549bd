"""States of calls that several processes share, in one file of SQLite: for click_to_call.py.

Any process, thread or task of one machine may use it. For several machines, keep the same table in
PostgreSQL, as examples/campaign does.
"""

import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager

TABLE = "CREATE TABLE IF NOT EXISTS calls (id TEXT PRIMARY KEY, state TEXT, why TEXT, at REAL)"
LONGEST = 4 * 3600.0
"""Seconds: whoever has not ended after so long was lost, with the process that had the call."""
KEPT = 7 * 24 * 3600.0


class CallStates:
    """What has become of each call. Each method is one short transaction."""

    def __init__(self, file: str) -> None:
        self._file = file

    def put(self, call_id: str, state: str, why: str = "") -> None:
        """Write down what a call has become."""
        now = time.time()
        with self._transaction() as database:
            database.execute("DELETE FROM calls WHERE at < ?", (now - KEPT,))
            row = (call_id, state, why, now)
            database.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?)", row)

    def get(self, call_id: str) -> dict[str, str] | None:
        """Return what a call has become, or None if there is no such call."""
        with self._transaction() as database:
            found = database.execute("SELECT state, why, at FROM calls WHERE id = ?", (call_id,))
            row = found.fetchone()
        if row is None:
            return None
        state, why, at = row
        if state not in ("ended", "failed") and at < time.time() - LONGEST:
            state, why = "unknown", "the process that had the call is gone"
        return {"id": call_id, "state": state, "why": why}

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        # A connection belongs to one thread and one process: each transaction has its own.
        with closing(sqlite3.connect(self._file, timeout=30)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")  # no wait for the disk
            database.execute(TABLE)
            with database:
                yield database
