"""Credentials that may change: whom to ask for them, before each authentication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..config import ClientConfig, Credentials, Provider, Secret, check_contexts
from ..values.checks import credential
from .connection_errors import ToldError, describe
from .guard import end_of_program
from .handles import Engine


class Holder(Protocol):
    """A client: its attributes, to which a program may assign."""

    project: str
    token: str | Provider
    jwt_token: str | Provider
    contexts: list[str]


@dataclass(frozen=True, slots=True)
class Question:
    """A function of the application's that has to be asked, and what it is for."""

    name: str
    ask: Provider

    def answer(self) -> object:
        """Call the function, which may block.

        Raises:
            ToldError: it has failed.
            SystemExit, KeyboardInterrupt: it has raised this, which ends the program.
        """
        try:
            return self.ask()
        except BaseException as error:
            if end_of_program(error) is not None:
                raise
            raise self.failed(error) from error

    def failed(self, error: BaseException) -> ToldError:
        """Return an error that says that the function has raised another one."""
        return ToldError(f"the function for {self.name} failed: {describe(error)}")


class CredentialSource:
    """Knows what a client says of itself at this moment, and if that is news to its core."""

    def __init__(self, holder: Holder, config: ClientConfig) -> None:
        self._holder = holder
        self._configured = config.credentials
        self._known = tuple(config.contexts)

    def question(self) -> Question | None:
        """Return whom to ask now; None if all is known."""
        jwt_token, token = self._holder.jwt_token, self._holder.token
        if callable(jwt_token):
            return Question("jwt_token", jwt_token)
        if callable(token) and not jwt_token:
            return Question("token", token)
        return None

    def update(
        self, engine: Engine, transport: int, question: Question | None, answer: object
    ) -> None:
        """Give the core what it does not know yet, for the transport that opens.

        Raises:
            ToldError: what the program has assigned, or a function has returned, is wrong.
        """
        credentials, contexts = self._credentials(question, answer), self._new_contexts()
        if credentials is not None:
            engine.tell(engine.core.use_credentials, transport, credentials)
        if contexts is not None:
            engine.tell(engine.core.use_contexts, contexts)

    def _credentials(self, question: Question | None, answer: object) -> Credentials | None:
        """Return the credentials to use; None for those of the configuration."""
        token, jwt_token = self._holder.token, self._holder.jwt_token
        given: dict[str, object] = {
            "project": self._holder.project,
            # A function that is not asked is not needed: see `question`.
            "token": "" if callable(token) else token,
            "jwt_token": "" if callable(jwt_token) else jwt_token,
        }
        if question is not None:
            if not answer:
                words = f"has returned nothing: it must return the {question.name}"
                raise ToldError(f"the function for {question.name} {words}")
            given[question.name] = answer
        try:
            texts = {name: credential(name, value or "") for name, value in given.items()}
            credentials = Credentials(
                **{name: Secret(text) for name, text in texts.items()},
                origins={name: self._origin(name, question) for name in texts},
            )
        except (TypeError, ValueError) as error:
            raise ToldError(str(error)) from error
        return None if credentials == self._configured else credentials

    def _origin(self, name: str, question: Question | None) -> str:
        if question is not None and question.name == name:
            return f"the function for {name}"
        return f"client.{name}"

    def _new_contexts(self) -> Sequence[str] | None:
        """Return the contexts that the program has assigned since the last time."""
        try:
            contexts = check_contexts("contexts", self._holder.contexts)
        except (TypeError, ValueError) as error:
            raise ToldError(str(error)) from error
        if contexts == self._known:
            return None
        self._known = contexts
        return contexts
