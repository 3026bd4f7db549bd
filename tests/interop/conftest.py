"""The table at the end of a run: which SDK passes which check."""

from __future__ import annotations

import pytest

from tests.interop.table import Table

TABLE = pytest.StashKey[Table]()


@pytest.fixture
def table(pytestconfig: pytest.Config) -> Table:
    """The table of this run."""
    return pytestconfig.stash.setdefault(TABLE, Table())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table, if there is one."""
    table = config.stash.get(TABLE, None)
    if table is not None:
        terminalreporter.section("which SDK can live with the lab")
        for line in table.lines():
            terminalreporter.write_line(line)
