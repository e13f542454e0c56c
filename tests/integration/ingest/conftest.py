"""A store of the test's own, and what goes wrong with it on demand."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pulseline_core.event import Event
from pulseline_core.store import BucketRow, Transaction, sqlite
from tests.integration.ingest.bench import Bench, Break


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the test a place for a database file."""
    return tmp_path / "pulseline.db"


@pytest.fixture
def bench(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Give the test an empty store that does not wait long for a lock, and workers for it."""
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_S", 0.02)
    with Bench(path) as bench:
        yield bench


@pytest.fixture
def timed_bench(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give the test a bench whose workers know no other clock than the bench's."""
    monkeypatch.setattr("pulseline_ingest.worker.monotonic", bench.clock)
    return bench


@pytest.fixture
def other(bench: Bench, path: Path) -> Iterator[sqlite3.Connection]:
    """Give the test a connection of another program to the database, to lock it with."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


@pytest.fixture
def break_merges(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Return a function that lets merges fail: it takes what says, for bucket and event, which error comes first."""
    merge = Transaction.merge_heartbeat

    def break_merges(choose: Callable[[BucketRow, Event], Exception | None]) -> None:
        def merge_or_fail(self: Transaction, row: BucketRow, event: Event, pulsetime: timedelta) -> Any:
            error = choose(row, event)
            if error is not None:
                raise error
            return merge(self, row, event, pulsetime)

        def add_or_fail(self: Transaction, row: BucketRow, heartbeats: Iterable[tuple[Event, timedelta]]) -> None:
            for event, pulsetime in heartbeats:
                merge_or_fail(self, row, event, pulsetime)

        monkeypatch.setattr(Transaction, "merge_heartbeat", merge_or_fail)
        monkeypatch.setattr(Transaction, "add_heartbeats", add_or_fail)

    return break_merges
