"""A publisher that runs as a process of its own until it is killed, and keeps a ledger of what it was promised.

``python -m tests.storm.publisher plain|library BUCKET LIFE --port N --folder DIR [--username USER --password WORD]
    [--pause-s N]``
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, TextIO

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from pulseline_client import Client, Event
from pulseline_core.types import JSONObject

#: The lives of a publisher begin a day apart, so that the events' times follow (life, n).
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

#: How many of its messages a plain publisher lets go without their PUBACK.
IN_FLIGHT = 50

#: How long a plain publisher waits for CONNACK.
CONNECT_TIMEOUT_S: Final = 2.0

#: What it is told then; no message has this id.
CONNECTED: Final = 0


def build_timestamp(life: int, n: int) -> datetime:
    """Return the time of an event: each its own, in the order of (life, n)."""
    return FIRST + timedelta(days=life, milliseconds=n)


def run_library(client: Client, chosen: argparse.Namespace, ledger: TextIO) -> None:
    """Hand over events through the library, merged ones and inserted ones in turn, until killed."""
    n = 0
    while True:
        data: JSONObject = {"life": chosen.life, "n": n}
        timestamp = build_timestamp(chosen.life, n)
        if n % 2:
            client.heartbeat(chosen.bucket_id, data, timestamp=timestamp, pulsetime=0)
        else:
            client.insert_event(chosen.bucket_id, Event(timestamp=timestamp, data=data), queued=True)
        ledger.write(f"{chosen.life} {n}\n")
        n += 1
        time.sleep(chosen.pause_s)


class PlainPublisher:
    """A device's publisher: QoS 1, sends again what was not acknowledged when the connection comes back.

    Sends in order and begins again at the oldest unacknowledged message, as devices that keep a buffer do.
    paho calls back on its own thread and with locks held that ``publish`` takes, too; so callbacks only enqueue.
    """

    def __init__(self, chosen: argparse.Namespace, ledger: TextIO) -> None:
        self._topic = f"pulseline/v1/{chosen.bucket_id}/heartbeat"
        self._life = chosen.life
        self._pause_s = chosen.pause_s
        self._ledger = ledger
        self._waiting: deque[int] = deque()
        self._mids: dict[int, int] = {}
        self._next = 0

    def run(self, port: int, username: str, password: str) -> None:
        """Publish until killed, over one connection after another; no user name is anonymous."""
        while True:
            news: SimpleQueue[int | None] = SimpleQueue()
            client = build_client(news)
            if username:
                client.username_pw_set(username, password)
            try:
                client.connect("127.0.0.1", port)
            except OSError:
                time.sleep(0.05)
                continue
            client.loop_start()
            with suppress(Empty):
                self._publish_until_lost(client, news)
            client.loop_stop()

    def _publish_until_lost(self, client: mqtt.Client, news: SimpleQueue[int | None]) -> None:
        """Send what is due and note what is acknowledged; raise ``Empty`` when there is no connection to begin with."""
        if news.get(timeout=CONNECT_TIMEOUT_S) != CONNECTED:
            return
        self._mids.clear()
        for n in self._waiting:
            self._send(client, n)
        while True:
            while len(self._waiting) < IN_FLIGHT:
                self._waiting.append(self._next)
                self._send(client, self._next)
                self._next += 1
                time.sleep(self._pause_s)
            mid = news.get()
            if mid is None:
                return
            if mid in self._mids:
                self._settle(self._mids.pop(mid))

    def _send(self, client: mqtt.Client, n: int) -> None:
        event = {
            "timestamp": build_timestamp(self._life, n).isoformat(),
            "data": {"life": self._life, "n": n},
            "pulsetime": 0,
        }
        self._mids[client.publish(self._topic, json.dumps(event), qos=1).mid] = n

    def _settle(self, n: int) -> None:
        self._waiting.remove(n)
        self._ledger.write(f"{self._life} {n}\n")


def build_client(news: SimpleQueue[int | None]) -> mqtt.Client:
    """Return a client that puts there ``CONNECTED``, the ids of what is acknowledged, and ``None`` at the end."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, clean_session=True)
    client.max_inflight_messages_set(IN_FLIGHT * 2)
    client.on_connect = lambda *_: news.put(CONNECTED)
    client.on_disconnect = lambda *_: news.put(None)
    client.on_publish = lambda _client, _userdata, mid, *_: news.put(mid)
    return client


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
    parser.add_argument("--pause-s", type=float, default=0.0)
    chosen = parser.parse_args()
    ledger = (chosen.folder / f"{chosen.bucket_id}.ledger").open("a", buffering=1)
    if chosen.kind == "plain":
        PlainPublisher(chosen, ledger).run(chosen.port, chosen.username, chosen.password)
    outbox = chosen.folder / f"{chosen.bucket_id}.outbox.db"
    user = {"username": chosen.username, "password": chosen.password}
    with Client(port=chosen.port, outbox=outbox, name=chosen.bucket_id, **user) as client:
        run_library(client, chosen, ledger)


if __name__ == "__main__":
    main()
