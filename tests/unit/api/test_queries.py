"""``POST /api/0/query``: what is asked of whatever runs queries, and how its answers are told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_api.query_process import QueryFailed
from pulseline_api.query_request import QueryRequest
from pulseline_core.errors import Unavailable
from pulseline_core.query.errors import QueryFunctionError, QueryInterpretError, QueryParseError
from pulseline_core.settings import Secret
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, RecordingWriter
from tests.unit.api.scripted_queries import ScriptedQueries

QUERY = {"query": ["RETURN = 1;"], "timeperiods": ["2026-11-23T00:00:00+01:00/2026-11-24T00:00:00+01:00"]}

PARIS = timezone(timedelta(hours=1))


@pytest.fixture(name="queries")
def _queries() -> ScriptedQueries:
    return ScriptedQueries()


@pytest.fixture(name="http")
def _http(reader: MemoryReader, writer: RecordingWriter, queries: ScriptedQueries) -> FlaskClient:
    return create_app(reader, writer, INFO, AppOptions(queries=queries)).test_client()


@pytest.mark.parametrize("path", ["/api/0/query", "/api/0/query/"])
def test_result_is_what_the_query_returns(http: FlaskClient, queries: ScriptedQueries, path: str) -> None:
    """JSON, whichever form of the path."""
    answer = http.post(f"{path}?name=mine&cache=1", json=QUERY)

    assert (answer.status_code, answer.json, answer.content_type) == (200, [1], "application/json")
    assert "Pulseline-Warnings" not in answer.headers
    assert queries.closed == 1


def test_query_is_handed_on_as_it_came(http: FlaskClient, queries: ScriptedQueries) -> None:
    """Name and statements, and the periods with the offsets of the client."""
    http.post("/api/0/query/?name=m%C3%BCine", json={**QUERY, "query": ["a = 1;", "RETURN = a;"]})

    midnight = datetime(2026, 11, 23, tzinfo=PARIS)
    assert queries.asked == [
        QueryRequest(
            statements=("a = 1;", "RETURN = a;"), periods=((midnight, midnight + timedelta(days=1)),), name="müine"
        )
    ]
    assert queries.asked[0].periods[0][0].isoformat() == "2026-11-23T00:00:00+01:00"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("2026-11-23/2026-11-24", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T01:00:00Z/2026-11-24", datetime(2026, 11, 23, 1, tzinfo=UTC)),
        ("2026-11-23T01:00:00+01:00/2026-11-24T01:00:00+01:00", datetime(2026, 11, 23, tzinfo=UTC)),
    ],
)
def test_periods_are_read_kindly(http: FlaskClient, queries: ScriptedQueries, text: str, start: datetime) -> None:
    """As ActivityWatch's python server reads them."""
    answer = http.post("/api/0/query/", json={**QUERY, "timeperiods": [text]})

    assert answer.status_code == 200
    assert queries.asked[0].periods[0][0] == start


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"timeperiods": []}, "query is missing; give an array of texts"),
        ({"query": []}, "timeperiods is missing; give an array of texts"),
        ({**QUERY, "query": "RETURN = 1;"}, "query 'RETURN = 1;' is not an array; give an array of texts"),
        ({**QUERY, "query": [["RETURN"]]}, "query holds \"['RETURN']\", which is not a text"),
        ({**QUERY, "timeperiods": None}, "timeperiods 'None' is not an array; give an array of texts"),
        ({**QUERY, "timeperiods": [1]}, "timeperiods holds '1', which is not a text"),
        ({**QUERY, "timeperiods": ["2026"]}, "time period '2026' is not of the form START/END"),
        ({**QUERY, "timeperiods": ["a/b/c"]}, "time period 'a/b/c' is not of the form START/END"),
        (
            {**QUERY, "timeperiods": ["2026-11-23/soon"]},
            "time period '2026-11-23/soon': end 'soon' is not an ISO 8601 time, as in '2026-11-23T10:00:00Z'",
        ),
        ({**QUERY, "timeperiods": ["2026-13-01/2026"]}, "time period '2026-13-01/2026': start '2026-13-01' does not"),
        ({**QUERY, "timeperiods": ["2026/2027"] * 1001}, "timeperiods has 1001 entries, the limit is 1000"),
        ([], "payload '[]' is not an object"),
    ],
)
def test_body_that_is_no_query_is_told(http: FlaskClient, queries: ScriptedQueries, body: Any, message: str) -> None:
    """Nothing is run."""
    answer = http.post("/api/0/query/", json=body)

    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith(message)
    assert queries.asked == []


@pytest.mark.parametrize(
    "error", [QueryParseError("no"), QueryInterpretError("no"), QueryFunctionError("no")], ids=lambda error: error.kind
)
def test_wrong_query_is_told_in_its_kind(http: FlaskClient, queries: ScriptedQueries, error: Any) -> None:
    """Also when a part of the answer was made before: nothing of that is sent."""
    queries.error = error

    answer = http.post("/api/0/query/", json=QUERY)

    assert (answer.status_code, answer.json) == (400, {"type": error.kind, "message": "no"})


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (Unavailable("not now"), 503, "not now"),
        (QueryFailed("Traceback: x"), 500, "the query failed; the server's log has the traceback"),
    ],
)
def test_what_is_not_the_fault_of_the_query_is_told(
    http: FlaskClient, queries: ScriptedQueries, error: Exception, status: int, message: str
) -> None:
    """Without a kind."""
    queries.error = error

    answer = http.post("/api/0/query/", json=QUERY)

    assert (answer.status_code, answer.json) == (status, {"message": message})


def test_what_was_passed_over_is_named_in_a_header(http: FlaskClient, queries: ScriptedQueries) -> None:
    """As JSON of ASCII, so that no line end and no letter breaks the header; friends' pages may read it."""
    queries.warnings = ("rule 'Ümlaut':\n missing )",)

    answer = http.post("/api/0/query/", json=QUERY, headers={"Origin": "http://localhost"})

    text = answer.headers["Pulseline-Warnings"]
    assert text.isascii()
    assert json.loads(text) == ["rule 'Ümlaut':\n missing )"]
    assert "Pulseline-Warnings" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("warnings", "last"),
    [
        (("x" * 100,) * 1000, "and 961 more"),
        (("x",) * 1000, "and 936 more"),
        (("x" * 5000, "y"), "2 warnings that are too long for a header"),
    ],
    ids=["many", "short ones", "long one"],
)
def test_header_stays_small(http: FlaskClient, queries: ScriptedQueries, warnings: tuple[str, ...], last: str) -> None:
    """Clients refuse large ones."""
    queries.warnings = warnings

    answer = http.post("/api/0/query/", json=QUERY)

    assert len(answer.headers["Pulseline-Warnings"]) <= 4096
    assert json.loads(answer.headers["Pulseline-Warnings"])[-1] == last


def test_query_waits_for_what_was_promised(http: FlaskClient, writer: RecordingWriter) -> None:
    """Whoever wrote something finds it in what is asked next."""
    writer.go_away()
    http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json={"timestamp": "2026-11-01T10:00:00Z"})
    writer.problem = None

    http.post("/api/0/query/", json=QUERY)

    assert writer.flushed == 1


def test_query_needs_the_key(reader: MemoryReader, writer: RecordingWriter, queries: ScriptedQueries) -> None:
    """As all that tells of what is stored."""
    options = AppOptions(queries=queries, key=Secret("s3cret"))
    http = create_app(reader, writer, INFO, options).test_client()

    assert http.post("/api/0/query/", json=QUERY).status_code == 401
    assert http.post("/api/0/query/", json=QUERY, headers={"Authorization": "Bearer s3cret"}).status_code == 200


def test_server_without_queries_says_so(reader: MemoryReader, writer: RecordingWriter) -> None:
    """An application that was made without what runs them."""
    answer = create_app(reader, writer, INFO).test_client().post("/api/0/query/", json=QUERY)

    assert (answer.status_code, answer.json) == (503, {"message": "this server runs no queries"})
