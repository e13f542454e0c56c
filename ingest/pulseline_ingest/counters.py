"""What became of the messages, in numbers that always balance.

::

    received == applied + duplicates + dead_letters

``ignored`` ones (cleared retained messages, availability, topics that are not ours, messages before their turn) stand
beside that. Counted is what is committed: a group that was rolled back was never there.

``received`` is what the source handed over, less what was ignored; the others are what the messages came to. So a
message that got lost on the way through the worker shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from pulseline_core.types import JSONObject
from pulseline_ingest.outcome import Applied, DeadLettered, Duplicate, Ignored, Outcome


@dataclass(slots=True)
class Counters:
    """Numbers of messages."""

    received: int = 0
    applied: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    ignored: int = 0

    def count(self, outcome: Outcome) -> None:
        """Count one message."""
        match outcome:
            case Applied():
                self.applied += 1
            case Duplicate():
                self.duplicates += 1
            case DeadLettered():
                self.dead_letters += 1
            case Ignored():
                self.ignored += 1
            case _:
                assert_never(outcome)

    def add(self, other: Counters, *, received: int) -> None:
        """Add what became of a group, and how many messages it had when it came in."""
        self.received += received - other.ignored
        self.applied += other.applied
        self.duplicates += other.duplicates
        self.dead_letters += other.dead_letters
        self.ignored += other.ignored

    def to_json(self) -> JSONObject:
        """Return the numbers by name."""
        return {
            "received": self.received,
            "applied": self.applied,
            "duplicates": self.duplicates,
            "dead_letters": self.dead_letters,
            "ignored": self.ignored,
        }
