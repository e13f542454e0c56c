"""The bridge between the event loop and the gate's thread.

Theory of operation: the loop submits messages with a ``Ticket`` each; the gate's thread answers with groups of
tickets, and with messages of its own. Both go into one inbox, so that their order holds, and one callback on the loop
empties it: many groups that come close together cost one wake-up. What waits for its commit is counted here; above the
limit nobody is read any more (``wait_for_room``), so nothing is ever dropped on this side of the gate.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pulseline_broker.gate import Gate, Outgoing, Publish
from pulseline_broker.session import Incoming
from pulseline_core.errors import PulselineError

logger = logging.getLogger(__name__)

#: What a waiting message costs beside its bytes: the objects around it, measured as about 600 with a short topic.
_OVERHEAD_BYTES: Final = 600


class Origin(Protocol):
    """Whoever submitted a message."""

    def handle_settled(self, ticket: Ticket, *, committed: bool) -> None:
        """Hear of the fate of a message; called on the event loop, in order of submission."""


class Ticket:
    """One message on its way through the gate.

    Attributes:
        publish: the message.
        origin: who hears of it.
        packet_id: 0 for QoS 0 and wills.
        incoming: the session's note of a QoS 2 message.
    """

    __slots__ = ("incoming", "origin", "packet_id", "publish")

    def __init__(self, publish: Publish, origin: Origin, packet_id: int = 0, incoming: Incoming | None = None) -> None:
        self.publish = publish
        self.origin = origin
        self.packet_id = packet_id
        self.incoming = incoming

    @property
    def size_bytes(self) -> int:
        """What it costs to wait."""
        return len(self.publish.payload) + _OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class _Group:
    tickets: Sequence[object]
    committed: bool
    unapplied: Collection[object]


class GateBridge:
    """Hands messages to the gate and its answers back to the loop.

    Args:
        gate: not started.
        max_pending_bytes: of messages that may wait for their commit.
        on_settled: called on the loop for each ticket, with whether it is committed and whether it is applied, before
            its origin hears of it.
        on_publish: called on the loop with what the gate publishes.
    """

    def __init__(
        self,
        gate: Gate,
        *,
        max_pending_bytes: int,
        on_settled: Callable[[Ticket, bool, bool], None],
        on_publish: Callable[[Outgoing], None],
    ) -> None:
        self._gate = gate
        self._max_pending_bytes = max_pending_bytes
        self._on_settled = on_settled
        self._on_publish = on_publish
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[_Group | Sequence[Outgoing]] = deque()
        self._lock = threading.Lock()
        self._is_woken = False
        self._room = asyncio.Event()
        self._room.set()
        self.pending_messages = 0
        self.pending_bytes = 0

    def start(self) -> None:
        """Start the gate; not on the event loop's thread, as it may take its time."""
        self._gate.start(settle=self._settle, publish=self._publish)

    def close(self, timeout_s: float) -> None:
        """Close the gate; not on the event loop's thread, which has to run to hear the last answers."""
        self._gate.close(timeout_s)

    def submit(self, ticket: Ticket) -> None:
        """Hand a message over; if the gate refuses it, it is settled as not committed, in its turn."""
        self.pending_messages += 1
        self.pending_bytes += ticket.size_bytes
        if self.pending_bytes >= self._max_pending_bytes:
            self._room.clear()
        try:
            self._gate.submit(ticket.publish, ticket)
        except PulselineError:
            logger.exception("the gate did not take a message", extra={"action": "gate_refused"})
            self._settle((ticket,), False)

    def has_room(self) -> bool:
        """Return whether messages may be submitted."""
        return self._room.is_set()

    async def wait_for_room(self) -> None:
        """Wait until fewer bytes than the limit wait for their commit."""
        await self._room.wait()

    def _settle(self, tickets: Sequence[object], committed: bool, unapplied: Collection[object] = ()) -> None:
        """Take the gate's answer for a group; any thread."""
        self._put(_Group(tickets, committed, unapplied))

    def _publish(self, messages: Sequence[Outgoing]) -> None:
        """Take what the gate wants sent; any thread."""
        self._put(messages)

    def _put(self, item: _Group | Sequence[Outgoing]) -> None:
        with self._lock:
            self._inbox.append(item)
            if self._is_woken:
                return
            self._is_woken = True
        self._loop.call_soon_threadsafe(self._empty_inbox)

    def _empty_inbox(self) -> None:
        with self._lock:
            items, self._inbox = self._inbox, deque()
            self._is_woken = False
        for item in items:
            if isinstance(item, _Group):
                for ticket in item.tickets:
                    self._handle_safely(self._handle_ticket, ticket, item)
            else:
                for message in item:
                    self._handle_safely(self._on_publish, message)
        if self.pending_bytes < self._max_pending_bytes:
            self._room.set()

    def _handle_ticket(self, ticket: object, group: _Group) -> None:
        assert isinstance(ticket, Ticket), "the gate settles what it was given"
        self.pending_messages -= 1
        self.pending_bytes -= ticket.size_bytes
        self._on_settled(ticket, group.committed, group.committed and ticket not in group.unapplied)
        ticket.origin.handle_settled(ticket, committed=group.committed)

    @staticmethod
    def _handle_safely(handle: Callable[..., None], *answer: object) -> None:
        try:
            handle(*answer)
        except Exception:
            # The outermost level of the inbox: a bug over one answer must not keep the others from their clients.
            logger.exception("an answer of the gate could not be handled", extra={"action": "gate_answer_failed"})
