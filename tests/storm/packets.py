"""What a proxy passes on as a whole: MQTT's packets, or for other protocols whatever comes at once."""

from __future__ import annotations

from typing import Final, Protocol

_PUBLISH: Final = 3
_DUP: Final = 0x08

#: In the envelope that the library puts around its messages.
_NUMBERED: Final = b'"publisher"'


class Cutter(Protocol):
    """Cuts one direction of a connection into what is passed on as a whole; keeps what is not whole yet."""

    def cut(self, data: bytes) -> list[bytes]:
        """Return what is whole now."""
        ...


class NoCutter:
    """For a protocol that is none of the proxy's business."""

    def cut(self, data: bytes) -> list[bytes]:
        """Return it as it came."""
        return [data]


class MqttCutter:
    """Cuts between MQTT's packets, section 2.2: a byte of type and flags, a length of up to four bytes, the rest."""

    def __init__(self) -> None:
        self._left = b""

    def cut(self, data: bytes) -> list[bytes]:
        """Return the packets that are complete now."""
        self._left += data
        packets: list[bytes] = []
        while (size := _measure(self._left)) and size <= len(self._left):
            packets.append(self._left[:size])
            self._left = self._left[size:]
        return packets


def _measure(data: bytes) -> int:
    """Return the size of the packet that begins here; 0 while its length has not come."""
    length = 0
    for place in range(1, min(5, len(data))):
        length |= (data[place] & 0x7F) << 7 * (place - 1)
        if data[place] < 0x80:
            return place + 1 + length
    return 0


def get_qos(packet: bytes) -> int | None:
    """Return a message's quality of service; ``None`` for packets that are no messages."""
    return (packet[0] >> 1) & 3 if packet[0] >> 4 == _PUBLISH else None


def is_numbered(packet: bytes) -> bool:
    """Return whether it is a message of the library's, which others may overtake."""
    return bool(get_qos(packet)) and _NUMBERED in packet


def mark_duplicate(packet: bytes) -> bytes:
    """Return a message as it is sent again."""
    return bytes([packet[0] | _DUP]) + packet[1:]
