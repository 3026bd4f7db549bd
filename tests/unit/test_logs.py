"""The logger of an adapter: only that is ours, and nothing that happens there hurts."""

from __future__ import annotations

import logging
import logging.config
import sys
import threading

import pytest

from relay_proto.adapter.logs import Log, set_log_level

NAME = "relay_test.level"


@pytest.fixture(name="parent")
def make_parent() -> logging.Logger:
    return logging.Logger("relay_test")  # noqa: LOG001 - no handler of pytest's shall see it


@pytest.fixture(name="log")
def make_log(parent: logging.Logger) -> Log:
    """A logger below one that has no handlers, as in a program without any."""
    logger = logging.Logger(NAME)  # noqa: LOG001
    logger.parent = parent
    return Log(logger)


@pytest.fixture
def known(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let configurations know the logger."""
    monkeypatch.setitem(logging.root.manager.loggerDict, NAME, log.logger)


def state_of_root() -> tuple[int, list[logging.Handler]]:
    root = logging.getLogger()
    return root.level, root.handlers[:]


@pytest.mark.parametrize("wanted", ["debug", " Debug\n", "DEBUG"])
def test_the_environment_makes_lines_visible(
    log: Log, capsys: pytest.CaptureFixture[str], wanted: str
) -> None:
    before = state_of_root()
    for _ in range(3):
        set_log_level(log, {"SIGNALWIRE_LOG_LEVEL": wanted})
    log.debug("all is %s", "well")
    assert capsys.readouterr().err.endswith(f" DEBUG {NAME}: all is well\n")
    log.error("once")
    assert capsys.readouterr().err.count("once") == 1
    assert state_of_root() == before


@pytest.mark.parametrize("wanted", ["", " ", None])
def test_without_it_logging_is_up_to_the_program(log: Log, wanted: str | None) -> None:
    set_log_level(log, {} if wanted is None else {"SIGNALWIRE_LOG_LEVEL": wanted})
    assert log.logger.level == logging.NOTSET
    assert log.logger.handlers == []


def test_a_wrong_level_is_named(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    log.logger.addHandler(caplog.handler)
    set_log_level(log, {"SIGNALWIRE_LOG_LEVEL": "noise"})
    [words] = caplog.messages
    assert words.startswith("SIGNALWIRE_LOG_LEVEL is 'noise', which is not a level: use debug, ")
    assert log.logger.level == logging.NOTSET


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("above", [True, False])
def test_no_line_appears_twice(
    log: Log,
    parent: logging.Logger,
    capsys: pytest.CaptureFixture[str],
    when: str,
    above: bool,
) -> None:
    theirs = logging.StreamHandler(sys.stderr)
    logger = parent if above else log.logger
    if when == "before":
        logger.addHandler(theirs)
    set_log_level(log, {"SIGNALWIRE_LOG_LEVEL": "info"})
    logger.addHandler(theirs)
    log.info("once")
    assert capsys.readouterr().err == "once\n"


@pytest.mark.parametrize("below", [True, False])
def test_a_handler_that_does_not_show_a_line_counts_for_nothing(
    log: Log, parent: logging.Logger, capsys: pytest.CaptureFixture[str], below: bool
) -> None:
    theirs = logging.StreamHandler(sys.stderr)
    parent.addHandler(theirs)
    if below:
        theirs.setLevel(logging.WARNING)
    else:
        log.logger.propagate = False
    set_log_level(log, {"SIGNALWIRE_LOG_LEVEL": "info"})
    log.info("once")
    assert capsys.readouterr().err.endswith(" INFO relay_test.level: once\n")


def test_a_handler_that_shows_nothing_is_none(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.logger.addHandler(logging.NullHandler())
    set_log_level(log, {"SIGNALWIRE_LOG_LEVEL": "info"})
    log.info("once")
    assert capsys.readouterr().err.count("once") == 1


@pytest.mark.usefixtures("known")
def test_a_configuration_of_the_program_wins(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    set_log_level(log, {"SIGNALWIRE_LOG_LEVEL": "debug"})
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"theirs": {"class": "logging.StreamHandler"}},
            "loggers": {NAME: {"handlers": ["theirs"], "level": "INFO"}},
        }
    )
    log.debug("not")
    log.info("once")
    assert capsys.readouterr().err == "once\n"


@pytest.mark.usefixtures("known")
def test_a_configuration_without_us_leaves_our_lines_to_stderr(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    set_log_level(log, {"SIGNALWIRE_LOG_LEVEL": "debug"})
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    log.debug("once")
    assert capsys.readouterr().err.count("once") == 1


class Failing(logging.Handler):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self._error


class Wordless:
    def __repr__(self) -> str:
        raise ZeroDivisionError("it has no words")


@pytest.mark.parametrize("error", [ZeroDivisionError("why"), GeneratorExit("why")])
@pytest.mark.parametrize("where", ["handler", "filter"])
def test_what_fails_in_the_log_is_told_once_and_hurts_nobody(
    log: Log, capsys: pytest.CaptureFixture[str], error: BaseException, where: str
) -> None:
    failing = Failing(error)
    if where == "handler":
        log.logger.addHandler(failing)
    else:
        log.logger.addFilter(failing.emit)  # type: ignore[arg-type]
    for _ in range(3):
        log.error("lost")
    assert capsys.readouterr().err == (
        f"{NAME}: a handler or a filter of the log has failed, so lines may be missing: {error!r}\n"
    )


def test_an_argument_without_words_hurts_nobody(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    log.logger.addFilter(lambda record: bool(record.getMessage()))
    log.failure(ValueError(), "%r", Wordless())
    assert "it has no words" in capsys.readouterr().err


@pytest.mark.parametrize("stderr", ["closed", "none"])
def test_there_may_be_no_stderr(log: Log, monkeypatch: pytest.MonkeyPatch, stderr: str) -> None:
    set_log_level(log, {"SIGNALWIRE_LOG_LEVEL": "debug"})
    file = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123
    file.close()
    monkeypatch.setattr(sys, "stderr", file if stderr == "closed" else None)
    log.warning("lost")


def test_nothing_is_told_if_the_program_does_not_want_it(
    log: Log, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.logger.addHandler(Failing(ZeroDivisionError()))
    log.error("lost")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_the_program_gets_out(log: Log, error: BaseException) -> None:
    log.logger.addHandler(Failing(error))
    with pytest.raises(type(error)):
        log.error("lost")
    thread = threading.Thread(target=log.error, args=("lost",))
    thread.start()
    thread.join()  # without an exception, which would be a warning of pytest's
