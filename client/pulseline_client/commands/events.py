"""``pulseline events``: a bucket's timeline, newest first."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pulseline_client.commands.event_columns import EVENT_COLUMNS
from pulseline_client.commands.human import parse_range
from pulseline_client.commands.output import Form, json_option, show_records
from pulseline_client.commands.server import Server, server_options
from pulseline_core.errors import ExitCode
from pulseline_core.help_text import CLIENT_CODES, build_epilog


@click.command(
    "events",
    short_help="Show a bucket's events, newest first.",
    epilog=build_epilog(
        "pulseline events aw-watcher-window_demo",
        "pulseline events demo-plug --start today --limit 0 --json",
        codes=(*CLIENT_CODES, ExitCode.NOT_FOUND),
    ),
)
@click.argument("bucket")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="At most so many; 0 is all.")
@click.option("--start", metavar="TIME", help="Only what lasted beyond this time.")
@click.option("--end", "--stop", "end", metavar="TIME", help="Only what began before this time.")
@server_options
@json_option
def command(*, bucket: str, limit: int, start: str | None, end: str | None, server: Server, form: Form) -> None:
    """Show the events of BUCKET, newest first, in local time.

    A TIME is 'now', 'today', 'yesterday', a weekday (the last one), a date, or a date and time; without an offset it is
    local. Events are cut to the range. In a pipe: start, duration in seconds and data as JSON, separated by tabs.
    """
    begin, until = parse_range(start, end, now=datetime.now(UTC))
    with server.open_rest() as rest:
        events = rest.get_events(bucket, start=begin, end=until, limit=limit or None)
    show_records([event.to_json() for event in events], EVENT_COLUMNS, form=form, nothing="There are no such events.")
