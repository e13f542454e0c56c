"""A query as a request brings it, and what may be wrong with that before anybody reads the query itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pulseline_api.lenient_time import parse_local_time
from pulseline_core.errors import BadInput
from pulseline_core.types import JSONObject

#: Days of almost three years; the web interface asks for up to 31.
MAX_PERIODS: Final = 1_000


class InvalidQuery(BadInput):
    """A body that is no query, or a time period that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """What is asked.

    Attributes:
        statements: the query's text, in pieces.
        periods: start and end of each time period, aware, with the offsets that the client gave.
        name: what the query calls itself.
    """

    statements: tuple[str, ...]
    periods: tuple[tuple[datetime, datetime], ...]
    name: str


def parse_texts(body: JSONObject, key: str) -> list[str]:
    """Return an array of texts of the body; raise ``InvalidQuery``."""
    value = body.get(key)
    if not isinstance(value, list):
        problem = "is missing" if key not in body else f"{str(value)[:64]!r} is not an array"
        raise InvalidQuery(f"{key} {problem}; give an array of texts")
    texts = [each for each in value if isinstance(each, str)]
    if len(texts) < len(value):
        stranger = next(each for each in value if not isinstance(each, str))
        raise InvalidQuery(f"{key} holds {str(stranger)[:64]!r}, which is not a text")
    return texts


def parse_periods(texts: Sequence[str]) -> tuple[tuple[datetime, datetime], ...]:
    """Return start and end of each ``START/END``; raise ``InvalidQuery`` or ``InvalidTime``, which name it."""
    if len(texts) > MAX_PERIODS:
        raise InvalidQuery(f"timeperiods has {len(texts)} entries, the limit is {MAX_PERIODS}")
    return tuple(_parse_period(text) for text in texts)


def _parse_period(text: str) -> tuple[datetime, datetime]:
    start, slash, end = text.partition("/")
    if not slash or "/" in end:
        raise InvalidQuery(f"time period {text[:128]!r} is not of the form START/END")
    name = f"time period {text[:128]!r}:"
    return parse_local_time(start, name=f"{name} start"), parse_local_time(end, name=f"{name} end")
