"""A place for a database, of each kind that there is; and a store and a reader on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pulseline_core.store import Reader, Store, open_reader, open_store
from pulseline_core.store.column_reader import open_column_reader
from tests.contract.store.samples import Place


def _make_sqlite(folder: Path) -> Place:
    path = folder / "pulseline.db"
    return Place(path, partial(open_store, path), partial(open_reader, path), partial(open_column_reader, path))


@pytest.fixture(params=[pytest.param(_make_sqlite, id="sqlite")])
def make_place(request: pytest.FixtureRequest) -> Callable[[Path], Place]:
    """Make places for one kind of database in a folder."""
    make: Callable[[Path], Place] = request.param
    return make


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
