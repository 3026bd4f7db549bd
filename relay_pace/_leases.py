"""Leases: places that are taken for a while, in one sorted set of Redis.

The clock is that of Redis: the clocks of the machines need not agree.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import redis

# KEYS[1]: the set. ARGV: how many places, seconds of a lease, the place.
_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local mine = redis.call('ZSCORE', KEYS[1], ARGV[3])
if not mine and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
    return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], math.ceil(ARGV[2]) + 1)
return 1
"""

# KEYS[1]: the set. ARGV: seconds of a lease, and the places. After an outage of Redis, they
# may not be there any more: they are taken again, be it beyond the limit.
_RENEW: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for index = 2, #ARGV do
    redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[index])
end
redis.call('EXPIRE', KEYS[1], math.ceil(ARGV[1]) + 1)
return 1
"""


class Leases:
    """So many places, each for `seconds` unless it is renewed."""

    def __init__(self, client: redis.Redis, key: str, most: int, seconds: float) -> None:
        self._client: Any = client  # its methods are typed as if each might be awaited
        self._key = key
        self._most = most
        self._seconds = seconds
        self._take: Any = client.register_script(_TAKE)
        self._renew: Any = client.register_script(_RENEW)

    def take(self, place: str) -> bool:
        """Take a place, unless all are taken. To take one's own again renews it."""
        return bool(self._take(keys=[self._key], args=[self._most, self._seconds, place]))

    def renew(self, places: Collection[str]) -> None:
        """Keep places for another lease."""
        self._renew(keys=[self._key], args=[self._seconds, *places])

    def give_back(self, places: Collection[str]) -> None:
        """Let others have these places."""
        self._client.zrem(self._key, *places)
