"""MQTT over WebSocket: the same broker behind another transport."""

from __future__ import annotations

import socket

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as open_websocket
from websockets.sync.connection import Connection
from websockets.typing import Origin, Subprotocol

from pulseline_broker.limits import Limits
from pulseline_broker.service import BrokerService
from tests.integration.broker.conftest import Dial, StartBroker
from tests.integration.broker.gates import HeldGate, Sent
from tests.integration.broker.wire import connect, publish, subscribe

HEARTBEAT = "pulseline/v1/plug/heartbeat"

CONNACK = b"\x20\x02\x00\x00"


@pytest.fixture
def broker(start_broker: StartBroker) -> BrokerService:
    """A broker that listens for WebSockets as well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return start_broker(
        limits=Limits(unsent_bytes=50_000, burst_bytes=50_000),
        broker__websocket_port=port,
        broker__connect_timeout_s=0.5,
        broker__max_packet_bytes=2_000_000,
    )


def dial_websocket(broker: BrokerService, *, origin: str | None = None, protocol: str = "mqtt") -> Connection:
    """Open a WebSocket."""
    return open_websocket(
        f"ws://127.0.0.1:{broker.websocket_port}/mqtt",
        origin=None if origin is None else Origin(origin),
        subprotocols=[Subprotocol(protocol)],
        compression=None,
        proxy=None,
    )


def read(websocket: Connection, count: int) -> bytes:
    """Return so many bytes, however they were framed."""
    data = b""
    while len(data) < count:
        frame = websocket.recv(timeout=10)
        assert isinstance(frame, bytes)
        data += frame
    return data


def test_publish_over_websocket_is_acknowledged_after_its_commit(broker: BrokerService, gate: HeldGate) -> None:
    """The sub-protocol is mqtt, frames are binary, and a PUBACK means the same."""
    gate.is_open = False
    with dial_websocket(broker) as websocket:
        assert websocket.subprotocol == "mqtt"
        websocket.send(connect("device"))
        assert read(websocket, 4) == CONNACK
        websocket.send(publish(HEARTBEAT, b"ON", qos=1, packet_id=7))
        gate.wait_for(1)
        websocket.send(b"\xc0\x00")
        assert read(websocket, 2) == b"\xd0\x00"

        gate.open()

        assert read(websocket, 4) == b"\x40\x02\x00\x07"


def test_packets_and_frames_need_not_agree(broker: BrokerService, gate: HeldGate) -> None:
    """A packet may be cut into frames, and a frame may hold several (MQTT 3.1.1 section 6.0)."""
    data = connect("device") + publish(HEARTBEAT, b"1") + publish(HEARTBEAT, b"2")
    with dial_websocket(broker) as websocket:
        websocket.send(data[:5])
        websocket.send(b"")
        websocket.send(data[5:])

        assert [each.payload for each in gate.wait_for(2)] == [b"1", b"2"]


def test_large_message_passes_in_both_directions(broker: BrokerService) -> None:
    """Messages up to the packet limit pass, in frames that clients with limits of their own accept."""
    payload = b"x" * 1_500_000
    with dial_websocket(broker) as websocket:
        websocket.send(connect("device") + subscribe((HEARTBEAT, 0)))
        assert read(websocket, 9)[:4] == CONNACK
        websocket.send(publish(HEARTBEAT, payload))

        assert read(websocket, len(payload)).endswith(b"x")


def test_text_frame_closes_the_connection(broker: BrokerService) -> None:
    """MQTT is binary; a text frame ends the connection (MQTT 3.1.1 section 6.0)."""
    with dial_websocket(broker) as websocket:
        websocket.send(connect("device"))
        assert read(websocket, 4) == CONNACK
        websocket.send("text")
        with pytest.raises(ConnectionClosed):
            websocket.recv(timeout=10)


def test_broken_websocket_publishes_the_will_once_and_repeats_nothing(broker: BrokerService, gate: HeldGate) -> None:
    """What came before the end of a WebSocket is taken in once, whether or not a packet was cut."""
    with dial_websocket(broker) as websocket:
        websocket.send(connect("device") + publish(HEARTBEAT, b"1") + publish(HEARTBEAT, b"2")[:-1])
        assert read(websocket, 4) == CONNACK

    assert [each.payload for each in gate.wait_for(1)] == [b"1"]


def test_silent_websocket_is_closed_in_time(broker: BrokerService) -> None:
    """The time-out for CONNECT holds here too."""
    with dial_websocket(broker) as websocket, pytest.raises(ConnectionClosed):
        websocket.recv(timeout=10)


def test_other_sub_protocols_are_refused(broker: BrokerService) -> None:
    """A WebSocket for something else is not opened."""
    with pytest.raises(InvalidStatus):
        dial_websocket(broker, protocol="chat")


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://localhost:5600", True),
        ("http://127.0.0.1:27180", True),
        ("http://[::1]:5600", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example:5600", False),
        ("null", False),
    ],
)
def test_pages_of_other_machines_are_refused(broker: BrokerService, origin: str, is_allowed: bool) -> None:
    """A page from anywhere else in the user's browser can not open a WebSocket to the broker."""
    if is_allowed:
        dial_websocket(broker, origin=origin).close()
        return
    with pytest.raises(InvalidStatus):
        dial_websocket(broker, origin=origin)


def test_websocket_that_does_not_read_costs_bounded_memory(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """QoS 0 for a WebSocket that does not read is dropped; the broker goes on."""
    watcher = dial(broker).open("watcher")
    with dial_websocket(broker) as websocket:
        websocket.send(connect("stuck") + subscribe(("news", 0)))
        assert read(websocket, 9)[:4] == CONNACK
        for _ in range(100):
            gate.send(*(Sent(topic="news", payload=b"x" * 10_000) for _ in range(20)))
            watcher.expect_nothing()
        websocket.socket.close()


def test_stop_ends_websockets(broker: BrokerService, gate: HeldGate) -> None:
    """A stop acknowledges, and then closes, over WebSocket as well."""
    gate.is_open = False
    with dial_websocket(broker) as websocket:
        websocket.send(connect("device") + publish(HEARTBEAT, b"ON", qos=1, packet_id=7))
        assert read(websocket, 4) == CONNACK
        gate.wait_for(1)

        broker.close()

        assert read(websocket, 4) == b"\x40\x02\x00\x07"
        with pytest.raises(ConnectionClosed):
            websocket.recv(timeout=10)
