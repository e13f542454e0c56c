"""Exports as CSV: columns, cells, and what a spreadsheet must not run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from pulseline_api.export_csv import build_cells
from pulseline_core.event import Event
from pulseline_core.spreadsheet import neutralise
from pulseline_core.types import JSONObject, JSONValue
from tests.unit.api.memory_store import MemoryReader, MemoryStore

T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)


def _add(store: MemoryStore, data: JSONObject, *, bucket_id: str = "plug", seconds: float = 0) -> None:
    store.add_event(bucket_id, Event(timestamp=T0 + timedelta(seconds=seconds), data=data))


def _read(http: FlaskClient, path: str = "/api/0/export?format=csv") -> list[list[str]]:
    text = http.get(path).data.decode()
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_each_key_of_the_data_has_a_column(http: FlaskClient, store: MemoryStore) -> None:
    """In alphabetical order, of all buckets; an event without the key has an empty cell."""
    store.add_bucket("window")
    store.add_event(
        "window",
        Event(timestamp=T0, duration=timedelta(seconds=1.5), data={"title": "Inbox", "app": "mail"}),
    )
    _add(store, {"watts": 40})

    assert _read(http) == [
        ["bucket", "timestamp", "end", "duration", "app", "title", "watts", "other_data"],
        ["plug", "2026-11-01T10:00:00+00:00", "2026-11-01T10:00:00+00:00", "0.0", "", "", "40", ""],
        ["window", "2026-11-01T10:00:00+00:00", "2026-11-01T10:00:01.500000+00:00", "1.5", "mail", "Inbox", "", ""],
    ]


def test_an_export_of_one_bucket_has_its_keys_alone(http: FlaskClient, store: MemoryStore) -> None:
    """Not those of the others."""
    store.add_bucket("window")
    _add(store, {"app": "mail"}, bucket_id="window")
    _add(store, {"watts": 40})

    head, row = _read(http, "/api/0/buckets/plug/export?format=csv")

    assert (head[4:], row[4:]) == (["watts", "other_data"], ["40", ""])


@pytest.mark.parametrize(
    "text",
    [
        'say "yes", or no',
        "one\ntwo\r\nthree\rfour",
        " leading and trailing ",
        "; semicolon \t tab",
        "\U0001f600 ä \u2028 \u202e",
        "",
        '"',
    ],
)
def test_texts_come_back_as_they_were(http: FlaskClient, store: MemoryStore, text: str) -> None:
    """Read by any reader of RFC 4180."""
    _add(store, {"text": text})

    assert _read(http)[1][4] == text


def test_rows_end_as_rfc_4180_says(http: FlaskClient, store: MemoryStore) -> None:
    """With CR and LF, also the last."""
    _add(store, {"n": 1})

    assert http.get("/api/0/export?format=csv").data.endswith(b",1,\r\n")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_looks_like_a_formula_is_neutralised(http: FlaskClient, store: MemoryStore, start: str) -> None:
    """Wherever it stands: in the data, as a key, as the bucket's id."""
    formula = f'{start}HYPERLINK("http://example.org","x")'
    bucket_id = formula.strip()
    store.add_bucket(bucket_id)
    _add(store, {formula: formula}, bucket_id=bucket_id)

    head, row = _read(http)

    assert head[4] == row[4] == f"'{formula}"
    assert row[0] == neutralise(bucket_id)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-5, -5),
        (-1.5, -1.5),
        ("-5", "'-5"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        ([1, "=x"], '[1,"=x"]'),
        ({"a": {"b": None}}, '{"a":{"b":null}}'),
    ],
)
def test_other_values_are_numbers_or_json(value: JSONValue, cell: object) -> None:
    """A negative number is no formula; a text that looks like one may be."""
    assert build_cells({"key": value}, ["key"]) == [cell, ""]


def test_keys_without_a_column_are_in_the_last_one(http: FlaskClient, store: MemoryStore) -> None:
    """256 columns are enough for anybody; nothing is left out for it."""
    _add(store, {f"key {number:03}": number for number in range(300)})

    head, row = _read(http)

    assert len(head) == len(row) == 4 + 256 + 1
    assert head[4:260] == [f"key {number:03}" for number in range(256)]
    assert row[4:260] == [str(number) for number in range(256)]
    assert row[260] == "{" + ",".join(f'"key {number}":{number}' for number in range(256, 300)) + "}"


def test_a_key_that_came_in_meanwhile_is_not_lost(http: FlaskClient, store: MemoryStore, reader: MemoryReader) -> None:
    """Between the two times that events are read."""
    _add(store, {"old": 1})
    answer = http.get("/api/0/export?format=csv", buffered=False)
    chunks = answer.iter_encoded()
    head = next(chunks)

    _add(store, {"new": 2}, seconds=1)

    assert head == b"bucket,timestamp,end,duration,old,other_data\r\n"
    assert b"".join(chunks).split(b"\r\n")[0].endswith(b',0.0,,"{""new"":2}"')
