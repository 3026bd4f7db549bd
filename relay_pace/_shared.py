"""The pace itself: rates by the library `limits`, and places by leases."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from fractions import Fraction
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from relay_proto.adapter.shared_pace import Paced, WhenAway
from relay_proto.values.checks import any_text, number, one_of, whole

from ._leases import Leases

SCHEMES: Final = ("redis", "rediss", "unix")
FULL: Final = 0.25
"""Seconds after which to ask again for a place, if all are taken: nobody tells when one is free."""
MOST_LEASE: Final = 86_400.0
SLOWEST: Final = 0.001
"""So many in a second: the same as for `Limits`."""


class SharedPace:
    """How fast a whole fleet dials and texts. All processes with the same `name` share it.

    Give it to each client: ``RelayClient(shared_pace=SharedPace("redis://localhost:6379",
    dials_per_second=20, dials_at_once=50))``.

    A place of `dials_at_once` is taken from the moment when it is a dial's turn until the dial is
    answered, has failed or has timed out. Each place is a lease: the client renews it while
    the dial is under way. A process that is killed gives its places back after `lease` seconds.

    Args:
        url: where Redis is, like ``redis://:password@host:6379/0``, ``rediss://host``, or
            ``unix:///run/redis.sock``. Redis 5 or later.
        dials_per_second: how many dials the fleet begins in a second. Less than one is possible:
            0.5 is one in two seconds. Default: no limit.
        dials_at_once: how many dials of the fleet are under way. Default: no limit.
        texts_per_second: how many texts the fleet sends in a second. Default: no limit.
        name: who shares it. Fleets with different names do not know each other.
        lease: seconds after which the places of a killed process are free.
        timeout: seconds in which Redis must answer. If it does not, it is away.
        when_away: what dials and texts do while Redis is away. ``wait``: they wait until it is
            back, for `Timing.pace_timeout` at most. ``local``: they go on, each process with its
            own `Limits`.

    Raises:
        ValueError, TypeError: an argument is wrong. Whether Redis is there, only the first dial
            or text finds out.
    """

    def __init__(
        self,
        url: str,
        *,
        dials_per_second: float | None = None,
        dials_at_once: int | None = None,
        texts_per_second: float | None = None,
        name: str = "relay",
        lease: float = 30.0,
        timeout: float = 2.0,
        when_away: WhenAway = "wait",
    ) -> None:
        one_of({"wait", "local"})("when_away", when_away)
        number(1.0, MOST_LEASE, "seconds")("lease", lease)
        number(0.01)("timeout", timeout)
        self.when_away: WhenAway = when_away
        self.renew_interval = lease / 3
        client = _client(url, timeout)
        self._prefix = f"relay-pace:{name}"
        storage = RedisStorage("redis://", connection_pool=client.connection_pool)
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._rates = {
            kind: _rate(f"{kind}_per_second", per_second)
            for kind, per_second in (("dials", dials_per_second), ("texts", texts_per_second))
            if per_second is not None
        }
        self._places: Leases | None = None
        if dials_at_once is not None:
            whole(1)("dials_at_once", dials_at_once)
            key = f"{self._prefix}:dials_at_once"
            self._places = Leases(client, key, dials_at_once, lease)
        self._client: Any = client

    def paces(self, kind: Paced) -> bool:
        """See `Pacer`."""
        return kind in self._rates or (kind == "dials" and self._places is not None)

    def take(self, kind: Paced, place: str) -> float | None:
        """See `Pacer`."""
        places = self._places if kind == "dials" else None
        if places is not None and not places.take(place):
            return FULL
        rate = self._rates.get(kind)
        if rate is None or self._limiter.hit(rate, self._prefix, kind):
            return None
        if places is not None:
            places.give_back([place])
        return max(0.0, self._limiter.get_window_stats(rate, self._prefix, kind)[0] - time.time())

    def renew(self, kind: Paced, places: Collection[str]) -> None:
        """See `Pacer`."""
        if kind == "dials" and self._places is not None:
            self._places.renew(places)

    def give_back(self, kind: Paced, places: Collection[str]) -> None:
        """See `Pacer`."""
        if kind == "dials" and self._places is not None:
            self._places.give_back(places)


def _client(url: str, timeout: float) -> Any:
    """Return a client, which is not connected.

    Raises:
        TypeError, ValueError: the URL is wrong. The message has nothing of it: what looks like
            a port or an option may be a piece of the password.
    """
    if not any_text("url", url).startswith(tuple(f"{one}:" for one in SCHEMES)):
        raise ValueError(f"url must begin with {', '.join(f'{one}:' for one in SCHEMES)}")
    try:
        _check_that_it_is_whole(url)
        client: Any = redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        # Options of the URL become arguments of connections, which are made late: try them now.
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except Exception:  # noqa: BLE001 - whatever redis finds wrong with it
        raise ValueError(
            "url cannot be used: write it like redis://:password@host:6379/0, with / # ? @ in "
            "the password percent-encoded, and with no options but those of redis-py"
        ) from None
    return client


def _check_that_it_is_whole(url: str) -> None:
    """Check that no character of the password has ended the host in the URL.

    redis-py could take the beginning of such a password for a host and a port.

    Raises:
        ValueError: one seems to have. The message is for nobody.
    """
    parts = urlsplit(url)
    options = [option for option in parts.query.split("&") if option]
    cut = "@" in parts.path and bool(parts.netloc)  # the path of a Unix socket may have one
    if "#" in url or cut or not all("=" in option for option in options):
        raise ValueError("it is cut")


def _rate(argument: str, per_second: float) -> RateLimitItemPerSecond:
    """Return so many in whole seconds: `limits` counts in these."""
    number(SLOWEST)(argument, per_second)
    if per_second < 0.1:
        return RateLimitItemPerSecond(1, math.ceil(1 / per_second))
    near = Fraction(per_second).limit_denominator(10)  # within ten seconds, for no longer a burst
    return RateLimitItemPerSecond(near.numerator, near.denominator)
