"""REST heartbeats over persistent connections, as ActivityWatch's watchers send them.

One thread serves all connections with requests that were built before: cheap, so that what is measured is the server.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.seed import build_bucket_id


def measure_rate(port: int, *, connections: int, count: int, buckets: int) -> float:
    """Post ``count`` heartbeats over each of ``connections`` and return heartbeats a second."""
    lines = [
        _Line(socket.create_connection(("127.0.0.1", port)), iter(list(_iter_requests(range(n, n + count), buckets))))
        for n in range(connections)
    ]
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line.connection, selectors.EVENT_READ, line)
        began = time.perf_counter()
        waiting = sum(line.send() for line in lines)
        while waiting:
            waiting -= sum(not key.data.receive() for key, _ in selector.select())
        seconds = time.perf_counter() - began
    for line in lines:
        line.connection.close()
    return connections * count / seconds


@dataclass
class _Line:
    """One connection with what is left to send on it."""

    connection: socket.socket
    requests: Iterator[bytes]
    received: bytes = b""

    def send(self) -> bool:
        """Send the next request; return whether there was one."""
        request = next(self.requests, None)
        if request is not None:
            self.connection.sendall(request)
        return request is not None

    def receive(self) -> bool:
        """Take what has arrived, and go on when the answer is complete; return whether more is to come."""
        self.received += self.connection.recv(65_536)
        head, _, body = self.received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"not answered with 200: {self.received[:300]!r}")
        _, _, length = head.lower().partition(b"content-length:")
        if not length or len(body) < int(length.split(b"\r\n")[0]):
            return True
        self.received = b""
        return self.send()


def _iter_requests(numbers: range, buckets: int) -> Iterator[bytes]:
    for n in numbers:
        data = {"app": f"app {n // 4 % 50}", "title": f"title {n // 4 % 2000} - a window of usual length"}
        body = json.dumps({"timestamp": datetime.now(UTC).isoformat(), "duration": 0, "data": data}).encode()
        path = f"/api/0/buckets/{build_bucket_id(n % buckets)}/heartbeat?pulsetime=60"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body
