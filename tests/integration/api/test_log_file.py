"""The log over REST, read from its file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_api.log_file import TAIL_BYTES, read_log
from pulseline_core.log import build_formatter
from pulseline_core.settings import LogSettings
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

FORMS = pytest.mark.parametrize("settings", [LogSettings(json=False), LogSettings(json=True)], ids=["text", "json"])


def make_record(message: str, level: int = logging.INFO) -> logging.LogRecord:
    """Return a record as a module of ours makes it."""
    return logging.LogRecord("pulseline_api.service", level, "service.py", 7, message, None, None)


def write_log(path: Path, settings: LogSettings, *records: logging.LogRecord) -> Path:
    """Write a log file."""
    formatter = build_formatter(settings)
    path.write_text("".join(f"{formatter.format(record)}\n" for record in records), encoding="utf-8")
    return path


@FORMS
def test_entries_are_read_oldest_first(tmp_path: Path, settings: LogSettings) -> None:
    """Whatever form the file is written in."""
    path = write_log(tmp_path / "a.log", settings, make_record("one"), make_record("two (2)", logging.WARNING))

    entries = read_log(path)

    assert [(entry["level"], entry["logger"], entry["message"]) for entry in entries] == [
        ("info", "pulseline_api.service", "one"),
        ("warning", "pulseline_api.service", "two (2)"),
    ]
    assert all(str(entry["time"]).startswith("20") for entry in entries)


def test_json_within_a_message_is_part_of_it(tmp_path: Path) -> None:
    """It is no entry, as it is not what we write, and what follows goes on with the message."""
    path = write_log(tmp_path / "a.log", LogSettings(json=False), make_record('refused\n{"app": "a"}\nat once'))

    (entry,) = read_log(path)

    assert str(entry["message"]).startswith('refused\n{"app": "a"}\nat once')


@FORMS
def test_a_traceback_belongs_to_its_entry(tmp_path: Path, settings: LogSettings) -> None:
    """It takes many lines of a text file, and one of JSON lines."""
    record = make_record("it failed", logging.ERROR)
    error = ValueError("odd")
    record.exc_info = (ValueError, error, None)
    path = write_log(tmp_path / "a.log", settings, record, make_record("after"))

    first, second = read_log(path)

    assert "ValueError: odd" in str(first)
    assert second["message"] == "after"


@FORMS
def test_only_the_end_of_a_line_ends_it(tmp_path: Path, settings: LogSettings) -> None:
    """Unicode knows more of them; a title may hold one."""
    path = write_log(tmp_path / "a.log", settings, make_record("one\u2028two\x85three"), make_record("after"))

    assert [entry["message"] for entry in read_log(path)] == ["one\u2028two\x85three", "after"]


@pytest.mark.parametrize("value", ["[" * 2000, r'"\ud800"', "NaN"], ids=["deep", "surrogate", "NaN"])
def test_what_only_looks_like_an_entry_belongs_to_the_one_before(tmp_path: Path, value: str) -> None:
    """A message may go on with anything; what could not be answered is no entry."""
    line = f'{{"time": "now", "message": "odd", "value": {value}}}'
    path = write_log(tmp_path / "a.log", LogSettings(), make_record("odd:"))
    with path.open("a") as file:
        file.write(f"{line}\n")

    (entry,) = read_log(path)

    assert f"\n{line}" in str(entry["message"])


def test_a_long_file_is_read_from_its_end(tmp_path: Path) -> None:
    """Whole lines, as many as fit."""
    path = write_log(tmp_path / "a.log", LogSettings(), *[make_record(f"entry {n}") for n in range(10_000)])

    entries = read_log(path)

    assert path.stat().st_size > TAIL_BYTES
    assert [entry["message"] for entry in entries] == [f"entry {n}" for n in range(10_000 - len(entries), 10_000)]
    assert len(entries) > 1_000


def test_the_log_is_answered_as_an_array(tmp_path: Path) -> None:
    """Empty where the server logs to no file, or the file is gone."""
    path = write_log(tmp_path / "a.log", LogSettings(json=True), make_record("one"))
    store = MemoryStore()

    def ask(found: Path | None) -> object:
        app = create_app(MemoryReader(store), RecordingWriter(store), INFO, AppOptions(find_log=lambda: found))
        return app.test_client().get("/api/0/log").json

    assert [entry["message"] for entry in read_log(path)] == ["one"]
    assert ask(path) == read_log(path)
    assert [ask(None), ask(tmp_path / "gone.log")] == [[], []]
