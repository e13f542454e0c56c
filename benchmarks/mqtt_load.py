"""A pipelining MQTT publisher on a plain socket: cheap, so that what is measured is the server.

Speaks just enough MQTT 3.1.1: CONNECT, PUBLISH at QoS 1, PUBACK.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from benchmarks.seed import build_bucket_id

#: Publishes that wait for their PUBACK at once, as a device with a deep pipeline keeps.
WINDOW = 500


def build_packet(first_byte: int, body: bytes) -> bytes:
    """Return an MQTT control packet (MQTT 3.1.1 section 2.2)."""
    length, size = b"", len(body)
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | 0x80 if size else low])
        if not size:
            return bytes([first_byte]) + length + body


def encode_text(text: str) -> bytes:
    """Return a UTF-8 string with its length (MQTT 3.1.1 section 1.5.3)."""
    raw = text.encode()
    return struct.pack("!H", len(raw)) + raw


def connect(port: int, client_id: str, user: tuple[str, str] | None = None) -> socket.socket:
    """Return a connected, accepted socket; ``user`` is a name and a password."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    flags = b"\x04\xc2" if user else b"\x04\x02"
    fields = b"".join(map(encode_text, (client_id, *(user or ()))))
    connection.sendall(build_packet(0x10, encode_text("MQTT") + flags + b"\x00\x3c" + fields))
    answer = connection.recv(4)
    if answer != b"\x20\x02\x00\x00":
        raise ConnectionError(f"CONNECT was answered {answer!r}")
    return connection


def build_heartbeat(bucket: int, n: int) -> tuple[str, bytes]:
    """Return topic and payload of a watcher's heartbeat; its window changes every fourth time."""
    data = {"app": f"app {n // 4 % 50}", "title": f"title {n // 4 % 2000} - a window of usual length"}
    event = {"timestamp": datetime.now(UTC).isoformat(), "duration": 0, "data": data, "pulsetime": 60}
    return f"pulseline/v1/{build_bucket_id(bucket)}/heartbeat", json.dumps(event).encode()


def iter_publishes(count: int, buckets: int) -> Iterator[bytes]:
    """Yield PUBLISH packets with packet ids 1 to 65,535, round the buckets."""
    for n in range(count):
        topic, payload = build_heartbeat(n % buckets, n // buckets)
        yield build_packet(0x32, encode_text(topic) + struct.pack("!H", n % 65_535 + 1) + payload)


def measure_rate(port: int, *, count: int, buckets: int, client_id: str = "bench-plain") -> float:
    """Publish ``count`` heartbeats, wait for the last PUBACK, and return heartbeats a second."""
    packets = list(iter_publishes(count, buckets))
    with connect(port, client_id) as connection:
        began = time.perf_counter()
        publish_all(connection, packets)
        return count / (time.perf_counter() - began)


def publish_all(connection: socket.socket, packets: Sequence[bytes]) -> None:
    """Send packets, never more than ``WINDOW`` ahead of their PUBACKs, and wait for the last of these."""
    sent = acknowledged_bytes = 0
    while acknowledged_bytes < 4 * len(packets):
        room = WINDOW - (sent - acknowledged_bytes // 4)
        if room > 0 and sent < len(packets):
            connection.sendall(b"".join(packets[sent : sent + room]))
            sent = min(sent + room, len(packets))
        received = connection.recv(65_536)
        if not received:
            raise ConnectionError(f"the broker closed the connection after {acknowledged_bytes // 4} PUBACKs")
        acknowledged_bytes += len(received)
