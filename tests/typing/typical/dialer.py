"""Typical: a campaign that calls a list of numbers, and tells people from machines."""

import anyio

from relay_anyio import Call, DialFailedError, DialTimeoutError, RelayClient

OFFICE = "+15550001111"
client = RelayClient()


async def talk(call: Call) -> str:
    detector = await call.detect_answering_machine(detect_message_end=True, timeout=20)
    await detector.wait()
    if detector.verdict == "MACHINE" or detector.verdict == "UNKNOWN":
        await call.hangup("cancel")
        return "machine"
    menu = await call.prompt_tts(
        "Press 1 to be called back.", {"digits": {"max": 1}, "initial_timeout": 8}
    )
    await menu.wait()
    await call.hangup()
    return "wants a call" if menu.digits == "1" else "does not"


async def try_number(number: str, results: dict[str, str]) -> None:
    try:
        call = await client.dial_phone(number, OFFICE, timeout=25)
    except DialFailedError as failure:
        busy = failure.reason == "busy"
        results[number] = "busy" if busy else failure.reason or "not reached"
    except DialTimeoutError:
        results[number] = "nobody"
    else:
        results[number] = await talk(call)


async def main(numbers: list[str]) -> dict[str, str]:
    results: dict[str, str] = {}
    async with client, anyio.create_task_group() as tasks:
        for number in numbers:
            tasks.start_soon(try_number, number, results)
    return results


if __name__ == "__main__":
    print(anyio.run(main, ["+15550002222", "+15550003333"]))
