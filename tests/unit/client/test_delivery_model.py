"""The delivery against a model of ingest over a network that loses, repeats and reorders, with restarts of everything.

Whatever happens, in every database a bucket's messages take effect once and in order; and when the trouble ends,
everything is confirmed within a bounded time. A protocol like this one stood still for ever in an earlier life, with
no error anywhere, so the second half matters as much as the first.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pulseline_client.acknowledgement import Acknowledgement
from pulseline_client.delivery import Delivery
from pulseline_client.queued_message import QueuedMessage
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId, JSONObject
from tests.unit.client.model_worker import ModelWorker

BUCKETS = ["a", "b", "c"]

#: In simulated seconds: the longest delays (a minute each for a lane that is unheard, and for one that was refused)
#: and what it takes to find out whom the broker refuses.
CATCH_UP_S = 150.0

PUBLISHER = "outbox"


@dataclass(frozen=True)
class Packet:
    """A published message on its way."""

    bucket_id: str
    message: JSONObject


class Outbox:
    """What survives a crash of the client: rows, and the last seqs. Deletions reach it late."""

    def __init__(self) -> None:
        self.rows: list[QueuedMessage] = []
        self.last_seqs: dict[BucketId, int] = {}
        self.last_id = 0
        self.discards: dict[BucketId, int] = {}

    def put(self, bucket_id: BucketId) -> None:
        """Append a message."""
        self.last_id += 1
        self.last_seqs[bucket_id] = self.last_seqs.get(bucket_id, 0) + 1
        self.rows.append(
            QueuedMessage(
                id=self.last_id, bucket_id=bucket_id, seq=self.last_seqs[bucket_id], kind=Kind.HEARTBEAT, body=b"{}"
            )
        )

    def commit_discards(self) -> None:
        """Delete what was confirmed."""
        self.rows = [row for row in self.rows if row.seq > self.discards.get(row.bucket_id, 0)]
        self.discards = {}


class DeliveryMachine(RuleBasedStateMachine):
    """The client (outbox, delivery), the network (two lists) and the worker; the rules are what can happen."""

    delivery: Delivery
    cursor: int

    @initialize(window=st.integers(1, 8))
    def begin(self, window: int) -> None:
        """Start with everything in order."""
        self.outbox = Outbox()
        self.first_window = window
        self.worker = ModelWorker(window=window)
        self.databases = [self.worker]
        self.published: deque[Packet] = deque()
        self.acknowledged: deque[JSONObject] = deque()
        self.refused: set[str] = set()
        self.now = 0.0
        self.is_connected = False
        self.restart_client()

    @rule(bucket=st.sampled_from(BUCKETS), count=st.integers(1, 30))
    def put(self, bucket: str, count: int) -> None:
        """A caller hands messages over."""
        for _ in range(count):
            self.outbox.put(BucketId(bucket))

    @rule(rows=st.integers(1, 5))
    def pump(self, rows: int) -> None:
        """The sender's thread does a step."""
        self.load(rows)
        for transmission in self.delivery.take_due(self.now):
            message = transmission.message
            if message.bucket_id in self.refused:
                self.lose_connection()
                return
            body: JSONObject = {
                "publisher": PUBLISHER,
                "seq": message.seq,
                "base": transmission.base,
                "id": message.id,
                "data": {},
            }
            self.published.append(Packet(message.bucket_id, body))

    def load(self, rows: int) -> None:
        """Do what the sender does to keep the delivery filled."""
        room = min(self.delivery.get_room(), rows)
        if not room:
            return
        found = [row for row in self.outbox.rows if row.id > self.cursor][:room]
        self.delivery.load(found)
        self.cursor = found[-1].id if found else self.outbox.last_id
        wanted = self.delivery.get_wanted()
        if wanted is not None:
            more = [row for row in self.outbox.rows if row.bucket_id == wanted.bucket_id and row.seq > wanted.seq]
            self.delivery.load_wanted(wanted, more[:room], is_complete=not more)

    @precondition(lambda self: self.published)
    @rule(place=st.integers(0, 3), is_kept=st.booleans())
    def deliver(self, place: int, is_kept: bool) -> None:
        """A message reaches the worker, perhaps out of turn, perhaps to come again."""
        place = min(place, len(self.published) - 1)
        packet = self.published[place]
        if not is_kept:
            del self.published[place]
        self.acknowledged.append(self.worker.receive(packet.bucket_id, packet.message))

    @precondition(lambda self: self.published)
    @rule(count=st.integers(1, 10))
    def deliver_many(self, count: int) -> None:
        """Messages reach the worker as they should."""
        for _ in range(min(count, len(self.published))):
            self.deliver(0, False)

    @precondition(lambda self: self.published)
    @rule(place=st.integers(0, 5))
    def drop(self, place: int) -> None:
        """A message gets lost."""
        del self.published[min(place, len(self.published) - 1)]

    @precondition(lambda self: self.acknowledged)
    @rule(place=st.integers(0, 3), is_kept=st.booleans())
    def hear(self, place: int, is_kept: bool) -> None:
        """An acknowledgement reaches the client, perhaps out of turn, perhaps to come again."""
        place = min(place, len(self.acknowledged) - 1)
        item = self.acknowledged[place]
        if not is_kept:
            del self.acknowledged[place]
        if self.is_connected:
            self.take_in(item)

    @precondition(lambda self: self.acknowledged)
    @rule(place=st.integers(0, 5))
    def drop_acknowledgement(self, place: int) -> None:
        """An acknowledgement gets lost."""
        del self.acknowledged[min(place, len(self.acknowledged) - 1)]

    def take_in(self, item: JSONObject) -> None:
        """Do what the sender does with an acknowledgement."""
        acknowledgement = Acknowledgement(
            bucket_id=BucketId(str(item["bucket"])),
            seq=int(str(item["seq"])),
            epoch=str(item["epoch"]),
            window=int(str(item["window"])),
        )
        confirmed = self.delivery.acknowledge(acknowledgement, self.now)
        if confirmed is not None:
            assert [message.seq for message in confirmed] == sorted(message.seq for message in confirmed)
            self.outbox.discards[acknowledgement.bucket_id] = max(
                acknowledgement.seq, self.outbox.discards.get(acknowledgement.bucket_id, 0)
            )

    @rule(bucket=st.sampled_from(BUCKETS), seq=st.integers(1, 10**6))
    def forge(self, bucket: str, seq: int) -> None:
        """Somebody claims that more is committed than can have been sent."""
        item: JSONObject = {"bucket": bucket, "epoch": "forged", "window": 1}
        self.take_in({**item, "seq": self.outbox.last_seqs.get(BucketId(bucket), 0) + seq})

    @rule(seconds=st.sampled_from([0.01, 0.5, 1.0, 2.5, 30.0, 61.0]))
    def pass_time(self, seconds: float) -> None:
        """Nothing happens for a while."""
        self.now += seconds

    @rule()
    def connect(self) -> None:
        """The connection comes about."""
        if not self.is_connected:
            self.is_connected = True
            self.delivery.connect(self.now)

    @rule(is_excused=st.booleans())
    def lose_connection(self, is_excused: bool = False) -> None:
        """The connection is lost, with some of what was on its way."""
        self.is_connected = False
        self.delivery.disconnect(self.now, is_excused=is_excused)

    @rule()
    def commit_discards(self) -> None:
        """A commit deletes what was confirmed."""
        self.outbox.commit_discards()

    @rule()
    def restart_client(self) -> None:
        """The client's process dies and another opens the outbox; deletions that were not committed are lost."""
        self.outbox.discards = {}
        self.is_connected = False
        self.cursor = 0
        self.delivery = Delivery(inherited=dict(self.outbox.last_seqs), random=random.Random(1).random)
        self.delivery.window = self.first_window

    @rule()
    def restart_client_after_lost_acknowledgements(self) -> None:
        """All is committed, and nobody hears of it before the client's process dies."""
        self.step_fairly_but_deaf()
        self.restart_client()

    @rule(alarms=st.integers(1, 5))
    def fall_silent(self, alarms: int) -> None:
        """The worker is away while the broker takes everything."""
        for _ in range(alarms):
            self.pump(5)
            self.published.clear()
            self.now = max(self.now, self.delivery.get_next_alarm() or 0.0)

    @rule(window=st.integers(1, 8), is_network_emptied=st.booleans())
    def replace_database(self, window: int, is_network_emptied: bool) -> None:
        """The worker begins with another, empty database."""
        epoch = f"epoch {len(self.databases)}"
        self.worker = ModelWorker(window=window, epoch=epoch)
        self.databases.append(self.worker)
        if is_network_emptied:
            self.published.clear()

    @rule(bucket=st.sampled_from(BUCKETS))
    def refuse(self, bucket: str) -> None:
        """The access rights refuse a bucket from now on."""
        self.refused.add(bucket)

    @rule()
    def allow(self) -> None:
        """The access rights are mended."""
        self.refused.clear()

    @invariant()
    def effects_are_in_order_and_single(self) -> None:
        """In every database each bucket's messages took effect once, in order."""
        for database in self.databases:
            for seqs in database.applied.values():
                assert all(earlier < later for earlier, later in pairwise(seqs))

    @invariant()
    def counts_agree(self) -> None:
        """What the delivery counts is what its lanes hold."""
        lanes = self.delivery._lanes.values()
        assert self.delivery.in_flight == sum(lane.sent for lane in lanes)
        assert self.delivery._loaded == sum(len(lane.messages) - lane.is_uncounted for lane in lanes)
        assert self.delivery._held_back == sum(lane.is_held_back for lane in lanes)
        assert all(not lane.sent for lane in lanes) or self.is_connected

    def teardown(self) -> None:
        """When the trouble ends, everything is confirmed in time, and took effect somewhere."""
        if not hasattr(self, "outbox"):
            return
        self.refused.clear()
        deadline = self.now + CATCH_UP_S
        while not self.is_caught_up():
            assert self.now < deadline, "the delivery stands still"
            self.step_fairly()
        self.outbox.commit_discards()
        assert self.outbox.rows == []
        applied = {(bucket, seq) for each in self.databases for bucket, seqs in each.applied.items() for seq in seqs}
        promised = {(name, seq) for name, last in self.outbox.last_seqs.items() for seq in range(1, last + 1)}
        assert applied == promised

    def is_caught_up(self) -> bool:
        """Return whether the client believes that everything is confirmed."""
        return self.delivery.is_idle and self.cursor >= self.outbox.last_id

    def step_fairly_but_deaf(self) -> None:
        """Send for a while; the acknowledgements reach the client but for the last ones."""
        self.connect()
        for _ in range(3):
            self.pump(500)
            heard = len(self.acknowledged)
            while self.published:
                self.deliver(0, False)
            while heard:
                heard -= 1
                self.hear(0, False)
        self.acknowledged.clear()

    def step_fairly(self) -> None:
        """Let everything work, and time pass up to the next alarm when nothing else is left to do."""
        self.connect()
        self.pump(500)
        is_quiet = not self.published and not self.acknowledged
        while self.published:
            self.deliver(0, False)
        while self.acknowledged:
            self.hear(0, False)
        if is_quiet:
            alarm = self.delivery.get_next_alarm()
            self.now = self.now + 0.01 if alarm is None else max(self.now + 0.001, alarm)


DeliveryMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestDelivery = DeliveryMachine.TestCase
