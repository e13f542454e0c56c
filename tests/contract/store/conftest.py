"""A place for a database, of each kind that there is; and a store and a reader on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pulseline_core.store import Reader, Store, open_reader, open_store
from pulseline_core.store.column_reader import open_column_reader
from tests.contract.store.samples import Place
from tests.postgres_server import PostgresServer


def _make_place(address: Path | str, remove: Callable[[], None]) -> Place:
    return Place(
        address,
        remove,
        partial(open_store, address),
        partial(open_reader, address),
        partial(open_column_reader, address),
    )


def _make_sqlite(folder: Path) -> Place:
    def remove() -> None:
        for path in folder.glob("pulseline.db*"):
            path.unlink()

    return _make_place(folder / "pulseline.db", remove)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give the tests a PostgreSQL server that they share, which does not wait for the disk."""
    with PostgresServer(is_durable=False) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def make_place(request: pytest.FixtureRequest) -> Callable[[Path], Place]:
    """Make places for one kind of database, one after the other; a file is in the folder.

    On the server there is one for each test, emptied in between: to make its tables takes a tenth of a second.
    """
    if request.param == "sqlite":
        return _make_sqlite
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.make_url()

    def make_empty(_: Path) -> Place:
        server.delete_rows(url)
        return _make_place(url, partial(server.empty, url))

    return make_empty


@pytest.fixture
def place(make_place: Callable[[Path], Place], tmp_path: Path) -> Place:
    """Give the test a place without a database."""
    return make_place(tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """Give the test an empty store."""
    with place.open_store() as store:
        yield store


@pytest.fixture
def reader(place: Place, store: Store) -> Iterator[Reader]:
    """Give the test a reader of the store."""
    with place.open_reader() as reader:
        yield reader
