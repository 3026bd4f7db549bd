"""The steps of ``relay doctor``: each tries one more part of the way that a client takes."""

from __future__ import annotations

import enum
import os
import re
import ssl
import statistics
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, TypeVar

import anyio

from relay_proto import Timing, resolve_config
from relay_proto.adapter.certificates import Certificate, read_certificate
from relay_proto.adapter.connection_errors import ToldError
from relay_proto.adapter.network import Network, Route
from relay_proto.adapter.proxies import ProxyError
from relay_proto.adapter.sockets import Address
from relay_proto.adapter.tls import tls_context
from relay_proto.config import ENV_CA_FILE, ENV_HOST, ENV_JWT, ENV_PROJECT, ClientConfig
from relay_proto.errors import AuthenticationError, RelayError, RemoteProtocolError
from relay_proto.rpc.masking import Scrubber
from relay_proto.values.hosts import split_host
from relay_proto.wire.reports import Upgraded, WireFailed
from relay_proto.wire.tunnel import host_and_port
from relay_proto.wire.websocket import Role, Wire

from . import _advice as advice
from ._log import quiet_log
from ._tls import TLSStream, in_own_thread
from .client import RelayClient
from .transport import STREAM_ERRORS, describe

T = TypeVar("T")

PINGS: Final = 5
SLOW: Final = 1.0
"""Seconds of a round trip from which callers notice it."""
CLOCK_OFF: Final = 60.0
"""Seconds by which a clock may be wrong. The server's own may be, too."""
DER: Final = 2
"""As the standard library calls the binary form of a certificate: `_ssl.ENCODING_DER`."""
DATE: Final = re.compile(rb"^date:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


class Result(enum.StrEnum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass
class Step:
    """One step: how it went, in words, and what to do about it."""

    name: str
    result: Result = Result.OK
    words: str = ""
    advice: str = ""
    details: list[str] = field(default_factory=list[str])
    seconds: float = 0.0

    def failed(self, words: str, advice: str) -> StepFailedError:
        """Note that this step has failed, and return what ends the examination."""
        self.result, self.words, self.advice = Result.FAILED, words, advice
        return StepFailedError()


class StepFailedError(Exception):
    """A step has failed, and what follows makes no sense."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the command was given."""

    host: str | None = None
    proxy: str | bool = True
    contexts: Sequence[str] = ()
    timeout: float = 10.0


class Examination:
    """Goes over the way of a client, and tells each step when it is over."""

    def __init__(self, asked: Asked, tell: Callable[[Step], object]) -> None:
        self._asked = asked
        self._tell = tell
        self._scrubber = Scrubber()
        self.steps: list[Step] = []
        self._config: ClientConfig
        self._network: Network
        self._proxy = ""
        self._route: Route
        self._streams: list[tuple[Address, TLSStream]] = []

    async def run(self) -> None:
        """Take all steps, up to the first one after which it makes no sense to go on."""
        try:
            await self._check_settings()
            await self._check_proxy()
            await self._check_names()
            try:
                await self._check_addresses()
                stream = await self._check_tls()
                await self._check_upgrade(stream)
            finally:
                with anyio.CancelScope(shield=True):
                    for _, stream in self._streams:
                        await stream.aclose()
            await self._check_session()
        except StepFailedError:
            pass

    def clean(self, words: str) -> str:
        """Return words without secrets and personal data."""
        return self._scrubber.words(words)

    @asynccontextmanager
    async def _step(self, name: str, late: str = "", to_do: str = "") -> AsyncGenerator[Step]:
        """Take one step. If it takes too long, it has failed for the reason `late`."""
        step, began = Step(name), time.monotonic()

        def over() -> None:
            step.seconds = time.monotonic() - began
            step.words = self.clean(step.words)
            step.details = [self.clean(detail) for detail in step.details]
            self.steps.append(step)
            self._tell(step)

        try:
            with anyio.move_on_after(self._asked.timeout) as limit:
                yield step
            if limit.cancelled_caught:
                raise step.failed(f"{late} within {self._asked.timeout:g} s", to_do)
        except StepFailedError:
            over()
            raise
        over()

    async def _check_settings(self) -> None:
        async with self._step("settings") as step:
            try:
                config = resolve_config(
                    os.environ, host=self._asked.host, contexts=self._asked.contexts
                )
                timing = Timing(connect_timeout=self._asked.timeout)
                network = Network(timing.connect_timeout, proxy=self._asked.proxy)
            except ValueError as error:
                missing = not any(map(os.environ.get, (ENV_JWT, ENV_PROJECT)))
                raise step.failed(
                    str(error), advice.CREDENTIALS_MISSING if missing else advice.SETTING
                ) from error
            assert config.credentials is not None, "the command has no function for them"
            self._config, self._network = config, network
            self._scrubber = Scrubber(config.secrets())
            try:
                tls_context(os.environ)
            except ToldError as error:
                raise step.failed(error.words, advice.CA_FILE) from error
            step.words = f"credentials are from {config.credentials.origin()} (***)"
            named = "the argument --host" if self._asked.host else ENV_HOST
            found = self._asked.host or os.environ.get(ENV_HOST, "").strip()
            step.details.append(f"host {config.host}, from {named if found else 'the default'}")
            if path := os.environ.get(ENV_CA_FILE):
                step.details.append(f"roots of the system, and those in {path} ({ENV_CA_FILE})")

    async def _check_proxy(self) -> None:
        async with self._step("proxy") as step:
            try:
                choice = self._network.proxy_for(*split_host(self._config.host))
            except ProxyError as error:
                raise step.failed(error.words, advice.PROXY_SETTING) from error
            self._proxy = str(choice.proxy or "")
            step.words = f"{self._proxy or 'no proxy'} is used: {choice.why}"

    async def _check_names(self) -> None:
        host, port = split_host(self._config.host)
        async with self._step("names", "no name server answers", advice.NAMES_LATE) as step:
            try:
                self._route = await in_own_thread(
                    partial(self._network.find_route, host, port), "relay doctor resolver"
                )
            except OSError as error:
                raise step.failed(f"{host}: {describe(error)}", advice.NAMES) from error
            found = [_shown(address) for address in self._route.addresses]
            whose = f"the proxy {self._proxy}" if self._proxy else host
            step.words = f"{whose} leads to {', '.join(found)}"

    async def _check_addresses(self) -> None:
        async with self._step("TCP") as step:
            tried: dict[int, str] = {}
            opened: dict[int, TLSStream] = {}
            began = time.monotonic()

            async def attempt(number: int, address: Address) -> None:
                with anyio.move_on_after(self._asked.timeout * 0.9):
                    try:
                        opened[number] = await TLSStream.begin(address, self._route)
                    except OSError as error:
                        tried[number] = describe(error)
                        return
                    tried[number] = f"accepts, after {_ms(time.monotonic() - began)}"

            try:
                async with anyio.create_task_group() as tasks:
                    for number, address in enumerate(self._route.addresses):
                        tasks.start_soon(attempt, number, address)
            finally:
                addresses = self._route.addresses
                self._streams = [(addresses[number], opened[number]) for number in sorted(opened)]
            lines = [
                f"{_shown(address)}: {tried.get(number, 'no answer')}"
                for number, address in enumerate(addresses)
            ]
            if not opened:
                silent = len(tried) < len(lines)
                words = "; ".join(lines)
                raise step.failed(words, advice.tcp(silent=silent, proxy="the proxy " in words))
            step.words, *step.details = lines
            if len(opened) < len(lines):
                step.result, step.advice = Result.WARNING, advice.TCP_SOME

    async def _check_tls(self) -> TLSStream:
        late = f"the handshake was not over within {self._asked.timeout:g} s"
        async with self._step("TLS") as step:
            errors: dict[int, Exception] = {}
            secure: set[int] = set()

            async def attempt(number: int, stream: TLSStream) -> None:
                try:
                    await stream.shake_hands()
                    secure.add(number)
                except STREAM_ERRORS as error:
                    errors[number] = error

            # Some time is left to look at the certificates of an address that has failed.
            with anyio.move_on_after(self._asked.timeout * 0.8):
                async with anyio.create_task_group() as tasks:
                    for number, (_, stream) in enumerate(self._streams):
                        tasks.start_soon(attempt, number, stream)
            lines: dict[int, str] = {}
            for number, (address, _) in enumerate(self._streams):
                if number not in secure:
                    why = describe(errors[number]) if number in errors else late
                    lines[number] = f"{_shown(address)}: {why}"
            if not secure:
                raise await self._all_failed(step, lines, errors)
            address, stream = self._streams[min(secure)]
            tls = stream.tls
            cipher = tls.cipher() or ("an unknown cipher",)
            chain = _chain(tls)
            words = [tls.version() or "TLS", cipher[0], *map(_described, chain[:1])]
            step.words, step.details = ", ".join(words), [_described(one) for one in chain[1:]]
            if lines:
                step.result, step.advice = Result.WARNING, advice.TLS_SOME
                step.words = f"{_shown(address)}: {step.words}"
                step.details += lines.values()
            return stream

    async def _all_failed(
        self, step: Step, lines: dict[int, str], errors: dict[int, Exception]
    ) -> StepFailedError:
        """Say why TLS has failed on all addresses: one that has answered says more."""
        if not errors:
            step.details = [*lines.values()][1:]
            return step.failed(lines[0], advice.TLS_LATE)
        number = min(errors)
        error, (address, _) = errors[number], self._streams[number]
        words = lines.pop(number)
        if isinstance(error, ProxyError):
            step.name = "tunnel"
            return step.failed(error.words, advice.proxy_refused(error.words))
        chain = await self._look_at_chain(address)
        step.details = [*map(_described, chain), *lines.values()]
        return step.failed(words, advice.tls(error, chain))

    async def _look_at_chain(self, address: Address) -> list[Certificate]:
        """The certificates that the server shows to somebody who verifies none of them."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        network = Network(self._asked.timeout, proxy=self._asked.proxy, ssl_context=context)
        host, port = split_host(self._config.host)
        try:
            route = await in_own_thread(
                partial(network.find_route, host, port), "relay doctor resolver"
            )
            stream = await TLSStream.begin(address, route)
            try:
                await stream.shake_hands()
                return _chain(stream.tls)
            finally:
                await stream.aclose()
        except STREAM_ERRORS:
            return []

    async def _check_upgrade(self, stream: TLSStream) -> None:
        head = b""
        async with self._step("upgrade", "no answer", advice.UPGRADE_LATE) as step:
            wire = Wire(Role.CLIENT, host=self._config.host)
            try:
                await stream.send(wire.open())
                while step.words == "":
                    data = await stream.receive()
                    head += data
                    for event in wire.receive(data):
                        if isinstance(event, WireFailed):
                            raise event.error
                        if isinstance(event, Upgraded):
                            step.words = "the server speaks WebSocket"
                await stream.send(wire.close())
            except RemoteProtocolError as error:
                raise step.failed(str(error), advice.upgrade(error.status)) from error
            except STREAM_ERRORS as error:
                raise step.failed(describe(error), advice.UPGRADE_LATE) from error
        await self._check_clock(head)

    async def _check_clock(self, head: bytes) -> None:
        async with self._step("clock") as step:
            found = DATE.search(head)
            now = datetime.now(UTC)
            try:
                there = parsedate_to_datetime(found[1].decode()) if found else None
            except ValueError:
                there = None
            if there is None:
                step.words = "the certificate is valid at the time of this machine, and the server"
                step.words += " does not say its own"
                return
            if there.tzinfo is None:
                there = there.replace(tzinfo=UTC)
            off = (now - there).total_seconds()
            way = "ahead of" if off > 0 else "behind"
            step.words = f"this machine is {abs(off):.0f} s {way} the server"
            if abs(off) > CLOCK_OFF:  # it goes on: this alone prevents nothing
                step.failed(step.words, advice.CLOCK)

    async def _check_session(self) -> None:
        client = RelayClient(
            host=self._asked.host,
            proxy=self._asked.proxy,
            timing=Timing(connect_timeout=self._asked.timeout, request_timeout=self._asked.timeout),
        )
        with quiet_log():
            try:
                await self._check_credentials(client)
                await self._check_contexts(client)
                await self._check_round_trip(client)
            finally:
                with anyio.CancelScope(shield=True):
                    await client.disconnect()

    async def _check_credentials(self, client: RelayClient) -> None:
        async with self._step("credentials", "no session", advice.SESSION) as step:
            try:
                await client.connect()
            except AuthenticationError as error:
                credentials = self._config.credentials
                with_jwt = credentials is not None and credentials.jwt_token
                to_do = advice.JWT if with_jwt else advice.CREDENTIALS
                raise step.failed(str(error), to_do) from error
            except RelayError as error:
                raise step.failed(str(error), advice.SESSION) from error
            step.words = "the server accepts them"

    async def _check_contexts(self, client: RelayClient) -> None:
        contexts = list(self._asked.contexts)
        async with self._step("contexts", "no answer", advice.SESSION) as step:
            if not contexts:
                step.result, step.advice = Result.WARNING, advice.CONTEXTS
                step.words = "none is named: a client without contexts gets no calls and no texts"
                return
            try:
                await client.receive(contexts)
                await client.unreceive(contexts)
            except RelayError as error:
                raise step.failed(str(error), advice.CONTEXT_REFUSED) from error
            step.words = f"the server accepts {', '.join(contexts)}"

    async def _check_round_trip(self, client: RelayClient) -> None:
        late = f"fewer than {PINGS} pings were answered"
        async with self._step("round trip", late, advice.SLOW) as step:
            times: list[float] = []
            for _ in range(PINGS):
                began = time.monotonic()
                try:
                    await client.execute("signalwire.ping", {"timestamp": time.time()})
                except RelayError as error:
                    raise step.failed(str(error), advice.SESSION) from error
                times.append(time.monotonic() - began)
            median = statistics.median(times)
            step.words = f"{_ms(median)} (the median of {PINGS}; the longest {_ms(max(times))})"
            if median > SLOW:
                step.result, step.advice = Result.WARNING, advice.SLOW


def _chain(tls: ssl.SSLObject) -> list[Certificate]:
    """What the server has shown, its own certificate first.

    Python before 3.13 has no public name for it, and all have this one.
    """
    inner: Any = getattr(tls, "_sslobj")  # noqa: B009 - a private name
    found: list[Any] = inner.get_unverified_chain() or []
    return [read_certificate(one.public_bytes(DER)) for one in found]


def _described(certificate: Certificate) -> str:
    hosts = f" for {', '.join(certificate.hosts[:5])}" if certificate.hosts else ""
    return (
        f"certificate of {certificate.subject or 'nobody in particular'}{hosts}, issued by "
        f"{certificate.issuer}, valid from {certificate.not_before:%Y-%m-%d %H:%M} to "
        f"{certificate.not_after:%Y-%m-%d %H:%M} UTC"
    )


def _shown(address: Address) -> str:
    return host_and_port(address[4][0], address[4][1])


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
