"""Where messages come from and where answers go: the embedded broker's gate, or a connection to another broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pulseline_core.types import JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that somebody published.

    Attributes:
        received_at: aware UTC.
        client_id: the MQTT client that published it; ``None`` where the source does not know.
        connection: what it came over, told apart by identity; ``None`` where it does not matter, as for wills.
        is_replay: whether the broker has kept it as a retained one and hands it out once more.
        dropped_bytes: how much of the payload's end the source could not keep.
        ticket: the source's own, by which it knows the message again when it is settled.
    """

    topic: str
    payload: bytes
    received_at: datetime
    client_id: str | None
    ticket: object
    connection: object | None = None
    is_replay: bool = False
    dropped_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that ingest publishes."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class Source(Protocol):
    """What the worker takes messages from; all methods are called on the worker's thread.

    Every message that was received is settled once, those of one connection in the order in which they were received.
    """

    @property
    def queue_len(self) -> int:
        """How many messages wait, about."""
        ...

    @property
    def report(self) -> JSONObject:
        """What the worker's status says of the source; nothing where there is nothing to say."""
        ...

    @property
    def lag_s(self) -> float:
        """How far what comes in now lies behind what is published, as far as the source knows."""
        ...

    def receive(self, max_messages: int, timeout_s: float) -> Sequence[Received] | None:
        """Return what waits, without waiting for more; nothing after ``timeout_s``; ``None`` when all is over."""
        ...

    def settle(self, messages: Sequence[Received], *, committed: bool, unapplied: Sequence[Received] = ()) -> None:
        """Say that the messages are on disk, or that they could not be stored and must be sent again.

        ``unapplied`` are those on disk that changed nothing, as dead letters do: not to be retained.
        """
        ...

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Send messages out, in order."""
        ...

    def pause(self, timeout_s: float) -> None:
        """Return after ``timeout_s``, or as soon as the source is to end."""
        ...
