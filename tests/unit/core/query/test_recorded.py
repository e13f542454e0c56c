"""The queries that aw-core answered, and what it answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from pulseline_core.event import parse_event
from pulseline_core.query.answer import Question, answer
from pulseline_core.query.errors import QueryError
from tests.unit.core.query.memory_source import NOW, MemorySource, build_budget, to_json
from tests.vectors import read_fixture
from tests.vectors.queries import ANSWERED, REFUSED, check_same


@pytest.fixture(scope="module")
def source() -> MemorySource:
    """Return the buckets that the recorded queries ran on."""
    buckets = read_fixture("query2-fixture")["buckets"]
    return MemorySource(
        {
            bucket_id: (bucket["hostname"], [parse_event(event, now=NOW) for event in bucket["events"]])
            for bucket_id, bucket in buckets.items()
        }
    )


def run(vector: dict[str, Any], source: MemorySource) -> Any:
    """Run a recorded query."""
    start, end = map(datetime.fromisoformat, vector["timeperiod"].split("/"))
    question = Question(statements=(vector["query"],), periods=((start, end),), name=vector["name"])
    return to_json(answer(question, source, build_budget()).results[0])


@pytest.mark.parametrize("vector", ANSWERED, ids=lambda each: each["id"])
def test_a_recorded_query_has_the_recorded_result(vector: dict[str, Any], source: MemorySource) -> None:
    """What aw-server's users wrote finds what it found."""
    check_same(run(vector, source), vector["expected"])


@pytest.mark.parametrize("vector", REFUSED, ids=lambda each: each["id"])
def test_a_recorded_query_that_failed_fails_in_the_same_way(vector: dict[str, Any], source: MemorySource) -> None:
    """The kind of the error is the one that aw-server answered."""
    with pytest.raises(QueryError) as caught:
        run(vector, source)

    assert caught.value.kind == vector["error"]
