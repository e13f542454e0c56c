"""What a query answers, in the forms of a command: events as a table, objects part by part, values as they are."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final, TypeGuard

import click

from pulseline_client.commands.event_columns import EVENT_COLUMNS
from pulseline_client.commands.human import escape, format_duration
from pulseline_client.commands.output import (
    Form,
    cut,
    open_console,
    show_json,
    show_json_line,
    show_records,
    takes_unicode,
)
from pulseline_core.errors import BadInput
from pulseline_core.spreadsheet import name_columns, neutralise
from pulseline_core.types import JSONObject, JSONValue

#: The columns of every event, before those of its data.
_EVENT_FIELDS: Final = ("timestamp", "duration")


def show_result(result: JSONValue, *, form: Form, limit: int) -> None:
    """Print a query's result.

    Args:
        result: of one period.
        form: how; lines are for events only, of which an empty list has none; all else is JSON in their place.
        limit: the most rows of a table; 0 is all.
    """
    match form:
        case Form.JSON:
            show_json(result)
        case Form.LINES if is_events(result):
            show_records(result, EVENT_COLUMNS, form=form, nothing="")
        case Form.LINES:
            show_json_line(result)
        case Form.TABLE:
            _show_part(result, "", limit)


def is_events(value: JSONValue) -> TypeGuard[list[JSONObject]]:
    """Return whether a value is a list of nothing but events; an empty one is."""
    return isinstance(value, list) and all(
        isinstance(item, dict) and isinstance(item.get("data"), dict) and _EVENT_FIELDS[1] in item for item in value
    )


def _show_part(value: JSONValue, name: str, limit: int) -> None:
    """Print a value for people; what is within an object has its name above it."""
    if is_events(value):
        _show_events(value, name, limit)
    elif isinstance(value, dict):
        _show_object(value, name, limit)
    elif isinstance(value, list):
        _show_list(value, name, limit)
    else:
        click.echo(_format_value(value))


def _show_events(events: Sequence[JSONObject], name: str, limit: int) -> None:
    count = "1 event" if len(events) == 1 else f"{len(events)} events"
    together = timedelta(seconds=sum(_get_seconds(event) for event in events))
    _show_heading(name, f"{count}, {format_duration(together)} together" if events else "no events")
    shown = events[: limit or None]
    if shown:
        show_records(shown, EVENT_COLUMNS, form=Form.TABLE, nothing="")
    _show_rest(len(events) - len(shown))


def _show_object(value: JSONObject, name: str, limit: int) -> None:
    """Print the plain values first, then each part under its name."""
    if not value:
        _show_heading(name, "empty")
    prefix = f"{name}." if name else ""
    plain = {key: item for key, item in value.items() if not isinstance(item, dict | list)}
    if plain and name:
        click.echo()
    for key, item in plain.items():
        click.echo(f"{escape(prefix + key)}: {_format_value(item)}")
    for key in (each for each in value if each not in plain):
        _show_part(value[key], prefix + key, limit)


def _show_list(items: Sequence[JSONValue], name: str, limit: int) -> None:
    _show_heading(name, "1 item" if len(items) == 1 else f"{len(items)} items")
    width = open_console().width
    shown = items[: limit or None]
    for item in shown:
        click.echo(cut(_format_value(item), width))
    _show_rest(len(items) - len(shown))


def _show_heading(name: str, words: str) -> None:
    if name:
        click.echo()
    click.secho(f"{escape(name)}: {words}" if name else words, bold=True)


def _show_rest(count: int) -> None:
    if count:
        click.echo(f"and {count} more; --limit 0 shows all")


def _format_value(value: JSONValue) -> str:
    if isinstance(value, str):
        return escape(value)
    return escape(json.dumps(value, ensure_ascii=not takes_unicode()))


def _get_seconds(event: JSONObject) -> float:
    seconds = event.get("duration")
    return seconds if isinstance(seconds, int | float) else 0.0


def show_csv(result: JSONValue) -> None:
    """Print a list of events, a row each.

    Raises:
        BadInput: the result is something else.
    """
    if not is_events(result):
        raise BadInput(
            "the query's result is no list of events, and has no form as CSV",
            hint="let RETURN be one of its lists, or use --json",
        )
    text = io.StringIO()
    csv.writer(text).writerows(_iter_rows(result))
    click.echo(text.getvalue().encode(), nl=False)


def _iter_rows(events: Sequence[JSONObject]) -> Iterator[list[str | float]]:
    data = [item if isinstance(item := event["data"], dict) else {} for event in events]
    keys = list(dict.fromkeys(key for each in data for key in each))
    yield [*_EVENT_FIELDS, *name_columns(keys, taken=_EVENT_FIELDS)]
    for event, values in zip(events, data, strict=True):
        cells = [*(event.get(name) for name in _EVENT_FIELDS), *(values.get(key) for key in keys)]
        yield [_build_cell(cell) for cell in cells]


def _build_cell(value: JSONValue) -> str | float:
    match value:
        case None:
            return ""
        case str():
            return neutralise(value)
        case bool() | list() | dict():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return value
