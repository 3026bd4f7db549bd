"""The file of people: reads it, and says what is wrong with each line."""

from __future__ import annotations

import csv
from pathlib import Path

from relay_sync import phone

from .zones import zone_named

NUMBER, ZONE = "number", "zone"


class WrongFileError(Exception):
    """The file cannot be loaded. It says all that has to be mended."""


def read_people(file: Path) -> list[tuple[str, str]]:
    """Return number and time zone of everybody in a CSV file.

    It has the columns ``number`` and, if you like, ``zone``, which may be empty.

    Raises:
        WrongFileError: it cannot be read, has no such columns, or some lines are wrong.
    """
    try:
        # Some programs begin a file with a byte order mark: utf-8-sig removes it.
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            header = rows.fieldnames or ()
            if NUMBER not in header:
                raise WrongFileError(
                    f"{file}: there is no column {NUMBER!r}. The first line must be "
                    f"'{NUMBER},{ZONE}', and it is {','.join(header)!r}"
                )
            found: list[tuple[str, str]] = []
            wrong: list[str] = []
            for row in rows:
                number, zone = (row.get(NUMBER) or "").strip(), (row.get(ZONE) or "").strip()
                found.append((number, zone))
                wrong += [f"line {rows.line_num}: {why}" for why in mistakes(number, zone)]
    except OSError as error:
        raise WrongFileError(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongFileError(f"{file} is no CSV file in UTF-8: {error}") from None
    if wrong:
        end = f"{file}: nobody was added. Mend these lines, and load the file again"
        raise WrongFileError("\n".join([*wrong, end]))
    return found


def mistakes(number: str, zone: str) -> list[str]:
    """Return what is wrong with one person."""
    wrong: list[str] = []
    try:
        phone(number, number)  # what the dial checks later
    except ValueError:
        wrong.append(f"{number!r} is no telephone number: write it like '+15551234567'")
    try:
        if zone:
            zone_named(zone)
    except ValueError as error:
        wrong.append(str(error))
    return wrong
