"""The processes that run queries, with the query language and a store in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulseline_api.query_pool import QueryPool
from pulseline_api.query_wire import WorkerOptions
from pulseline_core.settings.sections import ApiSettings
from pulseline_core.settings.spec import iter_specs
from pulseline_core.store import open_store
from tests.contract.store.samples import BUCKET, insert, make_event
from tests.integration.api.queries import ask, find_modules

EVENTS = 20_000


def test_the_least_memory_is_enough_for_ordinary_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program itself takes is 220 MB of addresses."""
    find_modules(monkeypatch)
    path = tmp_path / "store.db"
    with open_store(path) as store:
        insert(store, *(make_event(-10 * number, 9, {"title": f"page {number}"}) for number in range(EVENTS)))
    (memory,) = (spec for spec in iter_specs("api", ApiSettings) if spec.key == "query_memory_bytes")
    options = WorkerOptions(place=path, timeout_s=60.0, memory_bytes=int(memory.facts.minimum))

    with QueryPool(options, workers=1, places=1) as pool:
        results = ask(
            pool,
            "STARTTIME = '2026-01-01'; ENDTIME = '2027-01-01';",
            f"events = flood(query_bucket('{BUCKET}'));",
            "events = categorize(events, [[['Odd'], {'type': 'regex', 'regex': '[13579]$'}]]);",
            "RETURN = [merge_events_by_keys(events, ['$category']), merge_events_by_keys(events, ['title'])];",
        )

    assert [len(events) for events in results[0]] == [2, EVENTS]
