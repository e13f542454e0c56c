"""Sessions, subscriptions and retained messages: who gets what.

No I/O and no clock of its own; event loop's thread only. Each method is one step that no other can see half done,
so a take-over never leaves a session that two connections share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pulseline_broker.access import Access, is_retainable, is_valid_filter
from pulseline_broker.counters import Counters
from pulseline_broker.delivery import Budget, Delivery
from pulseline_broker.limits import Limits
from pulseline_broker.message import Message
from pulseline_broker.packet import SUBSCRIPTION_REFUSED
from pulseline_broker.retained import RetainedMessages
from pulseline_broker.session import Absent, ClientConnection, Session
from pulseline_broker.topic_tree import TopicTree

#: Distinct topics whose receivers are remembered between changes of subscriptions.
_MAX_ROUTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who opens a session."""

    client_id: str
    username: str | None
    access: Access
    is_clean: bool


class NotOwner(Exception):
    """The session of this client id belongs to another user."""


class Router:
    """Hands messages to the sessions that want and may have them.

    Args:
        root: the topic levels above ours.
        max_subscriptions: filters of one client.
        limits: what may be kept.
        counters: shared with the rest of the broker.
    """

    def __init__(self, *, root: str, max_subscriptions: int, limits: Limits, counters: Counters) -> None:
        self._root = root
        self._max_subscriptions = max_subscriptions
        self._limits = limits
        self._counters = counters
        self._budget = Budget(limits.all_queued_bytes)
        self._sessions: dict[str, Session] = {}
        self._subscribers: TopicTree[dict[Session, int]] = TopicTree()
        self._retained = RetainedMessages(limits)
        self._routes: dict[str, tuple[tuple[Session, int], ...]] = {}

    def get_sessions(self) -> Sequence[Session]:
        """Return all sessions."""
        return tuple(self._sessions.values())

    def get_retained(self) -> RetainedMessages:
        """Return the retained messages."""
        return self._retained

    def open_session(self, owner: Owner) -> tuple[Session, bool]:
        """Return the session for a client that has proved who it is, and whether it was there before.

        A connection that has it is closed first, as one step: its will goes out, then the session is the caller's.
        An anonymous client has nothing that is its own: its session ends when a user asks for the client id.

        Raises:
            NotOwner: the session is another user's; nothing has changed.
        """
        session = self._sessions.get(owner.client_id)
        if session is not None:
            if session.username not in (owner.username, None):
                raise NotOwner(owner.client_id)
            session.connection.close("taken over by a new connection")
            session = self._sessions.get(owner.client_id)  # a clean one has gone with its connection
        if session is not None and (owner.is_clean or session.username != owner.username):
            self._end(session)
            session = None
        if session is None:
            return self._build_session(owner), False
        session.access = owner.access
        self._routes.clear()
        return session, True

    def attach(self, session: Session, connection: ClientConnection) -> None:
        """Begin to deliver over a connection; CONNACK has been sent."""
        session.connection = connection
        session.absent_since = None
        present = sum(each.is_present for each in self._sessions.values())
        self._counters.clients_maximum = max(self._counters.clients_maximum, present)
        session.delivery.attach(connection)

    def detach(self, session: Session, *, now: float) -> None:
        """Take the connection away; a clean session ends."""
        session.connection = Absent()
        session.delivery.detach()
        session.absent_since = now
        if session.is_clean:
            self._end(session)

    def subscribe(self, session: Session, filters: Iterable[tuple[str, int]]) -> list[int]:
        """Take subscriptions and return the codes for SUBACK; ``replay_retained`` follows it."""
        return [self._subscribe(session, topic_filter, qos) for topic_filter, qos in filters]

    def unsubscribe(self, session: Session, filters: Iterable[str]) -> None:
        """Drop subscriptions; unknown filters are ignored."""
        for topic_filter in filters:
            if session.subscriptions.pop(topic_filter, None) is not None:
                self._forget_subscriber(session, topic_filter)

    def replay_retained(self, session: Session, filters: Iterable[tuple[str, int]]) -> None:
        """Send the retained messages of filters just subscribed to, each once, as far as they may be received."""
        topics: dict[str, int] = {}
        for topic_filter, qos in filters:
            for message in self._retained.iter_matching(topic_filter):
                if session.access.may_receive(message.topic):
                    topics[message.topic] = max(qos, topics.get(message.topic, 0))
        session.delivery.replay(topics.items())

    def publish(self, message: Message, *, retain: bool) -> None:
        """Hand a message to all who want and may have it, and keep it when it is to be retained."""
        if retain:
            self._retained.keep(message)
        self._deliver(message)

    def publish_from_client(self, message: Message, *, retain: bool) -> None:
        """The same for what a client sent: some topics are never retained, and there are limits."""
        if retain and is_retainable(message.topic, root=self._root):
            self._counters.publish_dropped += not self._retained.keep_from_client(message)
        self._deliver(message)

    def expire(self, *, now: float, max_age_s: float) -> None:
        """End the sessions of clients that are away too long, or that are too many."""
        absent = sorted(
            (session for session in self._sessions.values() if session.absent_since is not None),
            key=lambda session: session.absent_since or 0.0,
        )
        surplus = len(absent) - self._limits.absent_sessions
        for place, session in enumerate(absent):
            if place < surplus or now - (session.absent_since or 0.0) >= max_age_s:
                self._counters.clients_expired += 1
                self._end(session)

    def _deliver(self, message: Message) -> None:
        for session, qos in self._get_route(message.topic):
            session.delivery.send(message, min(qos, message.qos))

    def _build_session(self, owner: Owner) -> Session:
        delivery = Delivery(
            limits=self._limits, budget=self._budget, counters=self._counters, read_retained=self._retained.get
        )
        session = Session(
            client_id=owner.client_id,
            username=owner.username,
            is_clean=owner.is_clean,
            access=owner.access,
            delivery=delivery,
        )
        self._sessions[owner.client_id] = session
        return session

    def _end(self, session: Session) -> None:
        self.unsubscribe(session, tuple(session.subscriptions))
        session.delivery.clear()
        session.incoming.clear()
        if self._sessions.get(session.client_id) is session:
            del self._sessions[session.client_id]

    def _subscribe(self, session: Session, topic_filter: str, qos: int) -> int:
        if not is_valid_filter(topic_filter) or not session.access.may_subscribe(topic_filter):
            return SUBSCRIPTION_REFUSED
        is_new = topic_filter not in session.subscriptions
        if is_new and len(session.subscriptions) >= self._max_subscriptions:
            return SUBSCRIPTION_REFUSED
        session.subscriptions[topic_filter] = qos
        subscribers = self._subscribers.get(topic_filter)
        if subscribers is None:
            subscribers = {}
            self._subscribers.set(topic_filter, subscribers)
        subscribers[session] = qos
        self._routes.clear()
        return qos

    def _forget_subscriber(self, session: Session, topic_filter: str) -> None:
        subscribers = self._subscribers.get(topic_filter)
        if subscribers is None:
            return
        subscribers.pop(session, None)
        if not subscribers:
            self._subscribers.remove(topic_filter)
        self._routes.clear()

    def _get_route(self, topic: str) -> tuple[tuple[Session, int], ...]:
        """Return who gets a topic, each once with the highest QoS of its filters (MQTT 3.1.1 section 3.3.5)."""
        route = self._routes.get(topic)
        if route is None:
            highest: dict[Session, int] = {}
            for subscribers in self._subscribers.iter_filters_matching(topic):
                for session, qos in subscribers.items():
                    highest[session] = max(qos, highest.get(session, 0))
            route = tuple(each for each in highest.items() if each[0].access.may_receive(topic))
            if len(self._routes) >= _MAX_ROUTES:
                self._routes.clear()
            self._routes[topic] = route
        return route
