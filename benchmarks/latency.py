"""How long it takes from a publish until a reader over REST sees the event."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.mqtt_load import build_packet, connect, encode_text

#: Publishes a second, as the figure is stated.
RATE = 500


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the publish to the first answer that shows the event."""

    p50_ms: float
    p99_ms: float


def measure_latency(mqtt_port: int, http_port: int, *, seconds: float, user: tuple[str, str] | None = None) -> Latency:
    """Publish at 500 a second to a new bucket and read its newest event over and over on one connection."""
    bucket_id = f"bench-latency-{time.time_ns()}"
    count = int(RATE * seconds)
    published: list[float] = []
    connection = connect(mqtt_port, "bench-latency", user)
    publisher = threading.Thread(target=_publish, args=(connection, bucket_id, count, published))
    publisher.start()
    seen: list[float] = []
    reader = http.client.HTTPConnection("127.0.0.1", http_port)
    while len(seen) < count:
        reader.request("GET", f"/api/0/buckets/{bucket_id}/events?limit=1")
        answer = reader.getresponse()
        text = answer.read()
        now = time.perf_counter()
        if answer.status == 200 and (events := json.loads(text)):
            seen += [now] * (events[0]["data"]["n"] + 1 - len(seen))
    publisher.join()
    reader.close()
    waits = sorted(1000 * (then - since) for since, then in zip(published, seen, strict=True))
    return Latency(waits[len(waits) // 2], waits[len(waits) * 99 // 100])


def _publish(connection: socket.socket, bucket_id: str, count: int, published: list[float]) -> None:
    with connection:
        due = time.perf_counter()
        for n in range(count):
            event = {"timestamp": datetime.now(UTC).isoformat(), "data": {"n": n}, "pulsetime": 0}
            body = encode_text(f"pulseline/v1/{bucket_id}/heartbeat") + struct.pack("!H", n % 65_535 + 1)
            time.sleep(max(0.0, due - time.perf_counter()))
            published.append(time.perf_counter())
            connection.sendall(build_packet(0x32, body + json.dumps(event).encode()))
            due += 1 / RATE
        received = 0
        while received < 4 * count:
            received += len(connection.recv(65_536))
