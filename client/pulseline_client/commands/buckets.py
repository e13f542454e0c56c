"""``pulseline buckets``: what is stored, the most recent first."""

from __future__ import annotations

from typing import Final

import click

from pulseline_client.commands.event_columns import format_exact_instant_of, format_instant_of, format_text_of
from pulseline_client.commands.output import Column, Form, json_option, show_json, show_records
from pulseline_client.commands.server import Server, server_options
from pulseline_core.bucket import MAX_BUCKET_ID_BYTES
from pulseline_core.help_text import build_epilog
from pulseline_core.types import JSONObject

_COLUMNS: Final = (
    Column(title="BUCKET", cell=lambda bucket: format_text_of(bucket, "id"), is_whole=True, limit=MAX_BUCKET_ID_BYTES),
    Column(title="TYPE", cell=lambda bucket: format_text_of(bucket, "type"), limit=18),
    Column(title="HOST", cell=lambda bucket: format_text_of(bucket, "hostname"), limit=18),
    Column(
        title="LAST EVENT",
        cell=lambda bucket: format_instant_of(bucket, "last_updated"),
        field=lambda bucket: format_exact_instant_of(bucket, "last_updated"),
        is_whole=True,
    ),
)


@click.command(
    "buckets",
    short_help="List the buckets.",
    epilog=build_epilog("pulseline buckets", "pulseline buckets | cut -f 1"),
)
@server_options
@json_option
def command(*, server: Server, form: Form) -> None:
    """List the buckets, the one with the latest event first.

    In a pipe: id, type, host and the end of the latest event, separated by tabs. With --json: the answer of
    /api/0/buckets/, an object by bucket id.
    """
    with server.open_rest() as rest:
        buckets = rest.get_buckets()
    if form is Form.JSON:
        show_json(dict(buckets))
        return
    described = [bucket for bucket in buckets.values() if isinstance(bucket, dict)]
    newest_first = sorted(described, key=_get_last_updated, reverse=True)
    show_records(newest_first, _COLUMNS, form=form, nothing="There are no buckets yet; 'pulseline demo' makes some.")


def _get_last_updated(bucket: JSONObject) -> str:
    return format_text_of(bucket, "last_updated")
