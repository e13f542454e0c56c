"""Instants and durations between their three forms: RFC 3339 text, ``datetime``, integer microseconds.

Pure: the present comes in as an argument. All instants are aware and UTC; microseconds count from 1970.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from pulseline_core.errors import InvalidEvent

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

MICROSECOND: Final = timedelta(microseconds=1)

#: Each second of an hour as text.
_WITHIN_HOUR: Final = tuple(f"{minute:02d}:{second:02d}" for minute in range(60) for second in range(60))

#: How far ahead of the receiver's clock a timestamp may lie: a wrong time zone, not a wrong year.
MAX_AHEAD: Final = timedelta(days=1)

#: The longest event: a year and a day, so that any calendar year fits.
MAX_DURATION: Final = timedelta(days=366)

#: RFC 3339 section 5.6, with the space it allows for "T"; a missing offset is UTC, as in aw-core 0.5.18.
_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)


def parse_timestamp(text: str) -> datetime:
    """Read an RFC 3339 timestamp; digits past the microsecond are cut off.

    Returns:
        An aware UTC instant.

    Raises:
        InvalidEvent: the text is another form (week dates, a leap second), or no such instant exists.
    """
    if _RFC3339.fullmatch(text) is None:
        raise InvalidEvent("timestamp", f"{text[:64]!r} is not RFC 3339, as in '2026-11-23T10:00:00.123+00:00'")
    try:
        instant = datetime.fromisoformat(text.upper())
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidEvent("timestamp", f"{text[:64]!r} does not exist: {error}") from error


def check_timestamp(instant: datetime, *, now: datetime) -> None:
    """Raise ``InvalidEvent`` unless 1970 <= instant <= now + one day."""
    if instant < EPOCH:
        raise InvalidEvent("timestamp", f"'{instant.isoformat()}' is before 1970")
    if instant > now + MAX_AHEAD:
        raise InvalidEvent("timestamp", f"'{instant.isoformat()}' is more than a day ahead of {now.isoformat()}")


def format_timestamp(instant: datetime) -> str:
    """Write an instant as ActivityWatch does: ``+00:00``, six fraction digits or none (aw-core 0.5.18)."""
    return instant.astimezone(UTC).isoformat()


def format_us(us: int) -> str:
    """Write the instant ``us`` microseconds after 1970 as ``format_timestamp`` does, in a third of the time."""
    seconds, fraction = divmod(us, 1_000_000)
    hours, seconds = divmod(seconds, 3600)
    digits = f".{fraction:06d}" if fraction else ""
    return f"{_format_hour(hours)}{_WITHIN_HOUR[seconds]}{digits}+00:00"


@lru_cache(maxsize=256)
def _format_hour(hours: int) -> str:
    """Return what the instants of an hour begin with, as in ``2026-11-23T10:``."""
    return (EPOCH + timedelta(hours=hours)).isoformat()[:14]


def to_us(instant: datetime) -> int:
    """Return the microseconds from 1970 to an aware instant."""
    return (instant - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """Return the UTC instant ``us`` microseconds after 1970."""
    return EPOCH + timedelta(microseconds=us)


def seconds_to_us(seconds: float) -> int:
    """Round seconds to whole microseconds."""
    return round(seconds * 1_000_000)
