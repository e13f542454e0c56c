"""``pulseline report`` with a server that answers what the test says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulseline_client import cli
from pulseline_core.errors import ExitCode
from tests.e2e.terminal import COLUMNS, show
from tests.integration.commands.query_server import QueryServer


def build_rows(key: str, *rows: tuple[Any, float]) -> list[dict[str, Any]]:
    """Return merged events as a query answers them."""
    return [{"id": None, "timestamp": "2026-11-23T10:00:00+00:00", "duration": s, "data": {key: v}} for v, s in rows]


ANSWER: dict[str, Any] = {
    "duration": 16_201.5,
    "categories": build_rows("$category", (["Work", "Programming"], 12_001.5), (["Uncategorized"], 4200)),
    "apps": build_rows("app", ("Code", 9000), ("Firefox", 7201.5)),
    "titles": build_rows("title", ("x" * 100, 59)),
    "domains": [],
}


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[QueryServer]:
    """Return a server with the buckets of a computer, and its answer."""
    monkeypatch.setenv("COLUMNS", "80")
    with QueryServer() as running:
        running.answers["/buckets/"] = {
            "aw-watcher-window_desk": {"type": "currentwindow", "hostname": "desk"},
            "aw-watcher-afk_desk": {"type": "afkstatus", "hostname": "desk"},
            "aw-watcher-web-firefox": {"type": "web.tab.current", "hostname": "unknown"},
        }
        running.say(ANSWER)
        yield running


def run(server: QueryServer, *arguments: str) -> int:
    """Run the command."""
    return cli.run(["report", *arguments, "--port", str(server.port)])


def test_query_is_the_full_one_of_the_host(server: QueryServer) -> None:
    """With its browsers, and the categories and the pattern that the web interface keeps."""
    server.answers["/settings/classes"] = [{"id": 1, "name": ["Mine"], "rule": {"type": "regex", "regex": "mine"}}]
    server.answers["/settings/always_active_pattern"] = "Zoom"

    assert run(server, "desk") == 0

    assert server.lines[0] == 'events = flood(query_bucket(find_bucket("aw-watcher-window_desk")));'
    assert 'events_firefox = flood(query_bucket("aw-watcher-web-firefox"));' in server.lines
    assert 'not_treat_as_afk = filter_keyvals_regex(events, "app", "Zoom");' in server.lines
    assert 'events = categorize(events, [[["Mine"], {"type": "regex", "regex": "mine"}]]);' in server.lines
    assert "".join(server.lines).count("RETURN") == 2


def test_lines_are_parts_seconds_and_names(server: QueryServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The time of activity first."""
    run(server, "desk", "--limit", "1")

    assert capsys.readouterr().out.splitlines() == [
        "active\t16201.5\t",
        "category\t12001.5\tWork > Programming",
        "app\t9000\tCode",
        f"title\t59\t{'x' * 100}",
    ]


def test_json_names_what_it_is_about(server: QueryServer, capsys: pytest.CaptureFixture[str]) -> None:
    """With the range, and categories as lists."""
    run(server, "desk", "--json", "--limit", "1")

    report = json.loads(capsys.readouterr().out)
    assert (report["hostname"], report["duration"]) == ("desk", 16_201.5)
    assert (report["start"], report["stop"]) == server.period
    assert report["days"] == []
    assert report["categories"] == [{"name": ["Work", "Programming"], "duration": 12_001.5}]
    assert report["domains"] == []


def test_tables_stand_under_one_another(server: QueryServer, tmp_path: Path) -> None:
    """Times under times; nothing is wider than the terminal, and what is empty is left out."""
    lines = show("report", "desk", "--port", str(server.port), home=tmp_path).lines

    assert lines[0].startswith("desk from ")
    assert lines[1:9] == [
        "4h 30m 02s active",
        "",
        "      TIME  SHARE  CATEGORY",
        "3h 20m 02s    74%  Work > Programming",
        "1h 10m 00s    26%  Uncategorized",
        "",
        "      TIME  SHARE  APP",
        "2h 30m 00s    56%  Code",
    ]
    assert lines[-2].startswith("       59s     0%  xxx")
    assert max(map(len, lines)) <= COLUMNS
    assert not any("DOMAIN" in line for line in lines)


def test_several_days_are_shown_one_by_one(server: QueryServer, tmp_path: Path) -> None:
    """Those without activity as well; above all else, and with the weekday."""
    server.say(ANSWER, {"duration": 12_601.5}, {"duration": 0}, {"duration": 3600})
    period = ("--start", "2026-11-20", "--stop", "2026-11-22 12:00")

    lines = show("report", "desk", *period, "--port", str(server.port), home=tmp_path).lines

    assert lines[3:7] == [
        "      TIME  SHARE  DAY",
        "3h 30m 02s    78%  Fri 2026-11-20",
        "        0s     0%  Sat 2026-11-21",
        "1h 00m 00s    22%  Sun 2026-11-22",
    ]
    (whole, *days) = (each.split("/") for each in server.queries[-1][1]["timeperiods"])
    assert [days[0][0], days[-1][1]] == whole
    assert [day[:10] for day, _ in days] == ["2026-11-20", "2026-11-21", "2026-11-22"]


def test_long_range_is_not_shown_by_day(server: QueryServer, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be longer than all else."""
    run(server, "desk", "--start", "2026-01-01", "--stop", "2026-03-01")

    assert len(server.queries[-1][1]["timeperiods"]) == 1
    assert "day\t" not in capsys.readouterr().out


def test_without_a_name_it_is_the_only_host(server: QueryServer, capsys: pytest.CaptureFixture[str]) -> None:
    """As this computer has recorded nothing."""
    assert run(server, "--json") == 0

    assert json.loads(capsys.readouterr().out)["hostname"] == "desk"


def test_nothing_recorded_is_said(server: QueryServer, tmp_path: Path) -> None:
    """Rather than empty tables."""
    server.say({"duration": 0, "categories": [], "apps": [], "titles": [], "domains": []})

    lines = show("report", "desk", "--port", str(server.port), home=tmp_path).lines

    assert lines[1:] == ["No activity was recorded then.", ""]


def test_unknown_host_is_told_with_the_known_ones(server: QueryServer, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is asked."""
    assert run(server, "dask") == ExitCode.NOT_FOUND

    assert capsys.readouterr().err == (
        "pulseline: error: no bucket 'aw-watcher-window_dask' exists (there are those of desk)\n"
    )
    assert server.queries == []
