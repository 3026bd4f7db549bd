"""Faxes: receive them as files, or send one.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". OUR_NUMBER is this number. FAX_FOLDER is where received faxes are saved;
without it, the program only logs their addresses.
Run: python fax.py                                        (receive)
     python fax.py +15550000008 https://example.com/a.pdf (send)
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os
import sys
from pathlib import Path

import anyio

from relay_anyio import (
    Call,
    DialFailedError,
    DialTimeoutError,
    Done,
    DownloadError,
    Failed,
    FaxAction,
    RelayClient,
)

OURS = os.environ.get("OUR_NUMBER", "+15550002222")
FOLDER = os.environ.get("FAX_FOLDER", "")
LONGEST = 30 * 60  # seconds: a page may take a minute

client = RelayClient(contexts=["office"])


@client.on_call
async def receive(call: Call) -> None:
    async with call:  # hangs up at the end, whatever happens
        await call.answer()
        fax = await call.receive_fax()
        outcome = await fax.wait_outcome(timeout=LONGEST)
    match outcome:
        case Done(event):
            call.log.info("%d pages have come: %s", event.pages, event.document)
            if FOLDER:
                await save(call, fax)
        case Failed(event):
            call.log.warning("no fax has come: %s", event.fax.get("result_text"))
        case _:
            call.log.warning("no fax has come: the call has ended")


async def save(call: Call, fax: FaxAction) -> None:
    path = Path(FOLDER, f"{call.call_id}.pdf")
    try:
        await fax.download(path)
    except (DownloadError, OSError) as error:
        call.log.error("the fax at %s was not saved: %s", fax.document, error)


async def send(client: RelayClient, to: str, document: str) -> str:
    try:
        call = await client.dial_phone(to, OURS, timeout=60, dial_timeout=80)
    except (DialFailedError, DialTimeoutError) as error:
        return f"not sent: {error}"
    async with call:
        fax = await call.send_fax(document, identity=OURS)
        match await fax.wait_outcome(timeout=LONGEST):
            case Done(event):
                return f"sent: {event.pages} pages"
            case Failed(event):
                return f"not sent: {event.fax.get('result_text')}"
            case _:
                return "not sent: the call has ended"


async def main(to: str, document: str) -> str:
    async with RelayClient() as client:
        return await send(client, to, document)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(anyio.run(main, sys.argv[1], sys.argv[2]))
    else:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        client.run(hang_up=True)
