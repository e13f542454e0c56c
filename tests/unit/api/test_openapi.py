"""The description of the REST interface, and the page that shows it."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from pulseline_api.answer import answer
from pulseline_api.openapi import build_document
from pulseline_core.errors import Misuse


def read_document(http: FlaskClient, path: str = "/api/openapi.json") -> dict[str, Any]:
    """Return the description."""
    document = http.get(path).json
    assert isinstance(document, dict)
    return document


def test_description_is_openapi(http: FlaskClient) -> None:
    """To the rules of its version, with every reference leading somewhere."""
    document = read_document(http)

    validate(document)

    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"] == "0.1.0"


def test_description_lies_where_activitywatch_has_it(http: FlaskClient) -> None:
    """Under both names it is the same."""
    assert read_document(http, "/api/swagger.json") == read_document(http)


def test_description_has_every_route(http: FlaskClient) -> None:
    """Those below the base, as the list for programs names them."""
    listed = http.get("/api/0/").json
    assert listed is not None
    routes = {
        (path.removeprefix("/api/0").replace("<", "{").replace(">", "}"), method.lower())
        for path, methods in listed["paths"].items()
        if path.startswith("/api/0/")
        for method in methods
    }

    paths = read_document(http)["paths"]

    assert {(path, method) for path, methods in paths.items() for method in methods} == routes


def test_route_that_says_nothing_of_itself_is_found(app: Flask) -> None:
    """Whoever adds one is told what is missing where."""
    app.add_url_rule("/api/0/novelty", "novelty", lambda: answer({}))

    with pytest.raises(Misuse, match="GET /api/0/novelty has no @describe"):
        build_document(app, base="/api/0", version="0.1.0")


def test_operation_is_made_of_its_route_and_its_handler(http: FlaskClient) -> None:
    """The docstring's first line is the summary, the rest the text; the errors follow from the route."""
    operation = read_document(http)["paths"]["/buckets/{bucket_id}/events"]["delete"]

    assert operation["summary"] == "Delete the events that begin from start to end, which both have to be there"
    assert operation["description"] == "Answers how many they were; null when ingest is away and will do it later."
    assert operation["tags"] == ["events"]
    assert [(each["name"], each["in"], each["required"]) for each in operation["parameters"]] == [
        ("bucket_id", "path", True),
        ("start", "query", True),
        ("end", "query", True),
    ]
    assert list(operation["responses"]) == ["200", "400", "401", "403", "404", "500", "503", "507"]


def test_no_component_is_left_over(http: FlaskClient) -> None:
    """Each is referred to, by an operation or another one."""
    text = http.get("/api/openapi.json").text
    components = read_document(http)["components"]

    for kind in ("schemas", "responses"):
        for name in components[kind]:
            assert f'"#/components/{kind}/{name}"' in text, name


def test_page_loads_only_what_this_server_has(http: FlaskClient) -> None:
    """It works without the internet, and each of its files is there."""
    page = http.get("/api/")

    links = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert page.content_type == "text/html; charset=utf-8"
    assert len(links) == 4
    for link in links:
        with http.get(link) as file:
            assert file.status_code == 200, link
    assert "//" not in "".join(links)


def test_page_without_the_slash_is_the_same(http: FlaskClient) -> None:
    """People leave it out."""
    assert http.get("/api").data == http.get("/api/").data


@pytest.mark.parametrize("element", ["script", "style"])
def test_policy_of_the_page_admits_what_is_in_it_and_no_more(http: FlaskClient, element: str) -> None:
    """By its hash: nothing that a description might bring along runs."""
    page = http.get("/api/")
    (text,) = re.findall(f"<{element}>(.*?)</{element}>", page.text, re.DOTALL)

    digest = b64encode(sha256(text.encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert f"{element}-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["oauth2-redirect.html", "..%2F__init__.py", "none.js"])
def test_other_files_are_not_served(http: FlaskClient, name: str) -> None:
    """The package has more than the page needs."""
    assert http.get(f"/api/ui/{name}").status_code == 404
