"""Answers that are larger than what is kept in memory, and wait in a file."""

from __future__ import annotations

import errno
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_core.store import EventRow
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

EVENTS = 100_000
MIB = 1024 * 1024


@contextmanager
def open_many_rows(*_: object, **__: object) -> Iterator[Iterator[EventRow]]:
    """Give rows that are some twenty megabytes of text, and that nobody holds."""
    yield ((n, n * 1_000_000, n * 1_000_000, n, f'{{"title":"{"x" * 100}"}}') for n in range(1, EVENTS + 1))


@pytest.fixture(name="http")
def _http(monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    store = MemoryStore()
    monkeypatch.setattr(MemoryReader, "open_event_rows", staticmethod(open_many_rows))
    return create_app(MemoryReader(store), RecordingWriter(store), INFO).test_client()


def test_answer_of_many_events_needs_little_memory(http: FlaskClient) -> None:
    """aw-client asks for all events of a bucket unless it is told otherwise."""
    http.get("/api/0/info")
    tracemalloc.start()
    try:
        answer = http.get("/api/0/buckets/plug/events", buffered=False)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 6 * MIB
    assert len(answer.data) == answer.content_length > 15 * MIB
    assert len(json.loads(answer.data)) == EVENTS
    answer.close()


def test_answer_that_finds_no_space_is_507(http: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large answers wait in a file."""

    class FullFile(SpooledTemporaryFile):  # type: ignore[type-arg]  # of bytes
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pulseline_api.answer.SpooledTemporaryFile", FullFile)

    answer = http.get("/api/0/buckets/plug/events")

    assert answer.status_code == 507
    assert "message" in answer.get_json()
