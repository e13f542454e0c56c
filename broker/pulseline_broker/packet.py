"""MQTT 3.1.1 packets between bytes and values; what the specification forbids does not get through.

Pure: bytes go in through ``Framer``, whole packets come out, and each is read by the function of its type. Nothing
here waits, so bytes can neither hang a connection nor make it hold more than one packet of the allowed size.
Section numbers are those of the OASIS standard MQTT 3.1.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from pulseline_core.errors import BadInput

#: Section 2.2.3: the remaining length takes at most four bytes.
_MAX_LENGTH_BYTES: Final = 4

_UINT16: Final = struct.Struct("!H")

PINGRESP: Final = b"\xd0\x00"

#: MQTT 5 section 3.2: reason "Unsupported Protocol Version", in the form that MQTT 5 clients read.
CONNACK_VERSION_5: Final = b"\x20\x03\x00\x84\x00"


class PacketType(IntEnum):
    """The first byte of a packet, without the flags that only PUBLISH has."""

    CONNECT = 0x10
    CONNACK = 0x20
    PUBLISH = 0x30
    PUBACK = 0x40
    PUBREC = 0x50
    PUBREL = 0x62
    PUBCOMP = 0x70
    SUBSCRIBE = 0x82
    SUBACK = 0x90
    UNSUBSCRIBE = 0xA2
    UNSUBACK = 0xB0
    PINGREQ = 0xC0
    DISCONNECT = 0xE0


class ConnectCode(IntEnum):
    """The return code of CONNACK (section 3.2.2.3)."""

    ACCEPTED = 0
    UNACCEPTABLE_VERSION = 1
    IDENTIFIER_REJECTED = 2
    UNAVAILABLE = 3
    BAD_CREDENTIALS = 4
    NOT_AUTHORIZED = 5


#: The return code of SUBACK for a filter that was not taken (section 3.9.3).
SUBSCRIPTION_REFUSED: Final = 0x80


def _build_client_first_bytes() -> frozenset[int]:
    own = {each.value for each in PacketType} - {PacketType.CONNACK, PacketType.SUBACK, PacketType.UNSUBACK}
    qos_0 = {0x30, 0x31}  # DUP has no meaning here and MUST be 0 (section 3.3.1.1)
    qos_1_and_2 = {0x30 | dup | qos << 1 | retain for dup in (0, 8) for qos in (1, 2) for retain in (0, 1)}
    return frozenset(own | qos_0 | qos_1_and_2)


#: Every first byte that a client may send: its packet types, their fixed flags (section 2.2.2), no QoS 3.
_CLIENT_FIRST_BYTES: Final = _build_client_first_bytes()


class MalformedPacket(BadInput):
    """Bytes that are no packet a client may send; the connection has to be closed (section 4.8)."""


class UnsupportedVersion(BadInput):
    """A CONNECT of another version of MQTT.

    Attributes:
        level: the protocol level: 3 is MQTT 3.1, 5 is MQTT 5.
    """

    def __init__(self, level: int) -> None:
        super().__init__(f"MQTT protocol level {level} is not spoken here, only 4 (MQTT 3.1.1)")
        self.level = level


@dataclass(frozen=True, slots=True)
class Packet:
    """A whole packet: its first byte, and what follows the remaining length."""

    first: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """The message that the broker publishes when the client is gone without a word."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """A CONNECT packet.

    Attributes:
        client_id: may be empty.
        keep_alive_s: whole seconds; 0 asks for none.
    """

    client_id: str
    clean_session: bool
    keep_alive_s: int
    will: Will | None
    username: str | None
    password: bytes | None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A SUBSCRIBE packet: filters with the QoS asked for, at least one."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """An UNSUBSCRIBE packet, at least one filter."""

    packet_id: int
    filters: tuple[str, ...]


class Framer:
    """Cuts a stream of bytes into packets.

    The size of a packet is judged when its length is known, before its body is taken in.

    Args:
        max_packet_bytes: the largest packet with all its headers.
    """

    __slots__ = ("_buffer", "_max_packet_bytes", "_place")

    def __init__(self, *, max_packet_bytes: int) -> None:
        self._buffer = bytearray()
        self._max_packet_bytes = max_packet_bytes
        self._place = 0

    def feed(self, data: bytes) -> None:
        """Take bytes in; all whole packets must have been taken out before."""
        del self._buffer[: self._place]
        self._place = 0
        self._buffer += data

    def take(self) -> Packet | None:
        """Return the next packet, or ``None`` until more bytes are fed.

        Raises:
            MalformedPacket: no packet may begin like this, or it is larger than allowed.
        """
        buffer, start = self._buffer, self._place
        if start >= len(buffer):
            return None
        first = buffer[start]
        if first not in _CLIENT_FIRST_BYTES:
            raise MalformedPacket(f"first byte 0x{first:02x} is not a packet that a client may send")
        header = self._read_length(start + 1)
        if header is None:
            return None
        length, body = header
        end = body + length
        if end - start > self._max_packet_bytes:
            raise MalformedPacket(f"packet has {end - start} bytes, the limit is {self._max_packet_bytes}")
        if end > len(buffer):
            return None
        self._place = end
        return Packet(first, bytes(memoryview(buffer)[body:end]))

    def _read_length(self, place: int) -> tuple[int, int] | None:
        length = 0
        for index in range(_MAX_LENGTH_BYTES):
            if place + index >= len(self._buffer):
                return None
            byte = self._buffer[place + index]
            length |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return length, place + index + 1
        raise MalformedPacket("the remaining length has more than four bytes")


class _Body:
    """Reads a packet's body from front to back."""

    __slots__ = ("_bytes", "_place")

    def __init__(self, body: bytes) -> None:
        self._bytes = body
        self._place = 0

    def take(self, count: int) -> bytes:
        end = self._place + count
        if end > len(self._bytes):
            raise MalformedPacket("the packet ends too early")
        taken = self._bytes[self._place : end]
        self._place = end
        return taken

    def take_byte(self) -> int:
        return self.take(1)[0]

    def take_uint16(self) -> int:
        return int(_UINT16.unpack(self.take(2))[0])

    def take_packet_id(self) -> int:
        packet_id = self.take_uint16()
        if packet_id == 0:
            raise MalformedPacket("packet id 0 is not allowed")
        return packet_id

    def take_binary(self) -> bytes:
        return self.take(self.take_uint16())

    def take_text(self) -> str:
        return decode_text(self.take_binary())

    def is_at_end(self) -> bool:
        return self._place == len(self._bytes)

    def check_end(self) -> None:
        if not self.is_at_end():
            raise MalformedPacket(f"{len(self._bytes) - self._place} bytes follow the end of the packet")


def decode_text(raw: bytes) -> str:
    """Return a UTF-8 string; surrogates, overlong forms and NUL close the connection (section 1.5.3)."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedPacket(f"text is not UTF-8: {raw[:64]!r}") from error
    if "\0" in text:
        raise MalformedPacket(f"text holds a NUL character: {text[:64]!r}")
    return text


def parse_connect(body: bytes) -> Connect:
    """Read a CONNECT packet (section 3.1).

    Raises:
        UnsupportedVersion: it speaks another version; nothing after the version was looked at.
        MalformedPacket: it breaks a rule.
    """
    reader = _Body(body)
    name, level = reader.take_text(), reader.take_byte()
    if name == "MQIsdp" or (name == "MQTT" and level != 4):
        raise UnsupportedVersion(level)
    if name != "MQTT":
        raise MalformedPacket(f"protocol {name[:64]!r} is not MQTT")
    flags = reader.take_byte()
    _check_connect_flags(flags)
    keep_alive_s = reader.take_uint16()
    client_id = reader.take_text()
    will = _parse_will(reader, flags) if flags & 0x04 else None
    username = reader.take_text() if flags & 0x80 else None
    password = reader.take_binary() if flags & 0x40 else None
    reader.check_end()
    return Connect(
        client_id=client_id,
        clean_session=bool(flags & 0x02),
        keep_alive_s=keep_alive_s,
        will=will,
        username=username,
        password=password,
    )


def _check_connect_flags(flags: int) -> None:
    if flags & 0x01:
        raise MalformedPacket("CONNECT has its reserved flag set")
    if not flags & 0x04 and flags & 0x38:
        raise MalformedPacket("CONNECT has will flags without a will")
    if flags & 0x18 == 0x18:
        raise MalformedPacket("CONNECT has a will of QoS 3")
    if flags & 0x40 and not flags & 0x80:
        raise MalformedPacket("CONNECT has a password without a username")


def _parse_will(reader: _Body, flags: int) -> Will:
    topic = reader.take_text()
    payload = reader.take_binary()
    return Will(topic=topic, payload=payload, qos=(flags >> 3) & 0x03, retain=bool(flags & 0x20))


def split_publish(packet: Packet) -> tuple[bytes, int, bytes]:
    """Take a PUBLISH packet apart: topic (not decoded yet), packet id (0 for QoS 0), payload (section 3.3)."""
    body = packet.body
    try:
        topic_end = 2 + int(_UINT16.unpack_from(body)[0])
        if not packet.first & 0x06:
            if topic_end > len(body):
                raise MalformedPacket("the packet ends too early")
            return body[2:topic_end], 0, body[topic_end:]
        packet_id = int(_UINT16.unpack_from(body, topic_end)[0])
    except struct.error as error:
        raise MalformedPacket("the packet ends too early") from error
    if packet_id == 0:
        raise MalformedPacket("packet id 0 is not allowed")
    return body[2:topic_end], packet_id, body[topic_end + 2 :]


def parse_packet_id(body: bytes) -> int:
    """Read the body of PUBACK, PUBREC, PUBREL or PUBCOMP."""
    reader = _Body(body)
    packet_id = reader.take_packet_id()
    reader.check_end()
    return packet_id


def parse_subscribe(body: bytes) -> Subscribe:
    """Read a SUBSCRIBE packet (section 3.8); the filters are text, not yet judged as filters."""
    reader = _Body(body)
    packet_id = reader.take_packet_id()
    filters: list[tuple[str, int]] = []
    while not reader.is_at_end():
        topic_filter, qos = reader.take_text(), reader.take_byte()
        if qos > 2:
            raise MalformedPacket(f"SUBSCRIBE asks for QoS byte 0x{qos:02x}")
        filters.append((topic_filter, qos))
    if not filters:
        raise MalformedPacket("SUBSCRIBE names no filter")
    return Subscribe(packet_id, tuple(filters))


def parse_unsubscribe(body: bytes) -> Unsubscribe:
    """Read an UNSUBSCRIBE packet (section 3.10)."""
    reader = _Body(body)
    packet_id = reader.take_packet_id()
    filters: list[str] = []
    while not reader.is_at_end():
        filters.append(reader.take_text())
    if not filters:
        raise MalformedPacket("UNSUBSCRIBE names no filter")
    return Unsubscribe(packet_id, tuple(filters))


def check_empty(body: bytes) -> None:
    """Raise unless the packet has no body: PINGREQ, DISCONNECT."""
    _Body(body).check_end()


def build_connack(code: ConnectCode, *, session_present: bool = False) -> bytes:
    """Build a CONNACK; a refusal never has a session (section 3.2.2.2)."""
    return bytes((PacketType.CONNACK, 2, session_present and code is ConnectCode.ACCEPTED, code))


def build_acknowledgement(kind: PacketType, packet_id: int) -> bytes:
    """Build a PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK."""
    return bytes((kind, 2)) + _UINT16.pack(packet_id)


def build_suback(packet_id: int, codes: list[int]) -> bytes:
    """Build a SUBACK with one code a filter: the QoS granted, or ``SUBSCRIPTION_REFUSED``."""
    return _build(PacketType.SUBACK, _UINT16.pack(packet_id) + bytes(codes))


def build_publish(topic: bytes, payload: bytes, *, packet_id: int = 0, flags: int = 0) -> bytes:
    """Build a PUBLISH.

    Args:
        topic: UTF-8.
        payload: anything.
        packet_id: of QoS 1 and 2.
        flags: the four lower bits of the first byte: DUP 8, QoS 2 and 4, RETAIN 1.
    """
    identifier = _UINT16.pack(packet_id) if flags & 0x06 else b""
    return _build(PacketType.PUBLISH | flags, _UINT16.pack(len(topic)) + topic + identifier + payload)


def _build(first: int, body: bytes) -> bytes:
    length = len(body)
    header = bytearray((first,))
    while length > 0x7F:
        header.append(length & 0x7F | 0x80)
        length >>= 7
    header.append(length)
    return bytes(header) + body
