"""Packets of the doctor's own."""

from __future__ import annotations

import pytest

from pulseline_broker.packet import parse_connect
from pulseline_client.doctor import packets
from pulseline_client.doctor.packets import MQTT_5, BadPacket, Connect, Packet, Will


def test_connect_is_what_our_broker_reads() -> None:
    """Every field in its place (MQTT 3.1.1 section 3.1)."""
    ask = Connect(
        client_id="c", is_clean=False, keep_alive_s=7, will=Will(topic="t", payload=b"w"), username="u", password="p"
    )

    packet = packets.split_packet(bytearray(packets.build_connect(ask)))

    assert packet is not None
    read = parse_connect(packet.body)
    assert (read.client_id, read.clean_session, read.keep_alive_s) == ("c", False, 7)
    assert (read.username, read.password) == ("u", b"p")
    assert read.will is not None
    assert (read.will.topic, read.will.payload, read.will.qos, read.will.retain) == ("t", b"w", 1, False)


def test_connect_of_mqtt_5_has_a_property() -> None:
    """A session expiry of 300 s stands between keep-alive and client id (MQTT 5 section 3.1.2.11)."""
    packet = packets.build_connect(Connect(client_id="c", level=MQTT_5))

    assert packet == b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x05\x11\x00\x00\x01\x2c\x00\x01c"


def test_packets_are_cut_out_of_the_stream() -> None:
    """However the bytes arrive."""
    whole = packets.build_publish("t", bytes(200), packet_id=9) + packets.build_puback(9)
    data, found = bytearray(), []

    for byte in whole:
        data.append(byte)
        packet = packets.split_packet(data)
        if packet is not None:
            found.append(packet)

    first, second = found
    message = packets.parse_publish(first)
    assert (message.topic, len(message.payload), message.qos, message.packet_id) == ("t", 200, 1, 9)
    assert packets.parse_acknowledgement(second.body) == (9, 0)


def test_connack_of_mqtt_5_tells_its_properties() -> None:
    """Numbers, texts and pairs; what is unknown ends them."""
    body = b"\x01\x00\x10\x21\x00\x14\x1f\x00\x02ok\x26\x00\x01a\x00\x01b\x7e"

    connack = packets.parse_connack(body)

    assert (connack.code, connack.session_present) == (0, True)
    assert connack.properties == {"receive_maximum": 20, "reason": "ok", "user_property": "b"}


def test_publish_of_mqtt_5_has_its_payload_behind_the_properties() -> None:
    """What Mosquitto adds is passed over."""
    packet = Packet(0x30, b"\x00\x01t\x02\x01\x01payload")

    assert packets.parse_publish(packet, level=MQTT_5).payload == b"payload"


def test_publish_of_mqtt_5_may_have_long_properties() -> None:
    """A publisher's user property of 200 bytes comes along, and a length of two bytes with it."""
    properties = b"\x26\x00\x01a\x00\xc8" + bytes(200)
    packet = Packet(0x30, b"\x00\x01t\xce\x01" + properties + b"payload")

    assert packets.parse_publish(packet, level=MQTT_5).payload == b"payload"


def test_connack_of_mqtt_5_may_have_long_properties() -> None:
    """A reason of 200 characters is read whole."""
    body = b"\x00\x87\xcb\x01\x1f\x00\xc8" + b"x" * 200

    assert packets.parse_connack(body).properties == {"reason": "x" * 200}


@pytest.mark.parametrize(
    "parse",
    [
        lambda: packets.parse_connack(b"\x00"),
        lambda: packets.parse_publish(Packet(0x32, b"\x00")),
        lambda: packets.parse_publish(Packet(0x30, b"\x00\x01t\xce"), level=MQTT_5),
        lambda: packets.parse_acknowledgement(b"\x00"),
        lambda: packets.parse_suback(b"\x00\x01"),
        lambda: packets.split_packet(bytearray(b"\x30\xff\xff\xff\xff\x01")),
    ],
)
def test_packets_that_end_too_early_are_bad(parse: object) -> None:
    """No broker makes the doctor crash."""
    with pytest.raises(BadPacket):
        parse()  # type: ignore[operator]
