"""``pulseline status``: how broker, ingest and store are doing, and whether the counters balance."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Final

import click

from pulseline_client.commands.event_columns import format_instant_of
from pulseline_client.commands.human import format_duration
from pulseline_client.commands.output import Column, Form, json_option, show_json, show_records
from pulseline_client.commands.server import Server, server_options
from pulseline_client.commands.worker_table import choose_columns, format_partitions, get_object, iter_workers
from pulseline_core.errors import Unavailable
from pulseline_core.help_text import build_epilog
from pulseline_core.types import JSONObject, JSONValue


def _show_value(row: JSONObject) -> str:
    figure, value = row["figure"], str(row["value"])
    if figure == "uptime s":
        return format_duration(timedelta(seconds=float(value)))
    return format_instant_of(row, "value") if figure == "started" else value


_COLUMNS: Final = (
    Column(title="PART", cell=lambda row: str(row["part"])),
    Column(
        title="FIGURE",
        cell=lambda row: str(row["figure"]).removesuffix(" s"),
        field=lambda row: str(row["figure"]),
    ),
    Column(title="VALUE", cell=_show_value, field=lambda row: str(row["value"]), limit=None),
)

#: The broker's figures that say most; --json shows all.
_BROKER_FIGURES: Final = (
    "version",
    "uptime_s",
    "clients_connected",
    "messages_received",
    "messages_sent",
    "messages_dropped",
)

_WORKER_FIGURES: Final = (
    *("stale", "late", "state", "problem", "started", "host", "partitions", "lag_s", "queue", "unacknowledged"),
)

#: Of a worker's connection to an external broker.
_CONNECTION_FIGURES: Final = ("address", "protocol", "connections", "reconnects", "progress_age_s")

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

    Of each ingest worker: HOST, where work is divided into partitions; LAG, the longest that a message took into the
    store since the last report; QUEUE, messages that wait; and what has become of messages since it started.
    One that is 'silent' should have reported long ago, one that is 'stuck' can not store anything. Of the messages
    received, each was applied, a duplicate or a dead letter: 'balance' says whether that adds up.

    In a pipe: part, figure and value, separated by tabs. With --json: the answer of /api/0/status. While the server has
    no link to its broker, what broker and ingest said last is stale, and the exit code is 3.
    """
    with server.open_rest() as rest:
        status = rest.get_status()
    match form:
        case Form.JSON:
            show_json(status)
        case Form.LINES:
            show_records(list(iter_rows(status)), _COLUMNS, form=form, nothing="")
        case Form.TABLE:
            _show_tables(status)
    check_link(get_object(status, "link"))


def _show_tables(status: JSONObject) -> None:
    """Print what concerns all, then the workers, a row each."""
    show_records(list(iter_summary(status)), _COLUMNS, form=Form.TABLE, nothing="Nothing is known yet.")
    click.echo()
    workers = list(iter_workers(status, is_stale=_is_down(get_object(status, "link"))))
    show_records(workers, choose_columns(workers), form=Form.TABLE, nothing="No ingest worker has reported yet.")


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
    """Yield all that is shown to programs, as ``{"part", "figure", "value"}``."""
    yield from _iter_server(status)
    age = _get_age(status)
    for name, worker in get_object(status, "workers").items():
        if isinstance(worker, dict):
            yield from _iter_worker(f"ingest {name}", age | worker)
    yield from _iter_store(status)


def iter_summary(status: JSONObject) -> Iterator[JSONObject]:
    """Yield what is shown to people beside the workers' table, as ``{"part", "figure", "value"}``."""
    yield from _iter_server(status)
    yield from _iter_store(status)
    workers = {name: each for name, each in get_object(status, "workers").items() if isinstance(each, dict)}
    yield from _iter_brokers(workers)
    yield from _iter_trouble(workers)


def _iter_server(status: JSONObject) -> Iterator[JSONObject]:
    yield from _iter_figures("server", status, ("version", "started", "testing"))
    link = get_object(status, "link")
    yield from _iter_figures("link", link, ("connected", *_get_trouble(link), "waiting"))
    yield from _iter_figures("broker", _get_age(status) | get_object(status, "broker"), ("stale", *_BROKER_FIGURES))


def _iter_store(status: JSONObject) -> Iterator[JSONObject]:
    yield from _iter_figures("store", get_object(status, "store"), ("buckets", "dead_letters"))


def _iter_brokers(workers: Mapping[str, JSONObject]) -> Iterator[JSONObject]:
    """Yield where the workers have their messages from, once for all of them."""
    brokers = [get_object(worker, "broker") for worker in workers.values()]
    figures: dict[str, JSONValue] = {
        name: ", ".join(dict.fromkeys(str(each[name]) for each in brokers if each.get(name)))
        for name in ("address", "protocol")
    }
    counts = [count for each in brokers if isinstance(count := each.get("reconnects"), int)]
    figures["reconnects"] = sum(counts) if counts else None
    yield from _iter_figures(_name_part(workers, workers), figures, tuple(figures))


def _iter_trouble(workers: Mapping[str, JSONObject]) -> Iterator[JSONObject]:
    """Yield what is wrong with the workers; several with the same trouble are one row."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, worker in workers.items():
        balance = check_balance(get_object(worker, "counters"))
        trouble = {"problem": worker.get("problem"), "balance": balance if balance.startswith("off") else None}
        for row in _iter_figures(name, trouble, tuple(trouble)):
            found.setdefault((str(row["figure"]), str(row["value"])), []).append(name)
    for (figure, value), names in found.items():
        yield {"part": _name_part(names, workers), "figure": figure, "value": value}


def _name_part(names: Collection[str], workers: Collection[str]) -> str:
    """Return what to call some of the workers; all of several are the ingest."""
    return "ingest" if len(names) == len(workers) > 1 else " ".join(["ingest", *names])


def _get_age(status: JSONObject) -> JSONObject:
    return {"stale": True} if _is_down(get_object(status, "link")) else {}


def _get_trouble(link: JSONObject) -> tuple[str, ...]:
    """Return what to show of the link's problem: with a connection and nothing that waits, it is over."""
    return ("problem",) if _is_down(link) or link.get("waiting") else ()


def _iter_worker(part: str, worker: JSONObject) -> Iterator[JSONObject]:
    figures = worker | {"partitions": format_partitions(worker), "late": worker.get("late") or None}
    yield from _iter_figures(part, figures, _WORKER_FIGURES)
    yield from _iter_figures(part, get_object(worker, "broker"), _CONNECTION_FIGURES)
    counters = get_object(worker, "counters")
    yield from _iter_figures(part, counters, _COUNTERS)
    yield from _iter_figures(part, get_object(worker, "commit"), ("merged",))
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
