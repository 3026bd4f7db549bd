"""The table of checks and SDKs."""

from __future__ import annotations

from dataclasses import dataclass, field

WORKS = "yes"
FAILS = "NO"


@dataclass
class Table:
    """What works, by check and SDK. Faults of an SDK itself have a number and a reason."""

    cells: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    faults: list[str] = field(default_factory=list[str])

    def note(self, check: str, sdk: str, *, works: bool, fault: str) -> None:
        """Fill one cell."""
        shown = WORKS if works else FAILS
        if fault and not works:
            if fault not in self.faults:
                self.faults.append(fault)
            shown = f"({self.faults.index(fault) + 1})"
        self.cells.setdefault(check, {})[sdk] = shown

    def lines(self) -> list[str]:
        """The table as Markdown, with the reasons below it."""
        sdks = list(dict.fromkeys(sdk for row in self.cells.values() for sdk in row))
        rows = [["check", *sdks], ["---"] * (len(sdks) + 1)]
        rows += [[check, *(row.get(sdk, "") for sdk in sdks)] for check, row in self.cells.items()]
        table = [f"| {' | '.join(row)} |" for row in rows]
        reasons = [f"({number}) {fault}" for number, fault in enumerate(self.faults, start=1)]
        return [*table, "", *reasons]
