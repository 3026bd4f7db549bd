"""The database: people, and the attempts to reach them. Each change is one transaction.

What is committed here is the truth: a worker may be killed between any two lines.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, create_engine, event, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from . import rules
from .rules import OPEN
from .settings import Settings
from .zones import zone_named


class Base(DeclarativeBase):
    """The tables. All times are seconds since 1970."""


class Person(Base):
    """Somebody to call."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    zone: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=rules.Person.WAITING.value, index=True)
    result: Mapped[str] = mapped_column(default="")
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float] = mapped_column(default=0.0)
    queued_at: Mapped[float] = mapped_column(default=0.0)


class Attempt(Base):
    """One attempt to reach somebody. Its tag is that of the dial: the service shows it, too."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    tag: Mapped[str] = mapped_column(unique=True)
    worker: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    dialed: Mapped[bool] = mapped_column(default=False)
    detail: Mapped[str] = mapped_column(default="")
    claimed_at: Mapped[float]
    changed_at: Mapped[float]
    lease_until: Mapped[float]
    """Its worker puts this off, again and again. If it does not, it is gone."""


@dataclass(frozen=True)
class Claim:
    """An attempt that a worker has, before anybody was dialed."""

    attempt: int
    tag: str
    number: str
    zone: str


class Database:
    """All that the campaign remembers. Any thread may use it."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._clock = clock
        sqlite = settings.database.startswith("sqlite")
        self._engine = create_engine(
            settings.database, connect_args={"timeout": 30} if sqlite else {}
        )
        if sqlite:
            event.listen(self._engine, "connect", _use_wal)
        self._sessions = sessionmaker(self._engine)

    def create(self) -> None:
        """Make the tables that are not there."""
        Base.metadata.create_all(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def load(self, people: Iterable[tuple[str, str]]) -> int:
        """Add people, as number and time zone. A number that is there already is left out."""
        with self._sessions.begin() as session:
            known = set(session.scalars(select(Person.number)))
            new = {number: zone for number, zone in people if number not in known}
            session.add_all(Person(number=number, zone=zone) for number, zone in new.items())
            return len(new)

    # What a worker does

    def renew(self, attempts: Iterable[int]) -> None:
        """Say that the worker which has these attempts is there."""
        until = self._clock() + self.settings.lease
        with self._sessions.begin() as session:
            mine = update(Attempt).where(Attempt.id.in_(list(attempts)))
            _changed(session, mine.values(lease_until=until))

    def claim(self, person_id: int, worker: str) -> Claim | None:
        """Begin an attempt. None if somebody else has, or if it is not the time to call.

        However often this is asked, and by however many workers: one of them gets it.
        """
        now = self._clock()
        with self._sessions.begin() as session:
            free = (
                update(Person)
                .where(Person.id == person_id, Person.state == rules.Person.WAITING.value)
                .where(Person.next_at <= now)
                .values(state=rules.Person.CALLING.value)
            )
            if _changed(session, free) == 0:
                return None
            person = session.get_one(Person, person_id)
            allowed = self._allowed_or_failed(session, person, now)
            if allowed is None:
                return None
            if allowed > now:
                person.state = rules.Person.WAITING.value
                person.next_at, person.queued_at = allowed, 0.0
                return None
            attempt = Attempt(
                person_id=person_id,
                tag=f"campaign-{person_id}-{person.tries + 1}-{secrets.token_hex(8)}",
                worker=worker,
                state=rules.Attempt.CLAIMED.value,
                claimed_at=now,
                changed_at=now,
                lease_until=now + self.settings.lease,
            )
            session.add(attempt)
            session.flush()
            return Claim(attempt.id, attempt.tag, person.number, person.zone)

    def move(
        self,
        attempt_id: int,
        state: rules.Attempt,
        detail: str = "",
        *,
        only_from: rules.Attempt | None = None,
    ) -> bool:
        """Let an attempt go on. False if it must not: it was taken from this worker."""
        now = self._clock()
        allowed = rules.before(state) if only_from is None else {only_from}
        with self._sessions.begin() as session:
            step = (
                update(Attempt)
                .where(Attempt.id == attempt_id)
                .where(Attempt.state.in_([one.value for one in allowed]))
                .values(state=state.value, detail=detail, changed_at=now)
            )
            if state is rules.Attempt.DIALING:
                step = step.values(dialed=True)
            elif state is rules.Attempt.NOT_DIALED:
                step = step.values(dialed=False)
            if _changed(session, step) == 0:
                return False
            attempt = session.get_one(Attempt, attempt_id)
            person = session.get_one(Person, attempt.person_id, with_for_update=True)
            latest = select(func.max(Attempt.id)).where(Attempt.person_id == person.id)
            if state not in OPEN and session.scalar(latest) == attempt_id:
                self._decide(session, person, state, now)
            return True

    def _decide(self, session: Session, person: Person, ended: rules.Attempt, now: float) -> None:
        """An attempt has ended, and it was the last one: say what becomes of the person."""
        dialed = select(func.count()).where(Attempt.person_id == person.id, Attempt.dialed)
        person.tries = session.scalar(dialed) or 0
        delay = rules.delay_after(ended, person.tries, self.settings)
        person.result = ended.value
        if ended is rules.Attempt.UNKNOWN:
            person.state = rules.Person.UNKNOWN.value
        elif delay is None:
            person.state = rules.Person.DONE.value
        else:
            person.state = rules.Person.WAITING.value
            person.next_at, person.queued_at = now + delay, 0.0  # quiet hours: see `due`

    def may_call(self, zone: str) -> bool:
        """Whether people in this zone may be called now."""
        now = self._clock()
        return self.allowed_at(zone, now) <= now

    def allowed_at(self, zone: str, at: float) -> float:
        """Return the first instant from `at` on at which people in this zone may be called.

        Raises:
            ValueError: there is no such zone.
        """
        settings = self.settings
        where = zone_named(zone) if zone else settings.zone
        instant = datetime.fromtimestamp(at, UTC)
        allowed = rules.next_allowed(instant, where, settings.opens, settings.closes)
        return at if allowed == instant else allowed.timestamp()  # a float has more digits

    def _allowed_or_failed(self, session: Session, person: Person, now: float) -> float | None:
        """Return when a person may be called; None if nobody can say: then they have failed.

        One wrong row must not stop the others. An attempt says what is wrong with it.
        """
        try:
            return self.allowed_at(person.zone, now)
        except ValueError as error:
            session.add(
                Attempt(
                    person_id=person.id,
                    tag=f"campaign-{person.id}-{secrets.token_hex(8)}",
                    worker="",
                    state=rules.Attempt.FAILED.value,
                    detail=str(error),
                    claimed_at=now,
                    changed_at=now,
                    lease_until=now,
                )
            )
            person.state, person.result = rules.Person.DONE.value, rules.Attempt.FAILED.value
            return None

    # What the conductor does

    def due(self) -> list[int]:
        """Return the people whose turn it is, for the queue. Those who are in it are left out."""
        now = self._clock()
        with self._sessions.begin() as session:
            waiting = Person.state == rules.Person.WAITING.value
            asked = Person.queued_at > now - self.settings.ask_again
            queued = session.scalar(select(func.count()).where(waiting, asked)) or 0
            ready = (
                select(Person)
                .where(waiting, ~asked, Person.next_at <= now)
                .order_by(Person.next_at, Person.id)
                .limit(max(0, self.settings.most_queued - queued))
            )
            found: list[int] = []
            for person in session.scalars(ready):
                allowed = self._allowed_or_failed(session, person, now)
                if allowed is None:
                    continue
                if allowed > now:
                    person.next_at = allowed
                else:
                    person.queued_at = now
                    found.append(person.id)
            return found

    def recover(self) -> int:
        """End the attempts whose worker is gone. Returns how many these are."""
        with self._sessions() as session:
            lost = session.execute(
                select(Attempt.id, Attempt.state)
                .where(Attempt.state.in_([state.value for state in OPEN]))
                .where(Attempt.lease_until < self._clock())
            ).all()
        return sum(
            self.give_up(attempt, rules.Attempt(state), "the worker was lost")
            for attempt, state in lost
        )

    def give_up(self, attempt_id: int, state: rules.Attempt, why: str) -> bool:
        """End an attempt that has come as far as `state`. False if it has gone on meanwhile."""
        detail = f"{why}; the attempt was {state.value}"
        return self.move(attempt_id, rules.AFTER_A_CRASH[state], detail, only_from=state)

    def repeat_unknown(self) -> int:
        """Let those be called again of whom nobody knows whether they were. Returns how many."""
        with self._sessions.begin() as session:
            again = (
                update(Person)
                .where(Person.state == rules.Person.UNKNOWN.value)
                .values(state=rules.Person.WAITING.value, queued_at=0.0)
            )
            return _changed(session, again)

    # What people want to know

    def progress(self) -> Counter[str]:
        """Count the people by their state, and those who are done by their result."""
        with self._sessions() as session:
            rows = session.execute(
                select(Person.state, Person.result, func.count()).group_by(
                    Person.state, Person.result
                )
            ).all()
        counts: Counter[str] = Counter()
        for state, result, count in rows:
            counts[result if state == rules.Person.DONE.value else state] += count
        return counts

    def everything(self) -> tuple[list[Person], list[Attempt]]:
        """Return all people, and all attempts."""
        with Session(self._engine, expire_on_commit=False) as session:
            attempts = session.scalars(select(Attempt).order_by(Attempt.id)).all()
            return list(session.scalars(select(Person)).all()), list(attempts)

    def finished(self) -> bool:
        """Whether nobody is left to be called."""
        left = [rules.Person.WAITING.value, rules.Person.CALLING.value]
        with self._sessions() as session:
            return session.scalar(select(func.count()).where(Person.state.in_(left))) == 0


def _changed(session: Session, statement: Any) -> int:
    """Carry out an update; return how many rows it has changed."""
    result: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)


def _use_wal(connection: Any, record: object) -> None:
    """Let processes read a SQLite file while one of them writes it."""
    del record
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()
