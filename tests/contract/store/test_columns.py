"""What the column reader takes from memory is what it would read: after any changes, from any writer, at any time."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.errors import NotFound
from pulseline_core.event import Event
from pulseline_core.merge import Span
from pulseline_core.store import BucketRow, Reader, Store, Transaction
from pulseline_core.store.column_reader import ColumnReader
from pulseline_core.store.event_rows import MAX_US, MIN_US
from pulseline_core.store.rewrites import KEPT_REWRITES
from pulseline_core.times import from_us, to_us
from pulseline_core.types import JSONObject
from tests.contract.store.samples import BUCKET, Place, at, beat, get_row, insert, make_event
from tests.contract.store.test_merge_property import CHANGES, EVENTS, MANY, Change, Model

Row = tuple[int | None, int, int, JSONObject]

#: Ranges of the few microseconds in which the events of the property tests lie.
RANGES = st.lists(st.tuples(st.integers(-5, 80), st.integers(0, 80)), min_size=1, max_size=4)


@pytest.fixture
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks eight microseconds long, so that a few events fill many."""
    monkeypatch.setattr("pulseline_core.store.column_cache._BLOCK_BITS", 3)


def read_columns(columns: ColumnReader, first_us: int = MIN_US, last_us: int = MAX_US) -> Sequence[Row]:
    """Return the events of the test's bucket as the column reader gives them, newest first."""
    with columns.open_snapshot() as snapshot:
        events = snapshot.read_events(BUCKET, first_us, last_us)
        rows = zip(events.ids.tolist(), events.start.tolist(), events.end.tolist(), events.data.tolist(), strict=True)
        return [(event_id, start, end, snapshot.pool.get(code)) for event_id, start, end, code in rows][::-1]


def read_rows(reader: Reader, first_us: int = MIN_US, last_us: int = MAX_US) -> Sequence[Row]:
    """Return what the ordinary reader gives."""
    start = None if first_us == MIN_US else from_us(first_us)
    end = None if last_us == MAX_US else from_us(last_us)
    events = reader.read_events(BUCKET, start=start, end=end)
    return [(event.id, to_us(event.timestamp), to_us(event.end), event.data) for event in events]


def _import(event: Event) -> Change:
    def apply(tx: Transaction, row: BucketRow, _: Model) -> None:
        tx.import_events(row, [(event, 1)])

    return apply


#: Groups of changes; what they do to a model of the timeline is none of this test's concern.
GROUPS = st.lists(st.lists(st.one_of(CHANGES, st.builds(_import, EVENTS)), max_size=6), max_size=6)


@MANY
@pytest.mark.usefixtures("short_blocks")
@given(groups=GROUPS, ranges=RANGES)
def test_any_changes_are_seen(
    make_place: Callable[[Path], Place], groups: list[list[Change]], ranges: list[tuple[int, int]]
) -> None:
    """After each group, whatever was read and kept before."""
    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder))
        with place.open_store() as store, place.open_reader() as reader, place.open_columns() as columns:
            with store.transaction() as tx:
                get_row(tx)
            for changes in groups:
                with store.transaction() as tx:
                    for change in changes:
                        change(tx, get_row(tx), _read_model(tx))
                for first_us, length_us in [*ranges, (MIN_US, MAX_US - MIN_US)]:
                    last_us = first_us + length_us
                    assert read_columns(columns, first_us, last_us) == read_rows(reader, first_us, last_us)


def _read_model(tx: Transaction) -> Model:
    """Return the timeline as it is within a transaction: what the changes expect to be given."""
    tx._timelines.settle(tx._timelines.get(get_row(tx).key))
    rows = tx._connection.fetch_all(
        "SELECT start_us, end_us, json, e.id FROM event e JOIN event_data d ON d.id = data_id"
        " WHERE bucket_id = ? ORDER BY start_us, e.id",
        (get_row(tx).key,),
    )
    return [(Span(start, end, text), event_id) for start, end, text, event_id in rows]


@pytest.mark.usefixtures("short_blocks")
def test_nothing_stale_is_read_while_a_writer_writes(place: Place) -> None:
    """In each snapshot, what comes from memory equals the rows of that same state."""
    done = threading.Event()

    def write() -> None:
        chance = Random(7)
        with place.open_store() as store:
            for number in range(400):
                with store.transaction() as tx:
                    _change_somehow(tx, number, chance)
        done.set()

    with place.open_store() as store:
        insert(store, make_event(0))
    writer = threading.Thread(target=write)
    writer.start()
    snapshots = 0
    with place.open_columns() as columns:
        while not done.is_set():
            with columns.open_snapshot() as snapshot:
                events = snapshot.read_events(BUCKET, MIN_US, MAX_US)
                rows = snapshot._connection.fetch_all(
                    "SELECT id, start_us, end_us FROM event WHERE bucket_id = ? ORDER BY start_us, id", (1,)
                )
            assert list(zip(events.ids.tolist(), events.start.tolist(), events.end.tolist(), strict=True)) == rows
            snapshots += 1
    writer.join()

    assert snapshots > 20


def _change_somehow(tx: Transaction, number: int, chance: Random) -> None:
    row = get_row(tx)
    event = make_event(number / 1e6 * 5, chance.randrange(9) / 1e6, {"on": chance.randrange(3)})
    match chance.randrange(10):
        case 0:
            tx.insert_events(row, [make_event(chance.randrange(number + 1) / 1e6)])
        case 1:
            tx.delete_events(row, event.timestamp - timedelta(microseconds=20), event.timestamp)
        case 2:
            tx.merge_heartbeat(row, make_event(chance.randrange(number + 1) / 1e6), timedelta(microseconds=3))
        case _:
            tx.merge_heartbeat(row, event, timedelta(microseconds=3))


def test_an_event_that_a_heartbeat_absorbs_is_gone(place: Place, store: Store) -> None:
    """Also where the heartbeat leaves the event before it as it was."""
    insert(store, make_event(0, 10), make_event(8, 1), make_event(3600))
    with place.open_columns() as columns:
        assert len(read_columns(columns)) == 3

        beat(store, make_event(2, 3))

        assert [row[1:3] for row in read_columns(columns)][1:] == [(to_us(at(0)), to_us(at(10)))]


def test_what_is_kept_is_not_read_again(place: Place, store: Store) -> None:
    """Only what may have grown behind the newest event."""
    insert(store, *(make_event(number * 3600) for number in range(100)))
    with place.open_columns() as columns:
        read_columns(columns)
        with store.transaction() as tx:  # out of the readers' sight: nobody ever changes rows so
            tx._connection.change("UPDATE event SET end_us = end_us + 1 WHERE id IN (1, 100)")

        rows = read_columns(columns)

    assert [row[0] for row in rows if row[2] != row[1]] == [100]


def test_decades_without_events_cost_nothing(place: Place, store: Store) -> None:
    """A device begins in 1970 until somebody tells it the time."""
    insert(store, make_event(0), make_event(10), Event(timestamp=from_us(1), duration=timedelta(0), data={}))
    with place.open_columns() as columns:
        rows = read_columns(columns)

        assert [row[1] for row in rows] == [to_us(make_event(10).timestamp), to_us(make_event(0).timestamp), 1]
        assert columns._cache.size_bytes < 5_000


def test_a_reader_that_missed_too_much_forgets_everything(place: Place, store: Store) -> None:
    """The writer keeps the latest notes only."""
    insert(store, *(make_event(number * 3600) for number in range(100)))
    with place.open_columns() as columns:
        read_columns(columns)
        with store.transaction() as tx:
            tx._connection.change("UPDATE event SET end_us = end_us + 1 WHERE id = 1")
            missed = [(0, MAX_US)] * (KEPT_REWRITES + 1)
            tx._connection.change_many("INSERT INTO rewrite (bucket, from_us) VALUES (?, ?)", missed)
            tx._timelines.note_rewrite(tx._timelines.get(get_row(tx).key), MAX_US)

        rows = read_columns(columns)

    assert rows[-1][2] != rows[-1][1]


def test_a_reader_that_knew_no_note_and_missed_the_first_forgets_everything(place: Place) -> None:
    """A database in which nothing but newest events ever changed has none."""
    with place.open_store() as store, place.open_columns() as columns:
        beat(store, *(make_event(number * 3600) for number in range(100)))
        read_columns(columns)
        with store.transaction() as tx:
            tx._connection.change("UPDATE event SET end_us = end_us + 1 WHERE id = 1")
            missed = [(0, MAX_US)] * KEPT_REWRITES
            tx._connection.change_many("INSERT INTO rewrite (bucket, from_us) VALUES (?, ?)", missed)
            tx._timelines.note_rewrite(tx._timelines.get(get_row(tx).key), MAX_US)

        rows = read_columns(columns)

    assert rows[-1][2] != rows[-1][1]


def test_a_bucket_that_was_made_anew_is_another_one(place: Place, store: Store) -> None:
    """Nothing of the deleted one is seen."""
    insert(store, *(make_event(number * 3600) for number in range(50)))
    with place.open_columns() as columns:
        assert len(read_columns(columns)) == 50
        with store.transaction() as tx:
            tx.delete_bucket(get_row(tx))
        with pytest.raises(NotFound):
            read_columns(columns)

        insert(store, make_event(7))

        assert [row[1:3] for row in read_columns(columns)] == [(to_us(make_event(7).timestamp),) * 2]


def test_another_database_in_the_place_is_noticed(place: Place) -> None:
    """Its rows have the same numbers."""
    with place.open_store() as store:
        insert(store, make_event(0), make_event(1))
    with place.open_columns() as columns:
        assert len(read_columns(columns)) == 2
        place.remove()
        with place.open_store() as store:
            insert(store, make_event(5), make_event(6), make_event(7))

        assert len(read_columns(columns)) == 3


def test_memory_is_bounded(place: Place, store: Store) -> None:
    """Blocks that were not used for longest go, and come again when they are wanted."""
    insert(store, *(make_event(number * 3600, data={"title": f"page {number}"}) for number in range(2000)))
    with place.open_columns(cache_bytes=40_000) as columns:
        first = read_columns(columns)
        kept_bytes = columns._cache.size_bytes

        assert read_columns(columns) == first
        assert 0 < kept_bytes <= 20_000


def test_buckets_come_in_the_order_in_which_they_were_made(place: Place, store: Store) -> None:
    """With their hostnames."""
    for bucket_id in ("b", "c", "a"):
        insert(store, make_event(0), bucket_id=bucket_id)

    with place.open_columns() as columns, columns.open_snapshot() as snapshot:
        assert snapshot.read_buckets() == [("b", "unknown"), ("c", "unknown"), ("a", "unknown")]
        assert snapshot.count_events("a", MIN_US, MAX_US) == 1
