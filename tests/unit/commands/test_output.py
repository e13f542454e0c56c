"""The three forms of an answer."""

from __future__ import annotations

import io
import json
import sys

import pytest

from pulseline_client.commands.dead_letters import build_columns
from pulseline_client.commands.event_columns import EVENT_COLUMNS
from pulseline_client.commands.output import Column, Form, build_line, choose_form, cut, show_records
from pulseline_core.types import JSONObject

COLUMNS = (
    Column(title="NAME", cell=lambda record: str(record["name"]), limit=None),
    Column(title="SIZE", cell=lambda record: f"{record['size']} B", field=lambda record: str(record["size"])),
)
RECORDS: list[JSONObject] = [{"name": "a\tb\x1b[2J", "size": 1}, {"name": "[bold]x[/bold] :smile:", "size": 22}]


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_lines_are_tab_separated_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """A tab within a field is no separator, and nothing in it moves the cursor."""
    show_records(RECORDS, COLUMNS, form=Form.LINES, nothing="none")

    assert capsys.readouterr().out == "a\\tb\\x1b[2J\t1\n[bold]x[/bold] :smile:\t22\n"


def test_json_is_one_document_of_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the records as they are."""
    show_records(RECORDS, COLUMNS, form=Form.JSON, nothing="none")

    assert json.loads(capsys.readouterr().out) == RECORDS


def test_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither markup nor emoji codes nor escape sequences are obeyed."""
    show_records(RECORDS, COLUMNS, form=Form.TABLE, nothing="none")

    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "SIZE"]
    assert first.split() == ["a\\tb\\x1b[2J", "1", "B"]
    assert second.split() == ["[bold]x[/bold]", ":smile:", "22", "B"]


def test_table_cuts_the_wide_column_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A long name ends in an ellipsis; the number stays whole, and no line is longer than the terminal."""
    show_records([{"name": "x" * 200, "size": 123456}], COLUMNS, form=Form.TABLE, nothing="none")

    lines = capsys.readouterr().out.splitlines()
    assert "x…" in lines[1]
    assert "123456 B" in lines[1]
    assert max(map(len, lines)) <= 80


def test_table_keeps_what_people_type_whole_as_long_as_the_rest_can_give(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that was cut names nothing; what describes it gives way, but never quite."""
    columns = (
        Column(title="NAME", cell=lambda record: str(record["name"]), is_whole=True, limit=256),
        Column(title="TYPE", cell=lambda record: str(record["type"])),
    )
    records: list[JSONObject] = [{"name": "x" * size, "type": "currentwindow"} for size in (70, 90)]

    show_records(records[:1], columns, form=Form.TABLE, nothing="none")
    show_records(records, columns, form=Form.TABLE, nothing="none")

    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1] == ["x" * 70, "current…"]
    assert rows[4] == ["x" * 71 + "…", "curre…"]


def test_table_wraps_where_the_rest_matters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of a reason is read, however narrow the terminal is, and the number stays whole."""
    monkeypatch.setenv("COLUMNS", "45")
    letter: JSONObject = {
        "id": 12,
        "received": "2026-11-23T10:00:00+00:00",
        "topic": "pulseline/v1/a-long-name-of-a-plug/heartbeat",
        "reason": "payload is not JSON: unexpected end of data",
    }

    show_records([letter], build_columns("pulseline/v1"), form=Form.TABLE, nothing="none")

    lines = capsys.readouterr().out.splitlines()
    place = lines[0].index("REASON")
    assert lines[0].split() == ["ID", "RECEIVED", "TOPIC", "REASON"]
    assert lines[1].startswith("12  2026-11-23 ")
    assert "a-long" in lines[1]
    assert " ".join(" ".join(line[place:] for line in lines[1:]).split()) == letter["reason"]
    assert max(map(len, lines)) <= 45


def test_output_without_unicode_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three dots for the ellipsis, and JSON that stays JSON."""
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stdout)

    show_records([{"name": "\xe9" * 200, "size": 1}], COLUMNS, form=Form.JSON, nothing="none")
    shown = cut("a long title", 10)

    stdout.seek(0)
    assert json.load(stdout) == [{"name": "\xe9" * 200, "size": 1}]
    assert shown == "a long..."


@pytest.mark.parametrize(
    ("form", "out", "err"), [(Form.TABLE, "", "none\n"), (Form.LINES, "", ""), (Form.JSON, "[]\n", "")]
)
def test_an_empty_answer_is_empty_for_programs_and_a_sentence_for_people(
    form: Form, out: str, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line in a pipe, an empty list as JSON."""
    show_records([], COLUMNS, form=form, nothing="none")

    assert tuple(capsys.readouterr()) == (out, err)


def test_choose_form_is_lines_in_a_pipe() -> None:
    """Under test standard output is no terminal."""
    assert choose_form(is_json=False) is Form.LINES
    assert choose_form(is_json=True) is Form.JSON


def test_event_line_holds_all_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs get the microseconds, the duration in seconds and the data as JSON."""
    event: JSONObject = {
        "timestamp": "2026-11-23T10:00:00.123456+00:00",
        "duration": 3723.5,
        "data": {"app": "Firefox"},
    }

    start, duration, data = build_line(event, EVENT_COLUMNS).split("\t")

    assert start.split("T")[1].startswith(("10:00:00.123456", "0", "1", "2"))
    assert (duration, data) == ("3723.5", '{"app":"Firefox"}')
