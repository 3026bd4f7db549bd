"""Parts of pages that are made from the code, each between two markers."""

from __future__ import annotations


def replace_part(page: str, begin: str, part: str, end: str) -> str:
    """The page with `part` between the markers `begin` and `end`.

    Raises:
        ValueError: the page lacks one of the markers.
    """
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page needs {begin!r}, and {end!r} behind it")
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"
