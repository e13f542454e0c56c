"""A delivery with a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field

from pulseline_client.acknowledgement import Acknowledgement
from pulseline_client.delivery import Delivery
from pulseline_client.queued_message import QueuedMessage
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId


@dataclass
class Bench:
    """A delivery with a clock, and the messages that were put in."""

    inherited: dict[BucketId, int] = field(default_factory=dict)
    now: float = 100.0
    last_id: int = 0
    last_seqs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.delivery = Delivery(inherited=self.inherited, random=lambda: 0.0)

    def load(self, bucket: str, count: int = 1, *, first: int = 0, size: int = 2) -> list[QueuedMessage]:
        """Load the next messages of a bucket."""
        messages = []
        self.last_seqs[bucket] = first - 1 if first else self.last_seqs.get(bucket, 0)
        for _ in range(count):
            self.last_id += 1
            self.last_seqs[bucket] += 1
            messages.append(
                QueuedMessage(
                    id=self.last_id,
                    bucket_id=BucketId(bucket),
                    seq=self.last_seqs[bucket],
                    kind=Kind.HEARTBEAT,
                    body=b"x" * size,
                )
            )
        self.delivery.load(messages)
        return messages

    def connect(self) -> None:
        """Connect now."""
        self.delivery.connect(self.now)

    def send(self) -> list[tuple[str, int, int]]:
        """Return (bucket, seq, base) of what is due now."""
        due = self.delivery.take_due(self.now)
        return [(item.message.bucket_id, item.message.seq, item.base) for item in due]

    def acknowledge(self, bucket: str, seq: int, *, epoch: str = "e", window: int = 100) -> list[int] | None:
        """Return the seqs that an acknowledgement confirms."""
        acknowledgement = Acknowledgement(bucket_id=BucketId(bucket), seq=seq, epoch=epoch, window=window)
        confirmed = self.delivery.acknowledge(acknowledgement, self.now)
        return None if confirmed is None else [message.seq for message in confirmed]

    def lose(self, after_s: float = 0.1) -> list[int]:
        """Lose the connection; return the seqs that the broker seems to refuse."""
        self.now += after_s
        return [message.seq for message in self.delivery.disconnect(self.now)]
