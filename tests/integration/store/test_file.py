"""The file itself: who may read it, what is durable when, who checkpoints, and how large its log becomes."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from pulseline_core.store import open_reader, open_store, sqlite
from tests.contract.store.samples import BUCKET, MAIL, beat, insert, make_event
from tests.integration.store.children import run_child


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def test_only_the_owner_may_read_the_files(path: Path) -> None:
    """The database, its log and its shared memory; and the folder, if it had to be made."""
    with open_store(path) as store:
        insert(store, make_event())
        files = [path, _log(path), path.with_name(path.name + "-shm")]

        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_commit_is_synced_before_it_returns(path: Path, tmp_path: Path) -> None:
    """The log is written, then synced, before the program goes on."""
    trace = tmp_path / "trace"
    program = """
with open_store(path) as store:
    insert(store, make_event())
    os.write(1, b"before")
    beat(store, make_event(10))
    os.write(1, b"after")
"""

    run_child(program, path, prefix=("strace", "-f", "-e", "trace=write,pwrite64,fdatasync,fsync", "-o", str(trace)))

    calls = trace.read_text()
    group = calls[calls.index('"before"') : calls.index('"after"')]
    names = [line.split("(")[0].split()[-1] for line in group.splitlines()[1:-1]]
    assert "pwrite64" in names
    assert names[-1] == "fdatasync"


def test_making_the_file_syncs_its_folder(path: Path, tmp_path: Path) -> None:
    """So that a power cut does not take the name with it."""
    trace = tmp_path / "trace"
    path.parent.mkdir()

    run_child("open_store(path).close()", path, prefix=("strace", "-f", "-y", "-e", "trace=fsync", "-o", str(trace)))

    assert f"<{path.parent}>" in trace.read_text()


def test_closing_brings_the_log_into_the_file(path: Path) -> None:
    """Also while a reader has it open: a copy of the one file is complete."""
    with open_store(path) as store, open_reader(path) as reader:
        beat(store, make_event())
        assert reader.count_events(BUCKET) == 1
        assert _log(path).stat().st_size > 0

        store.close()

        assert _log(path).stat().st_size == 0
        assert reader.count_events(BUCKET) == 1


def test_a_reader_alone_sees_what_a_killed_writer_committed(path: Path) -> None:
    """And leaves file and log as they are: only the writer checkpoints."""
    program = """
store = open_store(path)
for number in range(50):
    insert(store, make_event(number))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run_child(program, path).returncode == -9
    before = path.read_bytes(), _log(path).read_bytes()

    with open_reader(path) as reader:
        assert reader.count_events(BUCKET) == 50

    assert (path.read_bytes(), _log(path).read_bytes()) == before


def test_the_log_starts_anew_at_its_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when readers never all stop reading at once; while one reads, commits go on."""
    monkeypatch.setattr(sqlite, "_MAX_LOG_BYTES", 200_000)
    monkeypatch.setattr(sqlite, "_TIDY_TIMEOUT_MS", 10)
    with open_store(path) as store, open_reader(path) as reader:
        insert(store, make_event())
        with reader._pool.read() as connection:
            connection.fetch_one("SELECT COUNT(*) FROM event")
            for number in range(100):
                insert(store, make_event(number, data={"text": f"{number}" * 1000}))
            assert _log(path).stat().st_size > 200_000

        for number in range(10):
            insert(store, make_event(number, data={"text": f"{number}" * 10_000}))

        assert _log(path).stat().st_size < 200_000
        assert reader.count_events(BUCKET) == 111


def test_the_reader_can_not_write(path: Path) -> None:
    """Whatever statement it is given."""
    with open_store(path), open_reader(path) as reader, pytest.raises(Exception, match="readonly"):  # noqa: SIM117
        with reader._pool.read() as connection:
            connection._driver.execute("DELETE FROM event")


def test_the_file_is_sound_after_use(path: Path) -> None:
    """Every index agrees with its table, every reference leads somewhere."""
    with open_store(path) as store:
        beat(store, *(make_event(number, data=MAIL if number % 7 else {"number": number}) for number in range(200)))

    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()
