"""Heartbeats over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.api.memory_store import RecordingWriter

HEARTBEAT = "/api/0/buckets/plug/heartbeat"
BODY = {"timestamp": "2026-11-01T10:00:00+00:00", "duration": 0, "data": {"state": "on"}}


@pytest.mark.parametrize("path", [HEARTBEAT, f"{HEARTBEAT}/"])
def test_heartbeat_answers_the_resulting_event(http: FlaskClient, writer: RecordingWriter, path: str) -> None:
    """What ingest made of it, with its id."""
    answer = http.post(f"{path}?pulsetime=60", json=BODY)

    assert answer.status_code == 200
    assert answer.json == {**BODY, "id": 1, "duration": 0.0}
    assert writer.names == ["heartbeat"]
    assert writer.calls[0][2] == {"pulsetime": timedelta(seconds=60), "queued": False}


@pytest.mark.parametrize(
    "extra", [{"id": 7}, {"id": "x"}, {"id": None}, {"id": []}, {"new": 1}, {"events": []}], ids=str
)
def test_id_and_unknown_keys_are_ignored(http: FlaskClient, extra: dict[str, Any]) -> None:
    """Both servers lose or refuse such heartbeats."""
    answer = http.post(f"{HEARTBEAT}?pulsetime=60", json={**BODY, **extra})

    assert answer.status_code == 200
    assert answer.get_json()["id"] == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("2.5", 2.5), ("80", 80), ("1e3", 1000), ("185.0", 185), ("1e30", 366 * 86400)],
)
def test_pulsetime_may_be_any_number_from_zero(
    http: FlaskClient, writer: RecordingWriter, text: str, seconds: float
) -> None:
    """Fractions too; what is longer than the longest event is as long as it."""
    assert http.post(f"{HEARTBEAT}?pulsetime={text}", json=BODY).status_code == 200
    assert writer.calls[0][2]["pulsetime"] == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "query", ["", "?pulsetime=", "?pulsetime=x", "?pulsetime=-1", "?pulsetime=nan", "?pulsetime=inf", "?pulsetime=-inf"]
)
def test_pulsetime_that_is_missing_or_no_number_is_400(http: FlaskClient, writer: RecordingWriter, query: str) -> None:
    """The message names it."""
    answer = http.post(f"{HEARTBEAT}{query}", json=BODY)

    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith("parameter 'pulsetime'")
    assert writer.calls == []


def test_heartbeat_needs_a_timestamp(http: FlaskClient, writer: RecordingWriter) -> None:
    """ActivityWatch's schema requires it."""
    answer = http.post(f"{HEARTBEAT}?pulsetime=60", json={"data": {}})

    assert answer.status_code == 400
    assert answer.json == {"message": "timestamp is required, as a text"}
    assert writer.calls == []


def test_array_of_heartbeats_is_400(http: FlaskClient) -> None:
    """One at a time."""
    assert http.post(f"{HEARTBEAT}?pulsetime=60", json=[BODY]).status_code == 400
