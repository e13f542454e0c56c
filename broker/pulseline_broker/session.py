"""A client's session: what the broker knows of it beyond one connection (MQTT 3.1.1 section 3.1.2.4).

A session is *present* while a connection is attached, else *absent*. A clean session ends with its connection;
another is kept, with its subscriptions, its queue and the packet ids of its QoS 2 messages, until it expires. It
belongs to the user who made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pulseline_broker.access import Access
from pulseline_broker.delivery import Delivery, NoSink, Sink


class IncomingState(Enum):
    """Where a QoS 2 message from the client is."""

    PENDING = "pending"  #: Handed to the gate; PUBREC waits for its commit.
    COMMITTED = "committed"  #: PUBREC went out; the id stays taken until PUBREL.


@dataclass(slots=True)
class Incoming:
    """A QoS 2 message that was handed to the gate.

    Attributes:
        digest: of topic and payload; a client that lost its state uses an id again for another message.
    """

    digest: int
    state: IncomingState = IncomingState.PENDING


class ClientConnection(Sink, Protocol):
    """The connection of a present session."""

    def close(self, reason: str) -> None:
        """Cut the connection; nothing more is sent, and the will is published."""


class Absent(NoSink):
    """In the place of the connection while the client is away."""

    def close(self, reason: str) -> None:
        """Close nothing."""


class Session:
    """What is kept of a client.

    Args:
        client_id: unique among all sessions.
        username: whose session it is; ``None`` is anonymous.
        is_clean: whether it ends with its connection.
        access: the rights, of the latest connection.
        delivery: what goes to the client.

    Attributes:
        subscriptions: filters with the QoS granted.
        incoming: QoS 2 messages from the client by packet id.
        absent_since: monotonic seconds, while there is no connection.
    """

    def __init__(
        self, *, client_id: str, username: str | None, is_clean: bool, access: Access, delivery: Delivery
    ) -> None:
        self.client_id = client_id
        self.username = username
        self.is_clean = is_clean
        self.access = access
        self.delivery = delivery
        self.connection: ClientConnection = Absent()
        self.subscriptions: dict[str, int] = {}
        self.incoming: dict[int, Incoming] = {}
        self.absent_since: float | None = None

    @property
    def is_present(self) -> bool:
        """Whether a connection is attached."""
        return not isinstance(self.connection, Absent)
