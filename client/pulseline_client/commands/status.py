"""``pulseline status``: how broker, ingest and store are doing, and whether the counters balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import click

from pulseline_client.commands.event_columns import format_instant_of
from pulseline_client.commands.output import Column, Form, json_option, show_json, show_records
from pulseline_client.commands.server import Server, server_options
from pulseline_core.errors import Unavailable
from pulseline_core.help_text import build_epilog
from pulseline_core.types import JSONObject, JSONValue


def _show_value(row: JSONObject) -> str:
    return format_instant_of(row, "value") if row["figure"] == "started" else str(row["value"])


_COLUMNS: Final = (
    Column(title="PART", cell=lambda row: str(row["part"])),
    Column(title="FIGURE", cell=lambda row: str(row["figure"])),
    Column(title="VALUE", cell=_show_value, field=lambda row: str(row["value"]), limit=None),
)

#: The broker's figures that say most, by the end of their $SYS topic; --json shows all.
_BROKER_FIGURES: Final = (
    "version",
    "uptime",
    "clients/connected",
    "messages/received",
    "messages/sent",
    "publish/messages/dropped",
)

#: Of a worker's connection to an external broker.
_CONNECTION_FIGURES: Final = ("address", "protocol", "connections", "progress_age_s")

_COUNTERS: Final = ("received", "applied", "duplicates", "dead_letters", "ignored")


@click.command(
    "status",
    short_help="Show how everything is doing.",
    epilog=build_epilog("pulseline status", "pulseline status --json"),
)
@server_options
@json_option
def command(*, server: Server, form: Form) -> None:
    """Show what broker, ingest and store say of themselves.

    Of the messages received, each was applied, a duplicate or a dead letter: 'balance' says whether that adds up. In a
    pipe: part, figure and value, separated by tabs. With --json: the answer of /api/0/status. While the server has no
    link to its broker, what broker and ingest said last is stale, and the exit code is 3.
    """
    with server.open_rest() as rest:
        status = rest.get_status()
    if form is Form.JSON:
        show_json(status)
    else:
        show_records(list(iter_rows(status)), _COLUMNS, form=form, nothing="Nothing is known yet.")
    check_link(_get_object(status, "link"))


def check_link(link: JSONObject) -> None:
    """Raise ``Unavailable`` when the server has no connection to its broker."""
    if _is_down(link):
        problem = link.get("problem") or "it has not connected yet"
        raise Unavailable(
            f"the server has no link to its broker: {problem}", hint="the figures of broker and ingest are stale"
        )


def _is_down(link: JSONObject) -> bool:
    return link.get("connected") is False


def iter_rows(status: JSONObject) -> Iterator[JSONObject]:
    """Yield what to show, as ``{"part", "figure", "value"}``."""
    yield from _iter_figures("server", status, ("version", "started", "testing"))
    link = _get_object(status, "link")
    yield from _iter_figures("link", link, ("connected", *_get_trouble(link), "waiting"))
    age: JSONObject = {"stale": True} if _is_down(link) else {}
    yield from _iter_figures("broker", age | _get_object(status, "broker"), ("stale", *_BROKER_FIGURES))
    for name, worker in _get_object(status, "workers").items():
        if isinstance(worker, dict):
            yield from _iter_worker(f"ingest {name}", age | worker)
    yield from _iter_figures("store", _get_object(status, "store"), ("buckets", "dead_letters"))


def _get_trouble(link: JSONObject) -> tuple[str, ...]:
    """Return what to show of the link's problem: with a connection and nothing that waits, it is over."""
    return ("problem",) if _is_down(link) or link.get("waiting") else ()


def _iter_worker(part: str, worker: JSONObject) -> Iterator[JSONObject]:
    yield from _iter_figures(part, worker, ("stale", "state", "problem", "started", "queue"))
    yield from _iter_figures(part, _get_object(worker, "broker"), _CONNECTION_FIGURES)
    counters = _get_object(worker, "counters")
    yield from _iter_figures(part, counters, _COUNTERS)
    if counters:
        yield {"part": part, "figure": "balance", "value": check_balance(counters)}


def check_balance(counters: Mapping[str, JSONValue]) -> str:
    """Return ``ok`` when every message received was applied, a duplicate or a dead letter, else how many are off."""
    received, *outcomes = (counters.get(name) for name in ("received", "applied", "duplicates", "dead_letters"))
    numbers = [each for each in outcomes if isinstance(each, int)]
    if not isinstance(received, int) or len(numbers) < len(outcomes):
        return "unknown"
    missing = received - sum(numbers)
    return "ok" if missing == 0 else f"off by {missing}"


def _iter_figures(part: str, figures: Mapping[str, JSONValue], names: tuple[str, ...]) -> Iterator[JSONObject]:
    for name in names:
        value = figures.get(name)
        if value not in (None, "") and not isinstance(value, dict | list):
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            yield {"part": part, "figure": name.replace("_", " "), "value": shown}


def _get_object(value: JSONObject, name: str) -> JSONObject:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
