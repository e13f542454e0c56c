"""Publishers of both kinds: plain ones at QoS 1, and the library with its outbox."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from pulseline_client import Client
from tests.mosquitto import PASSWORD

_TIMEOUT_S: Final = 30.0

_PLAIN: Final = tuple(f"plain-{number}" for number in range(12))
_NUMBERED: Final = tuple(f"library.{number}" for number in range(12))

BUCKETS: Final = (*_PLAIN, *_NUMBERED)

_START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)

#: Numbers that are published while something is killed.
_BACKGROUND: Final = 60


class Publishing:
    """One device and one program, who publish heartbeats with numbers to many buckets in turn.

    Attributes:
        promised: what was acknowledged or taken, by bucket.
    """

    def __init__(self, port: int, outbox: Path) -> None:
        self.promised: dict[str, list[int]] = defaultdict(list)
        self._port = port
        self._outbox = outbox
        self._next = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        user = {"username": "device", "password": PASSWORD}
        self._client = self._stack.enter_context(Client(port=self._port, outbox=self._outbox, **user))  # type: ignore[arg-type]  # texts
        self._device = paho.Client(CallbackAPIVersion.VERSION2, client_id="device", clean_session=False)
        self._device.username_pw_set("device", PASSWORD)
        self._device.connect("127.0.0.1", self._port)
        self._device.loop_start()
        self._stack.callback(self._device.loop_stop)
        self._stack.callback(self._device.disconnect)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def publish(self, count: int) -> None:
        """Publish the next numbers to each bucket; returns when all are acknowledged or taken."""
        for number in range(self._next, self._next + count):
            acknowledging = [
                self._device.publish(f"pulseline/v1/{each}/heartbeat", build(number), 1) for each in _PLAIN
            ]
            for bucket_id in _NUMBERED:
                moment = _START + timedelta(minutes=number)
                self._client.heartbeat(bucket_id, {"n": number}, timestamp=moment, pulsetime=0)
            for message in acknowledging:
                message.wait_for_publish(_TIMEOUT_S)
                assert message.is_published()
            for bucket_id in BUCKETS:
                self.promised[bucket_id].append(number)
        self._next += count

    @contextmanager
    def in_background(self) -> Iterator[None]:
        """Publish while the block runs, and after it until all is acknowledged or taken."""
        failures: list[BaseException] = []

        def run() -> None:
            try:
                self.publish(_BACKGROUND)
            except BaseException as error:  # noqa: BLE001 - the test's thread raises it
                failures.append(error)

        thread = threading.Thread(target=run, name="publishing")
        thread.start()
        try:
            yield
        finally:
            thread.join()
        if failures:
            raise failures[0]


def build(number: int) -> Any:
    """Return the payload of a plain heartbeat that merges with no other."""
    moment = (_START + timedelta(minutes=number)).isoformat()
    return f'{{"timestamp": "{moment}", "data": {{"n": {number}}}, "pulsetime": 0}}'
