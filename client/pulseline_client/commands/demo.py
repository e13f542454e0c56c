"""``pulseline demo``: a made-up day, so that there is something to look at.

The day goes through the client library like that of a real watcher: outbox, broker, ingest, store. Every event is a
heartbeat with its time, so that a second run finds everything there already and changes nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pulseline_client.client import Client
from pulseline_client.commands.demo_day import AFK_BUCKET, PLUG_BUCKET, WINDOW_BUCKET, Sample, build_day
from pulseline_client.commands.one_server import check_one_server
from pulseline_client.commands.output import Form, json_option, open_console, show_json
from pulseline_client.commands.server import Server, server_options
from pulseline_core.help_text import WRITER_CODES, build_epilog

#: Each bucket and its type, as ActivityWatch's watchers name them; the plug is a device of its own.
BUCKET_TYPES: Final = {WINDOW_BUCKET: "currentwindow", AFK_BUCKET: "afkstatus", PLUG_BUCKET: "plug"}

#: The day that is shown to whoever names none.
DEFAULT_SEED: Final = 1

#: When the made-up day begins, in local time.
_MORNING: Final = time(8, 30)

#: A day that is younger than this shows too little: yesterday's is shown.
_ENOUGH: Final = timedelta(hours=2)

#: How long the last messages may take to be confirmed.
_FLUSH_TIMEOUT_S: Final = 60.0


@click.command(
    "demo",
    short_help="Publish a made-up day, to have something to look at.",
    epilog=build_epilog("pulseline demo", "pulseline demo --seed 7", codes=WRITER_CODES),
)
@click.option(
    "--seed",
    type=int,
    default=DEFAULT_SEED,
    show_default=True,
    help="Another number is another day, in buckets of its own.",
)
@server_options
@json_option
def command(*, seed: int, server: Server, form: Form) -> None:
    """Publish the windows, presence and coffee of a day: today's up to now, or yesterday's while today is young.

    A second run changes nothing, or adds what has happened since.
    """
    now = datetime.now(UTC)
    samples = [
        replace(sample, bucket_id=name_bucket(sample.bucket_id, seed))
        for sample in build_day(choose_morning(now), now=now, seed=seed)
    ]
    bucket_types = {name_bucket(bucket_id, seed): bucket_type for bucket_id, bucket_type in BUCKET_TYPES.items()}
    with server.open_rest() as rest:
        check_one_server(server, rest)  # says at once when none is there
    with server.open_client() as client:
        for bucket_id, bucket_type in bucket_types.items():
            client.create_bucket(bucket_id, type=bucket_type, client="pulseline-demo", hostname="demo")
        _publish(client, samples)
    _report(samples, tuple(bucket_types), form, server.flags)


def name_bucket(bucket_id: str, seed: int) -> str:
    """Return the name of a bucket of the day of this seed: two days in one bucket would overlap."""
    return bucket_id if seed == DEFAULT_SEED else f"{bucket_id}-{seed}"


def choose_morning(now: datetime) -> datetime:
    """Return when the day to show began, in local time: today, or yesterday where today is too young."""
    here = now.astimezone()
    today = datetime.combine(here.date(), _MORNING).astimezone()
    if now - today >= _ENOUGH:
        return today
    return datetime.combine(here.date() - timedelta(days=1), _MORNING).astimezone()


def _publish(client: Client, samples: Sequence[Sample]) -> None:
    """Send every sample as a heartbeat and wait until all are committed."""
    console = open_console(sys.stderr)
    columns = (TextColumn("publishing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for sample in progress.track(samples):
            client.heartbeat(sample.bucket_id, sample.event, pulsetime=0, queued=True)
        client.flush(_FLUSH_TIMEOUT_S)


def _report(samples: Sequence[Sample], bucket_ids: Sequence[str], form: Form, flags: Sequence[str]) -> None:
    counts = Counter(sample.bucket_id for sample in samples)
    match form:
        case Form.JSON:
            show_json({"buckets": {bucket_id: counts[bucket_id] for bucket_id in bucket_ids}})
        case Form.LINES:
            for bucket_id in bucket_ids:
                click.echo(f"{bucket_id}\t{counts[bucket_id]}")
        case Form.TABLE:
            first = samples[0].event.timestamp.astimezone()
            click.echo(f"Published {len(samples)} events of {first:%A, %d %B}. Look at them:\n")
            report = f"report {bucket_ids[0].rpartition('_')[2]} --start {first:%Y-%m-%d}"
            for command_line in ("buckets", f"events {bucket_ids[0]}", report, "tail"):
                click.echo(f"  {' '.join(['pulseline', command_line, *flags])}")
