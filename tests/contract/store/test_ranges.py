"""Which events a range of time holds, cut to it or whole, counted, limited and streamed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseline_core.errors import Misuse, NotFound
from pulseline_core.event import Event
from pulseline_core.store import Reader, Store
from pulseline_core.store.event_rows import iter_events
from pulseline_core.store.reader import PAGE_CHARACTERS
from pulseline_core.times import to_us
from tests.contract.store.samples import (
    BUCKET,
    MAIL,
    WORK,
    Place,
    at,
    beat,
    get_row,
    insert,
    make_event,
    outline,
    stream_events,
)

HOUR = 3600
DAY = 24 * HOUR

#: Lengths on both sides of what the store takes for a long event.
LENGTHS = st.sampled_from([0, 1, 30, HOUR - 1, HOUR, HOUR + 1, 5 * HOUR, 40 * DAY])
STARTS = st.integers(0, 30).map(lambda half_hours: half_hours * 1800)


def test_a_range_holds_what_touches_it(store: Store, reader: Reader) -> None:
    """Both ends of an event and of the range belong to them."""
    insert(store, make_event(0, 10), make_event(10, 10), make_event(20, 10), make_event(30, 10), make_event(31))

    found = reader.read_events(BUCKET, start=at(20), end=at(30), clip=False)

    assert outline(found) == [(30, 40, WORK), (20, 30, WORK), (10, 20, WORK)]


def test_events_are_cut_to_the_range(store: Store, reader: Reader) -> None:
    """Start, end and duration change; id and data do not."""
    (event,) = insert(store, make_event(0, 100))

    (clipped,) = reader.read_events(BUCKET, start=at(10), end=at(30))

    assert outline([clipped]) == [(10, 30, WORK)]
    assert clipped.id == event.id


def test_a_range_may_have_one_end(store: Store, reader: Reader) -> None:
    """Or none."""
    insert(store, make_event(0, 10), make_event(20, 10))

    assert outline(reader.read_events(BUCKET, start=at(25))) == [(25, 30, WORK)]
    assert outline(reader.read_events(BUCKET, end=at(5))) == [(0, 5, WORK)]
    assert outline(reader.read_events(BUCKET)) == [(20, 30, WORK), (0, 10, WORK)]


def test_a_range_that_ends_before_it_begins_is_empty(store: Store, reader: Reader) -> None:
    """Also where an event covers both ends."""
    insert(store, make_event(0, 100))

    assert reader.read_events(BUCKET, start=at(50), end=at(40)) == []
    assert reader.count_events(BUCKET, start=at(50), end=at(40)) == 0
    assert list(stream_events(reader, start=at(50), end=at(40))) == []


def test_events_longer_than_a_day_are_found(store: Store, reader: Reader) -> None:
    """However long, and however they came to be so long."""
    insert(store, make_event(0, 300 * DAY, MAIL))
    beat(store, make_event(60), make_event(40 * DAY), pulsetime=timedelta(days=50), bucket_id="grown")
    with store.transaction() as tx:
        (short,) = tx.insert_events(get_row(tx, "edited"), [make_event(0)])
        tx.replace_event(get_row(tx, "edited"), make_event(0, 100 * DAY, WORK, short.id))

    start, end = at(30 * DAY), at(30 * DAY + HOUR)

    for bucket_id in (BUCKET, "grown", "edited"):
        (found,) = reader.read_events(bucket_id, start=start, end=end)
        assert (found.timestamp, found.end) == (start, end)
        assert reader.count_events(bucket_id, start=start, end=end) == 1


def test_events_come_newest_first_by_start_and_id(store: Store, reader: Reader) -> None:
    """Those that begin together by the order they came in."""
    first, second, third = insert(store, make_event(0, 5), make_event(0, 1), make_event(-1, 100))

    assert [event.id for event in reader.read_events(BUCKET)] == [second.id, first.id, third.id]


def test_a_limit_takes_the_newest(store: Store, reader: Reader) -> None:
    """Also where it ends among those that only reach into the range."""
    insert(store, make_event(-9 * HOUR, 10 * HOUR), make_event(-10, 20), make_event(-5, 20), make_event(1))

    for limit in range(6):
        found = reader.read_events(BUCKET, start=at(0), limit=limit, clip=False)
        assert [event[0] for event in outline(found)] == [1, -5, -10, -9 * HOUR][:limit]


def test_a_negative_limit_is_a_bug_of_the_caller(reader: Reader) -> None:
    """All is ``None``."""
    with pytest.raises(Misuse):
        reader.read_events(BUCKET, limit=-1)


@pytest.mark.parametrize(
    "read",
    [
        lambda reader: reader.read_events("none"),
        lambda reader: reader.iter_event_pages("none"),
        lambda reader: reader.open_event_rows("none").__enter__(),
        lambda reader: reader.read_event("none", 1),
        lambda reader: reader.count_events("none"),
        lambda reader: reader.read_bucket("none"),
    ],
    ids=[
        "read_events",
        "iter_event_pages",
        "open_event_rows",
        "read_event",
        "count_events",
        "read_bucket",
    ],
)
def test_reading_a_bucket_that_does_not_exist_says_so(reader: Reader, read: Callable[[Reader], object]) -> None:
    """At the call, also where an iterator is asked for."""
    with pytest.raises(NotFound, match="no bucket 'none' exists"):
        read(reader)


def test_the_newest_event_is_the_last_by_start(store: Store, reader: Reader) -> None:
    """Not the one that ends last; ``None`` in an empty bucket."""
    with store.transaction() as tx:
        get_row(tx)
    assert reader.read_newest(BUCKET) is reader.read_newest("none") is None

    _, newest = insert(store, make_event(0, 100), make_event(1, 1))

    assert reader.read_newest(BUCKET) == newest


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_a_stream_gives_every_event_once(store: Store, reader: Reader, page: int) -> None:
    """Newest first, whatever the size of its pages, also where several begin together."""
    inserted = insert(store, *(make_event(number // 3) for number in range(12)))

    streamed = list(stream_events(reader, page=page))

    assert [event.id for event in streamed] == [event.id for event in reversed(inserted)]


def test_a_stream_goes_on_while_events_come_and_go(store: Store, reader: Reader) -> None:
    """What is there all the time comes once, whatever else changes between its pages."""
    inserted = insert(store, *(make_event(10 * number) for number in range(10)))
    stream = stream_events(reader, page=2)
    first = list(islice(stream, 3))

    with store.transaction() as tx:
        tx.delete_event(get_row(tx), inserted[5].id or 0)
        tx.insert_events(get_row(tx), [make_event(1000), make_event(15)])
    rest = list(stream)

    starts = [event[0] for event in outline([*first, *rest])]
    assert starts == [90, 80, 70, 60, 40, 30, 20, 15, 10, 0]


def test_a_row_is_numbers_and_the_text_of_the_data(store: Store, reader: Reader) -> None:
    """Microseconds since 1970; equal data has one number and one text, however it was written."""
    insert(store, make_event(0, 1.5, {"b": 1.0, "a": "ä\n"}), make_event(1, 0, {"a": "ä\n", "b": 1}))

    with reader.open_event_rows(BUCKET) as rows:
        (*_, other_id, _), (_, start_us, end_us, data_id, text) = rows

    assert (start_us, end_us) == (to_us(at(0)), to_us(at(1.5)))
    assert text == '{"a":"ä\\n","b":1}'
    assert data_id == other_id


def test_a_page_of_large_events_ends_early(store: Store, reader: Reader) -> None:
    """So that pages stay small in memory; no event is missing."""
    texts = [f"{number}{'x' * (PAGE_CHARACTERS // 2)}" for number in range(5)]
    insert(store, *(make_event(number, data={"text": text}) for number, text in enumerate(texts)))

    pages = list(reader.iter_event_pages(BUCKET))

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [event.data["text"] for page in pages for event in iter_events(page)] == texts[::-1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(st.builds(make_event, STARTS, LENGTHS), max_size=12),
    start=st.none() | STARTS.map(at),
    end=st.none() | STARTS.map(at),
    limit=st.none() | st.integers(0, 5),
    page=st.integers(1, 5),
)
def test_every_way_to_read_a_range_agrees_with_the_rule(
    make_place: Callable[[Path], Place],
    events: list[Event],
    start: datetime | None,
    end: datetime | None,
    limit: int | None,
    page: int,
) -> None:
    """``start <= event.end and event.start <= end``, newest first."""
    first, last = start or at(-1), end or at(400 * DAY)
    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder))
        with place.open_store() as store, place.open_reader() as reader:
            inserted = insert(store, *events)
            found = reader.read_events(BUCKET, start=start, end=end, limit=limit, clip=False)
            count = reader.count_events(BUCKET, start=start, end=end)
            cut = reader.read_events(BUCKET, start=start, end=end)
            with reader.open_event_rows(BUCKET, start=start, end=end, limit=limit) as rows:
                opened = list(iter_events(rows))
            streamed = list(stream_events(reader, start=start, end=end, page=page))

    expected = [event for event in inserted if first <= event.end and event.timestamp <= last and first <= last]
    expected.sort(key=lambda event: (event.timestamp, event.id), reverse=True)
    assert [event.id for event in found] == [event.id for event in expected][:limit]
    assert count == len(expected)
    assert opened == cut[:limit]
    assert streamed == cut
