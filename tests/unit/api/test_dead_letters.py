"""Dead letters over REST."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from pulseline_core.errors import ReplyTimeout
from tests.unit.api.memory_store import MemoryStore, RecordingWriter


def test_list_is_newest_first_and_turns_pages(http: FlaskClient, store: MemoryStore) -> None:
    """The last id of a page leads to the next one."""
    for number in range(5):
        store.add_dead_letter(b"x" * number)

    first = http.get("/api/0/dead-letters?limit=2").get_json()
    second = http.get(f"/api/0/dead-letters/?limit=2&before_id={first[-1]['id']}").get_json()
    third = http.get(f"/api/0/dead-letters?limit=2&before_id={second[-1]['id']}").get_json()

    assert [[each["id"] for each in page] for page in (first, second, third)] == [[5, 4], [3, 2], [1]]


def test_entry_of_the_list_says_what_and_why_without_the_payload(http: FlaskClient, store: MemoryStore) -> None:
    """The payload may be large."""
    store.add_dead_letter(b"{")

    [entry] = http.get("/api/0/dead-letters").get_json()

    assert entry == {
        "id": 1,
        "topic": "pulseline/v1/plug/heartbeat",
        "reason": "payload is not JSON",
        "received": "2026-11-23T00:00:00+00:00",
        "client_id": None,
        "size_bytes": 1,
    }


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x"])
def test_page_size_has_limits(http: FlaskClient, limit: str) -> None:
    """There may be a million of them."""
    answer = http.get(f"/api/0/dead-letters?limit={limit}")

    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith("parameter 'limit'")


@pytest.mark.parametrize(
    ("payload", "encoded", "text"),
    [(b"caf\xc3\xa9", "Y2Fmw6k=", "café"), (b"\xff\x00", "/wA=", None), (b"", "", "")],
)
def test_one_shows_its_bytes(
    http: FlaskClient, store: MemoryStore, payload: bytes, encoded: str, text: str | None
) -> None:
    """In base64 always, as text where they are UTF-8."""
    store.add_dead_letter(payload)

    shown = http.get("/api/0/dead-letters/1").get_json()

    assert (shown["payload"], shown["text"], shown["size_bytes"]) == (encoded, text, len(payload))


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "7"), ("DELETE", "7"), ("POST", "7/replay")], ids=["show", "drop", "replay"]
)
def test_unknown_one_is_404(http: FlaskClient, writer: RecordingWriter, method: str, path: str) -> None:
    """Before ingest is asked."""
    answer = http.open(f"/api/0/dead-letters/{path}", method=method)

    assert answer.status_code == 404
    assert answer.json == {"message": "no dead letter 7 exists"}
    assert writer.calls == []


def test_replay_and_drop_go_through_ingest(http: FlaskClient, store: MemoryStore, writer: RecordingWriter) -> None:
    """Nothing else changes the store."""
    first, second = store.add_dead_letter(b"a"), store.add_dead_letter(b"b")

    replayed = http.post(f"/api/0/dead-letters/{first}/replay")
    dropped = http.delete(f"/api/0/dead-letters/{second}")

    assert (replayed.status_code, replayed.json) == (200, {})
    assert (dropped.status_code, dropped.json) == (200, {})
    assert writer.names == ["replay_dead_letter", "drop_dead_letter"]
    assert http.get("/api/0/dead-letters").json == []


def test_replay_that_fails_again_says_why(http: FlaskClient, store: MemoryStore) -> None:
    """It stays."""
    store.add_dead_letter(b"{", reason="hopeless")

    answer = http.post("/api/0/dead-letters/1/replay")

    assert (answer.status_code, answer.json) == (400, {"message": "still hopeless"})
    assert len(http.get("/api/0/dead-letters").get_json()) == 1


def test_replay_without_an_answer_is_503(
    http: FlaskClient, store: MemoryStore, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only ingest knows how it went."""

    def time_out(_: int) -> None:
        raise ReplyTimeout(10.0)

    store.add_dead_letter(b"{")
    monkeypatch.setattr(writer, "replay_dead_letter", time_out)

    answer = http.post("/api/0/dead-letters/1/replay")

    assert answer.status_code == 503
    assert "the message is kept" in answer.get_json()["message"]
