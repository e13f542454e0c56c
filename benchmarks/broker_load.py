"""How fast workers take messages, from which broker and into which database.

The time is that from the first publish until a reader over REST sees in each bucket a last message that was published
behind all others, over the same connection: until then everything was committed. The packets are built before, so that
the publisher takes little of the processors that it shares with the rest.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from benchmarks.latency import measure_latency
from benchmarks.mqtt_load import build_heartbeat, build_packet, connect, encode_text, publish_all
from benchmarks.seed import build_bucket_id
from benchmarks.set_up import Running, SetUp, start

#: Buckets that the messages are spread over.
BUCKETS = 10

#: Events of one message, as a client sends them that was away for a while.
EVENTS_A_MESSAGE = 100

_SINGLES = [build_bucket_id(number) for number in range(BUCKETS)]
_BATCHES = [f"batch-{bucket_id}" for bucket_id in _SINGLES]

_TIMEOUT_S = 300.0

#: A reader takes part of the processors, too.
_READ_EVERY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Events a second, and what each of them takes of the worker's processor time, in microseconds."""

    per_second: float
    worker_us: float


def measure_rates(set_up: SetUp, folder: Path, *, count: int, seconds: float) -> dict[str, float]:
    """Return what a set-up takes, of heartbeats by themselves and in batches; five times as many are sent in batches.

    Args:
        set_up: what is started.
        folder: an empty one.
        count: heartbeats by themselves.
        seconds: how long is measured when an event can be read.
    """
    with start(set_up, folder) as running:
        _measure_rate(running, _SINGLES, list(iter_singles(count // 10)), events=count // 10)
        singles = _measure_rate(running, _SINGLES, list(iter_singles(count)), events=count)
        packets = list(iter_batches(5 * count // EVENTS_A_MESSAGE))
        batches = _measure_rate(running, _BATCHES, packets, events=len(packets) * EVENTS_A_MESSAGE)
        wait = measure_latency(running.mqtt_port, running.system.http_port, seconds=seconds, user=running.user)
        return {
            "single heartbeats/s": singles.per_second,
            f"heartbeats/s, {EVENTS_A_MESSAGE} a message": batches.per_second,
            "worker, us for a single one": singles.worker_us,
            f"worker, us for one of {EVENTS_A_MESSAGE}": batches.worker_us,
            "publish to readable p50 ms": wait.p50_ms,
            "publish to readable p99 ms": wait.p99_ms,
        }


def _measure_rate(running: Running, buckets: Sequence[str], packets: Sequence[bytes], *, events: int) -> Rate:
    end = str(time.time_ns())
    ends = [build_publish(bucket_id, end.encode(), 65_535) for bucket_id in buckets]
    with connect(running.mqtt_port, f"bench-{end}", running.user) as connection:
        began, used_s = time.perf_counter(), sum(map(read_processor_s, running.worker_pids))
        publish_all(connection, [*packets, *ends])
        for bucket_id in buckets:
            wait_for_end(f"{running.system.url}/buckets/{bucket_id}/events?limit=1", end)
        took_s = time.perf_counter() - began
    used_s = sum(map(read_processor_s, running.worker_pids)) - used_s
    return Rate(per_second=events / took_s, worker_us=1e6 * used_s / events)


def read_processor_s(pid: int) -> float:
    """Return the processor time that a process has used so far (Linux, proc(5), "stat")."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        yield build_publish(_BATCHES[n % BUCKETS], payload, n % 65_534 + 1)


def wait_for_end(url: str, end: str) -> None:
    """Return when the newest event of a bucket is the last that was published."""
    deadline = time.monotonic() + _TIMEOUT_S
    with httpx.Client() as client:
        while end not in client.get(url).text:
            if time.monotonic() > deadline:
                raise TimeoutError(url)
            time.sleep(_READ_EVERY_S)
