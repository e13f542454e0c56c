"""A broker and an ingest worker in one, small enough to be told to misbehave.

Speaks as much MQTT 3.1.1 as the client needs, over a real socket; acknowledges with ``ModelWorker``.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Self
from urllib.parse import unquote

from pulseline_core.types import JSONObject, JSONValue
from tests.unit.client.model_worker import ModelWorker, read

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


@dataclass
class FakeServer:
    """Listens while entered. Attributes may be changed while it runs.

    Attributes:
        worker: what acknowledges.
        connect_code: the answer to CONNECT, 0 to accept; ``None`` is no answer at all.
        subscribe_code: the answer to SUBSCRIBE, 0x80 to refuse.
        refused: buckets at whose messages the connection is closed.
        problem: what is said at each message before the connection is closed; ``None`` when all is well.
        is_away: PUBACK comes, acknowledgements do not: the broker runs, ingest does not.
        lost_acknowledgements: how many of the next acknowledgements get lost.
        closes_after: the connection is closed after so many messages; ``None`` is never.
        received: (topic, retain, message) of what was published.
        connects: the CONNECT packets' client ids and user names.
    """

    worker: ModelWorker = field(default_factory=ModelWorker)
    connect_code: int | None = 0
    subscribe_code: int = 0
    refused: set[str] = field(default_factory=set)
    problem: str | None = None
    is_away: bool = False
    lost_acknowledgements: int = 0
    closes_after: int | None = None
    received: list[tuple[str, bool, JSONObject]] = field(default_factory=list)
    connects: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._ack_topic = b""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def cut(self) -> None:
        """Close all connections."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def say(self, value: JSONValue | bytes) -> None:
        """Publish anything on the acknowledgement topic of the client that is connected."""
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        _send_publish(self._connections[-1], self._ack_topic, payload)

    def wait_for(self, messages: int) -> None:
        """Wait until so many messages have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.received) >= messages, 20.0), self.received

    def wait_for_connects(self, connects: int) -> None:
        """Wait until so many CONNECT packets have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.connects) >= connects, 20.0), self.connects

    def _start(self, target: object, *arguments: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while (packet := _read_packet(stream)) is not None and self._handle(connection, *packet):
                    pass
            except OSError:
                pass
            finally:
                self._connections.remove(connection)

    def _handle(self, connection: socket.socket, head: int, body: bytes) -> bool:
        """Answer one packet; return whether the connection goes on."""
        match head >> 4:
            case kind if kind == CONNECT:
                return self._handle_connect(connection, body)
            case kind if kind == SUBSCRIBE:
                self._ack_topic = _read_text(body, 2)
                connection.sendall(bytes([SUBACK << 4, 3]) + body[:2] + bytes([self.subscribe_code]))
            case kind if kind == PUBLISH:
                return self._handle_publish(connection, head, body)
            case kind if kind == PINGREQ:
                connection.sendall(bytes([PINGRESP << 4, 0]))
            case kind if kind == DISCONNECT:
                return False
        return True

    def _handle_connect(self, connection: socket.socket, body: bytes) -> bool:
        client_id = _read_text(body, 10)
        username = _read_text(body, 12 + len(client_id)) if body[7] & 0x80 else b""
        with self.changed:
            self.connects.append((client_id.decode(), username.decode()))
            self.changed.notify_all()
        if self.connect_code is None:
            return True
        connection.sendall(bytes([CONNACK << 4, 2, 0, self.connect_code]))
        return self.connect_code == 0

    def _handle_publish(self, connection: socket.socket, head: int, body: bytes) -> bool:
        topic = _read_text(body, 0)
        place = 2 + len(topic)
        message, bucket_id = read(body[place + 2 :]), unquote(topic.decode().split("/")[-2])
        if bucket_id in self.refused or self.closes_after == 0:
            return False
        if self.problem is not None:
            _send_publish(connection, self._ack_topic, json.dumps({"problem": self.problem}).encode())
            return False
        if self.closes_after is not None:
            self.closes_after -= 1
        connection.sendall(bytes([PUBACK << 4, 2]) + body[place : place + 2])
        if not self.is_away:
            bucket_id = "" if topic.endswith(b"/_admin") else bucket_id
            acknowledgement = self.worker.receive(bucket_id, message)
            if self.lost_acknowledgements:
                self.lost_acknowledgements -= 1
            else:
                _send_publish(connection, self._ack_topic, json.dumps(acknowledgement).encode())
        with self.changed:
            self.received.append((topic.decode(), bool(head & 1), message))
            self.changed.notify_all()
        return True


def _send_publish(connection: socket.socket, topic: bytes, payload: bytes) -> None:
    body = struct.pack(">H", len(topic)) + topic + payload
    size, encoded = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            break
    connection.sendall(bytes([PUBLISH << 4]) + encoded + body)


def _read_packet(stream: BinaryIO) -> tuple[int, bytes] | None:
    head = stream.read(1)
    if not head:
        return None
    size, shift = 0, 0
    while True:
        digit = stream.read(1)
        if not digit:
            return None
        size |= (digit[0] & 0x7F) << shift
        shift += 7
        if not digit[0] & 0x80:
            break
    body = stream.read(size)
    return (head[0], body) if len(body) == size else None


def _read_text(body: bytes, place: int) -> bytes:
    (size,) = struct.unpack_from(">H", body, place)
    return body[place + 2 : place + 2 + size]
