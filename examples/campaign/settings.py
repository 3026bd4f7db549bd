"""Settings: what the environment says, and what holds without it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import time
from zoneinfo import ZoneInfo

from .zones import zone_named


def _text(name: str, default: str) -> str:
    return os.environ.get(name, default)


def _number(name: str, default: float) -> float:
    return float(os.environ.get(name, default))


@dataclass(frozen=True)
class Settings:
    """All of it. Times are in seconds."""

    database: str = field(
        default_factory=lambda: _text("CAMPAIGN_DATABASE", "sqlite:///campaign.db")
    )
    redis: str = field(default_factory=lambda: _text("CAMPAIGN_REDIS", "redis://localhost:6379/0"))
    our_number: str = field(default_factory=lambda: _text("OUR_NUMBER", "+15550002222"))
    message: str = field(
        default_factory=lambda: _text(
            "CAMPAIGN_MESSAGE", "This is the town hall. The water is off tomorrow until noon."
        )
    )

    dials_per_second: float = field(
        default_factory=lambda: _number("CAMPAIGN_DIALS_PER_SECOND", 10)
    )
    """Of all workers together."""
    dials_at_once: int = field(default_factory=lambda: int(_number("CAMPAIGN_DIALS_AT_ONCE", 100)))
    """Of all workers together: telephones that ring."""
    ring_time: float = field(default_factory=lambda: _number("CAMPAIGN_RING_TIME", 25))

    zone: ZoneInfo = field(
        default_factory=lambda: zone_named(_text("CAMPAIGN_ZONE", "America/New_York"))
    )
    """Of people whose row has no time zone."""
    opens: time = field(
        default_factory=lambda: time.fromisoformat(_text("CAMPAIGN_OPENS", "09:00"))
    )
    closes: time = field(
        default_factory=lambda: time.fromisoformat(_text("CAMPAIGN_CLOSES", "20:00"))
    )

    most_tries: int = field(default_factory=lambda: int(_number("CAMPAIGN_TRIES", 3)))
    busy_delay: float = field(default_factory=lambda: _number("CAMPAIGN_BUSY_DELAY", 300))
    no_answer_delay: float = field(
        default_factory=lambda: _number("CAMPAIGN_NO_ANSWER_DELAY", 1800)
    )
    not_dialed_delay: float = field(
        default_factory=lambda: _number("CAMPAIGN_NOT_DIALED_DELAY", 30)
    )
    """After an attempt that came to nothing before anybody was dialed."""

    lease: float = field(default_factory=lambda: _number("CAMPAIGN_LEASE", 60))
    """A worker that has not said for so long that it is there is gone."""
    ask_again: float = field(default_factory=lambda: _number("CAMPAIGN_ASK_AGAIN", 600))
    """A person who was put into the queue so long ago is put into it again."""
    most_queued: int = field(default_factory=lambda: int(_number("CAMPAIGN_QUEUED", 500)))
