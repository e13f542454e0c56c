"""The databases of both servers, in every version that there was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, timedelta, timezone

import pytest

from pulseline_client.importing.peewee_file import PeeweeFile
from pulseline_client.importing.rust_file import RustFile
from pulseline_client.importing.source import Refusal
from pulseline_core.event import Event
from tests.unit.client.importing.samples import (
    EVENTS,
    NOW,
    RUST_VERSIONS,
    START,
    WINDOW,
    build_peewee,
    build_rust,
    read_all,
    to_ns,
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Return an empty database in memory."""
    with closing(sqlite3.connect(":memory:")) as opened:
        yield opened


@pytest.mark.parametrize("has_data", [True, False])
def test_the_python_server_s_database_is_read(connection: sqlite3.Connection, has_data: bool) -> None:
    """With the column for the buckets' data, which may be NULL, and from before it."""
    build_peewee(connection, has_data=has_data)

    (bucket,) = PeeweeFile(connection).iter_buckets(now=NOW)

    assert list(bucket.events) == list(EVENTS)
    assert (bucket.id, bucket.fields) == (
        WINDOW,
        {
            "type": "currentwindow",
            "client": "aw-watcher-window",
            "hostname": "host.local",
            "created": "2024-01-01 09:00:00.500000+00:00",
            "data": {},
        },
    )


def test_the_python_server_s_data_of_a_bucket_is_read(connection: sqlite3.Connection) -> None:
    """As of aw-core 0.5."""
    build_peewee(connection)
    connection.execute("""UPDATE bucketmodel SET datastr = '{"device_id": "d"}'""")

    (bucket,) = PeeweeFile(connection).iter_buckets(now=NOW)

    assert bucket.fields["data"] == {"device_id": "d"}


@pytest.mark.parametrize("version", RUST_VERSIONS)
def test_every_version_of_the_rust_server_s_database_is_read(connection: sqlite3.Connection, version: int) -> None:
    """What there is follows from the columns."""
    build_rust(connection, version=version)

    (bucket,) = RustFile(connection).iter_buckets(now=NOW)

    assert list(bucket.events) == list(EVENTS)
    assert (bucket.id, bucket.fields["hostname"]) == (WINDOW, "host.local")


@pytest.mark.parametrize(("version", "data"), [(2, {}), (3, {"a": 1}), (5, {"a": 1})])
def test_data_that_the_rust_server_kept_wrongly_is_left_out(
    connection: sqlite3.Connection, version: int, data: object
) -> None:
    """Version 2 filled the column with what was not meant (aw-server-rust#52)."""
    build_rust(connection, version=version)
    connection.execute("""UPDATE buckets SET data = '{"a": 1}'""")

    (bucket,) = RustFile(connection).iter_buckets(now=NOW)

    assert bucket.fields["data"] == data


def test_nanoseconds_come_in_as_those_of_the_export_would(connection: sqlite3.Connection) -> None:
    """Start cut off, duration rounded: a file and an export of one server are the same events."""
    build_rust(connection, [])
    start_ns = to_ns(START) + 999
    connection.execute(
        "INSERT INTO events (bucketrow, starttime, endtime, data) VALUES (1, ?, ?, '{}')", (start_ns, start_ns + 1_600)
    )

    assert read_all(RustFile(connection)) == {WINDOW: [Event(timestamp=START, duration=timedelta(microseconds=2))]}


@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        ((-1, 5, "{}"), "timestamp", "'1969-12-31T23:59:59.999999+00:00' is before 1970"),
        ((2**63 - 1, 2**63 - 1, "{}"), "timestamp", "'2262-04-11T23:47:16.854775+00:00' is more than a day ahead"),
        ((10, 5, "{}"), "duration", "-5e-09 s is not between 0 and 366 days"),
        ((5, 10, "{"), "data", "'{' is not JSON"),
        ((5, 10, "[]"), "data", "'[]' is not an object"),
        ((5, 10, '{"a": NaN}'), "data", "holds nan"),
        ((5, 10, b"\x28\xb5\x2f\xfd\x00"), "data", "is compressed"),
    ],
    ids=["before 1970", "far ahead", "negative", "no JSON", "no object", "NaN", "compressed"],
)
def test_a_row_of_the_rust_server_that_can_not_be_taken_is_refused(
    connection: sqlite3.Connection, row: tuple[object, ...], field: str, problem: str
) -> None:
    """And the next one is read."""
    build_rust(connection, EVENTS[:1])
    connection.execute("INSERT INTO events (bucketrow, starttime, endtime, data) VALUES (1, ?, ?, ?)", row)

    read = read_all(RustFile(connection))[WINDOW]

    (refused,) = (each for each in read if isinstance(each, Refusal))
    assert EVENTS[0] in read
    assert refused.field == field
    assert refused.problem.startswith(problem)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (("then", 1.0, "{}"), "timestamp"),
        (("2024-05-01 08:30:00+00:00", -1.0, "{}"), "duration"),
        (("2024-05-01 08:30:00+00:00", "long", "{}"), "duration"),
        (("2024-05-01 08:30:00+00:00", 1.0, '"text"'), "data"),
        (("2024-05-01 08:30:00+00:00", 1.0, '{"a": "\\ud83d"}'), "data"),
    ],
    ids=["no time", "negative", "no number", "no object", "half an emoji"],
)
def test_a_row_of_the_python_server_that_can_not_be_taken_is_refused(
    connection: sqlite3.Connection, row: tuple[object, ...], field: str
) -> None:
    """And the others are read."""
    build_peewee(connection, EVENTS[:1])
    connection.execute("INSERT INTO eventmodel (bucket_id, timestamp, duration, datastr) VALUES (1, ?, ?, ?)", row)

    read = read_all(PeeweeFile(connection))[WINDOW]

    (refused,) = (each for each in read if isinstance(each, Refusal))
    assert EVENTS[0] in read
    assert refused.field == field


def test_a_fraction_and_an_offset_are_read_as_they_come(connection: sqlite3.Connection) -> None:
    """The fraction is missing where it is 0; other tools wrote other offsets."""
    start = START.replace(microsecond=0)
    build_peewee(connection, [Event(timestamp=start, duration=timedelta(seconds=1.234567))])
    there = start.astimezone(timezone(timedelta(hours=2)))
    connection.execute(
        "INSERT INTO eventmodel (bucket_id, timestamp, duration, datastr) VALUES (1, ?, ?, '{}')", (str(there), "5.5")
    )

    read = read_all(PeeweeFile(connection))[WINDOW]

    assert read == [
        Event(timestamp=start, duration=timedelta(seconds=5.5)),
        Event(timestamp=start.astimezone(UTC), duration=timedelta(seconds=1.234567)),
    ]


def test_the_fraction_read_grows_to_one(connection: sqlite3.Connection) -> None:
    """What a progress bar shows."""
    build_rust(connection)
    source = RustFile(connection)
    before = source.fraction

    read_all(source)

    assert (before, source.fraction) == (0.0, 1.0)
