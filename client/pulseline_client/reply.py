"""Callers who wait for the result of a message, and how they are woken: each alone, none by another's result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from pulseline_client.queued_message import QueuedMessage
from pulseline_core.errors import PulselineError, ReplyTimeout
from pulseline_core.types import BucketId, JSONValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a message.

    Attributes:
        result: what the server answered.
        is_known: ``False`` when the message is committed but its result was lost on the way.
        error: why it was not applied.
    """

    result: JSONValue = None
    is_known: bool = False
    error: PulselineError | None = None


#: Committed; the result got lost with a connection.
CONFIRMED = Outcome()


class Reply:
    """One caller's wait for one message; used once."""

    __slots__ = ("_outcomes", "key")

    def __init__(self) -> None:
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.key: tuple[BucketId, int] | None = None

    def resolve(self, outcome: Outcome) -> None:
        """Wake the caller; what comes later is not looked at."""
        self._outcomes.put(outcome)

    def wait(self, timeout_s: float) -> Outcome:
        """Return the outcome.

        Raises:
            ReplyTimeout: none came in time.
        """
        try:
            return self._outcomes.get(timeout=timeout_s)
        except Empty:
            raise ReplyTimeout(timeout_s) from None


class Replies:
    """The waiting callers by bucket and seq. Single operations on a dict, so any thread may call."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[BucketId, int], Reply] = {}
        self._end: Outcome | None = None

    def expect(self, message: QueuedMessage, reply: Reply) -> None:
        """Remember that ``reply`` waits for ``message``; called before the message can be sent."""
        reply.key = (message.bucket_id, message.seq)
        self._waiting[reply.key] = reply
        if self._end is not None:
            self.resolve(*reply.key, self._end)

    def forget(self, reply: Reply) -> None:
        """Stop waiting."""
        if reply.key is not None:
            self._waiting.pop(reply.key, None)

    def has(self, message: QueuedMessage) -> bool:
        """Return whether somebody waits for the message's result."""
        return (message.bucket_id, message.seq) in self._waiting

    def resolve(self, bucket_id: BucketId, seq: int, outcome: Outcome) -> bool:
        """Wake who waits for a message; return whether somebody did."""
        reply = self._waiting.pop((bucket_id, seq), None)
        if reply is None:
            return False
        reply.resolve(outcome)
        return True

    def confirm(self, messages: Iterable[QueuedMessage]) -> None:
        """Wake whoever still waits for messages that are committed without a result."""
        if self._waiting:
            for message in messages:
                self.resolve(message.bucket_id, message.seq, CONFIRMED)

    def fail_all(self, error: PulselineError) -> None:
        """Wake everybody with an error, also who comes later."""
        self._end = Outcome(error=error)
        for key in list(self._waiting):
            self.resolve(*key, self._end)
