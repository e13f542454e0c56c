"""REST heartbeats over persistent connections, as ActivityWatch's watchers send them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from datetime import UTC, datetime

from benchmarks.seed import build_bucket_id


def measure_rate(port: int, *, connections: int, count: int, buckets: int) -> float:
    """Post ``count`` heartbeats over each of ``connections`` and return heartbeats a second."""
    failures: list[str] = []
    threads = [
        threading.Thread(target=_post, args=(port, range(number, number + count), buckets, failures))
        for number in range(connections)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise ConnectionError(failures[0])
    return connections * count / (time.perf_counter() - began)


def _post(port: int, numbers: range, buckets: int, failures: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for n in numbers:
        data = {"app": f"app {n // 4 % 50}", "title": f"title {n // 4 % 2000} - a window of usual length"}
        body = json.dumps({"timestamp": datetime.now(UTC).isoformat(), "duration": 0, "data": data})
        path = f"/api/0/buckets/{build_bucket_id(n % buckets)}/heartbeat?pulsetime=60"
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            failures.append(f"{answer.status}: {text[:200]!r}")
            break
    connection.close()
