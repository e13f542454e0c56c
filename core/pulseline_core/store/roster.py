"""Who shares the buckets of a database: what several workers have to know of one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """Who is there.

    Attributes:
        workers: how many processes want a fair share.
        held: the partitions that somebody has.
    """

    workers: int
    held: frozenset[int]


class Roster(Protocol):
    """Tells the other processes that this one is there; used by one thread. Connects by itself, anew after an error."""

    def attend(self, *, is_worker: bool) -> Attendance:
        """Say whether this process wants a fair share, and return who is there.

        Raises:
            InvalidSetting: another process knows another number of partitions, or has another worker's name.
            StoreUnavailable: the server can not be asked now; what this process has said may be forgotten.
        """
        ...

    def close(self) -> None:
        """Be there no more."""
        ...
