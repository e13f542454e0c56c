"""The library client end to end: from the call to the acknowledged, emptied outbox."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.seed import build_bucket_id
from pulseline_client import Client, Event


def measure_rate(port: int, folder: Path, *, threads: int, count: int, buckets: int) -> float:
    """Hand over ``count`` heartbeats in each of ``threads``, wait until all are acknowledged; heartbeats a second."""
    with Client(port=port, name="bench", outbox=folder / f"bench-{threads}.db") as client:
        workers = [
            threading.Thread(target=_hand_over, args=(client, number, count, buckets)) for number in range(threads)
        ]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        client.flush(120.0)
        return threads * count / (time.perf_counter() - began)


def measure_batches(port: int, folder: Path, *, count: int) -> float:
    """Hand over ``count`` heartbeats, a hundred in each call, wait until all are acknowledged; heartbeats a second."""
    start = datetime.now(UTC)
    with Client(port=port, name="bench", outbox=folder / "bench-batches.db") as client:
        began = time.perf_counter()
        for first in range(0, count, 100):
            numbers = range(first, first + 100)
            events = [
                Event(timestamp=start + timedelta(seconds=n), data={"app": f"app {n // 4 % 50}"}) for n in numbers
            ]
            client.heartbeats("bench-batches", events, pulsetime=60)
        client.flush(120.0)
        return count / (time.perf_counter() - began)


def measure_puts(port: int, folder: Path, *, count: int) -> tuple[float, float]:
    """Return p50 and p99, in milliseconds, of a call that hands one heartbeat over."""
    waits: list[float] = []
    with Client(port=port, name="bench-put", outbox=folder / "bench-put.db") as client:
        for n in range(count):
            began = time.perf_counter()
            client.heartbeat("bench-put", {"n": n}, timestamp=datetime.now(UTC), pulsetime=0)
            waits.append(1000 * (time.perf_counter() - began))
        client.flush(120.0)
    waits.sort()
    return waits[count // 2], waits[count * 99 // 100]


def _hand_over(client: Client, number: int, count: int, buckets: int) -> None:
    for n in range(count):
        data = {"app": f"app {n // 4 % 50}", "title": f"title {n // 4 % 2000} - a window of usual length"}
        client.heartbeat(build_bucket_id((number + n) % buckets), dict(data), pulsetime=60)
