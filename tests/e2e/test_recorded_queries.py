"""The queries that aw-core answered, over REST, on a whole system that imported the buckets they ran on."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.e2e.up_process import Up
from tests.vectors import read_fixture
from tests.vectors.queries import ANSWERED, REFUSED, check_same


@pytest.fixture(scope="module", name="api")
def _api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        Up(home=tmp_path_factory.mktemp("recorded")) as system,
        httpx.Client(base_url=f"http://127.0.0.1:{system.http_port}/api/0", timeout=30) as api,
    ):
        api.post("/import", json=read_fixture("query2-fixture")).raise_for_status()
        yield api


def ask(api: httpx.Client, vector: dict[str, Any]) -> httpx.Response:
    """Ask a recorded query."""
    body = {"query": [vector["query"]], "timeperiods": [vector["timeperiod"]]}
    return api.post("/query/", params={"name": vector["name"]}, json=body)


@pytest.mark.parametrize("vector", ANSWERED, ids=lambda each: each["id"])
def test_a_recorded_query_has_the_recorded_result(vector: dict[str, Any], api: httpx.Client) -> None:
    """From the import to the JSON of the answer."""
    answer = ask(api, vector)

    assert answer.status_code == HTTPStatus.OK, answer.text
    [result] = answer.json()
    check_same(result, vector["expected"])


@pytest.mark.parametrize("vector", REFUSED, ids=lambda each: each["id"])
def test_a_recorded_query_that_failed_fails_in_the_same_way(vector: dict[str, Any], api: httpx.Client) -> None:
    """With status 400 and the kind of error that aw-server answered."""
    answer = ask(api, vector)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert answer.json()["type"] == vector["error"]
