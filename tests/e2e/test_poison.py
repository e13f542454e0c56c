"""Bodies that nobody should send, through the whole of it: refused alone, their neighbours stored, never a 5xx."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from pulseline_client.rest import API, RestReader
from pulseline_core.topic import encode_level
from tests.e2e.devices import Device
from tests.poison import POISON, POISON_BATCHES, POISON_TOPICS, STRANGE_BUCKETS
from tests.storm.system import System


@pytest.fixture(scope="module", name="system")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(home=tmp_path_factory.mktemp("poison")) as system:
        yield system


def build_good(n: int) -> bytes:
    """Return a heartbeat that is its own event."""
    event = {"timestamp": f"2026-03-01T12:00:00.{n:06}+00:00", "data": {"good": n}, "pulsetime": 0}
    return json.dumps(event).encode()


def read_dead_letters(system: System) -> list[dict[str, object]]:
    """Return all dead letters, newest first."""
    answer = httpx.get(f"{system.url}/dead-letters", params={"limit": 1000})
    letters: list[dict[str, object]] = answer.raise_for_status().json()
    return letters


def read_payload(system: System, dead_letter_id: object) -> bytes:
    """Return the bytes that were published."""
    answer = httpx.get(f"{system.url}/dead-letters/{dead_letter_id}")
    return base64.b64decode(answer.raise_for_status().json()["payload"], validate=True)


@pytest.mark.parametrize("body", [*POISON.values(), *POISON_BATCHES.values()], ids=[*POISON, *POISON_BATCHES])
def test_a_poisoned_message_becomes_one_dead_letter_between_stored_neighbours(
    system: System, request: pytest.FixtureRequest, body: bytes
) -> None:
    """Good, bad, good over one MQTT connection: all acknowledged, two events, one dead letter with the raw bytes."""
    bucket_id = f"sandwich {request.node.callspec.id}"[:200]
    topic = f"pulseline/v1/{encode_level(bucket_id)}/heartbeat"
    known = len(read_dead_letters(system))

    with Device(system.mqtt_port) as device:
        for payload in (build_good(1), body, build_good(2)):
            device.publish(topic, payload)

    events = system.read_events(quote(bucket_id, safe=""))
    letters = read_dead_letters(system)
    assert [event["data"] for event in events] == [{"good": 2}, {"good": 1}]
    assert len(letters) == known + 1
    assert letters[0]["topic"] == topic
    assert letters[0]["reason"]
    assert read_payload(system, letters[0]["id"]) == body


@pytest.mark.parametrize("topic", POISON_TOPICS.values(), ids=POISON_TOPICS)
def test_a_topic_that_names_nothing_hurts_nobody(system: System, topic: str) -> None:
    """The message is kept as a dead letter or its sender refused; another device goes on."""
    bucket_id = f"beside-{abs(hash(topic))}"
    with Device(system.mqtt_port) as device:
        device.publish(f"pulseline/v1/{bucket_id}/heartbeat", build_good(1))
        with Device(system.mqtt_port) as wrong:
            acknowledged = wrong.try_publish(topic, b"ON")
        device.publish(f"pulseline/v1/{bucket_id}/heartbeat", build_good(2))

    assert len(system.read_events(bucket_id)) == 2
    assert not acknowledged or read_dead_letters(system)[0]["topic"] == topic


@pytest.mark.parametrize("bucket_id", STRANGE_BUCKETS.values(), ids=STRANGE_BUCKETS)
def test_a_strange_bucket_id_is_a_bucket_like_any_other(system: System, bucket_id: str) -> None:
    """Published with its encoded id, read over REST with the id as it is."""
    with Device(system.mqtt_port) as device:
        device.publish(f"pulseline/v1/{encode_level(bucket_id)}/heartbeat", build_good(1))

    buckets = httpx.get(f"{system.url}/buckets/").raise_for_status().json()
    assert buckets[bucket_id]["id"] == bucket_id
    with RestReader(system.url.removesuffix(API)) as rest:
        assert [event.data for event in rest.get_events(bucket_id)] == [{"good": 1}]


@pytest.mark.parametrize("path", ["heartbeat?pulsetime=60", "events"])
@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_a_poisoned_request_is_a_4xx_with_a_message(system: System, path: str, body: bytes) -> None:
    """Nothing is stored or dead-lettered, the answer says in JSON what is wrong, and the next request works."""
    url = f"{system.url}/buckets/poisoned-rest"
    httpx.post(url, json={"client": "test", "type": "test", "hostname": "test"})
    known = httpx.get(f"{url}/events/count").json(), len(read_dead_letters(system))

    answer = httpx.post(f"{url}/{path}", content=body, headers={"Content-Type": "application/json"})

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["message"]
    assert (httpx.get(f"{url}/events/count").json(), len(read_dead_letters(system))) == known
