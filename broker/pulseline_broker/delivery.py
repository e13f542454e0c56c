"""What one subscriber still has to get: live messages, the queue of an absent one, retained replays.

No I/O: bytes go to a ``Sink``, which is the subscriber's connection while there is one. Event loop's thread only.

::

    send(QoS 0) ──────────────────────────────> sink, or dropped and counted when the sink is full
    send(QoS 1, 2) ──> queue ──┐
    replay(retained) ─> topics ┴─ window free, sink has room ─> sink ─> in flight ─ PUBACK, PUBCOMP ─> gone

A message in flight stays until it is acknowledged, however long that takes, and is sent again with DUP when the
client comes back to its session. The queue is bounded by messages and bytes; the oldest goes first, and is counted.
A retained replay keeps topics only and reads the message when its turn comes, so it never says what is out of date.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from pulseline_broker.counters import Counters
from pulseline_broker.limits import Limits
from pulseline_broker.message import Message
from pulseline_broker.packet import PacketType, build_acknowledgement

_MAX_PACKET_ID: Final = 65_535


class Sink(Protocol):
    """Where a subscriber's bytes go."""

    def write(self, data: bytes) -> None:
        """Send bytes; never blocks."""

    def has_room(self) -> bool:
        """Return whether the peer keeps up; when it does not, ``Delivery.pump`` is called as soon as it does."""


class NoSink:
    """In the place of the connection of an absent client."""

    def write(self, data: bytes) -> None:
        """Send nothing."""

    def has_room(self) -> bool:
        """Return that there is none."""
        return False


@dataclass(slots=True)
class Budget:
    """Bytes that wait for all subscribers together."""

    limit_bytes: int
    used_bytes: int = 0


@dataclass(slots=True)
class _InFlight:
    message: Message
    qos: int
    retain: bool
    is_released: bool = False  #: QoS 2: PUBREC came, PUBREL went, PUBCOMP is awaited.


class Delivery:
    """Everything that goes to one subscriber.

    Args:
        limits: how much may wait.
        budget: shared by all subscribers.
        counters: where sent and dropped messages are counted.
        read_retained: returns the retained message of a topic, or ``None`` when there is none any more.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        budget: Budget,
        counters: Counters,
        read_retained: Callable[[str], Message | None],
    ) -> None:
        self._limits = limits
        self._budget = budget
        self._counters = counters
        self._read_retained = read_retained
        self._sink: Sink = NoSink()
        self._queue: deque[tuple[Message, int]] = deque()
        self._queued_bytes = 0
        self._in_flight: OrderedDict[int, _InFlight] = OrderedDict()
        self._replay: OrderedDict[str, int] = OrderedDict()
        self._last_packet_id = 0

    @property
    def waiting_messages(self) -> int:
        """Messages that are queued or not acknowledged yet."""
        return len(self._queue) + len(self._in_flight)

    @property
    def queued_bytes(self) -> int:
        """Bytes of the messages that are queued."""
        return self._queued_bytes

    def attach(self, sink: Sink) -> None:
        """Send to a new connection: first again what was not acknowledged, in its order, then what waits."""
        self._sink = sink
        for packet_id, each in self._in_flight.items():
            if each.is_released:
                self._write(build_acknowledgement(PacketType.PUBREL, packet_id))
            else:
                self._write_publish(each, packet_id=packet_id, dup=True)
        self.pump()

    def detach(self) -> None:
        """Keep what has QoS 1 and 2 until the client is back."""
        self._sink = NoSink()

    def clear(self) -> None:
        """Forget everything: the session is over. What was queued counts as dropped."""
        self._counters.publish_dropped += len(self._queue)
        self._budget.used_bytes -= self._queued_bytes
        self._queued_bytes = 0
        self._queue.clear()
        self._in_flight.clear()
        self._replay.clear()

    def send(self, message: Message, qos: int) -> None:
        """Take a live message over.

        Args:
            message: what was published.
            qos: the smaller of the message's and the subscription's.
        """
        if qos:
            self._enqueue(message, qos)
            self.pump()
        elif self._sink.has_room():
            self._count_publish(message)
            self._write(message.build_live_packet())
        elif not isinstance(self._sink, NoSink):
            self._counters.publish_dropped += 1

    def replay(self, topics: Iterable[tuple[str, int]]) -> None:
        """Send the retained messages of topics, each with at most the QoS given, once."""
        self._replay.update(topics)
        self.pump()

    def pump(self) -> None:
        """Send what waits, as far as the window and the sink allow."""
        while self._sink.has_room() and (self._pump_queue() or self._pump_replay()):
            pass

    def handle_puback(self, packet_id: int) -> None:
        """Let a QoS 1 message go; an unknown id is ignored, it may be late."""
        each = self._in_flight.get(packet_id)
        if each is not None and each.qos == 1:
            del self._in_flight[packet_id]
            self.pump()

    def handle_pubrec(self, packet_id: int) -> None:
        """Answer PUBREC with PUBREL, also for an id that is unknown, so that the client can let it go."""
        each = self._in_flight.get(packet_id)
        if each is not None and each.qos == 2:
            each.is_released = True
        self._write(build_acknowledgement(PacketType.PUBREL, packet_id))

    def handle_pubcomp(self, packet_id: int) -> None:
        """Let a QoS 2 message go."""
        each = self._in_flight.get(packet_id)
        if each is not None and each.is_released:
            del self._in_flight[packet_id]
            self.pump()

    def _enqueue(self, message: Message, qos: int) -> None:
        size_bytes = message.size_bytes
        if not self._can_make_room(size_bytes):
            self._counters.publish_dropped += 1
            return
        while not self._fits(size_bytes):
            self._drop_oldest()
        self._queue.append((message, qos))
        self._queued_bytes += size_bytes
        self._budget.used_bytes += size_bytes

    def _can_make_room(self, size_bytes: int) -> bool:
        """Return whether a message would fit if this queue were empty; what others use is not to be had."""
        used_by_others = self._budget.used_bytes - self._queued_bytes
        return size_bytes <= min(self._limits.queued_bytes, self._budget.limit_bytes - used_by_others)

    def _fits(self, size_bytes: int) -> bool:
        return (
            len(self._queue) < self._limits.queued_messages
            and self._queued_bytes + size_bytes <= self._limits.queued_bytes
            and self._budget.used_bytes + size_bytes <= self._budget.limit_bytes
        )

    def _drop_oldest(self) -> None:
        self._take_oldest()
        self._counters.publish_dropped += 1

    def _take_oldest(self) -> tuple[Message, int]:
        message, qos = self._queue.popleft()
        self._queued_bytes -= message.size_bytes
        self._budget.used_bytes -= message.size_bytes
        return message, qos

    def _pump_queue(self) -> bool:
        if not self._queue or len(self._in_flight) >= self._limits.in_flight:
            return False
        message, qos = self._take_oldest()
        self._send_in_flight(_InFlight(message, qos, retain=False))
        return True

    def _pump_replay(self) -> bool:
        """Send the next retained message; those of QoS 1 and 2 wait for the window, and those behind them too."""
        while self._replay:
            topic, max_qos = next(iter(self._replay.items()))
            message = self._read_retained(topic)
            qos = 0 if message is None else min(message.qos, max_qos)
            if qos and len(self._in_flight) >= self._limits.in_flight:
                return False
            del self._replay[topic]
            if message is None:
                continue
            if qos:
                self._send_in_flight(_InFlight(message, qos, retain=True))
            else:
                self._count_publish(message)
                self._write(message.build_packet(qos=0, retain=True))
            return True
        return False

    def _send_in_flight(self, each: _InFlight) -> None:
        packet_id = self._take_packet_id()
        self._in_flight[packet_id] = each
        self._write_publish(each, packet_id=packet_id, dup=False)

    def _take_packet_id(self) -> int:
        """Return a free id; there always is one, as the window is far smaller than the range."""
        packet_id = self._last_packet_id
        while True:
            packet_id = packet_id % _MAX_PACKET_ID + 1
            if packet_id not in self._in_flight:
                self._last_packet_id = packet_id
                return packet_id

    def _write_publish(self, each: _InFlight, *, packet_id: int, dup: bool) -> None:
        self._count_publish(each.message)
        self._write(each.message.build_packet(qos=each.qos, packet_id=packet_id, retain=each.retain, dup=dup))

    def _count_publish(self, message: Message) -> None:
        self._counters.publish_sent += 1
        self._counters.publish_bytes_sent += len(message.payload)

    def _write(self, packet: bytes) -> None:
        self._counters.messages_sent += 1
        self._sink.write(packet)
