"""Login: the credentials of a client, and the contexts that each session asks for.

Credentials may expire. Then they are given anew for each transport, before it is
open, and those that were given for another one do not count.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..config import ClientConfig, Credentials
from ..errors import LocalProtocolError
from ..rpc.frames import JSONObject
from ..rpc.masking import Scrubber


class Login:
    """What a client says of itself when it authenticates."""

    def __init__(self, config: ClientConfig, scrubber: Scrubber) -> None:
        self._configured = config.credentials
        self._credentials: Credentials | None = None
        self._contexts: dict[str, None] = dict.fromkeys(config.contexts)
        self._scrubber = scrubber

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts that each session subscribes to."""
        return tuple(self._contexts)

    def subscribe(self, contexts: Iterable[str]) -> None:
        """Also ask for these contexts, from the next session on."""
        self._contexts.update(dict.fromkeys(contexts))

    def unsubscribe(self, contexts: Iterable[str]) -> None:
        """Stop asking for these contexts."""
        for context in contexts:
            self._contexts.pop(context, None)

    def use_contexts(self, contexts: Iterable[str]) -> None:
        """Ask for these contexts only, from the next session on."""
        self._contexts = dict.fromkeys(contexts)

    def begin(self) -> None:
        """Note that a transport opens."""
        self._credentials = self._configured

    def use(self, credentials: Credentials) -> None:
        """Use these credentials on the transport that opens. They are masked from now on."""
        self._credentials = credentials
        for secret in credentials.secrets():
            self._scrubber.add(secret)

    @property
    def origin(self) -> str:
        """Where the credentials of this transport come from: names, never values."""
        assert self._credentials is not None, "`check` comes before"
        return self._credentials.origin()

    def check(self) -> None:
        """Check that there are credentials for this transport.

        Raises:
            LocalProtocolError: there are none.
        """
        if self._credentials is None:
            raise LocalProtocolError(
                "the configuration has no credentials: call use_credentials() before "
                "transport_opened()"
            )

    def params(self) -> JSONObject:
        """Return the parameters that prove who the client is, and say what it wants."""
        assert self._credentials is not None, "`check` comes before"
        params: JSONObject = {"authentication": self._credentials.authentication()}
        if self._contexts:
            params["contexts"] = list(self._contexts)
        return params
