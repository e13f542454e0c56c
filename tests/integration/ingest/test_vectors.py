"""ActivityWatch's recorded heartbeats through the whole of it: over MQTT into the broker, ingest and the store."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from pulseline_broker.service import BrokerService
from pulseline_core.event import Event
from pulseline_core.json_value import canonical
from pulseline_core.merge import Span, merge_timeline
from pulseline_core.settings import load
from pulseline_core.store import Reader, open_reader
from pulseline_core.times import parse_timestamp, seconds_to_us, to_us
from pulseline_ingest.gate import IngestGate
from tests.vectors import HEARTBEATS_WHERE_TRUE_IS_ONE, read_vectors

CASES = read_vectors("heartbeats")

#: All heartbeats take about a second; nobody waits for the rest unless something is broken.
TIMEOUT_S = 60.0

#: aw-core cuts timestamps to milliseconds.
TOLERANCE = timedelta(milliseconds=1)


class Publisher:
    """One connection that sends without waiting, and counts what is acknowledged."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._done = threading.Condition()
        self._acknowledged = 0

    def publish_all(self, messages: list[tuple[str, bytes]]) -> int:
        """Publish messages in order at QoS 1; return how many were acknowledged when all were, or time was up."""
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.max_inflight_messages_set(1000)
        client.on_publish = self._on_publish
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        try:
            for topic, payload in messages:
                client.publish(topic, payload, qos=1)
            with self._done:
                self._done.wait_for(lambda: self._acknowledged == len(messages), TIMEOUT_S)
                return self._acknowledged
        finally:
            client.disconnect()
            client.loop_stop()

    def _on_publish(self, *_: object) -> None:
        with self._done:
            self._acknowledged += 1
            self._done.notify_all()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader of the store that holds all cases, each in a bucket of its own, one heartbeat a message."""
    settings = load({"data_dir": str(tmp_path_factory.mktemp("data")), "mqtt.port": "0"}, {})
    messages = [
        (f"pulseline/v1/{case['id']}/heartbeat", json.dumps({**heartbeat, "pulsetime": case["pulsetime"]}).encode())
        for case in CASES
        for heartbeat in case["heartbeats"]
    ]
    with BrokerService(settings, IngestGate(settings)) as broker, open_reader(settings.database) as reader:
        assert Publisher(broker.port).publish_all(messages) == len(messages)
        yield reader


def read_events(reader: Reader, case: dict[str, Any]) -> list[Event]:
    """Return what became of a case, oldest first."""
    return list(reversed(reader.read_events(case["id"])))


def build_event(item: dict[str, Any]) -> Event:
    """Return an event as it is recorded."""
    return Event(
        timestamp=parse_timestamp(item["timestamp"]), duration=timedelta(seconds=item["duration"]), data=item["data"]
    )


def test_every_case_has_its_bucket_and_nothing_else_is_stored(reader: Reader) -> None:
    """No heartbeat is a dead letter."""
    assert len(CASES) == 200
    assert reader.read_bucket_ids() == sorted(case["id"] for case in CASES)
    assert reader.count_dead_letters() == 0


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["id"] not in HEARTBEATS_WHERE_TRUE_IS_ONE], ids=lambda case: case["id"]
)
def test_recorded_heartbeats_give_activitywatch_s_timeline(reader: Reader, case: dict[str, Any]) -> None:
    """aw-core 0.5.18's answer, read from the store after all was acknowledged."""
    stored = read_events(reader, case)

    expected = [build_event(item) for item in case["expected"]]
    assert [event.data for event in stored] == [event.data for event in expected]
    for found, wanted in zip(stored, expected, strict=True):
        assert abs(found.timestamp - wanted.timestamp) <= TOLERANCE
        assert abs(found.end - wanted.end) <= TOLERANCE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_recorded_heartbeats_give_the_pure_timeline(reader: Reader, case: dict[str, Any]) -> None:
    """To the microsecond, also where ``true`` is not ``1`` to us."""
    heartbeats = [build_event(item) for item in case["heartbeats"]]

    stored = [_build_span(event) for event in read_events(reader, case)]

    pulsetime_us = seconds_to_us(case["pulsetime"])
    assert stored == merge_timeline([_build_span(event) for event in heartbeats], pulsetime_us=pulsetime_us)


def _build_span(event: Event) -> Span:
    return Span(to_us(event.timestamp), to_us(event.end), canonical(event.data))
