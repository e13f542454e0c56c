"""An application in front of a store in memory."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pulseline_api import ServerInfo, create_app
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

INFO = ServerInfo(
    hostname="desk", version="0.1.0", testing=False, device_id="7c5b", started="2026-11-23T10:00:00+00:00"
)


@pytest.fixture
def store() -> MemoryStore:
    """A store with the bucket ``plug``."""
    store = MemoryStore()
    store.add_bucket("plug", type="power", client="meter", hostname="desk")
    return store


@pytest.fixture
def reader(store: MemoryStore) -> MemoryReader:
    """What the application reads with."""
    return MemoryReader(store)


@pytest.fixture
def writer(store: MemoryStore) -> RecordingWriter:
    """What the application writes with."""
    return RecordingWriter(store)


@pytest.fixture
def app(reader: MemoryReader, writer: RecordingWriter) -> Flask:
    """The application."""
    return create_app(reader, writer, INFO)


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    """A client of the application."""
    return app.test_client()
