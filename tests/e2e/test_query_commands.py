"""``pulseline query`` and ``pulseline report`` against a running server with the demo's data."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path

import httpx
import pytest

from pulseline_core.errors import ExitCode
from tests.e2e.command_line import ask, get_flags
from tests.e2e.terminal import COLUMNS, Terminal, show
from tests.e2e.test_readme import run
from tests.e2e.up_process import Up

PERIOD = ("--start", "yesterday")

APPS = """\
# Time by app, while somebody was there.
events = flood(query_bucket(find_bucket("aw-watcher-window_")));
present = filter_keyvals(flood(query_bucket("aw-watcher-afk_demo")), "status", ["not-afk"]);
events = filter_period_intersect(events, present);
RETURN = sort_by_duration(merge_events_by_keys(events, ["app"]));
"""


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    path = tmp_path / "apps.txt"
    path.write_text(APPS)
    return path


def test_query_has_four_forms(demo_system: Up, file: Path) -> None:
    """Of one result: a table, lines, JSON and CSV."""
    table = show("query", str(file), *PERIOD, *get_flags(demo_system), home=demo_system.home).lines
    lines = [line.split("\t") for line in ask(demo_system, "query", str(file), *PERIOD).stdout.splitlines()]
    events = json.loads(ask(demo_system, "query", str(file), *PERIOD, "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(ask(demo_system, "query", str(file), *PERIOD, "--csv").stdout)))

    apps = [event["data"]["app"] for event in events]
    assert len(apps) > 2
    assert [json.loads(line[2])["app"] for line in lines] == apps
    assert [row["app"] for row in rows] == apps
    assert [float(row["duration"]) for row in rows] == [event["duration"] for event in events]
    assert table[0].startswith(f"{len(apps)} events, ")
    assert max(map(len, table)) <= COLUMNS


def test_report_adds_up_what_the_query_adds_up(demo_system: Up, file: Path) -> None:
    """Apps by time, and categories that are as long together."""
    apps = json.loads(ask(demo_system, "query", str(file), *PERIOD, "--json").stdout)
    report = json.loads(ask(demo_system, "report", "demo", *PERIOD, "--limit", "100", "--json").stdout)

    assert {row["name"]: row["duration"] for row in report["apps"]} == pytest.approx(
        {event["data"]["app"]: event["duration"] for event in apps}
    )
    assert sum(row["duration"] for row in report["categories"]) == pytest.approx(report["duration"])


def test_report_is_tables_on_a_terminal(demo_system: Up) -> None:
    """Within the terminal's width."""
    lines = show("report", "demo", *PERIOD, *get_flags(demo_system), home=demo_system.home).lines

    assert re.fullmatch(r"demo from \S+ 00:00:00\S+ to \S+ \S+", lines[0])
    assert lines[1].endswith(" active")
    titles = [line.split()[2] for line in lines if line.split()[:2] == ["TIME", "SHARE"]]
    assert titles == ["DAY", "CATEGORY", "APP", "TITLE"]
    assert max(map(len, lines)) <= COLUMNS


def test_mark_is_under_what_is_wrong(demo_system: Up, file: Path) -> None:
    """With the words of ActivityWatch."""
    file.write_text(APPS.replace("sort_by_duration(", "sort_by_length("))
    with Terminal("query", str(file), *get_flags(demo_system), home=demo_system.home) as terminal:
        code = terminal.wait()

    shown, mark, error = terminal.lines[:3]
    assert code == ExitCode.USAGE
    assert shown == '  5 | RETURN = sort_by_length(merge_events_by_keys(events, ["app"]));'
    assert shown[mark.index("^") :].startswith("sort_by_length")
    assert error.startswith(
        "pulseline: error: Tried to call function 'sort_by_length' which doesn't exist; did you mean"
    )


def test_pattern_that_is_none_is_told(demo_system: Up, file: Path) -> None:
    """The rest of the query goes on."""
    file.write_text('RETURN = categorize(query_bucket("demo-plug"), [[["X"], {"type": "regex", "regex": "("}]]);')

    done = ask(demo_system, "query", str(file), *PERIOD)

    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("warning: ")
    assert '"$category":["Uncategorized"]' in done.stdout


def test_what_a_query_prints_is_shown_beside_its_result(demo_system: Up, file: Path) -> None:
    """All the way from the process that runs it."""
    file.write_text('print("asked for", NAME); RETURN = 1;')

    done = ask(demo_system, "query", str(file), "--name", "it", *PERIOD)

    assert (done.stdout, done.stderr) == ("1\n", "print: asked for it\n")


def test_program_on_the_page_prints_categories(demo_system: Up, tmp_path: Path) -> None:
    """That of docs/reference/activitywatch-client.md, as it stands; its settings name the server."""
    page = (Path(__file__).parents[2] / "docs/reference/activitywatch-client.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(from datetime.*?fullDesktopQuery.*?)```", page, re.DOTALL)
    settings = tmp_path / ".config/pulseline/aw-client/aw-client.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[server-testing]\nport = {demo_system.http_port}\n")
    program = program.replace("days=1", "days=2")

    printed = run([sys.executable, "-c", program], tmp_path).splitlines()

    assert printed
    assert all(re.fullmatch(r".+ (?:\d+ days?, )?\d+:\d\d:\d\d(?:\.\d+)?", line) for line in printed)


def test_example_of_the_description_is_answered(demo_system: Up) -> None:
    """Tried on the page at /api/ as it stands."""
    url = f"http://127.0.0.1:{demo_system.http_port}/api"
    fields = httpx.get(f"{url}/openapi.json").json()["components"]["schemas"]["Query"]["properties"]

    answer = httpx.post(f"{url}/0/query", json={name: field["examples"][0] for name, field in fields.items()})

    assert (answer.status_code, len(answer.json())) == (200, 1)
