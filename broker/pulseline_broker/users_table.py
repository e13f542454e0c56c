"""How ``pulseline users list`` shows users: a table on a terminal, tab-separated lines in a pipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pulseline_broker.users import User

#: Below this width a table is cut off by the terminal, as those of the other commands.
_MINIMUM_WIDTH: Final = 40


def build_line(user: User) -> str:
    """Return a user as tab-separated fields: name, role, and the filters of both rights."""
    rights = user.rights
    return f"{user.name}\t{_get_role(user)}\tpublish {' '.join(rights.publish)}\tsubscribe {' '.join(rights.subscribe)}"


def show_table(users: Iterable[User], *, width: int | None = None) -> None:
    """Print users under a head, each filter on a line of its own.

    Args:
        users: in the order to show.
        width: of the terminal, ``None`` is the real one.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("NAME", "ROLE", "PUBLISH", "SUBSCRIBE"):
        table.add_column(title, overflow="fold", no_wrap=title == "ROLE")
    for user in users:
        filters = (Text("\n".join(each)) for each in (user.rights.publish, user.rights.subscribe))
        table.add_row(Text(user.name), _get_role(user), *filters)
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    console.width = max(console.width, _MINIMUM_WIDTH)
    console.print(table)


def _get_role(user: User) -> str:
    return "admin" if user.rights.admin else "user"
