"""MQTT packets as a probe needs them: what paho keeps to itself can be seen, and nothing is done unasked.

Pure. Of MQTT 3.1.1 all that a client sends with QoS 0 and 1; of MQTT 5 as much as is needed to ask for a connection,
to publish and to read the broker's reasons. Section numbers are those of the OASIS standards.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from pulseline_core.types import JSONValue

_UINT16: Final = struct.Struct("!H")
_UINT32: Final = struct.Struct("!I")

#: Protocol levels (MQTT 3.1.1 and 5 section 3.1.2.2).
MQTT_3_1_1: Final = 4
MQTT_5: Final = 5

#: From here on a return code or reason means no.
FAILURE: Final = 0x80

PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"

_MAX_LENGTH_BYTES: Final = 4

#: MQTT 5 section 2.2.2.2: what the broker may tell in CONNACK, by identifier, with the form of its value.
_CONNACK_PROPERTIES: Final = {
    0x11: ("session_expiry_s", "!I"),
    0x12: ("assigned_client_id", "text"),
    0x13: ("keep_alive_s", "!H"),
    0x15: ("authentication_method", "text"),
    0x16: ("authentication_data", "text"),
    0x1A: ("response_information", "text"),
    0x1C: ("server_reference", "text"),
    0x1F: ("reason", "text"),
    0x21: ("receive_maximum", "!H"),
    0x22: ("topic_alias_maximum", "!H"),
    0x24: ("maximum_qos", "!B"),
    0x25: ("retain_available", "!B"),
    0x26: ("user_property", "pair"),
    0x27: ("maximum_packet_bytes", "!I"),
    0x28: ("wildcards_available", "!B"),
    0x29: ("subscription_ids_available", "!B"),
    0x2A: ("shared_subscriptions_available", "!B"),
}


class Kind(IntEnum):
    """The upper four bits of a packet's first byte."""

    CONNECT = 0x10
    CONNACK = 0x20
    PUBLISH = 0x30
    PUBACK = 0x40
    SUBSCRIBE = 0x80
    SUBACK = 0x90
    PINGRESP = 0xD0
    DISCONNECT = 0xE0


class BadPacket(ValueError):
    """The broker sent bytes that are no packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker is to publish when we are gone without a word; QoS 1, not retained."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """What to ask a connection for.

    Attributes:
        keep_alive_s: whole seconds; 0 asks for none.
        session_expiry_s: of MQTT 5, where a session without it ends with its connection.
    """

    client_id: str = ""
    is_clean: bool = True
    keep_alive_s: int = 60
    will: Will | None = None
    username: str = ""
    password: str = ""
    level: int = MQTT_3_1_1
    session_expiry_s: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Connack:
    """The broker's answer; ``code`` 0 is yes."""

    code: int
    session_present: bool
    properties: dict[str, JSONValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A PUBLISH from the broker; ``packet_id`` is 0 for QoS 0."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int


@dataclass(frozen=True, slots=True)
class Packet:
    """A whole packet: its first byte, and what follows the remaining length."""

    first: int
    body: bytes

    @property
    def kind(self) -> int:
        """The type without the flags; compare it with ``Kind``."""
        return self.first & 0xF0


def build_connect(ask: Connect) -> bytes:
    """Return a CONNECT (section 3.1)."""
    flags = (0x02 if ask.is_clean else 0) | (0x0C if ask.will else 0)
    flags |= (0x80 if ask.username else 0) | (0x40 if ask.password else 0)
    is_5 = ask.level == MQTT_5
    properties = b"\x05\x11" + _UINT32.pack(ask.session_expiry_s) if is_5 else b""
    body = _text("MQTT") + bytes((ask.level, flags)) + _UINT16.pack(ask.keep_alive_s) + properties
    body += _text(ask.client_id)
    if ask.will is not None:
        body += (b"\x00" if is_5 else b"") + _text(ask.will.topic) + _text(ask.will.payload)
    body += _text(ask.username) if ask.username else b""
    body += _text(ask.password) if ask.password else b""
    return _build(Kind.CONNECT, body)


def build_publish(
    topic: str, payload: bytes, *, packet_id: int = 0, retain: bool = False, level: int = MQTT_3_1_1
) -> bytes:
    """Return a PUBLISH (section 3.3), of QoS 1 when there is a packet id, else of QoS 0."""
    identifier = _UINT16.pack(packet_id) if packet_id else b""
    properties = b"\x00" if level == MQTT_5 else b""
    first = Kind.PUBLISH | (0x02 if packet_id else 0) | (0x01 if retain else 0)
    return _build(first, _text(topic) + identifier + properties + payload)


def build_subscribe(topic_filter: str, *, packet_id: int, qos: int, level: int = MQTT_3_1_1) -> bytes:
    """Return a SUBSCRIBE of one filter (section 3.8)."""
    properties = b"\x00" if level == MQTT_5 else b""
    return _build(Kind.SUBSCRIBE | 0x02, _UINT16.pack(packet_id) + properties + _text(topic_filter) + bytes((qos,)))


def build_puback(packet_id: int) -> bytes:
    """Return a PUBACK that means yes (section 3.4)."""
    return _build(Kind.PUBACK, _UINT16.pack(packet_id))


def split_packet(data: bytearray) -> Packet | None:
    """Take the first whole packet out of the bytes that came in; ``None`` until there is one."""
    try:
        length, start = _parse_length(data, 1)
    except IndexError:
        return None
    end = start + length
    if end > len(data):
        return None
    packet = Packet(data[0], bytes(data[start:end]))
    del data[:end]
    return packet


def parse_connack(body: bytes) -> Connack:
    """Read a CONNACK of either version; properties that are not understood are left out."""
    if len(body) < 2:
        raise BadPacket(f"CONNACK has {len(body)} bytes")
    try:
        start = _parse_length(body, 2)[1]
    except IndexError:  # MQTT 3.1.1 has no properties
        start = len(body)
    return Connack(code=body[1], session_present=bool(body[0] & 1), properties=_parse_properties(body[start:]))


def parse_publish(packet: Packet, *, level: int = MQTT_3_1_1) -> Delivered:
    """Read a PUBLISH."""
    body, qos = packet.body, packet.first >> 1 & 3
    try:
        end = 2 + _UINT16.unpack_from(body)[0]
        topic = body[2:end].decode(errors="replace")
        packet_id = _UINT16.unpack_from(body, end)[0] if qos else 0
        end += 2 if qos else 0
        if level == MQTT_5:
            length, start = _parse_length(body, end)  # the properties, which are as long as the publisher likes
            end = start + length
    except (struct.error, IndexError) as error:
        raise BadPacket("PUBLISH ends too early") from error
    return Delivered(
        topic=topic,
        payload=body[end:],
        qos=qos,
        retain=bool(packet.first & 1),
        dup=bool(packet.first & 8),
        packet_id=packet_id,
    )


def parse_acknowledgement(body: bytes) -> tuple[int, int]:
    """Read a PUBACK: the packet id, and the reason, which is 0 where none is given."""
    if len(body) < 2:
        raise BadPacket(f"PUBACK has {len(body)} bytes")
    return int(_UINT16.unpack_from(body)[0]), body[2] if len(body) > 2 else 0


def parse_suback(body: bytes) -> int:
    """Read the last code of a SUBACK of one filter: the QoS granted, or a failure."""
    if len(body) < 3:
        raise BadPacket(f"SUBACK has {len(body)} bytes")
    return body[-1]


def _parse_length(data: bytes | bytearray, place: int) -> tuple[int, int]:
    """Read a variable byte integer (MQTT 5 section 1.5.5), and return it and the place behind it.

    Raises:
        IndexError: the data ends within it.
        BadPacket: it has more than four bytes.
    """
    length = 0
    for number in range(_MAX_LENGTH_BYTES):
        byte = data[place + number]
        length |= (byte & 0x7F) << (7 * number)
        if byte < FAILURE:
            return length, place + number + 1
    raise BadPacket("a length has more than four bytes")


def _parse_properties(data: bytes) -> dict[str, JSONValue]:
    found: dict[str, JSONValue] = {}
    place = 0
    try:
        while place < len(data):
            name, form = _CONNACK_PROPERTIES[data[place]]
            place += 1
            if form.startswith("!"):
                found[name] = struct.unpack_from(form, data, place)[0]
                place += struct.calcsize(form)
                continue
            for _ in range(2 if form == "pair" else 1):
                length = _UINT16.unpack_from(data, place)[0]
                found[name] = data[place + 2 : place + 2 + length].decode(errors="replace")
                place += 2 + length
    except (KeyError, struct.error):
        return found
    return found


def _text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _UINT16.pack(len(raw)) + raw


def _build(first: int, body: bytes) -> bytes:
    length, header = len(body), bytearray((first,))
    while length > 0x7F:
        header.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes(header) + bytes((length,)) + body
