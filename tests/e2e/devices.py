"""A device that knows only MQTT: publishes at QoS 1 and waits for its PUBACK."""

from __future__ import annotations

import threading
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

#: Longer than any commit here takes.
TIMEOUT_S = 10.0


class Device:
    """One connection; as a context manager."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._changed = threading.Condition()
        self._acknowledged: set[int] = set()
        self._lost = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_publish = self._on_publish
        self._client.on_disconnect = self._on_disconnect

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish, and return when the broker has acknowledged it."""
        assert self.try_publish(topic, payload), f"no PUBACK for {payload[:80]!r} on {topic[:80]!r}"

    def try_publish(self, topic: str, payload: bytes) -> bool:
        """Publish; return whether it was acknowledged before the broker closed the connection."""
        mid = self._client.publish(topic, payload, qos=1).mid
        with self._changed:
            self._changed.wait_for(lambda: mid in self._acknowledged or self._lost, TIMEOUT_S)
            return mid in self._acknowledged

    def _on_publish(self, client: object, userdata: object, mid: int, *_: object) -> None:
        with self._changed:
            self._acknowledged.add(mid)
            self._changed.notify_all()

    def _on_disconnect(self, *_: object) -> None:
        with self._changed:
            self._lost = True
            self._changed.notify_all()
