"""A publisher that runs as a process of its own until it is killed, and keeps a ledger of what it was promised.

``python -m tests.storm.publisher plain|library BUCKET LIFE --port N --folder DIR [--username USER --password WORD]``
"""

from __future__ import annotations

import argparse
import json
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from pulseline_client import Client
from pulseline_core.types import JSONObject

#: The lives of a publisher begin a day apart, so that the events' times follow (life, n).
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

#: How many of its messages a plain publisher lets go without their PUBACK.
IN_FLIGHT = 50


def build_timestamp(life: int, n: int) -> datetime:
    """Return the time of an event: each its own, in the order of (life, n)."""
    return FIRST + timedelta(days=life, milliseconds=n)


def run_library(client: Client, bucket_id: str, life: int, ledger: TextIO) -> None:
    """Hand over events through the library, merged ones and inserted ones in turn, until killed."""
    n = 0
    while True:
        data: JSONObject = {"life": life, "n": n}
        client.heartbeat(bucket_id, data, timestamp=build_timestamp(life, n), pulsetime=0)
        ledger.write(f"{life} {n}\n")
        n += 1


class PlainPublisher:
    """A device's publisher: QoS 1, sends again what was not acknowledged when the connection comes back.

    Sends in order and begins again at the oldest unacknowledged message, as devices that keep a buffer do.
    """

    def __init__(self, bucket_id: str, life: int, ledger: TextIO) -> None:
        self._topic = f"pulseline/v1/{bucket_id}/heartbeat"
        self._life = life
        self._ledger = ledger
        self._changed = threading.Condition()
        self._connected = False
        self._waiting: deque[int] = deque()
        self._mids: dict[int, int] = {}
        self._next = 0

    def run(self, port: int, username: str, password: str) -> None:
        """Publish until killed, over one connection after another; no user name is anonymous."""
        while True:
            client = mqtt.Client(CallbackAPIVersion.VERSION2, clean_session=True)
            if username:
                client.username_pw_set(username, password)
            client.max_inflight_messages_set(IN_FLIGHT * 2)
            client.on_connect = self._on_connect
            client.on_disconnect = self._on_disconnect
            client.on_publish = self._on_publish
            try:
                client.connect("127.0.0.1", port)
            except OSError:
                threading.Event().wait(0.05)
                continue
            client.loop_start()
            self._publish_until_lost(client)
            client.loop_stop()

    def _publish_until_lost(self, client: mqtt.Client) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._connected, timeout=2.0):
                return
            self._mids.clear()
            for n in self._waiting:
                self._send(client, n)
            while self._connected:
                if len(self._waiting) < IN_FLIGHT:
                    self._waiting.append(self._next)
                    self._send(client, self._next)
                    self._next += 1
                else:
                    self._changed.wait(1.0)

    def _send(self, client: mqtt.Client, n: int) -> None:
        event = {
            "timestamp": build_timestamp(self._life, n).isoformat(),
            "data": {"life": self._life, "n": n},
            "pulsetime": 0,
        }
        self._mids[client.publish(self._topic, json.dumps(event), qos=1).mid] = n

    def _on_connect(self, *arguments: object) -> None:
        with self._changed:
            self._connected = True
            self._changed.notify_all()

    def _on_disconnect(self, *arguments: object) -> None:
        with self._changed:
            self._connected = False
            self._changed.notify_all()

    def _on_publish(self, client: object, userdata: object, mid: int, *rest: object) -> None:
        with self._changed:
            n = self._mids.pop(mid, None)
            if n is None:
                return
            self._waiting.remove(n)
            self._ledger.write(f"{self._life} {n}\n")
            self._changed.notify_all()


def main() -> None:
    """Run one life of a publisher."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["plain", "library"])
    parser.add_argument("bucket_id")
    parser.add_argument("life", type=int)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--username", default="")
    parser.add_argument("--password", default="")
    chosen = parser.parse_args()
    ledger = (chosen.folder / f"{chosen.bucket_id}.ledger").open("a", buffering=1)
    if chosen.kind == "plain":
        PlainPublisher(chosen.bucket_id, chosen.life, ledger).run(chosen.port, chosen.username, chosen.password)
    outbox = chosen.folder / f"{chosen.bucket_id}.outbox.db"
    user = {"username": chosen.username, "password": chosen.password}
    with Client(port=chosen.port, outbox=outbox, name=chosen.bucket_id, **user) as client:
        run_library(client, chosen.bucket_id, chosen.life, ledger)


if __name__ == "__main__":
    main()
