"""Which messages to send now, and what an acknowledgement covers. Pure: ``now`` and chance come in as arguments.

Theory of operation. Each bucket is a lane, sent and confirmed in order; lanes take turns. What is confirmed leaves;
what is not is sent again from the lane's oldest message:

* After a time without progress (1 s, doubling to 60 s) the lane *probes*: its oldest message goes alone. When
  something of the lane is confirmed the rest follows. So a worker that is away is not flooded, and one that was
  merely slow, or had all the messages, costs one message.
* A connection begins with every lane probing, because nothing is known of what got through on the last one.
* At most ``window`` messages are on their way, as ingest asks with each acknowledgement.
* An acknowledgement beyond what can have been sent is false and is ignored. Messages that an earlier process of the
  same outbox may have sent count as sent: ingest may be ahead of us.
* A new epoch means another database: all lanes start over at their oldest message.

A broker closes the connection at a message that the access rights refuse, and says nothing else. So that one refused
bucket does not hold up the others: after three short-lived connections in a row the lanes that were on their way are
*suspects*, unless the server gave another reason. One suspect probes at a time. What gets confirmed is cleared; a lane
whose probe ends a connection at once is *parked* for a while that grows. A lane that is tried to no avail gives its
memory back (``Lane.hold_back``), so that the outbox is read on past its messages, and is loaded again (``get_wanted``)
when it moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pulseline_client.acknowledgement import Acknowledgement
from pulseline_client.alarms import Alarms
from pulseline_client.lane import Lane
from pulseline_client.queued_message import QueuedMessage
from pulseline_core.backoff import Backoff
from pulseline_core.types import BucketId

#: Before the server has said how many.
FIRST_WINDOW: Final = 100

#: Whatever the server says; MQTT has 65,535 packet ids for a connection.
MAX_WINDOW: Final = 10_000

#: What may be on its way at most, in bytes, and what is kept ready to follow.
MAX_BYTES: Final = 8 * 1024 * 1024

RESEND_S: Final = 1.0
MAX_RESEND_S: Final = 60.0
JITTER: Final = 0.25

#: A connection that lives longer was not closed because of what was just sent.
SHORT_CONNECTION_S: Final = 5.0

#: Short-lived connections in a row before a message of ours is suspected: restarts are more common than refusals.
MAX_SHORT_CONNECTIONS: Final = 3

#: So often alone under suspicion when the connection ended, and it was no accident.
CERTAIN_REFUSALS: Final = 2


@dataclass(frozen=True, slots=True)
class Transmission:
    """A message to publish now, and the ``base`` of its envelope."""

    message: QueuedMessage
    base: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages of a bucket that were passed over, and can be loaded now: those after ``seq``."""

    bucket_id: BucketId
    seq: int


@dataclass(slots=True)
class DeliveryCounters:
    """What happened, for status and tests."""

    sent: int = 0
    confirmed: int = 0
    timeouts: int = 0
    false_acknowledgements: int = 0
    refusals: int = 0
    epochs: int = 0


class Delivery:
    """The state of all lanes. One thread calls it."""

    def __init__(self, *, inherited: Mapping[BucketId, int], random: Callable[[], float]) -> None:
        """Begin without a connection and without messages.

        Args:
            inherited: the last seq per bucket that an earlier process may have sent.
            random: numbers from 0 to 1, to spread what is sent again.
        """
        self.counters = DeliveryCounters()
        self.window = FIRST_WINDOW
        self._inherited = inherited
        self._random = random
        self._epoch: str | None = None
        self._lanes: dict[BucketId, Lane] = {}
        self._line: deque[Lane] = deque()
        self._suspects: deque[Lane] = deque()
        self._alarms = Alarms()
        self._in_flight = self._in_flight_bytes = 0
        self._loaded = self._loaded_bytes = self._held_back = 0
        self._wanted: dict[BucketId, Lane] = {}
        self._connected_at: float | None = None
        self._short_connections = 0
        self._probed_suspect: Lane | None = None
        self._probed_at = 0.0

    # --- what was put into the outbox

    @property
    def is_idle(self) -> bool:
        """Whether everything that was loaded is confirmed, and nothing was passed over."""
        return self._loaded == 0 and self._held_back == 0

    @property
    def in_flight(self) -> int:
        """How many messages are on their way."""
        return self._in_flight

    def get_room(self) -> int:
        """Return how many more messages to load: enough to fill the window twice."""
        return 0 if self._loaded_bytes >= 2 * MAX_BYTES else max(0, 2 * self.window - self._loaded)

    def load(self, messages: Iterable[QueuedMessage]) -> None:
        """Take messages from the outbox, in its order; those of lanes that are held back are passed over."""
        for message in messages:
            lane = self._lanes.get(message.bucket_id)
            if lane is None:
                lane = self._begin_lane(message)
            if not lane.is_held_back:
                self._load(lane, message)

    def get_wanted(self) -> Wanted | None:
        """Return which messages that were passed over shall be loaded now, if any."""
        while self._wanted:
            bucket_id, lane = next(iter(self._wanted.items()))
            if lane.is_held_back and not lane.is_stalled:
                return Wanted(bucket_id, lane.loaded_seq)
            del self._wanted[bucket_id]
        return None

    def load_wanted(self, wanted: Wanted, messages: Iterable[QueuedMessage], *, is_complete: bool) -> None:
        """Take what ``get_wanted`` asked for.

        Args:
            wanted: what was asked for.
            messages: the bucket's oldest messages after ``wanted.seq``.
            is_complete: whether the outbox holds no more of them.
        """
        lane = self._wanted.pop(wanted.bucket_id)
        for message in messages:
            self._load(lane, message)
        if is_complete:
            lane.is_held_back = False
            self._held_back -= 1
        elif not lane.messages:
            self._wanted[wanted.bucket_id] = lane

    def _begin_lane(self, message: QueuedMessage) -> Lane:
        lane = Lane(
            bucket_id=message.bucket_id,
            highest_seq=self._inherited.get(message.bucket_id, 0),
            loaded_seq=message.seq - 1,
            backoff=Backoff(RESEND_S, MAX_RESEND_S, JITTER),
            parking=Backoff(RESEND_S, MAX_RESEND_S, JITTER),
        )
        self._lanes[message.bucket_id] = lane
        return lane

    def _load(self, lane: Lane, message: QueuedMessage) -> None:
        if lane.load(message):
            self._loaded += 1
            self._loaded_bytes += len(message.body)
            self._offer(lane)

    def _hold_back(self, lane: Lane) -> None:
        """Give the lane's memory back, but for its oldest message, which counts no more: it may stay for ever."""
        self._held_back += not lane.is_held_back
        for message in lane.hold_back():
            self._uncount(message)
        if not lane.is_uncounted:
            lane.is_uncounted = True
            self._uncount(lane.messages[0])

    def _uncount(self, message: QueuedMessage) -> None:
        self._loaded -= 1
        self._loaded_bytes -= len(message.body)

    # --- what to send

    def take_due(self, now: float) -> list[Transmission]:
        """Return what to publish now, in this order; it counts as sent."""
        for woken in self._alarms.ring(now):
            self._wake(woken)
        due: list[Transmission] = []
        while (lane := self._take_next_lane()) is not None:
            due.append(self._send(lane, now))
            self._offer(lane)
        return due

    def get_next_alarm(self) -> float | None:
        """Return when to call ``take_due`` again although nothing happens; early calls do no harm."""
        return self._alarms.get_next()

    def _take_next_lane(self) -> Lane | None:
        """Return the lane whose turn it is, if a message may go at all."""
        if self._connected_at is None or self._in_flight >= self.window:
            return None
        if self._in_flight and self._in_flight_bytes >= MAX_BYTES:
            return None
        while self._suspects and self._probed_suspect is None:
            lane = self._take_offered(self._suspects)
            if lane.has_something_to_send:
                self._probed_suspect = lane if lane.is_suspect else None
                return lane
        while self._line:
            lane = self._take_offered(self._line)
            if lane.is_suspect:
                self._offer(lane)
            elif lane.has_something_to_send:
                return lane
        return None

    def _take_offered(self, line: deque[Lane]) -> Lane:
        lane = line.popleft()
        lane.is_offered = False
        return lane

    def _offer(self, lane: Lane) -> None:
        if lane.has_something_to_send and not lane.is_offered:
            lane.is_offered = True
            (self._suspects if lane.is_suspect else self._line).append(lane)

    def _send(self, lane: Lane, now: float) -> Transmission:
        message = lane.messages[lane.sent]
        lane.sent += 1
        lane.highest_seq = max(lane.highest_seq, message.seq)
        self._in_flight += 1
        self._in_flight_bytes += len(message.body)
        self.counters.sent += 1
        self._probed_at = now if lane is self._probed_suspect else self._probed_at
        if lane.wake_at is None:
            self._set_alarm(lane, now)
        return Transmission(message, lane.messages[0].seq)

    def _recall(self, lane: Lane) -> None:
        """Count the lane's messages as not sent; its oldest goes first, alone."""
        self._in_flight -= lane.sent
        self._in_flight_bytes -= sum(len(message.body) for message in islice(lane.messages, lane.sent))
        lane.sent = 0
        lane.is_probing = True
        if self._probed_suspect is lane:
            self._probed_suspect = None

    # --- time

    def _set_alarm(self, lane: Lane, now: float) -> None:
        """Wake the lane after its next delay."""
        backoff = lane.parking if lane.is_parked else lane.backoff
        self._alarms.set(lane, now + backoff.next_delay_s(self._random))

    def _wake(self, lane: Lane) -> None:
        if lane.is_parked:
            lane.is_parked = False
        elif lane.sent:
            self.counters.timeouts += 1
            self._recall(lane)
            self._count_setback(lane)
        self._offer(lane)

    def _count_setback(self, lane: Lane) -> None:
        lane.setbacks += 1
        if lane.is_stalled:
            self._hold_back(lane)

    # --- what came back

    def is_news(self, acknowledgement: Acknowledgement) -> bool:
        """Return whether it confirms something that can have been sent and was not confirmed before."""
        lane = self._lanes.get(acknowledgement.bucket_id)
        if lane is None or not lane.messages:
            return False
        return lane.messages[0].seq <= acknowledgement.seq <= lane.highest_seq

    def is_beyond(self, acknowledgement: Acknowledgement) -> bool:
        """Return whether it covers a message that was never sent from here, so that another outbox has our id.

        One that names another database than the one we know is no proof: it is late, or forged.
        """
        lane = self._lanes.get(acknowledgement.bucket_id)
        highest_seq = self._inherited.get(acknowledgement.bucket_id, 0) if lane is None else lane.highest_seq
        return acknowledgement.seq > highest_seq and self._epoch in (None, acknowledgement.epoch)

    def acknowledge(self, acknowledgement: Acknowledgement, now: float) -> list[QueuedMessage] | None:
        """Take in what ingest has committed.

        Returns:
            The messages that it confirms, to be deleted together with all older ones of the bucket;
            ``None`` when it says nothing new.
        """
        lane = self._lanes.get(acknowledgement.bucket_id)
        if lane is None or acknowledgement.seq > lane.highest_seq:
            self.counters.false_acknowledgements += 1
            return None
        self.window = min(acknowledgement.window, MAX_WINDOW)
        self._note_epoch(acknowledgement.epoch)
        if not lane.messages or acknowledgement.seq < lane.messages[0].seq:
            return None
        confirmed = self._confirm(lane, acknowledgement.seq, now)
        self.counters.confirmed += len(confirmed)
        return confirmed

    def _note_epoch(self, epoch: str) -> None:
        if self._epoch is not None and epoch != self._epoch:
            self.counters.epochs += 1
            self._recall_all()
        self._epoch = epoch

    def _confirm(self, lane: Lane, seq: int, now: float) -> list[QueuedMessage]:
        if self._probed_suspect is lane:
            self._probed_suspect = None
        confirmed = lane.confirm(seq)
        arrived = confirmed[: lane.sent]
        lane.sent -= len(arrived)
        self._in_flight -= len(arrived)
        self._in_flight_bytes -= sum(len(message.body) for message in arrived)
        for message in islice(confirmed, int(lane.is_uncounted), None):
            self._uncount(message)
        lane.is_uncounted = False
        lane.wake_at = None
        if lane.sent:
            self._set_alarm(lane, now)
        if lane.is_held_back:
            self._wanted[lane.bucket_id] = lane
        self._offer(lane)
        return confirmed

    # --- connections

    def connect(self, now: float) -> None:
        """Note that messages can be sent."""
        self._connected_at = now
        for lane in self._lanes.values():
            self._offer(lane)

    def disconnect(self, now: float, *, is_excused: bool = False) -> list[QueuedMessage]:
        """Note that the connection is lost, with all that was on its way.

        Args:
            now: when.
            is_excused: whether the reason is known and no message's fault.

        Returns:
            The messages that the broker seems to refuse: each was, for the second time, the one
            under suspicion when it closed.
        """
        if self._connected_at is None:
            return []
        lived_s, self._connected_at = now - self._connected_at, None
        suspect = None if is_excused or now - self._probed_at > RESEND_S else self._probed_suspect
        if not is_excused:
            self._judge(suspect, lived_s)
        self._recall_all()
        return [] if suspect is None else self._park(suspect, now)

    def _judge(self, suspect: Lane | None, lived_s: float) -> None:
        """Decide whom to suspect of having closed the connection."""
        on_their_way = [lane for lane in self._lanes.values() if lane.sent]
        if lived_s >= SHORT_CONNECTION_S:
            self._short_connections = 0
        elif suspect is None and on_their_way:
            self._short_connections += 1
        if self._short_connections >= MAX_SHORT_CONNECTIONS:
            self._short_connections = 0
            for lane in on_their_way:
                lane.is_suspect = True

    def _park(self, lane: Lane, now: float) -> list[QueuedMessage]:
        self.counters.refusals += 1
        lane.is_parked = True
        self._set_alarm(lane, now)
        self._count_setback(lane)
        lane.refusals += 1
        return [lane.messages[0]] if lane.refusals == CERTAIN_REFUSALS else []

    def _recall_all(self) -> None:
        for lane in self._lanes.values():
            self._recall(lane)
            lane.backoff.reset()
            if not lane.is_parked:
                lane.wake_at = None
            self._offer(lane)
