"""The query parameters, each read in one place; what does not fit is ``BadInput`` and names the parameter."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from flask import request

from pulseline_api.description import Parameter
from pulseline_api.lenient_time import parse_lenient_time
from pulseline_core import times
from pulseline_core.errors import BadInput
from pulseline_core.types import JSONObject

_INTEGER: Final = re.compile(r"[-+]?\d{1,18}", re.ASCII)

_TRUE: Final = frozenset({"1", "true"})

#: The schema of ``read_integer``.
INTEGER: Final[JSONObject] = {"type": "integer", "minimum": 1 - 10**18, "maximum": 10**18 - 1}

_TIME: Final[JSONObject] = {"type": "string", "format": "date-time"}
_FORM: Final = "an ISO 8601 date, or date and time; UTC without an offset"

START: Final = Parameter(name="start", schema=_TIME, text=f"where the range begins, {_FORM}")
END: Final = Parameter(name="end", schema=_TIME, text=f"where the range ends, {_FORM}")
START_NEEDED: Final = replace(START, is_required=True)
END_NEEDED: Final = replace(END, is_required=True)
LIMIT: Final = Parameter(name="limit", schema=INTEGER, text="how many at most; negative is all")
PULSETIME: Final = Parameter(
    name="pulsetime",
    schema={"type": "number", "minimum": 0, "examples": [60]},
    text="how many seconds after the event before it a heartbeat still belongs to that; above 366 days is 366 days",
    is_required=True,
)
FORCE: Final = Parameter(
    name="force",
    schema={"type": "string", "enum": ["1", "true"]},
    text="required, except in testing mode",
)


class InvalidParameter(BadInput):
    """A query parameter that is missing or does not fit."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"parameter {name!r} {problem}")
        self.name = name
        self.problem = problem


def read_integer(name: str) -> int | None:
    """Return an integer of at most 18 digits, ``None`` when the parameter is absent."""
    text = request.args.get(name)
    if text is None:
        return None
    if _INTEGER.fullmatch(text.strip()) is None:
        raise InvalidParameter(name, f"{text[:64]!r} is not an integer")
    return int(text)


def read_limit() -> int:
    """Return how many are asked for at most; absent is -1, all (as any negative number)."""
    limit = read_integer("limit")
    return -1 if limit is None else limit


def read_time(name: str) -> datetime | None:
    """Return an instant, ``None`` when the parameter is absent."""
    text = request.args.get(name)
    return None if text is None else parse_lenient_time(text, name=name)


def require_time(name: str) -> datetime:
    """Return an instant; raise ``InvalidParameter`` when the parameter is absent."""
    instant = read_time(name)
    if instant is None:
        raise InvalidParameter(name, f"is missing; give a time, as in ?{name}=2026-11-23T10:00:00Z")
    return instant


def read_pulsetime() -> timedelta:
    """Return the required ``pulsetime``, given in seconds; anything above 366 days is 366 days."""
    text = request.args.get("pulsetime")
    if text is None:
        raise InvalidParameter("pulsetime", "is missing; give seconds, as in ?pulsetime=60")
    try:
        seconds = float(text)
    except ValueError as error:
        raise InvalidParameter("pulsetime", f"{text[:64]!r} is not a number of seconds") from error
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidParameter("pulsetime", f"{text[:64]!r} is not a number of seconds from 0 on")
    longest = times.MAX_DURATION
    return longest if seconds >= longest.total_seconds() else timedelta(seconds=seconds)


def is_forced() -> bool:
    """Return whether the request says ``?force=1``."""
    return request.args.get("force", "") in _TRUE
