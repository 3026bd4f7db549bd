"""Seams replace what they name, put it back, and refuse what is not public or does not fit."""

from __future__ import annotations

import pytest

from relay_proto.core import OutputQueue
from relay_proto.link import session
from relay_proto.rpc import frames
from relay_proto.timers import Deadlines
from tests.faults import seams
from tests.faults.registry import FAULTS, Law, PlantedError
from tests.faults.seams import Function, Seam

SEAMS = [value for value in vars(seams).values() if isinstance(value, Seam)]


def five_seconds_late(original: Function, self: Deadlines[str], now: float) -> str | None:
    due: str | None = original(self, now - 5.0)
    return due


def test_a_method_is_replaced_until_the_block_ends() -> None:
    deadlines = Deadlines[str]()
    deadlines.set("tea", 10.0)
    with seams.POP_DUE.replaced(five_seconds_late):
        assert deadlines.pop_due(12.0) is None
    assert deadlines.pop_due(12.0) == "tea"


def test_one_replacement_works_on_top_of_another() -> None:
    deadlines = Deadlines[str]()
    deadlines.set("tea", 10.0)
    with seams.POP_DUE.replaced(five_seconds_late):
        with seams.POP_DUE.replaced(five_seconds_late):
            assert deadlines.pop_due(19.0) is None
        assert deadlines.pop_due(16.0) == "tea"


def test_a_function_is_replaced_wherever_it_was_imported() -> None:
    def decode(original: Function, data: bytes) -> frames.Frame:
        raise PlantedError

    modules = [vars(module) for module in (frames, session, seams)]
    name = frames.decode_server_frame.__name__
    with seams.DECODE_SERVER_FRAME.replaced(decode):
        for module in modules:
            with pytest.raises(PlantedError):
                module[name](b"{}")
    assert {module[name] for module in modules} == {seams.DECODE_SERVER_FRAME.original}


def test_what_was_replaced_comes_back_after_a_failure() -> None:
    with pytest.raises(PlantedError), seams.POP_DUE.replaced(five_seconds_late):
        raise PlantedError
    assert Deadlines[str].pop_due is seams.POP_DUE.original


def test_keyword_arguments_are_passed_on() -> None:
    def close(original: Function, self: OutputQueue, transport: int, *, flush: bool) -> None:
        original(self, transport, flush=not flush)

    queue = OutputQueue()
    with seams.CLOSE.replaced(close):
        queue.close(1, flush=True)
    assert "flush=False" in str(queue.next())


def with_another_name(original: Function, self: Deadlines[str], at: float) -> None: ...
def with_a_default(original: Function, self: Deadlines[str], now: float = 0.0) -> None: ...
def by_keyword(original: Function, self: Deadlines[str], *, now: float) -> None: ...
def with_one_more(original: Function, self: Deadlines[str], now: float, more: int) -> None: ...


@pytest.mark.parametrize("by", [with_another_name, with_a_default, by_keyword, with_one_more])
def test_a_replacement_has_the_parameters_of_the_original(by: Function) -> None:
    with pytest.raises(TypeError, match="what replaces it takes"), seams.POP_DUE.replaced(by):
        pass
    assert Deadlines[str].pop_due is seams.POP_DUE.original


class Private:
    def method(self) -> None: ...
    def _method(self) -> None: ...


class _Hidden:
    def method(self) -> None: ...


@pytest.mark.parametrize(
    "original", [OutputQueue.__init__, vars(Private)["_method"], _Hidden.method]
)
def test_a_seam_is_public(original: Function) -> None:
    with pytest.raises(ValueError, match="is not public"):
        Seam(original, "something private happens")


def test_a_seam_is_what_its_owner_defines() -> None:
    def method(self: Private) -> None: ...

    method.__module__, method.__qualname__ = __name__, "Private.method"
    with pytest.raises(ValueError, match="does not define method"):
        Seam(method, "something else happens")


def test_every_seam_has_its_own_place_and_words() -> None:
    assert len({str(seam) for seam in SEAMS}) == len({seam.what for seam in SEAMS}) == len(SEAMS)


def test_every_seam_is_in_use() -> None:
    for_laws = [seams.LONG_PATH]
    assert {str(seam) for seam in SEAMS} == {str(fault.seam) for fault in FAULTS} | {
        str(seam) for seam in for_laws
    }


def test_every_fault_has_a_name_a_sentence_and_somebody_to_find_it() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert fault.sentence.endswith("."), fault.name
        assert "\n" not in fault.sentence, fault.name
        assert fault.checks or fault.targets or fault.laws, fault.name


def test_every_law_has_faults_to_find() -> None:
    assert {law for fault in FAULTS for law in fault.laws} == set(Law)
