"""``pulseline export``: one bucket or all of them in ActivityWatch's JSON, as CSV, or as a JSON object a line."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from pulseline_client.commands.human import parse_range
from pulseline_client.commands.output import Form, json_option, open_console, show_json
from pulseline_client.commands.server import Server, server_options
from pulseline_core.data_folder import map_os_error
from pulseline_core.errors import BadInput, ExitCode
from pulseline_core.help_text import CLIENT_CODES, build_epilog

#: The file name that means standard output, by custom.
_STANDARD_OUTPUT: Final = Path("-")

#: What the server can write.
_FORMATS: Final = ("json", "csv", "ndjson")


@click.command(
    "export",
    short_help="Write one bucket, or all, as JSON or CSV.",
    epilog=build_epilog(
        "pulseline export -o everything.json",
        "pulseline export demo-plug | gzip > demo-plug.json.gz",
        "pulseline export --format csv --start yesterday -o days.csv",
        codes=(*CLIENT_CODES, ExitCode.NOT_PERMITTED, ExitCode.DISK_FULL, ExitCode.NOT_FOUND),
    ),
)
@click.argument("bucket", required=False)
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write this file.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(_FORMATS),
    default="json",
    metavar="json|csv|ndjson",
    help="The form; json without it.",
)
@click.option("--start", metavar="TIME", help="Only what lasted beyond this time.")
@click.option("--end", "--stop", "end", metavar="TIME", help="Only what began before this time.")
@server_options
@json_option
def command(
    *,
    bucket: str | None,
    output: Path | None,
    file_format: str,
    start: str | None,
    end: str | None,
    server: Server,
    form: Form,
) -> None:
    """Write BUCKET, or every bucket, with all events, newest first.

    As json it is one document that ActivityWatch can import; as csv a row an event with a column for each key of the
    data; as ndjson a JSON object a line. In csv a text that a spreadsheet would run as a formula begins with '.

    A TIME is 'now', 'today', 'yesterday', a weekday (the last one), a date, or a date and time; without an offset it is
    local. Events are cut to the range.

    Without --output it goes to standard output. A FILE appears when it is complete, readable by its owner alone; what
    was there before stays until then. With --json and --output: the file's name and size.
    """
    begin, until = parse_range(start, end, now=datetime.now(UTC))
    with server.open_rest() as rest:
        chunks = rest.iter_export(bucket, form=file_format, start=begin, end=until)
        if output is None or output == _STANDARD_OUTPUT:
            _write(chunks, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with _open_whole(output) as file:
            size_bytes = _write(_show_progress(chunks), file)
    if form is Form.JSON:
        show_json({"file": str(output), "size_bytes": size_bytes})
    else:
        click.echo(f"{output}: {size_bytes} bytes", err=True)


def _write(chunks: Iterable[bytes], file: IO[bytes]) -> int:
    return sum(file.write(chunk) for chunk in chunks)


def _show_progress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass the chunks on and, on a terminal, show how many bytes there were; nobody knows how many will come."""
    console = open_console(sys.stderr)
    columns = (TextColumn("exporting"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        for chunk in chunks:
            progress.advance(task, len(chunk))
            yield chunk


@contextmanager
def _open_whole(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that becomes ``path`` when all went well, synced to disk, and vanishes otherwise.

    Raises:
        BadInput: it is a folder, or lies in one that does not exist.
        NotPermitted: the folder can not be written.
        DiskFull: no space is left.
    """
    try:
        _check_place(path)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            draft = Path(file.name)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                draft.replace(path)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise map_os_error(error, path) from error


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise BadInput(f"{str(path)!r} is a folder", hint="name a file")
    if not path.parent.is_dir():
        raise BadInput(f"folder {str(path.parent)!r} does not exist")
