"""``pulseline query``: what a query answers, over a range of time."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from pulseline_client.commands.output import Form, json_option
from pulseline_client.commands.period import parse_period, period_options
from pulseline_client.commands.query_place import show_place, show_warning
from pulseline_client.commands.query_result import show_csv, show_result
from pulseline_client.commands.server import Server, server_options
from pulseline_client.query_refused import QueryRefused
from pulseline_core.data_folder import map_os_error
from pulseline_core.errors import BadInput, ExitCode, NotFound
from pulseline_core.help_text import CLIENT_CODES, build_epilog

#: The file name that means standard input, by custom.
_STANDARD_INPUT: Final = "-"


@click.command(
    "query",
    short_help="Run a query over a range of time.",
    epilog=build_epilog(
        "pulseline query apps.txt --start yesterday --stop today",
        "pulseline query apps.txt --start 2026-11-01 --csv > apps.csv",
        "echo 'RETURN = query_bucket(\"demo-plug\");' | pulseline query -",
        codes=(*CLIENT_CODES, ExitCode.NOT_PERMITTED, ExitCode.NOT_FOUND),
    ),
)
@click.argument("file")
@period_options
@click.option("--name", metavar="TEXT", help="The query's variable NAME.")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Rows of a table; 0 is all.")
@click.option("--csv", "is_csv", is_flag=True, help="Print CSV, for spreadsheets.")
@server_options
@json_option
def command(  # noqa: PLR0913  one for each flag
    *, file: str, start: str, stop: str, name: str | None, limit: int, is_csv: bool, server: Server, form: Form
) -> None:
    """Run the query in FILE, or from standard input for -, and show its result.

    Without --start and --stop it is about today, up to now. A TIME is 'now', 'today', 'yesterday', a weekday (the last
    one), a date (its first moment), or a date and time; without an offset it is local. Events are cut to the range.

    In a pipe: a list of events as start, duration in seconds and data as JSON, separated by tabs; any other result as
    JSON. With --csv a list of events is a row an event, with a column for each key of the data. What is wrong with a
    query is told with its place; what it prints goes to standard error.
    """
    if is_csv and form is Form.JSON:
        raise click.UsageError("--csv and --json exclude each other")
    period = parse_period(start, stop, now=datetime.now(UTC))
    query = _read_query(file)
    with server.open_rest() as rest:
        try:
            (result,) = rest.query(query, [period], name=name, warn=show_warning)
        except QueryRefused as error:
            show_place(query, error)
            raise
    if is_csv:
        show_csv(result)
    else:
        show_result(result, form=form, limit=limit)


def _read_query(name: str) -> str:
    path = Path(name)
    try:
        read = sys.stdin.buffer.read() if name == _STANDARD_INPUT else path.read_bytes()
        return read.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound("file", name) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"file {name!r} is not UTF-8") from error
    except OSError as error:
        raise map_os_error(error, path) from error
