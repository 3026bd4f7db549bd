"""What is late in the lab, and a reset."""

from __future__ import annotations

import trio
import trio.testing

from relay_anyio.simulator.weather import Weather


def test_what_was_late_goes_on_when_the_delay_is_taken_back() -> None:
    async def main() -> float:
        weather = Weather()
        weather.delay(1000, 1000)
        began_at = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(weather.wait)
            await trio.sleep(5)
            weather.clear()
        return trio.current_time() - began_at

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == 5
