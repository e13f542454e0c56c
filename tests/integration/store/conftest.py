"""A database of the test's own: a file, or on a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres_server import PostgresServer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the test a place for a database file, in a folder that is not there yet."""
    return tmp_path / "data" / "pulseline.db"


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Give the tests a server that they may restart; its commits reach the disk."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def url(server: PostgresServer) -> str:
    """Give the test an empty schema."""
    return server.make_url()
