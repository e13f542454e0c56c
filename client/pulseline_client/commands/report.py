"""``pulseline report``: where the time of a computer went."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import click

from pulseline_client.classes import get_classes
from pulseline_client.commands.desktop_buckets import choose_host, find_desktop
from pulseline_client.commands.human import escape, format_duration, format_instant
from pulseline_client.commands.output import Column, Form, json_option, show_json, show_records
from pulseline_client.commands.period import parse_period, period_options, split_days
from pulseline_client.commands.query_place import show_warning
from pulseline_client.commands.server import Server, server_options
from pulseline_client.queries import DesktopQueryParams, default_limit, fullDesktopQuery
from pulseline_client.rest import RestReader
from pulseline_core.errors import ExitCode
from pulseline_core.help_text import CLIENT_CODES, build_epilog
from pulseline_core.types import JSONObject, JSONValue

#: In place of the result of ``fullDesktopQuery``, which has all events, too.
_RETURN: Final = """
RETURN = {"duration": duration, "categories": cat_events, "apps": app_events, "titles": title_events,
    "domains": browser_domains};
"""

#: The setting in which the web interface keeps what is always activity, a pattern.
_ALWAYS_ACTIVE: Final = "always_active_pattern"

#: A range of more days is not shown by day.
_MAX_DAYS: Final = 31

#: The parts of a report: the name of the list, that of one of its rows, and the key of the data it is about.
_PARTS: Final = (
    ("categories", "category", "$category"),
    ("apps", "app", "app"),
    ("titles", "title", "title"),
    ("domains", "domain", "$domain"),
)

#: What is shown, in this order: the name of the list, and that of one of its rows.
_SHOWN: Final = (("days", "day"), *((part, title) for part, title, _ in _PARTS))


@click.command(
    "report",
    short_help="Show where the time of a computer went.",
    epilog=build_epilog(
        "pulseline report",
        "pulseline report demo --start monday",
        "pulseline report demo --start 2026-11-01 --stop 2026-12-01 --limit 20",
        codes=(*CLIENT_CODES, ExitCode.NOT_FOUND),
    ),
)
@click.argument("hostname", required=False)
@period_options
@click.option(
    "--limit", type=click.IntRange(1, default_limit), default=10, show_default=True, help="The most rows of each part."
)
@server_options
@json_option
def command(*, hostname: str | None, start: str, stop: str, limit: int, server: Server, form: Form) -> None:
    """Show how long HOSTNAME was used, and for what: by category, app, title and domain; up to 31 days also by day.

    It is what the watchers of windows and of absence have recorded, and those of any browser. Categories are those of
    the web interface, or else ActivityWatch's own. Without HOSTNAME it is this computer, or else the only one.

    Without --start and --stop it is about today, up to now. A TIME is 'now', 'today', 'yesterday', a weekday (the last
    one), a date (its first moment), or a date and time; without an offset it is local. In a pipe: part, seconds and
    name, separated by tabs.
    """
    begin, end = parse_period(start, stop, now=datetime.now(UTC))
    days = split_days(begin, end)
    if not 1 < len(days) <= _MAX_DAYS:
        days = []
    with server.open_rest() as rest:
        buckets = rest.get_buckets()
        hostname = choose_host(buckets, socket.gethostname()) if hostname is None else hostname
        answered, *by_day = _ask(rest, find_desktop(buckets, hostname), [(begin, end), *days])
    report: JSONObject = {"hostname": hostname, "start": begin.isoformat(), "stop": end.isoformat()}
    report["duration"] = answered.get("duration", 0)
    report["days"] = [
        {"name": first.date().isoformat(), "duration": each.get("duration", 0)}
        for (first, _), each in zip(days, by_day, strict=True)
    ]
    for part, _, key in _PARTS:
        report[part] = _cut_part(answered.get(part), key, limit)
    match form:
        case Form.JSON:
            show_json(report)
        case Form.LINES:
            _show_lines(report)
        case Form.TABLE:
            click.echo(f"{escape(hostname)} from {format_instant(begin)} to {format_instant(end)}")
            _show_tables(report)


def _ask(
    rest: RestReader, params: DesktopQueryParams, periods: Sequence[tuple[datetime, datetime]]
) -> list[JSONObject]:
    params.classes = get_classes(rest)
    always_active = rest.get_setting(_ALWAYS_ACTIVE)
    params.always_active_pattern = always_active if isinstance(always_active, str) else None
    answers = rest.query(fullDesktopQuery(params) + _RETURN, periods, name="report", warn=show_warning)
    return [each if isinstance(each, dict) else {} for each in answers]


def _cut_part(events: JSONValue, key: str, limit: int) -> JSONValue:
    """Return the first rows of a part, as ``{"name", "duration"}``."""
    rows: list[JSONValue] = []
    for event in events if isinstance(events, list) else []:
        match event:
            case {"data": dict(data), "duration": seconds}:
                rows.append({"name": data.get(key), "duration": seconds})
    return rows[:limit]


def _show_lines(report: JSONObject) -> None:
    show_records([{"part": "active", "name": "", "duration": report["duration"]}], _LINE, form=Form.LINES, nothing="")
    for part, title in _SHOWN:
        rows: list[JSONObject] = [{"part": title, **row} for row in _iter_rows(report, part)]
        show_records(rows, _LINE, form=Form.LINES, nothing="")


def _show_tables(report: JSONObject) -> None:
    total = _get_seconds(report)
    if not total:
        click.echo("No activity was recorded then.", err=True)
        return
    click.secho(f"{_format_time(report)} active", bold=True)
    parts = {title: list(_iter_rows(report, part)) for part, title in _SHOWN}
    width = max((len(_format_time(row)) for rows in parts.values() for row in rows), default=0)
    for title, rows in parts.items():
        if rows:
            shown: list[JSONObject] = [{**row, "share": f"{_get_seconds(row) / total:.0%}"} for row in rows]
            click.echo()
            show_records(shown, _build_columns(title, width), form=Form.TABLE, nothing="")


def _iter_rows(report: JSONObject, part: str) -> Iterator[JSONObject]:
    rows = report[part]
    yield from (row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict))


def _format_name(row: JSONObject) -> str:
    name = row["name"]
    return " > ".join(map(str, name)) if isinstance(name, list) else str(name)


def _format_day(row: JSONObject) -> str:
    day = date.fromisoformat(str(row["name"]))
    return f"{day:%a} {day}"


def _get_seconds(row: JSONObject) -> float:
    seconds = row.get("duration")
    return seconds if isinstance(seconds, int | float) else 0.0


def _format_time(row: JSONObject) -> str:
    return format_duration(timedelta(seconds=_get_seconds(row)))


def _build_columns(title: str, time_width: int) -> tuple[Column, ...]:
    """Return the columns of a part; the times of all parts are as wide, so that they stand under one another."""
    return (
        Column(title="TIME".rjust(time_width), cell=_format_time, is_number=True),
        Column(title="SHARE", cell=lambda row: str(row["share"]), is_number=True),
        Column(title=title.upper(), cell=_format_day if title == "day" else _format_name, limit=None),
    )


_LINE: Final = (
    Column(title="PART", cell=lambda row: str(row["part"])),
    Column(title="SECONDS", cell=lambda row: str(_get_seconds(row))),
    Column(title="NAME", cell=_format_name),
)
