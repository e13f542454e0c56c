"""What people see on a terminal of 80 columns, and what Ctrl-C does."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.command_line import ask, get_flags
from tests.e2e.terminal import COLUMNS, CTRL_C, Terminal, show
from tests.e2e.up_process import Up
from tests.storm.system import find_free_port


def is_aligned(lines: list[str], head: str, *titles: str) -> bool:
    """Return whether something begins under each title of a table's head, after a gap."""
    places = [head.index(title) for title in titles]
    rows = [line.ljust(COLUMNS) for line in lines]
    return all(row[place] != " " and row[place - 1 : place] in {" ", ""} for row in rows for place in places)


def test_buckets_are_a_table(demo_system: Up) -> None:
    """Names, types and local times under their titles, nothing cut at 80 columns."""
    head, *rows = show("buckets", *get_flags(demo_system), home=demo_system.home).lines[:4]

    assert head.split() == ["BUCKET", "TYPE", "HOST", "LAST", "EVENT"]
    assert sorted(row.split()[0] for row in rows) == ["aw-watcher-afk_demo", "aw-watcher-window_demo", "demo-plug"]
    assert is_aligned(rows, head, "BUCKET", "TYPE", "HOST", "LAST EVENT")
    assert max(map(len, (head, *rows))) <= COLUMNS


def test_events_are_a_table_with_readable_durations(demo_system: Up) -> None:
    """Newest first, with the time zone; data is cut at the edge, never wrapped."""
    head, *rows = show("events", "aw-watcher-window_demo", *get_flags(demo_system), home=demo_system.home).lines[:21]

    assert head.split() == ["START", "DURATION", "DATA"]
    assert is_aligned(rows, head, "START", "DATA")
    assert [row[:25] for row in rows] == sorted((row[:25] for row in rows), reverse=True)
    assert all(row[10] == " " and row[19] in "+-" and "app=" in row for row in rows)
    assert max(map(len, rows)) <= COLUMNS


@pytest.mark.parametrize("command", ["status", "buckets", "dead-letters list"])
def test_no_table_is_wider_than_the_terminal(demo_system: Up, command: str) -> None:
    """Long names and reasons are cut, too."""
    ask(demo_system, "heartbeat", f"a very long bucket name {'x' * 200}", "ON")
    ask(demo_system, "heartbeat", "plug", "ON", "--timestamp", "2020-01-01")

    terminal = show(*command.split(), *get_flags(demo_system), home=demo_system.home)

    assert max(map(len, terminal.lines)) <= COLUMNS


def test_a_terminal_without_unicode_shows_escapes(demo_system: Up) -> None:
    """No crash, and three dots where something is cut."""
    ask(demo_system, "heartbeat", "cafe", f"title=caf\xe9 {'x' * 200}")

    terminal = show("events", "cafe", *get_flags(demo_system), home=demo_system.home, encoding="ascii")

    assert terminal.lines[1].endswith("xxx...")
    assert 'title="caf\\xe9 ' in terminal.lines[1]


def test_demo_ends_with_what_to_look_at(demo_system: Up) -> None:
    """The progress bar is gone in the end, and the commands can be copied: they name the server that was named."""
    flags = " ".join(get_flags(demo_system))
    terminal = show("demo", *get_flags(demo_system), home=demo_system.home)

    assert "publishing" in terminal.text
    assert not any("publishing" in line for line in terminal.lines)
    assert f"  pulseline buckets {flags}" in terminal.lines
    assert f"  pulseline events aw-watcher-window_demo {flags}" in terminal.lines
    (report,) = (line.split() for line in terminal.lines if line.startswith("  pulseline report demo "))
    assert json.loads(ask(demo_system, *report[1:5], "--json").stdout)["duration"] > 0


def test_tail_shows_the_newest_events_until_ctrl_c(demo_system: Up) -> None:
    """First what holds, then what comes; Ctrl-C ends it without a word, with 130."""
    with Terminal("tail", *get_flags(demo_system), home=demo_system.home) as terminal:
        terminal.wait_for("aw-watcher-window_demo")
        ask(demo_system, "heartbeat", "desk", "height=101.5")
        terminal.wait_for("height=101.5")
        terminal.type(CTRL_C)

        code = terminal.wait()

    assert code == 130
    assert "Traceback" not in terminal.text
    assert terminal.lines[-2:] == ["^C", ""]
    assert max(map(len, terminal.lines)) <= COLUMNS


def test_tail_says_what_it_waits_for(tmp_path: Path) -> None:
    """A bucket that does not exist yet, and a server that went away and came back: one line each."""
    with Up(home=tmp_path) as system, Terminal("tail", "laod", *get_flags(system), home=tmp_path) as terminal:
        terminal.wait_for("no bucket 'laod' yet; waiting")
        system.terminate()
        terminal.wait_for("connection lost, trying again")
        system.start()
        terminal.wait_for("connected again")
        ask(system, "heartbeat", "laod", "busy=no")
        terminal.wait_for("busy=no")

    assert [line.partition("'")[0] for line in terminal.lines[:3]] == [
        "no bucket ",
        "connection lost, trying again",
        "connected again",
    ]


def test_up_shows_what_to_try_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    """A short block with the real ports, no log lines between, and a quiet end with 0."""
    http_port, mqtt_port = str(find_free_port()), str(find_free_port())
    with Terminal("up", "--port", http_port, "--mqtt-port", mqtt_port, home=tmp_path) as terminal:
        terminal.wait_for("Ctrl-C stops it.")
        terminal.type(CTRL_C)

        code = terminal.wait()

    assert code == 0
    assert terminal.lines[0] == "Pulseline is ready."
    assert f"  mosquitto_pub -h 127.0.0.1 -p {mqtt_port} -q 1 -t pulseline/v1/plug/heartbeat -m ON" in terminal.lines
    assert f"  curl http://127.0.0.1:{http_port}/api/0/buckets/plug/events" in terminal.lines
    assert terminal.lines[-4:] == ["Ctrl-C stops it.", "^C", "Pulseline has stopped.", ""]
    assert not any("[" in line for line in terminal.lines)


def test_a_part_alone_says_what_it_waits_for_and_where_it_listens(tmp_path: Path) -> None:
    """The REST server waits for the database, which the broker makes; both end at Ctrl-C."""
    http_port, mqtt_port = str(find_free_port()), str(find_free_port())
    flags = ("--data-dir", str(tmp_path / "new"), "--port", http_port, "--mqtt-port", mqtt_port)
    with Terminal("api", *flags, home=tmp_path) as api:
        api.wait_for("waiting up to 15 s for the database")
        with Terminal("broker", *flags, home=tmp_path) as broker:
            broker.wait_for(f"The broker listens at 127.0.0.1, port {mqtt_port}. Ctrl-C stops it.")
            api.wait_for(f"The REST server listens at 127.0.0.1, port {http_port}. Ctrl-C stops it.")
            for part in (api, broker):
                part.type(CTRL_C)

            codes = [part.wait() for part in (api, broker)]

    assert codes == [0, 0]


def test_up_that_can_not_start_shows_one_line(demo_system: Up) -> None:
    """On a terminal there is nothing else."""
    with Terminal("up", "--port", str(find_free_port()), home=demo_system.home) as terminal:
        code = terminal.wait()

    assert code == 5
    first, *rest = terminal.lines
    assert first.startswith("pulseline: error: another pulseline is running on data folder")
    assert all(not line.startswith(("pulseline:", "Traceback", "2")) for line in rest)


def test_export_shows_how_far_it_is(demo_system: Up, tmp_path: Path) -> None:
    """Progress on the terminal, and the file's name and size in the end."""
    target = tmp_path / "all.json"

    terminal = show("export", "-o", str(target), *get_flags(demo_system), home=demo_system.home)

    assert "exporting" in terminal.text
    assert terminal.text.replace("\n", "").endswith(f"{target}: {target.stat().st_size} bytes")


def test_tables_order_the_events_of_a_bucket(demo_system: Up) -> None:
    """The lines of a pipe are those of the table, in the same order."""
    lines = ask(demo_system, "events", "aw-watcher-afk_demo").stdout.splitlines()

    starts = [line.split("\t")[0] for line in lines]
    assert len(lines) == 9
    assert all(later > earlier for later, earlier in pairwise(starts))
