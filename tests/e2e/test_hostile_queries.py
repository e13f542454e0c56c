"""Queries that nobody should send, through the whole of it: refused or answered in time, and nobody else notices."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

import httpx
import pytest

from tests.e2e.devices import Device
from tests.e2e.hostile_queries import BUCKET, HOSTILE, TITLE
from tests.e2e.up_process import Up

#: How long a query may run in this system; 10 s elsewhere.
QUERY_TIMEOUT_S: Final = 2.0

#: On top of that: its wait for a process as long, a kill and a start.
LONGEST_ANSWER_S: Final = 2 * QUERY_TIMEOUT_S + 5

EVENTS: Final = 20_000


@pytest.fixture(scope="module", name="system")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    flags = ("--api-query-timeout-s", str(QUERY_TIMEOUT_S))
    with Up(home=tmp_path_factory.mktemp("hostile"), flags=flags) as system:
        _fill(system.url)
        yield system


def _fill(url: str) -> None:
    """Store events, each with a title of its own that makes patterns backtrack."""
    httpx.post(f"{url}/buckets/{BUCKET}", json={"type": "currentwindow", "client": "c", "hostname": "desk"})
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for first in range(0, EVENTS, 5_000):
        events = [
            {
                "timestamp": (start + timedelta(seconds=10 * n)).isoformat(),
                "duration": 9,
                "data": {"app": "x", "title": f"{TITLE}{n}"},
            }
            for n in range(first, first + 5_000)
        ]
        httpx.post(f"{url}/buckets/{BUCKET}/events", json=events, timeout=60).raise_for_status()


@contextmanager
def repeating(act: Callable[[], object]) -> Iterator[list[float]]:
    """Act again and again in a thread; give a list that gets the seconds which each act took."""
    took_s: list[float] = []
    is_over = threading.Event()

    def run() -> None:
        while not is_over.is_set():
            began = monotonic()
            act()
            took_s.append(monotonic() - began)
            is_over.wait(0.01)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield took_s
        finally:
            is_over.set()
            running.result(30)


def get_p99(took_s: list[float]) -> float:
    """Return what one in a hundred took at least."""
    return sorted(took_s)[len(took_s) * 99 // 100]


def ask(http: httpx.Client, body: dict[str, Any]) -> tuple[int, str, float]:
    """Return status and beginning of the answer, and the seconds it took."""
    content = json.dumps(body)  # httpx takes no halves of characters
    began = monotonic()
    answer = http.post("/query/", content=content, headers={"Content-Type": "application/json"})
    return answer.status_code, answer.text[:200], monotonic() - began


def test_hostile_queries_are_answered_in_time_and_delay_nobody(system: Up) -> None:
    """Two at a time, while a device publishes and somebody reads; a server process dies of none of them."""
    (api,) = system.find_children("pulseline_api")
    beat = json.dumps({"data": {"on": True}}).encode()
    limits = httpx.Limits(max_keepalive_connections=1)
    with (
        Device(system.mqtt_port) as device,
        httpx.Client(base_url=system.url, timeout=60, trust_env=False) as http,
        httpx.Client(base_url=system.url, timeout=60, trust_env=False, limits=limits) as reader,
        repeating(lambda: device.publish("pulseline/v1/lamp/heartbeat", beat)) as publishing,
        repeating(lambda: reader.get(f"/buckets/{BUCKET}/events?limit=1").raise_for_status()) as reading,
        ThreadPoolExecutor(2) as clients,
    ):
        found = dict(zip(HOSTILE, clients.map(lambda body: ask(http, body), HOSTILE.values()), strict=True))

    strange = {name: answer for name, answer in found.items() if answer[0] != 200 and not 400 <= answer[0] < 500}
    slow = {name: answer for name, answer in found.items() if answer[2] > LONGEST_ANSWER_S}
    assert (strange, slow) == ({}, {})
    assert get_p99(publishing) < 1
    assert get_p99(reading) < 1
    assert system.find_children("pulseline_api") == [api]
    assert httpx.get(f"{system.url}/info").is_success
