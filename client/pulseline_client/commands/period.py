"""The range of time that a query is about: ``--start`` and ``--stop``, today up to now without them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TypeVar

import click

from pulseline_client.commands.human import parse_instant
from pulseline_core.errors import BadInput

_Command = TypeVar("_Command", bound=Callable[..., object])


def period_options(command: _Command) -> _Command:
    """Give a click command the flags, and their texts as its arguments ``start`` and ``stop``."""
    stop = click.option(
        "--stop", "--end", "stop", metavar="TIME", default="now", show_default=True, help="Where the range ends."
    )
    start = click.option("--start", metavar="TIME", default="today", show_default=True, help="Where the range begins.")
    return start(stop(command))


def parse_period(start: str, stop: str, *, now: datetime) -> tuple[datetime, datetime]:
    """Return both ends in the reader's time zone.

    Raises:
        BadInput: one of them is not understood, or the range ends before it begins.
    """
    begin, end = (parse_instant(text, now=now) for text in (start, stop))
    if begin > end:
        raise BadInput(f"the range ends before it begins: {start!r} is later than {stop!r}")
    return begin.astimezone(), end.astimezone()


def split_days(begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return the days of local time that a range is made of; its first and its last one may be parts of a day.

    Args:
        begin: of the range, in local time.
        end: of the range, in local time, not before its begin.
    """
    borders, day = [begin], begin.date()
    while day < end.date():
        day += timedelta(days=1)
        borders.append(datetime.combine(day, time()).astimezone())
    if borders[-1] < end:
        borders.append(end)
    return list(pairwise(borders))
