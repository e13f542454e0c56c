"""The API without HTTP, as a program that embeds it calls it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from pulseline_api import ServerAPI
from pulseline_core.errors import BadInput, InvalidBucketId, NotFound
from pulseline_core.event import Event
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.fixture
def api(store: MemoryStore) -> ServerAPI:
    """The API on a store with the bucket ``plug``."""
    return ServerAPI(MemoryReader(store), RecordingWriter(store), INFO)


def _event(seconds: float = 0, event_id: int | None = None) -> Event:
    return Event(timestamp=T0 + timedelta(seconds=seconds), data={"n": seconds}, id=event_id)


def test_it_describes_its_server(api: ServerAPI) -> None:
    """As ``/info`` answers, and a log where there is one."""
    assert api.get_info() == INFO.to_json()
    assert api.get_log() == []


def test_a_bucket_lives_and_dies(api: ServerAPI) -> None:
    """Created once, changed, deleted."""
    assert [api.create_bucket("window", "currentwindow", "me", "desk") for _ in range(2)] == [True, False]
    api.update_bucket("window", hostname="attic")

    assert api.get_bucket_metadata("window")["hostname"] == "attic"
    assert api.get_buckets()["window"] == api.get_bucket_metadata("window")

    api.delete_bucket("window")
    with pytest.raises(NotFound):
        api.get_bucket_metadata("window")


def test_events_live_and_die(api: ServerAPI) -> None:
    """Inserted, read newest first, counted, deleted singly and by range."""
    first, second, third = api.create_events("plug", [_event(0), _event(10), _event(20)])

    assert api.get_events("plug", limit=2) == [third, second]
    assert api.get_event("plug", first.id or 0) == first
    assert api.get_event("plug", 99) is None
    assert [api.delete_event("plug", third.id or 0) for _ in range(2)] == [True, False]
    assert api.delete_events("plug", T0, T0) == 1
    assert api.get_eventcount("plug") == 1


def test_an_event_with_a_known_id_is_replaced(api: ServerAPI) -> None:
    """In this bucket."""
    [stored] = api.create_events("plug", [_event(0)])

    api.create_events("plug", [_event(5, event_id=stored.id)])

    assert [event.timestamp for event in api.get_events("plug")] == [T0 + timedelta(seconds=5)]


def test_a_heartbeat_is_merged(api: ServerAPI) -> None:
    """It comes back with an id."""
    assert api.heartbeat("plug", _event(), 60).id is not None


def test_settings_are_kept(api: ServerAPI) -> None:
    """Any JSON value; what is not there is ``None``."""
    api.settings.set("theme", "dark")

    assert (api.settings.get("theme"), api.settings.get("views")) == ("dark", None)
    assert api.settings.get_all() == {"theme": "dark"}
    api.settings.delete("theme")
    assert api.settings.get_all() == {}


def test_what_can_not_be_stored_is_refused(api: ServerAPI) -> None:
    """The same errors as behind HTTP."""
    with pytest.raises(InvalidBucketId):
        api.create_bucket("", "t", "c", "h")
    with pytest.raises(BadInput):
        api.settings.set("k" * 128, 1)
    with pytest.raises(NotFound):
        api.heartbeat("nothing", _event(), 60)


def test_everything_is_exported(api: ServerAPI) -> None:
    """Piece by piece; joined, it is what REST answers, and what an import takes."""
    api.create_events("plug", [_event(0), _event(10)])

    export = json.loads(b"".join(api.export_all()))

    assert [event["data"] for event in export["buckets"]["plug"]["events"]] == [{"n": 10}, {"n": 0}]
    assert json.loads(b"".join(api.export_bucket("plug"))) == export
    assert b"".join(api.export_bucket("plug", "csv")).count(b"\r\n") == 3
    assert api.import_all(export["buckets"]).stored == 2


def test_unknown_exports_are_refused(api: ServerAPI) -> None:
    """At the call, not at the first piece."""
    with pytest.raises(BadInput, match="'xml' is not one of json, csv, ndjson"):
        api.export_all("xml")
    with pytest.raises(NotFound):
        api.export_bucket("nothing")
