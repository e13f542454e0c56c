"""The application behind the real HTTP server, in front of a store in memory."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from pulseline_api import create_app
from pulseline_api.http_server import HttpServer
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter


@pytest.fixture
def store() -> MemoryStore:
    """A store with the bucket ``plug``."""
    store = MemoryStore()
    store.add_bucket("plug")
    return store


@pytest.fixture
def server(store: MemoryStore) -> Iterator[HttpServer]:
    """A server that listens on a free port."""
    app = create_app(MemoryReader(store), RecordingWriter(store), INFO)
    with HttpServer(app, "127.0.0.1", 0, threads=4) as server:
        yield server


@pytest.fixture
def http(server: HttpServer) -> Iterator[httpx.Client]:
    """A client of the server."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as http:
        yield http
