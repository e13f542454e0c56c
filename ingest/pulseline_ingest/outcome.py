"""What became of one message, and what its publisher may want to know about it. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pulseline_core.bucket import Bucket
from pulseline_core.errors import PulselineError
from pulseline_core.event import Event
from pulseline_core.message import (
    DeleteBucket,
    DeleteEvent,
    DeleteEvents,
    DescribeBucket,
    Heartbeats,
    ImportEvents,
    InsertEvents,
    ReplaceEvent,
)
from pulseline_core.store import Imported
from pulseline_core.types import JSONObject, JSONValue

BucketRequest: TypeAlias = (
    Heartbeats | InsertEvents | ImportEvents | DescribeBucket | ReplaceEvent | DeleteEvent | DeleteEvents | DeleteBucket
)
"""The requests that change a bucket."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many rows went."""

    count: int


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more to say."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it could not be done; ``type`` is the name of a class in ``errors``."""

    type: str
    message: str


def describe(error: PulselineError) -> Failure:
    """Return an error as values."""
    return Failure(type(error).__name__, str(error))


Result: TypeAlias = Event | Sequence[Event] | Imported | Bucket | Deleted | Done | Failure
"""What a reply carries."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The message was applied.

    Attributes:
        result: for the reply; a ``Failure`` where a request to the worker had no object.
        change: what was done to a bucket, ``None`` where none was touched.
    """

    result: Result
    change: BucketRequest | None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The message was applied, or became a dead letter, before; ``watermark`` is the last that was."""

    watermark: int


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """The message can not be applied and is kept."""

    letter_id: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Ignored:
    """The message asks for nothing, or comes before its turn; ``watermark`` only in the latter case."""

    watermark: int | None = None


Outcome: TypeAlias = Applied | Duplicate | DeadLettered | Ignored


def build_result(result: Result) -> JSONValue:
    """Return a result in the form of the wire."""
    match result:
        case Event() | Bucket():
            return result.to_json()
        case Imported(inserted, extended):
            return {"inserted": inserted, "extended": extended}
        case Done():
            return {}
        case Deleted(count):
            return {"deleted": count}
        case Failure(type=kind, message=message):
            failure: JSONObject = {"type": kind, "message": message}
            return {"error": failure}
        case _:
            return [event.to_json() for event in result]
