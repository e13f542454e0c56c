"""Every kind of database takes the same texts, numbers and instants, and gives them back as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.store import Reader, Store
from pulseline_core.types import JSONValue
from tests.contract.store.samples import BUCKET, MORNING, get_row, insert, make_event

TEXTS = [
    "",
    " ",
    "\u0001\u001f\u007f\t\r\n",
    "'; DROP TABLE event; --",
    "%s %(name)s %% ? $1 :name",
    '{"a", \\, NULL}',
    "\\x00 \\u0000",
    "\u00e9 e\u0301 \u202e\u200b \ufffd \uffff",
    "\U0001f600 \U0010ffff",
    "a" * 100_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_text_comes_back_as_it_was(store: Store, reader: Reader, text: str) -> None:
    """As data, as a key of data, of a bucket, of a setting and of a dead letter."""
    description = BucketDescription(type=text, client=text, hostname=text, data={text: text})
    with store.transaction() as tx:
        tx.describe_bucket(BUCKET, description, now=MORNING, hostname="host")
        tx.merge_heartbeat(get_row(tx), make_event(0, data={text: [text]}), timedelta())
        tx.set_setting("key", {text: text})
        tx.set_watermark(text, BUCKET, 7)
        tx.add_dead_letter(text, text.encode(), reason=text, received_at=MORNING, client_id=text)

    bucket, [event], [letter] = reader.read_bucket(BUCKET), reader.read_events(BUCKET), reader.read_dead_letters()
    assert (bucket.type, bucket.client, bucket.hostname, bucket.data) == (text, text, text, {text: text})
    assert event.data == {text: [text]}
    assert reader.read_setting("key") == {text: text}
    assert (letter.topic, letter.payload, letter.reason, letter.client_id) == (text, text.encode(), text, text)
    with store.transaction() as tx:
        tx.expect({BUCKET}, {(text, BUCKET)})
        assert tx.get_watermark(text, BUCKET) == 7


@pytest.mark.parametrize("name", [text for text in TEXTS if text >= " " and len(text) < 1000], ids=ascii)
def test_a_bucket_has_any_name(store: Store, reader: Reader, name: str) -> None:
    """It is found by it, also among those that a group expects."""
    insert(store, make_event(0), bucket_id=name)
    with store.transaction() as tx:
        tx.expect({name}, set())
        tx.merge_heartbeat(get_row(tx, name), make_event(5), timedelta(minutes=1))

    assert len(reader.read_events(name)) == 1


@pytest.mark.parametrize(
    "value",
    [2**63 - 1, -(2**63), 2**53 + 1, 0.1, 1e308, 5e-324, True, None, [], {}, [[[]]]],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(store: Store, reader: Reader, value: JSONValue) -> None:
    """Of the same type."""
    insert(store, make_event(0, data={"value": value}))

    [event] = reader.read_events(BUCKET)
    assert repr(event.data["value"]) == repr(value)


@pytest.mark.parametrize(
    "instant",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 11, 23, 10, 0, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
    ids=str,
)
def test_an_instant_comes_back_as_it_was(store: Store, reader: Reader, instant: datetime) -> None:
    """To the microsecond, from the first to the last."""
    insert(store, Event(timestamp=instant, duration=timedelta(), data={}))

    [event] = reader.read_events(BUCKET)
    assert event.timestamp == instant
    assert [found.timestamp for found in reader.read_events(BUCKET, start=instant, end=instant)] == [instant]
