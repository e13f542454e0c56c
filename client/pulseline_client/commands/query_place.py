"""What is said of a query beside its result: the line with a mark under what is wrong, and what was passed over."""

from __future__ import annotations

import sys
from typing import Final

import click
from rich.cells import cell_len

from pulseline_client.commands.human import escape
from pulseline_client.commands.output import cut, open_console
from pulseline_client.query_refused import QueryRefused

#: Before what the query itself prints.
_PRINTED: Final = "print: "

#: How much of a long line is shown before the place, in characters.
_BEFORE: Final = 30


def show_place(query: str, error: QueryRefused) -> None:
    """Print the line that the error names to standard error; without one nothing."""
    if error.line is None or error.column is None:
        return
    lines = query.split("\n")
    if not 1 <= error.line <= len(lines):
        return
    for shown in draw_place(lines[error.line - 1], error.line, error.column, width=open_console(sys.stderr).width):
        click.echo(shown, err=True)


def show_warning(warning: str) -> None:
    """Print what the server passed over, or what the query printed, to standard error."""
    click.echo(escape(warning) if warning.startswith(_PRINTED) else f"warning: {escape(warning)}", err=True)


def draw_place(line: str, number: int, column: int, *, width: int) -> tuple[str, str]:
    """Return the line with its number, and a line with a caret under the column.

    Args:
        line: of the query.
        number: the line's.
        column: from 1; the end of the line is one past its last character.
        width: of the terminal, in cells.
    """
    line, place = line.rstrip("\r").replace("\t", " "), max(0, column - 1)
    begin = max(0, place - _BEFORE) if cell_len(line) + len(str(number)) + 5 > width else 0
    head = f"  {number} | "
    before = escape(line[begin:place])
    text = before + escape(line[place:])
    return head + cut(text, width - len(head)), f"{'| ':>{len(head)}}{' ' * cell_len(before)}^"
