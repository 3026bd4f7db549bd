"""Playing media to a call: the playback itself, and the verbs of ``calling.play``.

Source: docs/protocol.md, sections 15 and 17.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec

from ..constants import (
    EVENT_CALL_PLAY,
    PLAY_STATE_FINISHED,
    PLAY_STATE_PAUSED,
    PLAY_STATE_PLAYING,
)
from ..errors import RelayError
from ..transitions import follow
from .happened import What, Who
from .legs import Leg, Operation
from .media import Media, MediaList, Tts, audible, described, play_seconds, sound_of
from .network import Duty, Network
from .requests import OnOperation, Request, Verb, control_verb, start_verb
from .shapes import Decibels, Text
from .sounds import Side, Sounding
from .switch import CONFLICT

FOREVER: Final = 0
"""The ``loop`` that repeats until it is stopped."""


class PlaybackState(enum.Enum):
    """The state of a playback."""

    PLAYING = "playing"
    PAUSED = "paused"
    FINISHED = "finished"


class PlaybackInput(enum.Enum):
    """What can change the state of a playback."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


_S, _I = PlaybackState, PlaybackInput

PLAYBACK: Final[Mapping[tuple[PlaybackState, PlaybackInput], PlaybackState]] = {
    (_S.PLAYING, _I.PAUSE): _S.PAUSED,
    (_S.PAUSED, _I.RESUME): _S.PLAYING,
    (_S.PLAYING, _I.STOP): _S.FINISHED,
    (_S.PAUSED, _I.STOP): _S.FINISHED,
    (_S.FINISHED, _I.STOP): _S.FINISHED,
}


class Playback:
    """Play media items to one leg, one after another.

    With a `control_id`, the program gets events. `ended` is called at the end of the
    last item, but not after a stop. A `loop` of 0 never ends by itself.
    """

    def __init__(
        self,
        leg: Leg,
        items: Sequence[Media],
        *,
        loop: int,
        control_id: str,
        ended: Duty | None = None,
    ) -> None:
        self._leg = leg
        self._network: Network = leg.network
        self._items = items
        self._loops = loop
        self._control_id = control_id
        self._ended = ended
        self._index = 0
        self._item_ends_at = 0.0
        self._left = 0.0
        self._cut_short = False
        self._sounding: Sounding | None = None
        self.state = PlaybackState.PLAYING

    def start(self, now: float) -> None:
        """Start to play."""
        if any(isinstance(item, Tts) and item.params.lang for item in self._items):
            self._leg.tolerate("lang", "language", now)
        self._tell(PLAY_STATE_PLAYING, now)
        self._play_item(now)

    def pause(self, now: float) -> None:
        """Pause the current item."""
        self._move(PlaybackInput.PAUSE)
        self._left = self._item_ends_at - now
        self._fall_silent(now)
        self._network.cancel(self._end_item)
        self._leg.note(Who.PROGRAM, What.PAUSED, now)
        self._tell(PLAY_STATE_PAUSED, now)

    def resume(self, now: float) -> None:
        """Continue the current item where it was paused."""
        self._move(PlaybackInput.RESUME)
        self._leg.note(Who.PROGRAM, What.RESUMED, now)
        self._tell(PLAY_STATE_PLAYING, now)
        passed = play_seconds(self._items[self._index], self._network.config.timing) - self._left
        self._sound(self._left, passed, now)
        self._end_item_after(self._left, now)

    def stop(self, now: float, why: str = "") -> None:
        """Stop, and tell the program. Do nothing if the playback has ended already.

        `why` is for the journal, if the program has not asked for it.
        """
        if self.state is not PlaybackState.FINISHED:
            self.cancel()
            self._fall_silent(now)
            self._finish("stops", now, why)

    def cancel(self) -> None:
        """Stop without an event, because the call has ended."""
        self._cut_short = self.state is not PlaybackState.FINISHED
        self._move(PlaybackInput.STOP)
        self._network.cancel(self._end_item)

    def tell_end(self, now: float) -> None:
        """Tell the program that the end of the call has stopped the playback, if it has."""
        if self._cut_short:
            self._tell(PLAY_STATE_FINISHED, now)

    def _play_item(self, now: float) -> None:
        item = self._items[self._index]
        self._leg.note(Who.PROGRAM, What.PLAYED, now, text=described(item))
        words = audible(item)
        if words:
            self._leg.far.hear(words, now)
        seconds = play_seconds(item, self._network.config.timing)
        self._sound(seconds, 0.0, now)
        self._end_item_after(seconds, now)

    def _sound(self, seconds: float, skipped: float, now: float) -> None:
        kind, text = sound_of(self._items[self._index])
        if kind is not None:
            self._sounding = self._leg.sound(Side.NEAR, kind, text, seconds, now, skipped=skipped)

    def _fall_silent(self, now: float) -> None:
        if self._sounding is not None:
            self._sounding.cut(now)

    def _end_item_after(self, seconds: float, now: float) -> None:
        self._item_ends_at = now + seconds
        self._network.at(self._item_ends_at, self._end_item)

    def _end_item(self, now: float) -> None:
        self._index = (self._index + 1) % len(self._items)
        if self._index == 0 and self._loops == 1:
            self._move(PlaybackInput.STOP)
            self._finish("finishes", now)
            assert self._ended is not None, "only an endless playback may come without `ended`"
            self._ended(now)
            return
        if self._index == 0 and self._loops != FOREVER:
            self._loops -= 1
        self._play_item(now)

    def _finish(self, outcome: str, now: float, why: str = "") -> None:
        self._leg.note(Who.PROGRAM, What.PLAY_ENDED, now, outcome=outcome, why=why)
        self._tell(PLAY_STATE_FINISHED, now)

    def _tell(self, state: str, now: float) -> None:
        if self._control_id:
            self._leg.tell(EVENT_CALL_PLAY, now, control_id=self._control_id, state=state)

    def _move(self, happened: PlaybackInput) -> None:
        self.state = follow(PLAYBACK, self.state, happened)


class Playing(Operation):
    """An operation that plays something."""

    playback: Playback


class Play(Playing):
    """``calling.play``."""

    def __init__(self, leg: Leg, control_id: str, items: Sequence[Media], loop: int) -> None:
        super().__init__(leg, control_id)
        self.playback = Playback(
            leg, items, loop=loop, control_id=control_id, ended=lambda _: self.leave()
        )

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self.playback.cancel()

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self.playback.tell_end(now)

    def stop(self, now: float) -> None:
        """Stop, because the program asked for it."""
        self.leave()
        self.playback.stop(now)


class PlayParams(OnOperation, frozen=True, kw_only=True):
    """``calling.play``."""

    play: MediaList
    volume: Decibels = 0.0
    direction: Literal["listen", "speak", "both"] | None = None
    status_url: Text = None
    loop: Annotated[int, msgspec.Meta(ge=FOREVER, le=1_000_000)] = 1


class VolumeParams(OnOperation, frozen=True, kw_only=True):
    """``calling.play.volume``; the volume has no effect here."""

    volume: Decibels


def play(request: Request, leg: Leg, params: PlayParams) -> None:
    """``calling.play``."""
    request.accept_start(params, "Playing")
    Play(leg, params.control_id, params.play, params.loop).playback.start(request.now)


def stop(request: Request, running: Play, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.play.stop``."""
    request.accept_control(running, "Stopping")
    running.stop(request.now)


def pause(request: Request, running: Playing, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.play.pause`` and ``calling.play_and_collect.pause``."""
    if running.playback.state is not PlaybackState.PLAYING:
        raise RelayError(CONFLICT, "nothing is being played")
    request.accept_control(running, "Pausing")
    running.playback.pause(request.now)


def resume(request: Request, running: Playing, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.play.resume`` and ``calling.play_and_collect.resume``."""
    if running.playback.state is not PlaybackState.PAUSED:
        raise RelayError(CONFLICT, "nothing is paused")
    request.accept_control(running, "Resuming")
    running.playback.resume(request.now)


def volume(request: Request, running: Playing, params: VolumeParams) -> None:  # noqa: ARG001
    """``calling.play.volume`` and ``calling.play_and_collect.volume``."""
    request.accept_control(running, "Volume set")


VERBS: Final[Mapping[str, Verb]] = {
    "calling.play": start_verb(PlayParams, play),
    "calling.play.stop": control_verb(OnOperation, Play, stop),
    "calling.play.pause": control_verb(OnOperation, Play, pause),
    "calling.play.resume": control_verb(OnOperation, Play, resume),
    "calling.play.volume": control_verb(VolumeParams, Play, volume),
}
