"""The names of wsproto are what they were there, and nothing else is."""

from __future__ import annotations

import pytest
from wsproto.frame_protocol import LOCAL_ONLY_CLOSE_REASONS, CloseReason

from relay_proto.wire import websocket as wire
from relay_proto.wire import wsproto_names as websocket


def test_every_name_is_there() -> None:
    assert all(isinstance(getattr(websocket, name), type) for name in websocket.__all__)


def test_a_name_is_that_of_wsproto() -> None:
    assert websocket.CloseReason is CloseReason


def test_no_other_name_is_there() -> None:
    unused = "Pong"
    with pytest.raises(AttributeError, match=f"has no attribute '{unused}'"):
        getattr(websocket, unused)


def test_the_codes_that_may_be_sent_are_those_of_wsproto() -> None:
    assert frozenset(CloseReason) - frozenset(LOCAL_ONLY_CLOSE_REASONS) == wire.CLOSE_CODES
