"""One client's connection, from CONNACK to its end.

Theory of operation: one task reads; each packet is handled at once and completely, in the order of arrival, so there
is no task for a message and nothing to overtake another. A PUBLISH is judged, handed to the gate and forgotten until
its ticket comes back through ``handle_settled``; tickets come back in order of submission, so acknowledgements leave
in that order too, all of one batch in one write::

    bytes ─> Framer ─> _handle ─> GateBridge ─────> (commit) ─> handle_settled ─> _out ─> _flush ─> bytes
                          └─> router, delivery (SUBSCRIBE, PUBACK, ...) ──────────^

Reading stops while too much waits for its commit, or while the peer does not take what it is sent; it is never the
messages that are dropped. ``close`` is the only way to the end; it may be called from anywhere on the loop, any number
of times, and does everything that others depend on before it returns: the session is free and the will is under way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pulseline_broker.access import MAX_FILTER_LEVELS
from pulseline_broker.bridge import Ticket
from pulseline_broker.gate import Publish
from pulseline_broker.hub import Hub
from pulseline_broker.packet import (
    PINGRESP,
    Framer,
    MalformedPacket,
    Packet,
    PacketType,
    Will,
    build_acknowledgement,
    build_suback,
    check_empty,
    decode_text,
    parse_packet_id,
    parse_subscribe,
    parse_unsubscribe,
    split_publish,
)
from pulseline_broker.session import Incoming, IncomingState, Session
from pulseline_broker.transport import Transport
from pulseline_core.errors import InvalidTopic
from pulseline_core.topic import check_topic_name

logger = logging.getLogger(__name__)

#: MQTT 3.1.1 section 3.1.2.10: a client is gone after one and a half times its keep-alive without a packet.
_KEEP_ALIVE_FACTOR: Final = 1.5

#: What had come before the keep-alive ran out is read within this, and counts: this process may have been stopped.
_LAST_LOOK_S: Final = 0.5

#: The upper half of the first byte of a PUBLISH; its lower half are flags.
_PUBLISH_BITS: Final = 0x30
_DUP_BIT: Final = 0x08


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What the CONNECT said that matters until the end.

    Attributes:
        will: published unless the client says DISCONNECT.
        keep_alive_s: the longest silence, more than 0.
        framer: holds what came after CONNECT.
    """

    session: Session
    will: Will | None
    keep_alive_s: float
    framer: Framer


class Connection:
    """A client whose CONNECT was accepted.

    Args:
        hub: shared by all.
        transport: nothing else reads or writes it.
        greeting: what was agreed.
    """

    def __init__(self, hub: Hub, transport: Transport, greeting: Greeting) -> None:
        self._hub = hub
        self._transport = transport
        self._session = greeting.session
        self._will = greeting.will
        self._framer = greeting.framer
        self._silence_s = greeting.keep_alive_s * _KEEP_ALIVE_FACTOR
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._watch = self._loop.call_later(self._silence_s, self._check_silence)
        self._task: asyncio.Task[None] | None = None
        self._drainer: asyncio.Task[None] | None = None
        self._out = bytearray()
        self._is_flush_planned = False
        self._is_closed = False
        self._unacknowledged = 0
        self._room = asyncio.Event()
        self._is_held = False
        self._topics: dict[bytes, str] = {}
        self._handlers: dict[int, Callable[[bytes], None]] = {
            PacketType.PUBACK: self._handle_puback,
            PacketType.PUBREC: self._handle_pubrec,
            PacketType.PUBREL: self._handle_pubrel,
            PacketType.PUBCOMP: self._handle_pubcomp,
            PacketType.SUBSCRIBE: self._handle_subscribe,
            PacketType.UNSUBSCRIBE: self._handle_unsubscribe,
            PacketType.PINGREQ: self._handle_pingreq,
            PacketType.DISCONNECT: self._handle_disconnect,
        }

    async def serve(self) -> None:
        """Handle packets until the connection ends; it is closed then."""
        self._task = asyncio.current_task()
        try:
            await self._read_packets()
        except MalformedPacket as error:
            self._hub.counters.packets_malformed += 1
            self.close(str(error))
        except asyncio.CancelledError:
            if not self._is_closed or self._task is None:
                raise
            self._task.uncancel()  # it was ``close`` that cancelled the read
        finally:
            self.close("the connection was lost")
            self._task = None
        await self._transport.close()

    def write(self, data: bytes) -> None:
        """Send bytes, together with all that is written in this turn of the loop."""
        if self._is_closed:
            return
        self._out += data
        if not self._is_flush_planned:
            self._is_flush_planned = True
            self._loop.call_soon(self._flush)

    def has_room(self) -> bool:
        """Return whether the peer keeps up; otherwise the session's delivery goes on as soon as it does."""
        if self._is_closed:
            return False
        limits = self._hub.limits
        if self._transport.buffered_bytes < limits.unsent_bytes and len(self._out) < limits.burst_bytes:
            return True
        if self._drainer is None:
            self._drainer = asyncio.create_task(self._pump_when_drained(), name="pulseline-broker-drain")
        return False

    def close(self, reason: str) -> None:
        """End the connection, free the session and publish the will; what was written before is still sent."""
        if self._is_closed:
            return
        self._flush()
        self._is_closed = True
        self._watch.cancel()
        self._room.set()
        logger.info(
            "client %r is disconnected: %s",
            self._session.client_id,
            reason,
            extra={"action": "client_disconnected"},
        )
        self._hub.router.detach(self._session, now=self._loop.time())
        if self._will is not None:
            self._hub.publish_will(self._session, self._will)
        if self._drainer is not None:
            self._drainer.cancel()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def handle_settled(self, ticket: Ticket, *, committed: bool) -> None:
        """Acknowledge a message that is committed; close the connection of one that could not be, without a word."""
        self._unacknowledged -= 1
        if self._unacknowledged < self._hub.settings.max_unacknowledged:
            self._room.set()
        if ticket.incoming is not None:
            self._settle_incoming(ticket.packet_id, ticket.incoming, committed=committed)
        elif not committed:
            self.close("a message could not be committed")
        elif ticket.packet_id:
            self._send_acknowledgement(PacketType.PUBACK, ticket.packet_id)

    def _settle_incoming(self, packet_id: int, incoming: Incoming, *, committed: bool) -> None:
        """Answer for a QoS 2 message on the session's connection of now; this one may be history."""
        session = self._session
        if session.incoming.get(packet_id) is not incoming:
            return
        if not committed:
            del session.incoming[packet_id]
            session.connection.close("a message could not be committed")
            return
        incoming.state = IncomingState.COMMITTED
        self._hub.counters.messages_sent += session.is_present
        session.connection.write(build_acknowledgement(PacketType.PUBREC, packet_id))

    async def _read_packets(self) -> None:
        counters = self._hub.counters
        while not self._is_closed:
            if self._hub.is_stopping:
                await self._loop.create_future()  # until ``close`` cancels it; acknowledgements still go out
            packet = self._framer.take()
            if packet is None:
                data = await self._transport.read()
                if not data:
                    return
                counters.bytes_received += len(data)
                self._framer.feed(data)
                continue
            counters.messages_received += 1
            self._heard_at = self._loop.time()
            self._handle(packet)
            if not self._may_read():
                await self._wait_until_readable()

    def _handle(self, packet: Packet) -> None:
        if packet.first & 0xF0 == _PUBLISH_BITS:
            self._handle_publish(packet)
            return
        handler = self._handlers.get(packet.first)
        if handler is None:
            raise MalformedPacket("a second CONNECT")  # MQTT 3.1.1 section 3.1.0-2
        handler(packet.body)

    def _may_read(self) -> bool:
        return (
            self._unacknowledged < self._hub.settings.max_unacknowledged
            and self._hub.bridge.has_room()
            and self._transport.buffered_bytes < self._hub.limits.unsent_bytes
        )

    async def _wait_until_readable(self) -> None:
        """Wait for commits, which is not the client's silence, and for the peer to read, which is."""
        self._is_held = True
        while not self._is_closed and self._unacknowledged >= self._hub.settings.max_unacknowledged:
            self._room.clear()
            await self._room.wait()
        await self._hub.bridge.wait_for_room()
        self._is_held = False
        self._heard_at = self._loop.time()
        await self._transport.drain()

    def _handle_publish(self, packet: Packet) -> None:
        raw_topic, packet_id, payload = split_publish(packet)
        topic = self._topics.get(raw_topic)
        if topic is None:
            topic = self._check_topic(raw_topic)
            if topic is None:
                return
        counters = self._hub.counters
        counters.publish_received += 1
        counters.publish_bytes_received += len(payload)
        session, qos = self._session, packet.first >> 1 & 0x03
        incoming = None
        if qos == 2:
            is_repeated = bool(packet.first & _DUP_BIT)
            incoming = self._note_incoming(packet_id, hash((raw_topic, payload)), is_repeated=is_repeated)
            if incoming is None:
                return
        publish = Publish(
            topic=topic,
            payload=payload,
            qos=qos,
            retain=bool(packet.first & 0x01),
            client_id=session.client_id,
            username=session.username,
            received_at=datetime.now(UTC),
            connection=self,
        )
        self._unacknowledged += 1
        self._hub.bridge.submit(Ticket(publish, self, packet_id, incoming))

    def _check_topic(self, raw: bytes) -> str | None:
        """Return a topic that the client may publish to, and remember it; close the connection of another."""
        topic = decode_text(raw)
        try:
            check_topic_name(topic)
        except InvalidTopic as error:
            raise MalformedPacket(str(error)) from error
        if topic.count("/") >= MAX_FILTER_LEVELS or not self._session.access.may_publish(topic):
            self._hub.note_refusal(self._session.client_id, topic, "may not publish to")
            self.close("it may not publish to this topic")
            return None
        if len(self._topics) >= self._hub.limits.remembered_topics:
            self._topics.clear()
        self._topics[raw] = topic
        return topic

    def _note_incoming(self, packet_id: int, digest: int, *, is_repeated: bool) -> Incoming | None:
        """Note a QoS 2 message, or return ``None`` when it is one that the session has already.

        The message goes to the gate with PUBLISH, and PUBREC goes out after its commit: a client keeps the message
        until PUBREC, so none is lost when the broker dies in between. The id stays taken until PUBREL, so none is
        handed over twice. Another message under a taken id is a new one: its client has lost its state. So is an equal
        one without DUP, which a message that is sent again has to have (MQTT 3.1.1 section 3.3.1.1).
        """
        known = self._session.incoming.get(packet_id)
        if known is not None and is_repeated and known.digest == digest:
            if known.state is IncomingState.COMMITTED:
                self._send_acknowledgement(PacketType.PUBREC, packet_id)
            return None
        incoming = Incoming(digest)
        self._session.incoming[packet_id] = incoming
        return incoming

    def _handle_puback(self, body: bytes) -> None:
        self._session.delivery.handle_puback(parse_packet_id(body))

    def _handle_pubrec(self, body: bytes) -> None:
        self._session.delivery.handle_pubrec(parse_packet_id(body))

    def _handle_pubcomp(self, body: bytes) -> None:
        self._session.delivery.handle_pubcomp(parse_packet_id(body))

    def _handle_pubrel(self, body: bytes) -> None:
        packet_id = parse_packet_id(body)
        incoming = self._session.incoming.get(packet_id)
        if incoming is not None and incoming.state is IncomingState.PENDING:
            raise MalformedPacket("PUBREL for a message that has no PUBREC yet")
        self._session.incoming.pop(packet_id, None)
        self._send_acknowledgement(PacketType.PUBCOMP, packet_id)

    def _handle_subscribe(self, body: bytes) -> None:
        subscribe = parse_subscribe(body)
        codes = self._hub.router.subscribe(self._session, subscribe.filters)
        self._hub.counters.messages_sent += 1
        self.write(build_suback(subscribe.packet_id, codes))
        granted = [each for each, code in zip(subscribe.filters, codes, strict=True) if code == each[1]]
        self._hub.router.replay_retained(self._session, granted)

    def _handle_unsubscribe(self, body: bytes) -> None:
        unsubscribe = parse_unsubscribe(body)
        self._hub.router.unsubscribe(self._session, unsubscribe.filters)
        self._send_acknowledgement(PacketType.UNSUBACK, unsubscribe.packet_id)

    def _handle_pingreq(self, body: bytes) -> None:
        check_empty(body)
        self._hub.counters.messages_sent += 1
        self.write(PINGRESP)

    def _handle_disconnect(self, body: bytes) -> None:
        check_empty(body)
        self._will = None
        self.close("it said so")

    def _send_acknowledgement(self, kind: PacketType, packet_id: int) -> None:
        if not self._is_closed:
            self._hub.counters.messages_sent += 1
            self.write(build_acknowledgement(kind, packet_id))

    def _flush(self) -> None:
        self._is_flush_planned = False
        if self._out and not self._is_closed:
            self._hub.counters.bytes_sent += len(self._out)
            self._transport.write(bytes(self._out))
            self._out.clear()

    async def _pump_when_drained(self) -> None:
        await self._transport.drain()
        self._drainer = None
        self._session.delivery.pump()

    def _check_silence(self, is_last_look: bool = False) -> None:
        silence_s = 0.0 if self._is_held else self._loop.time() - self._heard_at
        if silence_s < self._silence_s:
            self._watch = self._loop.call_later(self._silence_s - silence_s, self._check_silence)
        elif not is_last_look:
            self._watch = self._loop.call_later(_LAST_LOOK_S, self._check_silence, True)
        else:
            self.close("its keep-alive ran out")
