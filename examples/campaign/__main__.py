"""The command: load people, run the campaign, and show how far it is."""

from __future__ import annotations

import argparse
import http.server
import sys
import time
from collections import Counter
from pathlib import Path

from .database import Database
from .people import WrongFileError, read_people
from .settings import Settings

PAGE = """<!doctype html><title>Campaign</title><meta http-equiv=refresh content=5>
<style>body {{ font: 1rem system-ui; margin: 2rem }} td {{ padding: .2rem 1rem }}</style>
<h1>Campaign: {done} of {all} done</h1><table>{rows}</table>"""


def load(database: Database, file: Path) -> None:
    """Add the people of a CSV file: all of them, or nobody if a line is wrong."""
    try:
        people = read_people(file)
    except WrongFileError as error:
        sys.exit(str(error))
    print(f"{database.load(people)} people added")


def run(database: Database) -> None:
    """Put people into the queue when it is time, and look after lost workers, until all is done.

    This may be killed and started again at any time. Two of them do no harm.
    """
    from kombu.exceptions import OperationalError  # noqa: PLC0415 - only this needs Celery

    from .worker import call  # noqa: PLC0415

    shown = ""
    while not database.finished():
        lost = database.recover()
        if lost:
            print(f"{lost} attempts of lost workers were ended")
        try:
            for person in database.due():
                call.delay(person)
        except OperationalError as error:  # those who are left out are asked for again later
            print(f"the queue cannot be reached: {error}")
        line = words(database.progress())
        if line != shown:
            print(line, flush=True)
        shown = line
        time.sleep(1.0)
    print(words(database.progress()))


def words(counts: Counter[str]) -> str:
    """Say how far it is, in one line."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nobody"


def page(database: Database, port: int) -> None:
    """Serve a page that shows how far it is, on this machine only."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            counts = database.progress()
            left = counts["waiting"] + counts["calling"]
            rows = "".join(
                f"<tr><td>{name}<td align=right>{count}" for name, count in sorted(counts.items())
            )
            done = counts.total() - left
            body = PAGE.format(done=done, all=counts.total(), rows=rows).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    print(f"http://127.0.0.1:{port}/")
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m campaign")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("load", help="add people").add_argument("file", type=Path)
    commands.add_parser("run", help="call them, until all is done")
    commands.add_parser("progress", help="show how far it is")
    commands.add_parser("page", help="show it in the browser").add_argument("port", type=int)
    commands.add_parser("repeat-unknown", help="call those again of whom nobody knows")
    options = parser.parse_args(arguments)
    try:
        settings = Settings()
    except ValueError as error:
        sys.exit(f"a setting is wrong: {error}")
    database = Database(settings)
    database.create()
    match options.command:
        case "load":
            load(database, options.file)
        case "run":
            run(database)
        case "page":
            page(database, options.port)
        case "repeat-unknown":
            print(f"{database.repeat_unknown()} people will be called again")
        case _:
            print(words(database.progress()))


if __name__ == "__main__":
    main(sys.argv[1:])
