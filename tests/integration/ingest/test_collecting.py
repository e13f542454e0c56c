"""The worker removes the rows of what is deleted: when it has time, a few at a time, never in a message's way."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pytest

from pulseline_ingest import worker
from pulseline_ingest.source import Received
from tests.contract.store.samples import insert, make_event
from tests.integration.ingest.bench import Bench, beat
from tests.integration.ingest.scripted_source import Group
from tests.unit.ingest.samples import receive

#: Long enough for whatever a test waits for, seldom enough not to shorten a wait.
SELDOM_S = 1_000_000.0

SLICE = worker._COLLECTED_EVENTS
COUNT = 3 * SLICE + 1

DELETE_BUCKET = receive({"op": "delete_bucket"}, topic="plug/admin")
DELETE_EVENTS = receive(
    {"op": "delete_events", "start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}, topic="plug/admin"
)


def fill(bench: Bench) -> None:
    """Give the bench a bucket of more events than are removed at once."""
    insert(bench.store, *(make_event(number, data={"number": number}) for number in range(COUNT)), bucket_id="plug")


class Rows:
    """Groups that note how many events the database holds when the worker asks for them, deleted ones too."""

    def __init__(self, other: sqlite3.Connection) -> None:
        self.counts: list[int] = []
        self._other = other

    def note(self, *messages: Received) -> Sequence[Received]:
        """Note it, and hand out messages."""
        self.counts.append(self._other.execute("SELECT COUNT(*) FROM event").fetchone()[0])
        return messages


@pytest.mark.parametrize("deletion", [DELETE_BUCKET, DELETE_EVENTS], ids=["bucket", "range"])
def test_deleted_rows_are_removed_while_no_message_waits(
    timed_bench: Bench, other: sqlite3.Connection, deletion: Received
) -> None:
    """A few between two looks for messages, and the worker does not wait before they are gone."""
    fill(timed_bench)
    rows = Rows(other)

    timed_bench.run([deletion], *([rows.note] * 5), status_interval_s=SELDOM_S, state_interval_s=SELDOM_S)

    assert rows.counts == [COUNT - SLICE, COUNT - 2 * SLICE, 1, 0, 0]
    assert timed_bench.clock.now == 1000.0 + SELDOM_S


def test_deleted_rows_are_removed_though_messages_always_wait(bench: Bench, other: sqlite3.Connection) -> None:
    """A few after each group, whose messages do not wait for more."""
    fill(bench)
    rows = Rows(other)
    groups: list[Group] = [[DELETE_BUCKET], *(lambda n=n: rows.note(beat(n, bucket="desk")) for n in range(3))]

    source = bench.run(*groups)

    assert len(source.committed) == 4
    assert rows.counts == [COUNT - SLICE, 1 + COUNT - 2 * SLICE, 1 + 1]


def test_end_does_not_wait_for_deleted_rows(bench: Bench, other: sqlite3.Connection) -> None:
    """They are removed after the next start, though nothing is deleted then."""
    fill(bench)
    rows = Rows(other)

    bench.run([DELETE_BUCKET])
    rows.note()
    bench.run(*([[]] * 4))
    rows.note()

    assert rows.counts == [COUNT - SLICE, 0]


def test_deleted_rows_are_left_alone_for_a_while_when_they_can_not_be_removed(
    timed_bench: Bench, other: sqlite3.Connection
) -> None:
    """The worker waits for messages meanwhile, which can be stored for all it knows, and goes on by itself."""
    fill(timed_bench)
    rows = Rows(other)

    def lock() -> Sequence[Received]:
        other.execute("BEGIN IMMEDIATE")
        return ()

    def unlock() -> Sequence[Received]:
        other.execute("ROLLBACK")
        return ()

    pauses = [rows.note] * round(worker._COLLECT_PAUSE_S)
    script: list[Group] = [[DELETE_BUCKET], lock, unlock, *pauses, *([rows.note] * 4)]
    source = timed_bench.run(*script, status_interval_s=1.0, state_interval_s=SELDOM_S)

    assert rows.counts == [*([COUNT - SLICE] * (len(pauses) - 1)), COUNT - 2 * SLICE, 1, 0, 0, 0]
    assert {report["problem"] for report in source.get_reports() if "problem" in report} == {None}
    assert source.pauses == []


def test_deleted_rows_are_left_alone_while_messages_can_not_be_stored(
    timed_bench: Bench, other: sqlite3.Connection
) -> None:
    """It is tried with what is to be stored, and goes on when that works."""
    fill(timed_bench)
    rows = Rows(other)

    def lock() -> Sequence[Received]:
        other.execute("BEGIN IMMEDIATE")
        return [beat(0, bucket="desk")]

    def unlock() -> Sequence[Received]:
        assert timed_bench.clock.now >= 1000.0 + SELDOM_S, "the worker did not wait"
        other.execute("ROLLBACK")
        return rows.note(beat(0, bucket="desk"))

    script: list[Group] = [[DELETE_BUCKET], lock, rows.note, unlock, *([rows.note] * 4)]
    source = timed_bench.run(*script, status_interval_s=SELDOM_S, state_interval_s=SELDOM_S)

    assert rows.counts == [*([COUNT - SLICE] * 2), 1 + COUNT - 2 * SLICE, 1 + 1, 1, 1]
    first, second, *_, last, _ = source.get_reports()
    assert [report["problem"] is None for report in (first, second, last)] == [True, False, True]
