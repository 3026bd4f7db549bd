"""The timeline: the calls that are up at each worker, as an SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from xml.sax.saxutils import escape

from tests.fleet.burst import Life, Result

WIDTH: Final = 860
LEFT, RIGHT, TOP, BOTTOM = 110, 20, 56, 36
LANE: Final = 46
HEIGHT_OF_CALLS: Final = 34
STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-size: 14px; font-weight: 600 }
.small { font-size: 11px; fill: #666 }
.life { fill: #eef2f7 }
.draining { fill: #fdf0d5 }
.calls { fill: #3b78b5 }
.ringing { fill: #b9770e }
.dead { stroke: #c0392b; stroke-width: 2 }
.phase { fill: #000; fill-opacity: 0.04 }
.axis { stroke: #999 }
"""


def draw(result: Result) -> str:
    """Return the picture of a run."""
    return _Drawing(result).svg()


class _Drawing:
    def __init__(self, result: Result) -> None:
        self._result = result
        lives = result.lives.items()
        self._lives = sorted(lives, key=lambda item: item[1].began_at)
        self._scale = (WIDTH - LEFT - RIGHT) / result.ended_at
        self._most = max(1, *(most(self._steps_of(session)) for session, _ in self._lives))
        self._parts: list[str] = []

    def svg(self) -> str:
        height = TOP + (len(self._lives) + 1) * LANE + BOTTOM
        result = self._result
        self._rect(0, 0, WIDTH, height, "", fill="#fff")
        words = f"{len(result.calls)} callers, {result.plan.workers} workers: calls up, by worker"
        self._text(LEFT, 20, words, "title")
        self._phase(result.replaced_from, result.replaced_until, height)
        self._text(self._x(result.replaced_from) + 4, 44, "all workers are replaced", "small")
        self._text(self._x(result.killed_at) + 4, 44, "one is killed", "small")
        ringing = steps(
            [call.called_at for call in result.calls.values()],
            [
                min(at for at in (call.answered_at, call.ended_at) if at is not None)
                for call in result.calls.values()
            ],
        )
        self._lane(0, "ringing", f"at most {most(ringing)}")
        self._area(0, ringing, max(1, most(ringing)), "ringing")
        for row, (session, life) in enumerate(self._lives, start=1):
            self._worker(row, session, life)
        self._axis(height - BOTTOM)
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(words)}">\n'
            f"<style>{STYLE}</style>\n{body}\n</svg>\n"
        )

    def _worker(self, row: int, session: str, life: Life) -> None:
        end = self._result.ended_at if life.ended_at is None else life.ended_at
        base = TOP + (row + 1) * LANE - 6
        top = base - HEIGHT_OF_CALLS
        x = self._x(life.began_at)
        self._rect(x, top, self._x(end) - x, HEIGHT_OF_CALLS, "life")
        if life.drained_at is not None:
            drained = self._x(life.drained_at)
            self._rect(drained, top, self._x(end) - drained, HEIGHT_OF_CALLS, "draining")
        taken = self._steps_of(session)
        answered = sum(call.session == session for call in self._result.calls.values())
        self._lane(row, f"worker {row}", f"{answered} calls")
        self._area(row, taken, self._most, "calls")
        if session == self._result.killed:
            dead = self._x(self._result.killed_at)
            for slope in (-5, 5):
                self._parts.append(
                    f'<line class="dead" x1="{dead - 5:.1f}" y1="{base - 17 - slope}" '
                    f'x2="{dead + 5:.1f}" y2="{base - 17 + slope}"/>'
                )

    def _steps_of(self, session: str) -> list[tuple[float, int]]:
        mine = [call for call in self._result.calls.values() if call.session == session]
        life = self._result.lives[session]
        last = self._result.ended_at if life.ended_at is None else life.ended_at
        answered = (call.answered_at or 0.0 for call in mine)
        ended = (min(last, call.ended_at or last) for call in mine)
        return steps(answered, ended)

    def _lane(self, row: int, name: str, more: str) -> None:
        base = TOP + (row + 1) * LANE - 6
        self._text(8, base - 18, name, "")
        self._text(8, base - 4, more, "small")

    def _area(self, row: int, series: Sequence[tuple[float, int]], full: int, kind: str) -> None:
        base = TOP + (row + 1) * LANE - 6
        points = [f"M{self._x(0):.1f} {base}"]
        for at, up in series:
            points.append(f"H{self._x(at):.1f}V{base - HEIGHT_OF_CALLS * up / full:.1f}")
        self._parts.append(f'<path class="{kind}" d="{"".join(points)}V{base}Z"/>')

    def _axis(self, y: float) -> None:
        end = self._result.ended_at
        self._parts.append(
            f'<line class="axis" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'
        )
        every = next(step for step in (1, 2, 5, 10, 20, 50, 100) if end / step <= 12)
        for second in range(0, int(end) + 1, every):
            self._text(self._x(second), y + 16, f"{second} s", "small")

    def _phase(self, start: float, end: float, height: int) -> None:
        x = self._x(start)
        self._rect(x, 32, self._x(end) - x, height - BOTTOM - 32, "phase")

    def _x(self, at: float) -> float:
        return LEFT + at * self._scale

    def _rect(
        self, x: float, y: float, width: float, height: float, kind: str, *, fill: str = ""
    ) -> None:
        look = f'fill="{fill}"' if fill else f'class="{kind}"'
        self._parts.append(
            f'<rect {look} x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        )

    def _text(self, x: float, y: float, words: str, kind: str) -> None:
        look = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text{look} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>')


def steps(begun: Iterable[float], ended: Iterable[float]) -> list[tuple[float, int]]:
    """How many are there after each change, in the order of time."""
    changes = sorted([*((at, 1) for at in begun), *((at, -1) for at in ended)])
    up, series = 0, list[tuple[float, int]]()
    for at, change in changes:
        up += change
        series.append((at, up))
    return series


def most(series: Sequence[tuple[float, int]]) -> int:
    """The highest number of a series."""
    return max((up for _, up in series), default=0)
