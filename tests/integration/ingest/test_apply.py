"""One request on a real store: what it changes, what it answers, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pulseline_core.bucket import Bucket, BucketDescription
from pulseline_core.errors import NotFound
from pulseline_core.event import Event
from pulseline_core.message import (
    DeleteBucket,
    DeleteEvent,
    DeleteEvents,
    DescribeBucket,
    Heartbeats,
    InsertEvents,
    ReplaceEvent,
)
from pulseline_core.types import BucketId
from pulseline_ingest.apply import ApplyRules, Origin, apply_request
from pulseline_ingest.outcome import BucketRequest, Deleted, Result
from tests.contract.store.samples import MAIL, MORNING, WORK, at, make_event
from tests.integration.ingest.bench import HOST, RULES, Bench
from tests.unit.ingest.samples import PLUG

ORIGIN = Origin("outbox", MORNING)


def apply(bench: Bench, request: BucketRequest, *, origin: Origin = ORIGIN, rules: ApplyRules = RULES) -> Result:
    """Apply a request in a transaction of its own."""
    with bench.store.transaction() as tx:
        return apply_request(tx, request, origin, rules)


def beat(*events: Event, pulsetime_s: float | None = None, creates_bucket: bool = True) -> Heartbeats:
    """Return heartbeats for the plug."""
    pulsetime = None if pulsetime_s is None else timedelta(seconds=pulsetime_s)
    pulsetimes = (pulsetime,) * len(events)
    return Heartbeats(bucket_id=PLUG, events=events, pulsetimes=pulsetimes, creates_bucket=creates_bucket)


def insert(*events: Event, creates_bucket: bool = True) -> InsertEvents:
    """Return events to insert into the plug's bucket."""
    return InsertEvents(bucket_id=PLUG, events=events, creates_bucket=creates_bucket)


def describe(**described: Any) -> DescribeBucket:
    """Return a description of the plug's bucket."""
    return DescribeBucket(bucket_id=PLUG, description=BucketDescription(**described))


def get_ids(result: Result) -> list[int]:
    """Return the ids of the events that a request answered."""
    assert isinstance(result, list)
    return [event.id for event in result]


def test_single_event_is_answered_by_itself_and_several_by_a_list(bench: Bench) -> None:
    """The form of the reply follows from how many there were."""
    one = apply(bench, beat(make_event(0)))
    two = apply(bench, beat(make_event(10), make_event(100, data=MAIL)))
    none = apply(bench, insert())

    assert one == make_event(0)
    assert two == [make_event(0, 10), make_event(100, data=MAIL)]
    assert none == []


def test_inserted_events_are_not_merged(bench: Bench) -> None:
    """They stand as they came, with ids of their own."""
    result = apply(bench, insert(make_event(0, 5), make_event(0, 5)))

    first, second = get_ids(result)
    assert first != second
    assert bench.read_outline() == [(0, 5, WORK), (0, 5, WORK)]


@pytest.mark.parametrize(
    ("own_s", "bucket_s", "merged"),
    [
        pytest.param(10.0, 1.0, True, id="its own comes first"),
        pytest.param(0.0, 100.0, False, id="nothing is a pulsetime, too"),
        pytest.param(None, 10.0, True, id="then the bucket's"),
        pytest.param(None, 0.0, False, id="also if the bucket's is nothing"),
        pytest.param(None, None, True, id="then the setting"),
    ],
)
def test_pulsetime_is_the_heartbeat_s_the_bucket_s_or_the_setting_s(
    bench: Bench, own_s: float | None, bucket_s: float | None, merged: bool
) -> None:
    """Two heartbeats lie 10 s apart; the setting is 60 s."""
    if bucket_s is not None:
        apply(bench, describe(pulsetime=timedelta(seconds=bucket_s)))

    apply(bench, beat(make_event(0), make_event(10), pulsetime_s=own_s))

    assert len(bench.read_outline()) == (1 if merged else 2)


@pytest.mark.parametrize("request_", [beat(make_event()), insert(make_event())], ids=["heartbeat", "events"])
@pytest.mark.parametrize(("publisher", "client"), [("outbox", "outbox"), (None, "mqtt")])
def test_unknown_bucket_is_made_in_its_publisher_s_name(
    bench: Bench, request_: BucketRequest, publisher: str | None, client: str
) -> None:
    """At the time of receipt; type and hostname are not known."""
    apply(bench, request_, origin=Origin(publisher, at(7)))

    bucket = bench.reader.read_bucket("plug")
    assert (bucket.client, bucket.type, bucket.hostname, bucket.created) == (client, "unknown", "unknown", at(7))


def test_a_description_may_be_of_known_buckets_only(bench: Bench) -> None:
    """It makes none then."""
    request = DescribeBucket(bucket_id=PLUG, description=BucketDescription(type="power"), creates_bucket=False)

    with pytest.raises(NotFound):
        apply(bench, request)
    apply(bench, describe(type="plug"))
    apply(bench, request)

    assert bench.reader.read_bucket("plug").type == "power"


def test_a_description_may_be_of_unknown_buckets_only(bench: Bench) -> None:
    """A known one stays as it is, also where it would become this host's; it is answered all the same."""
    description = BucketDescription(type="power", hostname="!local")
    request = DescribeBucket(bucket_id=PLUG, description=description, updates_bucket=False)

    first = apply(bench, request)
    apply(bench, describe(type="plug", hostname="attic", data={"n": 1}))
    second = apply(bench, request)

    assert isinstance(first, Bucket)
    assert isinstance(second, Bucket)
    assert (first.type, first.hostname, first.data) == ("power", "laptop", {"device_id": "device-1"})
    assert (second.type, second.hostname, second.data) == ("plug", "attic", {"n": 1})


@pytest.mark.parametrize("make", [beat, insert], ids=["heartbeat", "events"])
@pytest.mark.parametrize(
    ("wanted", "rules"),
    [(False, RULES), (True, ApplyRules(host=HOST, creates_buckets=False))],
    ids=["publisher", "settings"],
)
def test_unknown_bucket_is_not_made_where_it_is_not_wanted(
    bench: Bench, make: Callable[..., BucketRequest], wanted: bool, rules: ApplyRules
) -> None:
    """By the publisher or by the settings; in a bucket that there is, it makes no difference."""
    with pytest.raises(NotFound, match="no bucket 'plug' exists"):
        apply(bench, make(make_event(), creates_bucket=wanted), rules=rules)
    assert bench.reader.read_buckets() == []

    apply(bench, describe())
    apply(bench, make(make_event(), creates_bucket=wanted), rules=rules)
    assert len(bench.read_outline()) == 1


def test_bucket_is_described_where_the_settings_let_no_event_make_one(bench: Bench) -> None:
    """A description is how a bucket is made then."""
    described = apply(bench, describe(type="power"), rules=ApplyRules(host=HOST, creates_buckets=False))

    assert described == bench.reader.read_bucket("plug")
    assert isinstance(described, Bucket)
    assert (described.type, described.client) == ("power", "outbox")


def test_description_changes_what_it_names(bench: Bench) -> None:
    """The rest stays as it is; the answer knows the timeline."""
    apply(bench, describe(type="power", client="meter", hostname="desk", data={"room": "office"}))
    apply(bench, beat(make_event(0), make_event(10)))

    described = apply(bench, describe(type="energy"))

    assert isinstance(described, Bucket)
    assert (described.type, described.client, described.hostname) == ("energy", "meter", "desk")
    assert described.data == {"room": "office"}
    assert (described.start, described.end) == (at(0), at(10))


def test_local_hostname_is_the_worker_s_machine(bench: Bench) -> None:
    """Its name, and its device id beside the data that is described or there already."""
    apply(bench, describe(hostname="!local"))
    fresh = bench.reader.read_bucket("plug")
    apply(bench, describe(data={"room": "office"}))
    apply(bench, describe(hostname="!local"))
    known = bench.reader.read_bucket("plug")
    apply(bench, describe(hostname="!local", data={"shelf": 3}))
    named = bench.reader.read_bucket("plug")

    assert {bucket.hostname for bucket in (fresh, known, named)} == {"laptop"}
    assert fresh.data == {"device_id": "device-1"}
    assert known.data == {"room": "office", "device_id": "device-1"}
    assert named.data == {"shelf": 3, "device_id": "device-1"}


def test_event_is_replaced(bench: Bench) -> None:
    """The answer is the new one, under the old id."""
    first, second = get_ids(apply(bench, insert(make_event(0), make_event(10))))

    replaced = apply(bench, ReplaceEvent(bucket_id=PLUG, event=make_event(20, 5, MAIL, event_id=first)))

    assert replaced == make_event(20, 5, MAIL)
    assert [event.id for event in bench.reader.read_events("plug")] == [first, second]
    assert bench.read_outline() == [(10, 10, WORK), (20, 25, MAIL)]


def test_events_are_deleted_and_counted(bench: Bench) -> None:
    """One by its id, or those that begin in a range, both ends included; what is gone is none."""
    ids = get_ids(apply(bench, insert(*(make_event(second) for second in range(6)))))

    answers = [
        apply(bench, DeleteEvent(bucket_id=PLUG, event_id=ids[0])),
        apply(bench, DeleteEvent(bucket_id=PLUG, event_id=ids[0])),
        apply(bench, DeleteEvents(bucket_id=PLUG, start=at(2), end=at(4))),
        apply(bench, DeleteEvents(bucket_id=PLUG, start=at(5), end=at(1))),
    ]

    assert answers == [Deleted(1), Deleted(0), Deleted(3), Deleted(0)]
    assert [start for start, _, _ in bench.read_outline()] == [1, 5]


def test_bucket_is_deleted_with_its_events(bench: Bench) -> None:
    """A heartbeat brings the bucket back, not the events."""
    apply(bench, insert(make_event(0), make_event(1)))

    assert apply(bench, DeleteBucket(bucket_id=PLUG)) == Deleted(1)
    assert bench.reader.read_buckets() == []
    apply(bench, beat(make_event(5)))
    assert bench.read_outline() == [(5, 5, WORK)]


@pytest.mark.parametrize(
    "request_",
    [
        ReplaceEvent(bucket_id=PLUG, event=make_event(event_id=7)),
        DeleteEvent(bucket_id=PLUG, event_id=7),
        DeleteEvents(bucket_id=PLUG, start=at(0), end=at(1)),
        DeleteBucket(bucket_id=PLUG),
    ],
    ids=lambda request: type(request).__name__,
)
def test_change_of_an_unknown_bucket_is_refused(bench: Bench, request_: BucketRequest) -> None:
    """None of them makes it."""
    with pytest.raises(NotFound, match="no bucket 'plug' exists"):
        apply(bench, request_)

    assert bench.reader.read_buckets() == []


def test_replacement_of_another_bucket_s_event_is_refused(bench: Bench) -> None:
    """The event stays where and what it is."""
    stored = apply(bench, insert(make_event(0)))
    assert isinstance(stored, Event)
    other = DescribeBucket(bucket_id=BucketId("desk"), description=BucketDescription())
    apply(bench, other)

    with pytest.raises(NotFound, match=f"no event {stored.id} exists"):
        apply(bench, ReplaceEvent(bucket_id=other.bucket_id, event=make_event(5, event_id=stored.id)))

    assert bench.read_outline() == [(0, 0, WORK)]
