"""Settings of the clients, which aw-webui keeps on the server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.compat.remote import ClientError, Remote

#: Categories as aw-webui keeps them.
CLASSES = [
    {"id": 0, "name": ["Work"], "rule": {"type": "regex", "regex": "Google Docs|ä", "ignore_case": True}},
    {"id": 1, "name": ["Uncategorized"], "rule": {"type": None}, "data": {"color": "#CCC"}},
]


def test_10_setting_that_was_never_set_is_nothing(aw: Remote, js: Remote) -> None:
    """``null`` with 200: None to the Python client, the whole response to axios."""
    assert aw.call("get_setting", "never-set") is None
    assert js.call("get_setting", "never-set") == {"$response": {"status": 200, "data": None}}


@pytest.mark.parametrize(
    "value",
    ["04:00", "", 7, 1.5, 0, True, False, [], {}, CLASSES],
    ids=["text", "empty text", "integer", "number", "zero", "true", "false", "empty list", "empty object", "classes"],
)
def test_python_client_gets_what_it_set(aw: Remote, value: Any) -> None:
    """Also what is false in Python, which aw-server would have dropped."""
    aw.call("set_setting", "python-setting", value)

    assert aw.call("get_setting", "python-setting") == value
    assert aw.call("get_setting")["python-setting"] == value


def test_npm_client_gets_what_it_set(js: Remote) -> None:
    """Lists and objects; the last value counts."""
    js.call("set_setting", "npm-setting", [1, 2])
    js.call("set_setting", "npm-setting", CLASSES)

    assert js.call("get_setting", "npm-setting") == CLASSES
    assert js.call("get_settings")["npm-setting"] == CLASSES


def test_npm_client_sends_texts_as_forms(js: Remote) -> None:
    """Its own fault: axios says that a bare text is a form, and a form is never read. aw-webui names JSON itself."""
    with pytest.raises(ClientError) as caught:
        js.call("set_setting", "npm-text", "04:00")

    assert caught.value == ClientError("AxiosError", 415)


def test_web_interface_sends_one_value_each(http: httpx.Client) -> None:
    """As JSON, whatever it is, and reads all of them."""
    for key, value in (("startOfDay", '"04:00"'), ("useColorFallback", "false"), ("durationDefault", "14400")):
        answer = http.post(f"/settings/{key}", content=value, headers={"Content-Type": "application/json"})
        assert answer.is_success

    settings = http.get("/settings").json()
    assert settings == http.get("/settings/").json()
    assert (settings["startOfDay"], settings["useColorFallback"], settings["durationDefault"]) == (
        "04:00",
        False,
        14400,
    )


def test_setting_is_deleted(http: httpx.Client) -> None:
    """As at aw-server-rust; afterwards it is as if never set."""
    http.post("/settings/short-lived", json={"a": 1})

    assert http.delete("/settings/short-lived").is_success
    assert http.get("/settings/short-lived").json() is None
    assert "short-lived" not in http.get("/settings").json()
