"""How programs connect to the simulator: what to set, for each kind of SDK.

Each setup is lines for a shell, so that they can be copied as they are.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from relay_proto.config import ENV_CA_FILE, ENV_HOST, ENV_PROJECT, ENV_TOKEN

from .._output import CommandError

ENV_SCHEME: Final = "SIGNALWIRE_RELAY_SCHEME"
"""Set to ``ws``, it lets the vendor's SDKs for Go and other languages do without TLS."""

TRUST: Final[Mapping[str, tuple[str, ...]]] = {
    "python": (ENV_CA_FILE,),
    "python-2": ("SSL_CERT_FILE",),
    "node": ("NODE_EXTRA_CA_CERTS",),
    "go": (ENV_CA_FILE,),
    "other": (ENV_CA_FILE, "SSL_CERT_FILE"),
}
"""The variables that name the certificate to trust, by setup."""
NOTES: Final[Mapping[str, tuple[str, ...]]] = {
    "python": ("For relay_anyio, relay_sync, and the vendor's signalwire-sdk.",),
    "python-2": (
        "For the vendor's package signalwire 2, which reads none of the other variables:",
        "Consumer.setup sets self.host, self.project and self.token to their values.",
    ),
    "node": (
        "For @signalwire/realtime-api and @signalwire/node. Give these to the client:",
        "host: process.env.SIGNALWIRE_SPACE, project: process.env.SIGNALWIRE_PROJECT_ID,",
        "token: process.env.SIGNALWIRE_API_TOKEN",
    ),
    "go": ("For the package relay of github.com/signalwire/signalwire-go.",),
    "other": (
        "The vendor's SDKs for other languages read SIGNALWIRE_RELAY_CA_FILE, programs with",
        "OpenSSL read SSL_CERT_FILE. Whatever connects has to trust this file, at the URL",
    ),
}
NOTES_WITHOUT_TLS: Final = (
    "The vendor's SDKs for most languages other than Python read SIGNALWIRE_RELAY_SCHEME.",
    "Any other program connects to this URL:",
)
WITHOUT_TLS: Final = ("go", "node", "other")
"""The setups of SDKs that can connect without TLS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the simulator is, and what it accepts."""

    space: str
    """The host and the port."""
    ca_file: str
    """The certificate to trust; empty without TLS."""
    project: str
    token: str
    no_proxy: tuple[str, str] = ("", "")
    """The variable that excepts this place from a proxy of the environment, and its value."""

    @property
    def url(self) -> str:
        """The address of the WebSocket."""
        return f"{'wss' if self.ca_file else 'ws'}://{self.space}"

    def variables(self, kind: str = "python") -> dict[str, str]:
        """Return what to set in the environment of a program."""
        transport: dict[str, str]
        if self.ca_file:
            transport = dict.fromkeys(TRUST[kind], self.ca_file)
        else:
            transport = {} if kind == "node" else {ENV_SCHEME: "ws"}
        name, excepted = self.no_proxy
        return {
            **({name: excepted} if name else {}),
            ENV_HOST: self.url if kind == "node" and not self.ca_file else self.space,
            **transport,
            ENV_PROJECT: self.project,
            ENV_TOKEN: self.token,
        }

    def setup(self, kind: str) -> list[str]:
        """Return lines for a shell.

        Raises:
            CommandError: these SDKs connect with TLS only.
        """
        if not self.ca_file and kind not in WITHOUT_TLS:
            raise CommandError(
                f"SDKs of --setup {kind} cannot connect without TLS: leave out --plain, or choose "
                f"--setup {', '.join(WITHOUT_TLS)}"
            )
        notes = [*NOTES[kind]]
        if kind == "other":
            notes = [*(notes if self.ca_file else NOTES_WITHOUT_TLS), self.url]
        settings = self.variables(kind).items()
        return [
            *(f"# {note}" for note in notes),
            *(f"export {name}={shlex.quote(value)}" for name, value in settings),
        ]
