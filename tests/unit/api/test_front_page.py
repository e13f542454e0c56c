"""What a browser and a curious program see first."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from pulseline_api import create_app
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, RecordingWriter


def test_root_is_a_page_whose_links_lead_somewhere(http: FlaskClient) -> None:
    """Small, of this server alone, with its version."""
    answer = http.get("/")

    links = re.findall(r'href="([^"]+)"', answer.text)
    assert answer.content_type == "text/html; charset=utf-8"
    assert "Pulseline 0.1.0 runs here." in answer.text
    assert {"/api/", "/api/0/info", "/api/0/buckets/", "/api/0/status"} <= set(links)
    assert [http.get(link).status_code for link in links] == [200] * len(links)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_root_is_readable_on_a_telephone_and_in_the_dark(http: FlaskClient) -> None:
    """Browsers take a page that says neither for one of 980 pixels, and white."""
    page = http.get("/").text

    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert '<meta name="color-scheme" content="light dark">' in page


def test_root_says_that_it_is_for_testing(reader: MemoryReader, writer: RecordingWriter) -> None:
    """Nobody takes the one for the other."""
    app = create_app(reader, writer, replace(INFO, testing=True))

    assert "testing" in app.test_client().get("/").text


@pytest.mark.parametrize("path", ["/api/0", "/api/0/"])
def test_base_lists_every_path_with_its_methods(http: FlaskClient, path: str) -> None:
    """Made of the routes themselves."""
    answer = http.get(path)

    assert answer.json is not None
    assert answer.json["version"] == "0.1.0"
    assert answer.json["paths"]["/api/0/buckets/<bucket_id>"] == ["DELETE", "GET", "POST", "PUT"]
    assert answer.json["paths"]["/api/0/buckets/<bucket_id>/events/<event_id>"] == ["DELETE", "GET"]


def test_unknown_path_is_named(http: FlaskClient) -> None:
    """As it was written, without its query."""
    answer = http.get("/api/0/bucket%2Fs?limit=1")

    assert answer.status_code == 404
    assert answer.json == {"message": "no path '/api/0/bucket%2Fs' exists; /api/0/ lists all"}


def test_root_keeps_foreign_pages_out(http: FlaskClient) -> None:
    """The Host check holds here, too."""
    assert http.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_answer_ends_with_a_line_end(http: FlaskClient) -> None:
    """So that the prompt after curl stands on a line of its own."""
    assert http.get("/api/0/info").data.endswith(b"}\n")
    assert http.get("/api/0/export").data.endswith(b"}\n")
