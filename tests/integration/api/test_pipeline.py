"""REST in front of the real pipeline: what is written comes back from the store, committed."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client.parser import text_string_to_metric_families

from pulseline_api.service import Service
from pulseline_broker.service import BrokerService
from pulseline_core.data_folder import API_USER, DataFolder
from tests.integration.api.pipeline import DESCRIPTION, T0, build_beat, build_settings, start_broker, wait_for
from tests.poison import POISON, STRANGE_BUCKETS


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BrokerService, str]]:
    """A broker with ingest behind it, and its data folder."""
    folder = str(tmp_path_factory.mktemp("data"))
    with start_broker(build_settings(folder)) as broker:
        yield broker, folder


@pytest.fixture(scope="module")
def http(broker: tuple[BrokerService, str]) -> Iterator[httpx.Client]:
    """A client of a REST server in front of the broker."""
    service, folder = broker
    with (
        Service(build_settings(folder, port=service.port), threading.Event()) as api,
        httpx.Client(base_url=f"http://127.0.0.1:{api.port}/api/0", timeout=30, trust_env=False) as http,
    ):
        yield http


@pytest.fixture
def bucket(http: httpx.Client, request: pytest.FixtureRequest) -> str:
    """The path of a new bucket, empty."""
    path = f"/buckets/{quote(request.node.name, safe='')[:150]}"
    http.delete(f"{path}?force=1")
    assert http.post(path, json=DESCRIPTION).status_code == 200
    return path


def test_new_bucket_is_readable_at_once(http: httpx.Client) -> None:
    """Answered means committed; ``!local`` became the host and its device."""
    http.post("/buckets/local", json={**DESCRIPTION, "hostname": "!local"})

    described = http.get("/buckets/local").json()

    assert described["hostname"] == socket.gethostname()
    assert described["data"] == {"device_id": http.get("/info").json()["device_id"]}
    assert http.post("/buckets/local", json=DESCRIPTION).status_code == 304


def test_heartbeats_are_merged(http: httpx.Client, bucket: str) -> None:
    """Each answer is the event that holds the heartbeat then."""
    answers = [http.post(f"{bucket}/heartbeat?pulsetime=10", json=build_beat(at, on=True)).json() for at in (0, 5, 30)]

    assert [answer["duration"] for answer in answers] == [0.0, 5.0, 0.0]
    assert answers[0]["id"] == answers[1]["id"] != answers[2]["id"]
    assert http.get(f"{bucket}/events").json() == [answers[2], answers[1]]


def test_inserts_replacements_and_deletes_are_readable_at_once(http: httpx.Client, bucket: str) -> None:
    """As the web interface's editor does it."""
    first, second = http.post(f"{bucket}/events", json=[build_beat(0, n=0), build_beat(1, n=1)]).json()
    http.post(f"{bucket}/events", json={**first, "duration": 7.5})

    assert http.get(f"{bucket}/events/{first['id']}").json() == {**first, "duration": 7.5}
    assert http.delete(f"{bucket}/events/{second['id']}").json() == {"success": 1}
    assert http.delete(f"{bucket}/events/{second['id']}").json() == {"success": 0}
    assert http.get(f"{bucket}/events/{second['id']}").status_code == 404
    assert http.get(f"{bucket}/events/count").json() == 1


def test_range_is_inclusive_and_clipped(http: httpx.Client, bucket: str) -> None:
    """The single event stays whole; a plus that became a space is mended."""
    [event] = http.post(f"{bucket}/events", json=[{**build_beat(0), "duration": 60}]).json()
    query = "start=2026-11-01T10:00:10 00:00&end=2026-11-01T10:00:20Z"

    [clipped] = http.get(f"{bucket}/events?{query}").json()

    assert (clipped["timestamp"], clipped["duration"]) == ("2026-11-01T10:00:10+00:00", 10.0)
    assert http.get(f"{bucket}/events/{event['id']}").json()["duration"] == 60.0
    assert http.get(f"{bucket}/events/count?start=2026-11-01T10:01:00").json() == 1
    assert http.get(f"{bucket}/events/count?start=2026-11-01T10:01:01").json() == 0
    assert http.get(f"{bucket}/events?start=2026-11-02&end=2026-11-01").json() == []


def test_replacement_of_another_buckets_event_is_an_insert(http: httpx.Client, bucket: str) -> None:
    """Nothing is taken from the other bucket."""
    http.post("/buckets/other", json=DESCRIPTION)
    [other] = http.post("/buckets/other/events", json=[build_beat(0, n=1)]).json()

    [stored] = http.post(f"{bucket}/events", json=[other]).json()

    assert stored["id"] != other["id"]
    assert http.get(f"/buckets/other/events/{other['id']}").json() == other


def test_array_beyond_one_message_is_stored_whole(http: httpx.Client, bucket: str) -> None:
    """Four megabytes in one request."""
    events = [build_beat(n, n=n, text="ä" * 1000) for n in range(2000)]

    stored = http.post(f"{bucket}/events", json=events).json()

    assert [event["data"]["n"] for event in stored] == list(range(2000))
    assert len({event["id"] for event in stored}) == 2000
    assert http.get(f"{bucket}/events/count").json() == 2000


@pytest.mark.parametrize("path", ["heartbeat?pulsetime=60", "events"])
def test_event_beyond_one_message_is_413_and_holds_nothing_up(http: httpx.Client, bucket: str, path: str) -> None:
    """It never reaches the outbox, from which it could not leave."""
    refused = http.post(f"{bucket}/{path}", json=build_beat(0, text="x" * 262_144))
    taken = http.post(f"{bucket}/{path}", json=build_beat(1, n=1))

    assert (refused.status_code, taken.status_code) == (413, 200)
    assert http.get(f"{bucket}/events/count").json() == 1


@pytest.mark.parametrize("path", ["heartbeat?pulsetime=0", "events"])
def test_poison_is_refused_and_its_neighbours_are_stored(http: httpx.Client, bucket: str, path: str) -> None:
    """Every kind, one after the other; none of them is published."""
    for number, (name, body) in enumerate(POISON.items()):
        answer = http.post(f"{bucket}/{path}", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, name
        assert answer.json()["message"], name
        assert http.post(f"{bucket}/{path}", json=build_beat(number, n=number)).status_code == 200, name

    assert http.get(f"{bucket}/events/count").json() == len(POISON)


@pytest.mark.parametrize("bucket_id", STRANGE_BUCKETS.values(), ids=STRANGE_BUCKETS)
def test_strange_buckets_are_buckets_of_their_own(http: httpx.Client, bucket_id: str) -> None:
    """Through topic and store and back; dots are encoded, because clients tidy paths."""
    path = f"/buckets/{quote(bucket_id, safe='').replace('.', '%2E')}"

    http.post(path, json={**DESCRIPTION, "type": bucket_id[:10]})
    http.post(f"{path}/heartbeat?pulsetime=60", json=build_beat(0, id=bucket_id))

    assert http.get(path).json()["id"] == bucket_id
    assert http.get(f"{path}/events").json()[0]["data"] == {"id": bucket_id}
    exported = http.get(f"{path}/export")
    assert list(exported.json()["buckets"]) == [bucket_id]
    assert http.get("/buckets").json()[bucket_id]["type"] == bucket_id[:10]


def _ask(http: httpx.Client, *query: str) -> Any:
    periods = [f"{T0.isoformat()}/{(T0 + timedelta(days=1)).isoformat()}"]
    return http.post("/query/", json={"query": query, "timeperiods": periods}).raise_for_status().json()


def test_query_sees_what_was_written_just_before(http: httpx.Client, bucket: str) -> None:
    """Each time, also what it has read before; an event changes under it, grows, goes, and comes again."""
    query = f"RETURN = query_bucket('{bucket.removeprefix('/buckets/')}');"
    for n in range(3):
        event = http.post(f"{bucket}/heartbeat?pulsetime=10", json=build_beat(5 * n, on=True)).json()
        assert _ask(http, query) == [[event]]
    event = http.get(f"{bucket}/events").json()[0]
    assert event["duration"] == 10
    http.post(f"{bucket}/events", json={**event, "data": {"on": False}})
    assert [each["data"] for each in _ask(http, query)[0]] == [{"on": False}]

    http.delete(f"{bucket}/events/{event['id']}")
    assert _ask(http, query) == [[]]
    http.delete(f"{bucket}?force=1")
    answer = http.post("/query/", json={"query": [query], "timeperiods": ["2026-11-01/2026-11-02"]})

    assert (answer.status_code, answer.json()["type"]) == (400, "QueryFunctionException")


def test_deleted_bucket_is_gone_and_can_be_made_again(http: httpx.Client, bucket: str) -> None:
    """Without its events."""
    http.post(f"{bucket}/events", json=[build_beat(0)])

    assert http.delete(bucket).status_code == 401
    assert http.delete(f"{bucket}?force=1").json() == {}
    assert http.get(bucket).status_code == 404
    assert http.post(f"{bucket}/heartbeat?pulsetime=60", json=build_beat(0)).status_code == 404
    assert http.post(bucket, json=DESCRIPTION).status_code == 200
    assert http.get(f"{bucket}/events").json() == []


def test_bucket_that_another_client_deleted_is_not_made_again(
    http: httpx.Client, bucket: str, broker: tuple[BrokerService, str]
) -> None:
    """A write is no reason to bring it back, whatever this server believed of it a moment ago."""
    http.post(f"{bucket}/heartbeat?pulsetime=60", json=build_beat(0)).raise_for_status()
    service, folder = broker
    topic = f"pulseline/v1/{bucket.rpartition('/')[2]}/admin"
    _publish(service.port, topic, b'{"op": "delete_bucket"}', token=DataFolder(Path(folder)).read_api_token())

    answers = [
        http.post(f"{bucket}/heartbeat?pulsetime=60", json=build_beat(1)),
        http.post(f"{bucket}/events", json=[build_beat(2)]),
        http.get(bucket),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert all(answer.json()["message"] for answer in answers)


def test_export_is_strict_json_of_everything(http: httpx.Client, bucket: str) -> None:
    """Over several pages of events."""
    http.post(f"{bucket}/events", json=[build_beat(n, n=n, text="\u2028 </script> \U0001f600") for n in range(1200)])

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    exported = json.loads(http.get("/export").content, parse_constant=refuse)

    [events] = [each["events"] for each in exported["buckets"].values() if len(each["events"]) == 1200]
    assert [event["data"]["n"] for event in events] == list(reversed(range(1200)))
    assert set(exported["buckets"]) == set(http.get("/buckets").json())


def test_large_import_of_a_foreign_page_is_not_read(http: httpx.Client) -> None:
    """It is turned away by its head, of which it says that more than 64 MiB would follow; a body is never sent."""
    address = http.base_url.host, http.base_url.port
    head = f"POST /api/0/import HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nOrigin: https://evil.example\r\n"

    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: {65 * 1024 * 1024}\r\n\r\n".encode())
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_status_shows_ingest_and_broker(http: httpx.Client) -> None:
    """What they say of themselves over MQTT, soon after they said it."""

    def read() -> Any:
        status = http.get("/status").json()
        return status if status["workers"] and "clients_connected" in status["broker"] else None

    status = wait_for(read)

    assert status["workers"]["main"]["state"] == "online"
    assert status["link"]["connected"] is True
    assert status["store"]["buckets"] == len(http.get("/buckets").json())


def test_metrics_and_readiness_are_those_of_the_real_pipeline(http: httpx.Client, bucket: str) -> None:
    """What ingest and the embedded broker said last, and the store as it is."""
    root = str(http.base_url).removesuffix("/api/0/")
    http.post(f"{bucket}/heartbeat?pulsetime=10", json=build_beat(0, on=True))
    http.post(f"{bucket}/heartbeat?pulsetime=10", json=build_beat(5, on=True))

    def read() -> dict[str, float]:
        families = text_string_to_metric_families(http.get(f"{root}/metrics").text)
        return {sample.name: sample.value for family in families for sample in family.samples}

    metrics = wait_for(lambda: found if (found := read()).get("pulseline_heartbeats_merged_total") else None)

    assert http.get(f"{root}/readyz").json()["ready"] is True
    assert metrics["pulseline_worker_up"] == metrics["pulseline_worker_progress"] == metrics["pulseline_store_up"] == 1
    assert metrics["pulseline_commit_seconds_count"] == metrics["pulseline_batch_messages_count"] > 0
    assert metrics["pulseline_broker_clients_connected"] >= 2
    assert metrics["pulseline_buckets"] == len(http.get("/buckets").json())


def _publish(port: int, topic: str, payload: bytes, *, token: str = "") -> None:
    """Publish as anybody, or with a token as the REST server's user, who may administer."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    if token:
        client.username_pw_set(API_USER, token)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        client.publish(topic, payload, qos=1).wait_for_publish(10)
    finally:
        client.disconnect()
        client.loop_stop()


def test_dead_letters_are_shown_replayed_and_dropped(
    http: httpx.Client, bucket: str, broker: tuple[BrokerService, str]
) -> None:
    """A device's broken message, and a future one that is still wrong."""
    for letter in http.get("/dead-letters").json():
        http.delete(f"/dead-letters/{letter['id']}")
    _publish(broker[0].port, "pulseline/v1/plug/heartbeat", b'{"data":')

    [letter] = http.get("/dead-letters").json()
    shown = http.get(f"/dead-letters/{letter['id']}").json()
    replayed = http.post(f"/dead-letters/{letter['id']}/replay")

    assert (shown["topic"], shown["text"]) == ("pulseline/v1/plug/heartbeat", '{"data":')
    assert base64.b64decode(shown["payload"]) == b'{"data":'
    assert replayed.status_code == 400
    assert "JSON" in replayed.json()["message"]
    assert http.delete(f"/dead-letters/{letter['id']}").json() == {}
    assert http.get("/dead-letters").json() == []
    assert http.post(f"/dead-letters/{letter['id']}/replay").status_code == 404


def test_many_clients_write_one_bucket(http: httpx.Client, bucket: str) -> None:
    """Nothing is lost or doubled between them."""

    def write(worker: int) -> None:
        with httpx.Client(base_url=http.base_url, timeout=30, trust_env=False) as own:
            for n in range(25):
                answer = own.post(f"{bucket}/heartbeat?pulsetime=0", json=build_beat(worker * 100 + n, n=[worker, n]))
                ids.append(answer.json()["id"])

    ids: list[int] = []
    workers = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    stored = http.get(f"{bucket}/events").json()
    assert len(set(ids)) == len(ids) == 200
    assert {tuple(event["data"]["n"]) for event in stored} == {(w, n) for w in range(8) for n in range(25)}
