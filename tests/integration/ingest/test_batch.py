"""A group on one transaction of a real store: each message in its turn, and one that fails alone."""

from __future__ import annotations

import pytest

from pulseline_ingest.batch import Batcher
from pulseline_ingest.counters import Counters
from pulseline_ingest.effects import Effects
from pulseline_ingest.reading import read_message
from pulseline_ingest.source import Received
from tests.contract.store.samples import MORNING
from tests.integration.ingest.bench import PAYLOAD_RULES, Bench, Break, beat, build_beat
from tests.unit.ingest.samples import number, receive


def apply(bench: Bench, *group: Received) -> Effects:
    """Apply a group, and commit it."""
    batcher = Batcher(PAYLOAD_RULES, bench.rules)
    with bench.store.transaction() as tx:
        return batcher.apply(tx, [read_message(received, PAYLOAD_RULES) for received in group])


def get_watermark(bench: Bench, publisher: str = "outbox", bucket_id: str = "plug") -> int:
    """Return what the store remembers of a sequence."""
    with bench.store.transaction() as tx:
        return tx.get_watermark(publisher, bucket_id)


def test_messages_of_a_group_see_those_before_them(bench: Bench) -> None:
    """Order is kept, whatever the kinds."""
    effects = apply(
        bench,
        receive({"type": "power", "pulsetime": 5}, topic="plug/meta"),
        beat(0),
        beat(5),
        receive({"op": "delete_bucket"}, topic="plug/admin"),
        beat(10),
    )

    assert effects.counters == Counters(applied=5)
    assert bench.read_outline() == [(10, 10, {"on": True})]
    assert bench.reader.read_bucket("plug").type == "unknown"


def test_numbered_messages_are_applied_in_their_turn(bench: Bench) -> None:
    """A gap and what comes twice have no effect."""
    effects = apply(bench, *(receive(number(seq, build_beat(100 * seq))) for seq in (1, 2, 2, 4, 1, 3, 4)))

    assert effects.counters == Counters(applied=4, duplicates=2, ignored=1)
    assert [start for start, _, _ in bench.read_outline()] == [100, 200, 300, 400]
    assert get_watermark(bench) == 4


def test_sequences_of_publishers_and_buckets_are_their_own(bench: Bench) -> None:
    """What one has sent says nothing of another."""
    effects = apply(
        bench,
        receive(number(1, build_beat(100))),
        receive(number(1, build_beat(200), publisher="other"), client_id="other"),
        receive(number(1, build_beat(300)), topic="desk/heartbeat"),
        receive(number(2, build_beat(400)), topic="lamp/heartbeat"),
    )

    assert effects.counters == Counters(applied=3, ignored=1)
    assert [get_watermark(bench, "other"), get_watermark(bench, bucket_id="lamp")] == [1, 0]
    assert bench.reader.read_bucket_ids() == ["desk", "plug"]


def test_kinds_of_messages_for_a_bucket_share_its_sequence(bench: Bench) -> None:
    """A description is a message like any other."""
    effects = apply(
        bench,
        receive(number(1, {"type": "power"}), topic="plug/meta"),
        receive(number(2, build_beat(0)), topic="plug/heartbeat"),
        receive(number(2, build_beat(1)), topic="plug/events"),
        receive(number(3, {"op": "delete_events", "start": "2026-01-01", "end": "x"}), topic="plug/admin"),
        receive(number(4, build_beat(200)), topic="plug/events"),
    )

    assert effects.counters == Counters(applied=3, duplicates=1, dead_letters=1)
    assert get_watermark(bench) == 4


def test_dead_letter_moves_the_watermark(bench: Bench) -> None:
    """It will not be sent again, and those after it have their turn; also one that the store refuses."""
    effects = apply(
        bench,
        receive(number(1, {"data": []})),
        receive(number(2, {"op": "delete_event", "id": 7}), topic="plug/admin"),
        receive(number(1, {"data": []})),
        receive(number(3, build_beat(0))),
    )

    assert effects.counters == Counters(applied=1, duplicates=1, dead_letters=2)
    assert [letter.reason for letter in bench.read_letters()] == [
        "data '[]' is not an object",
        "no bucket 'plug' exists",
    ]
    assert get_watermark(bench) == 3


def test_message_before_its_turn_is_no_dead_letter(bench: Bench) -> None:
    """However broken it is: it comes again."""
    effects = apply(bench, receive(number(2, {"data": []})))

    assert effects.counters == Counters(ignored=1)
    assert bench.read_letters() == []


def test_forged_number_moves_nobody_s_watermark(bench: Bench) -> None:
    """It is a dead letter of its sender."""
    apply(bench, receive(number(1, build_beat(0)), client_id="stranger"))

    assert [letter.client_id for letter in bench.read_letters()] == ["stranger"]
    assert get_watermark(bench) == 0


def test_dead_letter_is_kept_as_it_came(bench: Bench) -> None:
    """Topic, bytes, time and sender; without a known sender it has none."""
    apply(bench, receive(b'{"data":', client_id="device"), receive(b"NaN", client_id=None, topic="a/b/c"))

    first, second = bench.read_letters()
    assert (first.topic, first.payload, first.client_id) == ("pulseline/v1/plug/heartbeat", b'{"data":', "device")
    assert first.received_at == MORNING
    assert (second.topic, second.payload, second.client_id) == ("pulseline/v1/a/b/c", b"NaN", "")


def test_batch_is_applied_whole_or_not_at_all(bench: Bench) -> None:
    """One event that does not fit keeps the others out, and the bucket is not made for them."""
    events = [build_beat(0), build_beat(100), {"timestamp": "yesterday", "data": {}}]

    effects = apply(bench, receive({"events": events}), receive(events[:2], topic="desk/heartbeat"))

    assert effects.counters == Counters(applied=1, dead_letters=1)
    assert bench.reader.read_bucket_ids() == ["desk"]
    assert len(bench.read_outline("desk")) == 2


def test_unexpected_error_comes_out_and_nothing_of_the_group_is_stored(bench: Bench, break_merges: Break) -> None:
    """It is for the worker to try the messages one by one."""
    break_merges(lambda row, event: RuntimeError("a bug") if row.bucket.id == "cursed" else None)

    with pytest.raises(RuntimeError, match="a bug"):
        apply(bench, receive(number(1, build_beat(0))), beat(0, bucket="cursed"))

    assert bench.reader.read_buckets() == []
    assert get_watermark(bench) == 0


def test_message_that_asks_for_nothing_leaves_nothing(bench: Bench) -> None:
    """Neither a bucket nor a dead letter, and it is not counted as received."""
    effects = apply(bench, receive(b"", topic="plug/meta"), receive(b"online", topic="plug/availability"))

    assert effects.counters == Counters(ignored=2)
    assert (bench.reader.read_buckets(), bench.read_letters()) == ([], [])
