"""The queue between the broker's event loop and the worker: the embedded broker as a source.

Each message that was put in is settled once, in order: by the worker, or, once the worker is gone, by ``refuse_rest``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Final, Protocol, TypeAlias

from pulseline_core.types import JSONObject
from pulseline_ingest.source import Outgoing, Received

Settle: TypeAlias = Callable[[Sequence[object], bool, Collection[object]], None]
"""Takes tickets in the order of their submission, whether they are committed, and those that were not applied."""

Send: TypeAlias = Callable[[Sequence[Outgoing]], None]
"""Takes messages to publish."""


class Submitted(Protocol):
    """A message as the broker hands it over."""

    @property
    def topic(self) -> str:
        """Where it was published."""
        ...

    @property
    def payload(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def client_id(self) -> str:
        """Who published it."""
        ...

    @property
    def received_at(self) -> datetime:
        """When it came in, aware UTC."""
        ...

    @property
    def connection(self) -> object | None:
        """What it came over."""
        ...


#: What ``end`` puts behind the last message.
_END: Final = None


class SubmissionQueue:
    """A ``Source`` that the embedded broker fills.

    ``put`` and ``end`` may be called from any thread, ``refuse_rest`` when no thread receives any more, the rest on the
    worker's thread. It has no bound: the broker bounds what it leaves unacknowledged.
    """

    def __init__(self, *, settle: Settle, send: Send) -> None:
        self._settle = settle
        self._send = send
        self._queue: SimpleQueue[tuple[Submitted, object] | None] = SimpleQueue()
        self._ending = threading.Event()
        self._is_drained = False
        self._refusing = threading.Lock()

    @property
    def queue_len(self) -> int:
        """How many messages wait, about."""
        return self._queue.qsize()

    @property
    def report(self) -> JSONObject:
        """Nothing: the broker reports for itself."""
        return {}

    @property
    def lag_s(self) -> float:
        """Nothing: what is published is here at once."""
        return 0.0

    def put(self, publish: Submitted, ticket: object) -> None:
        """Add a message; never blocks."""
        self._queue.put((publish, ticket))

    def end(self) -> None:
        """Let ``receive`` hand out what is here and then nothing more."""
        self._ending.set()
        self._queue.put(_END)

    def receive(self, max_messages: int, timeout_s: float) -> Sequence[Received] | None:
        """Return what waits; see ``Source``."""
        if self._is_drained:
            return None
        received: list[Received] = []
        try:
            item = self._queue.get(timeout=timeout_s)
            while item is not _END:
                received.append(_receive(*item))
                if len(received) >= max_messages:
                    return received
                item = self._queue.get_nowait()
        except Empty:
            return received
        self._is_drained = True
        return received

    def settle(self, messages: Sequence[Received], *, committed: bool, unapplied: Sequence[Received] = ()) -> None:
        """Pass the tickets on; see ``Source``."""
        tickets = [message.ticket for message in messages]
        self._settle(tickets, committed, {message.ticket for message in unapplied})

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Pass the messages on; see ``Source``."""
        self._send(messages)

    def pause(self, timeout_s: float) -> None:
        """Wait, but not for longer than the source lasts; see ``Source``."""
        self._ending.wait(timeout_s)

    def refuse_rest(self) -> None:
        """Settle what is in the queue as not committed."""
        with self._refusing:
            tickets: list[object] = []
            try:
                while True:
                    item = self._queue.get_nowait()
                    if item is not _END:
                        tickets.append(item[1])
            except Empty:
                if tickets:
                    self._settle(tickets, False, ())


def _receive(publish: Submitted, ticket: object) -> Received:
    return Received(
        topic=publish.topic,
        payload=publish.payload,
        received_at=publish.received_at,
        client_id=publish.client_id,
        ticket=ticket,
        connection=publish.connection,
    )
