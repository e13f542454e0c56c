"""What the tests of queries in real processes share: a pool of them with a scripted engine, and questions to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from pulseline_api.client_watch import ClientWatch
from pulseline_api.query_pool import QueryPool
from pulseline_api.query_request import QueryRequest
from pulseline_api.query_wire import WorkerOptions

SCRIPTED = "tests.integration.api.scripted_engine:open_engine"

START = datetime(2026, 11, 23, tzinfo=UTC)


def find_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes that are started find what this one finds."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def build_pool(*, workers: int = 1, places: int = 8, timeout_s: float = 60.0, engine: str = SCRIPTED) -> QueryPool:
    """Return a pool whose processes do what they are told."""
    options = WorkerOptions(
        place=Path("nowhere.db"), timeout_s=timeout_s, memory_bytes=512 * 1024 * 1024, engine=engine
    )
    return QueryPool(options, workers=workers, places=places)


def build_request(*statements: str, name: str = "") -> QueryRequest:
    """Return a query over one period."""
    return QueryRequest(statements=statements, periods=((START, START),), name=name)


def ask(pool: QueryPool, *statements: str, client: ClientWatch | None = None) -> Any:
    """Return what a query answers."""
    return orjson.loads(b"".join(begin(pool, *statements, client=client)))


def begin(
    pool: QueryPool, *statements: str, client: ClientWatch | None = None
) -> Generator[bytes, None, tuple[str, ...]]:
    """Return a query that has not begun yet; it has when it yields its first piece."""
    return pool.run(build_request(*statements), client or ClientWatch())
