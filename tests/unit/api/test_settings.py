"""Settings over REST."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from pulseline_core.types import JSONValue
from tests.unit.api.memory_store import MemoryStore, RecordingWriter

VALUES: list[JSONValue] = [None, False, 0, "", [], {}, 30, "04:00", [{"name": ["Work"]}]]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_any_value_is_kept_and_answered(http: FlaskClient, value: JSONValue) -> None:
    """Also what is false, which aw-server forgets; aw-client parses the answer."""
    set_ = http.post("/api/0/settings/theme", data=json.dumps(value), content_type="application/json")

    assert (set_.status_code, set_.json) == (200, value)
    assert http.get("/api/0/settings/theme").json == value
    assert http.get("/api/0/settings").json == {"theme": value}


def test_unset_key_is_null(http: FlaskClient) -> None:
    """With 200: both reference servers answer that, and aw-client makes it ``None``."""
    answer = http.get("/api/0/settings/theme/")

    assert (answer.status_code, answer.data) == (200, b"null\n")


@pytest.mark.parametrize("path", ["/api/0/settings", "/api/0/settings/"])
def test_without_values_there_is_an_empty_object(http: FlaskClient, path: str) -> None:
    """Both forms of the path."""
    assert http.get(path).json == {}


def test_deleted_key_is_gone(http: FlaskClient, store: MemoryStore) -> None:
    """A second time is no error, as in aw-server-rust."""
    store.settings["theme"] = "dark"

    assert [http.delete("/api/0/settings/theme").status_code for _ in range(2)] == [200, 200]
    assert store.settings == {}


def test_value_without_a_key_is_400(http: FlaskClient) -> None:
    """As aw-server."""
    answer = http.post("/api/0/settings", json=1)

    assert answer.status_code == 400
    assert "'key' is missing" in answer.get_json()["message"]


@pytest.mark.parametrize("key", ["ä ö", "a/b", "%2F", "settings.x", "k" * 127])
def test_keys_may_be_any_text(http: FlaskClient, store: MemoryStore, key: str) -> None:
    """Slashes too, percent-encoded."""
    path = f"/api/0/settings/{quote(key, safe='')}"

    assert http.post(path, json=1).status_code == 200
    assert store.settings == {key: 1}
    assert http.get(path).json == 1


@pytest.mark.parametrize("key", ["k" * 128, "a%0Ab", "%00", "a%1Fb", "a%2F%1Fb"])
def test_keys_that_no_store_keeps_are_400(http: FlaskClient, writer: RecordingWriter, key: str) -> None:
    """Over 127 characters, or not printable; percent-encoded."""
    path = f"/api/0/settings/{key}"

    assert [http.get(path).status_code, http.post(path, json=1).status_code, http.delete(path).status_code] == [400] * 3
    assert writer.calls == []


def test_value_that_no_store_holds_is_400(http: FlaskClient, writer: RecordingWriter) -> None:
    """The message names the key."""
    answer = http.post("/api/0/settings/theme", json="\x00")

    assert (answer.status_code, writer.calls) == (400, [])
    assert "theme" in answer.get_json()["message"]


def test_setting_is_kept_while_the_broker_is_away(http: FlaskClient, writer: RecordingWriter) -> None:
    """It is in the outbox; the web interface hears no error."""
    writer.go_away()

    assert http.post("/api/0/settings/theme", json="dark").status_code == 200
    assert writer.names == ["set_setting"]
