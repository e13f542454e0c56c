"""What importing events changed, as the server answers it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pulseline_client.reply import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What importing events changed.

    Attributes:
        inserted: events that the bucket did not have.
        extended: events that it had, but shorter.
    """

    inserted: int = 0
    extended: int = 0


def sum_imported(outcomes: Iterable[Outcome]) -> Imported:
    """Return what several messages changed together; lost answers count as nothing."""
    results = [outcome.result for outcome in outcomes if isinstance(outcome.result, dict)]

    def add_up(name: str) -> int:
        return sum(value for result in results if isinstance(value := result.get(name), int))

    return Imported(inserted=add_up("inserted"), extended=add_up("extended"))
