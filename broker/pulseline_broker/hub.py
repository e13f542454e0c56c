"""What all connections share: the router, the gate, the counters, and the publishes that are under way.

Event loop's thread only.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

from pulseline_broker.bridge import GateBridge, Ticket
from pulseline_broker.counters import Counters
from pulseline_broker.gate import Gate, Outgoing, Publish
from pulseline_broker.limits import Limits
from pulseline_broker.message import Message
from pulseline_broker.packet import Will
from pulseline_broker.router import Router
from pulseline_broker.session import Session
from pulseline_core.settings import BrokerSettings, Settings
from pulseline_core.topic import check_topic_name

logger = logging.getLogger(__name__)

#: Time until a will that could not be committed is tried again; nobody is left who would send it.
_WILL_RETRY_S: Final = 1.0

#: Refusals that are logged one by one; a client that repeats itself is counted, not logged again.
_MAX_LOGGED_REFUSALS: Final = 1_000


class Hub:
    """The broker without its sockets.

    Args:
        settings: of the whole project; the root and the broker's section are used.
        gate: not started.
        limits: that are no settings.
    """

    def __init__(self, settings: Settings, gate: Gate, limits: Limits) -> None:
        self.settings: BrokerSettings = settings.broker
        self.root = settings.mqtt.root
        self.limits = limits
        self.counters = Counters()
        self.router = Router(
            root=self.root,
            max_subscriptions=self.settings.max_subscriptions,
            limits=limits,
            counters=self.counters,
        )
        self.bridge = GateBridge(
            gate,
            max_pending_bytes=self.settings.max_pending_bytes,
            on_settled=self._handle_settled,
            on_publish=self._handle_outgoing,
        )
        self.is_stopping = False
        self._logged_refusals: set[tuple[str, str]] = set()

    def publish_will(self, session: Session, will: Will) -> None:
        """Publish the will of a client that is gone, through the gate like all that a client says."""
        if self.is_stopping:
            return
        publish = Publish(
            topic=will.topic,
            payload=will.payload,
            qos=will.qos,
            retain=will.retain,
            client_id=session.client_id,
            username=session.username,
            received_at=datetime.now(UTC),
        )
        self.counters.publish_received += 1
        self.bridge.submit(Ticket(publish, _WillOrigin(self)))

    def note_refusal(self, client_id: str, topic: str, problem: str) -> None:
        """Count a publish that was refused, and log it the first time."""
        self.counters.publish_refused += 1
        refusal = (client_id, topic)
        if refusal in self._logged_refusals or len(self._logged_refusals) >= _MAX_LOGGED_REFUSALS:
            return
        self._logged_refusals.add(refusal)
        logger.warning(
            "client %r %s topic %r; its connection is closed",
            client_id,
            problem,
            topic[:256],
            extra={"action": "publish_refused"},
        )

    def expire_sessions(self) -> None:
        """End the sessions of clients that have been away too long."""
        self.router.expire(now=asyncio.get_running_loop().time(), max_age_s=self.settings.session_expiry_s)

    def _handle_settled(self, ticket: Ticket, committed: bool, applied: bool) -> None:
        if not committed:
            self.counters.publish_uncommitted += 1
            return
        publish = ticket.publish
        message = Message(publish.topic, publish.payload, publish.qos)
        self.router.publish_from_client(message, retain=publish.retain and applied)

    def _handle_outgoing(self, outgoing: Outgoing) -> None:
        check_topic_name(outgoing.topic)
        message = Message(outgoing.topic, outgoing.payload, outgoing.qos)
        self.router.publish(message, retain=outgoing.retain)


class _WillOrigin:
    """Stands for the client that is gone: tries again what could not be committed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def handle_settled(self, ticket: Ticket, *, committed: bool) -> None:
        """Try again after a while, unless the broker stops."""
        if not committed and not self._hub.is_stopping:
            asyncio.get_running_loop().call_later(_WILL_RETRY_S, self._retry, ticket)

    def _retry(self, ticket: Ticket) -> None:
        if not self._hub.is_stopping:
            self._hub.bridge.submit(ticket)
