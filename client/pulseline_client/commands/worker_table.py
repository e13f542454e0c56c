"""The ingest workers of a status, a row each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pulseline_client.commands.event_columns import format_text_of
from pulseline_client.commands.output import Column
from pulseline_core.types import JSONObject, JSONValue


def iter_workers(status: JSONObject, *, is_stale: bool) -> Iterator[JSONObject]:
    """Yield the workers of a status as ``{"worker", "state", "host", "lag", ...}``, ``main-2`` before ``main-10``.

    Args:
        status: the answer of ``/api/0/status``.
        is_stale: whether it is of some time ago.
    """
    workers = get_object(status, "workers")
    for name, worker in sorted(workers.items(), key=_pad_numbers):
        if isinstance(worker, dict):
            counters = get_object(worker, "counters")
            yield {
                **{name: counters.get(name) for name in ("received", "applied", "duplicates", "dead_letters")},
                "worker": name,
                "state": "stale" if is_stale else _judge(worker),
                "host": worker.get("host"),
                "lag": _format_lag(worker.get("lag_s")),
                "queue": worker.get("queue"),
            }


def _pad_numbers(item: tuple[str, JSONValue]) -> str:
    return re.sub(r"\d+", lambda number: number[0].zfill(9), item[0])


def _judge(worker: JSONObject) -> JSONValue:
    if worker.get("late") is True:
        return "silent"
    return "stuck" if worker.get("problem") else worker.get("state")


def format_partitions(worker: JSONObject) -> str:
    """Return the partitions that a worker holds as ranges, ``0-2 5``; empty where nothing is divided."""
    held = worker.get("partitions")
    numbers = sorted(each for each in held if isinstance(each, int)) if isinstance(held, list) else []
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number <= ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _format_lag(lag_s: JSONValue) -> str:
    return f"{lag_s:.1f} s" if isinstance(lag_s, int | float) else ""


def get_object(value: Mapping[str, JSONValue], name: str) -> JSONObject:
    """Return the object that lies under a name, an empty one where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _build_column(title: str, name: str, *, is_number: bool = False, is_whole: bool = False) -> Column:
    return Column(
        title=title, cell=lambda row: format_text_of(row, name), is_number=is_number, is_whole=is_whole, limit=16
    )


def choose_columns(rows: Iterable[JSONObject]) -> tuple[Column, ...]:
    """Return the columns of such rows; machines are named where work is divided, as no worker else tells its own."""
    is_divided = any(row["host"] for row in rows)
    return (*_NAMES, *((_HOST,) if is_divided else ()), *_FIGURES)


_NAMES: Final = (_build_column("WORKER", "worker"), _build_column("STATE", "state", is_whole=True))
_HOST: Final = _build_column("HOST", "host")
_FIGURES: Final = (
    _build_column("LAG", "lag", is_number=True),
    _build_column("QUEUE", "queue", is_number=True),
    _build_column("RECEIVED", "received", is_number=True),
    _build_column("APPLIED", "applied", is_number=True),
    _build_column("DUPLICATE", "duplicates", is_number=True),
    _build_column("DEAD", "dead_letters", is_number=True),
)
