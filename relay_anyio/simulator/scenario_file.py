"""Reading a scenario from a TOML file, with errors that name the file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from relay_proto.exchange import Scenario, ScenarioError, read_scenario

from .._output import CommandError


def read_file(path: Path) -> Scenario:
    """Return the scenario in a file.

    Raises:
        CommandError: it is not valid. The message says where, and what is allowed.
        OSError: it cannot be read.
    """
    try:
        return read_scenario(tomllib.loads(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not in UTF-8: {error.reason}") from None
    except (tomllib.TOMLDecodeError, ScenarioError) as error:
        raise CommandError(f"{path}: {error}") from None
