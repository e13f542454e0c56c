"""A lane: one bucket's messages on their way, in order. Pure; ``Delivery`` decides, a lane keeps count.

::

    acked          messages[0]                messages[sent]            loaded_seq
      |  ............. on their way ............. | ..... not sent yet ..... |  (held back: in the outbox only)
      8       9         10        11        12       13        14        15       16 ...
             base
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Final

from pulseline_client.queued_message import QueuedMessage
from pulseline_core.backoff import Backoff
from pulseline_core.types import BucketId

#: So often in vain, and the other lanes must not wait for it.
MAX_SETBACKS: Final = 3


@dataclass(slots=True, kw_only=True)
class Lane:
    """The messages of one bucket that are in memory, and how it goes with them.

    Attributes:
        highest_seq: the highest seq that may ever have been sent, also by an earlier process.
        loaded_seq: the highest seq that was taken from the outbox.
        backoff: how long to wait for progress before sending again.
        parking: how long to leave a refused message alone.
        messages: what is not confirmed, oldest first.
        sent: how many of them, from the oldest, are on their way.
        wake_at: when to do something about the lane: send again, or try a refused message again.
        alarm_at: the earliest entry for it among the delivery's alarms.
        is_offered: whether it stands in the delivery's line of lanes with something to send.
        is_probing: whether only the oldest message may go, until something is confirmed.
        is_parked: whether nothing may go before ``wake_at``.
        is_suspect: whether it may be the one whose messages make the broker close the connection.
        is_held_back: whether messages after ``loaded_seq`` were passed over and lie in the outbox.
        is_uncounted: whether its oldest message does not count against the room for messages in memory.
        setbacks: how often in a row its oldest message was sent to no avail.
        refusals: how many of these ended the connection.
    """

    bucket_id: BucketId
    highest_seq: int
    loaded_seq: int
    backoff: Backoff
    parking: Backoff
    messages: deque[QueuedMessage] = field(default_factory=deque[QueuedMessage])
    sent: int = 0
    wake_at: float | None = None
    alarm_at: float = inf
    is_offered: bool = False
    is_probing: bool = False
    is_parked: bool = False
    is_suspect: bool = False
    is_held_back: bool = False
    is_uncounted: bool = False
    setbacks: int = 0
    refusals: int = 0

    @property
    def is_stalled(self) -> bool:
        """Whether the lane has been tried long enough to stop keeping its messages in memory."""
        return self.setbacks >= MAX_SETBACKS

    @property
    def has_something_to_send(self) -> bool:
        """Whether its next message may go now, as far as the lane itself is concerned."""
        if self.is_parked or self.sent == len(self.messages):
            return False
        return self.sent == 0 or not (self.is_probing or self.is_suspect)

    def load(self, message: QueuedMessage) -> bool:
        """Append a message from the outbox, unless it is there already."""
        if message.seq <= self.loaded_seq:
            return False
        self.messages.append(message)
        self.loaded_seq = message.seq
        return True

    def confirm(self, seq: int) -> list[QueuedMessage]:
        """Take out the messages up to ``seq`` and forget all troubles."""
        confirmed: list[QueuedMessage] = []
        while self.messages and self.messages[0].seq <= seq:
            confirmed.append(self.messages.popleft())
        self.loaded_seq = max(self.loaded_seq, seq)
        self.is_probing = self.is_parked = self.is_suspect = False
        self.setbacks = self.refusals = 0
        self.backoff.reset()
        self.parking.reset()
        return confirmed

    def hold_back(self) -> list[QueuedMessage]:
        """Keep the oldest message only; return the others, which lie in the outbox and are loaded again later."""
        dropped: list[QueuedMessage] = []
        while len(self.messages) > 1:
            dropped.append(self.messages.pop())
        self.loaded_seq = self.messages[0].seq
        self.is_held_back = True
        return dropped
