"""`relay_pace.SharedPace` with a real Redis server: rates, places, and what an outage does."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import traceback
from typing import Any

import pytest
from redis.exceptions import RedisError

from relay_pace import SharedPace
from tests.campaign.servers import PATIENCE, Redis

NOBODY = "redis://127.0.0.1:1/0"


def test_all_who_share_it_have_so_many_places(redis: Redis) -> None:
    one = SharedPace(redis.url, dials_at_once=2)
    other = SharedPace(redis.url, dials_at_once=2)
    assert one.take("dials", "a") is None
    assert other.take("dials", "b") is None
    assert one.take("dials", "c") == other.take("dials", "d") == 0.25
    assert one.take("dials", "a") is None, "it has that place"
    other.give_back("dials", ["b"])
    assert one.take("dials", "c") is None
    assert SharedPace(redis.url, dials_at_once=1, name="else").take("dials", "a") is None


def test_places_of_a_process_that_was_killed_come_back(redis: Redis) -> None:
    program = f"""
from relay_pace import SharedPace
pace = SharedPace({redis.url!r}, dials_at_once=1, lease=1)
assert pace.take("dials", "theirs") is None
print("taken", flush=True)
input()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        process.kill()
    pace = SharedPace(redis.url, dials_at_once=1, lease=1)
    assert pace.take("dials", "ours") == 0.25
    began = time.monotonic()
    while pace.take("dials", "ours") is not None:
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.05)
    assert time.monotonic() - began < 1.5


def test_a_place_that_is_renewed_stays_taken(redis: Redis) -> None:
    pace = SharedPace(redis.url, dials_at_once=1, lease=1)
    assert pace.take("dials", "ours") is None
    ends_at = time.monotonic() + 1.5
    while time.monotonic() < ends_at:
        pace.renew("dials", ["ours"])
        assert pace.take("dials", "theirs") is not None
        time.sleep(0.1)


def test_places_that_redis_has_lost_are_taken_again_with_the_next_renewal(redis: Redis) -> None:
    pace = SharedPace(redis.url, dials_at_once=1)
    assert pace.take("dials", "ours") is None
    redis.stop()
    redis.start()
    pace.renew("dials", ["ours"])
    assert pace.take("dials", "theirs") == 0.25


@pytest.mark.parametrize("kind", ["dials", "texts"])
def test_so_many_begin_in_a_second_whoever_asks(redis: Redis, kind: Any) -> None:
    paces = [
        SharedPace(redis.url, dials_per_second=20, texts_per_second=20, dials_at_once=1000)
        for _ in range(3)
    ]
    begun: list[float] = []
    ends_at = time.monotonic() + 3.0

    def ask(pace: SharedPace, name: str) -> None:
        number = 0
        while (now := time.monotonic()) < ends_at:
            number += 1
            wait = pace.take(kind, f"{name}{number}")
            if wait is None:
                begun.append(now)
            else:
                assert 0.0 <= wait <= 2.0
                time.sleep(0.02)

    threads = [
        threading.Thread(target=ask, args=(pace, str(place))) for place, pace in enumerate(paces)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    begun.sort()
    assert 40 <= len(begun) <= 80
    most = max(sum(at <= other < at + 1.0 for other in begun) for at in begun)
    assert most <= 40, "in no second are there more than in two windows"


@pytest.mark.parametrize("rate", [0.5, 0.05, 2.5])
def test_a_slow_rate(redis: Redis, rate: float) -> None:
    pace = SharedPace(redis.url, texts_per_second=rate)
    answers = [pace.take("texts", "") for _ in range(6)]
    begun = answers.count(None)
    assert begun == (5 if rate == 2.5 else 1)
    wait = answers[-1]
    assert wait is not None
    assert wait <= 2 * max(2.0, 1 / rate)


def test_redis_is_away(redis: Redis) -> None:
    pace = SharedPace(redis.url, dials_per_second=10, dials_at_once=1, timeout=0.2)
    assert pace.take("dials", "a") is None
    redis.signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(RedisError):
        pace.take("dials", "b")
    assert time.monotonic() - began < 2.0, "each wait is bounded"
    redis.signal(signal.SIGCONT)
    pace.give_back("dials", ["a"])
    redis.stop()
    with pytest.raises(RedisError):
        pace.take("dials", "b")


def test_what_it_paces() -> None:
    assert not SharedPace(NOBODY).paces("dials")
    assert SharedPace(NOBODY, dials_at_once=1).paces("dials")
    assert not SharedPace(NOBODY, dials_at_once=1).paces("texts")
    only_texts = SharedPace(NOBODY, texts_per_second=1)
    assert only_texts.paces("texts")
    only_texts.renew("texts", ["a"])
    only_texts.give_back("texts", ["a"])


@pytest.mark.parametrize(
    "url",
    [
        *(f"redis://:12{mark}s3cret@localhost:6379/0" for mark in "/#?["),
        *(f"redis://:s3cret{mark}12@localhost:6379/0" for mark in "/#?["),
        "redis://:12?s3cret=@localhost:6379/0",
        "redis://:s3cret\u2100@localhost:6379/0",
        "redis:s3cret",
        "redis://localhost:s3cret",
        "redis://localhost:6379/0?max_connections=s3cret",
        "redis://localhost:6379/0?passwort=s3cret",
        "redis://localhost:6379/0?connection_class=s3cret",
        "rediss://localhost:6379/0?ssl_cert_reqs=s3cret",
        "unix://me:s3/cret@/run/redis.sock",
    ],
)
def test_a_wrong_url_is_refused_at_once_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="url cannot be used: write it like") as raised:
        SharedPace(url)
    told = "".join(traceback.format_exception(raised.value)).rpartition("ValueError")[2]
    assert "cret" not in told
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://localhost/0/",
        "redis://me:a@b@localhost:6379/0",
        "redis://:s3%2F%23%3F%40cret@localhost:6379/0",
        "redis://localhost?db=1&socket_keepalive=yes&",
        "rediss://localhost?ssl_cert_reqs=none",
        "unix:///run/redis.sock?db=1&password=a@b",
    ],
)
def test_a_url_may_have_all_that_redis_knows(url: str) -> None:
    assert SharedPace(url, dials_at_once=1).paces("dials")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": b"redis://localhost"}, "url must be a str, not"),
        ({"url": "localhost"}, "url must begin with redis:, rediss:, unix:"),
        ({"dials_per_second": 0}, "dials_per_second must be 0.001 or more"),
        ({"texts_per_second": "5"}, "texts_per_second must be a number"),
        ({"dials_at_once": 1.5}, "dials_at_once must be a whole number"),
        ({"when_away": "never"}, "when_away must be one of 'local', 'wait'"),
        ({"lease": 0.5}, "lease must be from 1 to 86400 seconds"),
        ({"timeout": 0}, r"timeout must be 0\.01 or more"),
    ],
)
def test_wrong_arguments(wrong: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {"url": NOBODY, **wrong}
    with pytest.raises((TypeError, ValueError), match=words):
        SharedPace(**arguments)
