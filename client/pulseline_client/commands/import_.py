"""``pulseline import``: what ActivityWatch has stored, or another Pulseline, moves in here."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pulseline_client.commands.human import escape
from pulseline_client.commands.one_server import check_one_server
from pulseline_client.commands.output import Column, Form, cut, json_option, open_console, show_json, show_records
from pulseline_client.commands.server import Server, server_options
from pulseline_client.importing.importer import Importer, Target
from pulseline_client.importing.opening import open_source
from pulseline_client.importing.source import Source
from pulseline_client.importing.tally import Tally, describe_refusal
from pulseline_client.importing.writer_target import WriterTarget
from pulseline_core.errors import BadInput, ExitCode, PulselineError
from pulseline_core.help_text import WRITER_CODES, build_epilog

#: How long the server may take for one batch: a restart, or a disk that is busy.
REPLY_TIMEOUT_S: Final = 60.0

#: Narrower than the default, so that the line fits 80 columns.
_BAR_WIDTH: Final = 24

#: Most of a refused value that is shown.
_EXAMPLE_WIDTH: Final = 200


_COLUMNS: Final = (
    Column(title="BUCKET", cell=lambda record: str(record["id"]), limit=None),
    Column(title="ADDED", cell=lambda record: str(record["added"]), is_number=True),
    Column(title="EXTENDED", cell=lambda record: str(record["extended"]), is_number=True),
    Column(title="UNCHANGED", cell=lambda record: str(record["unchanged"]), is_number=True),
    Column(title="SKIPPED", cell=lambda record: str(record["skipped"]), is_number=True),
)


class Skipped(BadInput):
    """Everything was imported but what can not be."""

    def __init__(self, reasons: Counter[str]) -> None:
        listed = ", ".join(f"{count} for the {reason}" for reason, count in sorted(reasons.items()))
        super().__init__(f"skipped what can not be stored: {listed}", hint="all the rest is imported")
        self.reasons = reasons


@click.command(
    "import",
    short_help="Bring in what ActivityWatch has stored.",
    epilog=build_epilog(
        "pulseline import aw-buckets-export.json",
        "pulseline import ~/.local/share/activitywatch/aw-server",
        "pulseline import http://old-machine:5600",
        codes=(*WRITER_CODES, ExitCode.DISK_FULL, ExitCode.NOT_FOUND),
    ),
)
@click.argument("source", metavar="PATH|URL")
@click.option(
    "--key",
    default="",
    envvar="PULSELINE_IMPORT_KEY",
    metavar="TEXT",
    help="Key of the server to read from, if it asks for one. [PULSELINE_IMPORT_KEY]",
)
@server_options
@json_option
def command(*, source: str, key: str, server: Server, form: Form) -> None:
    """Bring in a JSON export, a database of ActivityWatch, its data folder, or all that a running server has.

    What is read is never changed. Buckets that exist here keep their description and get the events that they lack, so
    that a second run adds nothing, and one that was cut off is completed by the next. Events that can not be stored,
    as those with a negative duration, are skipped and counted; then the exit code is 2.

    PATH may be - for standard input. In a pipe: bucket, and how many events were added, extended,
    unchanged and skipped, separated by tabs.
    """
    with server.open_rest() as rest:
        check_one_server(server, rest)  # says at once when none is there
    with (
        open_source(source, key=key) as opened,
        # What a killed import left in the outbox makes no bucket that was deleted since: it would have no description.
        server.open_client("pulseline-import", timeout_s=REPLY_TIMEOUT_S, creates_buckets=False) as client,
    ):
        tally = _import(opened, WriterTarget(client, client.has_bucket), form)
    if tally.skipped:
        raise Skipped(tally.skipped)


def _import(source: Source, target: Target, form: Form) -> Tally:
    """Import, and report what became of it, also of a part."""
    importer = Importer(target, now=datetime.now(UTC))
    try:
        with _show_progress(source) as tell:
            importer.run(source, tell)
    except PulselineError:
        if importer.tally.buckets or form is Form.JSON:
            _report(importer.tally, form)
        raise
    _report(importer.tally, form)
    return importer.tally


@contextmanager
def _show_progress(source: Source) -> Iterator[Callable[[Tally], None]]:
    """Yield what draws, on a terminal, how much was read and how many events are stored."""
    console = open_console(sys.stderr)
    columns = (
        TextColumn("importing"),
        BarColumn(_BAR_WIDTH),
        TaskProgressColumn(),
        TextColumn("{task.fields[stored]:,} events"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0, stored=0)
        yield lambda tally: progress.update(task, completed=source.fraction, stored=tally.stored)


def _report(tally: Tally, form: Form) -> None:
    if form is Form.JSON:
        show_json(tally.to_json())
        return
    records = [bucket.to_json(bucket_id) for bucket_id, bucket in tally.buckets.items()]
    show_records(records, _COLUMNS, form=form, nothing="There was no bucket to import.")
    for example in tally.examples:
        click.echo(f"skipped {cut(escape(describe_refusal(*example)), _EXAMPLE_WIDTH)}", err=True)
