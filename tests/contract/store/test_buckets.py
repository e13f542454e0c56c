"""Describing, reading and deleting buckets."""

from __future__ import annotations

from datetime import timedelta

from pulseline_core.bucket import Bucket, BucketDescription
from pulseline_core.store import Reader, Store
from pulseline_core.types import BucketId
from tests.contract.store.samples import BUCKET, MAIL, MINUTE, MORNING, at, beat, collect, get_row, insert, make_event

DESCRIPTION = BucketDescription(
    type="currentwindow",
    client="watcher-window",
    hostname="laptop",
    data={"device_id": "1"},
    pulsetime=timedelta(seconds=5.5),
    created=at(-100),
)


def _describe(store: Store, description: BucketDescription, bucket_id: str = BUCKET) -> Bucket:
    with store.transaction() as tx:
        return tx.describe_bucket(bucket_id, description, now=MORNING, hostname="here", default_client="mqtt-1")


def test_a_bucket_that_nobody_describes_has_defaults(store: Store, reader: Reader) -> None:
    """Of type and host nothing is known."""
    described = _describe(store, BucketDescription())

    assert described == Bucket(
        id=BucketId(BUCKET), type="unknown", client="mqtt-1", hostname="unknown", created=MORNING
    )
    assert reader.read_bucket(BUCKET) == described


def test_a_description_is_kept(store: Store, reader: Reader) -> None:
    """All of it."""
    described = _describe(store, DESCRIPTION)

    assert described == Bucket(
        id=BucketId(BUCKET),
        type="currentwindow",
        client="watcher-window",
        hostname="laptop",
        data={"device_id": "1"},
        pulsetime=timedelta(seconds=5.5),
        created=at(-100),
    )
    assert reader.read_bucket(BUCKET) == described


def test_a_second_description_changes_what_it_names(store: Store, reader: Reader) -> None:
    """The rest stays, the events too."""
    _describe(store, DESCRIPTION)
    insert(store, make_event(0, 10))

    described = _describe(store, BucketDescription(hostname="desktop"))

    assert (described.hostname, described.type, described.pulsetime) == ("desktop", "currentwindow", 5.5 * MINUTE / 60)
    assert described.end == at(10)
    assert reader.read_bucket(BUCKET) == described


def test_the_local_hostname_is_resolved(store: Store) -> None:
    """By whoever stores the bucket."""
    assert _describe(store, BucketDescription(hostname="!local")).hostname == "here"


def test_a_changed_bucket_is_seen_by_the_next_message(store: Store) -> None:
    """What is remembered of it is not the old description."""
    _describe(store, DESCRIPTION)

    with store.transaction() as tx:
        tx.describe_bucket(BUCKET, BucketDescription(pulsetime=MINUTE), now=MORNING, hostname="here")
        assert get_row(tx).bucket.pulsetime == MINUTE

    with store.transaction() as tx:
        assert get_row(tx).bucket.pulsetime == MINUTE


def test_a_bucket_says_where_its_timeline_begins_and_ends(store: Store, reader: Reader) -> None:
    """``last_updated`` is the end of the newest event, ``end`` the latest end of any."""
    insert(store, make_event(0, 100), make_event(10, 20), make_event(50, 2))

    bucket = reader.read_bucket(BUCKET)

    assert (bucket.start, bucket.end, bucket.last_updated) == (at(0), at(100), at(52))


def test_a_bucket_s_end_may_be_that_of_an_event_of_weeks(store: Store, reader: Reader) -> None:
    """Which began long before the newest."""
    insert(store, make_event(0, 30 * 86_400, MAIL), *(make_event(60 * number, 30) for number in range(500)))

    assert reader.read_bucket(BUCKET).end == at(30 * 86_400)


def test_describing_a_bucket_tells_of_heartbeats_in_the_same_transaction(store: Store) -> None:
    """Also those that are still in memory."""
    with store.transaction() as tx:
        row = get_row(tx)
        tx.merge_heartbeat(row, make_event(0), MINUTE)
        tx.merge_heartbeat(row, make_event(30), MINUTE)
        described = tx.describe_bucket(BUCKET, BucketDescription(), now=MORNING, hostname="here")

    assert described.end == at(30)


def test_all_buckets_are_read_by_id(store: Store, reader: Reader) -> None:
    """With where their timelines begin and end; empty ones too."""
    beat(store, make_event(0), make_event(30), bucket_id="b")
    _describe(store, BucketDescription(), "c")
    _describe(store, BucketDescription(), "a")

    assert [(bucket.id, bucket.end) for bucket in reader.read_buckets()] == [("a", None), ("b", at(30)), ("c", None)]
    assert [reader.has_bucket(name) for name in ("a", "z")] == [True, False]


def test_ids_of_any_script_are_kept_apart(store: Store, reader: Reader) -> None:
    """Case, accents and quotes count; composed and decomposed letters are not the same."""
    names = ["Ä", "A\u0308", "ä", "a b", "'; DROP TABLE event; --", "%2F", "\U0001f600"]

    for number, name in enumerate(names):
        insert(store, make_event(number), bucket_id=name)

    assert sorted(bucket.id for bucket in reader.read_buckets()) == sorted(names)
    assert [reader.count_events(name) for name in names] == [1] * len(names)


def test_deleting_a_bucket_takes_its_events_and_data_alone(store: Store, reader: Reader) -> None:
    """The neighbour's stay, and so does the watermark."""
    insert(store, make_event(0), make_event(1, data=MAIL))
    insert(store, make_event(0), bucket_id="neighbour")

    with store.transaction() as tx:
        tx.set_watermark("publisher", BUCKET, 7)
        tx.merge_heartbeat(get_row(tx), make_event(2), MINUTE)
        tx.delete_bucket(get_row(tx))
    collect(store)

    assert [bucket.id for bucket in reader.read_buckets()] == ["neighbour"]
    assert reader.count_events("neighbour") == 1
    with store.transaction() as tx:
        assert tx.get_bucket(BUCKET) is None
        assert tx.get_watermark("publisher", BUCKET) == 7
        assert tx._connection.fetch_all("SELECT json FROM event_data") == [('{"app":"code","title":"main.py"}',)]


def test_a_bucket_can_be_made_again_after_it_was_deleted(store: Store, reader: Reader) -> None:
    """It begins empty, and takes heartbeats (aw-server 0.13.2 answers them with an error)."""
    beat(store, make_event(0))

    with store.transaction() as tx:
        tx.delete_bucket(get_row(tx))
        tx.merge_heartbeat(get_row(tx), make_event(30), MINUTE)

    (event,) = reader.read_events(BUCKET)
    assert event.timestamp == at(30)
