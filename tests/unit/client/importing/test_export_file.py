"""JSON exports of both servers and of ours: every form, every order, and what is wrong with them."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest

from pulseline_client.importing.export_file import ExportFile, NoExport
from pulseline_client.importing.json_tokens import BrokenJson
from pulseline_client.importing.source import Refusal, SourceBucket
from pulseline_core.event import Event
from pulseline_core.types import JSONObject, JSONValue
from tests.unit.client.importing.samples import EVENTS, NOW, START, WINDOW, read_all

LABELS: JSONObject = {"type": "currentwindow", "client": "aw-watcher-window", "hostname": "host.local"}


def describe(event: Event) -> JSONObject:
    """Return an event as exports have it."""
    described = event.to_json()
    del described["id"]
    return described


def build_bucket(bucket_id: str = WINDOW, **more: JSONValue) -> JSONObject:
    """Return a bucket as exports have it."""
    events: JSONValue = [describe(event) for event in EVENTS]
    return {"id": bucket_id, "created": "2024-01-01T09:00:00+00:00", **LABELS, "events": events, **more}


def open_export(document: JSONValue | bytes) -> ExportFile:
    """Return the source that reads a document."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ExportFile(io.BytesIO(raw))


@pytest.mark.parametrize(
    "document",
    [
        {"buckets": {WINDOW: build_bucket()}},
        {"version": [1], "buckets": {WINDOW: build_bucket()}, "more": {"id": 7}},
        {"buckets": [build_bucket()]},
        [build_bucket()],
        build_bucket(),
    ],
    ids=["export", "more keys", "array of buckets", "bare array", "one bucket"],
)
def test_every_form_of_an_export_is_read(document: JSONValue) -> None:
    """Events in the file's order, to the microsecond, with their data."""
    assert read_all(open_export(document)) == {WINDOW: list(EVENTS)}


@pytest.mark.parametrize("document", [{"buckets": {}}, {"buckets": []}, {"buckets": None}, []], ids=str)
def test_an_export_without_buckets_is_empty(document: JSONValue) -> None:
    """A new server has none."""
    assert read_all(open_export(document)) == {}


@pytest.mark.parametrize("events", [{}, {"events": None}, {"events": []}], ids=str)
def test_a_bucket_without_events_is_a_bucket(events: JSONObject) -> None:
    """Its description is imported all the same."""
    bucket = build_bucket()
    del bucket["events"]

    assert read_all(open_export({"buckets": {WINDOW: {**bucket, **events}}})) == {WINDOW: []}


def test_a_python_server_s_export_is_read() -> None:
    """``name`` and no ``data``; milliseconds, and the fraction left out where it is 0 (aw-server 0.13.2)."""
    event: JSONObject = {"timestamp": "2024-05-01T08:30:00+00:00", "duration": 0.0, "data": {"status": "afk"}}
    bucket = build_bucket("afk", name=None, events=[event])

    read = read_all(open_export({"buckets": {"afk": bucket}}))

    expected = Event(timestamp=START.replace(microsecond=0), data={"status": "afk"})
    assert read == {"afk": [expected]}


def test_a_rust_server_s_export_is_read() -> None:
    """Ids, ``Z``, nanoseconds that are cut off, ``metadata`` and ``last_updated`` (aw-server-rust 0.14.0)."""
    event: JSONObject = {"id": 7, "timestamp": "2024-05-01T08:30:00.123000999Z", "duration": 6.377, "data": {}}
    bucket = build_bucket(events=[event], metadata={"start": None, "end": None}, last_updated=None, data={"a": 1})

    read = read_all(open_export({"buckets": {WINDOW: bucket}}))

    assert read == {WINDOW: [Event(timestamp=START, duration=timedelta(seconds=6.377), data={})]}


def test_keys_come_in_any_order() -> None:
    """Sorted, the events stand before what describes their bucket; it is found all the same."""
    document = {"buckets": {name: build_bucket(name) for name in ("b", "a")}}
    sorted_export = open_export(json.dumps(document, sort_keys=True).encode())

    buckets = [(bucket, list(bucket.events)) for bucket in sorted_export.iter_buckets(now=NOW)]

    assert [(bucket.id, bucket.fields["type"], events) for bucket, events in buckets] == [
        (name, "currentwindow", list(EVENTS)) for name in ("a", "b")
    ]


def test_events_that_nobody_reads_are_passed_over() -> None:
    """A bucket with an id that can not be is skipped by the importer."""
    export = open_export({"buckets": {name: build_bucket(name) for name in ("a", "b")}})

    assert [bucket.id for bucket in export.iter_buckets(now=NOW)] == ["a", "b"]


def test_a_bucket_s_own_id_counts() -> None:
    """The python server ignores the key; without an id the key is one."""
    nameless = build_bucket("ignored")
    del nameless["id"]

    assert [*read_all(open_export({"buckets": {"key": build_bucket("own"), "only": nameless}}))] == ["own", "only"]


def test_a_bucket_that_comes_twice_is_read_twice() -> None:
    """JSON allows it; the importer brings both together."""
    export = open_export([build_bucket(), build_bucket(events=[])])

    read: list[SourceBucket] = list(export.iter_buckets(now=NOW))

    assert [bucket.id for bucket in read] == [WINDOW, WINDOW]


@pytest.mark.parametrize(
    ("event", "refusal"),
    [
        (7, Refusal("event", "'7' is not an object")),
        ({"duration": 1, "data": {}}, Refusal("timestamp", "is missing")),
        ({"timestamp": "yesterday"}, Refusal("timestamp", "'yesterday' is not RFC 3339")),
        ({"timestamp": "1969-12-31T23:59:59Z"}, Refusal("timestamp", "'1969-12-31T23:59:59+00:00' is before 1970")),
        ({"timestamp": "2026-11-26T00:00:00Z"}, Refusal("timestamp", "'2026-11-26T00:00:00+00:00' is more than a day")),
        ({"timestamp": "2024-01-01T00:00:00Z", "duration": -1.5}, Refusal("duration", "-1.5 s is not between 0")),
        ({"timestamp": "2024-01-01T00:00:00Z", "duration": 4e7}, Refusal("duration", "40000000.0 s is not between 0")),
        ({"timestamp": "2024-01-01T00:00:00Z", "duration": None}, Refusal("duration", "'None' is not a number")),
        ({"timestamp": "2024-01-01T00:00:00Z", "data": [1]}, Refusal("data", "'[1]' is not an object")),
        ({"timestamp": "2024-01-01T00:00:00Z", "data": {"a": "\0"}}, Refusal("data", "holds a NUL")),
        ({"timestamp": "2024-01-01T00:00:00Z", "data": {"a": 2**70}}, Refusal("data", "holds 1180591620717411303424")),
    ],
    ids=lambda value: value.field if isinstance(value, Refusal) else str(value)[:60],
)
def test_an_event_that_can_not_be_taken_is_refused_in_its_place(event: JSONValue, refusal: Refusal) -> None:
    """With the value; its neighbours are read."""
    good = describe(EVENTS[0])
    export = open_export({"buckets": {WINDOW: build_bucket(events=[good, event, good])}})

    first, refused, last = read_all(export)[WINDOW]

    assert (first, last) == (EVENTS[0], EVENTS[0])
    assert isinstance(refused, Refusal)
    assert refused.field == refusal.field
    assert refused.problem.startswith(refusal.problem)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (7, "it is a number"),
        ({"events": []}, "a bucket has no id"),
        ({"a": 1}, "it has no 'buckets'"),
        ({"buckets": 1}, "'buckets' is a number"),
        ({"buckets": {"a": 1}}, "bucket 'a' is a number"),
        ([{"type": "x"}], "a bucket has no id"),
    ],
    ids=str,
)
def test_json_of_another_form_is_no_export(document: JSONValue, problem: str) -> None:
    """Said in words, with what is there instead."""
    with pytest.raises(NoExport, match=f"the export is JSON, but no ActivityWatch export: {problem}"):
        read_all(open_export(document))


def test_a_file_that_breaks_off_yields_what_came_before() -> None:
    """All whole events, then the error with the place."""
    raw = json.dumps({"buckets": {WINDOW: build_bucket()}}).encode()
    cut = raw.index(b'"timestamp": "2024-04-01')
    read: list[Event | Refusal] = []

    with pytest.raises(BrokenJson) as caught:
        read.extend(event for bucket in open_export(raw[:cut]).iter_buckets(now=NOW) for event in bucket.events)

    assert read == list(EVENTS[:3])
    assert caught.value.offset == cut


def test_a_bucket_whose_description_is_cut_off_is_not_read() -> None:
    """It would be made with a wrong one, which stays; the mended file brings both."""
    bucket = build_bucket()
    raw = json.dumps({"buckets": {"a": {"events": bucket["events"], **LABELS}}}).encode()[:-20]

    with pytest.raises(BrokenJson):
        next(open_export(raw).iter_buckets(now=NOW))


def test_the_fraction_grows_to_one() -> None:
    """What a progress bar shows."""
    export = open_export({"buckets": {WINDOW: build_bucket()}})
    before = export.fraction

    read_all(export)

    assert (before, export.fraction) == (0.0, 1.0)


@pytest.mark.parametrize("half", [r"\ud83d", r"\udc22"], ids=["first", "second"])
def test_an_event_with_half_a_character_is_refused_alone(half: str) -> None:
    """A title that was cut within an emoji, as browsers hand it over; Python's server stores and exports it."""
    broken: JSONObject = {**describe(EVENTS[0]), "data": {"title": json.loads(f'"cut {half}"')}}
    events: JSONValue = [broken, *map(describe, EVENTS)]

    first, *others = read_all(open_export({"buckets": {WINDOW: build_bucket(events=events)}}))[WINDOW]

    assert isinstance(first, Refusal)
    assert first.field == "data"
    assert others == list(EVENTS)
