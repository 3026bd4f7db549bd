"""The guard: who may use the lab. Pages of foreign sites may not, and nobody without a token."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relay_proto.display import one_line
from relay_proto.values.hosts import host_of

from .shapes import Error

COOKIE: Final = "relay-lab"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS: Final = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-cache",
    b"cross-origin-resource-policy": b"same-origin",
}


class Guard:
    """Lets requests pass that come from this machine's own pages and programs.

    `names` are the hosts by which the lab may be called. With a `token`, each request needs
    it: as a header, or as a cookie that the first view of the page sets.
    """

    def __init__(self, names: Collection[str], token: str = "") -> None:
        self._names = frozenset(names)
        self._token = token

    def protect(self, app: ASGIApp) -> ASGIApp:
        """Return the application, behind this guard."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    given = {name for name, _ in message["headers"]}
                    more = [(n, v) for n, v in HEADERS.items() if n not in given]
                    message["headers"] = [*message["headers"], *more]
                await send(message)

            refusal = self._refusal(scope)
            if refusal is None:
                await app(scope, receive, send_with_headers)
            else:
                await _respond(send_with_headers, *refusal)

        return guarded

    def _refusal(self, scope: Scope) -> tuple[int, str, dict[str, str]] | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if host_of(host) not in self._names and not self._is_address(host):
            words = f"Host {one_line(host)!r} is not allowed here: start relay sim with --name"
            return 403, words, {}
        if origin is not None and origin.rpartition("://")[2] != host:
            return 403, f"Origin {one_line(origin)!r} is not allowed here: open the lab itself", {}
        return self._without_token(scope, headers) if self._token else None

    def _is_address(self, host: str) -> bool:
        """Whether it is an address, which nobody else can let a name stand for.

        Only a lab with a token can be reached by addresses that nobody has named.
        """
        if not self._token:
            return False
        try:
            ip_address(host_of(host))
        except ValueError:
            return False
        return True

    def _without_token(
        self, scope: Scope, headers: Headers
    ) -> tuple[int, str, dict[str, str]] | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._fits(given.strip()):
            return None
        if self._fits(_cookie(headers.get("cookie", ""))):
            return None
        query = parse_qs(scope["query_string"].decode("ascii", "replace"))
        token = query.pop("token", [""])[0]
        if scope["path"] == "/" and scope["method"] == "GET" and self._fits(token):
            rest = urlencode(query, doseq=True)
            cookie = f"{COOKIE}={quote(token, safe='')}; Path=/; HttpOnly; SameSite=Strict"
            location = f"/?{rest}" if rest else "/"
            return 303, "", {"set-cookie": cookie, "location": location}
        words = "this lab needs its token, which relay sim prints: send it as the header "
        words += "Authorization: Bearer TOKEN, or open /?token=TOKEN"
        return 401, words, {"www-authenticate": "Bearer"}

    def _fits(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else unquote(found.value)


async def _respond(send: Send, status: int, words: str, headers: dict[str, str]) -> None:
    body = msgspec.json.encode(Error(error=words)) if words else b""
    shown = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    encoded = [(name.encode(), value.encode()) for name, value in shown.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
