"""``pulseline heartbeat``: say that something holds, from a shell or a cron job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import click

from pulseline_client.commands.event_columns import EVENT_COLUMNS
from pulseline_client.commands.human import parse_data, parse_instant
from pulseline_client.commands.output import Form, json_option, show_json, show_records
from pulseline_client.commands.server import Server, server_options
from pulseline_core.errors import ReplyTimeout
from pulseline_core.event import Event, parse_duration
from pulseline_core.help_text import WRITER_CODES, build_epilog

#: How long --queued gives a server that is there to take the heartbeat at once.
_QUEUED_FLUSH_S: Final = 1.0


@click.command(
    "heartbeat",
    short_help="Send one heartbeat, and show the event it became.",
    epilog=build_epilog(
        "pulseline heartbeat backup state=running host=nas",
        "pulseline heartbeat plug ON",
        """pulseline heartbeat desk '{"height": 72.5}' --pulsetime 600""",
        codes=WRITER_CODES,
    ),
)
@click.argument("bucket")
@click.argument("data", nargs=-1)
@click.option("--timestamp", metavar="TIME", help="When it held: a date and time; else now.")
@click.option(
    "--duration", type=click.FloatRange(min=0), metavar="SECONDS", default=0.0, help="How long it held; else 0."
)
@click.option(
    "--pulsetime", type=click.FloatRange(min=0), metavar="SECONDS", help="How long it holds on; else the bucket's."
)
@click.option("--queued", is_flag=True, help="Do not wait for the server: keep it, and send it when that is possible.")
@server_options
@json_option
def command(  # noqa: PLR0913  one argument for each flag
    *,
    bucket: str,
    data: tuple[str, ...],
    timestamp: str | None,
    duration: float,
    pulsetime: float | None,
    queued: bool,
    server: Server,
    form: Form,
) -> None:
    """Send a heartbeat to BUCKET, and print the event that it started or made longer.

    DATA is key=value words, one JSON object, or one plain value; it is the event's data itself, with no "data" around
    it, and the pulsetime is a flag. The heartbeat is kept on disk before it is sent; one
    that no server confirms in time is sent by the next 'pulseline heartbeat'.
    """
    now = datetime.now(UTC)
    instant = now if timestamp is None else parse_instant(timestamp, now=now)
    event = Event(timestamp=instant, duration=parse_duration(duration), data=parse_data(data))
    if isinstance(event.data.get("data"), dict):
        click.echo("warning: this stores data with a key 'data'; DATA is what would stand within it", err=True)
    with server.open_client() as client:
        stored = client.heartbeat(bucket, event, pulsetime=pulsetime, queued=queued)
        if stored is None:
            try:
                client.flush(_QUEUED_FLUSH_S)
            except ReplyTimeout as error:
                why = server.explain(error)
                click.echo(f"Kept; the next 'pulseline heartbeat' to this broker sends it ({why}).", err=True)
    shown = (event if stored is None else stored).to_json()
    if form is Form.JSON:
        show_json(shown)
    else:
        show_records([shown], EVENT_COLUMNS, form=form, nothing="")
