"""Times in requests, read as kindly as ActivityWatch's python server reads them (aw-core 0.5.18, iso8601)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from pulseline_core.errors import BadInput

#: ISO 8601 calendar dates with as much of the time as one likes. The sign of an offset may be a space: that is what a
#: "+" becomes in a query string when a client does not escape it.
_TIME: Final = re.compile(
    r"(?P<year>\d{4})(?:-?(?P<month>\d\d)(?:-?(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"(?:[Zz]|(?P<sign>[-+ ])(?P<offset_hours>\d\d)(?::?(?P<offset_minutes>\d\d))?)?)?)?)?",
    re.ASCII,
)


class InvalidTime(BadInput):
    """A time in a request that can not be read."""

    def __init__(self, name: str, text: str, problem: str) -> None:
        super().__init__(f"{name} {text[:64]!r} {problem}")
        self.name = name
        self.text = text
        self.problem = problem


def parse_lenient_time(text: str, *, name: str) -> datetime:
    """Read a date, or a date and a time, as UTC; see ``parse_local_time``."""
    return parse_local_time(text, name=name).astimezone(UTC)


def parse_local_time(text: str, *, name: str) -> datetime:
    """Read a date, or a date and a time, and keep its offset; without one it is UTC.

    Digits past the microsecond are cut off.

    Raises:
        InvalidTime: it has another form, or no such instant exists.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise InvalidTime(name, text, "is not an ISO 8601 time, as in '2026-11-23T10:00:00Z'")
    try:
        instant = _build(match)
        instant.astimezone(UTC)  # which not every offset allows at the ends of time
    except (ValueError, OverflowError) as error:
        raise InvalidTime(name, text, f"does not exist: {error}") from error
    return instant


def _build(match: re.Match[str]) -> datetime:
    def number(group: str, default: int = 0) -> int:
        return default if match[group] is None else int(match[group])

    return datetime(
        number("year"),
        number("month", 1),
        number("day", 1),
        number("hour"),
        number("minute"),
        number("second"),
        int((match["fraction"] or "").ljust(6, "0")[:6]),
        tzinfo=_build_zone(match["sign"], number("offset_hours"), number("offset_minutes")),
    )


def _build_zone(sign: str | None, hours: int, minutes: int) -> timezone:
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == "-" else offset)
