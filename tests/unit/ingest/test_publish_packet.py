"""PUBLISH packets from a broker."""

from __future__ import annotations

import pytest

from pulseline_ingest.publish_packet import MalformedPublish, PublishPacket, decode_publish

TOPIC = b"\x00\x03a/b"


@pytest.mark.parametrize(
    ("first_byte", "body", "is_5", "expected"),
    [
        (0x30, TOPIC + b"xyz", False, PublishPacket("a/b", b"xyz", 0, False)),
        (0x32, TOPIC + b"\x01\x02xyz", False, PublishPacket("a/b", b"xyz", 258, False)),
        (0x3B, TOPIC + b"\x00\x07", False, PublishPacket("a/b", b"", 7, True)),
        (0x32, TOPIC + b"\x00\x07\x00xyz", True, PublishPacket("a/b", b"xyz", 7, False)),
        (0x30, TOPIC + b"\x02\x01\x01xyz", True, PublishPacket("a/b", b"xyz", 0, False)),
        (0x30, TOPIC + b"\x81\x01" + b"p" * 129 + b"xyz", True, PublishPacket("a/b", b"xyz", 0, False)),
        (0x30, b"\x00\x02\xff\xfe" + b"xyz", False, PublishPacket("", b"xyz", 0, False)),
    ],
    ids=["QoS 0", "QoS 1", "repeated and retained", "5", "5 with a property", "5 with many", "topic that is no text"],
)
def test_packet_is_read(first_byte: int, body: bytes, expected: PublishPacket, *, is_5: bool) -> None:
    """Whichever version it is of; properties are passed over."""
    assert decode_publish(first_byte, body, has_properties=is_5) == expected


@pytest.mark.parametrize(
    ("first_byte", "body", "is_5"),
    [
        (0x34, TOPIC + b"\x00\x07", False),
        (0x30, b"", False),
        (0x30, b"\x00\x09a/b", False),
        (0x32, TOPIC + b"\x00", False),
        (0x30, TOPIC, True),
        (0x30, TOPIC + b"\x09x", True),
        (0x30, TOPIC + b"\xff\xff\xff\xff\x01", True),
    ],
    ids=["QoS 2", "empty", "cut topic", "cut id", "no properties", "cut properties", "endless length"],
)
def test_packet_that_does_not_fit_is_refused(first_byte: int, body: bytes, *, is_5: bool) -> None:
    """With one error, whatever is wrong."""
    with pytest.raises(MalformedPublish):
        decode_publish(first_byte, body, has_properties=is_5)
