"""``pulseline import`` as people and scripts use it: every kind of source, once and again."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from pulseline_core.errors import ExitCode
from tests.e2e.command_line import PULSELINE, ask, get_flags
from tests.e2e.terminal import COLUMNS, Terminal, show
from tests.e2e.up_process import DATA_FOLDER, Up
from tests.storm.system import clean_environment, wait_until
from tests.unit.client.importing.samples import EVENTS, WINDOW, build_peewee, build_rust

BUCKET = {"type": "currentwindow", "client": "aw-watcher-window", "hostname": "host.local"}

#: What JSON can hold, and a store could get wrong.
DATA = {"int": 2**53 + 1, "float": 0.1, "whole": 1.0, "tiny": 5e-324, "none": None, "list": [[], {}, True], "ü": "🐢\n"}


@pytest.fixture(scope="module", name="system")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(home=tmp_path_factory.mktemp("import")) as running:
        yield running


def write_export(path: Path, bucket_id: str, *events: object) -> Path:
    """Write an export with one bucket; return where."""
    bucket = {"id": bucket_id, "created": "2024-01-01T00:00:00+00:00", **BUCKET, "events": events}
    path.write_text(json.dumps({"buckets": {bucket_id: bucket}}))
    return path


def read_export(system: Up, bucket_id: str = "") -> object:
    """Return what a system exports, without what says how it is going."""
    path = f"buckets/{bucket_id}/export" if bucket_id else "export"
    return httpx.get(f"{system.url}/{path}", timeout=60.0).json()


@pytest.mark.parametrize("kind", ["json", "peewee", "rust"])
def test_the_same_events_come_from_every_kind_of_file(system: Up, tmp_path: Path, kind: str) -> None:
    """The first one adds them, the others find them there: start, duration and data are equal."""
    path = tmp_path / "source"
    if kind == "json":
        events = [{key: value for key, value in event.to_json().items() if key != "id"} for event in EVENTS]
        write_export(path, WINDOW, *events)
    else:
        with closing(sqlite3.connect(path)) as connection:
            (build_peewee if kind == "peewee" else build_rust)(connection)

    done = ask(system, "import", str(path), "--json")

    (counts,) = json.loads(done.stdout)["buckets"].values()
    assert counts["added"] + counts["unchanged"] == len(EVENTS)
    assert counts["is_new"] == (counts["added"] == len(EVENTS))
    stored = [{**event, "id": None} for event in system.read_events(WINDOW)]
    assert stored == [{**event.to_json(), "id": None} for event in EVENTS]


def test_data_comes_out_as_it_was(system: Up, tmp_path: Path) -> None:
    """To the last digit and character; equal as JSON is, so that 1.0 may come out as 1."""
    event = {"timestamp": "2024-05-01T08:30:00.123456+00:00", "duration": 0.000001, "data": DATA}

    ask(system, "import", str(write_export(tmp_path / "e.json", "exact", event)))

    (stored,) = system.read_events("exact")
    assert {**stored, "id": None} == {**event, "id": None}


def test_an_existing_bucket_is_completed_and_keeps_its_description(system: Up, tmp_path: Path) -> None:
    """What is missing is added, what has grown is extended, what is there stays."""
    first = {"timestamp": "2024-05-01T08:00:00Z", "duration": 5, "data": {"n": 1}}
    ask(system, "import", str(write_export(tmp_path / "1.json", "merged", first)))
    second = {"timestamp": "2024-05-01T09:00:00Z", "duration": 5, "data": {"n": 2}}
    path = write_export(tmp_path / "2.json", "merged", second, {**first, "duration": 9})
    path.write_text(path.read_text().replace("currentwindow", "other"))

    done = ask(system, "import", str(path))

    assert done.stdout == "merged\t1\t1\t0\t0\n"
    assert [event["duration"] for event in system.read_events("merged")] == [5.0, 9.0]
    assert httpx.get(f"{system.url}/buckets/merged").json()["type"] == "currentwindow"


def test_what_can_not_be_stored_is_skipped_and_told(system: Up, tmp_path: Path) -> None:
    """The rest is there; the exit code says that something is not."""
    good = {"timestamp": "2024-05-01T08:00:00Z", "duration": 5, "data": {}}
    bad = {**good, "duration": -5}
    large = {**good, "data": {"text": "x" * 300_000}}

    done = ask(system, "import", str(write_export(tmp_path / "e.json", "partly", good, bad, large)))

    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "partly\t1\t0\t0\t2\n")
    duration, size, error = done.stderr.splitlines()
    assert duration == "skipped in bucket 'partly': duration -5 s is not between 0 and 366 days"
    assert size.startswith(
        "skipped in bucket 'partly': size of the event of 2024-05-01T08:00:00+00:00: payload has 300"
    )
    assert error.endswith("what can not be stored: 1 for the duration, 1 for the size (all the rest is imported)")


def test_a_file_that_breaks_off_is_imported_as_far_as_it_goes(system: Up, tmp_path: Path) -> None:
    """With the place, and what was imported."""
    event = {"timestamp": "2024-05-01T08:00:00Z", "duration": 5, "data": {}}
    path = write_export(tmp_path / "e.json", "cut", event, event)
    path.write_text(path.read_text()[:-20])

    done = ask(system, "import", str(path))

    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "cut\t1\t0\t0\t0\n")
    assert f"is not JSON from byte {path.stat().st_size} on: premature EOF" in done.stderr


def test_what_a_killed_import_left_brings_no_deleted_bucket_back(system: Up, tmp_path: Path) -> None:
    """It would come without its description, and the next import would leave it like that."""
    event = {"timestamp": "2024-05-01T08:00:00Z", "data": {}}
    url = f"{system.url}/buckets/taken back"
    httpx.post(url, json=BUCKET)
    leave_unsent(system, write_export(tmp_path / "1.json", "taken back", event))
    httpx.delete(url, params={"force": "1"}).raise_for_status()
    other = write_export(tmp_path / "2.json", "other", event)

    wait_until(
        lambda: ask(system, "import", str(other)).returncode == 0 and count_unsent(system) == 0,
        timeout_s=30,
        what="sending",
    )

    assert httpx.get(url).status_code == 404


def leave_unsent(system: Up, source: Path) -> None:
    """Begin an import while nothing is confirmed, and kill it once its events are in the outbox."""
    (broker,) = system.find_children("pulseline_broker")
    os.kill(broker, signal.SIGSTOP)
    try:
        with subprocess.Popen(
            [*PULSELINE, "import", str(source), *get_flags(system)],
            env=clean_environment(system.home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            wait_until(lambda: count_unsent(system), timeout_s=30, what="a message in the outbox")
            process.kill()
    finally:
        os.kill(broker, signal.SIGCONT)


def count_unsent(system: Up) -> int:
    """Return how many messages are in the outbox of imports."""
    found = list((system.home / DATA_FOLDER / "client").glob("pulseline-import-*/outbox.db"))
    if not found:
        return 0
    with closing(sqlite3.connect(found[0])) as connection:
        try:
            (count,) = connection.execute("SELECT count(*) FROM message").fetchone()
        except sqlite3.OperationalError:  # it is being made
            return 0
    return int(count)


def test_a_file_that_is_something_else_is_refused_in_one_line(system: Up, tmp_path: Path) -> None:
    """On a terminal, too: nothing of it was imported, and nothing of it can be mended."""
    path = tmp_path / "e.json.gz"
    path.write_bytes(gzip.compress(b'{"buckets": {}}'))

    with Terminal("import", str(path), *get_flags(system), home=system.home) as terminal:
        code = terminal.wait()

    shown = "".join(terminal.lines)
    assert code == ExitCode.USAGE
    assert shown.startswith(f"pulseline: error: file {str(path)!r} is not JSON from byte 0 on: ")
    assert shown.endswith(" (choose a database of ActivityWatch, or an export as JSON that is not compressed)")


def test_one_pulseline_moves_into_another(demo_system: Up, tmp_path: Path) -> None:
    """By an export and by its address; the same is there in the end, and a second run adds nothing."""
    export = tmp_path / "all.json"
    ask(demo_system, "export", "-o", str(export))
    with Up(home=tmp_path) as other:
        by_file = ask(other, "import", str(export))
        moved = read_export(other)
        by_address = ask(other, "import", f"127.0.0.1:{demo_system.http_port}", "--json")

    assert by_file.returncode == 0
    assert moved == json.loads(export.read_text())
    counts = json.loads(by_address.stdout)["buckets"].values()
    assert sum(each["unchanged"] for each in counts) > 0
    assert all(each["added"] == each["extended"] == 0 for each in counts)


def test_a_terminal_shows_progress_and_then_a_table(system: Up, tmp_path: Path) -> None:
    """The bar is gone in the end; nothing is wider than the terminal."""
    events = [
        {"timestamp": f"2024-05-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z", "data": {"n": n}}
        for n in range(10_000)
    ]
    path = write_export(tmp_path / "e.json", f"shown {'x' * 100}", *events)

    terminal = show("import", str(path), *get_flags(system), home=system.home)

    assert "importing" in terminal.text
    assert "10,000 events" in terminal.text
    head, row, *_ = terminal.lines
    assert head.split() == ["BUCKET", "ADDED", "EXTENDED", "UNCHANGED", "SKIPPED"]
    assert row.split()[-4:] == ["10000", "0", "0", "0"]
    assert max(map(len, terminal.lines)) <= COLUMNS


def test_an_empty_export_is_no_error(system: Up, tmp_path: Path) -> None:
    """Nothing to do is done."""
    path = tmp_path / "e.json"
    path.write_text('{"buckets": {}}')

    done = ask(system, "import", str(path))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_source_that_does_not_run_is_told_apart_from_the_server(system: Up) -> None:
    """The hint is about the other one."""
    done = ask(system, "import", "http://127.0.0.1:9")

    assert done.returncode == ExitCode.UNAVAILABLE
    assert "no answer from http://127.0.0.1:9" in done.stderr
    assert "is the server to import from running?" in done.stderr
