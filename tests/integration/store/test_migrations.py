"""From one version of the schema to the next: backed up, step by step, resumed after a kill, never backwards."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterable
from pathlib import Path

import pytest

from pulseline_core.errors import StoreUnavailable, UnsupportedSchema
from pulseline_core.store import open_reader, open_store
from pulseline_core.store.connection import Connection
from pulseline_core.store.migrations import MIGRATIONS, Migration
from pulseline_core.times import to_us
from tests.contract.store.samples import BUCKET, insert, make_event
from tests.integration.store.children import run_child


def _add_column(number: int) -> Migration:
    def migrate(connection: Connection) -> None:
        connection.change(f"ALTER TABLE event ADD COLUMN extra_{number} INTEGER NOT NULL DEFAULT {number}")
        connection.change(f"UPDATE event SET extra_{number} = id")

    return migrate


#: The version that a database is made with.
NOW = len(MIGRATIONS) + 1

#: A future: three more versions.
STEPS = (*MIGRATIONS, *(_add_column(number) for number in (1, 2, 3)))


def _make(path: Path, steps: Iterable[Migration] = MIGRATIONS) -> str:
    with open_store(path, migrations=tuple(steps)) as store:
        insert(store, *(make_event(number) for number in range(5)))
        return store.epoch


def _query(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def _execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def _get_columns(schema: list[tuple[object, ...]]) -> str:
    [(sql,)] = schema
    return str(sql).replace('"', "").partition("(")[2]


def _get_backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.backup-*"))


def test_a_new_database_has_the_current_version_and_no_backup(path: Path) -> None:
    """There is nothing to lose."""
    _make(path)

    assert _query(path, "PRAGMA user_version") == [(NOW,)]
    assert _get_backups(path) == []


def test_an_older_database_is_brought_up_to_date(path: Path) -> None:
    """Each step runs once, nothing is lost, and it is the same database."""
    epoch = _make(path)

    with open_store(path, migrations=STEPS) as store:
        assert store.epoch == epoch
    open_store(path, migrations=STEPS).close()

    assert _query(path, "PRAGMA user_version") == [(NOW + 3,)]
    assert _query(path, "SELECT id, extra_1, extra_2, extra_3 FROM event") == [(n, n, n, n) for n in range(1, 6)]


def test_a_database_of_version_1_learns_to_note_rewrites(path: Path) -> None:
    """Its events stay, and the new table is like that of a new database."""
    _make(path)
    schema = _query(path, "SELECT sql FROM sqlite_master WHERE name = 'rewrite'")
    _execute(path, "DROP TABLE rewrite", "PRAGMA user_version = 1")

    with open_store(path) as store:
        insert(store, make_event(9))

    assert _query(path, "SELECT COUNT(*) FROM event") == [(6,)]
    assert _query(path, "SELECT bucket, from_us FROM rewrite") == [(1, to_us(make_event(9).timestamp))]
    assert _get_columns(schema) == _get_columns(_query(path, "SELECT sql FROM sqlite_master WHERE name = 'rewrite'"))


def test_each_step_leaves_a_backup_of_what_was_before(path: Path) -> None:
    """For the owner alone; it opens like the database it was."""
    epoch = _make(path)

    open_store(path, migrations=STEPS).close()

    backups = _get_backups(path)
    assert [backup.name.split("-")[1] for backup in backups] == [f"v{NOW}", f"v{NOW + 1}", f"v{NOW + 2}"]
    assert [_query(backup, "PRAGMA user_version") for backup in backups] == [[(NOW,)], [(NOW + 1,)], [(NOW + 2,)]]
    assert {stat.S_IMODE(backup.stat().st_mode) for backup in backups} == {0o600}
    with open_store(backups[0]) as store, open_reader(backups[0]) as reader:
        assert store.epoch == epoch
        assert reader.count_events(BUCKET) == 5


def test_a_newer_database_is_refused_and_not_touched(path: Path) -> None:
    """By the writer and by readers."""
    _make(path, STEPS)
    before = path.read_bytes()

    with pytest.raises(
        UnsupportedSchema, match=f"has schema version {NOW + 3}, this pulseline knows versions up to {NOW}"
    ):
        open_store(path)
    with open_reader(path) as reader, pytest.raises(UnsupportedSchema):
        reader.read_buckets()

    assert path.read_bytes() == before


def test_a_reader_waits_for_the_writer_to_migrate(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can not do it itself, and does not read what it does not know."""
    _make(path)
    monkeypatch.setattr("pulseline_core.store.migrations.check_current.__defaults__", (STEPS,))

    with open_reader(path) as reader, pytest.raises(StoreUnavailable, match=f"waits to be brought to {NOW + 3}"):
        reader.check()


def test_a_step_that_fails_changes_nothing(path: Path) -> None:
    """Those before it stay done."""
    _make(path)

    def fail(connection: Connection) -> None:
        _add_column(9)(connection)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        open_store(path, migrations=(*STEPS[:NOW], fail))

    assert _query(path, "PRAGMA user_version") == [(NOW + 1,)]
    assert "extra_9" not in str(_query(path, "SELECT sql FROM sqlite_master"))


#: Kills itself at the point that its argument names: "<where>-<step>".
_KILLED = """
from pulseline_core.store import sqlite
from tests.integration.store.test_migrations import STEPS
where, number = sys.argv[2].split("-")
at = {"backup": 0, "begin": 0, "middle": 0, "end": 0}

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def watch(point, call):
    def watched(*arguments):
        at[point] += 1
        if at[point] == int(number) and where == point:
            if point == "middle":
                call(*arguments)
            die()
        return call(*arguments)
    return watched

sqlite._sync = watch("backup", sqlite._sync)
sqlite.SqliteBackend.back_up = watch("begin", sqlite.SqliteBackend.back_up)
steps = tuple(watch("middle", step) for step in STEPS)
sqlite.SqliteBackend.write_version = watch("end", sqlite.SqliteBackend.write_version)
open_store(path, migrations=steps)
"""


@pytest.mark.parametrize("where", ["backup", "begin", "middle", "end"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_migration_that_is_killed_goes_on_at_the_next_start(path: Path, where: str, step: int) -> None:
    """Before, within and after a backup, and within a step's transaction; every step is done once."""
    epoch = _make(path)

    assert run_child(_KILLED, path, f"{where}-{step}").returncode == -9
    assert _query(path, "PRAGMA user_version") == [(NOW - 1 + step,)]
    with open_store(path, migrations=STEPS) as store:
        assert store.epoch == epoch

    assert _query(path, "PRAGMA user_version") == [(NOW + 3,)]
    assert _query(path, "PRAGMA integrity_check") == [("ok",)]
    assert _query(path, "SELECT id, extra_1, extra_2, extra_3 FROM event") == [(n, n, n, n) for n in range(1, 6)]
    assert all(_query(backup, "PRAGMA integrity_check") == [("ok",)] for backup in _get_backups(path))


def test_a_database_that_was_killed_while_it_was_made_is_made_again(path: Path) -> None:
    """The schema is there as a whole or not at all."""
    program = """
from pulseline_core.store import sqlite
sqlite.SqliteBackend.write_version = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
open_store(path)
"""
    assert run_child(program, path).returncode == -9
    with open_reader(path) as reader, pytest.raises(StoreUnavailable, match="is empty"):
        reader.check()

    _make(path)

    assert _query(path, "SELECT COUNT(*) FROM event") == [(5,)]
