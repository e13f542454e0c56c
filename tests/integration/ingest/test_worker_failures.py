"""A message that breaks its group, a store that does not work: nothing is lost, nothing doubled, nobody else harmed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from pulseline_core.errors import DiskFull, NotPermitted, StoreUnavailable, WriteConflict
from pulseline_core.event import Event
from pulseline_core.store import BucketRow, Transaction
from pulseline_ingest.source import Outgoing, Received
from tests.integration.ingest.bench import Bench, Break, beat, build_beat
from tests.integration.ingest.scripted_source import Paused, ScriptedSource, Settled
from tests.unit.ingest.samples import number, read_json, receive

Choose = Callable[[BucketRow, Event], Exception | None]


class Connection:
    """What messages came over."""


def curse(row: BucketRow, event: Event) -> Exception | None:
    """Let every merge into one bucket fail by a bug."""
    return RuntimeError("a bug") if row.bucket.id == "cursed" else None


def fail_once(bucket_id: str, error: Exception) -> Choose:
    """Return what lets the first merge into a bucket fail."""
    errors = [error]
    return lambda row, event: errors.pop() if row.bucket.id == bucket_id and errors else None


def get_groups(source: ScriptedSource) -> list[tuple[int, bool]]:
    """Return how many messages each call settled, and whether as committed."""
    return [(len(entry.messages), entry.committed) for entry in source.log if isinstance(entry, Settled)]


def test_message_that_meets_a_bug_is_a_dead_letter_between_stored_neighbours(bench: Bench, break_merges: Break) -> None:
    """Each is committed by itself then, in the order of receipt, and the letter names the error."""
    break_merges(curse)
    group = [beat(0), beat(0, bucket="cursed"), beat(100), receive(b"NaN"), beat(0, bucket="desk")]

    source = bench.run(group)

    assert source.settled == [(message, True) for message in group]
    assert [start for start, _, _ in bench.read_outline()] == [0, 100]
    assert bench.reader.read_bucket_ids() == ["desk", "plug"]
    cursed, broken = bench.read_letters()
    assert (cursed.topic, cursed.payload) == (group[1].topic, group[1].payload)
    assert cursed.reason == "internal error: RuntimeError: a bug"
    assert broken.payload == b"NaN"
    assert source.get_counters() == {"received": 5, "applied": 3, "duplicates": 0, "dead_letters": 2, "ignored": 0}
    assert source.pauses == []


def test_bug_over_a_message_alone_is_a_dead_letter(bench: Bench, break_merges: Break) -> None:
    """It is not tried more than it has to be, and the next group goes on."""
    tried: list[str] = []

    def note(row: BucketRow, event: Event) -> Exception | None:
        tried.append(row.bucket.id)
        return curse(row, event)

    break_merges(note)

    source = bench.run([beat(0, bucket="cursed")], [beat(1)])

    assert tried == ["cursed", "plug"]
    assert get_groups(source) == [(1, True), (1, True)]
    assert len(bench.read_letters()) == 1


def test_numbered_message_that_meets_a_bug_does_not_stop_its_sequence(bench: Bench, break_merges: Break) -> None:
    """Its watermark moves with its dead letter, its reply is the error, and those behind it have their turn."""
    break_merges(lambda row, event: RuntimeError("a bug") if event.data == {"cursed": True} else None)
    bodies = [build_beat(0), build_beat(1, data={"cursed": True}), build_beat(100)]

    source = bench.run([receive(number(seq, body, reply=True)) for seq, body in enumerate(bodies, start=1)])

    assert [each["seq"] for each in source.get_acknowledgements()] == [1, 2, 3]
    assert source.get_results()[1] == {
        "error": {"type": "PulselineError", "message": "internal error: RuntimeError: a bug"}
    }
    assert [start for start, _, _ in bench.read_outline()] == [0, 100]


def test_batch_that_meets_a_bug_half_way_leaves_nothing(bench: Bench, break_merges: Break) -> None:
    """Its first events are not stored either, and its bucket is not made."""
    break_merges(lambda row, event: RuntimeError("a bug") if event.data == {"n": 2} else None)

    bench.run([receive([build_beat(100 * n, data={"n": n}) for n in range(3)]), beat(0, bucket="desk")])

    assert bench.reader.read_bucket_ids() == ["desk"]
    assert len(bench.read_letters()) == 1


def test_message_whose_dead_letter_meets_a_bug_is_given_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not acknowledged, since nothing is kept of it; its neighbours are, and nobody waits."""

    def fail(*args: object, **kwargs: object) -> int:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Transaction, "add_dead_letter", fail)
    group = [beat(0), receive(b"NaN"), beat(100)]

    source = bench.run(group)

    assert source.settled == [(group[0], True), (group[1], False), (group[2], True)]
    assert len(bench.read_outline()) == 2
    assert source.get_counters()["received"] == 2
    assert source.pauses == []


def test_what_follows_a_message_that_is_given_back_by_itself_is_given_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same group, too: its connection is closed, so all of it comes again, and would be stored twice."""
    monkeypatch.delattr(Transaction, "add_dead_letter")
    closed = Connection()
    group = [receive(b"NaN", connection=closed), beat(0, connection=closed), beat(100, connection=Connection())]

    source = bench.run(group)

    assert source.settled == [(group[0], False), (group[1], False), (group[2], True)]
    assert [start for start, _, _ in bench.read_outline()] == [100]


def test_store_that_is_locked_gets_no_message_acknowledged(bench: Bench, other: sqlite3.Connection) -> None:
    """They are given back, in order and at once; the store is tried again only after a pause."""
    other.execute("BEGIN IMMEDIATE")
    groups = [[receive(number(1, build_beat(0))), receive(b"NaN"), beat(100)], [beat(200)]]

    source = bench.run(*groups)

    log = [entry for entry in source.log if isinstance(entry, Settled | Paused)]
    assert log[::2] == [Settled(tuple(group), committed=False) for group in groups]
    assert [type(entry) for entry in log[1::2]] == [Paused, Paused]
    assert source.get_acknowledgements() == []
    assert source.get_counters()["received"] == 0
    assert bench.read_letters() == []


def test_messages_that_come_again_are_applied_once_when_the_store_works(
    bench: Bench, other: sqlite3.Connection
) -> None:
    """Numbered or not: nothing of the failed attempts is left."""
    other.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []

    def unlock() -> None:
        pauses.append(bench.clock.now)
        if len(pauses) == 3:
            other.execute("ROLLBACK")

    group = [receive(number(1, build_beat(0))), beat(100), receive(number(2, {"data": []})), beat(200)]
    late = beat(300)
    source = bench.run(group, [late], is_resending=True, on_pause=unlock)

    assert source.committed == [*group, late]
    assert [start for start, _, _ in bench.read_outline()] == [0, 100, 200, 300]
    assert len(bench.read_letters()) == 1
    assert source.get_counters() == {"received": 5, "applied": 4, "duplicates": 0, "dead_letters": 1, "ignored": 0}
    assert source.get_acknowledgements() == [{"bucket": "plug", "seq": 2}]


def test_what_follows_a_failed_message_on_its_connection_is_given_back(bench: Bench, break_merges: Break) -> None:
    """Its connection is closed, and all of it comes again in order; other connections are not held up by that."""
    break_merges(fail_once("plug", StoreUnavailable("the disk is ill")))
    closed, other, again = Connection(), Connection(), Connection()
    failed, will = beat(0, connection=closed), beat(400)
    waiting = [beat(100, connection=closed), beat(200, connection=other), beat(300, connection=closed), will]
    late = [beat(350, connection=closed)]
    repeated = [beat(second, connection=again) for second in (0, 100, 300, 350)]

    source = bench.run([failed], waiting, late, repeated)

    assert source.committed == [waiting[1], will, *repeated]
    assert [message for message, committed in source.settled if not committed] == [
        failed,
        waiting[0],
        waiting[2],
        *late,
    ]
    assert source.get_counters() == {"received": 6, "applied": 6, "duplicates": 0, "dead_letters": 0, "ignored": 0}
    assert source.get_reports()[-2]["commit"]["refused"] == 4
    assert len(source.pauses) == 1


def test_publishers_are_told_why_their_messages_are_given_back(bench: Bench, break_merges: Break) -> None:
    """Each that numbers its messages, once, and before its connection is closed."""
    break_merges(fail_once("plug", DiskFull("/data/pulseline.db")))
    group = [
        *(receive(number(seq, build_beat(seq))) for seq in (1, 2)),
        receive(number(1, build_beat(0), publisher="other"), client_id="other", topic="desk/heartbeat"),
        beat(100),
    ]

    source = bench.run(group)

    settled = source.log.index(Settled(tuple(group), committed=False))
    assert [entry.topic for entry in source.log[settled - 2 : settled] if isinstance(entry, Outgoing)] == [
        "pulseline/v1/_ack/outbox",
        "pulseline/v1/_ack/other",
    ]
    [told] = source.get_published("_ack/outbox")
    assert read_json(told) == {"problem": "no space left on the disk of '/data/pulseline.db'"}


@pytest.mark.parametrize(
    "error",
    [StoreUnavailable("the disk is ill"), DiskFull("/data/pulseline.db"), NotPermitted("/data", "read-only")],
    ids=type,
)
def test_store_that_fails_in_the_middle_of_a_group_keeps_none_of_it(
    bench: Bench, break_merges: Break, error: Exception
) -> None:
    """What came before the failure is given back with what came after it, and stored at the second attempt."""
    break_merges(fail_once("desk", error))
    group = [receive(number(1, build_beat(0))), beat(0, bucket="desk"), receive(number(2, build_beat(100)))]

    source = bench.run(group, is_resending=True)

    assert get_groups(source) == [(3, False), (3, True)]
    assert source.get_acknowledgements() == [{"bucket": "plug", "seq": 2}]
    assert source.get_counters()["received"] == 3
    assert [start for start, _, _ in bench.read_outline()] == [0, 100]
    assert source.get_published("_dead") == []


def test_store_that_fails_while_messages_are_tried_one_by_one_keeps_those_before(
    bench: Bench, break_merges: Break
) -> None:
    """What is committed stays so; the rest is given back in order, and stored at the second attempt."""
    disk_is_full = fail_once("desk", DiskFull("/data/pulseline.db"))
    break_merges(lambda row, event: curse(row, event) or disk_is_full(row, event))
    group = [beat(0), beat(0, bucket="cursed"), beat(0, bucket="desk"), beat(100), beat(200)]

    source = bench.run(group, is_resending=True)

    assert source.settled == [
        *((message, True) for message in group[:2]),
        *((message, False) for message in group[2:]),
        *((message, True) for message in group[2:]),
    ]
    assert len(source.pauses) == 1
    assert [start for start, _, _ in bench.read_outline()] == [0, 100, 200]
    assert [letter.topic for letter in bench.read_letters()] == ["pulseline/v1/cursed/heartbeat"]
    assert source.get_counters() == {"received": 5, "applied": 4, "duplicates": 0, "dead_letters": 1, "ignored": 0}


def test_pauses_grow_while_the_store_fails_and_begin_anew_when_it_works(
    bench: Bench, other: sqlite3.Connection
) -> None:
    """From a tenth of a second, doubling, up to five seconds, each spread by chance."""

    def lock() -> list[Received]:
        other.execute("BEGIN IMMEDIATE")
        return [beat(0)]

    def unlock() -> list[Received]:
        other.execute("ROLLBACK")
        return [beat(1)]

    source = bench.run(lock, *([[beat(0)]] * 8), unlock, lock)

    expected = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 0.1]
    assert all(0.8 * most <= pause <= most for pause, most in zip(source.pauses, expected, strict=True))


def test_status_says_why_nothing_can_be_stored(timed_bench: Bench, other: sqlite3.Connection) -> None:
    """Before the worker pauses, and that it works again with the next commit; how long it is until the next report."""
    other.execute("BEGIN IMMEDIATE")

    source = timed_bench.run(
        [beat(0)], [beat(1)], is_resending=True, on_pause=lambda: other.execute("ROLLBACK"), status_interval_s=1e6
    )

    problems = [report["problem"] for report in source.get_reports()[:-1]]
    assert problems[0] is None
    assert "is locked by another program" in problems[1]
    assert problems[2:] == [None]
    place = source.log.index(next(entry for entry in source.log if isinstance(entry, Paused)))
    assert source.get_published("_status/main")[1] in source.log[:place]
    assert source.get_reports()[2]["commit"]["refused"] == 1


def test_error_of_the_source_ends_the_worker(bench: Bench) -> None:
    """Whoever started it ends the process, and what was not settled is sent again."""

    def fail() -> list[Received]:
        raise OSError("the source is broken")

    with pytest.raises(OSError, match="the source is broken"):
        bench.run([beat(0)], fail)

    assert len(bench.read_outline()) == 1


def test_group_that_another_writer_was_in_the_way_of_is_tried_again_at_once(bench: Bench, break_merges: Break) -> None:
    """Nothing is given back, nobody waits, and no problem is told."""
    break_merges(fail_once("plug", WriteConflict("deadlock detected")))

    source = bench.run([beat(0), beat(0, bucket="desk")])

    assert get_groups(source) == [(2, True)]
    assert source.pauses == []
    assert bench.reader.read_bucket_ids() == ["desk", "plug"]


def test_group_that_another_writer_is_always_in_the_way_of_is_given_back(bench: Bench, break_merges: Break) -> None:
    """As when the store does not work."""
    break_merges(lambda row, event: WriteConflict("deadlock detected") if row.bucket.id == "plug" else None)

    source = bench.run([beat(0)])

    assert get_groups(source) == [(1, False)]
    assert len(source.pauses) == 1
