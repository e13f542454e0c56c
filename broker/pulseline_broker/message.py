"""A message on its way to subscribers."""

from __future__ import annotations

from dataclasses import dataclass, field

from pulseline_broker.packet import build_publish

#: The flag of a PUBLISH that is a replay of what was said before the subscription (MQTT 3.1.1 section 3.3.1.3).
_RETAIN_FLAG = 1

_DUP_FLAG = 8


@dataclass(slots=True)
class Message:
    """What subscribers get; one object serves all of them.

    Attributes:
        topic: valid, without wildcards.
        payload: the bytes as published.
        qos: as published; each subscriber gets at most this.
    """

    topic: str
    payload: bytes
    qos: int
    _live_packet: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def size_bytes(self) -> int:
        """What it costs to keep: the payload and the topic, roughly."""
        return len(self.payload) + len(self.topic)

    def build_live_packet(self) -> bytes:
        """Return the PUBLISH of QoS 0, which is the same for all subscribers."""
        if self._live_packet is None:
            self._live_packet = build_publish(self.topic.encode(), self.payload)
        return self._live_packet

    def build_packet(self, *, qos: int, packet_id: int = 0, retain: bool = False, dup: bool = False) -> bytes:
        """Return the PUBLISH for one subscriber."""
        flags = qos << 1 | (_RETAIN_FLAG if retain else 0) | (_DUP_FLAG if dup else 0)
        return build_publish(self.topic.encode(), self.payload, packet_id=packet_id, flags=flags)
