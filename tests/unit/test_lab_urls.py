"""The calls of the lab say where the recordings and the faxes are that programs have made."""

from __future__ import annotations

import pytest

from relay_anyio.lab.calls import CallTable
from relay_anyio.lab.frames import Facts
from relay_anyio.lab.shapes import Call
from relay_proto.exchange import Happened, What, Who
from relay_proto.rpc.frames import JSONObject

URL = "https://localhost:8443/files/made.wav"
RECORDED: JSONObject = {"control_id": "one", "state": "finished", "url": URL}
RECORDING: JSONObject = {"control_id": "one", "state": "recording", "url": URL}
SENT: JSONObject = {
    "control_id": "one",
    "fax": {"type": "finished", "params": {"document": URL, "pages": 1}},
}


def after(method: str, event: str, *params: JSONObject) -> Call:
    changes: list[Call] = []
    table = CallTable(
        look=lambda call: None,
        phone=lambda number: None,
        program=lambda session: None,
        changed=changes.append,
    )
    called = {"number": "+15550001111", "to": "+15550002222"}
    table.observe(Happened(0.0, "call", Who.CALLER, What.CALLED, called), 0.0)
    start = Facts("request", method, "call", {"control_id": "one"})
    table.take_frame(start, 1.0, received=True)
    for one in params:
        table.take_frame(Facts("event", event, "call", one), 2.0, received=False)
    return changes[-1]


@pytest.mark.parametrize(
    ("method", "event", "params"),
    [
        ("calling.record", "calling.call.record", RECORDED),
        ("calling.send_fax", "calling.call.fax", SENT),
    ],
)
def test_an_action_has_the_url_of_its_file(method: str, event: str, params: JSONObject) -> None:
    (action,) = after(method, event, params).actions
    assert action.ended_at == 2.0
    assert action.url == URL


def test_a_recording_that_goes_on_has_no_file_yet() -> None:
    (action,) = after("calling.record", "calling.call.record", RECORDING).actions
    assert action.ended_at is None
    assert action.url == ""


def test_what_is_no_text_is_no_url() -> None:
    event: JSONObject = {**RECORDED, "url": 7}
    (action,) = after("calling.record", "calling.call.record", event).actions
    assert action.url == ""
