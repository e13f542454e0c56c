"""Bytes that MQTT forbids: the connection ends, and nothing else does."""

from __future__ import annotations

import random
import struct

import pytest

from pulseline_broker.service import BrokerService
from tests.integration.broker.conftest import Dial, StartBroker
from tests.integration.broker.gates import HeldGate
from tests.integration.broker.wire import (
    PUBACK,
    PUBREC,
    Will,
    Wire,
    acknowledge,
    connect,
    packet,
    publish,
    subscribe,
    text,
    unsubscribe,
)

HEARTBEAT = "pulseline/v1/plug/heartbeat"

AFTER_CONNECT = {
    "second CONNECT": connect("again"),
    "CONNACK from a client": b"\x20\x02\x00\x00",
    "SUBACK from a client": b"\x90\x03\x00\x01\x00",
    "PINGRESP from a client": b"\xd0\x00",
    "reserved type 0": b"\x00\x00",
    "reserved type 15": b"\xf0\x00",
    "QoS 3": packet(0x36, text("a") + b"\x00\x01x"),
    "QoS 0 with DUP": packet(0x38, text("a") + b"x"),
    "flags of PUBREL": b"\x60\x02\x00\x01",
    "flags of SUBSCRIBE": packet(0x80, b"\x00\x01" + text("a") + b"\x00"),
    "flags of UNSUBSCRIBE": packet(0xA0, b"\x00\x01" + text("a")),
    "flags of PINGREQ": b"\xc1\x00",
    "flags of DISCONNECT": b"\xe1\x00",
    "length of five bytes": b"\x30\xff\xff\xff\xff\x01",
    "longer than allowed": b"\x30\xff\xff\xff\x7f",
    "PUBLISH without body": b"\x30\x00",
    "PUBLISH with a cut topic": b"\x30\x03\x00\x09a",
    "PUBLISH without packet id": packet(0x32, text("a")),
    "PUBLISH with packet id 0": publish("a", qos=1, packet_id=0),
    "empty topic": publish("", qos=1),
    "topic with +": publish("a/+/b", qos=1),
    "topic with #": publish("a/#", qos=1),
    "topic not UTF-8": publish(b"\xff\xfe", qos=1),
    "topic with a surrogate": publish(b"a\xed\xa0\x80", qos=1),
    "topic with NUL": publish(b"a\x00b", qos=1),
    "overlong UTF-8": publish(b"\xc0\xaf", qos=1),
    "PUBACK with id 0": acknowledge(PUBACK, 0),
    "PUBACK of one byte": b"\x40\x01\x00",
    "PUBACK of three bytes": b"\x40\x03\x00\x01\x00",
    "SUBSCRIBE without filters": packet(0x82, b"\x00\x01"),
    "SUBSCRIBE without id": b"\x82\x00",
    "SUBSCRIBE with id 0": subscribe(("a", 0), packet_id=0),
    "SUBSCRIBE with QoS 3": subscribe(("a", 3)),
    "SUBSCRIBE with reserved bits": subscribe(("a", 0x40)),
    "SUBSCRIBE without QoS": packet(0x82, b"\x00\x01" + text("a")),
    "filter not UTF-8": subscribe((b"\xff", 0)),
    "filter with NUL": subscribe((b"a\x00", 0)),
    "UNSUBSCRIBE without filters": packet(0xA2, b"\x00\x01"),
    "UNSUBSCRIBE cut": unsubscribe("abc")[:-1][:1] + b"\x06\x00\x01\x00\x03ab",
    "PINGREQ with a body": b"\xc0\x01x",
    "DISCONNECT with a body": b"\xe0\x01x",
}

INSTEAD_OF_CONNECT = {
    "PUBLISH": publish("a"),
    "PINGREQ": b"\xc0\x00",
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "zeros": bytes(100),
    "other protocol": connect("a", name="MQTX"),
    "empty CONNECT": b"\x10\x00",
    "reserved flag": packet(0x10, text("MQTT") + b"\x04\x03\x00\x3c" + text("a")),
    "will of QoS 3": packet(0x10, text("MQTT") + b"\x04\x1e\x00\x3c" + text("a") + text("t") + text("m")),
    "will flags without will": packet(0x10, text("MQTT") + b"\x04\x22\x00\x3c" + text("a")),
    "will that is missing": packet(0x10, text("MQTT") + b"\x04\x06\x00\x3c" + text("a")),
    "will with wildcard": connect("a", will=Will(topic="a/#", payload=b"")),
    "will without topic": connect("a", will=Will(topic="", payload=b"")),
    "password without username": packet(0x10, text("MQTT") + b"\x04\x42\x00\x3c" + text("a") + text("p")),
    "username that is missing": packet(0x10, text("MQTT") + b"\x04\x82\x00\x3c" + text("a")),
    "client id not UTF-8": packet(0x10, text("MQTT") + b"\x04\x02\x00\x3c" + text(b"\xff")),
    "client id with NUL": connect("a\0b"),
    "bytes after the end": packet(0x10, text("MQTT") + b"\x04\x02\x00\x3c" + text("a") + b"x"),
    "longer than allowed": b"\x10\xff\xff\xff\x7f",
}


@pytest.mark.parametrize("data", AFTER_CONNECT.values(), ids=AFTER_CONNECT.keys())
def test_forbidden_packet_closes_the_connection(broker: BrokerService, gate: HeldGate, dial: Dial, data: bytes) -> None:
    """What is forbidden is not answered; what comes after it is not read, the will is published."""
    client = dial(broker).open("device", will=Will(topic="gone", payload=b"x"))

    client.send(data, publish(HEARTBEAT, qos=1, packet_id=5))

    assert client.expect_closed() == b""
    assert [each.topic for each in gate.wait_for(1)] == ["gone"]


@pytest.mark.parametrize("data", INSTEAD_OF_CONNECT.values(), ids=INSTEAD_OF_CONNECT.keys())
def test_connection_that_begins_otherwise_is_closed(broker: BrokerService, dial: Dial, data: bytes) -> None:
    """A connection whose first packet is no proper CONNECT ends without an answer."""
    client = dial(broker)

    client.send(data)

    assert client.expect_closed() == b""


def test_size_is_judged_before_the_body_is_read(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """A packet over the limit is refused when its length is known; one at the limit is taken."""
    broker = start_broker(broker__max_packet_bytes=2_000, mqtt__max_payload_bytes=900)
    client = dial(broker).open("device")
    whole = publish("a", b"x" * (2_000 - 8), qos=1)
    assert len(whole) == 2_000
    client.send(whole)
    client.expect(PUBACK, 1)

    client.send(b"\x32" + b"\xcf\x0f")  # 2,000 bytes follow, so 2,003 in all

    assert client.expect_closed() == b""
    assert len(gate.published) == 1


def test_largest_payload_fits_the_smallest_packet(start_broker: StartBroker, dial: Dial) -> None:
    """Whatever sizes the settings allow, a payload of the largest size arrives, also on a topic of 1,024 bytes."""
    broker = start_broker(broker__max_packet_bytes=301_033, mqtt__max_payload_bytes=300_000)
    client = dial(broker).open("device")

    client.send(publish("t" * 1_024, b"x" * 300_000, qos=1))

    client.expect(PUBACK, 1)


def test_pubrel_before_pubrec_closes_the_connection(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A message can not be released before it was committed."""
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(publish(HEARTBEAT, qos=2, packet_id=1), acknowledge(0x62, 1))

    assert client.expect_closed() == b""
    gate.open()


def test_packets_in_single_bytes_are_understood(broker: BrokerService, dial: Dial) -> None:
    """However the bytes are cut, the packets are the same."""
    client = dial(broker)
    for byte in connect("device") + publish(HEARTBEAT, b"ON", qos=2, packet_id=3):
        client.send(bytes((byte,)))

    assert client.read(4) == b"\x20\x02\x00\x00"
    client.expect(PUBREC, 3)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Return packets with a few bytes changed, cut, doubled or put in."""
    mutated = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(mutated)) if mutated else 0
        match chance.randrange(5):
            case 0:
                mutated[place : place + 1] = bytes((chance.randrange(256),))
            case 1:
                del mutated[place : place + chance.randint(1, 8)]
            case 2:
                mutated[place:place] = chance.randbytes(chance.randint(1, 8))
            case 3:
                mutated[place:place] = mutated[place : place + chance.randint(1, 30)]
            case _:
                mutated[place : place + 2] = struct.pack("!H", chance.choice((0, 1, 0x7FFF, 0xFFFF)))
    return bytes(mutated)


VALID = (
    connect("fuzz", will=Will(topic="gone", payload=b"x", retain=True), username="u", password=b"p"),
    publish(HEARTBEAT, b'{"data":{}}', qos=1, packet_id=3),
    publish(HEARTBEAT, b"ON", qos=2, packet_id=4),
    subscribe(("pulseline/#", 1), ("$SYS/#", 2), packet_id=5),
    acknowledge(PUBACK, 1),
    acknowledge(0x62, 4),
    unsubscribe("pulseline/#", packet_id=6),
    b"\xc0\x00",
    publish("a/b", b"kept", retain=True),
)


def test_broker_survives_random_bytes(broker: BrokerService, dial: Dial, caplog: pytest.LogCaptureFixture) -> None:
    """After hundreds of connections with mutated packets a good client is served as before, and no bug showed."""
    chance = random.Random(20_261_124)
    for _ in range(400):
        intact = chance.randrange(3) == 0
        body = b"".join(chance.sample(VALID[1:], k=5))
        data = (VALID[0] if intact else b"") + mutate(body if intact else VALID[0] + body, chance)
        with Wire(broker.port) as client:
            client.send(data)

    client = dial(broker).open("good")
    client.send(subscribe((HEARTBEAT, 1)), publish(HEARTBEAT, b"ON", qos=1, packet_id=9))
    client.expect_codes(1)
    assert {client.read_packet()[0] for _ in range(2)} == {PUBACK, 0x32}
    assert not [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
