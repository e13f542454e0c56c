"""What the broker has counted since it started; one plain object that everybody adds to, on the event loop alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Totals, named as Mosquitto's ``$SYS`` topics name them where it has them."""

    bytes_received: int = 0
    bytes_sent: int = 0
    messages_received: int = 0  #: Packets of any type.
    messages_sent: int = 0  #: Packets of any type.
    publish_received: int = 0
    publish_sent: int = 0
    publish_dropped: int = 0  #: Not sent or not retained: no room, a slow QoS 0 subscriber, an expired session.
    publish_bytes_received: int = 0
    publish_bytes_sent: int = 0
    publish_refused: int = 0  #: PUBLISH packets that the access rights refuse.
    publish_uncommitted: int = 0  #: PUBLISH packets that the gate could not commit; the client sends again.
    sockets: int = 0  #: Connections accepted.
    connections: int = 0  #: CONNECT packets read.
    clients_refused: int = 0  #: Connections refused: credentials, version, limit, no CONNECT in time.
    clients_expired: int = 0  #: Sessions of absent clients that were given up.
    clients_maximum: int = 0  #: The most clients connected at one time.
    packets_malformed: int = 0  #: Connections closed because of bytes that MQTT forbids.
