"""Instants, durations and data as people read and write them on a terminal.

Pure: the present and the time zone come in as arguments. What a program reads (pipes, ``--json``) is made elsewhere.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from pulseline_core.errors import BadInput
from pulseline_core.json_value import MAX_DEPTH
from pulseline_core.types import JSONObject, JSONValue

#: Characters that turn the direction of text around them, so that a line shows what it does not say.
_BIDIRECTIONAL: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

#: In the order of ``date.weekday``.
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

#: Text that needs no quotes after ``key=``.
_BARE_WORD: Final = re.compile(r"[^\s\"'=,]+")


def escape(text: str) -> str:
    """Return text that a terminal only shows: control characters are written as Python writes them."""
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    is_harmless = unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} and character not in _BIDIRECTIONAL
    return character if is_harmless else character.encode("unicode_escape").decode()


def format_duration(duration: timedelta) -> str:
    """Return a duration as ``1d 02h 03m 04s``; below ten seconds with a tenth, where there is one."""
    seconds = duration.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (whole_seconds, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        del parts[0]
    (first, first_unit), *others = parts
    return " ".join([f"{first}{first_unit}", *(f"{count:02d}{unit}" for count, unit in others)])


def format_instant(instant: datetime, *, zone: tzinfo | None = None) -> str:
    """Return an instant as ``2026-11-23 10:00:00+01:00``.

    Args:
        instant: when; aware.
        zone: the reader's time zone, ``None`` for the system's.
    """
    return instant.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def format_data(data: Mapping[str, JSONValue]) -> str:
    """Return an event's data as ``app=Firefox title="A page"``, on one line."""
    return escape(" ".join(f"{key}={_format_value(value)}" for key, value in data.items()))


def _format_value(value: JSONValue) -> str:
    if isinstance(value, str) and _is_bare(value):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_bare(text: str) -> bool:
    return text.isprintable() and _BARE_WORD.fullmatch(text) is not None and not _is_json(text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except RecursionError:  # for a decoder with more patience it is
        return True
    except ValueError:
        return False
    return True


def parse_instant(text: str, *, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Read an instant that a person wrote.

    Args:
        text: ``now``, ``today`` or ``yesterday`` (their first moment), a weekday (that of the last one, which may be
            today), a date, or a date and time; without an offset it is the reader's local time.
        now: the present; aware.
        zone: the reader's time zone, ``None`` for the system's.

    Returns:
        An aware UTC instant.

    Raises:
        BadInput: it is none of these.
    """
    here = now.astimezone(zone)
    match text.strip().lower():
        case "now":
            return now.astimezone(UTC)
        case "today":
            return _begin_day(here, zone)
        case "yesterday":
            return _begin_day(here - timedelta(days=1), zone)
        case weekday if weekday in _WEEKDAYS:
            return _begin_day(here - timedelta(days=(here.weekday() - _WEEKDAYS.index(weekday)) % 7), zone)
        case written:
            return _read_written(written, zone)


def parse_range(start: str | None, end: str | None, *, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Read both ends of a range as ``parse_instant`` does; ``None`` is no end.

    Raises:
        BadInput: one of them is not understood, or the range ends before it begins.
    """
    begin, until = (None if text is None else parse_instant(text, now=now) for text in (start, end))
    if begin is not None and until is not None and begin > until:
        raise BadInput(f"the range ends before it begins: {start!r} is later than {end!r}")
    return begin, until


def _begin_day(instant: datetime, zone: tzinfo | None) -> datetime:
    midnight = datetime.combine(instant.date(), time())
    return _place(midnight, zone)


def _read_written(text: str, zone: tzinfo | None) -> datetime:
    try:
        return _place(datetime.fromisoformat(text.upper()), zone)
    except (ValueError, OverflowError) as error:
        raise BadInput(
            f"time {text[:64]!r} is not understood",
            hint="write '2026-11-23 10:00', '2026-11-23', 'today', 'monday' or 'now'",
        ) from error


def _place(instant: datetime, zone: tzinfo | None) -> datetime:
    """Return an instant as UTC; one without an offset is local."""
    if instant.tzinfo is None and zone is not None:
        instant = instant.replace(tzinfo=zone)
    return instant.astimezone(UTC)


def parse_data(words: tuple[str, ...]) -> JSONObject:
    """Read an event's data from a command line.

    Args:
        words: one JSON object, or ``key=value`` words; a value that is JSON (``21.5``, ``true``) is read as such. A
            single other word ``ON`` becomes ``{"value": "ON"}``, as from a plain device. Nothing is ``{}``.

    Raises:
        BadInput: the words are none of these.
    """
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        return _parse_object(words[0])
    if len(words) == 1 and "=" not in words[0]:
        return {"value": _parse_value(words[0])}
    data: JSONObject = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise BadInput(
                f"data {word[:64]!r} is not key=value", hint='write app=Firefox, or JSON: \'{"app": "Firefox"}\''
            )
        data[key] = _parse_value(value)
    return data


def _parse_object(text: str) -> JSONObject:
    try:
        value: JSONValue = json.loads(text)
    except RecursionError as error:
        raise _build_depth_error(text) from error
    except ValueError as error:
        raise BadInput(f"data {text[:64]!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"data {text[:64]!r} is not a JSON object")
    return value


def _parse_value(text: str) -> JSONValue:
    try:
        value: JSONValue = json.loads(text)
    except RecursionError as error:
        raise _build_depth_error(text) from error
    except ValueError:
        return text
    return value


def _build_depth_error(text: str) -> BadInput:
    return BadInput(f"data {text[:64]!r} is nested deeper than {MAX_DEPTH} levels")
