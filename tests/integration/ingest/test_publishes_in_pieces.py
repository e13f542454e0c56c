"""Messages of a broker that come as a whole or in pieces, as a network likes."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from pulseline_core.errors import BrokerUnavailable
from pulseline_ingest.connection import Connection
from pulseline_ingest.login import Level
from pulseline_ingest.source import Received
from tests.integration.ingest.scripted_broker import TIMEOUT_S
from tests.integration.ingest.test_broker_source import build_login
from tests.integration.ingest.test_connection import CONNACK_5

#: MQTT 5 section 3.3: a message at QoS 1 and one at QoS 0, an answer to a ping between them; and one at QoS 2.
PUBLISHES_5 = b"\x32\x09\x00\x01a\x00\x07\x00one" + b"\xd0\x00" + b"\x30\x86\x01\x00\x01b\x00" + b"2" * 130
QOS_2_5 = b"\x34\x09\x00\x01a\x00\x08\x00two"


@pytest.fixture
def link() -> Iterator[tuple[Connection, socket.socket]]:
    """Give the test a connection that speaks MQTT 5, and the broker's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        login = build_login(listener.getsockname()[1])
        with closing(Connection(login, Level.MQTT_5, keeps_subscriptions=False)) as connection:
            connection.open()
            broker, _ = listener.accept()
            with broker:
                broker.settimeout(TIMEOUT_S)
                broker.recv(65_536)
                broker.sendall(CONNACK_5)
                yield connection, broker


def read_some(connection: Connection) -> list[Received]:
    """Wait until something has come in, and return the messages of it."""
    assert select.select([connection], [], [], TIMEOUT_S)[0]
    return connection.read(10)


@pytest.mark.parametrize("cut", range(1, len(PUBLISHES_5)))
def test_messages_are_read_however_they_are_cut(link: tuple[Connection, socket.socket], cut: int) -> None:
    """Those that come as a whole, and those that come in two pieces; each once and in order."""
    connection, broker = link
    broker.sendall(PUBLISHES_5[:cut])
    received = read_some(connection)
    broker.sendall(PUBLISHES_5[cut:])
    while len(received) < 2:
        received += read_some(connection)

    assert [(each.topic, each.payload, each.ticket) for each in received] == [("a", b"one", 7), ("b", b"2" * 130, 0)]


def build_publish_5(head: bytes, length: int) -> bytes:
    """Return a message at QoS 1, padded to a length that three bytes can say."""
    return b"\x32" + bytes((length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14)) + head.ljust(length, b"x")


@pytest.mark.parametrize(
    ("head", "payload_bytes"),
    [(b"\x00\x01a\x00\x07\x00", 1_000_000 - 6), (b"\x00\x01a\x00\x07\xff\xff\x3f", 0)],
    ids=["payload", "properties"],
)
def test_message_that_is_too_long_to_be_held_is_one_without_its_end(
    link: tuple[Connection, socket.socket], head: bytes, payload_bytes: int
) -> None:
    """It is a dead letter and delays nobody; refused, it would come again for ever. What follows it is read."""
    connection, broker = link
    sending = threading.Thread(target=broker.sendall, args=[build_publish_5(head, 2_000_000) + PUBLISHES_5])
    sending.start()
    received: list[Received] = []
    while len(received) < 3:
        received += read_some(connection)
    sending.join()

    assert [(each.ticket, len(each.payload), each.dropped_bytes) for each in received] == [
        (7, payload_bytes, 1_000_000),
        (7, 3, 0),
        (0, 130, 0),
    ]


@pytest.mark.parametrize("cut", [0, 5], ids=["whole", "in two pieces"])
def test_message_that_was_not_asked_for_ends_the_connection(link: tuple[Connection, socket.socket], cut: int) -> None:
    """What follows it is not read, as it comes again."""
    connection, broker = link
    broker.sendall(QOS_2_5[:cut])
    if cut:
        assert read_some(connection) == []
    broker.sendall(QOS_2_5[cut:] + PUBLISHES_5)

    with pytest.raises(BrokerUnavailable):
        read_some(connection)
