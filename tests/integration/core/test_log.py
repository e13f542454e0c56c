"""Logging into real files and streams."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pulseline_core import paths, runtime
from pulseline_core.log import get_latest_log_file, setup_logging
from pulseline_core.settings import LogSettings

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

logger = logging.getLogger("pulseline_test")


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, threading.excepthook
    yield
    for handler in list(root.handlers):
        root.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks


def test_a_file_is_named_as_activitywatch_names_it(tmp_path: Path) -> None:
    """Folder, program, time of the start."""
    path = setup_logging("pulseline-api", LogSettings(), log_dir=tmp_path, now=NOON)

    expected = f"pulseline-api_{NOON.astimezone():%Y-%m-%dT%H-%M-%S}.log"
    assert path == tmp_path / "pulseline-api" / expected


def test_a_file_of_testing_is_marked(tmp_path: Path) -> None:
    """It is found as such."""
    path = setup_logging("pulseline-api", LogSettings(), testing=True, log_dir=tmp_path, now=NOON)

    assert path is not None
    assert path.name.startswith("pulseline-api_testing_2026-11-")
    assert get_latest_log_file("pulseline-api", testing=True, log_dir=tmp_path) == path
    assert get_latest_log_file("pulseline-api", log_dir=tmp_path) is None


def test_the_latest_file_is_that_of_the_latest_start(tmp_path: Path) -> None:
    """Of one program, not of its neighbours."""
    setup_logging("a", LogSettings(), log_dir=tmp_path, now=NOON)
    latest = setup_logging("a", LogSettings(), log_dir=tmp_path, now=NOON.replace(minute=1))
    setup_logging("b", LogSettings(), log_dir=tmp_path, now=NOON.replace(minute=2))

    assert get_latest_log_file("a", log_dir=tmp_path) == latest
    assert get_latest_log_file("c", log_dir=tmp_path) is None


def test_a_start_leaves_a_bounded_number_of_files(tmp_path: Path) -> None:
    """A program that restarts again and again does not fill the folder; the oldest files go, parts of them too."""
    folder = tmp_path / "a"
    folder.mkdir()
    for age in range(30):
        old = folder / f"a_2026-10-{30 - age:02}T00-00-00.log{'.1' if age % 2 else ''}"
        old.touch()
        os.utime(old, (1e9 - age, 1e9 - age))
    (tmp_path / "b").mkdir()
    (neighbour := tmp_path / "b" / "b_2026-10-01T00-00-00.log").touch()

    path = setup_logging("a", LogSettings(), log_dir=tmp_path, now=NOON)

    assert path is not None
    left = sorted(each.name for each in folder.glob("a_*"))
    assert len(left) == 20
    assert left[0] == "a_2026-10-12T00-00-00.log"
    assert left[-1] == path.name
    assert neighbour.exists()


def test_files_that_can_not_be_removed_are_a_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The program logs all the same."""
    for number in range(20):
        (tmp_path / "a" / f"a_{number:02}.log").mkdir(parents=True)

    path = setup_logging("a", LogSettings(), log_dir=tmp_path, now=NOON)

    assert path is not None
    assert path.exists()
    assert "old log files stay: " in capfd.readouterr().err


def test_files_lie_in_the_platforms_folder_by_default() -> None:
    """For their owner alone."""
    path = setup_logging("pulseline-api", LogSettings())

    assert path is not None
    assert path.parent == paths.get_log_dir() / "pulseline-api"
    assert path.parent.stat().st_mode & 0o077 == 0
    assert get_latest_log_file("pulseline-api") == path


def test_a_line_has_time_level_message_and_place(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In the file and on standard error alike."""
    path = setup_logging("x", LogSettings(), log_dir=tmp_path)

    logger.info("%d heartbeats", 3)

    assert path is not None
    line = path.read_text(encoding="utf-8")
    assert " [INFO ]: 3 heartbeats  (pulseline_test:" in line
    assert capfd.readouterr().err == line


def test_the_level_is_the_settings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What lies below is not logged."""
    setup_logging("x", LogSettings(level="warning"), log_dir=tmp_path)

    logger.info("small talk")
    logger.warning("smoke")

    assert "small talk" not in (text := capfd.readouterr().err)
    assert "smoke" in text


def test_json_is_one_object_a_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Machines read the action, people the message."""
    setup_logging("x", LogSettings(json=True), log_dir=tmp_path)

    logger.warning("Grüße\nvon %s", "hier", extra={"action": "greeted"})

    (line,) = capfd.readouterr().err.splitlines()
    entry = json.loads(line)
    assert datetime.fromisoformat(entry.pop("time")).tzinfo is not None
    assert entry == {"level": "warning", "logger": "pulseline_test", "message": "Grüße\nvon hier", "action": "greeted"}


def test_json_holds_the_traceback(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """On the same line."""
    setup_logging("x", LogSettings(json=True), log_dir=tmp_path)

    try:
        int("seven")
    except ValueError:
        logger.exception("no luck")

    (line,) = capfd.readouterr().err.splitlines()
    assert "ValueError: invalid literal for int()" in json.loads(line)["traceback"]


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    """Containers collect standard error."""
    assert setup_logging("x", LogSettings(file=False), log_dir=tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_made_is_a_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A program that can work does, without a log file."""
    (tmp_path / "x").touch()

    path = setup_logging("x", LogSettings(), log_dir=tmp_path)

    assert path is None
    assert "no log file: " in capfd.readouterr().err


def test_setting_up_again_replaces_the_handlers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No line comes twice."""
    for minute in range(2):
        setup_logging("x", LogSettings(), log_dir=tmp_path, now=NOON.replace(minute=minute))

    logger.info("once")

    assert capfd.readouterr().err.count("once") == 1


def test_an_uncaught_exception_is_logged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is in the file when the terminal is long gone."""
    setup_logging("x", LogSettings(), log_dir=tmp_path)
    error = ValueError("seven")

    sys.excepthook(ValueError, error, None)

    assert "uncaught exception" in (text := capfd.readouterr().err)
    assert "ValueError: seven" in text


def test_an_uncaught_exception_of_a_thread_is_logged_with_its_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Threads do not die in silence."""
    setup_logging("x", LogSettings(), log_dir=tmp_path)

    def fail() -> None:
        raise ValueError("seven")

    runtime.spawn(fail, name="pulseline-test-failing").join()

    assert "uncaught exception in thread pulseline-test-failing" in (text := capfd.readouterr().err)
    assert "ValueError: seven" in text


def test_standard_error_is_left_alone_where_it_is_not_wanted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The file has it all the same."""
    path = setup_logging("pulseline-test", LogSettings(), stderr=False, log_dir=tmp_path)
    logger.warning("hello")

    assert path is not None
    assert "hello" in path.read_text()
    assert capsys.readouterr().err == ""
