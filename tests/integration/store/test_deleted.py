"""Killed while the rows of a deleted bucket are removed: the file is sound, and the next run removes the rest."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pulseline_core.store import open_reader, open_store
from tests.contract.store.samples import collect
from tests.integration.store.children import run_child

#: Deletes one of two buckets that share some data, removes ten events at a time, and kills itself.
_KILLED = """
where, slices = sys.argv[2], int(sys.argv[3])
store = open_store(path)
insert(store, *(make_event(number, data={"number": number % 80}) for number in range(100)))
insert(store, *(make_event(number, data={"number": number}) for number in range(70, 90)), bucket_id="neighbour")
with store.transaction() as tx:
    tx.delete_bucket(get_row(tx))
for _ in range(slices):
    with store.transaction() as tx:
        tx.collect(10)
with store.transaction() as tx:
    if where == "within":
        tx.collect(10)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("slices", [0, 1, 5, 9])
@pytest.mark.parametrize("where", ["between", "within"])
def test_what_a_kill_leaves_is_removed_after_the_next_start(path: Path, where: str, slices: int) -> None:
    """Before, within and after any transaction that removes; the neighbour's events and data stay."""
    assert run_child(_KILLED, path, where, str(slices)).returncode == -9

    with open_store(path) as store, open_reader(path) as reader:
        assert [bucket.id for bucket in reader.read_buckets()] == ["neighbour"]
        collect(store, limit=10)
        assert [event.data["number"] for event in reader.read_events("neighbour")] == list(range(89, 69, -1))

    with closing(sqlite3.connect(path)) as connection:
        counts = [
            connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
            for table in ("bucket", "event", "event_data")
        ]
        assert counts == [1, 20, 20]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
