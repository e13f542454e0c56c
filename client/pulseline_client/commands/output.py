"""What commands print: a table on a terminal, tab-separated lines in a pipe, JSON where it is asked for.

The three forms of one answer are made of the same records (JSON objects) and the same columns. Lines are for other
programs: no head, full precision, a tab between fields; a tab or line end within a field is escaped as in Python.
What comes from devices is shown, never obeyed: control characters are escaped in all forms.
"""

from __future__ import annotations

import codecs
import functools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import IO, Any, Final, Literal, TypeVar

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pulseline_client.commands.human import escape
from pulseline_core.types import JSONObject, JSONValue

_Command = TypeVar("_Command", bound=Callable[..., object])

#: Below this width of a terminal a table is laid out as for this width and cut off by the terminal.
_MINIMUM_WIDTH: Final = 40

#: Spaces between two columns of a table, and the narrowest that one gets.
_GAP: Final = 2
_MINIMUM_CELL: Final = 10

#: The narrowest that a column gets for the sake of one that stays whole: a hint of what is there.
_MINIMUM_HINT: Final = 6


class Form(Enum):
    """How an answer is written."""

    TABLE = "table"  #: For people: aligned, cut to the width of the terminal.
    LINES = "lines"  #: For programs: tab-separated.
    JSON = "json"  #: For programs: one document, or one object a line where the answer does not end.


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table, one field of a line.

    Attributes:
        title: its head in the table.
        cell: what people see of a record.
        field: what programs get of it; ``None`` is the same as ``cell``.
        is_number: align right, and never cut.
        is_wrapped: what does not fit goes on in the next line instead of being cut.
        is_whole: cut only where the others can give no more: a name that people type, a time.
        limit: the most characters that it takes of a table's row; ``None`` is the space that the others leave.
    """

    title: str
    cell: Callable[[JSONObject], str]
    field: Callable[[JSONObject], str] | None = None
    is_number: bool = False
    is_wrapped: bool = False
    is_whole: bool = False
    limit: int | None = 26


def choose_form(*, is_json: bool) -> Form:
    """Return the form for standard output as it is."""
    if is_json:
        return Form.JSON
    return Form.TABLE if sys.stdout.isatty() else Form.LINES


def json_option(command: _Command) -> _Command:
    """Give a click command the flag ``--json``, and the form of its output as its argument ``form``."""

    @functools.wraps(command)
    def run(*args: Any, is_json: bool, **kwargs: Any) -> object:
        return command(*args, form=choose_form(is_json=is_json), **kwargs)

    return click.option("--json", "is_json", is_flag=True, help="Print JSON, for programs.")(run)  # type: ignore[return-value]  # click's decorators keep the function


def show_records(records: Sequence[JSONObject], columns: Sequence[Column], *, form: Form, nothing: str) -> None:
    """Print an answer that is a list.

    Args:
        records: its items; in the JSON form they are the answer as they are.
        columns: what to show of each.
        form: how.
        nothing: the sentence for people when there are none.
    """
    match form:
        case Form.JSON:
            show_json(list(records))
        case Form.LINES:
            for record in records:
                click.echo(build_line(record, columns))
        case Form.TABLE if not records:
            click.echo(nothing, err=True)
        case Form.TABLE:
            console = open_console()
            console.print(_build_table(records, columns, width=console.width))


def show_json(value: JSONValue) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=not takes_unicode(), indent=2, allow_nan=False))


def show_json_line(value: JSONValue) -> None:
    """Print one JSON object on one line, at once."""
    click.echo(json.dumps(value, ensure_ascii=not takes_unicode(), separators=(",", ":"), allow_nan=False))


def takes_unicode() -> bool:
    """Return whether every character can be written to standard output."""
    return codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf")


def cut(text: str, width: int) -> str:
    """Return text that takes at most so many columns, with an ellipsis where something is missing."""
    if cell_len(text) <= width:
        return text
    ellipsis = "…" if takes_unicode() else "..."
    return set_cell_size(text, max(0, width - len(ellipsis))).rstrip() + ellipsis[:width]


def build_line(record: JSONObject, columns: Iterable[Column]) -> str:
    """Return a record as tab-separated fields."""
    return "\t".join(escape((column.field or column.cell)(record)) for column in columns)


def _build_table(records: Sequence[JSONObject], columns: Sequence[Column], *, width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    cells = [[escape(column.cell(record)) for record in records] for column in columns]
    widths = _lay_out(columns, cells, width=width)
    for column, column_width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(
            column.title, justify=justify, no_wrap=not column.is_wrapped, overflow="fold", width=column_width
        )
    for row in zip(*cells, strict=True):
        fields = zip(columns, widths, row, strict=True)
        table.add_row(*(Text(text if column.is_wrapped else cut(text, limit)) for column, limit, text in fields))
    return table


def _lay_out(columns: Sequence[Column], cells: Sequence[Sequence[str]], *, width: int) -> list[int]:
    """Return the width of each column: what it needs up to its limit, and for those without one what is left.

    Where that is too much for a narrow terminal, the widest texts give way, first those that need not stay whole.
    """
    needed = [max([len(column.title), *map(cell_len, texts)]) for column, texts in zip(columns, cells, strict=True)]
    limited = [
        None if column.limit is None else min(column.limit, need) for column, need in zip(columns, needed, strict=True)
    ]
    left = width - _GAP * (len(columns) - 1) - sum(each for each in limited if each is not None)
    widths = [
        min(need, max(left, _MINIMUM_CELL)) if each is None else each
        for each, need in zip(limited, needed, strict=True)
    ]
    texts = [place for place, column in enumerate(columns) if not column.is_number]
    for _ in range(sum(widths) + _GAP * (len(columns) - 1) - width):
        giving = [place for place in texts if not columns[place].is_whole and widths[place] > _MINIMUM_HINT]
        widths[max(giving or texts, key=widths.__getitem__)] -= 1
    return widths


def open_console(stream: IO[str] | None = None) -> Console:
    """Return a console on standard output, or on the stream, that prints text as it is."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    console.width = max(console.width, _MINIMUM_WIDTH)
    return console
