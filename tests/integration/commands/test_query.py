"""``pulseline query`` with a server that answers what the test says: the request, each form of the result, errors."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pulseline_client import cli
from pulseline_core.errors import ExitCode
from tests.integration.commands.query_server import QueryServer

EVENTS: list[dict[str, Any]] = [
    {"id": 2, "timestamp": "2026-11-23T11:00:00+00:00", "duration": 60.5, "data": {"app": "Code", "$tags": ["a"]}},
    {"id": 1, "timestamp": "2026-11-23T10:00:00+00:00", "duration": 3600, "data": {"app": "=1+1", "n": -1}},
]


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[QueryServer]:
    monkeypatch.setenv("COLUMNS", "80")
    with QueryServer() as running:
        yield running


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    """Return a file with a query of three lines."""
    path = tmp_path / "apps.txt"
    path.write_bytes(b"\xef\xbb\xbf# apps\r\nevents =\r\n\tquery_bucket(1);\r\n")
    return path


def run(server: QueryServer, *arguments: str) -> int:
    """Run the command."""
    return cli.run(["query", *arguments, "--port", str(server.port)])


def test_query_is_sent_as_it_stands(server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All but a byte order mark; the range has its offset."""
    server.say(1)

    code = run(
        server, str(file), "--name", "apps", "--start", "2026-11-01T10:00:00+02:00", "--stop", "2026-11-02T00:00:00Z"
    )

    assert code == 0
    assert server.queries[0][0] == "/query/?name=apps"
    assert server.lines == ["# apps\r", "events =\r", "\tquery_bucket(1);\r", ""]
    assert [datetime.fromisoformat(each) for each in server.period] == [
        datetime(2026, 11, 1, 8, tzinfo=UTC),
        datetime(2026, 11, 2, tzinfo=UTC),
    ]
    assert capsys.readouterr().out == "1\n"


def test_without_a_range_it_is_today(server: QueryServer, file: Path) -> None:
    """From the local midnight to now."""
    server.say(1)
    run(server, str(file))

    start, stop = (datetime.fromisoformat(each) for each in server.period)
    assert (start.hour, start.minute, start.second) == (0, 0, 0)
    assert start.utcoffset() == stop.utcoffset() == datetime.now().astimezone().utcoffset()
    assert timedelta(0) <= datetime.now(UTC) - stop < timedelta(minutes=1)


def test_query_is_read_from_standard_input(server: QueryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """For -, by custom."""
    server.say(1)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"RETURN = 1;")))
    run(server, "-")

    assert server.lines == ["RETURN = 1;"]


def test_events_are_lines_in_a_pipe(server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As those of 'pulseline events', all of them."""
    server.say(EVENTS)
    run(server, str(file), "--limit", "1")

    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1:] for line in lines] == [["60.5", '{"app":"Code","$tags":["a"]}'], ["3600", '{"app":"=1+1","n":-1}']]


def test_no_events_are_no_lines(server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program reads none; elsewhere an empty list is one."""
    server.say([])

    assert (run(server, str(file)), capsys.readouterr().out) == (0, "")
    assert (run(server, str(file), "--json"), capsys.readouterr().out) == (0, "[]\n")


@pytest.mark.parametrize("result", [1.5, None, "a\tb", {}, [1, "a"], {"a": EVENTS}])
def test_other_results_are_json_in_a_pipe(
    server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str], result: Any
) -> None:
    """On one line."""
    server.say(result)
    run(server, str(file))

    output = capsys.readouterr().out
    assert output.count("\n") == 1
    assert json.loads(output) == result


def test_json_is_the_result(server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the one period, not in a list."""
    server.say({"a": EVENTS})
    run(server, str(file), "--json")

    assert json.loads(capsys.readouterr().out) == {"a": EVENTS}


def test_csv_has_a_column_for_each_key(server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order in which they come; a formula becomes text, a number stays one."""
    server.say(EVENTS)
    run(server, str(file), "--csv")

    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == [
        ["timestamp", "duration", "app", "$tags", "n"],
        ["2026-11-23T11:00:00+00:00", "60.5", "Code", '["a"]', ""],
        ["2026-11-23T10:00:00+00:00", "3600", "'=1+1", "", "-1"],
    ]


def test_csv_is_for_events(server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An object of several lists is no table."""
    server.say({"a": EVENTS})
    code = run(server, str(file), "--csv")

    assert code == ExitCode.USAGE
    assert "has no form as CSV (let RETURN be one of its lists, or use --json)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{}", "--csv", "--json"], 2, "--csv and --json exclude each other"),
        (["{}", "--start", "now", "--stop", "today"], 2, "the range ends before it begins: 'now' is later than"),
        (["{}", "--start", "now", "--end", "today"], 2, "the range ends before it begins: 'now' is later than"),
        (["{}", "--start", "soon"], 2, "time 'soon' is not understood"),
        (["nowhere.txt"], 9, "no file 'nowhere.txt' exists"),
        (["."], 6, "no access to '.'"),
        (["latin.txt"], 2, "file 'latin.txt' is not UTF-8"),
    ],
)
def test_what_can_not_be_asked_is_not(
    server: QueryServer,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    """One line, and the code of its kind."""
    monkeypatch.chdir(file.parent)
    Path("latin.txt").write_bytes(b"\xe9")

    assert run(server, *(argument.format(file) for argument in arguments)) == code
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert server.queries == []


def test_place_of_an_error_is_shown(server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line with a mark under the place, and then what is wrong."""
    server.refuse("QueryFunctionException", "There's no bucket named '1' (line 3, column 2)")

    code = run(server, str(file))

    output = capsys.readouterr()
    assert code == ExitCode.USAGE
    assert output.out == ""
    assert output.err.splitlines() == [
        "  3 |  query_bucket(1);",
        "    |  ^",
        "pulseline: error: There's no bucket named '1' (line 3, column 2)",
    ]


def test_what_was_passed_over_is_told(server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the result; control characters of it are shown, not obeyed."""
    server.say(1)
    server.warnings = ["pattern '(\x1b' of a category can not be read"]

    assert run(server, str(file)) == 0

    output = capsys.readouterr()
    assert output.out == "1\n"
    assert output.err == "warning: pattern '(\\x1b' of a category can not be read\n"


def test_what_the_query_prints_is_no_warning(
    server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stands beside the result, as it came."""
    server.say(1)
    server.warnings = ["print: 3 events"]

    assert run(server, str(file)) == 0

    assert capsys.readouterr() == ("1\n", "print: 3 events\n")


@pytest.mark.parametrize("message", ["a query without a place", "far away (line 9, column 1)"])
def test_error_without_a_place_is_its_line(
    server: QueryServer, file: Path, capsys: pytest.CaptureFixture[str], message: str
) -> None:
    """Also when the place is not in the query."""
    server.refuse("QueryParseException", message)
    run(server, str(file))

    assert capsys.readouterr().err == f"pulseline: error: {message}\n"
