"""The whole system answers every operation as it is described, and does what is asked of what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx
import hypothesis
import pytest
from schemathesis import Case
from schemathesis.core.result import Ok

from tests.described import CHECKS, aim, load_description
from tests.e2e.devices import Device
from tests.storm.system import System

OPERATIONS: Final = [each.ok() for each in load_description().get_all_operations() if isinstance(each, Ok)]

#: What answers nothing but an error.
_ALWAYS_REFUSED: Final = "POST /settings"

_BUCKET: Final = {"type": "power", "client": "meter", "hostname": "desk"}
_EVENT: Final = {"timestamp": "2026-11-10T10:00:00Z", "duration": 5, "data": {"on": True}}


@pytest.fixture(scope="module", name="system")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(home=tmp_path_factory.mktemp("described")) as system:
        yield system


@pytest.fixture(name="http")
def _http(system: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=system.url, timeout=30.0, trust_env=False) as http:
        yield http


def store_something(http: httpx.Client, device: Device) -> Mapping[str, Any]:
    """Store something of everything; return what stands for it in a path."""
    http.delete("/buckets/late", params={"force": "1"})
    # A dead letter that can be replayed as soon as there is the bucket.
    device.publish("pulseline/v1/late/heartbeat", b'{"data": {}, "create_bucket": false}')
    for bucket_id in ("late", "plug"):
        http.post(f"/buckets/{bucket_id}", json=_BUCKET)
    (event,) = http.post("/buckets/plug/events", json=_EVENT).json()
    http.post("/settings/theme", json={"dark": True})
    letters = http.get("/dead-letters", params={"limit": 1}).json()
    return {"bucket_id": "plug", "event_id": event["id"], "dead_letter_id": letters[0]["id"], "key": "theme"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_operation_is_answered_as_described(system: System, http: httpx.Client, operation: Any) -> None:
    """And at least once as it should be."""
    statuses: set[int] = set()

    @hypothesis.settings(max_examples=8, derandomize=True, database=None)
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: Case[Any]) -> None:
        aim(case, store_something(http, device))
        answer = case.call(system.url)
        case.validate_response(answer, checks=CHECKS)
        statuses.add(answer.status_code)

    with Device(system.mqtt_port) as device:
        ask()

    assert statuses & {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED} or operation.label == _ALWAYS_REFUSED
