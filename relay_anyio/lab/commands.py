"""The commands of ``relay lab``: each is a request or two to the running lab."""

from __future__ import annotations

import argparse
import json
import os
import re
import time
import tomllib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final, TypeAlias, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import msgspec

from relay_proto.display import counted, one_line
from relay_proto.exchange import ScenarioError, read_scenario

from .._output import OUTPUT, CommandError
from .arguments import DEFAULT_LAB, ENV_LAB, ENV_TOKEN
from .shapes import (
    Call,
    Calls,
    Done,
    Events,
    Numbers,
    NumberState,
    Phone,
    Phones,
    Programs,
    Rehearsal,
    ScenarioState,
    Shape,
    Text,
    Texts,
)

JSONObject: TypeAlias = dict[str, Any]

TIMEOUT: Final = 30.0
"""Seconds. A stream has a comment more often."""
SHORT: Final = 8
"""Characters of an id that are shown."""
LAST: Final = "last"
ENDED_BY: Final = {"caller": "the person", "program": "your program", "exchange": "the lab"}
MOST_ERROR: Final = 10_000
AS_COMMANDS: Final[Mapping[str, str]] = {
    r"GET /api/calls(/\S+)?": "relay lab calls",
    r"POST /api/phones": "relay lab phone",
    r"DELETE /api/phones/(\S+)": r"relay lab phone \1 --remove",
    r"PUT /api/numbers/(\S+)": r"relay lab number \1",
    r"POST /api/scenarios": "relay lab play",
    r"POST /api/reset": "relay lab reset",
}
"""What an error of the lab tells a program to do, and what it tells a person in a shell."""


def run(name: str, options: argparse.Namespace) -> int:
    """Run one command against the lab.

    Raises:
        CommandError: the lab does not answer, or refuses it.
    """
    url = options.lab or os.environ.get(ENV_LAB) or DEFAULT_LAB
    token = options.token or os.environ.get(ENV_TOKEN) or ""
    COMMANDS[name](Remote(url, token), options)
    return 0


class Remote:
    """A lab that runs in another process."""

    def __init__(self, url: str, token: str = "") -> None:
        if not _is_http(url):
            raise CommandError(f"{url!r} is no URL of a lab: it looks like {DEFAULT_LAB}")
        self.url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        # A proxy of the environment is for other machines, and a lab does not redirect.
        self._opener = build_opener(ProxyHandler({}), _NoRedirect())

    def get(self, shape: type[Shape], path: str, **query: object) -> JSONObject:
        """Return what is at a path, which has this shape."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return self._json(shape, "GET", f"{path}?{urlencode(given)}" if given else path)

    def send(
        self,
        shape: type[Shape],
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
    ) -> JSONObject:
        """Change something. The answer has this shape."""
        data = json.dumps({} if body is None else body).encode()
        return self._json(shape, method, path, data, "application/json")

    def send_toml(self, shape: type[Shape], path: str, data: bytes) -> JSONObject:
        """Send a file in TOML."""
        return self._json(shape, "POST", path, data, "application/toml")

    def follow(self, after: int) -> Iterator[tuple[str, JSONObject]]:
        """Return what the stream sends, until the lab ends."""
        with self._open("GET", f"/api/stream?after={after}") as response:
            kind = ""
            for line in response:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key == "event":
                    kind = value
                elif key == "data":
                    yield kind, json.loads(value)

    def _json(
        self,
        shape: type[Shape],
        method: str,
        path: str,
        data: bytes | None = None,
        kind: str = "",
    ) -> JSONObject:
        with self._open(method, path, data, kind) as response:
            answer = response.read()
        try:
            msgspec.json.decode(answer, type=shape)
            return cast("JSONObject", json.loads(answer))
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise CommandError(
                f"{self.url} does not answer like a lab of this version: is relay sim there, "
                "and is it as new as this command?"
            ) from None

    @contextmanager
    def _open(
        self, method: str, path: str, data: bytes | None = None, kind: str = ""
    ) -> Generator[HTTPResponse]:
        headers = {**self._headers, **({"content-type": kind} if kind else {})}
        request = Request(f"{self.url}{path}", data, headers, method=method)  # noqa: S310 - http
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                yield response
        except HTTPError as error:
            with error:
                raise CommandError(_refusal(error.read(MOST_ERROR), error.code)) from None
        except (URLError, OSError, HTTPException, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise CommandError(
                f"no lab answers at {self.url} ({why}): start one with relay sim, or name it "
                f"with --lab or ${ENV_LAB}"
            ) from None


def _is_http(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:  # such as a bracket that is not closed
        return False


class _NoRedirect(HTTPRedirectHandler):
    """Takes a redirect as the answer."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


def _refusal(body: bytes, status: int) -> str:
    try:
        answer = json.loads(body)
        words = str(answer["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"the lab answered with status {status}: is this a lab of relay sim?"
    for request, command in AS_COMMANDS.items():
        words = re.sub(request, command, words)
    return words


# Which call is meant


def _find(lab: Remote, named: str | None, act: str = "") -> str:
    """Return the id of the call that is meant: the only one, or the one that is named.

    Raises:
        CommandError: there is none, or more than one.
    """
    if named == LAST:
        return LAST
    calls = lab.get(Calls, "/api/calls")["calls"]
    if named:
        found = [call for call in calls if call["id"].startswith(named)]
        if not found:
            raise CommandError(f"there is no call {named}: relay lab calls lists them")
    else:
        found = [call for call in calls if act in call["can"]]
        if not found:
            why = _why_none(lab, calls) or "relay lab calls shows all of them"
            raise CommandError(f"there is no call for {act} now: {why}")
        by_hand = [call for call in found if _is_by_hand(call)]
        found = by_hand if len(by_hand) == 1 else found
    if len(found) > 1:
        listed = "\n".join(f"  {one_line(_call_line(call))}" for call in found)
        raise CommandError(f"there is more than one such call: name one of them.\n{listed}")
    return str(found[0]["id"])


def _is_by_hand(call: JSONObject) -> bool:
    """Whether a person has placed the call, or it came to a softphone."""
    return call["live"] or (call["phone"] is not None and call["direction"] == "outbound")


def _why_none(lab: Remote, calls: Sequence[JSONObject]) -> str:
    """Return how the last call ended, if none is up."""
    if not calls or any(call["state"] != "ended" for call in calls):
        return ""
    last = max(calls, key=lambda call: call["ended_at"])
    clock = time.strftime("%H:%M:%S", time.localtime(last["ended_at"]))
    ends = lab.get(Events, "/api/events", call=last["id"], what="ended")["events"]
    who = f"{ENDED_BY[ends[-1]['who']]} ended it" if ends else "it was over"
    numbers = f"{last['from'] or 'somebody'} to {last['to']}"
    return f"the last one, {numbers}, ended at {clock}; {who} ({last['reason']})"


# The commands


def _call(lab: Remote, options: argparse.Namespace) -> None:
    body = _given(from_=options.from_, to=options.to, context=options.context)
    if options.script is None:
        body["live"] = True
    else:
        body["script"] = _read_script(options.script)
    call = lab.send(Call, "POST", "/api/calls", body)
    if call["state"] == "ended" and not options.json:
        happened = lab.get(Events, "/api/events", call=call["id"])["events"]
        why = next((one["text"] for one in happened if one["what"] == "unserved"), call["reason"])
        raise CommandError(f"the call has ended at once: the lab {why}")
    _show(call, _call_line(call), as_json=options.json)


def _act(name: str) -> Callable[[Remote, argparse.Namespace], None]:
    def act(lab: Remote, options: argparse.Namespace) -> None:
        body = {"press": ("digits", "digits"), "say": ("text", "words")}.get(name)
        given = {} if body is None else {body[0]: getattr(options, body[1])}
        call_id = _find(lab, options.call, name)
        call = lab.send(Call, "POST", f"/api/calls/{quote(call_id, safe='')}/{name}", given)
        _print(_call_line(call))

    return act


def _text(lab: Remote, options: argparse.Namespace) -> None:
    body = _given(from_=options.from_, to=options.to, body=options.body, media=options.media)
    text = lab.send(Text, "POST", "/api/texts", body)
    if text["state"] == "undelivered" and not options.json:
        events = lab.get(Events, "/api/events", what="unserved", limit=1)["events"]
        raise CommandError(f"{_text_line(text)}: the lab {events[-1]['text'] if events else ''}")
    _show(text, _text_line(text), as_json=options.json)


def _events(lab: Remote, options: argparse.Namespace) -> None:
    call = (
        None
        if options.call is None
        else lab.get(Call, f"/api/calls/{_find(lab, options.call)}")["id"]
    )
    query = {"call": call, "number": options.number, "limit": options.limit}
    found = lab.get(Events, "/api/events", **query)
    for event in found["events"]:
        _show(event, _event_line(event), as_json=options.json)
    if not options.follow:
        return
    OUTPUT.flush()
    after = found["last_id"]
    for kind, value in lab.follow(after):
        if kind == "dropped":
            _print(f"({value['dropped']} entries were left out: this reader was too slow)")
        if kind != "happened" or (call and value["call"] != call):
            continue
        if options.number and not _concerns(lab, value, options.number):
            continue
        _show(value, _event_line(value), as_json=options.json)
        OUTPUT.flush()
    raise CommandError("the lab has ended")


def _concerns(lab: Remote, event: JSONObject, number: str) -> bool:
    """Whether an event is about a number: the lab knows the numbers of its call."""
    found = lab.get(Events, "/api/events", after=event["id"] - 1, number=number, limit=1)["events"]
    return bool(found) and found[0]["id"] == event["id"]


def _list(shape: type[Shape], path: str, key: str, line: Callable[[JSONObject], str]) -> Command:
    def show(lab: Remote, options: argparse.Namespace) -> None:
        found = lab.get(shape, path)[key]
        if options.json:
            _print(json.dumps(found))
            return
        for one in found:
            _print(line(one))
        if not found:
            _print(f"no {key}")

    return show


def _phone(lab: Remote, options: argparse.Namespace) -> None:
    if options.remove:
        phone = lab.send(Phone, "DELETE", f"/api/phones/{quote(options.number, safe='')}")
        _print(f"{phone['number']} is no phone any more")
        return
    body = {"number": options.number, "name": options.name}
    phone = lab.send(Phone, "POST", "/api/phones", body)
    _print(f"calls to {phone['number']} ring now until relay lab answer, or decline")


def _number(lab: Remote, options: argparse.Namespace) -> None:
    path = f"/api/numbers/{quote(options.number, safe='')}"
    if options.reset:
        number = lab.send(NumberState, "DELETE", path)
    elif options.does is None:
        raise CommandError("say what the number does, such as busy, or give --reset")
    else:
        body = _given(does=options.does, after=options.after)
        number = lab.send(NumberState, "PUT", path, body)
    _print(_number_line(number))


def _fault(lab: Remote, options: argparse.Namespace) -> None:
    given = _given(by=getattr(options, "by", None), lasts=getattr(options, "lasts", None))
    done = lab.send(Done, "POST", "/api/faults", {"do": options.do, **given})
    _print(f"{done['done']}: done")


def _play(lab: Remote, options: argparse.Namespace) -> None:
    data = options.file.read_bytes()
    try:  # here, and not by the lab alone, so that an error names the file, as relay sim does
        read_scenario(_toml(options.file, data))
    except ScenarioError as error:
        raise CommandError(f"{options.file}: {error}") from None
    played = lab.send_toml(ScenarioState, "/api/scenarios", data)
    counts = ", ".join(counted(played[f"{kind}s"], kind) for kind in ("caller", "text", "fault"))
    _print(f"the scenario runs: {counts}")


def _stop(lab: Remote, options: argparse.Namespace) -> None:  # noqa: ARG001
    stopped = lab.send(ScenarioState, "DELETE", "/api/scenarios")
    _print(f"stopped: {stopped['words']}")


def _save(lab: Remote, options: argparse.Namespace) -> None:
    call = None if options.call is None else _find(lab, options.call)
    threads = "true" if options.threads else None
    found = lab.get(Rehearsal, "/api/rehearsal", call=call, client=options.client, threads=threads)
    OUTPUT.write(found["source"])


def _reset(lab: Remote, options: argparse.Namespace) -> None:  # noqa: ARG001
    lab.send(Done, "POST", "/api/reset")
    _print("everything is as at the start; programs stay connected")


# How things are shown


def _call_line(call: JSONObject) -> str:
    can = f"  can {', '.join(call['can'])}" if call["can"] else ""
    reason = f" ({call['reason']})" if call["reason"] else ""
    numbers = f"{call['from'] or 'somebody'} to {call['to']}"
    return f"{call['id'][:SHORT]}  {numbers}  {call['state']}{reason}{can}"


def _text_line(text: JSONObject) -> str:
    return f"{text['from']} to {text['to']}  {text['state']}  “{text['body']}”"


def _event_line(event: JSONObject) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(event["at"]))
    call = event["call"][:SHORT]
    return f"{clock}  {call:<{SHORT}}  {event['who']:<8}  {event['text']}"


def _program_line(program: JSONObject) -> str:
    state = "connected" if program["connected"] else "away"
    contexts = ", ".join(program["contexts"]) or "no contexts"
    latency = program["latency"]
    took = "" if latency is None else f"  {latency * 1000:.0f} ms"
    return f"{program['id']}  {program['agent'] or 'unknown SDK'}  {state}  {contexts}{took}"


def _phone_line(phone: JSONObject) -> str:
    rings = f"  {len(phone['ringing'])} ring" if phone["ringing"] else ""
    return f"{phone['number']}  {phone['name']}{rings}"


def _number_line(number: JSONObject) -> str:
    return f"{number['number']}  {number['words'] or number['does']}"


def _show(value: JSONObject, line: str, *, as_json: bool) -> None:
    _print(json.dumps(value) if as_json else line)


def _print(line: str) -> None:
    OUTPUT.write(f"{one_line(line, len(line))}\n")


def _given(**values: object) -> JSONObject:
    return {
        name.removesuffix("_"): value for name, value in values.items() if value not in (None, [])
    }


def _toml(path: Path, data: bytes) -> JSONObject:
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is not TOML: {error}") from None


def _read_script(path: Path) -> object:
    tree = _toml(path, path.read_bytes())
    if "script" not in tree:
        raise CommandError(f'{path} has no script: write script = [{{hear = "press"}}, …]')
    return tree["script"]


Command: TypeAlias = Callable[[Remote, argparse.Namespace], None]

COMMANDS: Final[Mapping[str, Command]] = {
    "call": _call,
    **{name: _act(name) for name in ("press", "say", "hangup", "answer", "decline")},
    "text": _text,
    "events": _events,
    "calls": _list(Calls, "/api/calls", "calls", _call_line),
    "texts": _list(Texts, "/api/texts", "texts", _text_line),
    "programs": _list(Programs, "/api/programs", "programs", _program_line),
    "phones": _list(Phones, "/api/phones", "phones", _phone_line),
    "phone": _phone,
    "numbers": _list(Numbers, "/api/numbers", "numbers", _number_line),
    "number": _number,
    "fault": _fault,
    "play": _play,
    "stop": _stop,
    "save": _save,
    "reset": _reset,
}
