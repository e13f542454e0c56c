"""Exports of a real store over real HTTP: the three forms say the same, and ranges and deletions leave them whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from pulseline_api import create_app
from pulseline_api.http_server import HttpServer
from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.store import Reader, Store, open_reader, open_store
from pulseline_core.types import BucketId, JSONObject, JSONValue
from tests.poison import STRANGE_BUCKETS
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryStore, RecordingWriter

T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)

#: Data that is hard to write in one form or another.
ODD: tuple[JSONObject, ...] = (
    {},
    {"text": '"quoted", and\r\ntwo lines'},
    {"text": "=1+1", "number": -1, "other": "-1"},
    {"text": "\u2028 </script> \U0001f600 \x7f", "": None},
    {"list": [1, 2.5, {"deep": True}], "bucket": "no", "duration": 9_007_199_254_740_993},
)

#: An event as every form can say it: bucket, start, duration in seconds, data.
Line = tuple[str, str, float, JSONObject]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store without buckets."""
    with open_store(tmp_path / "pulseline.db") as store:
        yield store


@pytest.fixture
def reader(store: Store, tmp_path: Path) -> Iterator[Reader]:
    """A reader of it."""
    with open_reader(tmp_path / "pulseline.db") as reader:
        yield reader


@pytest.fixture
def http(reader: Reader) -> Iterator[httpx.Client]:
    """A client of a server on it."""
    app = create_app(reader, RecordingWriter(MemoryStore()), INFO)
    with (
        HttpServer(app, "127.0.0.1", 0, threads=4) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}/api/0", trust_env=False) as http,
    ):
        yield http


def _insert(store: Store, bucket_id: str, *events: Event) -> None:
    with store.transaction() as change:
        change.describe_bucket(BucketId(bucket_id), BucketDescription(), now=T0, hostname="desk")
        bucket = change.get_bucket(BucketId(bucket_id))
        assert bucket is not None
        change.insert_events(bucket, events)


def _delete(store: Store, bucket_id: str) -> None:
    with store.transaction() as change:
        bucket = change.get_bucket(BucketId(bucket_id))
        assert bucket is not None
        change.delete_bucket(bucket)


def _event(number: int, data: JSONObject) -> Event:
    return Event(timestamp=T0 + number * timedelta(seconds=0.7), duration=timedelta(microseconds=number), data=data)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def _read_json(text: str) -> list[Line]:
    buckets: dict[str, Any] = json.loads(text, parse_constant=_refuse)["buckets"]
    return [
        (bucket_id, event["timestamp"], event["duration"], event["data"])
        for bucket_id, bucket in buckets.items()
        for event in bucket["events"]
    ]


def _read_ndjson(text: str) -> list[Line]:
    assert text.endswith("\n")
    lines = [json.loads(line, parse_constant=_refuse) for line in text[:-1].split("\n")]
    return [(line["bucket"], line["timestamp"], line["duration"], line["data"]) for line in lines]


def _read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def _read_numbers(text: str, form: str) -> list[JSONValue]:
    """Return what the data of each event says under ``n``."""
    match form:
        case "csv":
            return [int(row["n"]) for row in _read_csv(text)]
        case "json":
            return [data["n"] for *_, data in _read_json(text)]
        case _:
            return [data["n"] for *_, data in _read_ndjson(text)]


def test_the_three_forms_hold_the_same_events(store: Store, http: httpx.Client) -> None:
    """Over several pages, with data that is hard to write."""
    for bucket_id in ("a", "empty", "z"):
        count = 0 if bucket_id == "empty" else 4500
        _insert(store, bucket_id, *(_event(n, ODD[n % len(ODD)] | {"n": n % 70}) for n in range(count)))

    lines = _read_json(http.get("/export").text)
    rows = _read_csv(http.get("/export?format=csv").text)

    assert len(lines) == 9000
    assert _read_ndjson(http.get("/export?format=ndjson").text) == lines
    assert [(row["bucket"], row["timestamp"], float(row["duration"])) for row in rows] == [line[:3] for line in lines]
    assert [int(row["n"]) for row in rows] == [data["n"] for *_, data in lines]
    assert all(
        datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["timestamp"])
        == timedelta(seconds=float(row["duration"]))
        for row in rows
    )


def test_texts_of_csv_are_those_of_the_data(store: Store, http: httpx.Client) -> None:
    """But for the apostrophe before a formula; keys that are called like a column have another name."""
    _insert(store, "odd", *(_event(number, data) for number, data in enumerate(ODD)))

    *_, third, second, first = rows = _read_csv(http.get("/buckets/odd/export?format=csv").text)

    assert list(rows[0]) == [
        *("bucket", "timestamp", "end", "duration"),
        *("", "data.bucket", "data.duration", "list", "number", "other", "text", "other_data"),
    ]
    assert (rows[0]["data.bucket"], rows[0]["data.duration"]) == ("no", "9007199254740993")
    assert json.loads(rows[0]["list"]) == [1, 2.5, {"deep": True}]
    assert (third["text"], third["number"], third["other"]) == ("'=1+1", "-1", "'-1")
    assert second["text"] == ODD[1]["text"]
    assert first["text"] == ""


@pytest.mark.parametrize("bucket_id", STRANGE_BUCKETS.values(), ids=STRANGE_BUCKETS)
def test_strange_buckets_are_named_in_every_form(store: Store, http: httpx.Client, bucket_id: str) -> None:
    """As they are called; in CSV with an apostrophe if that is a formula."""
    _insert(store, bucket_id, _event(0, {"n": 0}))
    path = f"/buckets/{quote(bucket_id, safe='').replace('.', '%2E')}/export"

    (line,) = _read_json(http.get(path).text)
    (row,) = _read_csv(http.get(f"{path}?format=csv").text)

    assert line[0] == bucket_id
    assert _read_ndjson(http.get(f"{path}?format=ndjson").text) == [line]
    assert row["bucket"].removeprefix("'") == bucket_id.removeprefix("'")


def test_parts_of_a_range_add_up(store: Store, http: httpx.Client) -> None:
    """An event over a border is cut there, in every form; what lies outside is left out."""
    _insert(store, "plug", *(Event(timestamp=T0 + n * HOUR, duration=HOUR, data={"n": n}) for n in range(4)))
    border = T0 + 1.5 * HOUR
    ranges = [{"end": border.isoformat()}, {"start": border.isoformat(), "end": (T0 + 3 * HOUR).isoformat()}]

    parts = [_read_json(http.get("/export", params=query).text) for query in ranges]

    assert [[(line[1], line[2]) for line in part] for part in parts] == [
        [((T0 + HOUR).isoformat(), 1800.0), (T0.isoformat(), 3600.0)],
        [
            ((T0 + 3 * HOUR).isoformat(), 0.0),
            ((T0 + 2 * HOUR).isoformat(), 3600.0),
            (border.isoformat(), 1800.0),
        ],
    ]
    for query, part in zip(ranges, parts, strict=True):
        assert _read_ndjson(http.get("/export", params={**query, "format": "ndjson"}).text) == part
        rows = _read_csv(http.get("/export", params={**query, "format": "csv"}).text)
        assert [(row["timestamp"], float(row["duration"])) for row in rows] == [line[1:3] for line in part]


@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
def test_a_bucket_that_is_deleted_meanwhile_ends_where_it_got_to(store: Store, reader: Reader, form: str) -> None:
    """What follows is whole, and so is the document."""
    _insert(store, "a", *(_event(number, {"n": number}) for number in range(3000)))
    _insert(store, "z", _event(0, {"n": -1}))
    http = create_app(reader, RecordingWriter(MemoryStore()), INFO).test_client()
    answer = http.get(f"/api/0/export?format={form}", buffered=False)
    chunks = answer.iter_encoded()
    head: list[bytes] = []
    while len(head) < 3:
        head.append(next(chunks))

    _delete(store, "a")
    text = b"".join([*head, *chunks]).decode()

    numbers = _read_numbers(text, form)
    assert numbers[-1] == -1
    assert numbers[:-1] == list(range(2999, 3000 - len(numbers), -1))
    assert len(numbers) < 3001
