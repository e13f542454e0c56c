"""How fast one worker takes messages from a Mosquitto with the shipped configuration.

The time is that from the first publish until a reader over REST sees a last message that was published behind all
others, over the same connection: until then everything was committed.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from benchmarks.mqtt_load import build_heartbeat, build_packet, connect, encode_text, publish_all
from benchmarks.seed import build_bucket_id
from tests.e2e.beside_mosquitto import build_up
from tests.mosquitto import PASSWORD, Mosquitto

#: Buckets that the messages are spread over.
BUCKETS = 10

#: Events of one message, as a client sends them that was away for a while.
EVENTS_A_MESSAGE = 100

_TIMEOUT_S = 300.0


def measure_rates(folder: Path, *, count: int) -> dict[str, float]:
    """Return heartbeats a second, by themselves and in batches; twice as many are sent in batches."""
    with Mosquitto(folder=folder / "mosquitto") as mosquitto, build_up(folder / "home", mosquitto) as system:

        def measure(name: str, packets: Sequence[bytes]) -> float:
            with connect(mosquitto.port, f"bench-{name}", ("device", PASSWORD)) as connection:
                began = time.perf_counter()
                publish_all(connection, [*packets, build_publish(name, b"end", 65_535)])
                wait_for_bucket(f"{system.url}/buckets/{name}")
                return time.perf_counter() - began

        measure("warm-up", list(iter_singles(count // 10)))
        singles_s = measure("singles", list(iter_singles(count)))
        batches_s = measure("batches", list(iter_batches(2 * count // EVENTS_A_MESSAGE)))
        return {
            "single heartbeats/s": count / singles_s,
            f"heartbeats/s, {EVENTS_A_MESSAGE} a message": 2 * count / batches_s,
        }


def build_publish(bucket_id: str, payload: bytes, packet_id: int) -> bytes:
    """Return a PUBLISH of a heartbeat at QoS 1."""
    topic = encode_text(f"pulseline/v1/{bucket_id}/heartbeat")
    return build_packet(0x32, topic + struct.pack("!H", packet_id) + payload)


def iter_singles(count: int) -> Iterator[bytes]:
    """Yield window heartbeats, round the buckets."""
    for n in range(count):
        topic, payload = build_heartbeat(n % BUCKETS, n // BUCKETS)
        yield build_packet(0x32, encode_text(topic) + struct.pack("!H", n % 65_534 + 1) + payload)


def iter_batches(count: int) -> Iterator[bytes]:
    """Yield messages of window heartbeats a second apart; each window stays for ten of them."""
    first = datetime.now(UTC) - timedelta(days=300)
    for n in range(count):
        numbers = range(n // BUCKETS * EVENTS_A_MESSAGE, (n // BUCKETS + 1) * EVENTS_A_MESSAGE)
        events = [
            {
                "timestamp": (first + timedelta(seconds=number)).isoformat(),
                "duration": 0,
                "data": {"app": f"app {number // 10 % 50}", "title": f"title {number // 10 % 2000} - a usual window"},
            }
            for number in numbers
        ]
        payload = json.dumps({"events": events, "pulsetime": 60}).encode()
        yield build_publish(f"batch-{build_bucket_id(n % BUCKETS)}", payload, n % 65_534 + 1)


def wait_for_bucket(url: str) -> None:
    """Return when a bucket can be read."""
    deadline = time.monotonic() + _TIMEOUT_S
    with httpx.Client() as client:
        while client.get(url).status_code != httpx.codes.OK:
            if time.monotonic() > deadline:
                raise TimeoutError(url)
            time.sleep(0.01)
